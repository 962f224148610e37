// SPDX-License-Identifier: BSD-2-Clause
#include "report/tasks.h"

#include <errno.h>
#include <sys/wait.h>

#include "formats/event.h"

/* ---- to the database ---------------------------------------------------- */

static void insert_ts(struct db_insert *in, int64_t ts)
{
	if (ts != TS_UNKNOWN)
		db_insert_int(in, ts);
	else
		db_insert_null(in);
}

static void insert_text(struct db_insert *in, const char *s)
{
	db_insert_text(in, s && *s ? s : NULL);
}

static void cgroup_row(const struct tasks *t, uint32_t id, struct db_insert *in)
{
	const struct cgroup *g = &t->cgroups.row[id];

	db_insert_int(in, id);
	db_insert_int(in, g->recording);
	db_insert_int(in, (int64_t)g->kernfs_id);
	db_insert_text(in, g->path ?: "");
	insert_text(in, g->container_id);
	insert_text(in, g->runtime);
	insert_text(in, g->pod_uid);
	db_insert_u64(in, g->memory_max);
	db_insert_u64(in, g->cpu_quota_us);
	db_insert_u64(in, g->cpu_period_us);
}

static void insert_exit(struct db_insert *in, const struct process *p)
{
	bool exited = p->exit_ts != TS_UNKNOWN;

	insert_ts(in, p->exit_ts);
	if (exited && WTERMSIG(p->exit_status) == 0)
		db_insert_int(in, WEXITSTATUS(p->exit_status));
	else
		db_insert_null(in);
	if (exited && WTERMSIG(p->exit_status))
		db_insert_int(in, WTERMSIG(p->exit_status));
	else
		db_insert_null(in);
}

static void process_row(const struct tasks *t, uint32_t id, struct db_insert *in)
{
	const struct process *p = &t->processes.row[id];

	db_insert_int(in, id);
	db_insert_int(in, p->recording);
	db_insert_int(in, p->pid);
	db_insert_id(in, p->ns_pid);
	db_insert_id(in, p->parent_upid);
	if (p->has_task)
		db_insert_int(in, p->ppid);
	else
		db_insert_null(in);
	db_insert_u64(in, p->uid == UINT32_MAX ? UNKNOWN_U64 : p->uid);
	insert_text(in, p->comm);
	insert_text(in, p->exe);
	insert_text(in, p->cmdline);
	db_insert_id(in, p->cgroup);
	insert_ts(in, p->start_ts);
	insert_ts(in, p->exec_ts);
	insert_exit(in, p);
}

static void thread_row(const struct tasks *t, uint32_t id, struct db_insert *in)
{
	const struct thread *th = &t->threads.row[id];

	db_insert_int(in, id);
	db_insert_int(in, th->upid);
	db_insert_int(in, th->tid);
	insert_text(in, th->comm);
	db_insert_int(in, th->tid == th->pid);
	db_insert_int(in, th->uncertain);
	db_insert_int(in, th->is_kernel);
	insert_ts(in, th->start_ts);
	insert_ts(in, th->exit_ts);
}

static int write_table(const struct tasks *t, struct db *db, const char *table, uint32_t cnt,
		       void (*row)(const struct tasks *, uint32_t, struct db_insert *),
		       struct err *err)
{
	struct db_insert *in;
	int rc = db_insert_open(db, table, &in, err);

	if (rc)
		return rc;
	for (uint32_t id = 1; id <= cnt && !rc; id++) {
		row(t, id, in);
		rc = db_insert_row(in, err);
	}
	return db_insert_close(in, NULL, rc ? NULL : err) ?: rc;
}

int tasks_write(const struct tasks *t, struct db *db, struct err *err)
{
	int rc = write_table(t, db, "cgroup", t->cgroups.cnt, cgroup_row, err);

	rc = rc ?: write_table(t, db, "process", t->processes.cnt, process_row, err);
	return rc ?: write_table(t, db, "thread", t->threads.cnt, thread_row, err);
}

/* ---- from the database -------------------------------------------------- */

static const char *text(struct tasks *t, struct db_stmt *st, int col)
{
	return strpool_add(&t->strings, db_column_text(st, col, NULL));
}

static int64_t ts(struct db_stmt *st, int col)
{
	return db_column_is_null(st, col) ? TS_UNKNOWN : db_column_int(st, col);
}

static uint64_t u64(struct db_stmt *st, int col)
{
	return db_column_is_null(st, col) ? UNKNOWN_U64 : (uint64_t)db_column_int(st, col);
}

static int read_cgroup(struct tasks *t, uint32_t id, struct db_stmt *st)
{
	struct cgroup *g;

	if (!table_reserve(&t->cgroups, id))
		return -ENOMEM;
	g = &t->cgroups.row[id];
	t->cgroups.cnt = id > t->cgroups.cnt ? id : t->cgroups.cnt;
	g->kernfs_id = (uint64_t)db_column_int(st, 1);
	g->path = text(t, st, 2);
	g->container_id = text(t, st, 3);
	g->runtime = text(t, st, 4);
	g->pod_uid = text(t, st, 5);
	g->memory_max = u64(st, 6);
	g->cpu_quota_us = u64(st, 7);
	g->cpu_period_us = u64(st, 8);
	g->recording = (uint32_t)db_column_int(st, 9);
	return g->path && g->container_id && g->runtime && g->pod_uid ? 0 : -ENOMEM;
}

