// SPDX-License-Identifier: BSD-2-Clause
/*
 * Recordings kept from each version of the format say today what they said then.
 * tests/golden/format-X.Y.varve beside its text, one event a line with every field that is not
 * zero. A new version adds a pair; old ones are never changed. VARVE_UPDATE=1 makes what is
 * missing.
 */
#include "formats/recording.h"

#include <unistd.h>

#include "formats/bytes.h"
#include "formats/format.h"
#include "tests/test.h"
#include "tests/unit/formats/random_events.h"

static const char *const versions[] = { "1.0" };

/* ---- an event as a line ---- */

static void put_text(FILE *f, const char *s)
{
	fputc('"', f);
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;

		if (c < 0x20 || c >= 0x7f || c == '"' || c == '\\')
			fprintf(f, "\\x%02x", c);
		else
			fputc(c, f);
	}
	fputc('"', f);
}

static void put_module(FILE *f, const struct recording_reader *r, uint32_t id)
{
	const struct module *m = recording_reader_module(r, id);

	if (!m) {
		fputs("-", f);
		return;
	}
	fprintf(f, "%s:", module_kind_name(m->kind));
	put_text(f, m->path);
	fputc('#', f);
	for (unsigned i = 0; i < m->build_id_sz; i++)
		fprintf(f, "%02x", m->build_id[i]);
	if (m->is_content_id)
		fputs("(content)", f);
	if (m->pid)
		fprintf(f, "@%u/%llu", m->pid, (unsigned long long)m->start_ts);
	for (unsigned i = 0; i < m->seg_cnt; i++)
		fprintf(f, "[%llx+%llx->%llx]", (unsigned long long)m->segs[i].offset,
			(unsigned long long)m->segs[i].filesz,
			(unsigned long long)m->segs[i].vaddr);
}

static void put_stack(FILE *f, const struct recording_reader *r, const struct event_stack *s)
{
	const struct chunk_view *v = recording_reader_chunk(r);

	fprintf(f, "{%s", stack_end_name(s->end));
	for (uint32_t node = s->id; node; node = v->node_parent[node]) {
		const struct frame *frame = &v->frames[v->node_frame[node]];

		fputc(' ', f);
		put_module(f, r, frame->module);
		fprintf(f, "+%llx%s", (unsigned long long)frame->off,
			frame->flags & FRAME_EXACT ? "!" : "");
	}
	fputc('}', f);
}

static void put_field(FILE *f, const struct recording_reader *r, const struct event *ev,
		      const struct column_desc *col)
{
	const char *field = (const char *)ev + col->off;
	const struct task_ref *task = (const struct task_ref *)field;

	switch (col->type) {
	case COLUMN_U8:
		fprintf(f, "%u", *(const uint8_t *)field);
		break;
	case COLUMN_U32:
		fprintf(f, "%u", *(const uint32_t *)field);
		break;
	case COLUMN_I32:
		fprintf(f, "%d", *(const int32_t *)field);
		break;
	case COLUMN_U64:
		fprintf(f, "%llu", *(const unsigned long long *)field);
		break;
	case COLUMN_I64:
		fprintf(f, "%lld", *(const long long *)field);
		break;
	case COLUMN_STR:
		put_text(f, *(const char *const *)field);
		break;
	case COLUMN_TASK:
		fprintf(f, "%u/%u/%llu/", task->pid, task->tid, (unsigned long long)task->start_ts);
		put_text(f, task->comm);
		break;
	case COLUMN_STACK:
		put_stack(f, r, (const struct event_stack *)field);
		break;
	case COLUMN_MODULE:
		put_module(f, r, *(const uint32_t *)field);
		break;
	}
}

static bool is_zero(const struct event *ev, const struct column_desc *col)
{
	const char *field = (const char *)ev + col->off;
	const struct event_stack *stack = (const struct event_stack *)field;
	const struct task_ref *task = (const struct task_ref *)field;
	static const char zeros[8];

	switch (col->type) {
	case COLUMN_STR:
		return !**(const char *const *)field;
	case COLUMN_TASK:
		return !task->pid && !task->tid && !task->start_ts && !*task->comm;
	case COLUMN_STACK:
		return !stack->id && !stack->end;
	case COLUMN_U8:
		return !*field;
	case COLUMN_U64:
	case COLUMN_I64:
		return !memcmp(field, zeros, 8);
	default:
		return !memcmp(field, zeros, 4);
	}
}

