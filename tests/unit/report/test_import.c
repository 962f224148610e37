// SPDX-License-Identifier: BSD-2-Clause
#include "report/import.h"

#include "report/folded.h"
#include "report/profile.h"
#include "tests/unit/report/synth.h"

static const struct symbolizer_options only_recorded = { .no_files = true };

/* Import s->path into s->db and open it. */
static struct db *import(struct synth *s)
{
	struct err err = { 0 };
	struct db *db;
	struct import *im;

	CHECK_EQ(db_create(s->db, &db, &err), 0);
	const struct import_options o = { .symbols = only_recorded, .db = db };
	CHECK_EQ(import_create(&o, &im, &err), 0);
	if (import_read(im, s->path, &err) || import_finish(im, &err) || db_finish(db, &err)) {
		printf("# %s\n", err.text);
		CHECK(!"import");
	}
	import_destroy(im);
	return db;
}

/* The rows of a query as "a|b\nc|d\n": NULL as nothing. */
static const char *rows(struct db *db, const char *sql)
{
	static char text[16384];
	struct err err = { 0 };
	struct db_stmt *st;
	size_t len = 0;
	int rc = db_query(db, sql, &st, &err);

	if (rc) {
		printf("# %s\n", err.text);
		CHECK(!"query");
	}
	text[0] = '\0';
	while ((rc = db_step(st, &err)) == 1)
		for (int c = 0; c < db_column_count(st); c++)
			len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s", db_column_text(st, c, NULL) ?: "",
						c + 1 < db_column_count(st) ? "|" : "\n");
	db_stmt_close(st);
	CHECK_EQ(rc, 0);
	return text;
}

static char *folded_of(struct profile *p, const struct filter *f)
{
	struct err err = { 0 };
	char *text;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	CHECK_EQ(folded_write(p, f, out, &err), 0);
	fclose(out);
	return text;
}

/* Straight from the recording, and from the database: must be the same. */
static char *folded_both(struct synth *s, struct db *db, const struct filter *f)
{
	const char *paths[] = { s->path };
	struct import_damage damage;
	struct err err = { 0 };
	struct profile p;
	char *direct, *from_db;

	profile_init(&p);
	CHECK_EQ(profile_import(&p, paths, 1, &only_recorded, f, &damage, &err), 0);
	direct = folded_of(&p, f);
	profile_deinit(&p);
	profile_init(&p);
	CHECK_EQ(profile_read(&p, db, f, &err), 0);
	from_db = folded_of(&p, f);
	profile_deinit(&p);
	CHECK_STR(direct, from_db);
	free(from_db);
	return direct;
}

TEST(import_gives_samples_their_thread_stack_and_names)
{
	struct synth s;
	struct db *db;
	char *text;

	synth_init(&s, 1);
	synth_clock(&s);
	uint32_t app = synth_module(&s, MODULE_ELF, "/bin/app", 1), krn = synth_module(&s, MODULE_KERNEL, "[kernel]", 2);
	struct task_ref t = synth_task(100, 100, -2000000000, "app"), worker = synth_task(100, 105, 1000, "wo;rk");
	struct event task = { .kind = EVENT_TASK, .task = t };
	task.proc.ppid = 1;
	task.proc.uid = 1000;
	task.proc.exe = "/bin/app";
	synth_add(&s, &task);
	struct frame main_leaf[] = { { app, FRAME_EXACT, 0x1010 }, { app, 0, 0x1105 } };
	struct frame in_kernel[] = { { krn, FRAME_EXACT, 0x20 }, { app, 0, 0x1010 }, { app, 0, 0x1105 } };
	synth_sample(&s, 10, 0, t, main_leaf, 2);
	synth_sample(&s, 20, 0, t, main_leaf, 2);
	synth_sample(&s, 20, 1, worker, in_kernel, 3);
	synth_sample(&s, 30, 1, worker, NULL, 0);
	synth_symbol(&s, app, 0x1000, 0x100, "work");
	synth_symbol(&s, app, 0x1100, 0x100, "main");
	synth_symbol(&s, krn, 0, 0x100, "entry");
	synth_close(&s);

	db = import(&s);
	CHECK_STR(rows(db, "SELECT ts, cpu, tid, weight_ns, folded FROM sample JOIN thread_v USING(utid) LEFT JOIN stack_text USING(stack_id)"),
		  "10|0|100|10000000|main;work\n20|0|100|10000000|main;work\n20|1|105|10000000|main;work;entry_[k]\n30|1|105|10000000|\n");
	CHECK_STR(rows(db, "SELECT pid, ppid, uid, comm, exe, start_ts FROM process"), "100|1|1000|app|/bin/app|-2000000000\n");
	CHECK_STR(rows(db, "SELECT tid, comm, is_main, uncertain, start_ts FROM thread"), "100|app|1|0|-2000000000\n105|wo;rk|0|1|1000\n");
	CHECK_STR(rows(db, "SELECT function, image, kind, printf('%x', rel_addr) FROM frame_v ORDER BY 4"),
		  "entry|[kernel]|kernel|20\nwork|/bin/app|elf|401010\nwork|/bin/app|elf|401010\nmain|/bin/app|elf|401105\n");
	CHECK_STR(rows(db, "SELECT function, self_ns, total_ns, self_samples FROM oncpu_function ORDER BY 1"),
		  "entry|10000000|10000000|1\nmain|0|30000000|0\nwork|20000000|30000000|2\n");
	CHECK_STR(rows(db, "SELECT * FROM function_total EXCEPT SELECT * FROM function_total_def"), "");
	CHECK_STR(rows(db, "SELECT * FROM function_total_def EXCEPT SELECT * FROM function_total"), "");
	struct filter f = { 0 };
	text = folded_both(&s, db, &f);
	CHECK_STR(text, "app;main;work 2\nwo:rk 1\nwo:rk;main;work;entry_[k] 1\n");
	CHECK_STR(rows(db, "SELECT folded||' '||samples FROM oncpu_folded ORDER BY folded"), text);
	free(text);
	db_close(db);
	synth_remove(&s);
}

TEST_MAIN()
