/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Which threads are recorded: -p -t -u -G --comm --no-comm --no-kthreads, and never the recorder itself. */
#ifndef VARVE_TARGET_BPF_H
#define VARVE_TARGET_BPF_H

#include "varve.bpf.h"

static __noinline bool glob_matches(const struct wire_glob *g, struct task_struct *t)
{
	__u8 comm[WIRE_COMM_SZ];
	__u32 at = 1 | (g->star & 1) << 1;

	__builtin_memcpy(comm, t->comm, sizeof(comm));
	for (int i = 0; i < WIRE_COMM_SZ && comm[i]; i++) {
		at = (at & g->step[comm[i]]) << 1 | (at & g->star);
		at |= (at & g->star) << 1;
	}
	return at & g->accept;
}

static __noinline bool comm_is_target(struct task_struct *t)
{
	bool wanted = cfg.comm_cnt == 0;

	for (__u32 i = 0; i < WIRE_GLOBS * 2; i++) {
		__u32 key = i; /* its own variable: the map helper needs it on the stack, the loop in a register */
		struct wire_glob *g;

		if (i >= cfg.comm_cnt + cfg.no_comm_cnt)
			break;
		g = bpf_map_lookup_elem(&comm_globs, &key);
		if (!g || !glob_matches(g, t))
			continue;
		if (i >= cfg.comm_cnt)
			return false;
		wanted = true;
	}
	return wanted;
}

/*
 * An entry of `targets` has, above its kind, a part of the start time of the task it was made for: an id is used again before the
 * kernel frees its first owner. Nothing there: the user named the id.
 */
static __always_inline __u32 target_stamp(struct task_struct *t)
{
	return ((__u32)(t->start_boottime >> 10) | 1) << 2;
}

static __always_inline bool has_target(__u32 id, __u32 kind, struct task_struct *t)
{
	__u32 *v = bpf_map_lookup_elem(&targets, &id);

	return v && *v & kind && (!(*v >> 2) || (*v & ~3U) == target_stamp(t));
}

static __always_inline bool id_is_target(struct task_struct *t)
{
	return has_target(t->tgid, WIRE_TARGET_PROCESS, t->group_leader) || has_target(t->pid, WIRE_TARGET_THREAD, t);
}

static __always_inline bool cgroup_is_target(struct task_struct *t)
{
	struct cgroup *g = task_cgroup(t);
	struct cgroup_subsys_state *up;

	for (int i = 0; i < WIRE_CGROUP_LEVELS && g; i++) {
		__u64 id = g->kn->id;

		if (bpf_map_lookup_elem(&target_cgroups, &id))
			return true;
		up = g->self.parent;
		if (!up)
			return false;
		g = up->cgroup;
	}
	return false;
}

/* The whole question, from the task itself. About 30 ns for -p, up to 1 us with many globs. */
static __noinline bool task_is_target(struct task_struct *t)
{
	__u32 uid;

	if (t->tgid == cfg.self_pid)
		return false;
	if (!cfg.has_filter)
		return true;
	if (cfg.by_id && !id_is_target(t))
		return false;
	if (cfg.no_kthreads && is_kernel_thread(t))
		return false;
	if (cfg.by_uid) {
		uid = t->cred->uid.val;
		if (!bpf_map_lookup_elem(&target_uids, &uid))
			return false;
	}
	if (cfg.by_cgroup && !cgroup_is_target(t))
		return false;
	return !(cfg.comm_cnt || cfg.no_comm_cnt) || comm_is_target(t);
}

/*
 * The same, remembered in the thread's state until its cgroup or user changes; a new name clears match_key.
 */
static __always_inline bool thread_is_target(struct task_struct *t, struct thread_state *st)
{
	__u64 key = 1;

	if (cfg.by_cgroup)
		key += task_cgroup(t)->kn->id << 32;
	if (cfg.by_uid)
		key += (__u64)t->cred->uid.val << 1;
	if (st->match_key != key) {
		st->match_key = key;
		if (task_is_target(t))
			st->flags |= THREAD_TARGET;
		else
			st->flags &= ~THREAD_TARGET;
	}
	return st->flags & THREAD_TARGET;
}

/*
 * No state is to be had for a thread that is met for the first time: there is no room, or (task storage of 5.12 and later) its CPU was
 * interrupted while in some task's storage. A loss of this recording only where the thread would be in it.
 */
static __always_inline void thread_unmet(struct task_struct *t, enum wire_stream stream)
{
	if (task_is_target(t))
		count(stream, WIRE_MAP_FULL);
}

static __always_inline bool cpu_is_target(void)
{
	__u32 cpu = bpf_get_smp_processor_id();

	return !cfg.by_cpu || bpf_map_lookup_elem(&target_cpus, &cpu);
}

#endif
