// SPDX-License-Identifier: BSD-2-Clause
#include "record/counters.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "formats/bytes.h"
#include "formats/cleanup.h"
#include "record/procfile.h"

#define FILE_SZ 65536
#define LAST_MAX 200000

struct counter_key {
	const char *key, *name;
};

static const struct counter_key meminfo[] = {
	{ "MemTotal:", "mem.total_kb" },     { "MemFree:", "mem.free_kb" },
	{ "MemAvailable:", "mem.available_kb" }, { "Cached:", "mem.cached_kb" },
	{ "AnonPages:", "mem.anon_kb" },     { "Shmem:", "mem.shmem_kb" },
	{ "Slab:", "mem.slab_kb" },	     { "SUnreclaim:", "mem.slab_unreclaimable_kb" },
	{ "PageTables:", "mem.pagetables_kb" }, { "Dirty:", "mem.dirty_kb" },
	{ "Writeback:", "mem.writeback_kb" }, { "SwapTotal:", "mem.swap_total_kb" },
	{ "SwapFree:", "mem.swap_free_kb" },
};

static const struct counter_key vmstat[] = {
	{ "pgmajfault", "vm.pgmajfault" },     { "pswpin", "vm.pswpin" },
	{ "pswpout", "vm.pswpout" },	       { "pgscan_direct", "vm.pgscan_direct" },
	{ "pgscan_kswapd", "vm.pgscan_kswapd" }, { "oom_kill", "vm.oom_kill" },
};

struct psi_file {
	const char *path, *some, *full;
};

static const struct psi_file host_psi[] = {
	{ "pressure/cpu", "psi.cpu.some_us", NULL }, /* full is not defined for a host's CPUs */
	{ "pressure/memory", "psi.memory.some_us", "psi.memory.full_us" },
	{ "pressure/io", "psi.io.some_us", "psi.io.full_us" },
};

static const struct psi_file cgroup_psi[] = {
	{ "cpu.pressure", "psi.cpu.some_us", "psi.cpu.full_us" },
	{ "memory.pressure", "psi.memory.some_us", "psi.memory.full_us" },
	{ "io.pressure", "psi.io.some_us", "psi.io.full_us" },
};

void counters_init(struct counters *c, struct recording_writer *w, struct cgroups *cgroups, int proc_fd)
{
	*c = (struct counters){ .writer = w, .cgroups = cgroups, .proc_fd = proc_fd };
}

void counters_deinit(struct counters *c)
{
	free(c->buf);
	free(c->last);
	idmap_deinit(&c->by_name);
	*c = (struct counters){ .proc_fd = -1 };
}

/* Names are constants, so their addresses tell them apart. NULL: no room; then the number is written each time. */
static struct counter_last *last_of(struct counters *c, uint64_t scope_id, const char *name)
{
	uint32_t hash = hash_mix(scope_id, (uintptr_t)name), pos, i;

	for (i = idmap_first(&c->by_name, hash, &pos); i; i = idmap_next(&c->by_name, hash, &pos))
		if (c->last[i - 1].scope_id == scope_id && c->last[i - 1].name == name)
			return &c->last[i - 1];
	if (c->last_cnt >= LAST_MAX) /* most of cgroups that are no more: each that is left is told once again */
		counters_next_segment(c);
	if (array_grow(&c->last, &c->last_cap, c->last_cnt, sizeof(*c->last)) ||
	    idmap_add(&c->by_name, hash, c->last_cnt + 1))
		return NULL;
	c->last[c->last_cnt] = (struct counter_last){ scope_id, name, UNKNOWN_U64 };
	return &c->last[c->last_cnt++];
}

static int write_one(struct counters *c, uint64_t ts, uint64_t cgroup_id, const char *name,
		     uint64_t value, struct err *err)
{
	struct counter_last *last = last_of(c, cgroup_id, name);
	struct event ev = {
		.kind = EVENT_COUNTER, .ts = ts,
		.counter = { .name = name, .scope = cgroup_id ? "cgroup" : "host",
			     .scope_id = cgroup_id, .value = (int64_t)value },
	};

	if (value > INT64_MAX || (last && last->value == value))
		return 0;
	if (last)
		last->value = value;
	return recording_writer_add(c->writer, &ev, err);
}

