// SPDX-License-Identifier: BSD-2-Clause
/* Go's table and the runtime's description of it in an ELF file, which in a position-independent
 * one exists only after relocation. */
#include <errno.h>
#include <gelf.h>

#include "formats/cleanup.h"
#include "report/sym_elf.h"
#include "report/sym_gopclntab.h"

struct relocation {
	uint64_t addr, value;
};

struct image {
	struct sym_bytes file;
	SYM_VEC(struct sym_load) loads;	   /* all of them, not only code */
	SYM_VEC(struct relocation) relocs; /* RELATIVE ones, sorted by address */
	bool failed;
};

static const uint8_t *at(const struct image *m, uint64_t addr, size_t sz)
{
	for (size_t i = 0; i < m->loads.cnt; i++) {
		const struct sym_load *l = &m->loads.v[i];
		uint64_t off = addr - l->vaddr;

		if (addr < l->vaddr || off >= l->filesz || sz > l->filesz - off)
			continue;
		off += l->offset;
		return off <= m->file.sz && sz <= m->file.sz - off ? m->file.p + off : NULL;
	}
	return NULL;
}

static bool read_image(void *ctx, uint64_t addr, void *to, size_t sz)
{
	const uint8_t *p = at(ctx, addr, sz);

	if (p)
		memcpy(to, p, sz);
	return p != NULL;
}

static bool word_of_image(void *ctx, uint64_t addr, uint64_t *ret)
{
	const struct image *m = ctx;
	size_t lo = 0, hi = m->relocs.cnt;
	const uint8_t *p;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (m->relocs.v[mid].addr == addr) {
			*ret = m->relocs.v[mid].value;
			return true;
		}
		if (m->relocs.v[mid].addr < addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	p = at(m, addr, 8);
	if (!p)
		return false;
	*ret = get_le64(p);
	return true;
}

static int by_addr(const void *a, const void *b)
{
	const struct relocation *x = a, *y = b;

	return x->addr < y->addr ? -1 : x->addr > y->addr;
}

static void take_relocations(struct image *m, Elf *elf, GElf_Half machine)
{
	uint32_t relative = machine == EM_X86_64    ? R_X86_64_RELATIVE
			    : machine == EM_AARCH64 ? R_AARCH64_RELATIVE
						    : UINT32_MAX;
	Elf_Scn *scn = NULL;
	GElf_Shdr sh;

	while ((scn = elf_nextscn(elf, scn)) && !m->failed) {
		Elf_Data *data;
		GElf_Rela r;

		if (!gelf_getshdr(scn, &sh) || sh.sh_type != SHT_RELA ||
		    !(sh.sh_flags & SHF_ALLOC) || !sh.sh_entsize)
			continue;
		data = elf_getdata(scn, NULL);
		for (uint64_t i = 0; data && i < sh.sh_size / sh.sh_entsize && i < INT32_MAX; i++) {
			struct relocation *x;

			if (!gelf_getrela(data, (int)i, &r))
				break;
			if (GELF_R_TYPE(r.r_info) != relative)
				continue;
			x = sym_vec_push(&m->relocs);
			m->failed |= !x;
			if (!x)
				return;
			*x = (struct relocation){r.r_offset, (uint64_t)r.r_addend};
		}
	}
	if (m->relocs.cnt)
		qsort(m->relocs.v, m->relocs.cnt, sizeof(*m->relocs.v), by_addr);
}

static bool open_image(struct image *m, struct sym_elf *e)
{
	Elf *elf = (Elf *)e->elf;
	size_t n = 0, sz = 0;
	GElf_Ehdr eh;
	GElf_Phdr ph;

	m->file.p = (const uint8_t *)elf_rawfile(elf, &sz);
	m->file.sz = sz;
	if (!m->file.p || !gelf_getehdr(elf, &eh) || elf_getphdrnum(elf, &n))
		return false;
	for (size_t i = 0; i < n; i++) {
		struct sym_load *l;

		if (!gelf_getphdr(elf, (int)i, &ph) || ph.p_type != PT_LOAD)
			continue;
		l = sym_vec_push(&m->loads);
		if (!l)
			return false;
		*l = (struct sym_load){ph.p_offset, ph.p_vaddr, ph.p_filesz};
	}
	take_relocations(m, elf, eh.e_machine);
	return !m->failed;
}

/* By its section, else by its magic: external linkers fold it into .data.rel.ro. */
static struct sym_bytes find_table(struct sym_elf *e, const struct image *m, uint64_t *ret_addr)
{
	Elf *elf = (Elf *)e->elf;
	struct sym_bytes best = {0};
	Elf_Scn *scn = NULL;
	GElf_Shdr sh;
	size_t names;

	if (elf_getshdrstrndx(elf, &names))
		return best;
	while ((scn = elf_nextscn(elf, scn))) {
		const char *name;
		const uint8_t *p;

		if (!gelf_getshdr(scn, &sh) || sh.sh_type != SHT_PROGBITS ||
		    !(sh.sh_flags & SHF_ALLOC) || (sh.sh_flags & SHF_EXECINSTR) ||
		    !(p = at(m, sh.sh_addr, sh.sh_size)))
			continue;
		name = elf_strptr(elf, names, sh.sh_name) ?: "";
		for (uint64_t off = 0; off + 64 <= sh.sh_size; off += 8) {
			struct sym_bytes b = {p + off, sh.sh_size - off};

			if (get_le32(b.p) >= 0xfffffff0 && sym_gopclntab_is(b)) {
				*ret_addr = sh.sh_addr + off;
				return b;
			}
			if (strstr(name, "gopclntab"))
				break; /* it starts where its section does */
		}
	}
	return best;
}

static bool is_moduledata(struct image *m, uint64_t addr, uint64_t table, uint64_t names_off)
{
	uint64_t first, names;

	return word_of_image(m, addr, &first) && first == table &&
	       word_of_image(m, addr + 8, &names) && names == table + names_off;
}

/* The structure whose first words point to the table and to its names. */
static uint64_t find_moduledata(struct image *m, uint64_t table, uint64_t names_off)
{
	for (size_t i = 0; i < m->relocs.cnt; i++)
		if (m->relocs.v[i].value == table &&
		    is_moduledata(m, m->relocs.v[i].addr, table, names_off))
			return m->relocs.v[i].addr;
	for (size_t i = 0; i < m->loads.cnt; i++) {
		const struct sym_load *l = &m->loads.v[i];
		const uint8_t *p = at(m, l->vaddr, l->filesz);

		for (uint64_t off = -l->vaddr & 7; p && off + 16 <= l->filesz; off += 8)
			if (get_le64(p + off) == table &&
			    is_moduledata(m, l->vaddr + off, table, names_off))
				return l->vaddr + off;
	}
	return 0;
}

int sym_elf_add_go(struct sym_elf *e, struct sym_builder *b, bool no_inline)
{
	struct image m = {0};
	struct sym_go_image img = {&m, read_image, word_of_image};
	struct sym_bytes tab;
	uint64_t addr = 0;
	int got = 0;

	if (!e->is_little_endian || gelf_getclass((Elf *)e->elf) != ELFCLASS64)
		return 0;
	if (open_image(&m, e)) {
		tab = find_table(e, &m, &addr);
		if (tab.p)
			got = sym_gopclntab_add(
				tab, addr, &img,
				find_moduledata(&m, addr, sym_gopclntab_names_off(tab)), b,
				no_inline);
	}
	sym_vec_deinit(&m.loads);
	sym_vec_deinit(&m.relocs);
	return m.failed ? -ENOMEM : got;
}
