// SPDX-License-Identifier: BSD-2-Clause
/* LAYER: record */
/* Any bytes as an ELF file: rows are compiled, sorted, distinct, and the same in the table as in the list. */
#include <assert.h>
#include <string.h>

#include "record/unwind_table.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_same_expr(const struct expr_set *x, int a, const struct expr_set *y, int b)
{
	const struct expr *p = expr_set_get(x, a), *q = expr_set_get(y, b);

	return p && q && p->sz == q->sz && !memcmp(p->bytes, q->bytes, p->sz);
}

/* Expressions have other numbers in the table. */
static bool is_same_rule(const struct unwind_rule *a, const struct expr_set *x, struct unwind_rule b, const struct expr_set *y)
{
	if (a->cfa == UNWIND_CFA_EXPRESSION && a->cfa_off && is_same_expr(x, a->cfa_off, y, b.cfa_off)) {
		b.cfa_off = a->cfa_off;
		if (a->bp == UNWIND_BP_EXPRESSION || a->bp == UNWIND_BP_VALUE_EXPRESSION)
			b.bp_off = is_same_expr(x, a->bp_off, y, b.bp_off) ? a->bp_off : -1;
		if (a->ra == UNWIND_RA_EXPRESSION || a->ra == UNWIND_RA_VALUE_EXPRESSION)
			b.ra_off = is_same_expr(x, a->ra_off, y, b.ra_off) ? a->ra_off : -1;
	}
	return !memcmp(a, &b, sizeof(b));
}

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
	static const struct unwind_maps none = { -1, -1, -1, -1, -1 };
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

			assert(b ? is_same_rule(a, &rows.exprs, *b, unwind_table_exprs(t)) : a->cfa == UNWIND_CFA_NONE);
		}
		unwind_table_destroy(t);
	}
	unwind_rows_deinit(&rows);
	return 0;
}
