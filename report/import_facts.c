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

static int meta_event(struct import_facts *f, const struct event *ev, struct err *err)
{
	uint32_t id = table_add(&f->meta);
	struct import_fact *m = &f->meta.row[id];

	if (!id)
		return oom(err);
	m->key = strpool_add(&f->strings, ev->meta.key);
	m->value = strpool_add(&f->strings, ev->meta.value);
	m->recording = f->recording;
	if (!m->key || !m->value)
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
	t = &f->totals[ev->total.stream];
	*t = (struct import_total){ ev->total.seen,
				    ev->total.written,
				    ev->total.ring_full,
				    ev->total.map_full,
				    ev->total.stack_error,
				    ev->total.user_dropped,
				    true };
	return 0;
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
		f->recordings.row[f->recording].ended =
			end_reason_name(ev->end.reason) ?: "unknown";
		f->recordings.row[f->recording].duration_ns = ts - f->recordings.row[f->recording].clock.start_ts;
		return 0;
	default:
		return 0;
	}
}

int import_facts_oom(struct import_facts *f, const struct import_oom *o, struct err *err)
{
	uint32_t id = table_add(&f->ooms);
	struct event *ev = &f->ooms.row[id].ev;

	if (!id)
		return oom(err);
	f->ooms.row[id] = *o;
	f->ooms.row[id].recording = f->recording;
	if (idmap_add(&f->oom_map, hash_mix(o->ev.ts, f->recording), id))
		return oom(err);
	ev->task.comm = strpool_add(&f->strings, o->ev.task.comm);
	ev->other.comm = NULL; /* the trigger is a utid */
	return ev->task.comm ? 0 : oom(err);
}

int import_facts_oom_task(struct import_facts *f, const struct event *ev, struct err *err)
{
	uint32_t id = table_add(&f->oom_tasks);

	if (!id)
		return oom(err);
	f->oom_tasks.row[id].ev = *ev;
	f->oom_tasks.row[id].recording = f->recording;
	f->oom_tasks.row[id].ev.task.comm = strpool_add(&f->strings, ev->task.comm);
	return f->oom_tasks.row[id].ev.task.comm ? 0 : oom(err);
}

int import_facts_end_file(struct import_facts *f, const struct recording_summary *sum,
			  struct err *err)
{
	struct import_recording *rec = &f->recordings.row[f->recording];
	int rc = 0;

