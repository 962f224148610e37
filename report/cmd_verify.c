// SPDX-License-Identifier: BSD-2-Clause
#include "report/cmd.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "formats/recording.h"
#include "report/db.h"
#include "report/escape.h"
#include "report/json.h"
#include "report/print.h"

static const char *const chunk_types[16] = {
	NULL,  "META", "CLOCK", "KEYFRAME", "TASK", "SAMPLE", "OFFCPU", "SCHED",
	"OOM", "LOSS", "KSYM",	"SYMTAB",   "MARK", "HEALTH", "INDEX",	"END",
};

/* Times are told from the recording's start. */
static double seconds(const struct recording_summary *s, uint64_t ts)
{
	return (double)(int64_t)(ts - s->monotonic_ns) / 1e9;
}

static void put_chunk(const struct recording_reader *r, const struct event *ev)
{
	const struct chunk_view *v = recording_reader_chunk(r);

	printf("  chunk %llu: %s, first event at %.3f s\n", (unsigned long long)v->seq,
	       v->type < 16 && chunk_types[v->type] ? chunk_types[v->type] : "?",
	       seconds(recording_reader_summary(r), ev->ts));
}

static int read_all(const struct report_options *o, struct recording_reader *r, struct err *err)
{
	uint64_t seq = UINT64_MAX;
	struct event ev;
	int rc;

	while ((rc = recording_reader_next(r, &ev, err)) == 1) {
		if (o->verbose && !o->json && recording_reader_chunk(r)->seq != seq)
			put_chunk(r, &ev);
		seq = recording_reader_chunk(r)->seq;
	}
	return rc;
}

static void put_text(const struct recording_summary *s)
{
	char buf[32];

	printf("  %s bytes, %llu chunks in %u segment%s, format %u.%u\n",
	       print_count(buf, s->bytes), (unsigned long long)s->chunks, s->segments,
	       s->segments == 1 ? "" : "s", s->major, s->minor);
	for (int t = 1; t < 16; t++)
		if (s->chunks_by_type[t])
			printf("  %-9s %6llu chunks\n", chunk_types[t],
			       (unsigned long long)s->chunks_by_type[t]);
	if (s->segment_cnt && s->segment[0].number)
		printf("  segment %llu of its recording\n", (unsigned long long)s->segment[0].number);
	if (s->unknown_chunks)
		printf("  %llu chunks of a type this program does not know, skipped\n",
		       (unsigned long long)s->unknown_chunks);
	if (s->duplicate_chunks)
		printf("  %llu duplicate chunks, dropped\n",
		       (unsigned long long)s->duplicate_chunks);
	for (size_t i = 0; i < s->damage_cnt; i++) {
		const struct recording_damage *d = &s->damage[i];

		printf("  damaged: offset %llu: %s (%llu bytes", (unsigned long long)d->offset,
		       d->reason, (unsigned long long)d->bytes);
		if (d->chunks)
			printf(", %llu chunks", (unsigned long long)d->chunks);
		if (d->first_ts && d->last_ts)
			printf(", %.3f s to %.3f s", seconds(s, d->first_ts),
			       seconds(s, d->last_ts));
		printf(" lost)\n");
	}
	if (!s->has_end)
		printf("  the recording did not end on purpose; readable to %.3f s\n",
		       seconds(s, s->last_ts));
	printf("  %s\n", s->damage_cnt ? "damaged" : "clean");
}

static void put_damage_json(struct json *j, const struct recording_summary *s)
{
	json_key(j, "damage");
	json_array(j);
	for (size_t i = 0; i < s->damage_cnt; i++) {
		const struct recording_damage *d = &s->damage[i];

		json_object(j);
		json_key(j, "offset");
		json_u64(j, d->offset);
		json_key(j, "bytes");
		json_u64(j, d->bytes);
		json_key(j, "chunks");
		json_u64(j, d->chunks);
		json_key(j, "reason");
		json_string(j, d->reason);
		json_key(j, "from_s");
		json_double(j, d->first_ts ? seconds(s, d->first_ts) : 0);
		json_key(j, "to_s");
		json_double(j, d->last_ts ? seconds(s, d->last_ts) : 0);
		json_end(j);
	}
	json_end(j);
}

static void put_json(const char *path, uint32_t n, const struct recording_summary *s)
{
	struct json j;

	json_init(&j, stdout);
	json_object(&j);
	json_key(&j, "file");
	json_string(&j, path);
	json_key(&j, "recording");
	json_u64(&j, n);
	json_key(&j, "bytes");
	json_u64(&j, s->bytes);
	json_key(&j, "chunks");
	json_u64(&j, s->chunks);
	json_key(&j, "unknown_chunks");
	json_u64(&j, s->unknown_chunks);
	json_key(&j, "duplicate_chunks");
	json_u64(&j, s->duplicate_chunks);
	json_key(&j, "ended");
	json_bool(&j, s->has_end);
	put_damage_json(&j, s);
	json_key(&j, "clean");
	json_bool(&j, s->damage_cnt == 0);
	json_end(&j);
	fputc('\n', stdout);
}

/* n: of the recordings joined in this input, from 1. */
static int verify_recording(const struct report_options *o, const char *path, uint32_t n,
			    struct recording_reader *r, struct err *err)
{
	int rc;

	if (!o->json) {
		escape_text(stdout, path, strlen(path));
		if (n > 1)
			printf(", recording %u", n);
		putchar('\n');
	}
	rc = read_all(o, r, err);
	if (rc)
		return rc;
	if (o->json)
		put_json(path, n, recording_reader_summary(r));
	else
		put_text(recording_reader_summary(r));
	return 0;
}

static int verify_input(const struct report_options *o, const char *path, bool *ret_damaged,
			struct err *err)
{
	struct recording_reader *r;
	uint32_t n = 0;
	int rc = recording_reader_open(path, &r, err);

	if (rc)
		return rc;
	do {
		rc = verify_recording(o, path, ++n, r, err);
		*ret_damaged |= recording_reader_summary(r)->damage_cnt > 0;
	} while (!rc && (rc = recording_reader_next_recording(r, err)) == 1);
	if (rc)
		err_prefix(err, "'%s'", path);
	recording_reader_close(r);
	return rc;
}

static int verify_database(const char *path, struct err *err)
{
	_cleanup_db_ struct db *db = NULL;
	_cleanup_stmt_ struct db_stmt *st = NULL;
	int rc = db_open(path, &db, err);

	rc = rc ?: db_query(db, "PRAGMA integrity_check(1)", &st, err);
	if (rc)
		return rc;
	rc = db_step(st, err);
	if (rc == 1 && !strcmp(db_column_text(st, 0, NULL) ?: "", "ok")) {
		printf("%s\n  database, clean\n", path);
		return 0;
	}
	return rc < 0 ? rc :
			err_set(err, -EBADMSG, "'%s': %s", path,
				db_column_text(st, 0, NULL) ?: "damaged");
}

int cmd_verify(const struct report_options *o, struct err *err)
{
	bool damaged = false;
	int rc = 0;

	for (size_t i = 0; i < o->input_cnt && !rc; i++)
		rc = db_is_database(o->inputs[i]) ?
			     verify_database(o->inputs[i], err) :
			     verify_input(o, o->inputs[i], &damaged, err);
	rc = print_close(stdout, NULL, rc ? NULL : err) ?: rc;
	return rc ?: damaged ? EXIT_DAMAGED : EXIT_OK;
}
