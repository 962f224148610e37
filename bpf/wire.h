/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the BPF programs and the recorder say to each other: ring records, rodata, counters. Native endianness, may change
 * with any commit: both sides are always built together. Includes nothing; __u8 … __u64 come from kern_types.h or
 * <linux/types.h>, included before.
 *
 * Times are bpf_ktime_get_ns() (CLOCK_MONOTONIC). pid/tid are the user's meaning, in the initial pid namespace.
 */
#ifndef VARVE_WIRE_H
#define VARVE_WIRE_H

#define WIRE_COMM_SZ 16
#define WIRE_KERNEL_DEPTH 128 /* frames of a kernel stack; a power of two (verifier) */
#define WIRE_USER_DEPTH 512   /* frames of a user stack; a power of two */
#define WIRE_KSYM_SZ 640     /* a kernel symbol in words: KSYM_NAME_LEN is 512, MODULE_NAME_LEN 56 */
#define WIRE_PATH_SZ 256      /* exec's filename, shortened */
#define WIRE_CPUS 4096	      /* size of the CPU mask */
#define WIRE_GLOBS 8	      /* patterns of --comm, and of --no-comm */
#define WIRE_CGROUP_LEVELS 16 /* how far up the hierarchy -G looks */

enum wire_kind {
	WIRE_SAMPLE = 1,
	WIRE_WAIT = 2,	      /* a wait that reached the threshold, sent when it ends; kernel stack */
	WIRE_USER_STACK = 3,  /* the user half for WAITs of the same tid and epoch */
	WIRE_WAKER = 4,	      /* who ended the wait (tid, off_ts) and from where, sent before its WAIT */
	WIRE_SWITCH = 5,
	WIRE_WAKEUP = 6,
	WIRE_MIGRATE = 7,
	WIRE_FORK = 8,
	WIRE_EXEC = 9,
	WIRE_COMM = 10,
	WIRE_EXIT = 11,
	WIRE_ACCOUNT = 12,
	WIRE_OOM = 13,
	WIRE_OOM_SCOPE = 14, /* what only the end of out_of_memory() knows of the kills in between */
	WIRE_TASK = 15,	     /* task iterator: a live thread */
	WIRE_SLICE = 16,     /* what a user stack needs to be finished, sent before the record that has its beginning */
	WIRE_UNMAP = 17,     /* executable memory is no more: the side-band does not tell */
};

/* First in every record. */
struct wire_head {
	__u64 ts;
	__u16 kind; /* enum wire_kind */
	__u16 cpu;
	__u32 flags; /* of the kind */
};

struct wire_task {
	__u32 pid, tid;
	__u64 start_ts; /* task_struct.start_boottime */
	char comm[WIRE_COMM_SZ];
};

/*
 * A callchain, leaf first: kernel_cnt kernel addresses, then user_cnt user addresses, right behind the fixed part of its
 * record. user_end is enum stack_end. In a user address WIRE_ADDR_EXACT says that it is the very pc and not a return address;
 * the first kernel address of a sample taken in the kernel always is.
 */
struct wire_stack {
	__u16 kernel_cnt, user_cnt;
	__u8 user_end;
	__u8 flags; /* enum wire_stack_flags */
	__u16 slice; /* .no of this CPU's WIRE_SLICE that the user half goes on with; 0: none */
};

enum wire_stack_flags {
	WIRE_STACK_KERNEL_FAILED = 1, /* the kernel half could not be taken */
	WIRE_STACK_KERNEL_EXACT = 2,  /* the first kernel address is the very pc */
	WIRE_STACK_KERNEL_TRUNCATED = 4,
	WIRE_STACK_USER_SAME = 8, /* the user half, user_cnt 0, is the last one that came whole from the same place: see UNWIND_MEMO_AT() */
	WIRE_STACK_AT_SWITCH = 16, /* of a USER_STACK: by sched_switch(), not by sys_exit() */
	WIRE_STACK_AT_RETURN = 32, /* … by return_to_user() */
};

#define WIRE_ADDR_EXACT (1ULL << 63)

struct wire_sample {
	struct wire_head head;
	struct wire_task task;
	struct wire_stack stack;
};

