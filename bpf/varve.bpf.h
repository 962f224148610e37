/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Shared by the BPF programs: maps, configuration, who is a target, the thread's state, counted output, stacks.
 * Loads go through typed pointers (BTF), never bpf_probe_read, so that the programs load under lockdown; what kernels
 * before 5.15 need besides is behind rodata, and dead code to the verifier elsewhere. What lies behind a pointer in a struct is
 * read by BEHIND().
 */
#ifndef VARVE_BPF_H
#define VARVE_BPF_H

#include "kern_types.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "unwind.bpf.h"
#include "wire.h"

/* ---- what a thread is doing, kept in the kernel --------------------------------------------------------------- */

enum thread_flags {
	THREAD_USER_PENDING = 1, /* a WAIT was sent whose user stack is still to be taken */
	THREAD_USER_SENT = 2,	 /* the user stack of this epoch was sent */
	THREAD_SENT_FAULT = 4,	 /* … at a switch-out that was not in a system call: good for that wait only */
	THREAD_WAKER_SENT = 8,	 /* a WAKER record of this wait was sent */
	THREAD_WAKER_IRQ = 16,
	THREAD_WAKER_SOFTIRQ = 256,
	THREAD_IOWAIT = 32,
	THREAD_CHANGED = 64,	 /* since the account iterator last looked */
	THREAD_TARGET = 128,
	THREAD_RETURNING = 512, /* went off the CPU on its way to user mode; its stack waits for it to get there */
};

/*
 * One per thread, zero until first met. Written at switches, under the run queue's lock; the waker's part by wakers. seq is odd
 * while the sums change, for the iterator, which reads from another CPU.
 */
struct thread_state {
	__u64 first_ts; /* accounting began; 0: not met yet */
	__u64 since_ts; /* switched in; 0: not running */
	__u64 off_ts;	/* switched out; 0: running */
	__u64 running_ns, runq_ns, blocked_ns, short_ns, short_cnt;
	__u64 exec_ns;	/* the scheduler's own count of the running time, at the switch-out */
	/* by wakers. A wakeup of a thread that is about to sleep may be seen before its switch-out, so the switch-out leaves these
	 * alone and the switch-in clears wake_ts */
	__u64 wake_ts;
	__u64 waker_start_ts;
	__u32 waker_pid, waker_tid;
	__u32 waker_flags; /* THREAD_WAKER_* */
	__u32 epoch;	   /* counts user-mode states: stacks and waits of one belong together */
	__u32 flags;
	__u32 seq;
	__u64 match_key; /* for what cgroup, credentials and name THREAD_TARGET was worked out; 0: never */
	__u64 user_ip, user_sp; /* the user-mode state that the present epoch's flags are about */
	__u64 start_ts;	   /* task_struct.start_boottime, for the sampler of kernels without typed current */
	__u32 return_cnt;	/* with THREAD_RETURNING: user_return.cnt of cpu_out then */
	__u16 cpu_out;
	__u8 state;
};

/* One per CPU: what return_to_user() and the switches tell each other. */
struct user_return {
	__u32 due; /* the thread that runs may have to end its epoch when it returns to user mode */
	__u32 cnt; /* returns to user mode that were seen past sys_exit */
};

/* ---- maps and configuration, defined in maps.bpf.c -------------------------------------------------------------- */

typedef struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 8 << 20);
} ring_t;
/* Apart, so that a flood of one cannot starve another: samples, waits and the accounts of ended threads; switches; lives of tasks; OOM kills. */
extern ring_t ring_main SEC(".maps");
extern ring_t ring_sched SEC(".maps");
extern ring_t ring_task SEC(".maps");
extern ring_t ring_oom SEC(".maps");
/* Nothing is ever in these: see interrupt_self(). */
extern ring_t ring_irq_0 SEC(".maps");
extern ring_t ring_irq_1 SEC(".maps");
extern ring_t ring_irq_2 SEC(".maps");
extern ring_t ring_irq_3 SEC(".maps");

typedef struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct thread_state);
} threads_t;
extern threads_t threads SEC(".maps");

/* Kernels without task storage for tracing programs (before 5.12): by tid. */
typedef struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__type(key, __u32);
	__type(value, struct thread_state);
} threads_by_tid_t;
extern threads_by_tid_t threads_by_tid SEC(".maps");

typedef struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct wire_counters);
} counters_t;
extern counters_t counters SEC(".maps");

typedef struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct user_return);
} user_return_t;
extern user_return_t user_return SEC(".maps");

typedef struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__type(key, __u32);
	__type(value, __u32);
} id_set_t;
extern id_set_t targets SEC(".maps");
extern id_set_t target_uids SEC(".maps");
extern id_set_t target_cpus SEC(".maps");