	/* the last readings of the clock are of later than the end */
	if (sum->last_ts && !rec->ended &&
	    import_ts(&rec->clock, sum->last_ts) - rec->clock.start_ts > rec->duration_ns)
		rec->duration_ns = import_ts(&rec->clock, sum->last_ts) - rec->clock.start_ts;
	rec->chunks += sum->chunks;
	rec->bytes += sum->bytes;
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

/* ---- rows of the end ---------------------------------------------------- */

static bool is_number(const char *s, int64_t *ret)
{
	char *end;

	if (!*s || strlen(s) > 18 || (s[0] == '0' && s[1])) /* ids with leading zeros stay text */
		return false;
	*ret = strtoll(s, &end, 10);
	return !*end && (s[0] == '-' || (s[0] >= '0' && s[0] <= '9'));
}

static int meta_row(struct db_insert *in, const char *key, const char *value, struct err *err)
{
	int64_t n;

	db_insert_text(in, key);
	if (is_number(value, &n))
		db_insert_int(in, n);
	else
		db_insert_text(in, value);
	return db_insert_row(in, err);
}

static int meta_number(struct db_insert *in, const char *key, int64_t value, struct err *err)
{
	db_insert_text(in, key);
	db_insert_int(in, value);
	return db_insert_row(in, err);
}

static void uuid_text(const uint8_t *uuid, char out[37])
{
	for (int i = 0, at = 0; i < 16; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			out[at++] = '-';
		at += sprintf(out + at, "%02x", uuid[i]);
	}
}

/* Later recordings' facts are filed under "2.hostname", …. What is computed comes first: the first
 * row of a key stays. */
static int write_meta(struct import_facts *f, struct db *db, struct err *err)
{
	const struct import_recording *rec = &f->recordings.row[1];
	struct db_insert *in;
	char uuid[37];
	int rc = db_insert_open(db, "meta", &in, err);

	if (rc)
		return rc;
	uuid_text(rec->uuid, uuid);
	rc = meta_number(in, "schema_version", DB_SCHEMA_VERSION, err);
	rc = rc ?: meta_row(in, "imported_by", "varve-report " VARVE_VERSION, err);
	rc = rc ?: meta_row(in, "uuid", uuid, err);
	rc = rc ?: meta_number(in, "t0_unix_ns", (int64_t)rec->t0_unix_ns, err);
	rc = rc ?: meta_number(in, "t0_mono_ns", (int64_t)rec->clock.t0_mono, err);
	rc = rc ?: meta_number(in, "duration_ns", rec->duration_ns, err);
	rc = rc ?: meta_number(in, "chunks", (int64_t)rec->chunks, err);
	rc = rc ?: meta_number(in, "bytes", (int64_t)rec->bytes, err);
	rc = rc ?: meta_number(in, "damaged_stretches", (int64_t)rec->damaged, err);
	/* the last word on a key counts, and a later duplicate is dropped */
	for (uint32_t i = f->meta.cnt; i >= 1 && !rc; i--) {
		_cleanup_free_ char *key = NULL;
		const struct import_fact *m = &f->meta.row[i];

		if (m->recording > 1 && asprintf(&key, "%u.%s", m->recording, m->key) < 0)
			rc = oom(err);
		else
			rc = meta_row(in, key ?: m->key, m->value, err);
	}
	return db_insert_close(in, NULL, rc ? NULL : err) ?: rc;
}

static int write_recordings(struct import_facts *f, struct db *db, struct err *err)
{
	struct db_insert *in;
	int rc = db_insert_open(db, "recording", &in, err);

	if (rc)
		return rc;
	for (uint32_t i = 1; i <= f->recordings.cnt && !rc; i++) {
		const struct import_recording *r = &f->recordings.row[i];
		char uuid[37];

		uuid_text(r->uuid, uuid);
		db_insert_int(in, i);
		db_insert_text(in, uuid);
		db_insert_text(in, r->host);
		db_insert_int(in, (int64_t)r->t0_unix_ns);
		db_insert_int(in, (int64_t)r->clock.t0_mono);
		db_insert_int(in, r->clock.start_ts);
		db_insert_int(in, r->duration_ns);
		db_insert_text(in, r->ended);
		rc = db_insert_row(in, err);
	}
	return db_insert_close(in, NULL, rc ? NULL : err) ?: rc;
}

int import_facts_write_totals(struct import_facts *f, struct db *db, struct err *err)
{
	struct db_insert *in;
	int rc = db_insert_open(db, "stream_total", &in, err);

	if (rc)
		return rc;
	for (int k = 1; k < EVENT_KIND_CNT && !rc; k++) {
		const struct import_total *t = &f->totals[k];

		if (!t->is_known)
			continue;
		db_insert_int(in, f->recording);
		db_insert_text(in, event_kind_name((enum event_kind)k) ?: "unknown");
		db_insert_int(in, (int64_t)t->seen);
		db_insert_int(in, (int64_t)t->written);
		db_insert_int(in, (int64_t)t->ring_full);
		db_insert_int(in, (int64_t)t->map_full);
		db_insert_int(in, (int64_t)t->stack_error);
		db_insert_int(in, (int64_t)t->user_dropped);
		db_insert_int(in, (int64_t)f->imported[k]);
		rc = db_insert_row(in, err);
	}
	return db_insert_close(in, NULL, rc ? NULL : err) ?: rc;
}

static void insert_known(struct db_insert *in, uint64_t v)
{
	if (v == UNKNOWN_U64)
		db_insert_null(in);
	else
		db_insert_int(in, (int64_t)v);
}

static int oom_row(struct import_facts *f, struct db_insert *in, uint32_t id, const struct tasks *t,
		   struct err *err)
{
	static const char *const scopes[] = { NULL, "global", "memcg", "cpuset" };
	const struct import_oom *o = &f->ooms.row[id];
	const struct event *ev = &o->ev;

