// SPDX-License-Identifier: BSD-2-Clause
/*
 * PLT slots have no symbols. Each is decoded to the GOT entry it jumps through, and the relocation
 * of that entry names it: linkers order slots and relocations differently, so that counting slots
 * would give wrong names.
 */
#include <errno.h>
#include <gelf.h>
#include <stdio.h>

#include "formats/cleanup.h"
#include "report/sym_elf.h"

#define SLOT_RANK UINT8_MAX /* a real symbol wins */

struct got_name {
	uint64_t got; /* address of the GOT entry */
	uint32_t name;
};

struct plt {
	struct sym_elf *e;
	const struct sym_elf_tables *tables;
	struct sym_builder *b;
	size_t section_names;
	GElf_Half machine;
	SYM_VEC(struct got_name) names; /* sorted by got */
	SYM_VEC(uint32_t)
	lazy;	     /* names in the order of .rela.plt, for slots that push their index */
	bool failed; /* no memory */
};

static int by_got(const void *a, const void *b)
{
	const struct got_name *x = a, *y = b;

	return x->got < y->got ? -1 : x->got > y->got;
}

/* "name@plt" without a symbol version. */
static uint32_t slot_name(struct plt *p, const char *name)
{
	size_t len = strcspn(name, "@");
	_cleanup_free_ char *text = NULL;
	bool ok = true;
	uint32_t id;

	if (!len)
		return 0;
	if (asprintf(&text, "%.*s@plt", len > 8192 ? 8192 : (int)len, name) < 0) {
		text = NULL;
		p->failed = true;
		return 0;
	}
	id = sym_builder_string(p->b, text, &ok);
	p->failed |= !ok;
	return id;
}

static void add_relocations(struct plt *p, Elf_Scn *scn, const GElf_Shdr *sh, bool is_lazy)
{
	Elf *elf = (Elf *)p->e->elf;
	Elf_Data *rels = elf_getdata(scn, NULL), *syms = NULL;
	Elf_Scn *sym_scn = elf_getscn(elf, sh->sh_link);
	size_t n = sh->sh_entsize ? sh->sh_size / sh->sh_entsize : 0;
	GElf_Shdr sym_sh;

	if (sym_scn && gelf_getshdr(sym_scn, &sym_sh) && sym_sh.sh_type == SHT_DYNSYM)
		syms = elf_getdata(sym_scn, NULL);
	for (size_t i = 0; rels && i < n && i < INT32_MAX && !p->failed; i++) {
		struct got_name *g;
		const char *name = "";
		GElf_Rela r;
		GElf_Sym sym;
		uint32_t *lazy;

		if (!gelf_getrela(rels, (int)i, &r))
			break;
		if (syms && GELF_R_SYM(r.r_info) &&
		    gelf_getsym(syms, (int)GELF_R_SYM(r.r_info), &sym))
			name = elf_strptr(elf, sym_sh.sh_link, sym.st_name) ?: "";
		else if (p->machine == EM_X86_64 && GELF_R_TYPE(r.r_info) == R_X86_64_IRELATIVE)
			name = sym_elf_name_at(p->tables, (uint64_t)r.r_addend); /* of its resolver: a local IFUNC has no symbol here */
		if (!is_lazy && !*name)
			continue;
		g = sym_vec_push(&p->names);
		lazy = is_lazy ? sym_vec_push(&p->lazy) : NULL;
		if (!g || (is_lazy && !lazy)) {
			p->failed = true;
			return;
		}
		*g = (struct got_name){r.r_offset, *name ? slot_name(p, name) : 0};
		if (lazy)
			*lazy = g->name;
	}
}

/* Where an x86-64 slot jumps through: [bnd] jmp *disp32(%rip), perhaps after endbr64; or its lazy
 * index. */
static bool decode_x86(const uint8_t *s, size_t sz, uint64_t addr, uint64_t *ret_got,
		       int64_t *ret_index)
{
	size_t at = 0;

	*ret_index = -1;
	if (sz >= 4 && !memcmp(s, "\xf3\x0f\x1e\xfa", 4))
		at = 4;
	if (at + 5 <= sz && s[at] == 0x68) {
		*ret_index = get_le32(s + at + 1);
		return true;
	}
	at += at < sz && s[at] == 0xf2;
	if (at + 6 > sz || s[at] != 0xff || s[at + 1] != 0x25)
		return false;
	*ret_got = addr + at + 6 + (uint64_t)(int64_t)(int32_t)get_le32(s + at + 2);
	return true;
}

