/* LAYER: report */
// SPDX-License-Identifier: BSD-2-Clause
/*
 * DWARF sections from an enemy: sizes (16 bits each, in the order of enum sym_dwarf_section), then
 * the sections. What comes out must be an index that parses, and whose every answer can be read.
 */
#include <stdlib.h>
#include <string.h>

#include "report/sym_dwarf.h"
#include "report/sym_index.h"
#include "tests/unit/report/made_index.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look_up(struct sym_builder *b)
{
	static struct sym_hit hits[SYM_CHAIN_MAX];
	struct sym_index x;
	int err = made_index(b, &x);

	if (err == -EBADMSG)
		abort();
	if (err)
		return;
	for (uint64_t a = 0x1000; a < 0x2000; a += 5)
		for (size_t n = sym_index_lookup(&x, a, hits); n-- > 0;)
			if ((hits[n].name && !strlen(hits[n].name)) ||
			    (hits[n].file && !strlen(hits[n].file)))
				abort();
	sym_index_deinit(&x);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t at = 2 * SYM_DWARF_SECTION_CNT;
	struct sym_dwarf d = {0};
	struct sym_builder b;
	struct sym_range *r;

	if (size < at)
		return 0;
	for (int i = 0; i < SYM_DWARF_SECTION_CNT; i++) {
		size_t sz = get_le16(data + 2 * i);

		sz = sz < size - at ? sz : size - at;
		d.sections[i] = (struct sym_bytes){sz ? data + at : NULL, sz};
		at += sz;
	}
	d.alt = &d; /* references into a supplement lead somewhere too */
	if (!sym_builder_init(&b))
		return 0;
	r = sym_vec_push(&b.code);
	*r = (struct sym_range){0x1000, 0x2000};
	if (!sym_dwarf_scan(&d) && sym_dwarf_walk(&d, &b, false, NULL, NULL) >= 0)
		look_up(&b);
	sym_dwarf_deinit(&d);
	sym_builder_deinit(&b);
	return 0;
}
