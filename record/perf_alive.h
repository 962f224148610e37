/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whether a CPU's perf event still counts. The kernel takes it out when the CPU goes offline and does not put it back when it returns, says
 * nothing, and enabling it does not help: it has to be opened anew. The time it was enabled for stands still from then on.
 */
#ifndef VARVE_PERF_ALIVE_H
#define VARVE_PERF_ALIVE_H

#include <linux/perf_event.h>
#include <stdbool.h>
#include <stdint.h>
#include <unistd.h>

#define PERF_ALIVE_FORMAT PERF_FORMAT_TOTAL_TIME_ENABLED /* the event's read_format */

/* *enabled_ns: of the look before, 0 at first; ask no more than a few times a second. */
static inline bool perf_is_alive(int fd, uint64_t *enabled_ns)
{
	uint64_t now[2]; /* count, time enabled */

	if (read(fd, now, sizeof(now)) != sizeof(now) || now[1] == *enabled_ns)
		return false;
	*enabled_ns = now[1];
	return true;
}

#endif
