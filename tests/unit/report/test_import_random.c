// SPDX-License-Identifier: BSD-2-Clause
/*
 * Files whose framing is right and whose content is nonsense: any field may hold anything the format can. An import may call them odd, and a
 * query may refuse to add such numbers up, but nothing may crash, hang, or be read out of bounds; and both ways to folded stacks must
 * still agree.
 */
#include "report/folded.h"
#include "report/info.h"
#include "report/questions.h"
#include "report/top.h"
#include "tests/unit/report/synth.h"

static uint64_t state;

static uint64_t rnd(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

/* Small numbers mostly, so that things meet; and the edges. */
static uint64_t odd(void)
{
	static const uint64_t edges[] = { 0, 1, 2, INT32_MAX, UINT32_MAX, INT64_MAX, 1ULL << 63, UINT64_MAX, UINT64_MAX - 1 };

	switch (rnd() % 8) {
	case 0:
		return edges[rnd() % 9];
	case 1:
		return rnd();
	case 2:
		return SYNTH_T0 + rnd() % 1000000;
	default:
		return rnd() % 6;
	}
}

static const char *word(void)
{
	static const char *const words[] = { "", "a", "b;c", "x\ny", "\xff\xfe", "/kubepods/pod1", "[kernel]", "'); DROP TABLE sample;--" };

	return words[rnd() % 8];
}

static struct task_ref task(void)
{
	return (struct task_ref){ .pid = (uint32_t)odd(), .tid = (uint32_t)odd(), .start_ts = odd(), .comm = word() };
}

static uint32_t modules[12], module_cnt;

static uint32_t some_module(void)
{
	return rnd() % 4 ? modules[rnd() % module_cnt] : 0;
}

static void stack(struct event_stack *st, struct frame *frames)
{
	st->cnt = (uint32_t)(rnd() % 5 ? rnd() % 12 : 0);
	st->frames = frames;
	st->end = (enum stack_end)(rnd() % STACK_END_CNT);
	for (uint32_t i = 0; i < st->cnt; i++)
		frames[i] = (struct frame){ some_module(), (uint32_t)(rnd() % 2), odd() };
}

static void fill(struct event *ev, struct frame *frames)
{
	uint8_t *bytes = (uint8_t *)ev;

	/* numbers anywhere, then what must be pointers and counts */
	for (size_t at = offsetof(struct event, sample); at + 8 <= sizeof(*ev); at += 8) {
		uint64_t v = odd();

		memcpy(bytes + at, &v, 8);
	}
	switch (ev->kind) {
	case EVENT_META:
		ev->meta.key = word();
		ev->meta.value = word();
		break;
	case EVENT_TASK:
	case EVENT_FORK:
	case EVENT_EXEC:
		ev->proc.exe = word();
		ev->proc.cmdline = word();
		break;
	case EVENT_CGROUP:
		ev->cgroup.path = word();
		ev->cgroup.controller = word();
		break;
	case EVENT_MAPPING:
		ev->mapping.module = some_module();
		break;
	case EVENT_COUNTER:
		ev->counter.name = word();
		ev->counter.scope = word();
		break;
	case EVENT_SYMBOL:
		ev->symbol.module = modules[rnd() % module_cnt];
		ev->symbol.source = SYMBOL_SYMTAB;
		ev->symbol.name = word();
		break;
	case EVENT_MARK:
		ev->mark.text = word();
		break;
	case EVENT_OFFCPU:
		stack(&ev->offcpu.waker_stack, frames);
		break;
	default:
		break;
	}
}

static void make(struct synth *s, int events)
{
	struct frame frames[2][16];
	struct err err = { 0 };

	synth_init(s, (uint8_t)(1 + rnd() % 200));
	for (module_cnt = 0; module_cnt < 12; module_cnt++) {
		struct module m = { .kind = (enum module_kind)(1 + rnd() % 6), .path = word(), .pid = (uint32_t)odd(), .start_ts = odd() };

		modules[module_cnt] = (uint32_t)recording_writer_add_module(s->w, &m);
	}
	for (int i = 0; i < events; i++) {
		struct event ev = { .kind = (enum event_kind)(1 + rnd() % (EVENT_KIND_CNT - 1)) };

		fill(&ev, frames[0]);
		/* a database keeps one of two events of a thread at the same instant: that is a difference, and counted as damage */
		ev.ts = ev.kind == EVENT_SAMPLE || ev.kind == EVENT_OFFCPU ? odd() % 1000 + (uint64_t)i * 1000 : odd();
		ev.cpu = (uint32_t)odd();
		ev.task = task();
		ev.other = task();
		stack(&ev.stack, frames[1]);
		/* what the format cannot hold, the writer refuses; that is its test's matter */
		(void)recording_writer_add(s->w, &ev, &err);
		if (rnd() % 40 == 0)
			synth_flush(s);
	}
	synth_close(s);
}

static void check_outputs(struct profile *p, const struct filter *f, char **ret_folded)
{
	struct info_names names = { 0 };
	struct err err = { 0 };
	struct top top = { 0 };
	size_t len;
	FILE *out = open_memstream(ret_folded, &len);

	CHECK_EQ(folded_write(p, f, out, &err), 0);
	fclose(out);
	CHECK_EQ(top_compute(&top, p, f, (enum top_by)(rnd() % 7), &err), 0);
	CHECK_EQ(info_names(&names, p, &err), 0);
	top_deinit(&top);
	table_deinit(&names.images);
}

static void run_questions(struct db *db)
{
	const char *pos = questions_text;
	struct err err = { 0 };
	struct question q;

	while (question_next(&pos, &q) == 1) {
		struct db_stmt *st;

		CHECK_EQ(db_query_user(db, q.sql, &st, &err), 0);
		db_bind_int(st, ":from", INT64_MIN);
		db_bind_int(st, ":to", INT64_MAX);
		db_bind_int(st, ":whole", (int64_t)(rnd() % 2));
		db_bind_int(st, ":most", (int64_t)(rnd() % 2));
		for (int i = 0; i < 1000 && db_step(st, &err) == 1; i++)
			; /* an overflow is refused in words */
		db_stmt_close(st);
		question_deinit(&q);
	}
}

static void import_one(uint64_t seed)
{
	static const struct symbolizer_options only_recorded = { .no_files = true };
	struct filter f = { .event = (enum filter_event)(seed % 5), .weight = FILTER_WEIGHT_SAMPLES, .offwake = seed % 2 };
	struct import_damage damage;
	struct err err = { 0 };
	char *direct, *from_db;
	struct profile p;
	struct import *im;
	struct synth s;
	struct db *db;

	state = seed * 0x9e3779b97f4a7c15ULL + 1;
	make(&s, 400);
	const char *path = s.path;
	CHECK_EQ(db_create(s.db, &db, &err), 0);
	const struct import_options o = { .symbols = only_recorded, .db = db };
	CHECK_EQ(import_create(&o, &im, &err), 0);
	if (import_read(im, path, &err) || import_finish(im, &err) || db_finish(db, &err)) {
		printf("# seed %llu: %s\n", (unsigned long long)seed, err.text);
		CHECK(!"import");
	}
	import_destroy(im);
	profile_init(&p);
	CHECK_EQ(profile_read(&p, db, &f, &err), 0);
	check_outputs(&p, &f, &from_db);
	profile_deinit(&p);
	profile_init(&p);
	CHECK_EQ(profile_import(&p, &path, 1, &only_recorded, &f, &damage, &err), 0);
	check_outputs(&p, &f, &direct);
	profile_deinit(&p);
	if (strcmp(direct, from_db))
		printf("# seed %llu, event %d\n", (unsigned long long)seed, f.event);
	CHECK_STR(direct, from_db);
	free(direct);
	free(from_db);
	run_questions(db);
	db_close(db);
	synth_remove(&s);
}

TEST(import_survives_any_content_and_both_ways_agree)
{
	int n = getenv("VARVE_SEEDS") ? atoi(getenv("VARVE_SEEDS")) : 40;

	for (int seed = 1; seed <= n; seed++)
		import_one((uint64_t)seed);
}

TEST_MAIN()
