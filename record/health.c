// SPDX-License-Identifier: BSD-2-Clause
#include "record/health.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "formats/cleanup.h"

#define PERIOD_NS 1000000000ULL

void health_init(struct health *h, struct recording_writer *w)
{
	*h = (struct health){ .writer = w, .statm_fd = -1 };
}

void health_deinit(struct health *h)
{
	if (h->statm_fd >= 0)
		close(h->statm_fd);
	h->statm_fd = -1;
}

/* Resident memory now, 0 unknown: getrusage() knows the peak only. */
static int64_t rss_kb(struct health *h)
{
	long pages = 0, total;
	char text[128];
	ssize_t n;

	if (h->statm_fd < 0)
		h->statm_fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
	if (h->statm_fd < 0)
		return 0;
	n = pread(h->statm_fd, text, sizeof(text) - 1, 0);
	text[n > 0 ? n : 0] = '\0';
	if (sscanf(text, "%ld %ld", &total, &pages) != 2)
		return 0;
	return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static int write_one(struct health *h, uint64_t ts, const char *name, int64_t value, struct err *err)
{
	struct event ev = {
		.kind = EVENT_COUNTER, .ts = ts,
		.counter = { .name = name, .scope = "varve", .value = value },
	};

	return recording_writer_add(h->writer, &ev, err);
}

int health_tick(struct health *h, uint64_t now_ts, const struct health_extra *extra, size_t extra_cnt,
		struct err *err)
{
	struct rusage u;
	int r;

	if (h->last_ts && now_ts - h->last_ts < PERIOD_NS)
		return 0;
	h->last_ts = now_ts;
	getrusage(RUSAGE_SELF, &u); /* cannot fail for ourselves */
	r = write_one(h, now_ts, "varve.cpu_us",
		      (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000 + u.ru_utime.tv_usec +
			      u.ru_stime.tv_usec,
		      err);
	if (!r)
		r = write_one(h, now_ts, "varve.rss_kb", rss_kb(h), err);
	for (size_t i = 0; !r && i < extra_cnt; i++)
		r = write_one(h, now_ts, extra[i].name, extra[i].value, err);
	return r ? r : 1;
}
