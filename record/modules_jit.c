// SPDX-License-Identifier: BSD-2-Clause
#include "record/modules_private.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "formats/cleanup.h"
#include "record/perfmap.h"
#include "record/procfile.h"
#include "record/procscan.h"

/* For its perf map: the process's root, its pid there, and who may own the file. */
static void hold_process(struct modules *m, struct module_entry *e)
{
	_cleanup_free_ char *text = NULL;
	struct procfile_status st;
	char name[48];

	snprintf(name, sizeof(name), "/proc/%" PRIu32 "/status", e->m.pid);
	if (procfile_read(AT_FDCWD, name, 16384, &text) < 0)
		return;
	procfile_parse_status(text, &st);
	e->ns_pid = st.ns_pid ?: e->m.pid;
	e->uid = st.uid;
	if (m->root_fd_cnt >= MODULES_ROOT_FD_MAX)
		return;
	snprintf(name, sizeof(name), "/proc/%" PRIu32 "/root", e->m.pid);
	e->root_fd = open(name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (e->root_fd >= 0)
		m->root_fd_cnt++;
}

/* When a process began, where BPF and the scan did not say: to 10 ms, which still tells two owners of a pid apart. */
static uint64_t coarse_start(uint32_t pid)
{
	_cleanup_free_ char *text = NULL;
	struct procscan_stat st;
	char path[40];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/stat", pid);
	n = procfile_read(AT_FDCWD, path, 4096, &text);
	if (n < 0 || procscan_parse_stat(text, (size_t)n, &st))
		return 0;
	return st.start_ticks * (1000000000 / (uint64_t)sysconf(_SC_CLK_TCK));
}

int modules_find_jit(struct modules *m, const struct mapping_desc *d, struct module_entry **ret, struct err *err)
{
	struct module want = {
		.kind = MODULE_JIT, .path = "//anon", .pid = d->pid,
		.start_ts = d->start_ts ?: coarse_start(d->pid),
	};
	int r;

	*ret = modules_find_identity(m, &want);
	if (*ret)
		return 0;
	r = modules_add_entry(m, &want, ret, err);
	if (r)
		return r;
	hold_process(m, *ret);
	r = idmap_add(&m->by_pid, hash_mix(d->pid, 0), m->cnt);
	return r ? err_set(err, r, "out of memory") : 0;
}

void modules_hold_dump(struct modules *m, const struct mapping_desc *d, int fd)
{
	struct module_entry *e;
	struct stat st;

	if (modules_find_jit(m, d, &e, NULL) || e->dump_fd >= 0 || m->root_fd_cnt >= MODULES_ROOT_FD_MAX || fstat(fd, &st) || !S_ISREG(st.st_mode) ||
	    (st.st_uid != e->uid && st.st_uid) || (st.st_mode & S_IWOTH))
		return;
	e->dump_fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	m->root_fd_cnt += e->dump_fd >= 0;
}

void modules_process_exit(struct modules *m, uint32_t pid)
{
	uint32_t hash = hash_mix(pid, 0), pos, i;

	for (i = idmap_first(&m->by_pid, hash, &pos); i; i = idmap_next(&m->by_pid, hash, &pos)) {
		struct module_entry *e = m->entries[i - 1];

		if (e->m.pid != pid)
			continue;
		e->is_over = true;
		if (e->root_fd < 0)
			continue;
		if (e->map_fd < 0)
			e->map_fd = perfmap_open(e->root_fd, e->ns_pid, e->uid, e->m.start_ts, NULL);
		if (e->map_fd < 0)
			e->map_fd = -1;
		close(e->root_fd);
		e->root_fd = -1;
		if (e->map_fd < 0)
			m->root_fd_cnt--; /* else its place is taken by the map */
	}
}
