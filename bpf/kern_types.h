/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The few kernel structs that are read, with the few fields that are read. Offsets come from the running kernel's BTF (CO-RE), so
 * order and size here mean nothing. A name ending in ___x is an older or newer shape of the same struct.
 */
#ifndef VARVE_KERN_TYPES_H
#define VARVE_KERN_TYPES_H

typedef unsigned char __u8;
typedef unsigned short __u16;
typedef unsigned int __u32;
typedef unsigned long long __u64;
typedef signed char __s8;
typedef short __s16;
typedef int __s32;
typedef long long __s64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u32 __wsum;
typedef _Bool bool;
enum { false = 0, true = 1 };
#define NULL ((void *)0)

enum bpf_map_type {
	BPF_MAP_TYPE_HASH = 1,
	BPF_MAP_TYPE_ARRAY = 2,
	BPF_MAP_TYPE_PERCPU_ARRAY = 6,
	BPF_MAP_TYPE_RINGBUF = 27,
	BPF_MAP_TYPE_TASK_STORAGE = 29,
};
enum { BPF_F_NO_PREALLOC = 1, BPF_F_MMAPABLE = 1024 };
enum { BPF_ANY = 0, BPF_NOEXIST = 1 };
enum { BPF_F_USER_STACK = 256 };
enum { BPF_LOCAL_STORAGE_GET_F_CREATE = 1 };
enum { BPF_RB_NO_WAKEUP = 1, BPF_RB_FORCE_WAKEUP = 2 };
enum { BPF_RB_AVAIL_DATA = 0 };

#define PF_KTHREAD 0x00200000
#define SIGNAL_GROUP_EXIT 0x00000004

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

typedef struct {
	int counter;
} atomic_t;
typedef struct {
	long counter;
} atomic_long_t;

struct kernfs_node {
	__u64 id;
};
struct cgroup;
struct cgroup_subsys_state {
	struct cgroup *cgroup;
	struct cgroup_subsys_state *parent;
};
struct cgroup {
	struct cgroup_subsys_state self;
	struct kernfs_node *kn;
};
struct css_set {
	struct cgroup_subsys_state *subsys[16];
	struct cgroup *dfl_cgrp;
};
enum cgroup_subsys_id { cpu_cgrp_id = 1, memory_cgrp_id = 4 };

typedef struct {
	__u32 val;
} kuid_t;
struct cred {
	kuid_t uid;
};
struct signal_struct {
	atomic_t live;
	int group_exit_code;
	unsigned int flags;
	short oom_score_adj;
};

struct percpu_counter {
	__s64 count;
};
struct mm_struct {
	unsigned long total_vm;
	atomic_long_t pgtables_bytes;
	struct percpu_counter rss_stat[4]; /* since 6.2 */
};
struct mm_rss_stat { /* until 6.1 */
	atomic_long_t count[4];
};
struct mm_struct___old {
	struct mm_rss_stat rss_stat;
};
enum { MM_FILEPAGES = 0, MM_ANONPAGES = 1, MM_SWAPENTS = 2, MM_SHMEMPAGES = 3 };

struct sched_entity {
	__u64 sum_exec_runtime;
};
struct thread_struct {
	unsigned long sp; /* of a task that does not run */
};
struct thread_info {
	__u32 cpu; /* since 5.16 */
};
struct task_struct {
	struct thread_info thread_info;
	unsigned int __state; /* since 5.14 */
	void *stack;
	unsigned int flags;
	unsigned int on_cpu; /* one byte since 7.2: an unsigned field may shrink, a signed one not */
	int wake_cpu;
	int prio;
	struct sched_entity se;
	struct mm_struct *mm;
	int exit_code;
	unsigned in_iowait : 1;
	int pid, tgid;
	struct task_struct *real_parent;
	struct task_struct *group_leader;
	__u64 start_time;     /* CLOCK_MONOTONIC */
	__u64 start_boottime; /* CLOCK_BOOTTIME */
	const struct cred *cred;
	const struct cred *real_cred;
	char comm[16];
	struct signal_struct *signal;
	struct css_set *cgroups;
	struct thread_struct thread;
};
struct task_struct___old {
	long state; /* until 5.13 */
	unsigned int cpu; /* until 5.15 */
};

struct linux_binprm {
	const char *filename;
};

struct page_counter {
	atomic_long_t usage;
	unsigned long max;
};
struct mem_cgroup {
	struct cgroup_subsys_state css;
	struct page_counter memory;
};
enum oom_constraint { CONSTRAINT_NONE = 0, CONSTRAINT_CPUSET = 1, CONSTRAINT_MEMORY_POLICY = 2, CONSTRAINT_MEMCG = 3 };
struct oom_control {
	struct mem_cgroup *memcg;
	struct task_struct *chosen;
	enum oom_constraint constraint;
};

struct pcpu_hot { /* 6.2 to 6.14 */
	int preempt_count;
};

#pragma clang attribute pop

/* Fixed layout: UAPI, and what the verifier itself lays out. */
struct pt_regs {
	unsigned long r15, r14, r13, r12, bp, bx, r11, r10, r9, r8, ax, cx, dx, si, di, orig_ax, ip, cs, flags, sp, ss;
};
struct bpf_perf_event_data {
	struct pt_regs regs;
	__u64 sample_period;
	__u64 addr;
};
struct seq_file;
struct bpf_iter_meta {
	struct seq_file *seq;
};
struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
};

#endif
