/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where the names of an ELF module may be: candidates by path, accepted by build-id (or hash of the
 * content) alone. Runs in a worker.
 */
#ifndef VARVE_SYM_DEBUGFILE_H
#define VARVE_SYM_DEBUGFILE_H

#include "report/sym_elf.h"
#include "report/symbolize.h"

/* Its file was gone before the recorder could open it: there is nothing to know it by. */
#define SYM_REASON_GONE "exited before it could be read (no build-id)"

/* What was found. image holds the code and .dynsym, debug the DWARF or a fuller .symtab; either may
 * be absent. */
struct sym_debugfile {
	struct sym_elf image, debug;
	bool has_image, has_debug;
	struct bundle *bundle; /* --symfs FILE; NULL: files */
	char reason[256]; /* why there is neither: "no file", "build-id differs: '/usr/lib/x.so'";
			     "" */
};

/*
 * Look for the files of m in this order: --debug-dir, --symfs or the recorded path,
 * /usr/lib/debug/.build-id, the places of .gnu_debuglink. Where --symfs is a bundle: in --debug-dir
 * and in it alone. Last, what --debuginfod fetched. The first image and the first file with
 * debug information win; a symbol table alone only where nothing better comes. Close with
 * sym_debugfile_close() whatever was returned. Returns 0 or -ENOMEM.
 */
int sym_debugfile_find(const struct symbolizer_options *o, const struct module *m,
		       struct sym_debugfile *ret);

void sym_debugfile_close(struct sym_debugfile *f);

#endif
