// SPDX-License-Identifier: BSD-2-Clause
#include "record/eh_frame.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "formats/cleanup.h"
#include "record/unwind_rules.h"

#define ROWS_MAX (64u << 20) /* raw rows of one module: 512 MiB of temporary memory is too much already */
#define CIE_CACHE 64	     /* power of two; real modules have one to three, a whole libjvm seven */
#define AUGMENTATION_MAX 8

enum { DW_EH_PE_ABSPTR = 0x00, DW_EH_PE_ULEB = 0x01, DW_EH_PE_UDATA2 = 0x02, DW_EH_PE_UDATA4 = 0x03, DW_EH_PE_UDATA8 = 0x04,
       DW_EH_PE_SLEB = 0x09, DW_EH_PE_SDATA2 = 0x0a, DW_EH_PE_SDATA4 = 0x0b, DW_EH_PE_SDATA8 = 0x0c, DW_EH_PE_PCREL = 0x10,
       DW_EH_PE_OMIT = 0xff };

/* Code [start, end), in file offsets, and its raw rows. */
struct fde {
	uint32_t start, end;
	uint32_t row, row_cnt;
	uint32_t order; /* as read: the first of equals is kept, and .eh_frame is read before .debug_frame */
};

struct cie_slot {
	uint64_t pos; /* of the CIE in its section, + 1; 0: empty */
	bool is_bad;
	struct cfi_cie cie;
};

struct compiler {
	const struct unwind_elf *elf;
	const struct unwind_section *sec;
	struct cie_slot cies[CIE_CACHE];
	struct rule_set rules;
	struct expr_set exprs;
	struct unwind_row *raw; /* owned */
	size_t raw_cnt, raw_cap;
	struct fde *fdes; /* owned */
	size_t fde_cnt, fde_cap;
	uint64_t budget;  /* CFI instructions that may still run: a hostile file buys no more time than its size */
	uint32_t read_cnt, bad_cnt;
	bool is_cut;
	/* the FDE at hand */
	const struct cfi_cie *cie;
	struct fde fde;
	uint64_t vaddr; /* of fde.start */
};

/* Make room for one more element. */
static int grow(void *array, size_t cnt, size_t *cap, size_t elem_sz)
{
	size_t want = *cap ? *cap * 2 : 1024;
	void *p;

	if (cnt < *cap)
		return 0;
	if (want > ROWS_MAX)
		return -E2BIG;
	p = realloc(*(void **)array, want * elem_sz);
	if (!p)
		return -ENOMEM;
	*(void **)array = p;
	*cap = want;
	return 0;
}

static uint64_t read_encoded(struct compiler *k, struct dwarf_cursor *c, uint8_t enc)
{
	uint64_t at = k->sec->vaddr + (c->p - k->sec->data), v;

	switch (enc & 0x0f) {
	case DW_EH_PE_ABSPTR:
	case DW_EH_PE_UDATA8:
	case DW_EH_PE_SDATA8:
		v = dwarf_le(c, 8);
		break;
	case DW_EH_PE_UDATA4:
		v = dwarf_le(c, 4);
		break;
	case DW_EH_PE_SDATA4:
		v = (int64_t)(int32_t)dwarf_le(c, 4);
		break;
	case DW_EH_PE_UDATA2:
		v = dwarf_le(c, 2);
		break;
	case DW_EH_PE_SDATA2:
		v = (int64_t)(int16_t)dwarf_le(c, 2);
		break;
	case DW_EH_PE_ULEB:
		v = dwarf_uleb(c);
		break;
	case DW_EH_PE_SLEB:
		v = dwarf_sleb(c);
		break;
	default:
		c->bad = true;
		return 0;
	}
	if ((enc & 0xf0) == DW_EH_PE_PCREL)
		return v + at;
	if (enc & 0xf0)
		c->bad = true; /* data-relative or indirect: no compiler writes code addresses so */
	return v;
}

