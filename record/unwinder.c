// SPDX-License-Identifier: BSD-2-Clause
#include "record/unwinder.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#include "formats/cleanup.h"
#include "record/pidset.h"
#include "record/slice.h"

/* A slice is followed by its record; in between come at most the other CPUs' records. */
#define PENDING_MAX 64

struct pending {
	struct wire_slice head; /* no 0: free */
	uint8_t data[UNWIND_SLICE_PARTS * UNWIND_SLICE_SZ];
};

struct unwinder {
	struct unwinder_options o;
	struct unwind_table *table;
	struct unwind_procs *procs;
	struct pidset lazy;	 /* processes not met yet: without rows */
	struct pending *pending; /* owned, PENDING_MAX */
	uint32_t pending_next;	 /* the oldest, to be overwritten */
	/* the slice at hand */
	uint32_t pid;
	uint64_t ts;
	struct unwinder_stats stats;
};

/* ---- what tasks.c tells --------------------------------------------------------------------------------------------- */

static struct unwind_module_rows *find_rows(void *ctx, uint32_t module, struct unwind_input *in)
{
	struct unwinder *u = ctx;
	struct module_entry *e = modules_get(u->o.modules, module);
	size_t sz;

	in->fd = -1;
	in->mem = NULL;
	if (!e || (e->m.kind != MODULE_ELF && e->m.kind != MODULE_VDSO))
		return NULL;
	if (e->m.kind == MODULE_VDSO) {
		in->mem = modules_vdso_image(&sz);
		in->sz = in->mem ? sz : 0;
	} else if (!e->user || unwind_module_wants_input(e->user)) {
		in->fd = modules_open_file(e);
	}
	if (!e->user && (in->mem || in->fd >= 0))
		e->user = unwind_table_add(u->table);
	return e->user;
}

static void done_rows(void *ctx, struct unwind_input *in)
{
	if (in->fd >= 0)
		close(in->fd);
}

static void mapping_added(void *ctx, uint32_t pid, uint64_t start, uint64_t end, uint64_t off_base, uint32_t module)
{
	struct unwinder *u = ctx;

	if (pidset_has(&u->lazy, pid))
		return;
	if (u->o.is_eager && !unwind_procs_has(u->procs, pid) && !u->o.is_eager(u->o.ctx, pid) && !pidset_add(&u->lazy, pid))
		return;
	unwind_procs_add(u->procs, pid, start, end, off_base, module);
}

static void mapping_removed(void *ctx, uint32_t pid, uint64_t start, uint64_t end)
{
	unwind_procs_remove(((struct unwinder *)ctx)->procs, pid, start, end);
}

/* The child of a process that was not met has not been either. */
static void process_forked(void *ctx, uint32_t pid, uint32_t parent)
{
	struct unwinder *u = ctx;

	if (!pidset_has(&u->lazy, parent) || pidset_add(&u->lazy, pid))
		unwind_procs_fork(u->procs, pid, parent);
}

static void process_cleared(void *ctx, uint32_t pid)
{
	struct unwinder *u = ctx;

	pidset_remove(&u->lazy, pid);
	if (u->o.is_eager && !u->o.is_eager(u->o.ctx, pid) && !pidset_add(&u->lazy, pid))
		unwind_procs_exit(u->procs, pid);
	else
		unwind_procs_clear(u->procs, pid);
}

static void process_exited(void *ctx, uint32_t pid)
{
	struct unwinder *u = ctx;

	pidset_remove(&u->lazy, pid);
	unwind_procs_exit(u->procs, pid);
}

static int add_met(void *ctx, const struct task_ref *process, uint64_t ts, uint64_t start, uint64_t end, uint64_t off_base,
		   uint32_t module)
{
	unwind_procs_add(((struct unwinder *)ctx)->procs, process->pid, start, end, off_base, module);
	return 0;
}

void unwinder_meet(struct unwinder *u, uint32_t pid)
{
	if (!pidset_has(&u->lazy, pid))
		return;
	pidset_remove(&u->lazy, pid);
	(void)tasks_each_mapping_of(u->o.tasks, pid, add_met, u); /* add_met() never ends it */
}