static int read_process(struct tasks *t, uint32_t id, struct db_stmt *st)
{
	struct process *p;

	if (!table_reserve(&t->processes, id))
		return -ENOMEM;
	p = &t->processes.row[id];
	t->processes.cnt = id > t->processes.cnt ? id : t->processes.cnt;
	p->pid = (uint32_t)db_column_int(st, 1);
	p->ns_pid = (uint32_t)db_column_int(st, 2);
	p->parent_upid = (uint32_t)db_column_int(st, 3);
	p->has_task = !db_column_is_null(st, 4);
	p->ppid = (uint32_t)db_column_int(st, 4);
	p->uid = db_column_is_null(st, 5) ? UINT32_MAX : (uint32_t)db_column_int(st, 5);
	p->comm = text(t, st, 6);
	p->exe = text(t, st, 7);
	p->cmdline = text(t, st, 8);
	p->cgroup = (uint32_t)db_column_int(st, 9);
	p->start_ts = ts(st, 10);
	p->exec_ts = ts(st, 11);
	p->exit_ts = ts(st, 12);
	p->exit_status = (int32_t)(db_column_int(st, 13) << 8 | db_column_int(st, 14));
	p->recording = (uint32_t)db_column_int(st, 15);
	return p->comm && p->exe && p->cmdline ? 0 : -ENOMEM;
}

static int read_thread(struct tasks *t, uint32_t id, struct db_stmt *st)
{
	struct thread *th;

	if (!table_reserve(&t->threads, id))
		return -ENOMEM;
	th = &t->threads.row[id];
	t->threads.cnt = id > t->threads.cnt ? id : t->threads.cnt;
	th->upid = (uint32_t)db_column_int(st, 1);
	th->tid = (uint32_t)db_column_int(st, 2);
	th->comm = text(t, st, 3);
	th->is_kernel = db_column_int(st, 4);
	th->uncertain = db_column_int(st, 5);
	th->start_ts = ts(st, 6);
	th->exit_ts = ts(st, 7);
	th->pid = th->upid <= t->processes.cnt ? t->processes.row[th->upid].pid : 0;
	return th->comm ? 0 : -ENOMEM;
}

static int read_host(struct tasks *t, uint32_t id, struct db_stmt *st)
{
	if (!table_reserve(&t->hosts, id))
		return -ENOMEM;
	t->hosts.cnt = id > t->hosts.cnt ? id : t->hosts.cnt;
	t->hosts.row[id] = text(t, st, 1);
	return t->hosts.row[id] ? 0 : -ENOMEM;
}

static int read_table(struct tasks *t, struct db *db, const char *sql,
		      int (*row)(struct tasks *, uint32_t, struct db_stmt *), struct err *err)
{
	struct db_stmt *st;
	int rc = db_query(db, sql, &st, err);
	int64_t id;

	if (rc)
		return rc;
	while ((rc = db_step(st, err)) == 1) {
		id = db_column_int(st, 0);
		rc = id >= 1 && id < UINT32_MAX ? row(t, (uint32_t)id, st) : -EBADMSG;
		if (rc) {
			err_set(err, rc,
				rc == -ENOMEM ? "database: out of memory" :
						"database: row id out of range");
			break;
		}
	}
	db_stmt_close(st);
	return rc;
}

/* A database can be damaged or hand-made. */
static int check(const struct tasks *t, struct err *err)
{
	for (uint32_t i = 1; i <= t->threads.cnt; i++)
		if (t->threads.row[i].upid > t->processes.cnt)
			return err_set(err, -EBADMSG, "database: thread %u has no process", i);
	for (uint32_t i = 1; i <= t->processes.cnt; i++)
		if (t->processes.row[i].cgroup > t->cgroups.cnt)
			return err_set(err, -EBADMSG, "database: process %u has no cgroup", i);
	return 0;
}

int tasks_read(struct tasks *t, struct db *db, struct err *err)
{
	int rc;

	/* Row 0 stands for none, also in a database without any rows. */
	if (!table_reserve(&t->cgroups, 0) || !table_reserve(&t->processes, 0) ||
	    !table_reserve(&t->threads, 0))
		return err_set(err, -ENOMEM, "database: out of memory");
	rc = read_table(
		t, db,
		"SELECT id,kernfs_id,path,container_id,runtime,pod_uid,memory_max_bytes,cpu_quota_us,cpu_period_us,"
		"recording_id FROM cgroup",
		read_cgroup, err);
	rc = rc	   ?:
		     read_table(
			     t, db,
			     "SELECT upid,pid,ns_pid,parent_upid,ppid,uid,comm,exe,cmdline,cgroup_id,start_ts,exec_ts,exit_ts,"
			     "exit_code,exit_signal,recording_id FROM process",
			     read_process, err);
	rc = rc	   ?:
		     read_table(
			     t, db,
			     "SELECT utid,upid,tid,comm,is_kernel,uncertain,start_ts,exit_ts FROM thread",
			     read_thread, err);
	rc = rc ?: read_table(t, db, "SELECT id,host FROM recording", read_host, err);
	return rc ?: check(t, err);
}

void tasks_deinit(struct tasks *t)
{
	if (!t)
		return;
	table_deinit(&t->processes);
	table_deinit(&t->threads);
	table_deinit(&t->cgroups);
	table_deinit(&t->hosts);
	strpool_deinit(&t->strings);
}
