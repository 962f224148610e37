// SPDX-License-Identifier: BSD-2-Clause
/*
 * PLT slots have no symbols of their own. What a slot jumps through is read from its code, and the relocation of that GOT
 * entry says whose slot it is; counting slots would be wrong, as linkers leave some out and order them as they like.
 */
#include <elf.h>
#include <errno.h>
#include <string.h>

#include "formats/bytes.h"
#include "formats/cleanup.h"
#include "record/symtab_file.h"

#define SLOT_RANK UINT8_MAX /* a real symbol wins */
#define SLOT_MAX_SZ 24
#define SLOTS_MAX (1 << 20)
#define RELA_SZ 24
#define CHUNK_RELAS 2048
#define ARM64_HEAD 32 /* the lazy resolver's entry, before the slots */

/* A slot somebody asked for. */
struct slot {
	uint64_t vaddr, got, target; /* target: of an IFUNC without a symbol, its resolver */
	uint32_t sz;
	char *name; /* owned; NULL: not found yet */
};

struct slots {
	const struct elf_file *f;
	struct slot *v; /* owned */
	uint32_t cnt, cap;
	char text[SYMTAB_NAME_MAX]; /* of a name */
};

/* ---- code ---------------------------------------------------------------------------------------------------- */

/* [endbr64] [bnd] jmp *disp(%rip), or the lazy half: [endbr64] push $index, with which *ret_index is not UINT32_MAX. */
static bool decode_x86(const uint8_t *code, size_t sz, uint64_t vaddr, uint64_t *ret_got, uint32_t *ret_index)
{
	static const uint8_t endbr64[] = { 0xf3, 0x0f, 0x1e, 0xfa };
	size_t at = sz >= 4 && !memcmp(code, endbr64, 4) ? 4 : 0;

	if (sz - at >= 5 && code[at] == 0x68) {
		*ret_index = get_le32(code + at + 1);
		return true;
	}
	if (at < sz && code[at] == 0xf2)
		at++;
	if (sz - at < 6 || code[at] != 0xff || code[at + 1] != 0x25)
		return false;
	*ret_got = vaddr + at + 6 + (uint64_t)(int64_t)(int32_t)get_le32(code + at + 2);
	return true;
}

/* adrp x16, page; ldr x17, [x16, #offset] */
static bool decode_arm64(const uint8_t *code, size_t sz, uint64_t vaddr, uint64_t *ret_got)
{
	for (size_t at = 0; at + 8 <= sz; at += 4) {
		uint32_t adrp = get_le32(code + at), ldr = get_le32(code + at + 4);
		uint64_t pages = (adrp >> 3 & 0x1ffffc) | (adrp >> 29 & 3);

		if ((adrp & 0x9f00001f) != 0x90000010 || (ldr & 0xffc003ff) != 0xf9400211)
			continue;
		if (pages & 0x100000)
			pages |= ~0x1fffffULL;
		*ret_got = ((vaddr + at) & ~0xfffULL) + (pages << 12) + (uint64_t)(ldr >> 10 & 0xfff) * 8;
		return true;
	}
	return false;
}

/* The GOT entry of the index-th relocation of .rela.plt. */
static bool got_of_index(const struct elf_file *f, uint32_t index, uint64_t *ret_got)
{
	uint8_t rela[RELA_SZ];

	for (uint32_t i = 0; i < f->section_cnt; i++) {
		const struct elf_section *s = &f->sections[i];

		if (s->type != SHT_RELA || index >= s->size / RELA_SZ || !elf_file_is_named(f, s, ".rela.plt"))
			continue;
		if (s->offset > INT64_MAX || !elf_file_read(f, rela, RELA_SZ, s->offset + (uint64_t)index * RELA_SZ))
			return false;
		*ret_got = get_le64(rela);
		return true;
	}
	return false;
}

