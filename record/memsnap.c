// SPDX-License-Identifier: BSD-2-Clause
#include "record/memsnap.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "formats/cleanup.h"
#include "record/counters.h"
#include "record/procfile.h"

#define SNAPSHOT_CNT 8		     /* kept: a kill is heard of some 100 ms late */
#define COUNTER_NS 1000000000ULL
#define SNAPSHOT_NS 2000000000ULL
#define LOOK_NS 200000000ULL	     /* between looks at how much memory there is: 20 us each */
#define QUIET_NS 30000000000ULL	     /* a snapshot this often even when nothing moves */
#define MOVED_KB 1024		     /* worth a snapshot when one is due */
#define MOVED_FAST_KB 8192	     /* worth one before it is due */
#define COST_FACTOR 1000	     /* snapshots may use 0.1 % of a CPU … */
#define CREDIT_NS 30000000000ULL     /* … of so much time before at once: what grows fast is worth some in a row */
#define STATUS_SZ 16384

struct mem_task {
	uint32_t pid, uid;
	uint64_t rss_kb, anon_kb, swap_kb;
	int32_t oom_score_adj;
	char comm[16];
};

struct snapshot {
	uint64_t ts; /* 0: none */
	uint32_t cnt;
	struct mem_task tasks[MEMSNAP_TOP]; /* largest first */
};

struct memsnap {
	struct memsnap_options o;
	int proc_fd;
	struct counters counters;
	struct snapshot snapshots[SNAPSHOT_CNT]; /* the newest at `newest` */
	uint32_t newest;
	uint64_t counter_ts, look_ts, snapshot_ts, not_before_ts;
	uint64_t used_kb; /* of the host at the last snapshot */
	uint64_t page_kb;
	char *buf; /* of procfile_read_into() */
	size_t buf_cap;
};

