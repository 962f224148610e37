// SPDX-License-Identifier: BSD-2-Clause
/* LAYER: record */
/* Any bytes as an ELF file: rows are compiled, sorted, distinct, and the same in the table as in the list. */
#include <assert.h>
#include <string.h>

#include "record/unwind_table.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct unwind_rows *r)
{
	for (size_t i = 0; i < r->row_cnt; i++) {
		assert(r->rows[i].rule < r->rule_cnt);
		assert(!i || (r->rows[i - 1].off < r->rows[i].off && r->rows[i - 1].rule != r->rows[i].rule));
	}
	assert(!r->row_cnt || !r->rows[r->row_cnt - 1].rule); /* it ends somewhere */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct unwind_maps none = { -1, -1, -1, -1 };
	struct unwind_input in = { .fd = -1, .mem = data ? data : (const uint8_t *)"", .sz = size };
	struct unwind_rows rows = { .rows = NULL };
	struct unwind_module_rows *m;
	struct unwind_table *t;

	if (eh_frame_compile(&in, &rows, NULL))
		return 0;
	check(&rows);
	if (!unwind_table_create(&none, 2 * UNWIND_EXTENT_SZ, &t, NULL)) {
		m = unwind_table_add(t);
		unwind_table_ref(t, m, &in, 0);
		for (size_t i = 0; i < rows.row_cnt && !unwind_module_has_no_room(m); i++) {
			const struct unwind_rule *a = unwind_rows_find(&rows, rows.rows[i].off);
			const struct unwind_rule *b = unwind_table_find(t, m, rows.rows[i].off);

			assert(b ? !memcmp(a, b, sizeof(*a)) : a->cfa == UNWIND_CFA_NONE);
		}
		unwind_table_destroy(t);
	}
	unwind_rows_deinit(&rows);
	return 0;
}
