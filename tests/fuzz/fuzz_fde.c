/* SPDX-License-Identifier: BSD-2-Clause */
/* .eh_frame from an enemy, read for where functions begin. Ranges that come out are not empty and do not wrap. */
#include <stdlib.h>

#include "formats/fde.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int check_range(void *ctx, uint64_t start, uint64_t end)
{
	size_t *cnt = ctx;

	if (!start || end <= start || ++*cnt > FDE_CNT_MAX)
		abort();
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	for (int is_64 = 0; is_64 < 2; is_64++) {
		size_t cnt = 0;

		if (fde_each(data, size, 0x400000, is_64, check_range, &cnt))
			abort();
		if (cnt > size / 4) /* a record has its length, at least */
			abort();
	}
	return 0;
}