/*
 * The unwinder met something the recorder knows more about (a mapping that it has not heard of): the frame it stopped at, and stack
 * memory from its rsp on. Only in ring_main, before the record it belongs to, from the same CPU.
 */
struct wire_slice {
	struct wire_head head; /* flags: enum unwind_flags of the frame */
	__u32 pid;
	__u32 no;	 /* 1 … 65535, counting up on each CPU */
	__u32 sz;	 /* bytes of data, a multiple of 8 */
	__u32 frame_cnt; /* frames before this one */
	__u32 off, pad;	 /* where data begins, above rsp: more parts of a long slice follow the first at once, in order */
	__u64 regs[17];	 /* by DWARF number; without UNWIND_EXACT only rbp, rsp, rip count */
	/* data follows */
};

struct wire_unmap { /* head.ts: after it went */
	struct wire_head head;
	__u32 pid, pad;
	__u64 start, end;
};

/* How the user stack of a wait reaches us. */
enum wire_wait_flags {
	WIRE_WAIT_USER_PENDING = 1, /* a WIRE_USER_STACK with this epoch follows */
	WIRE_WAIT_USER_SENT = 2,    /* one with this epoch came before */
	WIRE_WAIT_WAKER_SENT = 4,   /* a WIRE_WAKER came before */
	WIRE_WAIT_IOWAIT = 8,
	WIRE_WAIT_WAKER_IRQ = 16,     /* the wakeup came in a hard interrupt or an NMI */
	WIRE_WAIT_WAKER_SOFTIRQ = 32, /* … in a soft interrupt: of the waker's own making, or at the end of a hard one */
	WIRE_WAIT_KERNEL = 128,	      /* a kernel thread: there is no user half */
	WIRE_WAIT_OPEN = 64, /* still waiting when the recording ended; from the iterator */
};

struct wire_wait { /* head.ts: the switch-in; head.cpu: where it came back; head.flags: enum wire_wait_flags */
	struct wire_head head;
	struct wire_task task;
	__u64 off_ts;  /* the switch-out */
	__u64 wake_ts; /* 0: no wakeup seen (preempted, or lost) */
	__u64 waker_start_ts;
	__u32 waker_pid, waker_tid; /* 0: none known */
	__u32 epoch;
	__u16 cpu_out;
	__u8 state; /* as event.h: 'S' 'D' … */
	__u8 pad;
	struct wire_stack stack; /* kernel half only */
};

struct wire_user_stack { /* head.ts: when it was taken */
	struct wire_head head;
	__u32 pid, tid;
	__u32 epoch;
	__u32 pad;
	struct wire_stack stack; /* user half only */
};

struct wire_waker { /* head.ts: the wakeup, in the waker's context; flags: WIRE_WAIT_WAKER_* */
	struct wire_head head;
	struct wire_task waker;
	__u64 off_ts; /* with wakee_tid: which wait */
	__u32 wakee_pid, wakee_tid;
	struct wire_stack stack;
};

/* The scheduler stream: 24 bytes an event. ts, kind and cpu lie where wire_head has them. */
struct wire_sched {
	__u64 ts;
	__u16 kind; /* WIRE_SWITCH: a to b; WIRE_WAKEUP: a woken by b; WIRE_MIGRATE: a moved */
	__u16 cpu;
	__u8 state;  /* SWITCH: of a, as event.h has it */
	__u8 is_new; /* WAKEUP: the first one of a new task */
	union {
		struct {
			__u8 prio_a, prio_b; /* SWITCH */
		};
		__u16 target_cpu; /* WAKEUP: where a ran last; MIGRATE: where it goes */
	};
	__u32 a;
	__u32 b; /* MIGRATE: the CPU it leaves */
};

enum wire_fork_flags {
	WIRE_TASK_KERNEL = 1, /* kernel thread */
	WIRE_TASK_THREAD = 2, /* FORK: a thread of its creator's process */
	WIRE_EXIT_PROCESS = 4, /* EXIT: the last thread */
	WIRE_TASK_TARGET = 8, /* TASK: it is recorded */
	WIRE_TASK_RUNNABLE = 16, /* TASK: on a CPU, or waiting for one */
};

