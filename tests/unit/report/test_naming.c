// SPDX-License-Identifier: BSD-2-Clause
#include "report/naming.h"

#include <stdarg.h>

#include "fixture.h"
#include "report/cmd.h"

/* evil() of the program and gc() of JIT code have no names */
#define LACKING                                                                                                \
	"UPDATE function SET named = 0 WHERE id IN (5, 8);"                                                    \
	"UPDATE image SET symbols = 'symtab', unnamed_reason = 'address in no symbol' WHERE id = 1;"           \
	"UPDATE image SET symbols = 'dwarf' WHERE id = 3;"                                                     \
	"UPDATE image SET unnamed_reason = 'JIT code without a perf map' WHERE id = 4;"

static char noted[512];

/* main.c's */
void cmd_note(const struct report_options *o, const char *fmt, ...)
{
	size_t len = strlen(noted);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(noted + len, sizeof(noted) - len, fmt, ap);
	va_end(ap);
	(void)o;
}

struct read {
	struct fixture x;
	struct naming g;
	char *text;
	size_t sz;
	FILE *out;
};

static void begin(struct read *r, const char *sql)
{
	fixture_init(&r->x, sql);
	memset(&r->g, 0, sizeof(r->g));
	r->text = NULL;
	r->out = open_memstream(&r->text, &r->sz);
	CHECK(r->out);
	CHECK_EQ(naming_read(&r->g, r->x.db, r->out, &r->x.err), 0);
	fflush(r->out);
}

static void end(struct read *r)
{
	fclose(r->out);
	free(r->text);
	naming_deinit(&r->g);
	fixture_deinit(&r->x);
}

static int64_t frames_of(struct read *r, const char *and)
{
	char sql[1024];

	snprintf(sql, sizeof(sql),
		 "WITH RECURSIVE up(id, f) AS (SELECT s.parent_id, s.frame_id FROM sample JOIN stack s ON s.id = stack_id"
		 " UNION ALL SELECT s.parent_id, s.frame_id FROM up JOIN stack s ON s.id = up.id)"
		 " SELECT count(*) FROM up JOIN frame ON frame.id = f JOIN function fn ON fn.id = function_id WHERE %s", and);
	return db_query_int(r->x.db, sql, -1);
}

TEST(naming_counts_every_frame_of_every_sample)
{
	struct read r;

	begin(&r, LACKING);
	CHECK_EQ(r.g.total[0].frames, frames_of(&r, "1"));
	CHECK_EQ(r.g.total[0].named, frames_of(&r, "fn.named"));
	CHECK_EQ(r.g.images.row[1].of[0].frames, frames_of(&r, "frame.image_id = 1"));
	CHECK_EQ(r.g.images.row[1].of[0].named, frames_of(&r, "frame.image_id = 1 AND fn.named"));
	CHECK_EQ(r.g.leaves[0].frames - r.g.leaves[0].named, 7 + 4); /* gc, evil */
	CHECK_EQ(r.g.total[1].frames - r.g.total[1].named, 2); /* two waits in evil() */
	CHECK_HAS(r.text, "(address in no symbol)");
	CHECK_HAS(r.text, "(JIT code without a perf map)");
	end(&r);
}

TEST(naming_names_what_is_missing_the_worst_first)
{
	const char *jit, *app;
	struct read r;

	begin(&r, LACKING);
	rewind(r.out);
	CHECK_EQ(naming_print_missing(&r.g, "/nonexistent", r.out, &r.x.err), 0);
	fflush(r.out);
	jit = strstr(r.text, "//anon");
	app = strstr(r.text, "/usr/bin/app");
	CHECK(jit && app && app < jit); /* shares of both sides count */
	CHECK_HAS(app, "  build-id 0011223344556677\n");
	CHECK_HAS(app, "mend: 00/11223344556677.debug\n");
	CHECK_HAS(jit, "mend: next time a perf map");
	CHECK(!strstr(r.text, "libc.so.6")); /* has its names and debug information */
	end(&r);
}

TEST(naming_says_when_nothing_is_missing)
{
	struct read r;

	begin(&r, "UPDATE image SET symbols = 'dwarf';");
	rewind(r.out);
	CHECK_EQ(naming_print_missing(&r.g, "/nonexistent", r.out, &r.x.err), 0);
	fflush(r.out);
	CHECK_HAS(r.text, "\nnothing is missing\n");
	end(&r);
}

TEST(naming_is_below_says_which_side)
{
	struct report_options o = { .min_named = 99.9 };
	struct read r;

	begin(&r, LACKING);
	noted[0] = '\0';
	CHECK(naming_is_below(&r.g, &o));
	CHECK_HAS(noted, "of the frames on CPU have names, less than --min-named 99.9");
	CHECK_HAS(noted, "of the frames off CPU have names, less than --min-named 99.9");
	noted[0] = '\0';
	o.min_named = 100 - 100.0 * (double)(7 + 4) / (double)r.g.total[0].frames - 0.01;
	CHECK(naming_is_below(&r.g, &o)); /* off CPU only: 2 of few */
	CHECK(!strstr(noted, " on CPU"));
	noted[0] = '\0';
	o.min_named = 50;
	CHECK(!naming_is_below(&r.g, &o));
	CHECK_STR(noted, "");
	end(&r);
}

TEST_MAIN()
