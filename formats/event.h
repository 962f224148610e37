/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a recording holds: the event world between the recorder's wire structs and the report's SQL rows.
 * Kinds, field ids and enum values are on disk: append, never renumber, leave a hole (FORMAT.md).
 *
 * Times ending _ts are CLOCK_MONOTONIC ns as bpf_ktime_get_ns() gives them. Durations end _ns.
 * pid/tid are the user's meaning (process/thread) in the initial pid namespace.
 * Strings are NUL-terminated bytes of unknown encoding, never NULL in an event a reader gave
 * (a missing string is ""); a writer may pass NULL for "".
 */
#ifndef VARVE_EVENT_H
#define VARVE_EVENT_H

#include <stdint.h>

#define BUILD_ID_MAX 32	     /* bytes; GNU notes are 20 (sha1), 16 (md5, uuid) or 8 (lld fast) */
#define STACK_DEPTH_MAX 1024 /* frames; a reader refuses deeper tries */
#define UNKNOWN_U64 UINT64_MAX /* "not recorded" in a field that may be: NULL in SQL, never 0 */

enum event_kind {
	EVENT_NONE = 0,
	EVENT_META = 1,		/* one fact about the recording: key, value */
	EVENT_CLOCK = 2,	/* one instant on three clocks */
	EVENT_TASK = 3,		/* a task that was alive (keyframe) or first met */
	EVENT_FORK = 4,		/* task.task is the child, task.parent the creator */
	EVENT_EXEC = 5,
	EVENT_COMM = 6,		/* task.task.comm is the new name */
	EVENT_EXIT = 7,
	EVENT_MAPPING = 8,	/* an executable mapping appeared (or was there at a keyframe) */
	EVENT_CGROUP = 9,	/* a cgroup's path and limits, once per change */
	EVENT_SAMPLE = 10,	/* one stack on CPU */
	EVENT_OFFCPU = 11,	/* one wait, at least --off-cpu-thresh long */
	EVENT_ACCOUNT = 12,	/* a thread's time sums since the recorder first saw it; the last one holds */
	EVENT_SWITCH = 13,	/* sched_switch */
	EVENT_WAKEUP = 14,	/* sched_waking / sched_wakeup_new */
	EVENT_MIGRATE = 15,	/* sched_migrate_task */
	EVENT_OOM = 16,		/* one OOM kill */
	EVENT_OOM_TASK = 17,	/* one of the largest tasks in the last memory snapshot before an OOM */
	EVENT_COUNTER = 18,	/* a number over time: memory, PSI, cgroup throttling, the recorder's own cost */
	EVENT_LOSS = 19,	/* events of one stream that did not reach the file */
	EVENT_SYMBOL = 20,	/* a name that travels with the recording */
	EVENT_STREAM_TOTAL = 21, /* at the end: seen = written + each kind of loss */
	EVENT_MARK = 22,	/* a user's or trigger's note at an instant */
	EVENT_END = 23,		/* the recording ended on purpose; absent: it did not */
	EVENT_KIND_CNT = 24,
};

enum module_kind {
	MODULE_NONE = 0,
	MODULE_ELF = 1,	     /* a mapped file; a frame's off is a file offset */
	MODULE_KERNEL = 2,   /* vmlinux; off counts from _text; with bit 63 it is the address, as kptr_restrict hid where _text is */
	MODULE_KMOD = 3,     /* a kernel module, path "[name]"; off counts from the module's start */
	MODULE_VDSO = 4,     /* path "[vdso]"; off is a file offset into the vdso image */
	MODULE_JIT = 5,	     /* executable memory without a file, one module per process; off is the address */
	MODULE_BPF = 6,	     /* JITed BPF programs and trampolines; off is the kernel address */
};

/* One executable PT_LOAD: vaddr = off - offset + vaddr for offset <= off < offset + filesz. */
struct module_segment {
	uint64_t offset, vaddr, filesz;
};

/*
 * What an address range is backed by. Identity is (kind, build_id, path, pid, start_ts): the same file mapped by
 * many processes is one module. build_id_sz 0: the file has none (content_id may stand in) or it could not be read.
 */
struct module {
	enum module_kind kind;
	uint8_t build_id_sz;
	uint8_t build_id[BUILD_ID_MAX];
	uint8_t is_content_id; /* build_id is a hash of the content, as the file has no build-id note */
	const char *path;      /* as the process saw it; "//anon" for JIT memory, "//anon#2" … once code in it was overwritten */
	uint32_t pid;	       /* JIT modules only: whose memory */
	uint64_t start_ts;     /* JIT modules only: the process's start (task_ref.start_ts) */
	const struct module_segment *segs; /* NULL when the ELF header could not be read */
	uint32_t seg_cnt;
};

/* (pid, tid) at a time. start_ts (task_struct.start_boottime, CLOCK_BOOTTIME ns; 0 unknown) tells pid reuse apart. */
struct task_ref {
	uint32_t pid, tid;
	uint64_t start_ts;
	const char *comm;
};