/* The whole recording as text. */
static char *dump(const char *path)
{
	struct recording_reader *r = NULL;
	struct event ev;
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	CHECK_EQ(recording_reader_open(path, &r, NULL), 0);
	while (recording_reader_next(r, &ev, NULL) == 1) {
		const struct section_desc *desc = section_find(ev.kind);

		fprintf(f, "%s", event_kind_name(ev.kind));
		for (unsigned c = 0; c < desc->column_cnt; c++) {
			if (is_zero(&ev, &desc->columns[c]))
				continue;
			fprintf(f, " %s=", desc->columns[c].name);
			put_field(f, r, &ev, &desc->columns[c]);
		}
		fputc('\n', f);
	}
	CHECK_EQ(recording_reader_summary(r)->damage_cnt, 0);
	recording_reader_close(r);
	fclose(f);
	return text;
}

/* ---- making the pair of this version ---- */

static void write_golden(const char *path)
{
	static const struct recording_writer_options options = { .uuid = "golden", .arch = 62 };
	struct recording_writer *w = NULL;
	struct random_event e;
	uint64_t state = 2024;

	CHECK_EQ(recording_writer_open(path, &options, &w, NULL), 0);
	for (int i = 0; i < TEST_MODULES; i++)
		recording_writer_add_module(w, &test_modules[i]);
	for (unsigned kind = 1; kind < EVENT_KIND_CNT; kind++) {
		/* Enough samples and switches that they are parted by CPU. */
		int n = kind == EVENT_SAMPLE || kind == EVENT_SWITCH ? 110 : 4;

		for (int i = 0; i < n; i++) {
			random_event(&state, kind, &e);
			if (n > 4)
				e.ev.cpu = (uint32_t)i % 2;
			CHECK_EQ(recording_writer_add(w, &e.ev, NULL), 0);
		}
	}
	CHECK_EQ(recording_writer_close(w, NULL), 0);
}

static void make_missing(const char *recording, const char *text)
{
	char *now;
	FILE *f;

	if (!getenv("VARVE_UPDATE") || !access(recording, F_OK))
		return;
	write_golden(recording);
	now = dump(recording);
	f = fopen(text, "wb");
	CHECK(f && fputs(now, f) >= 0);
	fclose(f);
	free(now);
}

static void check_version(const char *version)
{
	char recording[64], text[64], *now, *line, *save = NULL;
	char want[65536];
	FILE *f;

	snprintf(recording, sizeof(recording), "tests/golden/format-%s.varve", version);
	snprintf(text, sizeof(text), "tests/golden/format-%s.txt", version);
	if (access("tests/golden", F_OK))
		SKIP("run from the top of the tree");
	make_missing(recording, text);
	now = dump(recording);
	f = fopen(text, "rb");
	CHECK(f);
	for (line = strtok_r(now, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		CHECK(fgets(want, sizeof(want), f));
		want[strcspn(want, "\n")] = '\0';
		CHECK_STR(line, want);
	}
	CHECK(!fgets(want, sizeof(want), f));
	fclose(f);
	free(now);
}

TEST(every_kept_version_says_what_it_said)
{
	for (size_t i = 0; i < ARRAY_SIZE(versions); i++)
		check_version(versions[i]);
}

TEST(every_event_kind_is_kept)
{
	struct recording_reader *r = NULL;
	struct event ev;
	const struct recording_summary *s;

	if (access("tests/golden", F_OK))
		SKIP("run from the top of the tree");
	CHECK_EQ(recording_reader_open("tests/golden/format-1.0.varve", &r, NULL), 0);
	while (recording_reader_next(r, &ev, NULL) == 1)
		;
	s = recording_reader_summary(r);
	for (unsigned kind = 1; kind <= EVENT_END; kind++)
		CHECK(s->events[kind]);
	recording_reader_close(r);
}

TEST_MAIN()
