// SPDX-License-Identifier: BSD-2-Clause
#include "report/stacks.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "formats/cleanup.h"

char stacks_frame_mark(const struct stacks *s, const struct stack_frame *f)
{
	const char *kind = s->images.row[f->image].kind;

	/* The same rule in SQL: schema.sql, frame_v.label. */
	if (!strcmp(kind, "kernel") || !strcmp(kind, "module") || !strcmp(kind, "bpf"))
		return 'k';
	if (!strcmp(kind, "jit"))
		return 'j';
	return f->inlined ? 'i' : 0;
}

/* ---- to the database ---------------------------------------------------- */

static void insert_id(struct db_insert *in, uint64_t id)
{
	if (id)
		db_insert_int(in, (int64_t)id);
	else
		db_insert_null(in);
}

static void image_row(const struct stacks *s, uint32_t id, struct db_insert *in)
{
	const struct stack_image *i = &s->images.row[id];

	db_insert_int(in, id);
	db_insert_text(in, i->kind);
	db_insert_text(in, i->path);
	db_insert_text(in, i->build_id[0] ? i->build_id : NULL);
	db_insert_text(in, i->debug_path);
	db_insert_text(in, i->symbols);
	db_insert_text(in, i->unnamed_reason);
}

static void file_row(const struct stacks *s, uint32_t id, struct db_insert *in)
{
	db_insert_int(in, id);
	db_insert_text(in, s->files.row[id]);
}

static void function_row(const struct stacks *s, uint32_t id, struct db_insert *in)
{
	const struct stack_function *f = &s->functions.row[id];

	db_insert_int(in, id);
	db_insert_text(in, f->name);
	db_insert_text(in, f->raw_name);
	db_insert_int(in, f->image);
	insert_id(in, f->file);
	insert_id(in, f->line);
	db_insert_int(in, f->named);
	db_insert_text(in, f->language);
}

static void frame_row(const struct stacks *s, uint32_t id, struct db_insert *in)
{
	const struct stack_frame *f = &s->frames.row[id];

	db_insert_int(in, id);
	db_insert_int(in, f->function);
	db_insert_int(in, f->image);
	if (f->rel_addr == UNKNOWN_U64)
		db_insert_null(in);
	else
		db_insert_int(in, (int64_t)f->rel_addr);
	insert_id(in, f->file);
	insert_id(in, f->line);
	db_insert_int(in, f->inlined);
}

static void node_row(const struct stacks *s, uint32_t id, struct db_insert *in)
{
	const struct stack_node *n = &s->nodes.row[id];

	db_insert_int(in, id);
	insert_id(in, n->parent);
	db_insert_int(in, n->frame);
	db_insert_int(in, n->depth);
	db_insert_int(in, n->end);
	db_insert_int(in, n->end == STACK_END_TRUNCATED);
}

typedef void (*row_fn)(const struct stacks *s, uint32_t id, struct db_insert *in);

static int write_table(const struct stacks *s, struct db *db, const char *table, uint32_t cnt,
		       row_fn row, struct err *err)
{
	struct db_insert *in;
	int rc = db_insert_open(db, table, &in, err);

	if (rc)
		return rc;
	for (uint32_t id = 1; id <= cnt && !rc; id++) {
		if (row == node_row && !s->nodes.row[id].frame)
			continue;
		row(s, id, in);
		rc = db_insert_row(in, err);
	}
	return db_insert_close(in, NULL, rc ? NULL : err) ?: rc;
}

static int write_ends(struct db *db, struct err *err)
{
	struct db_insert *in;
	int rc = db_insert_open(db, "stack_end", &in, err);

	if (rc)
		return rc;
	for (int e = 0; e < STACK_END_CNT && !rc; e++) {
		db_insert_int(in, e);
		db_insert_text(in, stack_end_name((enum stack_end)e) ?: "unknown");
		rc = db_insert_row(in, err);
	}
	return db_insert_close(in, NULL, rc ? NULL : err) ?: rc;
}