/* The data that a 'z' augmentation announces: which encodings, whether a signal frame. */
static void read_augmentation(struct compiler *k, struct dwarf_cursor *c, const char *aug, struct cfi_cie *cie)
{
	uint64_t sz = dwarf_uleb(c);
	const uint8_t *p = dwarf_take(c, sz);
	struct dwarf_cursor a = { .p = p, .end = p + (p ? sz : 0), .bad = !p };

	cie->has_aug_data = true;
	for (aug++; *aug && !a.bad; aug++) {
		uint8_t enc;

		switch (*aug) {
		case 'R':
			cie->fde_enc = dwarf_u8(&a);
			break;
		case 'P':
			enc = dwarf_u8(&a);
			if (enc != DW_EH_PE_OMIT)
				(void)read_encoded(k, &a, enc & 0x0f);
			break;
		case 'L':
			(void)dwarf_u8(&a);
			break;
		case 'S':
			cie->is_signal = true;
			break;
		default:
			return; /* later letters cannot be placed, but the length has led past them */
		}
	}
	c->bad |= a.bad;
}

/* The content of a CIE after its id. */
static int parse_cie(struct compiler *k, struct dwarf_cursor *c, struct cfi_cie *cie)
{
	char aug[AUGMENTATION_MAX + 1] = "";
	uint8_t version = dwarf_u8(c);
	unsigned int n = 0;

	cie->section = k->sec->data;
	while (n < AUGMENTATION_MAX && (aug[n] = dwarf_u8(c)))
		n++;
	if ((version != 1 && version != 3 && version != 4) || aug[n])
		return -EBADMSG;
	if (version == 4 && dwarf_le(c, 2) != 8) /* address size 8, segment selector size 0 */
		return -EBADMSG;
	cie->code_align = dwarf_uleb(c);
	cie->data_align = dwarf_sleb(c);
	if ((version == 1 ? dwarf_u8(c) : dwarf_uleb(c)) != DWARF_RIP)
		return -EBADMSG;
	if (aug[0] == 'z')
		read_augmentation(k, c, aug, cie);
	else if (aug[0])
		return -EBADMSG;
	cie->is_go = k->sec->is_debug_frame && cie->data_align == -4; /* no other compiler's: words are of 8 bytes */
	return c->bad ? -EBADMSG : cfi_run_initial(cie, c, &k->budget);
}

/*
 * The record at *c: its content, past the length and without the id, which is *ret_id at position *ret_id_pos.
 * Returns 1, 0 for a terminator, or -EBADMSG when it does not fit the section.
 */
static int read_record(struct compiler *k, struct dwarf_cursor *c, struct dwarf_cursor *ret, uint64_t *ret_id, uint64_t *ret_id_pos)
{
	uint64_t len = dwarf_le(c, 4);
	unsigned int id_sz = 4;
	const uint8_t *p;

	if (len == 0xffffffff) {
		len = dwarf_le(c, 8);
		id_sz = k->sec->is_debug_frame ? 8 : 4;
	}
	if (c->bad)
		return -EBADMSG;
	if (!len)
		return 0;
	p = dwarf_take(c, len);
	if (!p)
		return -EBADMSG;
	*ret = (struct dwarf_cursor){ .p = p, .end = p + len };
	*ret_id_pos = p - k->sec->data;
	*ret_id = dwarf_le(ret, id_sz);
	if (id_sz == 4 && k->sec->is_debug_frame && *ret_id == 0xffffffff)
		*ret_id = UINT64_MAX;
	return 1;
}

static bool is_cie_id(const struct compiler *k, uint64_t id)
{
	return k->sec->is_debug_frame ? id == UINT64_MAX : id == 0;
}

/* The CIE at a position of the section, parsed once; NULL when it is none that can be used. */
static const struct cfi_cie *find_cie(struct compiler *k, uint64_t pos)
{
	struct cie_slot *slot = &k->cies[(pos >> 2) % CIE_CACHE];
	struct dwarf_cursor c, body;
	uint64_t id, id_pos;

	if (slot->pos == pos + 1)
		return slot->is_bad ? NULL : &slot->cie;
	if (pos >= k->sec->sz)
		return NULL;
	memset(slot, 0, sizeof(*slot));
	slot->pos = pos + 1;
	slot->is_bad = true;
	c = (struct dwarf_cursor){ .p = k->sec->data + pos, .end = k->sec->data + k->sec->sz };
	if (read_record(k, &c, &body, &id, &id_pos) != 1 || !is_cie_id(k, id) || parse_cie(k, &body, &slot->cie))
		return NULL;
	slot->is_bad = false;
	return &slot->cie;
}

