// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <gelf.h>

#include "formats/cleanup.h"
#include "formats/elf_symbol.h"
#include "report/sym_elf.h"

/* End of the code range that holds addr. */
static uint64_t range_end(const struct sym_builder *b, uint64_t addr)
{
	for (size_t i = 0; i < b->code.cnt; i++)
		if (addr >= b->code.v[i].lo && addr < b->code.v[i].hi)
			return b->code.v[i].hi;
	return addr;
}

static int add_symbol(struct sym_builder *b, const GElf_Sym *sym, const char *name,
		      enum symbol_source source)
{
	struct sym_candidate c = {.addr = sym->st_value, .size = sym->st_size, .source = source};
	bool ok = true;

	if (!elf_symbol_is_code(sym->st_info, sym->st_shndx) || !elf_symbol_is_function_name(name))
		return 0;
	if (!c.size && source == SYMBOL_DYNSYM)
		return 0; /* says where something starts, and a stripped file does not say where it
			     ends */
	c.limit = range_end(b, c.addr);
	c.rank = elf_symbol_rank(sym->st_info, c.size != 0, name);
	c.is_func = GELF_ST_TYPE(sym->st_info) == STT_FUNC;
	if (source == SYMBOL_MINIDEBUG) /* that file is closed before the index is laid out */
		c.name = sym_builder_bytes(b, name, SYM_NAME_MAX, &ok);
	else
		c.text = name;
	return ok && sym_builder_add_symbol(b, &c) ? 1 : -ENOMEM;
}

static int add_table(Elf *elf, Elf_Scn *scn, const GElf_Shdr *sh, struct sym_builder *b,
		     enum symbol_source source)
{
	Elf_Data *data = elf_getdata(scn, NULL);
	size_t n = sh->sh_entsize ? sh->sh_size / sh->sh_entsize : 0;
	int added = 0;

	if (data && sh->sh_entsize >= sizeof(Elf32_Sym))
		sym_vec_reserve(&b->symbols, data->d_size / sh->sh_entsize);
	for (size_t i = 1; data && i < n && i <= INT32_MAX; i++) {
		GElf_Sym sym;
		const char *name;
		int got;

		if (!gelf_getsym(data, (int)i, &sym))
			break;
		name = elf_strptr(elf, sh->sh_link, sym.st_name);
		if (!name)
			continue;
		got = add_symbol(b, &sym, name, source);
		if (got < 0)
			return got;
		added += got;
	}
	return added;
}

int sym_elf_add_symbols(struct sym_elf *e, struct sym_builder *b, enum symbol_source source)
{
	Elf *elf = (Elf *)e->elf;
	Elf_Scn *scn = NULL;
	int added = 0;

	while ((scn = elf_nextscn(elf, scn))) {
		GElf_Shdr sh;
		int got = 0;

		if (!gelf_getshdr(scn, &sh))
			continue;
		if (sh.sh_type == SHT_SYMTAB)
			got = add_table(elf, scn, &sh, b, source ?: SYMBOL_SYMTAB);
		else if (sh.sh_type == SHT_DYNSYM && !source)
			got = add_table(elf, scn, &sh, b, SYMBOL_DYNSYM);
		if (got < 0)
			return got;
		added += got;
	}
	return added;
}
