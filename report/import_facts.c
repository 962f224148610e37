// SPDX-License-Identifier: BSD-2-Clause
#include "report/import_facts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "formats/cleanup.h"

int import_facts_init(struct import_facts *f, struct db *db, struct err *err)
{
	int rc = 0;

	memset(f, 0, sizeof(*f));
	if (db) {
		rc = db_insert_open(db, "counter", &f->counters, err);
		rc = rc ?: db_insert_open(db, "clock", &f->clocks, err);
		rc = rc ?: db_insert_open(db, "mark", &f->marks, err);
		rc = rc ?: db_insert_open(db, "loss", &f->losses, err);
	}
	return rc;
}

struct import_clock *import_facts_clock(struct import_facts *f)
{
	return &f->recordings.row[f->recording].clock;
}

static int oom(struct err *err)
{
	return err_set(err, -ENOMEM, "import: out of memory");
}

int import_facts_begin(struct import_facts *f, const struct recording_summary *sum, bool is_new,
		       struct err *err)
{
	struct import_recording *rec, *first;

	if (!is_new)
		return 0;
	f->recording = table_add(&f->recordings);
	if (!f->recording)
		return oom(err);
	memset(f->totals, 0, sizeof(f->totals));
	memset(f->imported, 0, sizeof(f->imported));
	f->segments.list.cnt = 0;
	rec = &f->recordings.row[f->recording];
	first = &f->recordings.row[1];
	memcpy(rec->uuid, sum->uuid, sizeof(rec->uuid));
	rec->t0_unix_ns = sum->realtime_ns;
	rec->clock.t0_mono = sum->monotonic_ns;
	/* several recordings share one time line by their wall clocks */
	rec->clock.start_ts = import_clamp((int64_t)(rec->t0_unix_ns - first->t0_unix_ns));
	return 0;
}

/* ---- events ------------------------------------------------------------- */

/* NULL: out of memory. */
static struct import_fact *add_fact(struct import_facts *f, const char *key, const char *value)
{
	uint32_t id = table_add(&f->meta);
	struct import_fact *m = &f->meta.row[id];

	if (!id)
		return NULL;
	m->key = strpool_add(&f->strings, key);
	m->value = strpool_add(&f->strings, value);
	m->recording = f->recording;
	return m->key && m->value ? m : NULL;
}

static int meta_event(struct import_facts *f, const struct event *ev, struct err *err)
{
	struct import_fact *m = add_fact(f, ev->meta.key, ev->meta.value);

	if (!m)
		return oom(err);
	if (!strcmp(m->key, "hostname"))
		f->recordings.row[f->recording].host = m->value;
	else if (!strcmp(m->key, "target"))
		f->recordings.row[f->recording].has_target = strcmp(m->value, "all") != 0;
	return 0;
}

static int clock_event(struct import_facts *f, const struct event *ev, int64_t ts, struct err *err)
{
	struct import_clock *c = import_facts_clock(f);

	if (!c->has_boot && ev->clock.boottime_ns) {
		c->boot_offset = (int64_t)(ev->clock.boottime_ns - ev->ts);
		c->has_boot = true;
	}
	if (!f->clocks)
		return 0;
	db_insert_int(f->clocks, ts);
	db_insert_int(f->clocks, (int64_t)ev->clock.realtime_ns);
	db_insert_int(f->clocks, (int64_t)ev->clock.boottime_ns);
	return db_insert_row(f->clocks, err);
}

static int counter_event(struct import_facts *f, const struct event *ev, int64_t ts,
			 struct err *err)
{
	if (!f->counters)
		return 0;
	db_insert_int(f->counters, ++f->counter_cnt);
	db_insert_int(f->counters, f->recording);
	db_insert_int(f->counters, ts);
	db_insert_text(f->counters, ev->counter.name);
	db_insert_text(f->counters, ev->counter.scope[0] ? ev->counter.scope : NULL);
	if (ev->counter.scope_id)
		db_insert_int(f->counters, (int64_t)ev->counter.scope_id);
	else
		db_insert_null(f->counters);
	db_insert_real(f->counters, (double)ev->counter.value);
	return db_insert_row(f->counters, err);
}