static int add_slot(struct slots *all, uint64_t vaddr, uint32_t sz, const uint8_t *code)
{
	struct slot s = { .vaddr = vaddr, .sz = sz };
	uint32_t index = UINT32_MAX;
	bool ok = all->f->machine == EM_X86_64 ? decode_x86(code, sz, vaddr, &s.got, &index) :
						 decode_arm64(code, sz, vaddr, &s.got);

	if (!ok || (index != UINT32_MAX && !got_of_index(all->f, index, &s.got)) || all->cnt >= SLOTS_MAX)
		return 0;
	if (array_grow(&all->v, &all->cap, all->cnt, sizeof(s)))
		return -ENOMEM;
	all->v[all->cnt++] = s;
	return 0;
}

static int find_slots(struct slots *all, const struct elf_section *s, struct walk *w)
{
	bool is_known = s->entsize == 8 || s->entsize == 16 || s->entsize == 24;
	uint64_t step = is_known ? s->entsize : 16, at = all->f->machine == EM_AARCH64 ? ARM64_HEAD : 0;
	uint8_t last;
	int r = 0;

	/* a size that leaves the file is a lie, and would have us ask for slots without end */
	if (!s->size || s->offset > INT64_MAX || s->size > INT64_MAX ||
	    !elf_file_read(all->f, &last, 1, s->offset + s->size - 1))
		return 0;
	for (; !r && at < s->size && at < (uint64_t)SLOTS_MAX * step; at += step) {
		uint32_t sz = (uint32_t)(step < s->size - at ? step : s->size - at);
		uint8_t code[SLOT_MAX_SZ];

		if (!w->wants(w->ctx, s->addr + at, sz))
			continue;
		if (!elf_file_read(all->f, code, sz, s->offset + at))
			break;
		r = add_slot(all, s->addr + at, sz, code);
	}
	return r;
}

/* ---- relocations --------------------------------------------------------------------------------------------- */

static int compare_got(const void *a, const void *b)
{
	const struct slot *x = a, *y = b;

	if (x->got != y->got)
		return x->got < y->got ? -1 : 1;
	return x->vaddr < y->vaddr ? -1 : x->vaddr > y->vaddr;
}

static struct slot *first_slot(struct slots *all, uint64_t got)
{
	uint32_t lo = 0, hi = all->cnt;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (all->v[mid].got < got)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < all->cnt && all->v[lo].got == got ? &all->v[lo] : NULL;
}

/* "name@plt", without a version. */
static int name_slot(struct slot *s, const char *name)
{
	if (s->name || !*name || *name == '@')
		return 0;
	return asprintf(&s->name, "%.*s@plt", (int)strcspn(name, "@"), name) < 0 ? -ENOMEM : 0;
}

/* The name of symbol number i of the table a relocation section is linked to. */
static bool read_symbol_name(struct slots *all, const struct elf_section *rela, uint32_t i)
{
	const struct elf_section *t = elf_file_section(all->f, rela->link, SHT_DYNSYM);
	const struct elf_section *strs = t ? elf_file_section(all->f, t->link, SHT_STRTAB) : NULL;
	size_t sz = symtab_file_symbol_sz(all->f);
	struct raw_symbol sym;
	uint8_t raw[24];

	if (!i || !strs || i >= t->size / sz || t->offset > INT64_MAX ||
	    !elf_file_read(all->f, raw, sz, t->offset + (uint64_t)i * sz))
		return false;
	symtab_file_symbol(all->f, raw, &sym);
	return elf_file_string(all->f, strs, sym.name, all->text);
}

static bool is_irelative(const struct elf_file *f, uint32_t type)
{
	return type == (f->machine == EM_X86_64 ? (uint32_t)R_X86_64_IRELATIVE : (uint32_t)R_AARCH64_IRELATIVE);
}

