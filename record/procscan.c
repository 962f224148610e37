// SPDX-License-Identifier: BSD-2-Clause
#include "record/procscan.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "formats/bytes.h"
#include "formats/cleanup.h"
#include "record/cmdline.h"
#include "record/procfile.h"

#define STAT_SZ 4096
#define STATUS_SZ 16384
#define MAPS_SZ (64 << 20) /* a process with 65530 mappings of long paths; the rest would be cut */
#define PF_KTHREAD_FLAG 0x00200000 /* include/linux/sched.h, in stat's field 9 since 2.6 */

struct scan {
	const struct procscan_options *o;
	struct err *err;
	int proc_fd;
	char *buf; /* of procfile_read_into() */
	size_t cap;
	uint64_t tick_ns;
	int threads;
};

struct pid_set {
	uint32_t *pids;
	uint32_t cnt, cap;
};

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* ---- parsers ------------------------------------------------------------------------------------------------- */

int procscan_parse_stat(const char *text, size_t len, struct procscan_stat *ret)
{
	const char *open = memchr(text, '(', len), *close = memrchr(text, ')', len);
	struct procscan_stat st = {};
	unsigned long long start;
	char rest[512];
	size_t n;

	if (!open || !close || close < open)
		return -EBADMSG;
	n = (size_t)(close - open) - 1;
	if (n >= sizeof(st.comm))
		n = sizeof(st.comm) - 1;
	memcpy(st.comm, open + 1, n);
	n = len - (size_t)(close + 1 - text);
	if (n >= sizeof(rest))
		n = sizeof(rest) - 1;
	memcpy(rest, close + 1, n);
	rest[n] = '\0';
	/* 3 state 4 ppid 5..8 9 flags 10..19 20 num_threads 21 22 starttime */
	if (sscanf(rest,
		   " %c %" SCNu32 " %*d %*d %*d %*d %" SCNu32
		   " %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %" SCNu32 " %*d %llu",
		   &st.state, &st.ppid, &st.flags, &st.thread_cnt, &start) != 5)
		return -EBADMSG;
	st.start_ticks = start;
	*ret = st;
	return 0;
}

/* seq_file writes a newline in a path as \012; nothing else is escaped. */
static void unescape_newlines(char *path)
{
	char *out = path;

	for (const char *p = path; *p; p++) {
		if (!strncmp(p, "\\012", 4)) {
			*out++ = '\n';
			p += 3;
		} else {
			*out++ = *p;
		}
	}
	*out = '\0';
}

int procscan_parse_maps_line(char *line, struct mapping_desc *d, bool *ret_exec)
{
	struct mapping_desc m = {};
	char perms[5] = "";
	int at = 0;

	if (sscanf(line,
		   "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %" SCNx32 ":%" SCNx32 " %" SCNu64 "%n",
		   &m.start, &m.end, perms, &m.pgoff, &m.maj, &m.min, &m.ino, &at) != 7 ||
	    !at || strlen(perms) != 4 || m.start >= m.end)
		return -EBADMSG;
	while (line[at] == ' ')
		at++;
	unescape_newlines(line + at);
	m.path = line + at;
	*ret_exec = perms[2] == 'x';
	*d = m;
	return 0;
}

/* ---- one process --------------------------------------------------------------------------------------------- */

static int compare_tid(const void *key, const void *item)
{
	uint32_t tid = *(const uint32_t *)key;
	const struct procscan_task *t = item;

	return tid < t->tid ? -1 : tid > t->tid;
}

static const struct procscan_task *find_known(const struct scan *s, uint32_t tid)
{
	if (!s->o->known_cnt)
		return NULL;
	return bsearch(&tid, s->o->known, s->o->known_cnt, sizeof(*s->o->known), compare_tid);
}

/* Read "PID/what"; the text is in s->buf. Negative: the task is gone, or hidden. */
static ssize_t read_of(struct scan *s, uint32_t pid, const char *what, size_t max)
{
	char path[64];

	snprintf(path, sizeof(path), "%" PRIu32 "/%s", pid, what);
	return procfile_read_into(s->proc_fd, path, max, &s->buf, &s->cap);
}

/* The name without the workqueue's that /proc puts behind a kernel worker's: "kworker/0:1-events" is "kworker/0:1". */
static const char *plain_comm(struct procscan_stat *st)
{
	char *dash = strncmp(st->comm, "kworker/", 8) ? NULL : strpbrk(st->comm, "-+");

	if (dash)
		*dash = '\0';
	return st->comm;
}