enum frame_flags {
	/* off is the very pc (a leaf, a signal's trampoline, or what the signal interrupted): look names up at off. Without it
	 * off is a return address: look up at off - 1. */
	FRAME_EXACT = 1,
};

/* One recorded pc. module is an id of recording_writer_add_module()/recording_reader_module(); 0: off is a raw address. */
struct frame {
	uint32_t module;
	uint32_t flags;
	uint64_t off;
};

/* How the user half of a stack ended, at its root side. On disk; see FORMAT.md. */
enum stack_end {
	STACK_END_COMPLETE = 0,	   /* reached the thread's root (or a kernel-only stack of a kernel thread) */
	STACK_END_TRUNCATED = 1,   /* more frames than --max-stack */
	STACK_END_FRAME_POINTERS = 2, /* taken by frame pointers alone: the end is not proven */
	STACK_END_NO_MAPPING = 3,  /* pc in no mapping the recorder knew */
	STACK_END_NO_ROW = 4,	   /* no unwind row for the pc, and the frame-pointer step was not sane */
	STACK_END_BAD_READ = 5,	   /* stack memory was not readable (unmapped or paged out) */
	STACK_END_BAD_FRAME = 6,   /* the step led outside any executable mapping, or did not move up the stack */
	STACK_END_EXPRESSION = 7,  /* a DWARF expression that gave nothing, or a row that needs a register nobody kept */
	STACK_END_TABLE_FULL = 8,  /* no room for the module's unwind rows (cap) */
	STACK_END_NOT_TAKEN = 9,   /* the user half was never delivered (task died first, record lost, or --call-graph none) */
	STACK_END_MEMORY_GONE = 10, /* the process had given up its memory (exit) or was getting a new one (exec): nothing above is there to read */
	STACK_END_CNT = 11,
};

/*
 * A callchain, leaf first, kernel frames before user frames. A writer sets frames, cnt and end (cnt 0: no stack).
 * A reader sets id: a node of the current chunk's stack trie (0: no stack); see chunk_view.
 */
struct event_stack {
	const struct frame *frames;
	uint32_t cnt;
	uint32_t id;
	enum stack_end end;
};

enum oom_scope { OOM_SCOPE_UNKNOWN = 0, OOM_SCOPE_GLOBAL = 1, OOM_SCOPE_MEMCG = 2, OOM_SCOPE_CPUSET = 3 };

/* Who the waker was: set by the recorder, on disk. */
enum waker_flags {
	WAKER_IRQ = 1, /* the wakeup came from an interrupt; waker is whom it interrupted, and not the cause */
};

enum symbol_source {
	SYMBOL_KALLSYMS = 1,
	SYMBOL_SYMTAB = 2,  /* .symtab */
	SYMBOL_DYNSYM = 3,  /* .dynsym */
	SYMBOL_PERFMAP = 4, /* /tmp/perf-PID.map */
	SYMBOL_MINIDEBUG = 5, /* .gnu_debugdata */
	SYMBOL_GOPCLNTAB = 6,
	SYMBOL_JITDUMP = 7,
	SYMBOL_PLT = 8,
	SYMBOL_DWARF = 9,
	SYMBOL_FDE = 10, /* .eh_frame: a function without a name; name "" */
};

enum loss_reason {
	LOSS_RING_FULL = 1,	/* the BPF ring had no room */
	LOSS_MAP_FULL = 2,	/* a BPF map had no room */
	LOSS_STACK_ERROR = 3,	/* the event is there, its stack could not be taken */
	LOSS_USER_DROPPED = 4,	/* the recorder dropped it (memory cap, conversion failed) */
	LOSS_PERF_LOST = 5,	/* PERF_RECORD_LOST of a side-band ring */
	LOSS_CHUNK_WRITE = 6,	/* a chunk could not be written */
	LOSS_CPU_OFFLINE = 7,	/* no sampling while the CPU was offline */
	/* 8 was for a sampler the kernel throttles, and was never written: such an event has no ring that would tell */
	LOSS_SCRATCH_BUSY = 9,	/* a nested event met its CPU's scratch in use */
	LOSS_DAMAGE = 10,	/* never written: a reader's word for what a damaged file no longer holds */
};

enum end_reason {
	END_USER = 1, END_DURATION = 2, END_SIZE = 3, END_ENOSPC = 4, END_SIGNAL = 5, END_TARGET_EXITED = 6,
	END_ERROR = 7, END_READER_GONE = 8, END_SEGMENT = 9, /* the recording goes on in the next segment */
	END_LOW_SPACE = 10, /* less was left on the disk than was to be left */
	END_SNAPSHOT = 11,  /* what was kept in memory was written; it goes on */
};

