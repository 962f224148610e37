// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <gelf.h>

#include "formats/fde.h"
#include "report/sym_elf.h"

static int take_fde(void *ctx, uint64_t start, uint64_t end)
{
	struct sym_builder *b = ctx;
	struct sym_range *r;

	if ((b->wanted && !sym_wanted_any(b->wanted, start, end)) || !sym_builder_is_code(b, start))
		return 0;
	r = sym_vec_push(&b->fdes);
	if (!r)
		return -ENOMEM;
	*r = (struct sym_range){start, end};
	return 0;
}

int sym_elf_add_fdes(struct sym_elf *e, struct sym_builder *b)
{
	struct sym_bytes bytes = sym_elf_section(e, ".eh_frame");
	Elf *elf = (Elf *)e->elf;
	Elf_Scn *scn = NULL;
	GElf_Shdr sh;
	size_t names;

	if (!bytes.p || !e->is_little_endian || elf_getshdrstrndx(elf, &names))
		return 0;
	while ((scn = elf_nextscn(elf, scn)))
		if (gelf_getshdr(scn, &sh) && (sh.sh_flags & SHF_ALLOC) &&
		    !strcmp(elf_strptr(elf, names, sh.sh_name) ?: "", ".eh_frame"))
			return fde_each(bytes.p, bytes.sz, sh.sh_addr, gelf_getclass(elf) == ELFCLASS64, take_fde, b);
	return 0;
}