static int note_thread(struct scan *s, uint32_t tid, struct task_info *info)
{
	const struct procscan_task *known = find_known(s, tid);
	struct procscan_stat st;
	char what[40];
	ssize_t n;
	int r;

	snprintf(what, sizeof(what), "task/%" PRIu32 "/stat", tid);
	info->ts = now_ns();
	n = read_of(s, info->pid, what, STAT_SZ);
	if (n < 0 || procscan_parse_stat(s->buf, (size_t)n, &st))
		return 0; /* ended */
	info->tid = tid;
	info->is_kernel = st.flags & PF_KTHREAD_FLAG;
	info->comm = plain_comm(&st);
	info->ppid = st.ppid;
	info->start_ts = st.start_ticks * s->tick_ns;
	/* The tid may have changed hands since the iterator ran: then the ticks differ. */
	if (known && known->start_ts / s->tick_ns == st.start_ticks) {
		info->start_ts = known->start_ts;
		info->cgroup_id = known->cgroup_id ?: info->cgroup_id;
	}
	r = tasks_note(s->o->tasks, info);
	s->threads += !r;
	return r;
}

static int each_number(int dirfd, const char *path, int (*fn)(struct scan *s, uint32_t id, void *ctx),
		       struct scan *s, void *ctx)
{
	_cleanup_close_ int fd = openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct dirent *e;
	DIR *dir;
	int r = 0;

	if (fd < 0)
		return -errno;
	dir = fdopendir(fd);
	if (!dir)
		return -errno;
	(void)take_fd(&fd); /* dir's now */
	while (!r && (e = readdir(dir))) {
		char *end;
		unsigned long id = strtoul(e->d_name, &end, 10);

		if (*e->d_name >= '1' && *e->d_name <= '9' && !*end && id <= INT_MAX)
			r = fn(s, (uint32_t)id, ctx);
	}
	closedir(dir);
	return r;
}

static int on_thread(struct scan *s, uint32_t tid, void *ctx)
{
	struct task_info *info = ctx;

	return tid == info->pid ? 0 : note_thread(s, tid, info);
}

static int add_mapping(struct scan *s, struct mapping_desc *d)
{
	struct module_entry *e;
	uint64_t off_base;
	int r;

	r = modules_find(s->o->modules, d, &e, &off_base, s->err);
	if (r)
		return r;
	(void)tasks_mmap(s->o->tasks, 0, d->pid, d->start, d->end, off_base, e->id); /* counted there */
	return 0;
}

static int scan_maps(struct scan *s, const struct task_info *info)
{
	ssize_t n = read_of(s, info->pid, "maps", MAPS_SZ);
	char *line = s->buf;
	int r = 0;

	if (n <= 0)
		return 0;
	while (!r && *line) {
		char *end = strchrnul(line, '\n'), *next = *end ? end + 1 : end;
		struct mapping_desc d;
		bool is_exec;

		*end = '\0';
		if (!procscan_parse_maps_line(line, &d, &is_exec) && is_exec) {
			d.pid = info->pid;
			d.start_ts = info->start_ts;
			r = add_mapping(s, &d);
		}
		line = next;
	}
	return r;
}

static void read_exe(struct scan *s, uint32_t pid, char *exe, size_t sz)
{
	char path[32];
	ssize_t n;

	snprintf(path, sizeof(path), "%" PRIu32 "/exe", pid);
	n = readlinkat(s->proc_fd, path, exe, sz - 1);
	exe[n > 0 ? n : 0] = '\0';
	if (n > 10 && !strcmp(exe + n - 10, " (deleted)"))
		exe[n - 10] = '\0';
}

/* Of a kernel thread /proc has nothing that the iterator has not, at 30 us each, and there are hundreds. */
static int note_kernel_thread(struct scan *s, const struct procscan_task *k)
{
	const struct task_info info = {
		.ts = now_ns(),
		.pid = k->pid,
		.tid = k->tid,
		.ppid = k->ppid,
		.uid = k->uid,
		.ns_pid = k->pid,
		.start_ts = k->start_ts,
		.cgroup_id = k->cgroup_id,
		.comm = k->comm,
		.exe = "",
		.is_kernel = true,
	};
	int r = tasks_note(s->o->tasks, &info);

	s->threads += !r;
	return r;
}

static int on_process(struct scan *s, uint32_t pid, void *ctx)
{
	struct task_info info = { .pid = pid, .uid = UINT32_MAX };
	const struct procscan_task *known = find_known(s, pid);
	struct procfile_status st;
	char exe[PATH_MAX];
	int r;

	if (s->o->only && !s->o->only(s->o->ctx, pid))
		return 0;
	if (known && known->is_kernel)
		return note_kernel_thread(s, known);
	if (read_of(s, pid, "status", STATUS_SZ) < 0)
		return 0; /* ended */
	procfile_parse_status(s->buf, &st);
	info.uid = st.uid;
	info.ns_pid = st.ns_pid;
	read_exe(s, pid, exe, sizeof(exe));
	info.exe = exe;
	if (s->o->cgroup_of && !(known && known->cgroup_id))
		info.cgroup_id = s->o->cgroup_of(s->o->ctx, pid);
	r = note_thread(s, pid, &info);
	if (r || !info.tid)
		return r;
	if (info.is_kernel)
		return 0;
	r = scan_maps(s, &info);
	snprintf(exe, sizeof(exe), "%" PRIu32 "/task", pid);
	info.exe = NULL; /* noted already */
	if (!r)
		r = each_number(s->proc_fd, exe, on_thread, s, &info);
	return r == -ENOMEM ? r : 0; /* anything else: ended meanwhile */
}