static int mark_event(struct import_facts *f, const struct event *ev, int64_t ts, struct err *err)
{
	if (!f->marks)
		return 0;
	db_insert_int(f->marks, ++f->mark_cnt);
	db_insert_int(f->marks, ts);
	db_insert_text(f->marks, ev->mark.text);
	return db_insert_row(f->marks, err);
}

static int loss_row(struct import_facts *f, int64_t ts, int64_t dur_ns, const char *stream,
		    int64_t cpu, uint64_t lost, const char *reason, uint64_t bytes, struct err *err)
{
	struct db_insert *in = f->losses;

	if (!in)
		return 0;
	db_insert_int(in, ++f->loss_cnt);
	db_insert_int(in, f->recording);
	db_insert_int(in, ts);
	if (dur_ns >= 0)
		db_insert_int(in, dur_ns);
	else
		db_insert_null(in);
	db_insert_text(in, stream);
	if (cpu >= 0)
		db_insert_int(in, cpu);
	else
		db_insert_null(in);
	if (lost)
		db_insert_int(in, (int64_t)lost);
	else
		db_insert_null(in);
	db_insert_text(in, reason);
	if (bytes)
		db_insert_int(in, (int64_t)bytes);
	else
		db_insert_null(in);
	return db_insert_row(in, err);
}

int import_facts_loss(struct import_facts *f, int64_t ts, int64_t dur_ns, const char *stream,
		      uint64_t lost, const char *reason, uint64_t bytes, struct err *err)
{
	return loss_row(f, ts, dur_ns, stream, -1, lost, reason, bytes, err);
}

static int loss_event(struct import_facts *f, const struct event *ev, int64_t ts, struct err *err)
{
	const char *stream = event_kind_name((enum event_kind)ev->loss.stream) ?: "unknown";
	const char *reason = loss_reason_name(ev->loss.reason) ?: "unknown";

	return loss_row(f, ts, import_clamp((int64_t)ev->loss.dur_ns), stream, ev->cpu,
			ev->loss.cnt, reason, ev->loss.bytes, err);
}

static int total_event(struct import_facts *f, const struct event *ev)
{
	struct import_total *t;

	if (ev->total.stream >= EVENT_KIND_CNT)
		return 0; /* a stream of a newer writer */
	t = &f->totals[ev->total.stream]; /* each segment has its own */
	t->seen += ev->total.seen;
	t->written += ev->total.written;
	t->ring_full += ev->total.ring_full;
	t->map_full += ev->total.map_full;
	t->stack_error += ev->total.stack_error;
	t->user_dropped += ev->total.user_dropped;
	t->is_known = true;
	return 0;
}

/* The last segment's counts, in whatever order they were joined. */
static void end_event(struct import_recording *rec, const struct event *ev, int64_t ts)
{
	if (rec->ended && ts - rec->clock.start_ts < rec->duration_ns)
		return;
	rec->ended = end_reason_name(ev->end.reason) ?: "unknown";
	rec->duration_ns = ts - rec->clock.start_ts;
}

int import_facts_event(struct import_facts *f, const struct event *ev, int64_t ts, struct err *err)
{
	switch (ev->kind) {
	case EVENT_META:
		return meta_event(f, ev, err);
	case EVENT_CLOCK:
		return clock_event(f, ev, ts, err);
	case EVENT_COUNTER:
		return counter_event(f, ev, ts, err);
	case EVENT_MARK:
		return mark_event(f, ev, ts, err);
	case EVENT_LOSS:
		return loss_event(f, ev, ts, err);
	case EVENT_STREAM_TOTAL:
		return total_event(f, ev);
	case EVENT_END:
		end_event(&f->recordings.row[f->recording], ev, ts);
		return 0;
	default:
		return 0;
	}
}

