/* LAYER: report */
// SPDX-License-Identifier: BSD-2-Clause
/* Names as tables and perf maps hold them: each has a display form, soon, and of bounded size. */
#include <stdlib.h>
#include <string.h>

#include "report/demangle.h"
#include "report/sym_perfmap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *raw = strndup((const char *)data, size);
	struct demangle_buf buf = {0};

	if (!raw)
		return 0;
	for (int mode = DEMANGLE_FULL; mode <= DEMANGLE_NONE; mode++) {
		const char *shown = demangle(raw, mode, &buf);
		struct sym_perfmap_name n;

		if (shown && strlen(shown) > DEMANGLE_MAX && strlen(shown) > size)
			abort();
		if (!sym_perfmap_clean(raw, mode, &n)) {
			if (*raw && !*n.name)
				abort();
			sym_perfmap_name_deinit(&n);
		}
	}
	(void)sym_language_of(raw);
	demangle_buf_deinit(&buf);
	free(raw);
	return 0;
}