static bool read_text(struct counters *c, int dir_fd, const char *path)
{
	return procfile_read_into(dir_fd, path, FILE_SZ, &c->buf, &c->buf_cap) > 0;
}

static int write_keys(struct counters *c, uint64_t ts, const char *path, const struct counter_key *keys,
		      size_t cnt, struct err *err)
{
	int r = 0;

	if (!read_text(c, c->proc_fd, path))
		return 0;
	for (size_t i = 0; !r && i < cnt; i++) {
		uint64_t v;

		if (!procfile_find_u64(c->buf, keys[i].key, &v))
			r = write_one(c, ts, 0, keys[i].name, v, err);
	}
	return r;
}

/* "some avg10=0.00 avg60=0.00 avg300=0.00 total=46": the last number, in us since boot. */
static bool find_total(const char *text, const char *line_key, uint64_t *ret)
{
	const char *line = strstr(text, line_key), *total = line ? strstr(line, "total=") : NULL;
	char *end;

	if (!total)
		return false;
	errno = 0;
	*ret = strtoull(total + 6, &end, 10);
	return end != total + 6 && !errno;
}

static int write_psi(struct counters *c, uint64_t ts, int dir_fd, uint64_t cgroup_id,
		     const struct psi_file *f, struct err *err)
{
	uint64_t v;
	int r = 0;

	if (!read_text(c, dir_fd, f->path))
		return 0;
	if (find_total(c->buf, "some ", &v))
		r = write_one(c, ts, cgroup_id, f->some, v, err);
	if (!r && f->full && find_total(c->buf, "full ", &v))
		r = write_one(c, ts, cgroup_id, f->full, v, err);
	return r;
}

/* v2 counts throttled_usec, v1 throttled_time in ns. */
static int write_throttled(struct counters *c, uint64_t ts, int dir_fd, uint64_t id, struct err *err)
{
	uint64_t v;

	if (!read_text(c, dir_fd, "cpu.stat"))
		return 0;
	if (!procfile_find_u64(c->buf, "throttled_usec", &v))
		return write_one(c, ts, id, "cpu.throttled_us", v, err);
	if (!procfile_find_u64(c->buf, "throttled_time", &v))
		return write_one(c, ts, id, "cpu.throttled_us", v / 1000, err);
	return 0;
}

static int write_cgroup(struct counters *c, uint64_t ts, int dir_fd, uint64_t id, bool is_v2, struct err *err)
{
	int r = write_throttled(c, ts, dir_fd, id, err);

	for (size_t i = 0; !r && is_v2 && i < ARRAY_SIZE(cgroup_psi); i++)
		r = write_psi(c, ts, dir_fd, id, &cgroup_psi[i], err);
	return r;
}

/* Some of the known cgroups, the next ones the next time. */
static int write_cgroups(struct counters *c, uint64_t ts, struct err *err)
{
	enum cgroup_hierarchy h = cgroups_task_hierarchy(c->cgroups);
	uint64_t id;
	int r = 0;

	for (int n = 0; !r && n < COUNTERS_CGROUPS; n++) {
		int fd = cgroups_next_dir(c->cgroups, h, &c->next_cgroup, &id);

		if (fd < 0) {
			c->next_cgroup = 0;
			break;
		}
		r = write_cgroup(c, ts, fd, id, h == CGROUP_V2, err);
	}
	return r;
}

void counters_next_segment(struct counters *c)
{
	idmap_clear(&c->by_name);
	c->last_cnt = 0;
}

int counters_write(struct counters *c, uint64_t ts, struct err *err)
{
	int r = write_keys(c, ts, "meminfo", meminfo, ARRAY_SIZE(meminfo), err);

	if (!r)
		r = write_keys(c, ts, "vmstat", vmstat, ARRAY_SIZE(vmstat), err);
	for (size_t i = 0; !r && i < ARRAY_SIZE(host_psi); i++)
		r = write_psi(c, ts, c->proc_fd, 0, &host_psi[i], err);
	if (!r && c->cgroups)
		r = write_cgroups(c, ts, err);
	return r;
}
