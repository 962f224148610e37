/* SPDX-License-Identifier: BSD-2-Clause */
/* The on-CPU sampler: one perf event per CPU that runs the BPF program, kept alive over CPU hotplug. */
#ifndef VARVE_SAMPLER_H
#define VARVE_SAMPLER_H

#include <stdbool.h>
#include <stdint.h>

#include "formats/err.h"
#include "record/options.h"
#include "record/programs.h"

struct sampler;

struct sampler_options {
	struct programs *programs;
	uint32_t freq;		   /* per CPU and second; UINT32_MAX: as high as the kernel allows */
	const struct id_list *cpus; /* only these; cnt 0: all */
};

/*
 * Open on every online CPU; samples flow once programs_start() allowed it. Hardware cycles where there are any, else cpu-clock.
 * Returns 0, -EACCES / -EPERM (perf_event_paranoid, with the hint), -EINVAL (a rate above the kernel's), or another errno.
 */
int sampler_open(const struct sampler_options *o, struct sampler **ret, struct err *err);
void sampler_close(struct sampler *s);

/* The rate in use, and what one sample stands for. */
uint32_t sampler_freq(const struct sampler *s);
uint64_t sampler_weight_ns(const struct sampler *s);
bool sampler_is_hardware(const struct sampler *s);

/*
 * Look whether CPUs went or came; about once a second. fn is told of each, after it was opened (online) or closed. Returns the
 * number of changes or a negative errno for a CPU that could not be sampled (others are).
 */
typedef void (*sampler_cpu_fn)(void *ctx, int cpu, bool online);
int sampler_check_cpus(struct sampler *s, sampler_cpu_fn fn, void *ctx, struct err *err);

#endif
