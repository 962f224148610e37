/* SPDX-License-Identifier: BSD-2-Clause */
/* A symbolizer's inside: symbolize.c answers queries, symbolize_files.c has the files of modules read before. */
#ifndef VARVE_SYMBOLIZE_PRIVATE_H
#define VARVE_SYMBOLIZE_PRIVATE_H

#include "report/sym_answers.h"
#include "report/sym_fetch.h"
#include "report/sym_frames.h"
#include "report/sym_index.h"
#include "report/sym_recorded.h"
#include "report/symbolize.h"

/* What is known of one module. */
struct sym_entry {
	uint32_t id;
	bool is_loaded; /* index and info are settled */
	struct sym_recorded recorded;
	struct sym_recorded map; /* of JIT code, from --symfs: where recorded has no name */
	struct sym_index index; /* of its debug information; data NULL: none */
	struct sym_displays displays; /* of the names in it */
	struct sym_answers answers; /* of its symbol tables */
	struct symbolizer_module_info info;
	char failure[64];   /* what the worker died of */
	char fetched[300];  /* reason, with what --debuginfod came to */
	const char *reason; /* for info.unnamed_reason once something has no name */
};

struct symbolizer {
	struct sym_recorded kallsyms; /* of --kallsyms, */
	uint64_t kernel_text;	      /* and where the kernel lay then; 0 without */
	bool has_cached;	      /* files were added to the cache */
	bool has_bundle;	      /* o.symfs is one */
	struct sym_fetch fetch;	      /* --debuginfod */
	struct symbolizer_options o;  /* strings are the caller's and must outlive this */
	struct sym_entry **entries;   /* hash by id */
	size_t entry_slots, entry_cnt;
	struct sym_hit hits[SYM_CHAIN_MAX];
	struct sym_frames frames;
};

/* Places of a module that are asked for: offsets in its file (ascending, none twice). */
struct sym_request {
	struct sym_entry *e;
	const struct module *m;
	uint64_t *offs; /* malloc'ed; NULL: its files are not asked */
	size_t cnt;
};

/* Is what the module's files say of any use? Names of other kinds of modules can only be in the recording. */
bool symbolizer_reads_files(const struct symbolizer *s, const struct module *m);

/* Have the files of the requests' modules read, as far as that is not done. Returns 0 or -ENOMEM. */
int symbolizer_read_files(struct symbolizer *s, const struct sym_request *r, size_t cnt);

struct sym_job;

/* Run all of them, in workers or here. Returns 0 or -ENOMEM. */
int symbolizer_run_jobs(const struct symbolizer *s, struct sym_job *jobs, size_t cnt);

/* Drop what a job gave. */
void symbolizer_forget_result(struct sym_job *j);

/*
 * --debuginfod: fetch what the jobs found missing, and run those again for which something came. notes[i] becomes what is to be said of
 * job i (static; else left). Returns 0 or -ENOMEM.
 */
int symbolizer_fetch_missing(const struct symbolizer *s, struct sym_job *jobs, size_t cnt, const char **notes);

/* The ELF virtual address of a file offset of the module. */
bool symbolizer_vaddr(const struct sym_entry *e, const struct module *m, uint64_t off, uint64_t *ret);

/* Keep for later reports what this one found out. */
void symbolizer_keep(struct symbolizer *s, struct sym_entry *e);

#endif
