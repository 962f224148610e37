// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * OOM kills: the victim, who asked for the memory and from where, the limit that was hit. A few us at each kill; their
 * ring is their own. out_of_memory() brackets the choice of a victim, mark_victim is the kill itself.
 */
#include "target.bpf.h"

/* What the OOM in progress in a thread is about. */
struct oom_context {
	__u64 memcg_id, memcg_limit, memcg_usage;
	__u32 is_memcg;
	__u32 victim_tid; /* last one marked */
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 512);
	__type(key, __u32); /* tid of the allocating thread */
	__type(value, struct oom_context);
} oom_contexts SEC(".maps");

struct oom_scratch {
	struct wire_oom o;
	__u64 addr[WIRE_KERNEL_DEPTH + WIRE_USER_DEPTH];
	__u64 css, room; /* while the tightest memory cgroup is looked for */
};

SCRATCH(oom_scratch, oom_scratch);

struct oom_memory {
	__u64 total_vm, anon, file, shmem, swap, pgtables;
};

static __always_inline __u64 positive(__s64 n)
{
	return n > 0 ? n : 0;
}

static __always_inline void fill_memory(struct oom_memory *m, struct mm_struct *mm)
{
	m->total_vm = BEHIND(mm->total_vm, mm, total_vm);
	m->pgtables = BEHIND(mm->pgtables_bytes.counter, mm, pgtables_bytes.counter);
	if (bpf_core_type_exists(struct mm_rss_stat)) {
		struct mm_struct___old *old = (void *)mm;

		m->anon = m->file = m->shmem = m->swap = WIRE_UNKNOWN;
		if (!cfg.has_probe_read)
			return;
		/* not typed loads: the verifier of 5.10 does not see through an array of typedefs */
		m->anon = positive(BPF_CORE_READ(old, rss_stat.count[MM_ANONPAGES].counter));
		m->file = positive(BPF_CORE_READ(old, rss_stat.count[MM_FILEPAGES].counter));
		m->shmem = positive(BPF_CORE_READ(old, rss_stat.count[MM_SHMEMPAGES].counter));
		m->swap = positive(BPF_CORE_READ(old, rss_stat.count[MM_SWAPENTS].counter));
	} else {
		m->anon = positive(BEHIND(mm->rss_stat[MM_ANONPAGES].count, mm, rss_stat[MM_ANONPAGES].count));
		m->file = positive(BEHIND(mm->rss_stat[MM_FILEPAGES].count, mm, rss_stat[MM_FILEPAGES].count));
		m->shmem = positive(BEHIND(mm->rss_stat[MM_SHMEMPAGES].count, mm, rss_stat[MM_SHMEMPAGES].count));
		m->swap = positive(BEHIND(mm->rss_stat[MM_SWAPENTS].count, mm, rss_stat[MM_SWAPENTS].count));
	}
}

/*
 * One memory cgroup, b->css, and then its parent's. A function of its own, that the verifier looks at once and not once for each level;
 * no typed loads, as BTF does not know that this css is a mem_cgroup's.
 */
__attribute__((noinline)) int oom_look_at_memcg(__u32 level)
{
	__u32 zero = 0;
	struct oom_scratch *b = bpf_map_lookup_elem(&oom_scratch, &zero);
	struct cgroup_subsys_state *css;
	struct mem_cgroup *memcg;
	__u64 max, usage;

	if (!b || !b->css || level >= WIRE_CGROUP_LEVELS)
		return 0;
	css = (void *)b->css;
	memcg = (void *)css - bpf_core_field_offset(struct mem_cgroup, css);
	max = BPF_CORE_READ(memcg, memory.max);
	usage = BPF_CORE_READ(memcg, memory.usage.counter);
	if (max <= usage || max - usage < b->room) {
		b->room = max > usage ? max - usage : 0;
		b->o.memcg_id = BPF_CORE_READ(css, cgroup, kn, id);
		b->o.memcg_limit = max;
		b->o.memcg_usage = usage;
	}
	b->css = (__u64)BPF_CORE_READ(css, parent);
	return 1;
}

