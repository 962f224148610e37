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
 * *ret (malloc'ed) holds a sym_index. Returns 0 or -ENOMEM, -EFBIG.
 */
int sym_module_build(const struct symbolizer_options *o, const struct module *m, void **ret, size_t *ret_sz);

#endif
