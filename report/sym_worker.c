// SPDX-License-Identifier: BSD-2-Clause
#include "report/sym_worker.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "formats/cleanup.h"
#include "report/progress.h"
#include "report/sym_cache.h"
#include "report/sym_module.h"
#include "report/sym_sandbox.h"

#define JOBS_MAX 64
#define WALL_MS 300000 /* the CPU limit comes long before, unless the file's disk hangs */

/* Exit statuses of a worker. */
enum { WORKER_DONE = 0, WORKER_SYMBOLS = 9, WORKER_USE_CACHE = 10, WORKER_NO_MEMORY = 11, WORKER_FAILED = 12 };

struct worker {
	struct sym_job *job; /* NULL: free */
	pid_t pid;
	int pid_fd, result_fd;
	uint64_t deadline_ms;
	char *cache_path; /* NULL: no cache */
	bool no_cache;	  /* the cache lied once: build */
};

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* The child. */
static void __attribute__((noreturn))
work(const struct symbolizer_options *o, const struct worker *w)
{
	int fd = sym_sandbox_enter(w->result_fd);
	int err;

	if (fd < 0)
		_exit(WORKER_FAILED);
	err = sym_module_build(o, w->job->m, w->no_cache ? NULL : w->cache_path, &w->job->ask, fd);
	if (err == -EEXIST)
		_exit(WORKER_USE_CACHE);
	if (err == -EALREADY)
		_exit(WORKER_SYMBOLS);
	if (err)
		_exit(err == -ENOMEM ? WORKER_NO_MEMORY : WORKER_FAILED);
	_exit(WORKER_DONE);
}

static int start(const struct symbolizer_options *o, struct worker *w, struct sym_job *job)
{
	w->job = job;
	w->result_fd = memfd_create("varve-symbols", MFD_CLOEXEC);
	if (w->result_fd < 0)
		return -errno;
	if (!w->cache_path)
		w->cache_path = sym_cache_path(o->cache_dir, job->m);
	w->deadline_ms = now_ms() + WALL_MS;
	w->pid = fork();
	if (w->pid == 0)
		work(o, w);
	if (w->pid < 0)
		return -errno;
	w->pid_fd = pidfd_open(w->pid, 0);
	return 0;
}

static void release(struct worker *w)
{
	cleanup_closep(&w->result_fd);
	cleanup_closep(&w->pid_fd);
	free(w->cache_path);
	*w = (struct worker){.pid_fd = -1, .result_fd = -1};
}

/* Returns 1 when a process runs now, else 0 with the job's reason set. */
static size_t try_start(const struct symbolizer_options *o, struct worker *w, struct sym_job *job)
{
	int err = start(o, w, job);

	if (!err)
		return 1;
	snprintf(job->reason, sizeof(job->reason), "worker could not start: %s", err_name(err));
	release(w);
	return 0;
}

/* Read an index of the memory file's, which nobody else has any more: the worker is gone, and could start nothing. */
static int read_index(struct sym_job *j, struct sym_index *x, int fd, uint64_t off)
{
	int err = sym_index_read(x, fd, off, NULL);

	if (err)
		snprintf(j->reason, sizeof(j->reason), "worker gave no valid index");
	return err;
}

static void take_result(struct worker *w)
{
	struct sym_job *j = w->job;

	if (read_index(j, &j->symbols, w->result_fd, 0) || read_index(j, &j->index, w->result_fd, j->symbols.h->total_sz))
		return;
	if (w->cache_path && (j->index.h->flags & SYM_INDEX_CACHEABLE))
		(void)sym_cache_put(w->cache_path, j->index.data, j->index.h->total_sz, NULL); /* slower next time, that is all */
}

/* Returns false when the cached index is no good. */
static bool take_cached(struct worker *w)
{
	struct sym_job *j = w->job;
	struct stat st;

	if (sym_cache_load(w->cache_path, &j->index, NULL))
		return false;
	j->from_cache = true;
	if (!fstat(w->result_fd, &st) && st.st_size && read_index(j, &j->symbols, w->result_fd, 0))
		sym_index_deinit(&j->index);
	return true;
}

/* Returns true when the job must run again, without the cache. */
static bool finish(struct worker *w, int status)
{
	struct sym_job *j = w->job;

	if (WIFSIGNALED(status)) {
		snprintf(j->reason, sizeof(j->reason), "worker died: SIG%s",
			 sigabbrev_np(WTERMSIG(status)) ?: "?");
	} else if (WEXITSTATUS(status) == WORKER_DONE) {
		take_result(w);
	} else if (WEXITSTATUS(status) == WORKER_SYMBOLS) {
		(void)read_index(j, &j->symbols, w->result_fd, 0);
	} else if (WEXITSTATUS(status) == WORKER_USE_CACHE) {
		return !take_cached(w);
	} else {
		snprintf(j->reason, sizeof(j->reason), "worker %s",
			 WEXITSTATUS(status) == WORKER_NO_MEMORY ? "ran out of memory" : "failed");
	}
	return false;
}

/* Wait until a worker ends or its time is up. */
static struct worker *wait_one(struct worker *w, size_t cnt, int *ret_status)
{
	struct pollfd fds[JOBS_MAX];

	for (;;) {
		for (size_t i = 0; i < cnt; i++)
			fds[i] = (struct pollfd){.fd = w[i].job ? w[i].pid_fd : -1,
						 .events = POLLIN};
		(void)poll(fds, cnt, 1000);
		for (size_t i = 0; i < cnt; i++) {
			if (!w[i].job)
				continue;
			if (now_ms() > w[i].deadline_ms)
				kill(w[i].pid, SIGKILL);
			if (waitpid(w[i].pid, ret_status, WNOHANG) == w[i].pid)
				return &w[i];
		}
	}
}

static size_t job_limit(const struct symbolizer_options *o)
{
	long n = o->jobs ? (long)o->jobs : sysconf(_SC_NPROCESSORS_ONLN);

	return n < 1 ? 1 : n > JOBS_MAX ? JOBS_MAX : (size_t)n;
}

int sym_worker_run(const struct symbolizer_options *o, struct sym_job *jobs, size_t cnt)
{
	struct worker workers[JOBS_MAX];
	size_t limit = job_limit(o), next = 0, running = 0;

	for (size_t i = 0; i < limit; i++)
		workers[i] = (struct worker){.pid_fd = -1, .result_fd = -1};
	while (next < cnt || running) {
		struct worker *w = NULL;
		int status;

		for (size_t i = 0; i < limit && next < cnt; i++)
			if (!workers[i].job) {
				w = &workers[i];
				break;
			}
		if (w) {
			running += try_start(o, w, &jobs[next++]);
			continue;
		}
		w = wait_one(workers, limit, &status);
		running--;
		if (finish(w, status)) {
			struct sym_job *again = w->job;

			release(w);
			w->no_cache = true;
			running += try_start(o, w, again);
		} else {
			release(w);
			progress_set(o->progress, next - running, cnt);
		}
	}
	return 0;
}