/* meta's 'sought', which names_stamp() reads: that of all images, none: no row. */
static int write_sought(const struct stacks *s, struct db *db, struct err *err)
{
	_cleanup_free_ char *all = NULL;
	struct db_insert *in;
	size_t sz = 0;
	FILE *f;
	int rc;

	f = open_memstream(&all, &sz);
	for (uint32_t i = 1; f && i <= s->images.cnt; i++)
		fputs(s->images.row[i].sought ?: "", f);
	if (!f || fclose(f))
		return err_set(err, -ENOMEM, "out of memory");
	rc = sz ? db_insert_open(db, "meta", &in, err) : 0;
	if (rc || !sz)
		return rc;
	db_insert_text(in, "sought");
	db_insert_text(in, all);
	rc = db_insert_row(in, err);
	return db_insert_close(in, NULL, rc ? NULL : err) ?: rc;
}

int stacks_write(const struct stacks *s, struct db *db, struct err *err)
{
	int rc = write_ends(db, err);

	rc = rc ?: write_table(s, db, "image", s->images.cnt, image_row, err);
	rc = rc ?: write_sought(s, db, err);
	rc = rc ?: write_table(s, db, "source_file", s->files.cnt, file_row, err);
	rc = rc ?: write_table(s, db, "function", s->functions.cnt, function_row, err);
	rc = rc ?: write_table(s, db, "frame", s->frames.cnt, frame_row, err);
	return rc ?: write_table(s, db, "stack", s->nodes.cnt, node_row, err);
}

/* ---- from the database -------------------------------------------------- */

static const char *text(struct stacks *s, struct db_stmt *st, int col)
{
	return db_column_is_null(st, col) ? NULL :
					    strpool_add(&s->strings, db_column_text(st, col, NULL));
}

static int read_image(struct stacks *s, uint32_t id, struct db_stmt *st)
{
	struct stack_image *i;

	if (!table_reserve(&s->images, id))
		return -ENOMEM;
	i = &s->images.row[id];
	s->images.cnt = id > s->images.cnt ? id : s->images.cnt;
	i->kind = text(s, st, 1);
	i->path = text(s, st, 2);
	i->build_id = strpool_add(&s->strings, db_column_text(st, 3, NULL));
	i->debug_path = text(s, st, 4);
	i->symbols = text(s, st, 5);
	i->unnamed_reason = text(s, st, 6);
	return i->kind && i->path && i->build_id ? 0 : -ENOMEM;
}

static int read_file(struct stacks *s, uint32_t id, struct db_stmt *st)
{
	if (!table_reserve(&s->files, id))
		return -ENOMEM;
	s->files.cnt = id > s->files.cnt ? id : s->files.cnt;
	s->files.row[id] = text(s, st, 1);
	return s->files.row[id] ? 0 : -ENOMEM;
}

static int read_function(struct stacks *s, uint32_t id, struct db_stmt *st)
{
	struct stack_function *f;

	if (!table_reserve(&s->functions, id))
		return -ENOMEM;
	f = &s->functions.row[id];
	s->functions.cnt = id > s->functions.cnt ? id : s->functions.cnt;
	f->name = text(s, st, 1);
	f->raw_name = text(s, st, 2);
	f->image = (uint32_t)db_column_int(st, 3);
	f->file = (uint32_t)db_column_int(st, 4);
	f->line = (uint32_t)db_column_int(st, 5);
	f->named = db_column_int(st, 6);
	f->language = text(s, st, 7);
	return f->name ? 0 : -ENOMEM;
}

static int read_frame(struct stacks *s, uint32_t id, struct db_stmt *st)
{
	struct stack_frame *f;

	if (!table_reserve(&s->frames, id))
		return -ENOMEM;
	f = &s->frames.row[id];
	s->frames.cnt = id > s->frames.cnt ? id : s->frames.cnt;
	f->function = (uint32_t)db_column_int(st, 1);
	f->image = (uint32_t)db_column_int(st, 2);
	f->rel_addr = db_column_is_null(st, 3) ? UNKNOWN_U64 : (uint64_t)db_column_int(st, 3);
	f->file = (uint32_t)db_column_int(st, 4);
	f->line = (uint32_t)db_column_int(st, 5);
	f->inlined = db_column_int(st, 6);
	return 0;
}

static int read_node(struct stacks *s, uint32_t id, struct db_stmt *st)
{
	struct stack_node *n;

	if (!table_reserve(&s->nodes, id))
		return -ENOMEM;
	n = &s->nodes.row[id];
	s->nodes.cnt = id > s->nodes.cnt ? id : s->nodes.cnt;
	n->parent = (uint32_t)db_column_int(st, 1);
	n->frame = (uint32_t)db_column_int(st, 2);
	n->depth = (uint32_t)db_column_int(st, 3);
	n->end = (uint8_t)db_column_int(st, 4);
	return 0;
}

