/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One module's indexes from the files on this machine. Runs in a worker.
 */
#ifndef VARVE_SYM_MODULE_H
#define VARVE_SYM_MODULE_H

#include "report/sym_index.h"
#include "report/symbolize.h"

/* Places in the module's file (ascending, none twice) of which the symbols are wanted. */
struct sym_ask {
	const uint64_t *offs;
	size_t cnt;
	const char *known_key;	 /* of some they are known, if they came of the files of this key; NULL: of none */
	const uint64_t *unknown; /* the others */
	size_t unknown_cnt;
	bool has_index; /* that of the debug information is not wanted */
};

/*
 * Search, read, and append to the empty file fd the index of the symbols that are wanted, then that of the debug information. Finding
 * nothing is no error: the latter then says why (header.reason). Raises the process's own limits with the size of the files.
 * Returns 0, -ENOMEM, -EFBIG, or -EEXIST: cache_path (may be NULL) holds the index of the debug information of these very files; fd has
 * that of the symbols, or is empty as well when none are wanted. Or -EALREADY, with has_index: fd has that of the symbols.
 */
int sym_module_build(const struct symbolizer_options *o, const struct module *m, const char *cache_path,
		     const struct sym_ask *ask, int fd);

#endif
