// SPDX-License-Identifier: BSD-2-Clause
#include "record/jit.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "formats/bytes.h"
#include "formats/cleanup.h"
#include "formats/idmap.h"
#include "record/jitdump.h"
#include "record/perfmap.h"

#define GENERATION_MAX 256	/* of a process, known at once: one that overwrites all the time keeps the last names then */
#define ENTRY_MAX (1u << 20)	/* functions of a process that are followed */
#define SWEEP_MIN 256		/* eras since the last sweep */
#define PATIENCE 50		/* polls between two looks for a perf map that was not there */

struct code {
	uint64_t start, end;
	uint32_t hash, seq; /* of the name; in the order of the file */
};

struct codes {
	struct code *v; /* owned */
	uint32_t cnt, cap;
};

struct process {
	const struct module_entry *first; /* modules.c's */
	struct codes known, fresh; /* known: by start, disjoint */
	uint64_t map_at, dump_at;
	uint32_t generation, polls;
	uint32_t era_cnt; /* known now */
	bool is_done;	  /* ended, and all it wrote was read */
};

/* What a module of this process's was. */
struct era {
	uint32_t module, process; /* process: index */
	struct jit_extent extent;
};

struct jit {
	struct modules *modules;
	struct recording_writer *writer;
	struct process *processes; /* owned */
	struct era *eras;	   /* owned; by module id */
	uint32_t process_cnt, process_cap, era_cnt, era_cap;
	uint32_t swept_cnt; /* eras after the last sweep */
	uint32_t state;	    /* jit_state() */
	uint32_t seen;	    /* modules looked at */
	uint32_t *current; /* by first id; 0: itself. Owned */
	uint32_t current_cnt;
};

int jit_create(struct modules *m, struct recording_writer *w, struct jit **ret)
{
	struct jit *j = calloc(1, sizeof(*j));

	if (!j)
		return -ENOMEM;
	j->modules = m;
	j->writer = w;
	*ret = j;
	return 0;
}

void jit_destroy(struct jit *j)
{
	if (!j)
		return;
	for (uint32_t i = 0; i < j->process_cnt; i++) {
		free(j->processes[i].known.v);
		free(j->processes[i].fresh.v);
	}
	free(j->processes);
	free(j->eras);
	free(j->current);
	free(j);
}

uint32_t jit_current(const struct jit *j, uint32_t module)
{
	return module < j->current_cnt && j->current[module] ? j->current[module] : module;
}

uint32_t jit_state(const struct jit *j)
{
	return j->state;
}

const struct module_entry *jit_entry(const struct jit *j, uint32_t module, struct jit_extent *ret)
{
	for (uint32_t i = 0; i < j->era_cnt; i++) {
		if (j->eras[i].module != module)
			continue;
		*ret = j->eras[i].extent;
		return j->processes[j->eras[i].process].first;
	}
	*ret = (struct jit_extent){};
	return NULL;
}

uint32_t jit_later(const struct jit *j, uint32_t i)
{
	for (uint32_t k = 0; k < j->era_cnt; k++)
		if (j->eras[k].module != j->processes[j->eras[k].process].first->id && !i--)
			return j->eras[k].module;
	return 0;
}

/* ---- what is where ------------------------------------------------------------------------------------------- */

static int add_code(void *ctx, const struct perfmap_entry *e)
{
	struct process *p = ctx;

	if (p->known.cnt + p->fresh.cnt >= ENTRY_MAX || array_grow(&p->fresh.v, &p->fresh.cap, p->fresh.cnt, sizeof(*p->fresh.v)))
		return 0;
	p->fresh.v[p->fresh.cnt] = (struct code){ e->start, e->start + e->size, hash_bytes(e->name, strlen(e->name)), p->fresh.cnt };
	p->fresh.cnt++;
	return 0;
}

/* Which of two that overlap was written last: seq. */
static int compare_codes(const void *a, const void *b)
{
	const struct code *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return x->seq < y->seq ? -1 : x->seq > y->seq;
}

