/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which module's rows lie where in each process, for the BPF unwinder. Follows tasks.c through its listener; changes reach the kernel
 * in unwind_procs_flush(), together. Processes share their mappings with their forked children until one changes.
 */
#ifndef VARVE_UNWIND_PROCS_H
#define VARVE_UNWIND_PROCS_H

#include "record/unwind_table.h"

/* The rows of a module id of the recording, NULL for one without (JIT memory); in: where to compile them from. */
typedef struct unwind_module_rows *(*unwind_module_fn)(void *ctx, uint32_t module, struct unwind_input *ret_in);
/* After the first mapping of a module was counted: *in may be closed. */
typedef void (*unwind_done_fn)(void *ctx, struct unwind_input *in);

struct unwind_procs_stats {
	uint64_t procs;	   /* known now */
	uint64_t mappings; /* in all spaces now */
	uint64_t updates;  /* processes written to the kernel */
	uint64_t failed;   /* changes that did not reach the kernel: its map, the arena or memory full */
};

struct unwind_procs;

int unwind_procs_create(struct unwind_table *t, int procs_fd, unwind_module_fn find, unwind_done_fn done, void *ctx,
			struct unwind_procs **ret, struct err *err);
void unwind_procs_destroy(struct unwind_procs *p);

/* Whether a process has mappings here, be they none at present. */
bool unwind_procs_has(const struct unwind_procs *p, uint32_t pid);

/* As struct tasks_listener has them. */
void unwind_procs_add(struct unwind_procs *p, uint32_t pid, uint64_t start, uint64_t end, uint64_t off_base, uint32_t module);
void unwind_procs_remove(struct unwind_procs *p, uint32_t pid, uint64_t start, uint64_t end);
void unwind_procs_fork(struct unwind_procs *p, uint32_t pid, uint32_t parent);
void unwind_procs_clear(struct unwind_procs *p, uint32_t pid);
/* The kernel's entry is to be written again. */
void unwind_procs_touch(struct unwind_procs *p, uint32_t pid);
void unwind_procs_exit(struct unwind_procs *p, uint32_t pid);

/* Bring the kernel up to date. now_ts: CLOCK_MONOTONIC ns. */
void unwind_procs_flush(struct unwind_procs *p, uint64_t now_ts);

/* What the kernel would find at an address after a flush. */
bool unwind_procs_find(const struct unwind_procs *p, uint32_t pid, uint64_t addr, struct unwind_mapping *ret);

void unwind_procs_get_stats(const struct unwind_procs *p, struct unwind_procs_stats *ret);

#endif
