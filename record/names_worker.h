/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The child process that reads symbol tables and perf maps: no privileges, no system calls but reading and memory, limits
 * on memory and CPU time; names come back over a pipe and are checked. When it dies, the module it was at is given up and
 * another child goes on with the next.
 */
#ifndef VARVE_NAMES_WORKER_H
#define VARVE_NAMES_WORKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "formats/err.h"
#include "formats/event.h"
#include "record/jit.h"
#include "record/symtab.h"

/* One module to name. All pointers and fds are the caller's. */
struct names_job {
	uint32_t module;
	bool is_perfmap;	  /* map_fd and dump_fd instead of an ELF image */
	int map_fd, dump_fd;	  /* -1: none */
	struct jit_extent extent; /* what of them names the module */
	struct symtab_input elf;
	bool wants_link;	  /* instead of names: what .gnu_debuglink says, when there is no .symtab */
	const uint64_t *offs;	  /* sorted; NULL: every function */
	size_t off_cnt;
	bool failed;		  /* set: the child died at it, or time was over */
};

/*
 * Called for each name; the string is valid during the call. Of a job that wants_link at most once: name the link's, source 0, off its CRC.
 * A nonzero return ends everything and is returned.
 */
typedef int (*names_fn)(void *ctx, uint32_t module, const struct symtab_symbol *s);

/* What else is to be done while a child reads: called every NAMES_IDLE_NS or so. */
struct names_idle {
	void (*fn)(void *ctx);
	void *ctx;
};
#define NAMES_IDLE_NS 10000000ULL

/*
 * Run the jobs in order; idle may be NULL. timeout_ns: for all of them together. Returns 0, fn's value, or -errno (fork, pipe: nothing could be
 * read at all, said in err).
 */
int names_worker_run(struct names_job *jobs, size_t cnt, uint64_t timeout_ns, const struct names_idle *idle, names_fn fn, void *ctx,
		     struct err *err);

/* What the child does; for tests and fuzzing in the same process. */
int names_worker_do(const struct names_job *job, symtab_fn fn, void *ctx);

#endif
