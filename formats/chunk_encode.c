// SPDX-License-Identifier: BSD-2-Clause
/* The second half of chunk_writer.h: what was staged, as the payload's bytes. */
#include <stdlib.h>

#include "formats/chunk_writer.h"
#include "formats/cleanup.h"
#include "formats/stack_order.h"

static int put_column(struct chunk_writer *w, unsigned id, unsigned enc, const void *data,
		      size_t len)
{
	int err = buffer_put_uvarint(&w->body, id);

	if (!err)
		err = buffer_put_uvarint(&w->body, enc);
	if (!err)
		err = buffer_put_uvarint(&w->body, len);
	return err ? err : buffer_put(&w->body, data, len);
}

static bool all_zero(const uint64_t *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (v[i])
			return false;
	return true;
}

/*
 * What a column is relative to: another of the same row, or, when that comes later in the row, the
 * row before.
 */
static void subtract(uint64_t *v, const uint64_t *other, size_t rows, bool is_row_before)
{
	for (size_t i = is_row_before; i < rows; i++)
		v[i] -= other[i - is_row_before];
}

/* One column of values, relative to another when its description says so. */
static int encode_column(struct chunk_writer *w, const struct section_desc *desc, unsigned c,
			 const uint64_t *const *columns, size_t rows)
{
	const struct column_desc *col = &desc->columns[c];
	const uint64_t *v = columns[c];
	uint64_t *scratch;
	int enc;

	if (c && all_zero(v, rows))
		return 0; /* an absent column is all zero */
	w->scratch.len = w->column.len = 0;
	if (buffer_reserve(&w->scratch, rows * sizeof(*scratch)))
		return -ENOMEM;
	scratch = (uint64_t *)w->scratch.data;
	memcpy(scratch, v, rows * sizeof(*scratch));
	if (col->rel)
		subtract(scratch, columns[col->rel - 1], rows, col->rel - 1u > c);
	enc = column_encode(&w->column, col->enc, scratch, rows, c > 0);
	return enc < 0 ? enc : put_column(w, col->id, (unsigned)enc, w->column.data, w->column.len);
}

/* The header of a section whose columns are in body, and body. */
static int put_section(struct chunk_writer *w, struct buffer *out, unsigned id, size_t rows)
{
	int err = buffer_put_uvarint(out, id);

	if (!err)
		err = buffer_put_uvarint(out, rows);
	if (!err)
		err = buffer_put_uvarint(out, w->body.len);
	return err ? err : buffer_put(out, w->body.data, w->body.len);
}

/* bytes: the data of the section's COLUMN_BYTES column, when it has one. */
static int encode_section(struct chunk_writer *w, struct buffer *out, unsigned id,
			  const uint64_t *const *columns, size_t rows, const struct buffer *bytes)
{
	const struct section_desc *desc = section_find(id);
	int err = 0;

	w->body.len = 0;
	for (unsigned c = 0; c < desc->column_cnt && !err; c++) {
		if (desc->columns[c].type != COLUMN_BYTES)
			err = encode_column(w, desc, c, columns, rows);
		else if (bytes->len)
			err = put_column(w, desc->columns[c].id, ENC_BYTES, bytes->data,
					 bytes->len);
	}
	return err ? err : put_section(w, out, id, rows);
}

/* A table of `rows` x `columns` values for a section made on the fly. Freed with free(cols[0]). */
static uint64_t *table_alloc(size_t rows, unsigned columns, uint64_t **cols)
{
	uint64_t *values = calloc(rows * columns + 1, sizeof(*values));

	for (unsigned c = 0; values && c < columns; c++)
		cols[c] = values + rows * c;
	return values;
}

static int encode_strings(struct chunk_writer *w, struct buffer *out)
{
	return w->strings.cnt
		       ? encode_section(w, out, SECTION_STR, NULL, w->strings.cnt, &w->strings.text)
		       : 0;
}

