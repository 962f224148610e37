/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One module's index from the files on this machine. Runs in a worker.
 */
#ifndef VARVE_SYM_MODULE_H
#define VARVE_SYM_MODULE_H

#include "report/sym_index.h"
#include "report/symbolize.h"

/*
 * Search, read and index. Finding nothing is no error: the index then says why (header.reason).
 * *ret (malloc'ed) holds a sym_index. Raises the process's own limits with the size of the files.
 * Returns 0, -ENOMEM, -EFBIG, or -EEXIST: cache_path (may be NULL) holds the index made from these
 * very files.
 */
int sym_module_build(const struct symbolizer_options *o, const struct module *m,
		     const char *cache_path, void **ret, size_t *ret_sz);
/* The same into an empty memory file. */
int sym_module_build_fd(const struct symbolizer_options *o, const struct module *m,
			const char *cache_path, int fd);

#endif