/* pid 0: every process. */
static int run(const struct procscan_options *o, uint32_t pid, struct err *err)
{
	struct scan s = { .o = o, .err = err };
	int r;

	s.proc_fd = open(o->proc ?: "/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s.proc_fd < 0)
		return err_errno(err, "open '%s'", o->proc ?: "/proc");
	s.tick_ns = 1000000000 / (uint64_t)sysconf(_SC_CLK_TCK);
	r = pid ? on_process(&s, pid, NULL) : each_number(s.proc_fd, ".", on_process, &s, NULL);
	close(s.proc_fd);
	free(s.buf);
	if (r == -ENOMEM)
		return err_set(err, r, "out of memory while reading /proc");
	return r < 0 ? err_code(err, r, "read '%s'", o->proc ?: "/proc") : s.threads;
}

int procscan_run(const struct procscan_options *o, struct err *err)
{
	return run(o, 0, err);
}

int procscan_process(const struct procscan_options *o, uint32_t pid, struct err *err)
{
	return pid ? run(o, pid, err) : 0;
}

static int is_gone(void *ctx, const struct task_info *info)
{
	struct pid_set *gone = ctx;

	if (info->tid != info->pid || !kill((pid_t)info->pid, 0) || errno != ESRCH)
		return 0;
	if (array_grow(&gone->pids, &gone->cap, gone->cnt, sizeof(*gone->pids)))
		return -ENOMEM;
	gone->pids[gone->cnt++] = info->pid;
	return 0;
}

int procscan_rescan(const struct procscan_options *o, struct err *err)
{
	struct pid_set gone = {};
	int r = tasks_each_thread(o->tasks, is_gone, &gone);

	for (uint32_t i = 0; !r && i < gone.cnt; i++) {
		modules_process_exit(o->modules, gone.pids[i]);
		tasks_exit_process(o->tasks, now_ns(), gone.pids[i]);
	}
	free(gone.pids);
	return r ? err_set(err, r, "out of memory") : procscan_run(o, err);
}

/* ---- keyframes ----------------------------------------------------------------------------------------------- */

struct keyframe {
	struct recording_writer *w;
	int (*add)(struct recording_writer *w, const struct event *ev, struct err *err);
	uint64_t ts;
	bool (*only)(void *ctx, uint32_t pid);
	void *ctx;
	const struct cmdline_how *cmdline;
	struct err *err;
	char text[CMDLINE_SZ];
};

static int write_thread(void *ctx, const struct task_info *i)
{
	struct keyframe *k = ctx;
	struct event ev = {
		.kind = EVENT_TASK, .ts = k->ts,
		.task = { i->pid, i->tid, i->start_ts, i->comm },
		.proc = { .ppid = i->ppid, .uid = i->uid, .ns_pid = i->ns_pid, .is_kernel = i->is_kernel,
			  .cgroup_id = i->cgroup_id, .exe = i->exe, .cmdline = k->text },
	};

	if (k->only && !k->only(k->ctx, i->pid))
		return 0;
	*k->text = '\0';
	if (i->tid == i->pid)
		cmdline_read(i->pid, k->cmdline, k->text, sizeof(k->text));
	return k->add(k->w, &ev, k->err);
}

static int write_mapping(void *ctx, const struct task_ref *process, uint64_t ts, uint64_t start,
			 uint64_t end, uint64_t off_base, uint32_t module)
{
	struct keyframe *k = ctx;
	struct event ev = {
		.kind = EVENT_MAPPING, .ts = ts, .task = *process,
		.mapping = { start, end, off_base, module },
	};

	if (k->only && !k->only(k->ctx, process->pid))
		return 0;
	return k->add(k->w, &ev, k->err);
}

int procscan_keyframe(const struct tasks *t, struct recording_writer *w, uint64_t now_ts,
		      bool (*only)(void *ctx, uint32_t pid), void *ctx, const struct cmdline_how *cmdline,
		      struct err *err)
{
	struct keyframe k = { .w = w, .add = recording_writer_add_keyframe, .ts = now_ts, .only = only, .ctx = ctx,
			      .cmdline = cmdline, .err = err };
	int r = tasks_each_thread(t, write_thread, &k);

	if (!r)
		r = tasks_each_mapping(t, write_mapping, &k);
	return r ?: recording_writer_end_keyframe(w, err);
}

static bool is_pid(void *ctx, uint32_t pid)
{
	return *(const uint32_t *)ctx == pid;
}

int procscan_write_process(const struct tasks *t, struct recording_writer *w, uint32_t pid, uint64_t now_ts,
			   const struct cmdline_how *cmdline, struct err *err)
{
	struct keyframe k = { .w = w, .add = recording_writer_add, .ts = now_ts, .only = is_pid, .ctx = &pid,
			      .cmdline = cmdline, .err = err };
	int r = tasks_each_thread(t, write_thread, &k);

	return r ?: tasks_each_mapping_of(t, pid, write_mapping, &k);
}