/* FORK (task: the child, parent: the creator), EXEC, COMM, EXIT, and TASK from the iterator. */
struct wire_proc {
	struct wire_head head; /* flags: enum wire_fork_flags */
	struct wire_task task;
	struct wire_task parent; /* FORK: who created it; TASK: .pid is real_parent's tgid */
	__u64 cgroup_id;
	__u32 uid;
	__s32 status; /* EXIT: wait(2) status */
	__u32 path_sz; /* EXEC: bytes of the path behind this struct, with its NUL, at most WIRE_PATH_SZ */
	__u32 old_tid; /* EXEC: the tid of the thread that called it */
};

/* A thread's time sums. head.ts: they hold until then. */
struct wire_account {
	struct wire_head head;
	struct wire_task task;
	__u64 first_ts;
	__u64 running_ns, runq_ns, blocked_ns;
	__u64 short_ns, short_cnt;
};

enum wire_oom_flags {
	WIRE_OOM_MEMCG = 1,    /* a memory cgroup's limit, memcg_* being that cgroup */
	WIRE_OOM_GLOBAL = 2,   /* known not to be a memory cgroup's; neither: memcg_* is the one with the least room around the trigger */
	WIRE_OOM_CPUSET = 4,   /* SCOPE: constrained by a cpuset */
	WIRE_OOM_VICTIM = 8,   /* the victim's task was readable: more than its pid is known */
	WIRE_OOM_SCOPE_FOLLOWS = 16, /* a WIRE_OOM_SCOPE of this allocator will come */
};

#define WIRE_UNKNOWN 0xffffffffffffffffULL

struct wire_oom { /* head.flags: enum wire_oom_flags. Memory is in pages, pgtables in bytes; WIRE_UNKNOWN where not known */
	struct wire_head head;
	struct wire_task victim;
	struct wire_task trigger;
	__u64 memcg_id, memcg_limit, memcg_usage; /* kernfs id; pages */
	__u64 total_vm, anon, file, shmem, swap, pgtables;
	__s32 oom_score_adj;
	__u32 uid;
	struct wire_stack stack; /* the trigger's */
};

struct wire_oom_scope {
	struct wire_head head; /* flags: WIRE_OOM_CPUSET or 0 */
	__u32 trigger_tid;
	__u32 victim_tid;
	__u64 total_vm, anon, file, shmem, swap, pgtables; /* for kernels whose mark_victim tells a pid only */
	__s32 oom_score_adj;
	__u32 uid;
	struct wire_task victim;
};

/* Per-CPU counters: the one entry of map "counters". */
enum wire_stream {
	WIRE_STREAM_SAMPLE = 0,
	WIRE_STREAM_WAIT = 1,
	WIRE_STREAM_USER_STACK = 2,
	WIRE_STREAM_WAKER = 3,
	WIRE_STREAM_SCHED_SWITCH = 4,
	WIRE_STREAM_SCHED_WAKEUP = 5,
	WIRE_STREAM_SCHED_MIGRATE = 6,
	WIRE_STREAM_FORK = 7,
	WIRE_STREAM_EXEC = 8,
	WIRE_STREAM_COMM = 9,
	WIRE_STREAM_EXIT = 10,
	WIRE_STREAM_ACCOUNT = 11,
	WIRE_STREAM_OOM = 12,
	WIRE_STREAM_CNT = 13,
};

enum wire_count {
	WIRE_SEEN = 0,	   /* events that belong into the recording */
	WIRE_RING_FULL = 1,
	WIRE_MAP_FULL = 2, /* no room for the thread's state, or it was in use by what was interrupted */
	WIRE_STACK_ERROR = 3, /* sent, without (one half of) its stack */
	WIRE_COUNTS = 4,
};

struct wire_counters {
	__u64 n[WIRE_STREAM_CNT][WIRE_COUNTS];
};

/* The constant that stands for the preempt count's address in sched_waking until it is loaded. */
#define WIRE_MARK_HIGH 0x76617276U
#define WIRE_MARK_LOW 0x65706370U