static int add_row(void *ctx, uint64_t loc, const struct cfi_row *row)
{
	struct compiler *k = ctx;
	uint64_t delta = loc - k->vaddr;
	struct unwind_rule rule;
	int err;

	if (delta >= k->fde.end - k->fde.start)
		return 0; /* past the FDE's range: says nothing about anybody's code */
	err = grow(&k->raw, k->raw_cnt, &k->raw_cap, sizeof(*k->raw));
	if (err)
		return err;
	k->raw[k->raw_cnt].off = k->fde.start + delta;
	err = cfi_rule(row, k->cie, &k->exprs, &rule);
	if (!err)
		err = rule_set_add(&k->rules, &rule, &k->raw[k->raw_cnt].rule);
	if (!err)
		k->raw_cnt++;
	return err;
}

/* Start and end of the FDE's code, as file offsets. Returns whether it is code of this file below 4 GiB. */
static bool place_fde(struct compiler *k, uint64_t vaddr, uint64_t sz)
{
	uint64_t off = unwind_elf_offset(k->elf, vaddr, &sz);

	if (!sz || off >= UINT32_MAX || sz > UINT32_MAX - off)
		return false;
	k->vaddr = vaddr;
	k->fde = (struct fde){ .start = off, .end = off + sz, .row = k->raw_cnt, .order = k->fde_cnt };
	return true;
}

/* Returns 0 (read, or left out and counted), -ENOMEM, or -E2BIG when the module has used up what it may cost. */
static int add_fde(struct compiler *k, struct dwarf_cursor *c, uint64_t cie_pos)
{
	uint64_t vaddr, sz;
	int err;

	if (!k->budget)
		return -E2BIG;
	k->read_cnt++;
	k->cie = find_cie(k, cie_pos);
	if (!k->cie)
		goto bad;
	vaddr = read_encoded(k, c, k->cie->fde_enc);
	sz = read_encoded(k, c, k->cie->fde_enc & 0x0f);
	if (k->cie->has_aug_data)
		(void)dwarf_take(c, dwarf_uleb(c));
	if (c->bad || !place_fde(k, vaddr, sz))
		goto bad;
	err = grow(&k->fdes, k->fde_cnt, &k->fde_cap, sizeof(*k->fdes));
	if (!err)
		err = cfi_run(k->cie, c, vaddr, &k->budget, add_row, k);
	if (err == -EBADMSG) {
		k->raw_cnt = k->fde.row;
		goto bad;
	}
	if (err)
		return err;
	k->fde.row_cnt = k->raw_cnt - k->fde.row;
	k->fdes[k->fde_cnt++] = k->fde;
	return 0;
bad:
	k->bad_cnt++;
	return 0;
}

static int read_section(struct compiler *k, const struct unwind_section *sec)
{
	struct dwarf_cursor c = { .p = sec->data, .end = sec->data + sec->sz };

	k->sec = sec;
	k->budget = 16 * sec->sz + 4096;
	memset(k->cies, 0, sizeof(k->cies));
	while (dwarf_left(&c) >= 4) {
		struct dwarf_cursor body;
		uint64_t id, id_pos;
		int r = read_record(k, &c, &body, &id, &id_pos);

		if (!r)
			continue; /* a terminator; linkers also leave some in the middle */
		if (r > 0 && is_cie_id(k, id))
			continue;
		if (r > 0)
			r = add_fde(k, &body, sec->is_debug_frame ? id : id_pos - id);
		if (r == -ENOMEM)
			return r;
		if (r < 0) {
			k->is_cut = true;
			break;
		}
	}
	return 0;
}