int import_facts_end_file(struct import_facts *f, const struct recording_summary *sum,
			  uint64_t known_chunks, uint64_t known_bytes, struct err *err)
{
	struct import_recording *rec = &f->recordings.row[f->recording];
	int rc = import_segments_add(&f->segments, sum) ? oom(err) : 0;

	if (!sum->has_end)
		rec->ended = NULL; /* what a segment before it said was that it goes on */
	/* the last readings of the clock are of later than the end */
	if (sum->last_ts && !rec->ended &&
	    import_ts(&rec->clock, sum->last_ts) - rec->clock.start_ts > rec->duration_ns)
		rec->duration_ns = import_ts(&rec->clock, sum->last_ts) - rec->clock.start_ts;
	rec->chunks += sum->chunks - known_chunks;
	rec->bytes += sum->bytes - known_bytes;
	rec->damaged += sum->damage_cnt;
	for (size_t i = 0; i < sum->damage_cnt && !rc; i++) {
		const struct recording_damage *d = &sum->damage[i];
		uint64_t from = d->first_ts ?: rec->clock.t0_mono, to = d->last_ts ?: sum->last_ts;
		char reason[160];

		snprintf(reason, sizeof(reason), "damage: %s", d->reason);
		rec->missing_chunks += d->chunks;
		rc = loss_row(f, import_ts(&rec->clock, from), to > from ? (int64_t)(to - from) : 0,
			      "recording", -1, 0, reason, d->bytes, err);
	}
	return rc;
}

static int segment_gap(struct import_facts *f, const struct import_segments_gap *g, struct err *err)
{
	const struct import_clock *c = import_facts_clock(f);
	char reason[96];

	snprintf(reason, sizeof(reason), "segments: %llu to %llu are not here", (unsigned long long)g->first, (unsigned long long)g->last);
	return import_facts_loss(f, import_ts(c, g->from_ts), g->until_ts > g->from_ts ? import_clamp((int64_t)(g->until_ts - g->from_ts)) : 0,
				 "recording", 0, reason, 0, err);
}

int import_facts_end(struct import_facts *f, uint64_t *ret_missing, struct err *err)
{
	struct import_segments_gap g;
	_cleanup_free_ char *text = NULL;
	uint32_t at = 0;
	int rc = 0;

	*ret_missing = 0;
	import_segments_sort(&f->segments);
	if (!import_segments_is_cut(&f->segments))
		return 0;
	text = import_segments_text(&f->segments);
	if (!text || !add_fact(f, "segments", text))
		return oom(err);
	while (!rc && import_segments_gap(&f->segments, &at, &g)) {
		*ret_missing += g.last - g.first + 1;
		rc = segment_gap(f, &g, err);
	}
	return rc;
}

int import_facts_end_clocks(struct import_facts *f, uint64_t *ret_duplicates, struct err *err)
{
	return db_insert_close(take_ptr(f->clocks), ret_duplicates, err);
}

int import_facts_close(struct import_facts *f, struct err *err)
{
	int rc = db_insert_close(take_ptr(f->counters), NULL, err);

	rc = db_insert_close(take_ptr(f->clocks), NULL, rc ? NULL : err) ?: rc;
	rc = db_insert_close(take_ptr(f->marks), NULL, rc ? NULL : err) ?: rc;
	return db_insert_close(take_ptr(f->losses), NULL, rc ? NULL : err) ?: rc;
}

void import_facts_deinit(struct import_facts *f)
{
	(void)import_facts_close(f,
				 NULL); /* only on an error's way out is anything left in there */
	table_deinit(&f->recordings);
	table_deinit(&f->meta);
	import_segments_deinit(&f->segments);
	strpool_deinit(&f->strings);
	memset(f, 0, sizeof(*f));
}
