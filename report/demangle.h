/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From a symbol as the table had it to the name people read.
 */
#ifndef VARVE_DEMANGLE_H
#define VARVE_DEMANGLE_H

#include <stddef.h>

#include "report/symbolize.h"

#define DEMANGLE_MAX                                                                               \
	65536 /* bytes of a display name; a longer one stays mangled (a short name can unfold      \
		 exponentially) */

/* Where names are put together, one after the other. */
struct demangle_buf {
	char *text;
	size_t cap;
};

/*
 * Display name of raw: raw itself where it is shown as it is, else in *buf until the next call; NULL without memory. Suffixes compilers add
 * to clones of a function (.cold, .part.N, .isra.N, .constprop.N, .lto_priv.N, .llvm.N …) and symbol versions (@VER, @@VER; not @plt) are
 * folded away unless mode is DEMANGLE_NONE. FULL: as c++filt, with parameters (kept on disk: SYM_DISPLAYS_VERSION, SYM_ANSWERS_VERSION).
 * SHORT: no parameters, no template arguments, no return type.
 */
const char *demangle(const char *raw, enum demangle_mode mode, struct demangle_buf *buf);

/* Accepts a zeroed one. */
void demangle_buf_deinit(struct demangle_buf *buf);

/* Length of raw without the suffixes named above; strlen(raw) when there are none. */
size_t demangle_base_len(const char *raw);

#endif
