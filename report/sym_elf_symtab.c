// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <gelf.h>

#include "formats/cleanup.h"
#include "formats/elf_symbol.h"
#include "report/sym_elf.h"

#define SYM_TABLE_MIN (64u << 10) /* smaller string tables are copied: opening a file once more costs as much */
/* So are those that are large for what they name: the report, which no limit holds, reads all of it, and a file may be mostly holes. */
#define SYM_TABLE_MEAN 1024 /* bytes of a symbol */

/* is_table: names is what b refers to. */
static int add_symbol(struct sym_builder *b, const GElf_Sym *sym, struct sym_bytes names, enum symbol_source source, bool is_table)
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
		c.name = is_table ? sym->st_name | SYM_NAME_IN_TABLE : sym_builder_once(b, text, SYM_NAME_MAX, &ok);
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

/* Has it a string that must be cut? Looks at one byte in SYM_NAME_MAX or so, as most are short. */
static bool has_long_string(struct sym_bytes names)
{
	for (size_t at = 0; names.sz - at > SYM_NAME_MAX;) {
		const uint8_t *nul = memrchr(names.p + at, '\0', SYM_NAME_MAX);

		if (!nul)
			return true;
		at = (size_t)(nul - names.p) + 1;
	}
	return false;
}

/*
 * Let b refer to the string table instead of copying names out of it: where a reader of the index finds the same bytes in the file.
 * Once for an index. Returns whether it does.
 */
static bool refer_to_table(struct sym_elf *e, struct sym_builder *b, size_t section, struct sym_bytes names, size_t symbol_cnt)
{
	Elf_Scn *scn = elf_getscn((Elf *)e->elf, section);
	bool ok = true;
	GElf_Shdr sh;

	if (!b->may_refer || b->table.sz || e->bundle || e->fd < 0 || !scn || !gelf_getshdr(scn, &sh) ||
	    (sh.sh_flags & SHF_COMPRESSED) || names.sz != sh.sh_size || names.sz < SYM_TABLE_MIN ||
	    names.sz > SYM_INDEX_TABLE_MAX || names.sz / SYM_TABLE_MEAN > symbol_cnt || names.p[names.sz - 1] || has_long_string(names))
		return false;
	b->table = (struct sym_string_table){(const char *)names.p, (uint32_t)names.sz,
					     sym_builder_string(b, e->path, &ok), sh.sh_offset, e->size, e->mtime_ns};
	if (!ok)
		b->table = (struct sym_string_table){0};
	return ok;
}

static int add_table(struct sym_elf *e, Elf_Scn *scn, const GElf_Shdr *sh, struct sym_builder *b,
		     enum symbol_source source)
{
	Elf *elf = (Elf *)e->elf;
	bool is_64 = gelf_getclass(elf) == ELFCLASS64;
	struct sym_bytes names = sym_elf_section_at(e, sh->sh_link);
	Elf_Data *data = elf_getdata(scn, NULL);
	size_t n = data && data->d_buf && sh->sh_entsize >= sizeof(Elf32_Sym) ? data->d_size / sh->sh_entsize : 0;
	bool is_table = source == SYMBOL_SYMTAB && refer_to_table(e, b, sh->sh_link, names, n);
	int added = 0;

	sym_vec_reserve(&b->symbols, n);
	if (source != SYMBOL_DYNSYM && !is_table)
		sym_vec_reserve(&b->strs.bytes, names.sz);
	for (size_t i = 1; i < n && i <= INT32_MAX; i++) {
		GElf_Sym sym;
		int got;

		if (!get_symbol(data, is_64, i, &sym))
			break;
		got = add_symbol(b, &sym, names, source, is_table);
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