/* adrp x16, page; ldr x17, [x16, #off] */
static bool decode_arm64(const uint8_t *s, size_t sz, uint64_t addr, uint64_t *ret_got)
{
	uint32_t adrp, ldr;
	int64_t page;

	for (size_t at = 0; at + 8 <= sz; at += 4) {
		adrp = get_le32(s + at);
		ldr = get_le32(s + at + 4);
		if ((adrp & 0x9f00001f) != 0x90000010 || (ldr & 0xffc003ff) != 0xf9400211)
			continue;
		page = (int64_t)((uint64_t)((adrp >> 5 & 0x7ffff) << 2 | (adrp >> 29 & 3)) << 43) >>
		       31;
		*ret_got = ((addr + at) & ~0xfffULL) + (uint64_t)page +
			   (uint64_t)(ldr >> 10 & 0xfff) * 8;
		return true;
	}
	return false;
}

static uint32_t name_of_slot(const struct plt *p, const uint8_t *s, size_t sz, uint64_t addr)
{
	struct got_name key = {0, 0};
	const struct got_name *g;
	int64_t index = -1;

	if (p->machine == EM_X86_64 ? !decode_x86(s, sz, addr, &key.got, &index)
				    : !decode_arm64(s, sz, addr, &key.got))
		return 0;
	if (index >= 0)
		return (uint64_t)index < p->lazy.cnt ? p->lazy.v[index] : 0;
	g = p->names.cnt ? bsearch(&key, p->names.v, p->names.cnt, sizeof(key), by_got) : NULL;
	return g ? g->name : 0;
}

static bool is_wanted(const struct plt *p, uint64_t addr, uint64_t sz)
{
	return !p->b->wanted || sym_wanted_any(p->b->wanted, addr, addr + sz);
}

static int add_slots(struct plt *p, const GElf_Shdr *sh, const uint8_t *code, size_t sz)
{
	uint64_t step = sh->sh_entsize == 8 || sh->sh_entsize == 16 || sh->sh_entsize == 24
				? sh->sh_entsize
				: 16;
	uint64_t at = 0;

	if (p->machine == EM_AARCH64 && sz >= 32) /* the first 32 bytes are the lazy resolver's */
		at = 32;
	for (; at < sz; at += step) {
		struct sym_candidate c = {
			.addr = sh->sh_addr + at, .source = SYMBOL_PLT, .rank = SLOT_RANK};

		c.size = step < sz - at ? step : sz - at;
		if (!is_wanted(p, c.addr, c.size))
			continue;
		c.name = name_of_slot(p, code + at, c.size, c.addr);
		if (c.name && !sym_builder_add_symbol(p->b, &c))
			return -ENOMEM;
	}
	return 0;
}

static void collect(struct plt *p)
{
	Elf *elf = (Elf *)p->e->elf;
	Elf_Scn *scn = NULL;
	GElf_Shdr sh;

	while ((scn = elf_nextscn(elf, scn))) {
		const char *name;

		if (!gelf_getshdr(scn, &sh) || sh.sh_type != SHT_RELA)
			continue;
		name = elf_strptr(elf, p->section_names, sh.sh_name) ?: "";
		if (sh.sh_flags & SHF_ALLOC)
			add_relocations(p, scn, &sh, !strcmp(name, ".rela.plt"));
	}
	if (p->names.cnt)
		qsort(p->names.v, p->names.cnt, sizeof(*p->names.v), by_got);
}

/* The next section with slots that are wanted; NULL none. */
static Elf_Scn *next_section(const struct plt *p, Elf_Scn *scn, GElf_Shdr *sh)
{
	Elf *elf = (Elf *)p->e->elf;

	while ((scn = elf_nextscn(elf, scn)))
		if (gelf_getshdr(scn, sh) && sh->sh_type == SHT_PROGBITS && (sh->sh_flags & SHF_EXECINSTR) &&
		    is_wanted(p, sh->sh_addr, sh->sh_size) &&
		    !strncmp(elf_strptr(elf, p->section_names, sh->sh_name) ?: "", ".plt", 4))
			break;
	return scn;
}

int sym_elf_add_plt(struct sym_elf *e, const struct sym_elf_tables *tables, struct sym_builder *b)
{
	struct plt p = {.e = e, .tables = tables, .b = b};
	Elf *elf = (Elf *)e->elf;
	Elf_Scn *scn;
	GElf_Ehdr eh;
	GElf_Shdr sh;
	int err = 0;

	if (!gelf_getehdr(elf, &eh) || elf_getshdrstrndx(elf, &p.section_names) ||
	    (eh.e_machine != EM_X86_64 && eh.e_machine != EM_AARCH64))
		return 0;
	p.machine = eh.e_machine;
	scn = next_section(&p, NULL, &sh);
	if (scn)
		collect(&p);
	for (; scn && !err && !p.failed; scn = next_section(&p, scn, &sh)) {
		Elf_Data *data = elf_rawdata(scn, NULL);

		if (data && data->d_buf)
			err = add_slots(&p, &sh, data->d_buf, data->d_size);
	}
	sym_vec_deinit(&p.names);
	sym_vec_deinit(&p.lazy);
	return p.failed ? -ENOMEM : err;
}