int unwinder_create(const struct unwinder_options *o, struct unwinder **ret, struct err *err)
{
	struct unwinder *u = calloc(1, sizeof(*u));
	struct tasks_listener l = { u, mapping_added, mapping_removed, process_forked, process_cleared, process_exited };
	int e;

	if (!u)
		return err_code(err, -ENOMEM, "unwinder");
	u->o = *o;
	u->pending = calloc(PENDING_MAX, sizeof(*u->pending));
	e = u->pending ? 0 : err_code(err, -ENOMEM, "unwinder");
	if (!e && pidset_init(&u->lazy))
		e = err_code(err, -ENOMEM, "unwinder");
	if (!e)
		e = unwind_table_create(&o->maps, o->cap_sz ? o->cap_sz : UNWIND_CAP_SZ, &u->table, err);
	if (!e)
		e = unwind_procs_create(u->table, o->maps.procs_fd, find_rows, done_rows, u, &u->procs, err);
	if (e) {
		unwinder_destroy(u);
		return e;
	}
	tasks_set_listener(o->tasks, &l);
	*ret = u;
	return 0;
}

void unwinder_destroy(struct unwinder *u)
{
	const struct tasks_listener none = { .ctx = NULL };

	if (!u)
		return;
	tasks_set_listener(u->o.tasks, &none);
	unwind_procs_destroy(u->procs);
	unwind_table_destroy(u->table);
	pidset_deinit(&u->lazy);
	free(u->pending);
	free(u);
}

void unwinder_flush(struct unwinder *u, uint64_t now_ts)
{
	unwind_procs_flush(u->procs, now_ts);
}

void unwinder_changed(struct unwinder *u, uint32_t pid)
{
	unwind_procs_touch(u->procs, pid);
}

bool unwinder_forget(struct unwinder *u, struct module_entry *e, uint64_t now_ts)
{
	if (e->user && !unwind_table_remove(u->table, e->user, now_ts))
		return false;
	e->user = NULL;
	return true;
}

/* ---- slices ------------------------------------------------------------------------------------------------------------- */

static struct pending *find_pending(struct unwinder *u, uint16_t cpu, uint32_t no)
{
	for (uint32_t i = 0; i < PENDING_MAX; i++)
		if (u->pending[i].head.no == no && u->pending[i].head.head.cpu == cpu)
			return &u->pending[i];
	return NULL;
}

/* Further stack memory of a slice; without the part before, it is of no use. */
static void add_part(struct pending *p, const struct wire_slice *rec)
{
	if (!p || p->head.sz != rec->off || rec->off > sizeof(p->data) - rec->sz)
		return;
	memcpy(p->data + rec->off, rec + 1, rec->sz);
	p->head.sz += rec->sz;
}

void unwinder_add_slice(struct unwinder *u, const struct wire_slice *rec, size_t sz)
{
	struct pending *p = &u->pending[u->pending_next];

	if (sz < sizeof(*rec) || rec->sz > UNWIND_SLICE_SZ || rec->sz > sz - sizeof(*rec) || !rec->no)
		return;
	if (rec->off) {
		add_part(find_pending(u, rec->head.cpu, rec->no), rec);
		return;
	}
	if (p->head.no)
		u->stats.slices_late++;
	u->pending_next = (u->pending_next + 1) % PENDING_MAX;
	p->head = *rec;
	memcpy(p->data, rec + 1, rec->sz);
	u->stats.slices++;
}

/* sz bytes of code: of its file, or of the process as long as it lives. */
static bool read_code(struct unwinder *u, const struct module_entry *e, uint64_t off, uint64_t pc, uint8_t *code, size_t sz)
{
	struct iovec local = { code, sz }, remote = { (void *)pc, sz };
	_cleanup_close_ int fd = -1;

	if (!e || e->m.kind != MODULE_ELF)
		return process_vm_readv(u->pid, &local, 1, &remote, 1, 0) == (ssize_t)sz;
	fd = modules_open_file(e);
	return fd >= 0 && pread(fd, code, sz, off) == (ssize_t)sz;
}

/* As struct slice has it. Where nothing is mapped there is no code, and nobody's memory is read. */
static bool read_call(void *ctx, uint64_t addr, uint8_t *ret)
{
	struct unwinder *u = ctx;
	struct frame f;

	return tasks_resolve(u->o.tasks, u->pid, u->ts, addr, &f, NULL) &&
	       read_code(u, modules_get(u->o.modules, f.module), f.off, addr, ret, SLICE_CALL_SZ);
}

static void find_place(void *ctx, uint64_t pc, bool is_exact, struct slice_place *ret)
{
	struct unwinder *u = ctx;
	struct module_entry *e;
	struct frame f;

	if (!tasks_resolve(u->o.tasks, u->pid, u->ts, pc - !is_exact, &f, NULL))
		return;
	ret->is_mapped = true;
	e = modules_get(u->o.modules, f.module);
	if (e && e->user) {
		ret->rule = unwind_table_find(u->table, e->user, f.off);
		/* as in the kernel half: made to be returned to */
		ret->is_outermost = !ret->rule && !is_exact && unwind_table_find(u->table, e->user, f.off + 1);
	}
	if (!ret->rule)
		ret->has_code = read_code(u, e, f.off + !is_exact, pc, ret->code, SLICE_CODE_SZ);
}