/*
 * Without fentry nobody tells which memory cgroup ran out: of those the allocating thread is charged to, take the one with the
 * least room left. The recorder knows from the stack whether it was a cgroup's limit at all.
 */
static __always_inline void fill_tightest_memcg(struct oom_scratch *b)
{
	struct task_struct *t;
	void *set;

	if (!cfg.has_probe_read || !cfg.has_task_btf)
		return;
	t = (struct task_struct *)bpf_get_current_task_btf();
	set = BPF_CORE_READ(t, cgroups);
	set += bpf_core_field_offset(struct css_set, subsys);
	b->css = 0;
	b->room = ~0ULL;
	bpf_probe_read_kernel(&b->css, sizeof(b->css), set + 8 * bpf_core_enum_value(enum cgroup_subsys_id, memory_cgrp_id));
	KEEP_LOOP
	for (__u32 level = 0; level < WIRE_CGROUP_LEVELS; level++)
		if (!oom_look_at_memcg(level))
			break;
}

SEC("fentry/out_of_memory")
int oom_begin(__u64 *ctx)
{
	struct oom_control *oc = (struct oom_control *)ctx[0];
	__u32 tid = bpf_get_current_pid_tgid();
	struct oom_context c = { .memcg_limit = WIRE_UNKNOWN, .memcg_usage = WIRE_UNKNOWN };
	struct mem_cgroup *memcg = oc->memcg;

	if (memcg) {
		c.is_memcg = 1;
		c.memcg_id = memcg->css.cgroup->kn->id;
		c.memcg_limit = memcg->memory.max;
		c.memcg_usage = memcg->memory.usage.counter;
	}
	if (bpf_map_update_elem(&oom_contexts, &tid, &c, BPF_ANY))
		count(WIRE_STREAM_OOM, WIRE_MAP_FULL);
	return 0;
}

/* The end knows what kind of constraint it was, and (for kernels whose mark_victim tells a pid only) who was chosen. */
SEC("fexit/out_of_memory")
int oom_end(__u64 *ctx)
{
	struct oom_control *oc = (struct oom_control *)ctx[0];
	__u32 tid = bpf_get_current_pid_tgid();
	struct oom_context *c = bpf_map_lookup_elem(&oom_contexts, &tid);
	struct wire_oom_scope s = {};
	struct oom_memory m = { WIRE_UNKNOWN, WIRE_UNKNOWN, WIRE_UNKNOWN, WIRE_UNKNOWN, WIRE_UNKNOWN, WIRE_UNKNOWN };
	struct task_struct *victim = oc->chosen;
	struct mm_struct *mm;

	if (!c)
		return 0;
	if (c->victim_tid && is_recording(bpf_ktime_get_ns())) {
		fill_head(&s.head, WIRE_OOM_SCOPE, bpf_ktime_get_ns());
		if (oc->constraint == CONSTRAINT_CPUSET)
			s.head.flags = WIRE_OOM_CPUSET;
		s.trigger_tid = tid;
		s.victim_tid = c->victim_tid;
		/* chosen may be (void *)-1: an earlier victim still has to die */
		if ((__u64)victim + 1 > 1 && victim->pid == c->victim_tid) {
			fill_task(&s.victim, victim);
			s.oom_score_adj = BEHIND(victim->signal->oom_score_adj, victim, signal, oom_score_adj);
			s.uid = task_uid(victim);
			mm = BEHIND(victim->mm, victim, mm);
			if (mm)
				fill_memory(&m, mm);
		}
		s.total_vm = m.total_vm;
		s.anon = m.anon;
		s.file = m.file;
		s.shmem = m.shmem;
		s.swap = m.swap;
		s.pgtables = m.pgtables;
		bpf_ringbuf_output(&ring_oom, &s, sizeof(s), BPF_RB_FORCE_WAKEUP);
	}
	bpf_map_delete_elem(&oom_contexts, &tid);
	return 0;
}