static int compare_fdes(const void *a, const void *b)
{
	const struct fde *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

static void sort_fdes(struct compiler *k)
{
	for (size_t i = 1; i < k->fde_cnt; i++) {
		if (compare_fdes(&k->fdes[i - 1], &k->fdes[i]) > 0) {
			qsort(k->fdes, k->fde_cnt, sizeof(*k->fdes), compare_fdes);
			return;
		}
	}
}

/* Room is for every raw row and one end per FDE. */
static void emit(struct unwind_rows *r, uint32_t off, uint32_t rule)
{
	if (r->row_cnt && r->rows[r->row_cnt - 1].off == off)
		r->row_cnt--; /* an end where the next FDE begins */
	if (r->row_cnt ? r->rows[r->row_cnt - 1].rule == rule : !rule)
		return;
	r->rows[r->row_cnt++] = (struct unwind_row){ off, rule };
}

/* FDEs in order of their code; where two claim the same code, the one that starts later, as the C library's search has it. */
static int merge(struct compiler *k, struct unwind_rows *r)
{
	size_t cap = k->raw_cnt + k->fde_cnt + 1;
	struct unwind_row *shrunk;

	sort_fdes(k);
	r->rows = malloc(cap * sizeof(*r->rows));
	if (!r->rows)
		return -ENOMEM;
	for (size_t i = 0, next; i < k->fde_cnt; i = next) {
		const struct fde *f = &k->fdes[i];
		uint32_t end = f->end;

		for (next = i + 1; next < k->fde_cnt && k->fdes[next].start == f->start;)
			next++;
		if (next < k->fde_cnt && k->fdes[next].start < end)
			end = k->fdes[next].start;
		for (uint32_t j = 0; j < f->row_cnt && k->raw[f->row + j].off < end; j++)
			emit(r, k->raw[f->row + j].off, k->raw[f->row + j].rule);
		emit(r, end, 0);
	}
	shrunk = realloc(r->rows, (r->row_cnt + 1) * sizeof(*r->rows));
	if (shrunk)
		r->rows = shrunk;
	return 0;
}

static int compile(struct compiler *k, struct unwind_rows *r, struct err *err)
{
	const struct unwind_rule none = { .cfa = UNWIND_CFA_NONE };
	uint32_t id;
	int e = rule_set_add(&k->rules, &none, &id);

	for (unsigned int i = 0; !e && i < k->elf->section_cnt; i++)
		e = read_section(k, &k->elf->sections[i]);
	if (!e)
		e = merge(k, r);
	if (e)
		return err_code(err, e, "unwind rows");
	r->rules = take_ptr(k->rules.rules);
	r->rule_cnt = k->rules.cnt;
	r->exprs = k->exprs;
	memset(&k->exprs, 0, sizeof(k->exprs));
	r->fde_cnt = k->read_cnt;
	r->bad_fde_cnt = k->bad_cnt;
	r->is_cut = k->is_cut;
	return 0;
}

int eh_frame_compile(const struct unwind_input *in, struct unwind_rows *ret, struct err *err)
{
	_cleanup_free_ struct compiler *k = calloc(1, sizeof(*k));
	struct unwind_rows rows = { .rows = NULL };
	struct unwind_elf elf;
	int e;

	if (!k)
		return err_code(err, -ENOMEM, "unwind rows");
	e = unwind_elf_read(in, &elf, err);
	if (e)
		return e;
	k->elf = &elf;
	e = compile(k, &rows, err);
	if (e)
		unwind_rows_deinit(&rows);
	else
		*ret = rows;
	unwind_elf_deinit(&elf);
	rule_set_deinit(&k->rules);
	expr_set_deinit(&k->exprs);
	free(k->raw);
	free(k->fdes);
	return e;
}

void unwind_rows_deinit(struct unwind_rows *r)
{
	if (!r)
		return;
	free(r->rows);
	free(r->rules);
	expr_set_deinit(&r->exprs);
	memset(r, 0, sizeof(*r));
}

const struct unwind_rule *unwind_rows_find(const struct unwind_rows *r, uint64_t off)
{
	size_t lo = 0, hi = r->row_cnt;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (r->rows[mid].off <= off)
			lo = mid + 1;
		else
			hi = mid;
	}
	return &r->rules[lo ? r->rows[lo - 1].rule : 0];
}