/* Sorted by start, the later written of those that overlap. */
static void drop_overwritten(struct codes *c)
{
	uint32_t n = 0;

	if (c->cnt)
		qsort(c->v, c->cnt, sizeof(*c->v), compare_codes);
	for (uint32_t i = 0; i < c->cnt; i++) {
		if (n && c->v[i].start < c->v[n - 1].end) {
			if (c->v[i].seq > c->v[n - 1].seq)
				c->v[n - 1] = c->v[i];
		} else {
			c->v[n++] = c->v[i];
		}
	}
	c->cnt = n;
}

static bool is_same(const struct code *a, const struct code *b)
{
	return a->start == b->start && a->end == b->end && a->hash == b->hash;
}

/* Put the fresh ones over the known. True: something was overwritten by something else. */
static bool merge(struct process *p)
{
	const struct codes *old = &p->known, *fresh = &p->fresh;
	struct codes all = { .cap = old->cnt + fresh->cnt };
	bool is_overwritten = false;
	uint32_t i = 0, k = 0;

	drop_overwritten(&p->fresh);
	all.v = fresh->cnt ? calloc(all.cap, sizeof(*all.v)) : NULL;
	if (!all.v) {
		p->fresh.cnt = 0;
		return false;
	}
	while (i < old->cnt || k < fresh->cnt) {
		const struct code *o = i < old->cnt ? &old->v[i] : NULL, *f = k < fresh->cnt ? &fresh->v[k] : NULL;

		if (o && f && o->start < f->end && f->start < o->end) {
			is_overwritten |= !is_same(o, f);
			i++; /* what is left of it is not to be trusted */
		} else if (o && (!f || o->start < f->start)) {
			all.v[all.cnt++] = *o;
			i++;
		} else {
			all.v[all.cnt++] = *f;
			k++;
		}
	}
	free(p->known.v);
	p->known = all;
	p->fresh.cnt = 0;
	return is_overwritten;
}

/* ---- processes ------------------------------------------------------------------------------------------------ */

static int add_era(struct jit *j, uint32_t module, uint32_t process)
{
	if (array_grow(&j->eras, &j->era_cap, j->era_cnt, sizeof(*j->eras)))
		return -ENOMEM;
	j->eras[j->era_cnt++] = (struct era){ .module = module, .process = process };
	j->state++;
	return 0;
}

static void find_processes(struct jit *j)
{
	for (; j->seen < modules_count(j->modules); j->seen++) {
		const struct module_entry *e = modules_at(j->modules, j->seen);

		if (e->m.kind != MODULE_JIT)
			continue;
		if (array_grow(&j->processes, &j->process_cap, j->process_cnt, sizeof(*j->processes)) ||
		    add_era(j, e->id, j->process_cnt))
			return; /* tried again */
		j->processes[j->process_cnt++] = (struct process){ .first = e, .era_cnt = 1 };
	}
}

static bool set_current(struct jit *j, uint32_t first, uint32_t id)
{
	if (first >= j->current_cnt) {
		uint32_t *current = realloc(j->current, (first + 1) * sizeof(*current));

		if (!current)
			return false;
		memset(current + j->current_cnt, 0, (first + 1 - j->current_cnt) * sizeof(*current));
		j->current = current;
		j->current_cnt = first + 1;
	}
	j->current[first] = id;
	return true;
}

/* From now on its memory is another module; the extent is that of the one that ends. */
static void begin_era(struct jit *j, uint32_t process, const struct jit_extent *extent)
{
	struct process *p = &j->processes[process];
	uint32_t before = jit_current(j, p->first->id);
	struct module m = p->first->m;
	char path[32];
	int id;

	if (p->era_cnt >= GENERATION_MAX)
		return;
	snprintf(path, sizeof(path), "//anon#%" PRIu32, p->generation + 2);
	m.path = path;
	id = recording_writer_add_module(j->writer, &m);
	if (id < 0 || add_era(j, (uint32_t)id, process) || !set_current(j, p->first->id, (uint32_t)id))
		return;
	p->generation++;
	p->era_cnt++;
	for (uint32_t i = 0; i < j->era_cnt; i++)
		if (j->eras[i].module == before)
			j->eras[i].extent = *extent;
}

