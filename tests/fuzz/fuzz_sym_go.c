/* LAYER: report */
// SPDX-License-Identifier: BSD-2-Clause
/* Go's function table from an enemy, its inline trees and moduledata in the same bytes. */
#include <stdlib.h>
#include <string.h>

#include "report/sym_gopclntab.h"
#include "report/sym_index.h"
#include "tests/unit/report/made_index.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define TABLE_AT 0x500000

static bool read_table(void *ctx, uint64_t addr, void *to, size_t sz)
{
	const struct sym_bytes *b = ctx;

	if (addr < TABLE_AT || addr - TABLE_AT > b->sz || sz > b->sz - (addr - TABLE_AT))
		return false;
	memcpy(to, b->p + (addr - TABLE_AT), sz);
	return true;
}

static bool read_word(void *ctx, uint64_t addr, uint64_t *ret)
{
	uint8_t w[8];

	if (!read_table(ctx, addr, w, 8))
		return false;
	*ret = get_le64(w);
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sym_bytes tab = {data, size};
	struct sym_go_image img = {&tab, read_table, read_word};
	static struct sym_hit hits[SYM_CHAIN_MAX];
	struct sym_builder b;
	struct sym_index x;
	struct sym_range *r;
	uint64_t moduledata = size >= 2 ? TABLE_AT + get_le16(data + size - 2) : 0;
	int err;

	if (!sym_builder_init(&b))
		return 0;
	r = sym_vec_push(&b.code);
	*r = (struct sym_range){0x400000, 0x500000};
	err = sym_gopclntab_add(tab, TABLE_AT, &img, moduledata, &b, false);
	err = err < 0 ? err : made_index(&b, &x);
	if (err == -EBADMSG)
		abort();
	if (!err) {
		for (uint64_t a = 0x400000; a < 0x404000; a += 13)
			(void)sym_index_lookup(&x, a, hits);
		sym_index_deinit(&x);
	}
	sym_builder_deinit(&b);
	return 0;
}
