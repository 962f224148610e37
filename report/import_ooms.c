// SPDX-License-Identifier: BSD-2-Clause
#include "report/import_ooms.h"

#include <errno.h>

#include "formats/cleanup.h"

int import_ooms_add(struct import_ooms *o, const struct import_oom *kill)
{
	uint32_t id = table_add(&o->kills);
	struct import_oom *row;

	if (!id)
		return -ENOMEM;
	row = &o->kills.row[id];
	*row = *kill;
	row->ev.task.comm = strpool_add(&o->strings, kill->ev.task.comm);
	row->ev.other.comm = NULL; /* the trigger is a utid */
	if (!row->ev.task.comm)
		return -ENOMEM;
	return idmap_add(&o->by_time, hash_mix(kill->ev.ts, kill->recording), id);
}

int import_ooms_add_task(struct import_ooms *o, const struct event *ev, uint32_t recording)
{
	uint32_t id = table_add(&o->tasks);
	struct import_oom_task *row;

	if (!id)
		return -ENOMEM;
	row = &o->tasks.row[id];
	row->ev = *ev;
	row->recording = recording;
	row->ev.task.comm = strpool_add(&o->strings, ev->task.comm);
	return row->ev.task.comm ? 0 : -ENOMEM;
}

/* ---- to the database ---------------------------------------------------- */

static void insert_uid(struct db_insert *in, uint32_t uid)
{
	db_insert_u64(in, uid == UINT32_MAX ? UNKNOWN_U64 : uid);
}

static int kill_row(struct db_insert *in, uint32_t id, const struct import_oom *o,
		    const struct tasks *t, struct err *err)
{
	static const char *const scopes[] = { NULL, "global", "memcg", "cpuset" };
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
	db_insert_u64(in, ev->oom.total_vm_kb);
	db_insert_u64(in, ev->oom.anon_rss_kb);
	db_insert_u64(in, ev->oom.file_rss_kb);
	db_insert_u64(in, ev->oom.shmem_rss_kb);
	db_insert_u64(in, ev->oom.pgtables_kb);
	db_insert_u64(in, ev->oom.swap_kb);
	db_insert_int(in, ev->oom.oom_score_adj);
	insert_uid(in, ev->oom.uid);
	db_insert_u64(in, ev->oom.limit_bytes);
	db_insert_u64(in, ev->oom.usage_bytes);
	if (o->snapshot_ts != TS_UNKNOWN)
		db_insert_int(in, o->snapshot_ts);
	else
		db_insert_null(in);
	db_insert_id(in, o->stack);
	return db_insert_row(in, err);
}

/* The kill a snapshot row belongs to: by the kill's time. 0: a row without its kill. */
static uint32_t kill_of(const struct import_ooms *o, const struct import_oom_task *k)
{
	uint32_t hash = hash_mix(k->ev.oom_task.oom_ts, k->recording), pos, id;

	for (id = idmap_first(&o->by_time, hash, &pos); id;
	     id = idmap_next(&o->by_time, hash, &pos))
		if (o->kills.row[id].recording == k->recording &&
		    o->kills.row[id].ev.ts == k->ev.oom_task.oom_ts)
			return id;
	return 0;
}

static int task_row(const struct import_ooms *o, struct db_insert *in,
		    const struct import_oom_task *k, struct err *err)
{
	uint32_t id = kill_of(o, k);

	if (!id)
		return 0;
	db_insert_int(in, id);
	db_insert_int(in, k->ev.task.pid);
	db_insert_text(in, k->ev.task.comm);
	insert_uid(in, k->ev.oom_task.uid);
	db_insert_u64(in, k->ev.oom_task.rss_kb);
	db_insert_u64(in, k->ev.oom_task.anon_kb);
	db_insert_u64(in, k->ev.oom_task.swap_kb);
	db_insert_int(in, k->ev.oom_task.oom_score_adj);
	return db_insert_row(in, err);
}

static int write_tasks(const struct import_ooms *o, struct db *db, uint64_t *ret_duplicates, struct err *err)
{
	struct db_insert *in;
	int rc = db_insert_open(db, "oom_task", &in, err);

	if (rc)
		return rc;
	for (uint32_t i = 1; i <= o->tasks.cnt && !rc; i++)
		rc = task_row(o, in, &o->tasks.row[i], err);
	return db_insert_close(in, ret_duplicates, rc ? NULL : err) ?: rc;
}

int import_ooms_write(const struct import_ooms *o, const struct tasks *t, struct db *db,
		      uint64_t *ret_duplicates, struct err *err)
{
	struct db_insert *in;
	int rc = db_insert_open(db, "oom", &in, err);

	if (rc)
		return rc;
	for (uint32_t i = 1; i <= o->kills.cnt && !rc; i++)
		rc = kill_row(in, i, &o->kills.row[i], t, err);
	rc = db_insert_close(in, NULL, rc ? NULL : err) ?: rc;
	return rc ?: write_tasks(o, db, ret_duplicates, err);
}

void import_ooms_deinit(struct import_ooms *o)
{
	table_deinit(&o->kills);
	idmap_deinit(&o->by_time);
	table_deinit(&o->tasks);
	strpool_deinit(&o->strings);
}