static __always_inline struct oom_scratch *oom_start(__u32 victim_tid, __u64 now)
{
	__u32 zero = 0, tid = bpf_get_current_pid_tgid();
	struct oom_scratch *b = bpf_map_lookup_elem(&oom_scratch, &zero);
	struct oom_context *c = bpf_map_lookup_elem(&oom_contexts, &tid);

	if (!b)
		return NULL;
	__builtin_memset(&b->o, 0, sizeof(b->o));
	fill_head(&b->o.head, WIRE_OOM, now);
	fill_current(&b->o.trigger);
	b->o.memcg_limit = b->o.memcg_usage = WIRE_UNKNOWN;
	b->o.total_vm = b->o.anon = b->o.file = b->o.shmem = b->o.swap = b->o.pgtables = WIRE_UNKNOWN;
	b->o.uid = ~0U;
	b->o.victim.tid = b->o.victim.pid = victim_tid;
	if (c) {
		b->o.head.flags = WIRE_OOM_SCOPE_FOLLOWS | (c->is_memcg ? WIRE_OOM_MEMCG : WIRE_OOM_GLOBAL);
		b->o.memcg_id = c->memcg_id;
		b->o.memcg_limit = c->memcg_limit;
		b->o.memcg_usage = c->memcg_usage;
		c->victim_tid = victim_tid;
	} else if (bpf_core_enum_value_exists(enum cgroup_subsys_id, memory_cgrp_id)) {
		fill_tightest_memcg(b);
	}
	return b;
}

static __always_inline void oom_send(void *ctx, struct oom_scratch *b)
{
	__u32 kernel_sz = 0, user_cnt, len;

	if (cfg.kernel_stack_sz)
		kernel_sz = kernel_stack_bytes(bpf_get_stack(ctx, b->addr, cfg.kernel_stack_sz, 0));
	user_cnt = take_user_stack(ctx, UNWIND_SLOT_OOM, (void *)b->addr + kernel_sz, current_user_pc_is_exact(), &b->o.stack);
	b->o.stack.kernel_cnt = kernel_sz / 8;
	b->o.stack.user_cnt = user_cnt;
	if (!kernel_sz && !user_cnt)
		count(WIRE_STREAM_OOM, WIRE_STACK_ERROR);
	len = sizeof(b->o) + kernel_sz + user_cnt * 8;
	if (len > offsetof(struct oom_scratch, css))
		return;
	count(WIRE_STREAM_OOM, WIRE_SEEN);
	if (bpf_ringbuf_output(&ring_oom, b, len, BPF_RB_FORCE_WAKEUP))
		count(WIRE_STREAM_OOM, WIRE_RING_FULL);
}

/* A victim was chosen. Kernels since 6.8 and some older stable ones give its task. */
SEC("tp_btf/mark_victim")
int mark_victim(__u64 *ctx)
{
	struct task_struct *victim = (struct task_struct *)ctx[0];
	__u64 now = bpf_ktime_get_ns();
	struct oom_scratch *b;
	struct oom_memory m;
	struct mm_struct *mm = BEHIND(victim->mm, victim, mm);

	if (!is_recording(now))
		return 0;
	b = oom_start(victim->pid, now);
	if (!b)
		return 0;
	fill_task(&b->o.victim, victim);
	b->o.head.flags |= WIRE_OOM_VICTIM;
	b->o.oom_score_adj = BEHIND(victim->signal->oom_score_adj, victim, signal, oom_score_adj);
	b->o.uid = task_uid(victim);
	if (mm) {
		fill_memory(&m, mm);
		b->o.total_vm = m.total_vm;
		b->o.anon = m.anon;
		b->o.file = m.file;
		b->o.shmem = m.shmem;
		b->o.swap = m.swap;
		b->o.pgtables = m.pgtables;
	}
	oom_send(ctx, b);
	return 0;
}

/* The others give its pid. */
SEC("tp_btf/mark_victim")
int mark_victim_pid(__u64 *ctx)
{
	__u64 now = bpf_ktime_get_ns();
	struct oom_scratch *b;

	if (!is_recording(now))
		return 0;
	b = oom_start((__u32)ctx[0], now);
	if (b)
		oom_send(ctx, b);
	return 0;
}