typedef struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u64);
	__type(value, __u32);
} cgroup_set_t;
extern cgroup_set_t target_cgroups SEC(".maps");

typedef struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, WIRE_GLOBS * 2);
	__type(key, __u32);
	__type(value, struct wire_glob);
} comm_globs_t;
extern comm_globs_t comm_globs SEC(".maps");

/*
 * A record of each CPU to be filled and sent: the stack is too small for most. One per program that needs one: an NMI or, in
 * sys_exit, a preemption may run another program in between.
 */
#define SCRATCH(name, struct_name)                                                                 \
	struct {                                                                                   \
		__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);                                           \
		__uint(max_entries, 1);                                                            \
		__type(key, __u32);                                                                \
		__type(value, struct struct_name);                                                 \
	} name SEC(".maps")

extern const volatile struct wire_config cfg;
extern struct wire_control ctl;

/*
 * Before a loop with a call in it. The verifier measures the stack along each way of calls, from each call there is: unrolled, two loops
 * of 27 one in the other are 729 ways through the unwinder, 4 ms for each program.
 */
#define KEEP_LOOP _Pragma("clang loop unroll(disable)")

/*
 * x is any number to the verifier from here on, where it would follow each value that x may have on a way of its own. `any` is a number
 * that it does not know.
 */
#define FORGET_VALUE(x, any) asm volatile("%0 ^= %1\n%0 ^= %1" : "+r"(x) : "r"((__u64)(any)))

/* ---- counted output ------------------------------------------------------------------------------------------------ */

static __always_inline void count(enum wire_stream stream, enum wire_count what)
{
	__u32 zero = 0;
	struct wire_counters *c = bpf_map_lookup_elem(&counters, &zero);

	/* atomic: sys_exit may be preempted between load and store by a switch on the same CPU */
	if (c)
		__sync_fetch_and_add(&c->n[stream][what], 1);
}

#define WAKE_STEP_SHIFT 20

/*
 * The recorder sleeps until its timer, or until a ring is about half full: then it is woken once for each MiB the fill passes, and not
 * for every record.
 */
static __always_inline __u64 ring_wake_flags(void *ring, __u64 sz)
{
	__u64 wake = cfg.task_wake, fill, after;

	if (ring == (void *)&ring_main)
		wake = cfg.main_wake;
	else if (ring == (void *)&ring_sched)
		wake = cfg.sched_wake;
	fill = bpf_ringbuf_query(ring, BPF_RB_AVAIL_DATA);
	after = fill + sz;
	if (after >= wake && (fill < wake || fill >> WAKE_STEP_SHIFT != after >> WAKE_STEP_SHIFT))
		return BPF_RB_FORCE_WAKEUP;
	return BPF_RB_NO_WAKEUP;
}

/* Send sz bytes; what does not fit is counted. Returns 0 when it was sent. */
static __always_inline long ring_send(void *ring, enum wire_stream stream, void *data, __u64 sz)
{
	long err;

	count(stream, WIRE_SEEN);
	err = bpf_ringbuf_output(ring, data, sz, ring_wake_flags(ring, sz));
	if (err)
		count(stream, WIRE_RING_FULL);
	return err;
}

static __always_inline bool is_recording(__u64 now)
{
	return now >= ctl.start_ts && now < ctl.stop_ts;
}

static __always_inline void fill_head(struct wire_head *h, enum wire_kind kind, __u64 now)
{
	h->ts = now;
	h->kind = kind;
	h->cpu = bpf_get_smp_processor_id();
	h->flags = 0;
}

/*
 * BEHIND(t->cred->uid.val, t, cred, uid.val): a value behind a pointer, for where it is not read often. The verifier of newer kernels
 * (6.18: 0.5 ms) goes through all of BTF, four times, for each pointer that is loaded by a typed load: so those are for lockdown.
 */
#define BEHIND(typed, ...) (cfg.has_probe_read ? BPF_CORE_READ(__VA_ARGS__) : (typed))

/* ---- tasks ------------------------------------------------------------------------------------------------------------ */

static __always_inline __u32 task_state(struct task_struct *t)
{
	if (bpf_core_field_exists(t->__state))
		return t->__state;
	return ((struct task_struct___old *)t)->state;
}

/* The CPU whose run queue the task is on, or was last. */
static __always_inline __u32 task_cpu(struct task_struct *t)
{
	if (bpf_core_field_exists(t->thread_info.cpu))
		return t->thread_info.cpu;
	return ((struct task_struct___old *)t)->cpu;
}