/* Rodata: set before load, constant for the verifier. */
struct wire_config {
	__u64 thresh_ns;
	__u64 sched_text;      /* where the scheduler's functions lie in the kernel; sched_text_sz 0: not known, or not of use */
	__u64 sched_text_sz;
	__u64 entry_text, entry_text_sz; /* the same of the code by which the kernel is entered */
	__u32 self_pid;	       /* the recorder: never recorded */
	__u32 user_stack_sz;   /* bytes of a user stack at most; 0: none taken */
	__u32 helper_stack_sz; /* bytes the kernel's own helper gives at most (sysctl kernel.perf_event_max_stack) */
	__u32 kernel_stack_sz; /* 0: none taken */
	__u32 main_wake;       /* the recorder is woken when ring_main holds this much … */
	__u32 sched_wake;      /* … or ring_sched this … */
	__u32 task_wake;       /* … or ring_task this */
	__u32 thread_size;     /* bytes of a kernel stack, to find pt_regs before 5.15 */
	/* what the kernel can do */
	__u8 has_task_storage;
	__u8 has_task_btf; /* bpf_get_current_task_btf() */
	__u8 has_task_pt_regs;
	__u8 has_switch_state; /* sched_switch tells prev_state */
	__u8 has_probe_read;   /* bpf_probe_read_kernel(): not under lockdown=confidentiality */
	__u8 has_preempt_hot;  /* the preempt count is in pcpu_hot */
	__u8 cgroup_v1;	       /* a task's cgroup is that of the v1 cpu controller */
	/* what is wanted */
	__u8 want_offcpu, want_sched, want_account;
	/* targets; all conditions hold at once */
	__u8 has_filter; /* any of the following */
	__u8 by_id;	 /* map targets */
	__u8 inherit;
	__u8 by_uid;	/* map target_uids */
	__u8 by_cgroup; /* map target_cgroups, these and what is below them */
	__u8 by_cpu;	/* map target_cpus */
	__u8 no_kthreads;
	__u8 comm_cnt, no_comm_cnt; /* comm_globs: comm_cnt wanted ones, then no_comm_cnt unwanted ones */
	__u8 call_graph; /* enum wire_call_graph */
	__u8 want_slices;
	__u8 pad[3];
};

enum wire_call_graph { WIRE_CALL_GRAPH_FP = 0, WIRE_CALL_GRAPH_TABLES = 1 };

/*
 * A pattern of --comm as the recorder compiled it, a set of positions being a bit mask: from position p a byte b leads to p + 1
 * if bit p of step[b] is set, and to p if bit p of star is; a star is also passed over for nothing.
 */
struct wire_glob {
	__u32 step[256];
	__u32 star;
	__u32 accept; /* bit of the position past the end */
};

/* Map targets: key pid or tid. */
enum wire_target {
	WIRE_TARGET_PROCESS = 1, /* all threads of this pid */
	WIRE_TARGET_THREAD = 2,	 /* this tid */
};

/* Bss: changes while recording. */
struct wire_control {
	__u64 start_ts; /* events before are not recorded; ~0 until recording starts */
	__u64 stop_ts;	/* events at or after are not recorded; ~0 until it ends */
	__u32 iter_mode; /* enum wire_iter_mode: what the task iterator shall do, set before each run */
	__u32 sees_return; /* return_to_user() is everywhere it should be */
};

enum wire_iter_mode {
	WIRE_ITER_TASKS = 1,   /* WIRE_TASK of each thread */
	WIRE_ITER_ACCOUNT = 2, /* WIRE_ACCOUNT of the threads that changed since the last run */
	WIRE_ITER_FINAL = 3,   /* of all, as of stop_ts, and WIRE_WAIT of the waits that still last */
};

_Static_assert(sizeof(struct wire_head) == 16, "wire_head");
_Static_assert(sizeof(struct wire_task) == 32, "wire_task");
_Static_assert(sizeof(struct wire_stack) == 8, "wire_stack");
_Static_assert(sizeof(struct wire_sample) == 56, "wire_sample");
_Static_assert(sizeof(struct wire_slice) == 176, "wire_slice");
_Static_assert(sizeof(struct wire_wait) == 96, "wire_wait");
_Static_assert(sizeof(struct wire_user_stack) == 40, "wire_user_stack");
_Static_assert(sizeof(struct wire_waker) == 72, "wire_waker");
_Static_assert(sizeof(struct wire_sched) == 24, "wire_sched");
_Static_assert(sizeof(struct wire_proc) == 104, "wire_proc");
_Static_assert(sizeof(struct wire_account) == 96, "wire_account");

#endif
