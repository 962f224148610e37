/* SPDX-License-Identifier: BSD-2-Clause */
/* What the running kernel can do, found by asking and trying, never from its version number. */
#ifndef VARVE_KERNEL_H
#define VARVE_KERNEL_H

#include <stdbool.h>
#include <stdint.h>

#include "formats/err.h"

#define KERNEL_TYPES "/sys/kernel/btf/vmlinux"

struct kernel {
	bool task_storage;	/* bpf_task_storage_get() for tracing programs (5.12) */
	bool task_btf;		/* bpf_get_current_task_btf() (5.11) */
	bool task_pt_regs;	/* bpf_task_pt_regs() (5.15) */
	bool task_stack;	/* bpf_get_task_stack() (5.9) */
	bool probe_read;	/* bpf_probe_read_kernel(): refused under lockdown=confidentiality */
	bool loop;		/* bpf_loop() (5.17) */
	bool snprintf;		/* bpf_snprintf() (5.13) */
	bool switch_state;	/* sched_switch tells prev_state (5.18) */
	bool preempt_count;	/* the per-CPU preempt count is reachable (needs CONFIG_KALLSYMS_ALL) … */
	bool preempt_hot;	/* … as a part of pcpu_hot (6.2 to 6.14) */
	bool fentry;		/* fentry programs are accepted */
	bool mark_victim;	/* the tracepoint exists … */
	bool mark_victim_task;	/* … and gives the victim's task, not its pid alone */
	uint32_t preempt_count_id; /* the variable's, among the kernel's types */
};

/*
 * Find out. The first thing that touches libbpf: it also silences it. Returns 0; -ENOENT: the kernel has no BTF; -EPERM: BPF programs may not be loaded (err has the hint); or another
 * errno of bpf(2).
 */
int kernel_probe(struct kernel *ret, struct err *err);

#endif