static int encode_segments(struct chunk_writer *w, struct buffer *out, size_t rows)
{
	_cleanup_free_ uint64_t *values = NULL;
	uint64_t *cols[3];
	size_t n = 0;

	if (!rows)
		return 0;
	values = table_alloc(rows, 3, cols);
	if (!values)
		return -ENOMEM;
	for (uint32_t i = 0; i < w->module_cnt; i++) {
		const struct module *m = modtab_get(w->modules, w->module_ids[i]);

		for (uint32_t s = 0; s < m->seg_cnt; s++, n++) {
			cols[0][n] = m->segs[s].offset;
			cols[1][n] = m->segs[s].vaddr;
			cols[2][n] = m->segs[s].filesz;
		}
	}
	return encode_section(w, out, SECTION_SEGMENT, (const uint64_t *const *)cols, rows, NULL);
}

/* MODULE and SEGMENT. Adds the paths to the strings, so it comes before them. */
static int encode_modules(struct chunk_writer *w, struct buffer *out)
{
	_cleanup_free_ uint64_t *values = NULL;
	_cleanup_(buffer_deinit) struct buffer ids = { 0 };
	uint64_t *cols[8];
	size_t segments = 0;
	int err;

	if (!w->module_cnt)
		return 0;
	values = table_alloc(w->module_cnt, 8, cols);
	if (!values)
		return -ENOMEM;
	for (uint32_t i = 0; i < w->module_cnt; i++) {
		const struct module *m = modtab_get(w->modules, w->module_ids[i]);
		int64_t path = strtab_add(&w->strings, m->path);

		if (path < 0 || buffer_put(&ids, m->build_id, m->build_id_sz))
			return -ENOMEM;
		cols[0][i] = m->kind;
		cols[1][i] = m->build_id_sz;
		cols[3][i] = m->is_content_id;
		cols[4][i] = (uint64_t)path;
		cols[5][i] = m->pid;
		cols[6][i] = m->start_ts;
		cols[7][i] = m->seg_cnt;
		segments += m->seg_cnt;
	}
	err = encode_section(w, out, SECTION_MODULE, (const uint64_t *const *)cols, w->module_cnt,
			     &ids);
	return err ? err : encode_segments(w, out, segments);
}

static int encode_tasks(struct chunk_writer *w, struct buffer *out)
{
	_cleanup_free_ uint64_t *values = NULL;
	uint64_t *cols[4];

	if (!w->tasks.cnt)
		return 0;
	values = table_alloc(w->tasks.cnt, 4, cols);
	if (!values)
		return -ENOMEM;
	for (uint32_t i = 0; i < w->tasks.cnt; i++) {
		cols[0][i] = w->tasks.rows[i].pid;
		cols[1][i] = w->tasks.rows[i].tid;
		cols[2][i] = w->tasks.rows[i].start_ts;
		cols[3][i] = w->tasks.rows[i].comm;
	}
	return encode_section(w, out, SECTION_TASK, (const uint64_t *const *)cols, w->tasks.cnt,
			      NULL);
}

static int compare_frames(const void *a, const void *b, void *frames)
{
	const struct frame *x = (const struct frame *)frames + *(const uint32_t *)a;
	const struct frame *y = (const struct frame *)frames + *(const uint32_t *)b;

	if (x->module != y->module)
		return x->module < y->module ? -1 : 1;
	if (x->off != y->off)
		return x->off < y->off ? -1 : 1;
	return x->flags < y->flags ? -1 : x->flags > y->flags;
}

/* FRAME, sorted so that offsets are small steps; ret_row[i]: the row frame i went to. */
static int encode_frames(struct chunk_writer *w, struct buffer *out, uint32_t *ret_row)
{
	uint32_t n = w->stacks.frame_cnt;
	_cleanup_free_ uint32_t *order = malloc((n + 1) * sizeof(*order));
	_cleanup_free_ uint64_t *values = NULL;
	uint64_t *cols[3];

	values = table_alloc(n, 3, cols);
	if (!values || !order)
		return -ENOMEM;
	for (uint32_t i = 0; i < n; i++)
		order[i] = i;
	qsort_r(order, n, sizeof(*order), compare_frames, w->stacks.frames);
	for (uint32_t i = 0; i < n; i++) {
		const struct frame *f = &w->stacks.frames[order[i]];

		int64_t module = chunk_writer_module(w, f->module);

		if (module < 0)
			return (int)module;
		ret_row[order[i]] = i;
		cols[0][i] = f->off;
		cols[1][i] = (uint64_t)module;
		cols[2][i] = f->flags;
	}
	return encode_section(w, out, SECTION_FRAME, (const uint64_t *const *)cols, n, NULL);
}