uint32_t unwinder_finish(struct unwinder *u, uint16_t cpu, struct wire_stack *s, uint64_t *addr, uint32_t room)
{
	struct pending *p = find_pending(u, cpu, s->slice);
	enum stack_end end;
	struct slice slice;
	uint32_t n;

	s->slice = 0;
	if (!p)
		return 0;
	u->pid = p->head.pid;
	u->ts = p->head.head.ts;
	slice = (struct slice){ .flags = p->head.head.flags, .data = p->data, .base = p->head.regs[7], .sz = p->head.sz,
				.read_code = read_call, .exprs = unwind_table_exprs(u->table) };
	memcpy(slice.regs, p->head.regs, sizeof(slice.regs));
	n = slice_unwind(&slice, s->user_cnt > p->head.frame_cnt, find_place, u, addr + s->kernel_cnt + s->user_cnt, room, &end);
	p->head.no = 0;
	s->user_cnt += n;
	s->user_end = end;
	for (int i = 0; i < DWARF_EXPR_RESULTS; i++)
		u->stats.exprs[i] += slice.expr_cnt[i];
	u->stats.slices_done += n > 0;
	u->stats.slices_complete += end == STACK_END_COMPLETE;
	return n;
}

void unwinder_get_stats(const struct unwinder *u, struct unwinder_stats *ret)
{
	*ret = u->stats;
	unwind_table_get_stats(u->table, &ret->table);
	unwind_procs_get_stats(u->procs, &ret->procs);
}

int unwinder_write_counters(const struct unwinder *u, const uint64_t counts[UNWIND_COUNTS], struct recording_writer *w,
			    uint64_t now_ts, struct err *err)
{
	struct unwinder_stats st;
	int code = 0;

	unwinder_get_stats(u, &st);
	const struct {
		const char *name;
		uint64_t value;
	} rows[] = {
		{ "varve.unwind.stacks", counts[UNWIND_STACKS] },
		{ "varve.unwind.stacks_known", counts[UNWIND_STACKS_KNOWN] },
		{ "varve.unwind.frames", counts[UNWIND_FRAMES] },
		{ "varve.unwind.frames_followed", counts[UNWIND_FOLLOWED] },
		{ "varve.unwind.kernel_stacks_known", counts[UNWIND_KERNEL_KNOWN] },
		{ "varve.unwind.busy", counts[UNWIND_BUSY] },
		{ "varve.unwind.slices", counts[UNWIND_SLICES] },
		{ "varve.unwind.slices_ring_full", counts[UNWIND_SLICES_LOST] },
		{ "varve.unwind.slices_limited", counts[UNWIND_SLICES_LIMITED] },
		{ "varve.unwind.unmaps_ring_full", counts[UNWIND_UNMAPS_LOST] },
		{ "varve.unwind.slices_helped", st.slices_done },
		{ "varve.unwind.slices_late", st.slices_late },
		{ "varve.unwind.expressions", st.exprs[DWARF_EXPR_OK] },
		{ "varve.unwind.expressions_bad", st.exprs[DWARF_EXPR_BAD] },
		{ "varve.unwind.expressions_endless", st.exprs[DWARF_EXPR_ENDLESS] },
		{ "varve.unwind.expressions_deep", st.exprs[DWARF_EXPR_DEEP] },
		{ "varve.unwind.expressions_no_memory", st.exprs[DWARF_EXPR_MEMORY] },
		{ "varve.unwind.expressions_no_register", st.exprs[DWARF_EXPR_REGISTER] },
		{ "varve.unwind.modules_built", st.table.built },
		{ "varve.unwind.modules_without_rows", st.table.no_info + st.table.failed },
		{ "varve.unwind.modules_no_room", st.table.no_room },
		{ "varve.unwind.modules_evicted", st.table.evicted },
		{ "varve.unwind.build_us", st.table.build_ns / 1000 },
		{ "varve.unwind.build_max_us", st.table.build_max_ns / 1000 },
		{ "varve.unwind.modules", st.table.modules },
		{ "varve.unwind.rules", st.table.rules },
		{ "varve.unwind.table_kb", st.table.arena_sz >> 10 },
		{ "varve.unwind.processes", st.procs.procs },
		{ "varve.unwind.updates_failed", st.procs.failed },
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows) && !code; i++) {
		const struct event ev = {
			.kind = EVENT_COUNTER,
			.ts = now_ts,
			.counter = { .name = rows[i].name, .scope = "varve", .value = (int64_t)rows[i].value },
		};

		code = recording_writer_add(w, &ev, err);
	}
	return code;
}