int memsnap_create(const struct memsnap_options *o, struct memsnap **ret, struct err *err)
{
	struct memsnap *m = calloc(1, sizeof(*m));
	const char *proc = o->proc ?: "/proc";

	if (!m)
		return err_set(err, -ENOMEM, "out of memory");
	m->o = *o;
	m->o.counter_ns = o->counter_ns ?: COUNTER_NS;
	m->o.snapshot_ns = o->snapshot_ns ?: SNAPSHOT_NS;
	m->page_kb = (uint64_t)sysconf(_SC_PAGESIZE) / 1024;
	m->proc_fd = open(proc, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (m->proc_fd < 0) {
		int r = err_errno(err, "open '%s'", proc);

		free(m);
		return r;
	}
	counters_init(&m->counters, o->writer, o->cgroups, m->proc_fd);
	*ret = m;
	return 0;
}

void memsnap_destroy(struct memsnap *m)
{
	if (!m)
		return;
	counters_deinit(&m->counters);
	close(m->proc_fd);
	free(m->buf);
	free(m);
}

/* ---- taking one ---------------------------------------------------------------------------------------------- */

static ssize_t read_of(struct memsnap *m, uint32_t pid, const char *what)
{
	char path[48];

	snprintf(path, sizeof(path), "%" PRIu32 "/%s", pid, what);
	return procfile_read_into(m->proc_fd, path, STATUS_SZ, &m->buf, &m->buf_cap);
}

/* Keeps the MEMSNAP_TOP largest, sorted. */
static void offer(struct snapshot *s, const struct mem_task *t)
{
	uint32_t i = s->cnt;

	if (s->cnt == MEMSNAP_TOP) {
		if (t->rss_kb <= s->tasks[MEMSNAP_TOP - 1].rss_kb)
			return;
		i--;
	} else {
		s->cnt++;
	}
	for (; i && s->tasks[i - 1].rss_kb < t->rss_kb; i--)
		s->tasks[i] = s->tasks[i - 1];
	s->tasks[i] = *t;
}

/* The line "Name:\tx": escaped as \n and \\ there, which a comm hardly ever holds. */
static void copy_comm(const char *status, char comm[16])
{
	size_t len = 0;

	if (!strncmp(status, "Name:\t", 6))
		len = strcspn(status + 6, "\n");
	if (len > 15)
		len = 15;
	memcpy(comm, status + 6, len);
	comm[len] = '\0';
}

/* The rest about one of the largest; false: it is gone. */
static bool fill_in(struct memsnap *m, struct mem_task *t)
{
	struct procfile_status st;

	if (read_of(m, t->pid, "status") <= 0)
		return false;
	procfile_parse_status(m->buf, &st);
	t->uid = st.uid;
	copy_comm(m->buf, t->comm);
	(void)procfile_find_u64(m->buf, "VmRSS:", &t->rss_kb); /* statm's numbers stay */
	(void)procfile_find_u64(m->buf, "RssAnon:", &t->anon_kb);
	(void)procfile_find_u64(m->buf, "VmSwap:", &t->swap_kb);
	if (read_of(m, t->pid, "oom_score_adj") > 0)
		t->oom_score_adj = (int32_t)strtol(m->buf, NULL, 10);
	return true;
}

static void scan_all(struct memsnap *m, struct snapshot *s)
{
	_cleanup_close_ int fd = openat(m->proc_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *e;

	if (!dir)
		return;
	(void)take_fd(&fd); /* dir's now */
	while ((e = readdir(dir))) {
		unsigned long pid = strtoul(e->d_name, NULL, 10);
		struct mem_task t = {};
		uint64_t resident, shared;

		if (*e->d_name < '1' || *e->d_name > '9' || pid > INT_MAX)
			continue;
		t.pid = (uint32_t)pid;
		if (read_of(m, t.pid, "statm") <= 0 ||
		    sscanf(m->buf, "%*u %" SCNu64 " %" SCNu64, &resident, &shared) != 2 || !resident)
			continue;
		t.rss_kb = resident * m->page_kb;
		t.anon_kb = resident > shared ? (resident - shared) * m->page_kb : 0;
		offer(s, &t);
	}
	closedir(dir);
}

/* So that the cgroup of a later OOM has a path even if it is removed right after the kill. */
static int meet_cgroup(struct memsnap *m, uint32_t pid, uint64_t ts, struct err *err)
{
	enum cgroup_hierarchy h;
	uint64_t id;

	if (!m->o.cgroups)
		return 0;
	h = cgroups_memory_hierarchy(m->o.cgroups);
	id = cgroups_of_pid_in(m->o.cgroups, h, pid);
	return id ? cgroups_add(m->o.cgroups, h, id, ts, err) : 0;
}

static uint64_t cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static int take_snapshot(struct memsnap *m, uint64_t ts, struct err *err)
{
	uint64_t before = cpu_ns();
	struct snapshot s = { .ts = ts };
	uint32_t n = 0;
	int r = 0;

	scan_all(m, &s);
	for (uint32_t i = 0; i < s.cnt; i++) {
		if (!fill_in(m, &s.tasks[i]))
			continue;
		s.tasks[n++] = s.tasks[i];
		if (!r)
			r = meet_cgroup(m, s.tasks[i].pid, ts, err);
	}
	s.cnt = n;
	m->newest = (m->newest + 1) % SNAPSHOT_CNT;
	m->snapshots[m->newest] = s;
	m->snapshot_ts = ts;
	if (ts > CREDIT_NS && m->not_before_ts < ts - CREDIT_NS)
		m->not_before_ts = ts - CREDIT_NS;
	m->not_before_ts += (cpu_ns() - before) * COST_FACTOR;
	return r;
}

/* ---- when ---------------------------------------------------------------------------------------------------- */

/* What processes hold: anonymous and shared memory. False: not known. */
static bool used_now(struct memsnap *m, uint64_t *ret_kb)
{
	uint64_t anon, shmem;

	if (procfile_read_into(m->proc_fd, "meminfo", STATUS_SZ, &m->buf, &m->buf_cap) <= 0 ||
	    procfile_find_u64(m->buf, "AnonPages:", &anon) || procfile_find_u64(m->buf, "Shmem:", &shmem))
		return false;
	*ret_kb = anon + shmem;
	return true;
}

static int look(struct memsnap *m, uint64_t now_ts, struct err *err)
{
	uint64_t used = 0, moved, age = now_ts - m->snapshot_ts;
	bool is_due;

	m->look_ts = now_ts;
	if (m->snapshot_ts && now_ts < m->not_before_ts)
		return 0;
	if (!used_now(m, &used))
		used = m->used_kb;
	moved = used > m->used_kb ? used - m->used_kb : m->used_kb - used;
	is_due = !m->snapshot_ts || age >= QUIET_NS || moved >= MOVED_FAST_KB ||
		 (age >= m->o.snapshot_ns && moved >= MOVED_KB);
	if (!is_due)
		return 0;
	m->used_kb = used;
	return take_snapshot(m, now_ts, err);
}

int memsnap_tick(struct memsnap *m, uint64_t now_ts, struct err *err)
{
	int r = 0;

	if (!m)
		return 0;
	if (!m->counter_ts || now_ts - m->counter_ts >= m->o.counter_ns) {
		m->counter_ts = now_ts;
		r = counters_write(&m->counters, now_ts, err);
	}
	if (!r && (!m->look_ts || now_ts - m->look_ts >= LOOK_NS))
		r = look(m, now_ts, err);
	return r;
}

/* ---- an OOM -------------------------------------------------------------------------------------------------- */

static const struct snapshot *snapshot_before(const struct memsnap *m, uint64_t ts)
{
	for (uint32_t i = 0; i < SNAPSHOT_CNT; i++) {
		const struct snapshot *s = &m->snapshots[(m->newest + SNAPSHOT_CNT - i) % SNAPSHOT_CNT];

		if (s->ts && s->ts < ts)
			return s;
	}
	return NULL;
}

void memsnap_next_segment(struct memsnap *m)
{
	if (m)
		counters_next_segment(&m->counters);
}

uint64_t memsnap_before(const struct memsnap *m, uint64_t ts)
{
	const struct snapshot *s = snapshot_before(m, ts);

	return s ? s->ts : 0;
}

int memsnap_emit_oom(struct memsnap *m, uint64_t oom_ts, struct err *err)
{
	const struct snapshot *s = snapshot_before(m, oom_ts);

	for (uint32_t i = 0; s && i < s->cnt; i++) {
		const struct mem_task *t = &s->tasks[i];
		struct event ev = {
			.kind = EVENT_OOM_TASK, .ts = s->ts,
			.task = { .pid = t->pid, .tid = t->pid, .comm = t->comm },
			.oom_task = { .oom_ts = oom_ts, .uid = t->uid, .rss_kb = t->rss_kb,
				      .anon_kb = t->anon_kb, .swap_kb = t->swap_kb,
				      .oom_score_adj = t->oom_score_adj },
		};
		int r = recording_writer_add(m->o.writer, &ev, err);

		if (r)
			return r;
	}
	return s ? (int)s->cnt : 0;
}