	db_insert_int(in, id);
	db_insert_int(in, o->ts);
	db_insert_id(in, t->threads.row[o->utid].upid);
	db_insert_id(in, o->trigger_utid);
	db_insert_int(in, ev->task.pid);
	db_insert_text(in, ev->task.comm);
	db_insert_text(in,
		       (unsigned)ev->oom.scope < ARRAY_SIZE(scopes) ? scopes[ev->oom.scope] : NULL);
	db_insert_id(in, o->cgroup);
	insert_known(in, ev->oom.total_vm_kb);
	insert_known(in, ev->oom.anon_rss_kb);
	insert_known(in, ev->oom.file_rss_kb);
	insert_known(in, ev->oom.shmem_rss_kb);
	insert_known(in, ev->oom.pgtables_kb);
	insert_known(in, ev->oom.swap_kb);
	db_insert_int(in, ev->oom.oom_score_adj);
	db_insert_int(in, ev->oom.uid);
	insert_known(in, ev->oom.limit_bytes);
	insert_known(in, ev->oom.usage_bytes);
	if (ev->oom.snapshot_ts)
		db_insert_int(
			in, import_ts(&f->recordings.row[o->recording].clock, ev->oom.snapshot_ts));
	else
		db_insert_null(in);
	db_insert_id(in, o->stack);
	return db_insert_row(in, err);
}

/* The kill a snapshot row belongs to: by the kill's time. 0: a row without its kill. */
static uint32_t oom_of(const struct import_facts *f, const struct import_oom_task *k)
{
	uint32_t pos, id;

	for (id = idmap_first(&f->oom_map, hash_mix(k->ev.oom_task.oom_ts, k->recording), &pos); id;
	     id = idmap_next(&f->oom_map, hash_mix(k->ev.oom_task.oom_ts, k->recording), &pos))
		if (f->ooms.row[id].recording == k->recording &&
		    f->ooms.row[id].ev.ts == k->ev.oom_task.oom_ts)
			return id;
	return 0;
}

static int oom_task_row(struct import_facts *f, struct db_insert *in,
			const struct import_oom_task *k, struct err *err)
{
	uint32_t id = oom_of(f, k);

	if (!id)
		return 0;
	db_insert_int(in, id);
	db_insert_int(in, k->ev.task.pid);
	db_insert_text(in, k->ev.task.comm);
	db_insert_int(in, k->ev.oom_task.uid);
	insert_known(in, k->ev.oom_task.rss_kb);
	insert_known(in, k->ev.oom_task.anon_kb);
	insert_known(in, k->ev.oom_task.swap_kb);
	db_insert_int(in, k->ev.oom_task.oom_score_adj);
	return db_insert_row(in, err);
}

static int write_ooms(struct import_facts *f, struct db *db, const struct tasks *t, struct err *err)
{
	struct db_insert *in;
	int rc = db_insert_open(db, "oom", &in, err);

	if (rc)
		return rc;
	for (uint32_t i = 1; i <= f->ooms.cnt && !rc; i++)
		rc = oom_row(f, in, i, t, err);
	rc = db_insert_close(in, NULL, rc ? NULL : err) ?: rc;
	rc = rc ?: db_insert_open(db, "oom_task", &in, err);
	if (rc)
		return rc;
	for (uint32_t i = 1; i <= f->oom_tasks.cnt && !rc; i++)
		rc = oom_task_row(f, in, &f->oom_tasks.row[i], err);
	return db_insert_close(in, NULL, rc ? NULL : err) ?: rc;
}

int import_facts_write(struct import_facts *f, struct db *db, const struct tasks *t,
		       struct err *err)
{
	int rc = write_meta(f, db, err);

	rc = rc ?: write_recordings(f, db, err);
	return rc ?: write_ooms(f, db, t, err);
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
	table_deinit(&f->ooms);
	idmap_deinit(&f->oom_map);
	table_deinit(&f->oom_tasks);
	strpool_deinit(&f->strings);
	memset(f, 0, sizeof(*f));
}
