// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <gelf.h>

#include "formats/cleanup.h"
#include "formats/elf_symbol.h"
#include "report/sym_elf.h"

static int add_symbol(struct sym_builder *b, const GElf_Sym *sym, struct sym_bytes names, enum symbol_source source)
{
	struct sym_candidate c = {
		.addr = sym->st_value, .size = sym->st_size, .source = source, .info = sym->st_info};
	const char *text;
	bool ok = true;

	if (!elf_symbol_is_code(sym->st_info, sym->st_shndx))
		return 0;
	if (!c.size && source == SYMBOL_DYNSYM)
		return 0; /* says where something starts, and a stripped file does not say where it
			     ends */
	text = sym_bytes_string(names, sym->st_name);
	if (!text)
		return 0;
	if (source == SYMBOL_DYNSYM) { /* most likely one of .symtab, too: then its bytes are never needed */
		c.text = text;
	} else if (!elf_symbol_is_function_name(text)) {
		return 0;
	} else { /* names follow each other as the symbols do: now is the cheapest time to look at one */
		c.name = sym_builder_once(b, text, SYM_NAME_MAX, &ok);
		c.rank = elf_symbol_rank(sym->st_info, c.size != 0, text);
	}
	return ok && sym_builder_add_symbol(b, &c) ? 1 : -ENOMEM;
}

/* As gelf_getsym(), without a lock and a copy of the table's description for each. */
static bool get_symbol(Elf_Data *data, bool is_64, size_t i, GElf_Sym *ret)
{
	if (!is_64)
		return gelf_getsym(data, (int)i, ret);
	if (i >= data->d_size / sizeof(*ret))
		return false;
	memcpy(ret, (const char *)data->d_buf + i * sizeof(*ret), sizeof(*ret));
	return true;
}

static int add_table(struct sym_elf *e, Elf_Scn *scn, const GElf_Shdr *sh, struct sym_builder *b,
		     enum symbol_source source)
{
	Elf *elf = (Elf *)e->elf;
	bool is_64 = gelf_getclass(elf) == ELFCLASS64;
	struct sym_bytes names = sym_elf_section_at(e, sh->sh_link);
	Elf_Data *data = elf_getdata(scn, NULL);
	size_t n = data && data->d_buf && sh->sh_entsize >= sizeof(Elf32_Sym) ? data->d_size / sh->sh_entsize : 0;
	int added = 0;

	sym_vec_reserve(&b->symbols, n);
	if (source != SYMBOL_DYNSYM)
		sym_vec_reserve(&b->strs.bytes, names.sz);
	for (size_t i = 1; i < n && i <= INT32_MAX; i++) {
		GElf_Sym sym;
		int got;

		if (!get_symbol(data, is_64, i, &sym))
			break;
		got = add_symbol(b, &sym, names, source);
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
			got = add_table(e, scn, &sh, b, source ?: SYMBOL_SYMTAB);
		else if (sh.sh_type == SHT_DYNSYM && !source)
			got = add_table(e, scn, &sh, b, SYMBOL_DYNSYM);
		if (got < 0)
			return got;
		added += got;
	}
	return added;
}
