/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Go's own function table (.gopclntab): names, files, lines and inlining, also in stripped
 * programs. Layouts of Go 1.16 to 1.27; older ones are not read. The bytes are hostile.
 */
#ifndef VARVE_SYM_GOPCLNTAB_H
#define VARVE_SYM_GOPCLNTAB_H

#include "report/sym_builder.h"
#include "report/sym_cursor.h"

/* The program's memory as it would be after loading. */
struct sym_go_image {
	void *ctx;
	bool (*read)(void *ctx, uint64_t addr, void *to, size_t sz);
	bool (*word)(void *ctx, uint64_t addr, uint64_t *ret); /* a pointer, relocated */
};

/* Does a table start here? */
bool sym_gopclntab_is(struct sym_bytes b);

/* Where the runtime's moduledata should point for it to be this table's: offset of the names from
 * the table; 0 not a table. */
uint64_t sym_gopclntab_names_off(struct sym_bytes b);

/*
 * Add the functions of the table, which lies at addr. moduledata: address of the runtime's
 * description of the table (it tells where inline trees, and from Go 1.26 on the code, are); 0
 * unknown. Returns the number of functions, or -ENOMEM.
 */
int sym_gopclntab_add(struct sym_bytes tab, uint64_t addr, const struct sym_go_image *img,
		      uint64_t moduledata, struct sym_builder *b, bool no_inline);

#endif