/* The letter of a state mask, as ps and event.h have it. Bits as in linux/sched.h; the same since 5.10. */
static __always_inline __u8 state_letter(__u32 state)
{
	if (state == 0)
		return 'R';
	if (state & 0x80) /* TASK_DEAD */
		return 'X';
	if (state & 0x01)
		return 'S';
	if (state & 0x02)
		return state & 0x400 ? 'I' : 'D'; /* TASK_NOLOAD */
	if (state & 0x04)
		return 'T';
	if (state & 0x08)
		return 't';
	if (state & 0x10)
		return 'X';
	if (state & 0x20)
		return 'Z';
	if (state & 0x40)
		return 'P';
	return 'D'; /* TASK_RTLOCK_WAIT, TASK_FROZEN */
}

static __always_inline bool is_kernel_thread(struct task_struct *t)
{
	return t->flags & PF_KTHREAD;
}

static __always_inline void fill_task(struct wire_task *w, struct task_struct *t)
{
	w->pid = t->tgid;
	w->tid = t->pid;
	w->start_ts = t->start_boottime;
	__builtin_memcpy(w->comm, t->comm, sizeof(w->comm));
}

static __always_inline struct cgroup *task_cgroup(struct task_struct *t)
{
	if (cfg.cgroup_v1 && bpf_core_enum_value_exists(enum cgroup_subsys_id, cpu_cgrp_id))
		return t->cgroups->subsys[bpf_core_enum_value(enum cgroup_subsys_id, cpu_cgrp_id)]->cgroup;
	return t->cgroups->dfl_cgrp;
}

static __always_inline __u64 task_cgroup_id(struct task_struct *t)
{
	struct cgroup_subsys_state *css = NULL;
	void *set;

	if (cfg.cgroup_v1 && !cfg.has_probe_read)
		return task_cgroup(t)->kn->id;
	if (cfg.cgroup_v1 && bpf_core_enum_value_exists(enum cgroup_subsys_id, cpu_cgrp_id)) {
		set = BPF_CORE_READ(t, cgroups);
		set += bpf_core_field_offset(struct css_set, subsys);
		bpf_probe_read_kernel(&css, sizeof(css), set + 8 * bpf_core_enum_value(enum cgroup_subsys_id, cpu_cgrp_id));
		return BPF_CORE_READ(css, cgroup, kn, id);
	}
	return BEHIND(t->cgroups->dfl_cgrp->kn->id, t, cgroups, dfl_cgrp, kn, id);
}

static __always_inline __u32 task_uid(struct task_struct *t)
{
	return BEHIND(t->cred->uid.val, t, cred, uid.val);
}

/* Not on the stack: 512 bytes are all there is for a program and what it calls, and the unwinder is deep. */
static const struct thread_state thread_zero = {};

static __always_inline struct thread_state *thread_get(struct task_struct *t, bool create)
{
	struct thread_state *st;
	__u32 tid;

	if (cfg.has_task_storage)
		return bpf_task_storage_get(&threads, t, 0, create ? BPF_LOCAL_STORAGE_GET_F_CREATE : 0);
	tid = t->pid;
	st = bpf_map_lookup_elem(&threads_by_tid, &tid);
	if (st || !create)
		return st;
	bpf_map_update_elem(&threads_by_tid, &tid, &thread_zero, BPF_NOEXIST);
	return bpf_map_lookup_elem(&threads_by_tid, &tid);
}

/* The state of the running thread, if it was met. */
static __always_inline struct thread_state *thread_get_current(void)
{
	__u32 tid = bpf_get_current_pid_tgid();

	if (cfg.has_task_storage && cfg.has_task_btf)
		return bpf_task_storage_get(&threads, bpf_get_current_task_btf(), 0, 0);
	return bpf_map_lookup_elem(&threads_by_tid, &tid);
}

/* First sight of a thread: it was there since the recording began, or since it was created. */
static __always_inline void thread_meet(struct task_struct *t, struct thread_state *st, bool running, __u8 state)
{
	__u64 born = t->start_time, from = ctl.start_ts;

	if (born > from)
		from = born;
	st->start_ts = t->start_boottime;
	st->state = state;
	st->since_ts = running ? from : 0;
	st->off_ts = running ? 0 : from;
	st->first_ts = from;
}

/*
 * Who is running. Returns whether it is a kernel thread. Without typed current (5.10) its start time comes from its state,
 * kept by sched_switch, and a kernel thread is not told apart (it has no user stack to take anyway).
 */
static __always_inline bool fill_current(struct wire_task *w)
{
	__u64 id = bpf_get_current_pid_tgid();
	struct thread_state *st;
	struct task_struct *t;

	if (cfg.has_task_btf) {
		t = (struct task_struct *)bpf_get_current_task_btf();
		fill_task(w, t);
		return is_kernel_thread(t);
	}
	st = thread_get_current();
	w->pid = id >> 32;
	w->tid = id;
	w->start_ts = st ? st->start_ts : 0;
	bpf_get_current_comm(w->comm, sizeof(w->comm));
	return false;
}

