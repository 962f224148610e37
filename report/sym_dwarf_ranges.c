// SPDX-License-Identifier: BSD-2-Clause
#include <dwarf.h>

#include "report/sym_dwarf.h"

/* Address `index` of .debug_addr, where the skeleton's is for a split unit. */
static uint64_t indexed_addr(struct sym_unit *u, uint64_t index, struct sym_cursor *c)
{
	const struct sym_unit *owner = u->skeleton ?: u;
	struct sym_cursor t =
		sym_cursor_at(owner->dwarf->sections[SYM_DEBUG_ADDR], owner->addr_base);
	uint64_t v;

	if (index > UINT32_MAX || !sym_cursor_skip(&t, index * u->addr_sz)) {
		c->failed = true;
		return 0;
	}
	v = sym_cursor_uint(&t, u->addr_sz);
	c->failed |= t.failed;
	return v;
}

static uint64_t base_address(const struct sym_unit *u)
{
	return u->skeleton ? u->skeleton->low_pc : u->low_pc;
}

/* .debug_ranges, DWARF 2 to 4. */
static bool old_ranges(const struct sym_die *die, sym_range_fn fn, void *ctx)
{
	const struct sym_unit *u = die->unit, *owner = u->skeleton ?: u;
	struct sym_cursor c = sym_cursor_at(owner->dwarf->sections[SYM_DEBUG_RANGES],
					    die->ranges + (u->skeleton ? owner->ranges_base : 0));
	uint64_t base = base_address(u), max = u->addr_sz == 8 ? UINT64_MAX : UINT32_MAX;

	for (;;) {
		uint64_t lo = sym_cursor_uint(&c, u->addr_sz), hi = sym_cursor_uint(&c, u->addr_sz);

		if (c.failed || (!lo && !hi))
			return true;
		if (lo == max)
			base = hi;
		else if (lo < hi && !fn(ctx, base + lo, base + hi))
			return false;
	}
}

/* .debug_rnglists, DWARF 5. */
static bool new_ranges(const struct sym_die *die, sym_range_fn fn, void *ctx)
{
	struct sym_unit *u = die->unit;
	struct sym_cursor c = sym_cursor_at(u->dwarf->sections[SYM_DEBUG_RNGLISTS], die->ranges);
	uint64_t base = base_address(u), lo, hi;

	for (;;) {
		switch (sym_cursor_uint(&c, 1)) {
		case DW_RLE_base_addressx:
			base = indexed_addr(u, sym_cursor_uleb(&c), &c);
			continue;
		case DW_RLE_startx_endx:
			lo = indexed_addr(u, sym_cursor_uleb(&c), &c);
			hi = indexed_addr(u, sym_cursor_uleb(&c), &c);
			break;
		case DW_RLE_startx_length:
			lo = indexed_addr(u, sym_cursor_uleb(&c), &c);
			hi = lo + sym_cursor_uleb(&c);
			break;
		case DW_RLE_offset_pair:
			lo = base + sym_cursor_uleb(&c);
			hi = base + sym_cursor_uleb(&c);
			break;
		case DW_RLE_base_address:
			base = sym_cursor_uint(&c, u->addr_sz);
			continue;
		case DW_RLE_start_end:
			lo = sym_cursor_uint(&c, u->addr_sz);
			hi = sym_cursor_uint(&c, u->addr_sz);
			break;
		case DW_RLE_start_length:
			lo = sym_cursor_uint(&c, u->addr_sz);
			hi = lo + sym_cursor_uleb(&c);
			break;
		default: /* DW_RLE_end_of_list, unknown, or past the end */
			return true;
		}
		if (c.failed)
			return true;
		if (lo < hi && !fn(ctx, lo, hi))
			return false;
	}
}

bool sym_die_ranges(const struct sym_die *die, sym_range_fn fn, void *ctx)
{
	if (die->has_low && die->has_high)
		return die->low_pc >= die->high_pc || fn(ctx, die->low_pc, die->high_pc);
	if (!die->has_ranges)
		return true;
	return die->unit->version >= 5 ? new_ranges(die, fn, ctx) : old_ranges(die, fn, ctx);
}
