// SPDX-License-Identifier: BSD-2-Clause
#include "record/sampler.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "formats/cleanup.h"
#include "record/perf_alive.h"

#define CPUS_MAX 65536
#define ONLINE "/sys/devices/system/cpu/online"

struct sampler {
	struct sampler_options o;
	struct perf_event_attr attr;
	uint32_t freq;
	void **links; /* by CPU; NULL: not sampled */
	struct sampler_event {
		int fd; /* the link's */
		uint64_t enabled_ns;
	} *events; /* by CPU */
	size_t link_cnt;
	char online[4096]; /* what ONLINE said last: unchanged text, nothing to do */
};

static int read_text(const char *path, char *buf, size_t size)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read(fd, buf, size - 1);
	if (n < 0)
		return -errno;
	buf[n] = '\0';
	buf[strcspn(buf, "\n")] = '\0';
	return 0;
}

static long read_number(const char *path)
{
	char buf[32];

	return read_text(path, buf, sizeof(buf)) ? -1 : strtol(buf, NULL, 10);
}

static int open_event(const struct perf_event_attr *attr, int cpu)
{
	struct perf_event_attr a = *attr;
	int fd = (int)syscall(SYS_perf_event_open, &a, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static int explain(const struct sampler *s, int cpu, int code, struct err *err)
{
	long paranoid = read_number("/proc/sys/kernel/perf_event_paranoid");

	err_code(err, code, "sample CPU %d at %u Hz (perf_event_open)", cpu, s->freq);
	if (code == -EACCES || code == -EPERM)
		err_hint(err, "kernel.perf_event_paranoid is %ld: run as root, or: echo %d | sudo tee /proc/sys/kernel/perf_event_paranoid",
			 paranoid, paranoid > 2 ? 2 : 0);
	return code;
}

static int sample_cpu(struct sampler *s, int cpu, struct err *err)
{
	int fd = open_event(&s->attr, cpu);

	if (fd < 0)
		return explain(s, cpu, fd, err);
	s->links[cpu] = programs_attach_sampler(s->o.programs, fd, err);
	if (!s->links[cpu]) {
		int code = err && err->code ? err->code : -EINVAL;

		close(fd);
		return code;
	}
	s->events[cpu] = (struct sampler_event){ .fd = fd };
	return 0;
}

static bool is_wanted(const struct sampler *s, uint32_t cpu)
{
	const struct id_list *l = s->o.cpus;

	if (!l || !l->cnt)
		return true;
	for (size_t i = 0; i < l->cnt; i++)
		if (l->ids[i] == cpu)
			return true;
	return false;
}

/* Cycles count on hardware with a PMU that is ours to use; a virtual machine often has none. */
static void choose_event(struct sampler *s, int cpu)
{
	int fd;

	s->attr = (struct perf_event_attr){
		.size = sizeof(s->attr),
		.type = PERF_TYPE_HARDWARE,
		.config = PERF_COUNT_HW_CPU_CYCLES,
		.sample_freq = s->freq,
		.freq = 1,
		.read_format = PERF_ALIVE_FORMAT,
		.exclude_idle = 1,
		.exclude_guest = 1,
	};
	fd = open_event(&s->attr, cpu);
	if (fd >= 0) {
		close(fd);
		return;
	}
	s->attr.type = PERF_TYPE_SOFTWARE;
	s->attr.config = PERF_COUNT_SW_CPU_CLOCK;
}

static int choose_freq(struct sampler *s, struct err *err)
{
	long max = read_number("/proc/sys/kernel/perf_event_max_sample_rate");

	s->freq = s->o.freq;
	if (s->freq == UINT32_MAX)
		s->freq = max > 0 ? (uint32_t)max : 1000;
	if (max > 0 && s->freq > (uint32_t)max) {
		err_set(err, -EINVAL, "-F %u: the kernel allows at most %ld samples a second", s->freq, max);
		err_hint(err, "-F max, or: echo %u | sudo tee /proc/sys/kernel/perf_event_max_sample_rate", s->freq);
		return -EINVAL;
	}
	return 0;
}

/* Bring what is sampled in line with what is online. */
static int follow_online(struct sampler *s, sampler_cpu_fn fn, void *ctx, struct err *err)
{
	struct id_list online;
	int code = options_parse_cpus(s->online, &online), changes = 0, failed = 0;
	size_t at = 0;

	if (code)
		return err_code(err, code, ONLINE " says '%s'", s->online);
	for (uint32_t cpu = 0; cpu < s->link_cnt; cpu++) {
		bool is_online;

		while (at < online.cnt && online.ids[at] < cpu)
			at++;
		is_online = at < online.cnt && online.ids[at] == cpu && is_wanted(s, cpu);
		if (is_online == (s->links[cpu] != NULL))
			continue;
		if (is_online) {
			code = sample_cpu(s, (int)cpu, err);
			if (code) {
				failed = code;
				continue;
			}
		} else {
			/* a CPU that comes back does not revive the old event: it must be a new one */
			programs_detach_sampler(s->links[cpu]);
			s->links[cpu] = NULL;
		}
		changes++;
		if (fn)
			fn(ctx, (int)cpu, is_online);
	}
	free(online.ids);
	return failed ?: changes;
}

/* CPUs that went and came back between two looks. */
static bool drop_dead(struct sampler *s, sampler_cpu_fn fn, void *ctx)
{
	bool any = false;

	for (uint32_t cpu = 0; cpu < s->link_cnt; cpu++) {
		if (!s->links[cpu] || perf_is_alive(s->events[cpu].fd, &s->events[cpu].enabled_ns))
			continue;
		programs_detach_sampler(s->links[cpu]);
		s->links[cpu] = NULL;
		any = true;
		if (fn)
			fn(ctx, (int)cpu, false);
	}
	return any;
}

int sampler_check_cpus(struct sampler *s, sampler_cpu_fn fn, void *ctx, struct err *err)
{
	char now[sizeof(s->online)];
	int code = read_text(ONLINE, now, sizeof(now));

	if (code)
		return err_code(err, code, "read " ONLINE);
	if (!drop_dead(s, fn, ctx) && !strcmp(now, s->online))
		return 0;
	memcpy(s->online, now, sizeof(now));
	return follow_online(s, fn, ctx, err);
}

int sampler_open(const struct sampler_options *o, struct sampler **ret, struct err *err)
{
	struct sampler *s = calloc(1, sizeof(*s));
	long cpus = sysconf(_SC_NPROCESSORS_CONF);
	int code;

	if (!s)
		return err_code(err, -ENOMEM, "start the sampler");
	s->o = *o;
	s->link_cnt = cpus > 0 && cpus < CPUS_MAX ? (size_t)cpus : CPUS_MAX;
	s->links = calloc(s->link_cnt, sizeof(*s->links));
	s->events = calloc(s->link_cnt, sizeof(*s->events));
	code = s->links && s->events ? choose_freq(s, err) : err_code(err, -ENOMEM, "start the sampler");
	if (!code) {
		choose_event(s, o->cpus && o->cpus->cnt ? (int)o->cpus->ids[0] : 0);
		code = sampler_check_cpus(s, NULL, NULL, err);
	}
	if (code == 0)
		code = err_set(err, -ENODEV, "-C: none of the CPUs (%u%s) is online: %s are",
			       s->o.cpus->cnt ? s->o.cpus->ids[0] : 0, s->o.cpus->cnt > 1 ? ", …" : "", s->online);
	if (code < 0) {
		sampler_close(s);
		return code;
	}
	*ret = s;
	return 0;
}

void sampler_close(struct sampler *s)
{
	if (!s)
		return;
	for (size_t i = 0; s->links && i < s->link_cnt; i++)
		if (s->links[i])
			programs_detach_sampler(s->links[i]);
	free(s->links);
	free(s->events);
	free(s);
}

uint32_t sampler_freq(const struct sampler *s)
{
	return s->freq;
}

uint64_t sampler_weight_ns(const struct sampler *s)
{
	return 1000000000ULL / s->freq;
}

bool sampler_is_hardware(const struct sampler *s)
{
	return s->attr.type == PERF_TYPE_HARDWARE;
}