static int read_table(struct stacks *s, struct db *db, const char *sql,
		      int (*row)(struct stacks *, uint32_t, struct db_stmt *), struct err *err)
{
	_cleanup_stmt_ struct db_stmt *st = NULL;
	int rc = db_query(db, sql, &st, err);
	int64_t id;

	while (!rc && (rc = db_step(st, err)) == 1) {
		id = db_column_int(st, 0);
		if (id < 1 || id >= UINT32_MAX)
			return err_set(err, -EBADMSG, "database: row id %lld", (long long)id);
		rc = row(s, (uint32_t)id, st);
		if (rc)
			return err_set(err, rc, "database: out of memory");
	}
	return rc;
}

static bool has_image(const struct stacks *s, uint32_t id)
{
	return id >= 1 && id <= s->images.cnt && s->images.row[id].kind;
}

/* A database can be damaged or hand-made: whatever walks these tables relies on ids in range and on
 * ends to every walk. */
static int check(const struct stacks *s, struct err *err)
{
	for (uint32_t i = 1; i <= s->functions.cnt; i++)
		if (!has_image(s, s->functions.row[i].image) ||
		    s->functions.row[i].file > s->files.cnt)
			return err_set(err, -EBADMSG,
				       "database: function %u refers to what is not there", i);
	for (uint32_t i = 1; i <= s->frames.cnt; i++) {
		const struct stack_frame *f = &s->frames.row[i];

		if (f->function > s->functions.cnt || !s->functions.row[f->function].name ||
		    !has_image(s, f->image) || f->file > s->files.cnt)
			return err_set(err, -EBADMSG,
				       "database: frame %u refers to what is not there", i);
	}
	for (uint32_t i = 1; i <= s->nodes.cnt; i++) {
		const struct stack_node *n = &s->nodes.row[i];

		if (n->frame > s->frames.cnt || n->parent > s->nodes.cnt ||
		    (n->frame && !s->frames.row[n->frame].function))
			return err_set(err, -EBADMSG,
				       "database: stack %u refers to what is not there", i);
		/* depth falls by one towards the root, so there is no circle */
		if (n->parent ? n->depth != s->nodes.row[n->parent].depth + 1 : n->depth != 0)
			return err_set(err, -EBADMSG,
				       "database: stack %u is not one deeper than its parent", i);
		if (n->parent && !s->nodes.row[n->parent].frame)
			return err_set(err, -EBADMSG, "database: stack %u has no parent row", i);
	}
	return 0;
}

int stacks_read(struct stacks *s, struct db *db, struct err *err)
{
	int rc;

	/* Row 0 stands for none, also in a database without any rows. */
	if (!table_reserve(&s->images, 0) || !table_reserve(&s->files, 0) ||
	    !table_reserve(&s->functions, 0) || !table_reserve(&s->frames, 0) ||
	    !table_reserve(&s->nodes, 0))
		return err_set(err, -ENOMEM, "database: out of memory");
	rc = read_table(s, db,
			"SELECT id,kind,path,build_id,debug_path,symbols,unnamed_reason FROM image",
			read_image, err);
	rc = rc ?: read_table(s, db, "SELECT id,path FROM source_file", read_file, err);
	rc = rc	   ?:
		     read_table(
			     s, db,
			     "SELECT id,name,raw_name,image_id,file_id,line,named,language FROM function",
			     read_function, err);
	rc = rc	   ?:
		     read_table(
			     s, db,
			     "SELECT id,function_id,image_id,rel_addr,file_id,line,inlined FROM frame",
			     read_frame, err);
	rc = rc	   ?:
		     read_table(s, db, "SELECT id,parent_id,frame_id,depth,end_id FROM stack",
				read_node, err);
	return rc ?: check(s, err);
}

void stacks_deinit(struct stacks *s)
{
	if (!s)
		return;
	table_deinit(&s->images);
	table_deinit(&s->files);
	table_deinit(&s->functions);
	table_deinit(&s->frames);
	table_deinit(&s->nodes);
	strpool_deinit(&s->strings);
}