/* FRAME and STACK. Leaves in w->node_rows which row each node became. */
static int encode_stacks(struct chunk_writer *w, struct buffer *out)
{
	_cleanup_free_ uint32_t *frame_row = malloc((w->stacks.frame_cnt + 1) * sizeof(*frame_row));
	_cleanup_free_ uint64_t *values = NULL;
	uint32_t n = w->stacks.node_cnt;
	struct stack_rows rows;
	uint64_t *cols[2];
	int err;

	if (!n)
		return 0;
	values = table_alloc(n, 2, cols);
	if (!values || !frame_row ||
	    array_grow(&w->node_rows, &w->node_rows_cap, n, sizeof(*w->node_rows)))
		return -ENOMEM;
	err = encode_frames(w, out, frame_row);
	if (err)
		return err;
	rows = (struct stack_rows){ cols[0], cols[1], w->node_rows };
	err = stack_rows_make(&w->stacks, frame_row, &rows);
	return err ? err
		   : encode_section(w, out, SECTION_STACK, (const uint64_t *const *)cols, n, NULL);
}

/* Stacks were staged as nodes in the order they came; say them by rows. */
static void rename_stacks(const struct chunk_writer *w, const struct section_desc *desc,
			  struct staged_rows *r)
{
	for (unsigned c = 0; c < desc->column_cnt; c++) {
		uint64_t *v = r->values + (size_t)c * r->cap;

		for (uint32_t i = 0; desc->columns[c].type == COLUMN_STACK && i < r->cnt; i++)
			if (v[i] >= STACK_REF_BASE)
				v[i] = w->node_rows[v[i] - STACK_REF_BASE + 1] + STACK_REF_BASE - 1;
	}
}

/* Put one column's rows in their order. */
static int reorder(struct chunk_writer *w, uint64_t *v, uint32_t n)
{
	uint64_t *sorted;

	w->scratch.len = 0;
	if (buffer_reserve(&w->scratch, n * sizeof(*sorted)))
		return -ENOMEM;
	sorted = (uint64_t *)w->scratch.data;
	for (uint32_t i = 0; i < n; i++)
		sorted[i] = v[w->order.rows[i]];
	memcpy(v, sorted, n * sizeof(*v));
	return 0;
}

static int order_rows(struct chunk_writer *w, const struct section_desc *desc,
		      struct staged_rows *r)
{
	bool has_cpu = desc->column_cnt > 1 && desc->columns[1].id == COLUMN_ID_CPU;
	int err = row_order_make(&w->order, r->values, has_cpu ? r->values + r->cap : NULL, r->cnt);

	for (unsigned c = 0; c < desc->column_cnt && !err && !w->order.is_identity; c++)
		err = reorder(w, r->values + (size_t)c * r->cap, r->cnt);
	return err;
}

static int encode_events(struct chunk_writer *w, struct buffer *out, unsigned kind)
{
	const struct section_desc *desc = section_find(kind);
	struct staged_rows *r = &w->rows[kind];
	const uint64_t *cols[SECTION_COLUMN_MAX];
	uint32_t start = 0;
	int err;

	if (!r->cnt)
		return 0;
	rename_stacks(w, desc, r);
	err = order_rows(w, desc, r);
	for (uint32_t i = 0; i < w->order.run_cnt && !err; start = w->order.run_ends[i++]) {
		for (unsigned c = 0; c < desc->column_cnt; c++)
			cols[c] = r->values + (size_t)c * r->cap + start;
		err = encode_section(w, out, kind, cols, w->order.run_ends[i] - start, NULL);
	}
	return err;
}

int chunk_writer_finish(struct chunk_writer *w, struct buffer *out)
{
	/* Each may add to the tables behind it. */
	int err = encode_stacks(w, out);

	if (!err)
		err = encode_modules(w, out);
	if (!err)
		err = encode_tasks(w, out);
	if (!err)
		err = encode_strings(w, out);
	for (unsigned kind = 1; kind < EVENT_KIND_CNT && !err; kind++)
		if (section_find(kind))
			err = encode_events(w, out, kind);
	return err;
}
