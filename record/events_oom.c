// SPDX-License-Identifier: BSD-2-Clause
#include "record/events_oom.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "formats/cleanup.h"

/* The largest count of pages page_counter.max can hold means "no limit". */
#define NO_LIMIT (INT64_MAX / 4096)

static void drop_first(struct events_oom *o)
{
	free((void *)o->kills[0].stack.frames);
	memmove(&o->kills[0], &o->kills[1], --o->cnt * sizeof(o->kills[0]));
}

static bool stack_is_memcg(const struct kallsyms *k, const uint64_t *addr, uint32_t cnt)
{
	for (uint32_t i = 0; k && i < cnt; i++) {
		const char *name = kallsyms_name(k, addr[i] - 1);

		if (name && !strncmp(name, "mem_cgroup_out_of_memory", 24))
			return true;
	}
	return false;
}

int events_oom_hold(struct events_oom *o, const struct kallsyms *k, const struct wire_oom *rec,
		    const struct event_stack *stack)
{
	const uint64_t *addr = (const uint64_t *)(rec + 1);
	struct events_oom_kill *kill;
	struct frame *frames;

	if (o->cnt == EVENTS_OOM_HELD)
		drop_first(o); /* flush was not called for 64 kills */
	frames = calloc(stack->cnt ?: 1, sizeof(*frames));
	if (!frames)
		return -ENOMEM;
	memcpy(frames, stack->frames, stack->cnt * sizeof(*frames));
	kill = &o->kills[o->cnt++];
	*kill = (struct events_oom_kill){ .rec = *rec, .stack = *stack };
	kill->stack.frames = frames;
	if (rec->head.flags & (WIRE_OOM_MEMCG | WIRE_OOM_GLOBAL) || !rec->stack.kernel_cnt || !k)
		return 0;
	kill->rec.head.flags |= stack_is_memcg(k, addr, rec->stack.kernel_cnt) ? WIRE_OOM_MEMCG : WIRE_OOM_GLOBAL;
	return 0;
}

void events_oom_scope(struct events_oom *o, const struct wire_oom_scope *s)
{
	for (unsigned i = 0; i < o->cnt; i++) {
		struct wire_oom *r = &o->kills[i].rec;

		if (r->trigger.tid != s->trigger_tid || !(r->head.flags & WIRE_OOM_SCOPE_FOLLOWS))
			continue;
		r->head.flags &= ~WIRE_OOM_SCOPE_FOLLOWS;
		r->head.flags |= s->head.flags & WIRE_OOM_CPUSET;
		if (r->head.flags & WIRE_OOM_VICTIM || !s->victim.tid || s->victim_tid != r->victim.tid)
			continue;
		r->head.flags |= WIRE_OOM_VICTIM;
		r->victim = s->victim;
		r->total_vm = s->total_vm;
		r->anon = s->anon;
		r->file = s->file;
		r->shmem = s->shmem;
		r->swap = s->swap;
		r->pgtables = s->pgtables;
		r->oom_score_adj = s->oom_score_adj;
		r->uid = s->uid;
	}
}

static uint64_t pages_kb(uint64_t pages)
{
	return pages == WIRE_UNKNOWN ? UNKNOWN_U64 : pages * ((uint64_t)sysconf(_SC_PAGESIZE) / 1024);
}

static uint64_t pages_bytes(uint64_t pages)
{
	return pages == WIRE_UNKNOWN || pages >= NO_LIMIT ? UNKNOWN_U64 : pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static enum oom_scope scope_of(uint32_t flags)
{
	if (flags & WIRE_OOM_MEMCG)
		return OOM_SCOPE_MEMCG;
	if (flags & WIRE_OOM_CPUSET)
		return OOM_SCOPE_CPUSET;
	return flags & WIRE_OOM_GLOBAL ? OOM_SCOPE_GLOBAL : OOM_SCOPE_UNKNOWN;
}

static struct task_ref ref_of(const struct wire_task *t, char comm[WIRE_COMM_SZ + 1])
{
	memcpy(comm, t->comm, WIRE_COMM_SZ);
	comm[WIRE_COMM_SZ] = '\0';
	return (struct task_ref){ .pid = t->pid, .tid = t->tid, .start_ts = t->start_ts, .comm = comm };
}

static int give_first(struct events_oom *o, const struct events_oom_sources *src, events_oom_fn fn, void *ctx,
		      struct err *err)
{
	const struct events_oom_kill *kill = &o->kills[0];
	const struct wire_oom *r = &kill->rec;
	char comm[WIRE_COMM_SZ + 1], trigger_comm[WIRE_COMM_SZ + 1];
	struct event ev = {
		.kind = EVENT_OOM,
		.ts = r->head.ts,
		.cpu = r->head.cpu,
		.task = ref_of(&r->victim, comm),
		.other = ref_of(&r->trigger, trigger_comm),
		.stack = kill->stack,
		.oom = {
			.scope = scope_of(r->head.flags),
			.total_vm_kb = pages_kb(r->total_vm),
			.anon_rss_kb = pages_kb(r->anon),
			.file_rss_kb = pages_kb(r->file),
			.shmem_rss_kb = pages_kb(r->shmem),
			.swap_kb = pages_kb(r->swap),
			.pgtables_kb = r->pgtables == WIRE_UNKNOWN ? UNKNOWN_U64 : r->pgtables / 1024,
			.oom_score_adj = r->oom_score_adj,
			.limit_bytes = UNKNOWN_U64,
			.usage_bytes = UNKNOWN_U64,
			.uid = r->uid,
			.snapshot_ts = src->memsnap ? memsnap_before(src->memsnap, r->head.ts) : 0,
		},
	};
	int code = 0;

	if (ev.oom.scope == OOM_SCOPE_MEMCG) {
		ev.oom.cgroup_id = r->memcg_id;
		ev.oom.limit_bytes = pages_bytes(r->memcg_limit);
		ev.oom.usage_bytes = pages_bytes(r->memcg_usage);
		if (src->cgroups && r->memcg_id)
			code = cgroups_add(src->cgroups, cgroups_memory_hierarchy(src->cgroups), r->memcg_id, r->head.ts, err);
	}
	code = code ?: fn(ctx, &ev, err);
	drop_first(o);
	o->written = true;
	return code;
}

int events_oom_flush(struct events_oom *o, const struct events_oom_sources *src, uint64_t now_ts, events_oom_fn fn,
		     void *ctx, struct err *err)
{
	int ret = 0;

	while (o->cnt) {
		const struct wire_oom *r = &o->kills[0].rec;
		int code;

		if (r->head.flags & WIRE_OOM_SCOPE_FOLLOWS && now_ts != UINT64_MAX &&
		    r->head.ts + EVENTS_OOM_PATIENCE_NS > now_ts)
			break;
		code = give_first(o, src, fn, ctx, err);
		ret = ret ?: code;
	}
	return ret;
}

bool events_oom_take_written(struct events_oom *o)
{
	bool written = o->written;

	o->written = false;
	return written;
}