static int take_rela(struct slots *all, const struct elf_section *rela, const uint8_t *p)
{
	uint64_t got = get_le64(p), info = get_le64(p + 8);
	struct slot *s = first_slot(all, got);
	int r = 0;

	if (!s)
		return 0;
	if (!read_symbol_name(all, rela, (uint32_t)(info >> 32)))
		all->text[0] = '\0';
	for (; !r && s < all->v + all->cnt && s->got == got; s++) {
		if (*all->text)
			r = name_slot(s, all->text);
		else if (is_irelative(all->f, (uint32_t)info))
			s->target = get_le64(p + 16);
	}
	return r;
}

static int walk_relas(struct slots *all, const struct elf_section *rela)
{
	_cleanup_free_ uint8_t *buf = malloc(CHUNK_RELAS * RELA_SZ);
	int r = 0;

	if (!buf)
		return -ENOMEM;
	if (rela->offset > INT64_MAX || rela->size > INT64_MAX)
		return 0;
	for (uint64_t at = 0; !r && at + RELA_SZ <= rela->size;) {
		uint64_t left = rela->size - at, want = CHUNK_RELAS * RELA_SZ;
		ssize_t n = elf_source_read(all->f->src, buf, (size_t)(want < left ? want : left), rela->offset + at);

		if (n < RELA_SZ)
			break;
		for (size_t i = 0; !r && i + RELA_SZ <= (size_t)n; i += RELA_SZ)
			r = take_rela(all, rela, buf + i);
		at += (uint64_t)n / RELA_SZ * RELA_SZ;
	}
	return r;
}

/* ---- IFUNCs of the file itself: the relocation names no symbol, but the resolver has one ----------------------- */

static bool wants_target(void *ctx, uint64_t vaddr, uint64_t size)
{
	const struct slots *all = ctx;

	for (uint32_t i = 0; vaddr && i < all->cnt; i++)
		if (all->v[i].target == vaddr && !all->v[i].name)
			return true;
	return false;
}

static int visit_target(void *ctx, const struct candidate *c)
{
	struct slots *all = ctx;
	int r = 0;

	for (uint32_t i = 0; !r && i < all->cnt; i++)
		if (all->v[i].target == c->vaddr)
			r = name_slot(&all->v[i], c->name); /* the first one stays */
	return r;
}

static int name_targets(struct slots *all)
{
	struct walk w = { .wants = wants_target, .visit = visit_target, .ctx = all };
	bool has_any = false;

	for (uint32_t i = 0; i < all->cnt; i++)
		has_any |= all->v[i].target && !all->v[i].name;
	return has_any ? symtab_file_walk(all->f, SYMBOL_SYMTAB, &w) : 0;
}

static int name_slots(struct slots *all)
{
	const struct elf_file *f = all->f;
	int r = 0;

	qsort(all->v, all->cnt, sizeof(*all->v), compare_got);
	for (uint32_t i = 0; !r && i < f->section_cnt; i++)
		if (f->sections[i].type == SHT_RELA && (f->sections[i].flags & SHF_ALLOC))
			r = walk_relas(all, &f->sections[i]);
	return r ? r : name_targets(all);
}

int symtab_plt_walk(const struct elf_file *f, struct walk *w)
{
	struct slots all = { .f = f };
	int r = 0;

	if (!f->is_64 || (f->machine != EM_X86_64 && f->machine != EM_AARCH64))
		return 0;
	for (uint32_t i = 0; !r && i < f->section_cnt; i++) {
		const struct elf_section *s = &f->sections[i];

		if (s->type == SHT_PROGBITS && (s->flags & SHF_EXECINSTR) && elf_file_is_named(f, s, ".plt"))
			r = find_slots(&all, s, w);
	}
	if (!r && all.cnt)
		r = name_slots(&all);
	for (uint32_t i = 0; i < all.cnt; i++) {
		struct candidate c = { all.v[i].vaddr, all.v[i].sz, SLOT_RANK, SYMBOL_PLT, all.v[i].name };

		if (!r && c.name)
			r = w->visit(w->ctx, &c);
		free(all.v[i].name);
	}
	free(all.v);
	return r;
}
