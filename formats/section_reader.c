// SPDX-License-Identifier: BSD-2-Clause
#include "formats/section_reader.h"

int section_header_next(struct cursor *payload, struct section_header *ret, struct err *err)
{
	uint64_t sz;

	if (!cursor_left(payload))
		return 0;
	if (!cursor_uvarint(payload, &ret->id) || !cursor_uvarint(payload, &ret->rows) ||
	    !cursor_uvarint(payload, &sz))
		return err_set(err, -EBADMSG, "section header is cut short");
	if (!cursor_take(payload, sz, &ret->body))
		return err_set(err, -EBADMSG,
			       "section %llu ends past the chunk (want %llu bytes, have %zu)",
			       (unsigned long long)ret->id, (unsigned long long)sz,
			       cursor_left(payload));
	if (!ret->rows || ret->rows > sz)
		return err_set(err, -EBADMSG, "section %llu claims %llu rows in %llu bytes",
			       (unsigned long long)ret->id, (unsigned long long)ret->rows,
			       (unsigned long long)sz);
	return 1;
}

static int find_column(const struct section_desc *desc, uint64_t id)
{
	for (unsigned c = 0; c < desc->column_cnt; c++)
		if (desc->columns[c].id == id)
			return (int)c;
	return -1;
}

/* Returns 0 or -EBADMSG. seen: bit per column. */
static int open_column(struct section_cursor *s, unsigned c, uint64_t enc, struct cursor data,
		       uint32_t *seen, struct err *err)
{
	const struct column_desc *col = &s->desc->columns[c];
	int ret = 0;

	if (*seen & 1u << c)
		return err_set(err, -EBADMSG, "section %s: column %s is there twice", s->desc->name,
			       col->name);
	*seen |= 1u << c;
	if (col->type == COLUMN_BYTES) {
		s->bytes = data;
		if (enc != ENC_BYTES)
			ret = -EBADMSG;
	} else {
		ret = column_open(&s->columns[c], enc, data, s->left);
	}
	if (ret)
		return err_set(err, ret, "section %s: column %s: encoding %llu does not fit",
			       s->desc->name, col->name, (unsigned long long)enc);
	return 0;
}

static int open_columns(struct section_cursor *s, struct cursor *body, uint64_t *unknown_columns,
			uint32_t *seen, struct err *err)
{
	while (cursor_left(body)) {
		uint64_t id, enc, sz;
		struct cursor data;
		int c, ret;

		if (!cursor_uvarint(body, &id) || !cursor_uvarint(body, &enc) ||
		    !cursor_uvarint(body, &sz) || !cursor_take(body, sz, &data))
			return err_set(err, -EBADMSG, "section %s: a column ends past the section",
				       s->desc->name);
		c = find_column(s->desc, id);
		if (c < 0) {
			++*unknown_columns;
			continue;
		}
		ret = open_column(s, (unsigned)c, enc, data, seen, err);
		if (ret)
			return ret;
	}
	return 0;
}

/* Constants are set, and looked at with the first row only; the columns that vary come first. */
static void sort_out_constants(struct section_cursor *s, uint32_t seen)
{
	for (int constants = 0; constants < 2; constants++) {
		for (unsigned c = 0; c < s->desc->column_cnt; c++) {
			const struct column_desc *col = &s->desc->columns[c];
			int is_constant = s->columns[c].enc == ENC_CONST && !col->rel;

			if (!(seen & 1u << c) || col->type == COLUMN_BYTES ||
			    is_constant != constants)
				continue;
			if (is_constant)
				s->values[c] = s->columns[c].prev;
			else
				s->varying_cnt++;
			s->active[s->active_cnt++] = (uint8_t)c;
		}
	}
}

int section_open(struct section_cursor *s, const struct section_desc *desc,
		 const struct section_header *h, uint64_t *unknown_columns, struct err *err)
{
	struct cursor body = h->body, *first;
	uint32_t seen = 0;
	int ret;

	*s = (struct section_cursor){ .desc = desc, .left = h->rows };
	ret = open_columns(s, &body, unknown_columns, &seen, err);
	if (ret)
		return ret;
	/*
	 * The first column holds a byte or more for each row: what bounds the rows, and the memory
	 * they take.
	 */
	first = desc->columns[0].type == COLUMN_BYTES ? &s->bytes : &s->columns[0].bytes;
	if (!(seen & 1) || s->columns[0].enc == ENC_CONST || cursor_left(first) < h->rows)
		return err_set(err, -EBADMSG, "section %s: column %s does not hold %llu rows",
			       desc->name, desc->columns[0].name, (unsigned long long)h->rows);
	sort_out_constants(s, seen);
	return 0;
}

static uint64_t largest(unsigned type, const struct column_limits *limits)
{
	switch ((enum column_type)type) {
	case COLUMN_U8:
		return UINT8_MAX;
	case COLUMN_U32:
	case COLUMN_I32: /* counted from its smallest */
		return UINT32_MAX;
	case COLUMN_STR:
		return limits->str;
	case COLUMN_TASK:
		return limits->task;
	case COLUMN_STACK:
		return limits->stack;
	case COLUMN_MODULE:
		return limits->module;
	default:
		return UINT64_MAX;
	}
}

void section_limit(struct section_cursor *s, const struct column_limits *limits)
{
	for (unsigned c = 0; c < s->desc->column_cnt; c++)
		s->largest[c] = largest(s->desc->columns[c].type, limits);
}

bool section_read_row(struct section_cursor *s)
{
	unsigned cnt = s->is_started ? s->varying_cnt : s->active_cnt;

	for (unsigned i = 0; i < cnt; i++) {
		unsigned c = s->active[i];
		const struct column_desc *col = &s->desc->columns[c];
		uint64_t v;

		if (!column_next(&s->columns[c], &v))
			return false;
		/*
		 * A later column still holds the value of the row before; the first row has none.
		 */
		if (col->rel && (col->rel - 1u < c || s->is_started))
			v += s->values[col->rel - 1];
		if (v + (col->type == COLUMN_I32 ? 0x80000000u : 0) > s->largest[c])
			return false;
		s->values[c] = v;
	}
	s->is_started = true;
	s->left--;
	return true;
}

bool section_at_end(const struct section_cursor *s)
{
	for (unsigned i = 0; i < s->active_cnt; i++)
		if (!column_at_end(&s->columns[s->active[i]]))
			return false;
	return true;
}

int section_bad_row(const struct section_cursor *s, struct err *err)
{
	return err_set(
		err, -EBADMSG,
		"section %s: a row is cut short, or a value is out of range (%llu rows were left)",
		s->desc->name, (unsigned long long)s->left);
}

int section_bad_end(const struct section_cursor *s, struct err *err)
{
	return err_set(err, -EBADMSG, "section %s: a column holds more than its rows",
		       s->desc->name);
}