struct event {
	enum event_kind kind;
	uint32_t cpu;	       /* where it happened; 0 for kinds without one */
	uint64_t ts;	       /* when; OFFCPU: the switch-out; see each kind */
	struct task_ref task;  /* whom it is about; see each kind */
	struct task_ref other; /* FORK: the creator; OFFCPU and WAKEUP: the waker (tid 0 and pid 0 with comm "": none known);
				* SWITCH: the task switched in; OOM: the allocating (triggering) task */
	struct event_stack stack;
	union {
		struct { const char *key, *value; } meta;
		struct { uint64_t realtime_ns, boottime_ns; } clock; /* at .ts */
		struct {
			uint32_t ppid, uid, ns_pid; /* uid: real, UINT32_MAX unknown; ns_pid: in its own pid namespace; 0 unknown */
			uint8_t is_kernel;
			uint64_t cgroup_id;	  /* kernfs id; 0 unknown */
			const char *exe, *cmdline; /* "" unless known / asked for */
		} proc; /* TASK, FORK (the child's), EXEC (exe = filename, cmdline by --cmdline) */
		struct { int32_t status; } exit; /* wait(2) status: code << 8 | signal */
		struct {
			uint64_t start, end, pgoff;
			uint32_t module;
		} mapping; /* .task.pid's; .ts 0: older than the recording */
		struct {
			uint64_t id, memory_max, memory_id; /* kernfs ids; limits UNKNOWN_U64 = none or unknown */
			uint64_t cpu_quota_us, cpu_period_us;
			const char *path, *controller; /* controller: "" for v2, "cpu"/"memory" for a v1 hierarchy */
		} cgroup;
		struct { uint64_t weight_ns; } sample; /* the period one sample stands for */
		struct {
			uint64_t dur_ns, runq_ns; /* whole wait; its last part spent runnable (UNKNOWN_U64: no wakeup seen) */
			uint8_t state;	      /* 'S' 'D' 'I' 'T' 't' 'X' 'Z' 'P' or 'R' (preempted) */
			uint8_t iowait;
			uint8_t waker_flags;
			uint32_t cpu_in; /* .cpu is where it went out */
			struct event_stack waker_stack;
		} offcpu;
		struct {
			uint64_t first_ts; /* accounting of the thread began; .ts: these sums hold until then */
			uint64_t running_ns, runq_ns, blocked_ns;
			uint64_t short_ns; /* the part of blocked_ns + runq_ns in waits below the threshold */
			uint64_t short_cnt;
		} account;
		struct {
			uint8_t prev_state; /* as offcpu.state, of .task, which went out */
			uint32_t prev_prio, next_prio;
		} sw;
		struct { uint32_t target_cpu; uint8_t is_new; } wakeup; /* .task woken by .other on .cpu */
		struct { uint32_t from_cpu, to_cpu; } migrate;
		struct {
			enum oom_scope scope;
			uint64_t cgroup_id;
			uint64_t total_vm_kb, anon_rss_kb, file_rss_kb, shmem_rss_kb, pgtables_kb, swap_kb; /* UNKNOWN_U64 */
			int32_t oom_score_adj;
			uint64_t limit_bytes, usage_bytes; /* UNKNOWN_U64 */
			uint64_t snapshot_ts;		   /* of the OOM_TASK rows; 0 none */
			uint32_t uid;			   /* UINT32_MAX unknown */
		} oom; /* .task the victim, .other the allocator, .stack the allocator's */
		struct {
			uint64_t oom_ts; /* the EVENT_OOM it belongs to */
			uint32_t uid;	 /* UINT32_MAX unknown */
			uint64_t rss_kb, anon_kb, swap_kb;
			int32_t oom_score_adj;
		} oom_task; /* .ts: of the snapshot */
		struct {
			const char *name, *scope; /* "psi.memory.some_us"; scope "host", "cgroup", "process", "varve" */
			uint64_t scope_id;
			int64_t value;
		} counter;
		struct {
			uint32_t stream; /* enum event_kind of what was lost */
			enum loss_reason reason;
			uint64_t cnt, dur_ns; /* between .ts and .ts + dur_ns; cnt 0: unknown number */
			uint64_t bytes;	      /* LOSS_DAMAGE: of the file */
		} loss;
		struct {
			uint32_t module;
			uint64_t off, size; /* same space as frame.off; size 0: to the next symbol */
			enum symbol_source source;
			const char *name; /* as the table had it (mangled) */
		} symbol;
		struct {
			uint32_t stream; /* enum event_kind */
			uint64_t seen, written, ring_full, map_full, stack_error, user_dropped;
		} total; /* of one segment. seen = written + ring_full + map_full + user_dropped; stack_error: written, without a stack */
		struct { const char *text; } mark;
		struct { enum end_reason reason; int32_t detail; } end; /* detail: signal or errno */
	};
};

/* "sample", "offcpu", … the word used in messages and in the loss table; NULL for a number that is no kind. */
const char *event_kind_name(enum event_kind kind);
const char *stack_end_name(enum stack_end end);	      /* "complete", "truncated", "no unwind row", … or NULL */
const char *loss_reason_name(enum loss_reason reason); /* "ring full", … or NULL */
const char *module_kind_name(enum module_kind kind);  /* as image.kind in schema.sql ("module" for KMOD), or NULL */
const char *symbol_source_name(enum symbol_source s); /* "symtab", "dynsym", "kallsyms", … or NULL */
const char *end_reason_name(enum end_reason reason);

#endif