static void poll_process(struct jit *j, uint32_t i)
{
	struct process *p = &j->processes[i];
	struct module_entry *e = modules_get(j->modules, p->first->id);
	struct jit_extent x = { .map = p->map_at, .dump = p->dump_at };

	if (p->is_done)
		return;
	p->is_done = e->is_over; /* after this look */
	if (e->map_fd < 0 && e->root_fd >= 0 && p->polls++ % PATIENCE < 10) /* soon after the process was met, and then now and again */
		e->map_fd = perfmap_open(e->root_fd, e->ns_pid, e->uid, e->m.start_ts, NULL);
	e->map_fd = e->map_fd < 0 ? -1 : e->map_fd;
	if (e->map_fd >= 0)
		(void)perfmap_follow(e->map_fd, &p->map_at, add_code, p);
	if (e->dump_fd >= 0)
		(void)jitdump_each(e->dump_fd, &p->dump_at, 0, add_code, p);
	x.map_end = p->map_at;
	x.dump_end = p->dump_at;
	if (x.dump == UINT64_MAX) /* it made no sense */
		x.dump = x.dump_end = 0;
	if (merge(p))
		begin_era(j, i, &x);
}

void jit_poll(struct jit *j)
{
	find_processes(j);
	for (uint32_t i = 0; i < j->process_cnt; i++)
		poll_process(j, i);
}

/* ---- what is forgotten ----------------------------------------------------------------------------------------- */

bool jit_wants_sweep(const struct jit *j)
{
	return j->era_cnt >= 2 * j->swept_cnt + SWEEP_MIN;
}

void jit_each_needed(const struct jit *j, bool (*is_used)(void *ctx, uint32_t id), void (*fn)(void *ctx, uint32_t id), void *ctx)
{
	for (uint32_t i = 0; i < j->era_cnt; i++) /* names of each era are in the files that the first has */
		if (is_used(ctx, j->eras[i].module))
			fn(ctx, j->processes[j->eras[i].process].first->id);
	for (uint32_t i = 0; i < j->process_cnt; i++)
		if (is_used(ctx, j->processes[i].first->id))
			fn(ctx, jit_current(j, j->processes[i].first->id));
}

/* moved[i]: the new index of process i, + 1; 0: gone. */
static void sweep_processes(struct jit *j, bool (*is_used)(void *ctx, uint32_t id), void *ctx, uint32_t *moved)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < j->process_cnt; i++) {
		struct process *p = &j->processes[i];

		if (is_used(ctx, p->first->id)) {
			p->era_cnt = 0;
			j->processes[n++] = *p;
			moved[i] = n;
			continue;
		}
		if (p->first->id < j->current_cnt)
			j->current[p->first->id] = 0;
		free(p->known.v);
		free(p->fresh.v);
	}
	j->process_cnt = n;
}

static void sweep_eras(struct jit *j, bool (*is_used)(void *ctx, uint32_t id), void *ctx, const uint32_t *moved)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < j->era_cnt; i++) {
		struct era e = j->eras[i];

		if (!moved[e.process] || !is_used(ctx, e.module))
			continue;
		e.process = moved[e.process] - 1;
		j->processes[e.process].era_cnt++;
		j->eras[n++] = e;
	}
	j->era_cnt = j->swept_cnt = n;
	j->state++;
}

int jit_sweep(struct jit *j, bool (*is_used)(void *ctx, uint32_t id), void *ctx)
{
	_cleanup_free_ uint32_t *moved = calloc(j->process_cnt + 1, sizeof(*moved));
	uint32_t seen = 0;

	if (!moved)
		return -ENOMEM;
	for (uint32_t i = 0; i < j->seen; i++)
		seen += is_used(ctx, modules_at(j->modules, i)->id);
	j->seen = seen;
	sweep_processes(j, is_used, ctx, moved);
	sweep_eras(j, is_used, ctx, moved);
	return 0;
}