/* ---- stacks ------------------------------------------------------------------------------------------------------------- */

/* The user registers' orig_ax of a task: the system call it is in, or -1 when it came into the kernel otherwise. */
static __always_inline long task_orig_ax(struct task_struct *t)
{
	struct pt_regs *regs;
	long ax = -1;

	if (cfg.has_task_pt_regs) {
		regs = (struct pt_regs *)bpf_task_pt_regs(t);
		return regs->orig_ax;
	}
	if (!cfg.has_probe_read)
		return ax;
	/* before 5.15; no padding above pt_regs there */
	bpf_probe_read_kernel(&ax, sizeof(ax),
			      (char *)t->stack + cfg.thread_size - sizeof(*regs) + offsetof(struct pt_regs, orig_ax));
	return ax;
}

static __always_inline bool is_exec(long orig_ax)
{
	return orig_ax == 59 || orig_ax == 322; /* execve, execveat */
}

/*
 * Of a task in the kernel: is the user's pc the very instruction where it goes on, or the one behind its system call? The former where it was
 * interrupted, and at the first instruction of a program: what is before that is another function. (exec clears ax, which is -ENOSYS before.)
 */
static __always_inline bool user_pc_is_exact(struct task_struct *t, long orig_ax)
{
	struct pt_regs *regs;

	if (!cfg.has_task_pt_regs || !is_exec(orig_ax))
		return orig_ax == -1;
	regs = (struct pt_regs *)bpf_task_pt_regs(t);
	return !regs->ax;
}

static __always_inline bool current_user_pc_is_exact(void)
{
	struct task_struct *t;

	if (!cfg.has_task_btf || !(cfg.has_task_pt_regs || cfg.has_probe_read))
		return false;
	t = (struct task_struct *)bpf_get_current_task_btf();
	return user_pc_is_exact(t, task_orig_ax(t));
}

/* How a task that is off the CPU goes back to user mode. */
enum way_back {
	WAY_BY_SYS_EXIT, /* from a system call that will return, with the stack it has */
	WAY_STRAIGHT,	 /* with the stack it has, but past sys_exit: it was interrupted in user mode; or the call is over already (its
			  * result, never -ENOSYS before that, is in ax: a preemption or a signal on the way out) */
	WAY_NONE,	 /* not with this stack: a call that does not return to its caller */
};

static __always_inline enum way_back task_way_back(struct task_struct *t, long orig_ax)
{
	struct pt_regs *regs;

	if (orig_ax == -1)
		return WAY_STRAIGHT;
	if (is_exec(orig_ax) || orig_ax == 60 || orig_ax == 231) /* exit, exit_group */
		return WAY_NONE;
	if (!cfg.has_task_pt_regs)
		return WAY_BY_SYS_EXIT;
	regs = (struct pt_regs *)bpf_task_pt_regs(t);
	return (long)regs->ax == -38 ? WAY_BY_SYS_EXIT : WAY_STRAIGHT; /* -ENOSYS */
}

/*
 * THE place where user stacks are taken, of the current task, into addr (WIRE_USER_DEPTH entries). slot: enum unwind_slot, this
 * program's. is_exact: the leaf is the very pc (the thread was interrupted in user mode). Returns the number of frames and fills the
 * user part of *stack but user_cnt.
 */
static __always_inline __u32 take_user_stack(void *ctx, __u32 slot, __u64 *addr, bool is_exact, struct wire_stack *stack)
{
	long len;

	stack->user_end = 9; /* STACK_END_NOT_TAKEN */
	if (!cfg.user_stack_sz)
		return 0;
	if (cfg.call_graph == WIRE_CALL_GRAPH_TABLES)
		return take_table_stack(slot, addr, is_exact, stack);
	len = bpf_get_stack(ctx, addr, cfg.user_stack_sz, BPF_F_USER_STACK);
	if (len < 8 || len > WIRE_USER_DEPTH * 8)
		return 0;
	stack->user_end = len == cfg.user_stack_sz || len >= cfg.helper_stack_sz ? 1 : 2; /* STACK_END_TRUNCATED, _FRAME_POINTERS */
	if (is_exact)
		addr[0] |= WIRE_ADDR_EXACT;
	return (__u32)len / 8;
}

/* What a stack helper returned, as bytes of kernel stack within WIRE_KERNEL_DEPTH; 0 when it failed. */
static __always_inline __u32 kernel_stack_bytes(long len)
{
	__u32 sz = (__u32)len & ~7U; /* a negative one becomes too large */

	barrier_var(sz); /* what is compared must be what is used: the verifier does not know them to be the same */
	return sz <= WIRE_KERNEL_DEPTH * 8 ? sz : 0;
}

#endif
