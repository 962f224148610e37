/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The rows of all modules, where the BPF unwinder finds them: compiled once per module, kept while any process maps it and
 * after that as long as there is room, under a cap.
 */
#ifndef VARVE_UNWIND_TABLE_H
#define VARVE_UNWIND_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "record/eh_frame.h"
#include "record/unwind_arena.h"
#include "record/unwind_rules.h"

/* The BPF maps, not owned; -1: none, the tables are our memory only (tests). */
struct unwind_maps {
	int extents_fd, rules_fd, modules_fd, procs_fd, cache_fd;
};

#define UNWIND_CAP_SZ (88ULL << 20) /* of the arena, by default: with rules, modules and processes below 96 MiB */

struct unwind_table_stats {
	uint64_t built, build_ns, build_max_ns; /* modules compiled */
	uint64_t rows, fdes, bad_fdes;		/* in all that were built */
	uint64_t no_info;  /* modules without call frame information */
	uint64_t failed;   /* could not be read */
	uint64_t evicted;  /* thrown out for others, mapped by nobody */
	uint64_t no_room;  /* left without rows under the cap */
	uint64_t arena_sz; /* bytes of extents */
	uint64_t modules;  /* now: slots in use */
	uint64_t rules;	   /* distinct, of RULE_SET_MAX */
};

struct unwind_table;
struct unwind_module_rows; /* one module's, owned by the table */

int unwind_table_create(const struct unwind_maps *maps, uint64_t cap_sz, struct unwind_table **ret, struct err *err);
void unwind_table_destroy(struct unwind_table *t);

/* A module, without rows yet. NULL when memory or slots are used up: mappings of it then go by frame pointers. */
struct unwind_module_rows *unwind_table_add(struct unwind_table *t);

/*
 * Count a mapping of the module. The first one compiles its rows from *in, as does one after they were evicted. Never fails for
 * the caller: a module that cannot be read, has no information or finds no room is one without rows, and counted.
 */
void unwind_table_ref(struct unwind_table *t, struct unwind_module_rows *m, const struct unwind_input *in, uint64_t now_ts);
/* Whether the next unwind_table_ref() compiles: only then its input is read. */
bool unwind_module_wants_input(const struct unwind_module_rows *m);
/* A mapping has gone. The rows stay until room is needed. */
void unwind_table_unref(struct unwind_table *t, struct unwind_module_rows *m, uint64_t now_ts);

/*
 * The module is forgotten: its rows go, m is no more, and its slot is given out again once no BPF program can know of it. False while a
 * mapping is counted: nothing changed then.
 */
bool unwind_table_remove(struct unwind_table *t, struct unwind_module_rows *m, uint64_t now_ts);

/* The module's slot, for struct unwind_mapping; 0 for NULL. */
uint32_t unwind_module_slot(const struct unwind_module_rows *m);

/* The rule at a file offset, as the BPF unwinder would find it; NULL where there is none. Maps extents: see unwind_table_unmap(). */
const struct unwind_rule *unwind_table_find(struct unwind_table *t, const struct unwind_module_rows *m, uint64_t off);
/* The expressions that the rules name by number. */
const struct expr_set *unwind_table_exprs(const struct unwind_table *t);
/* Whether the module is without rows for want of room. */
bool unwind_module_has_no_room(const struct unwind_module_rows *m);

/* After a batch of work: let freed blocks settle, evict ahead of need, give back address space. */
void unwind_table_tick(struct unwind_table *t, uint64_t now_ts);

struct unwind_arena *unwind_table_arena(struct unwind_table *t);
void unwind_table_get_stats(const struct unwind_table *t, struct unwind_table_stats *ret);

#endif
