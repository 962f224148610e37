// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/* The maps and the configuration all programs share. Sizes are set by the recorder before load where they matter. */
#include "stack_kernel.bpf.h"
#include "unwind_step.bpf.h"
#include "varve.bpf.h"

ring_t ring_main SEC(".maps");
ring_t ring_sched SEC(".maps");
ring_t ring_task SEC(".maps");
ring_t ring_oom SEC(".maps");
ring_t ring_irq_0 SEC(".maps");
ring_t ring_irq_1 SEC(".maps");
ring_t ring_irq_2 SEC(".maps");
ring_t ring_irq_3 SEC(".maps");
threads_t threads SEC(".maps");
threads_by_tid_t threads_by_tid SEC(".maps");
counters_t counters SEC(".maps");
user_return_t user_return SEC(".maps");
id_set_t targets SEC(".maps");
id_set_t target_uids SEC(".maps");
id_set_t target_cpus SEC(".maps");
cgroup_set_t target_cgroups SEC(".maps");
comm_globs_t comm_globs SEC(".maps");
unwind_scratch_t unwind_scratch SEC(".maps");
unwind_counts_t unwind_counts SEC(".maps");
unwind_procs_t unwind_procs SEC(".maps");
kstack_scratch_t kstack_scratch SEC(".maps");
kstack_memos_t kstack_memos SEC(".maps");

const volatile struct wire_config cfg = {};
struct wire_control ctl = { ~0ULL, ~0ULL };

char LICENSE[] SEC("license") = "Dual BSD/GPL";
