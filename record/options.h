/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The command line of varve-record as a struct. Pure: looks at argv alone (and the user database for -u NAME), so that it
 * is tested without root. One table in options.c is the parser, the --help text and what the man page and completions are
 * compared with.
 */
#ifndef VARVE_OPTIONS_H
#define VARVE_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "formats/err.h"

/* -e LIST, as a set. */
enum options_events {
	EVENTS_ON_CPU = 1,
	EVENTS_OFF_CPU = 2,
	EVENTS_SCHED = 4,
	EVENTS_OOM = 8,
	EVENTS_TASK = 16,
	EVENTS_ALL = 31,
};

enum options_call_graph { CALL_GRAPH_AUTO = 0, CALL_GRAPH_FP = 1, CALL_GRAPH_NONE = 2 };
enum options_symbols { SYMBOLS_HIT = 0, SYMBOLS_ALL = 1, SYMBOLS_NONE = 2 };
enum options_cmdline { CMDLINE_NONE = 0, CMDLINE_FIRST = 1, CMDLINE_FULL = 2 };

struct redact;

/* What is kept of command lines, and what is hidden in it besides what always is (NULL: nothing; redact.h). */
struct cmdline_how {
	enum options_cmdline keep;
	struct redact *redact;
};

/* Sorted, without duplicates. Owned by the options. */
struct id_list {
	uint32_t *ids;
	size_t cnt;
};

/* In the order given. Owned by the options. */
struct text_list {
	char **items;
	size_t cnt;
};

/* --snapshot-on; 0 and false: not watched. */
struct options_triggers {
	bool oom, failed_exit;
	uint64_t off_cpu_ns, runq_ns; /* longer ones */
	double psi_mem_pct;
};

struct options {
	/* target: all of the given conditions hold at once (pids and tids: either; several cgroups or globs: any) */
	bool all_cpus; /* -a, or implied: no command, -p, -t nor -G */
	struct id_list pids, tids, uids, cpus;
	struct text_list cgroups;	   /* -G: paths as the user gave them, see cgroups_find() */
	struct text_list comms, no_comms;  /* globs as fnmatch(3) has them */
	bool no_kthreads;
	bool no_inherit; /* threads and children created later are not followed */
	char **command;	 /* argv of the command, NULL-terminated, or NULL */

	/* events */
	uint32_t events; /* enum options_events */
	uint32_t freq;	 /* samples per CPU and second; UINT32_MAX: as high as the kernel allows (-F max) */
	uint64_t off_cpu_thresh_ns;
	uint32_t max_stack;
	enum options_call_graph call_graph;
	bool no_stack_slices;

	/* output */
	const char *output; /* "-" is stdout; never NULL */
	bool output_is_default;
	bool force;
	int level;	  /* zstd */
	uint64_t sync_ns; /* 0: only at close */
	bool is_segmented;		  /* --rotate or --keep */
	uint64_t rotate_bytes, rotate_ns; /* when a segment ends, whichever comes first; 0: no such limit */
	uint32_t keep_cnt;		  /* limits on what is left of complete segments; 0: none */
	uint64_t keep_bytes, keep_ns;
	uint64_t flight_bytes, flight_ns; /* --flight: what is kept in memory; flight_bytes 0: not at all; flight_ns 0: whatever its age */
	struct options_triggers triggers;
	bool has_triggers;
	uint64_t tail_ns;
	uint64_t max_bytes, min_free_bytes; /* when the recording ends; 0: no such limit */

	uint64_t duration_ns; /* 0: until stopped */
	enum options_symbols symbols;
	const char *bundle; /* "-" is refused; NULL: none */
	struct cmdline_how cmdline; /* owns .redact */
	bool anonymize;

	/* what to do instead of recording */
	bool help, version, list_events, check;

	bool quiet, json;
	int verbose;	   /* number of -v */
	bool no_progress;  /* --progress never */
};

/*
 * Parse argv. Returns 0 with *ret set (free with options_deinit()), or -EINVAL: a usage error, said in *err in one line
 * (an unknown option with the nearest one as the hint); the program exits 2 then. -ENOMEM.
 * command and output point into argv. Does not print; --help and the like are flags in *ret.
 */
int options_parse(int argc, char **argv, struct options *ret, struct err *err);
void options_deinit(struct options *o);

void options_print_help(FILE *f);
void options_print_events(FILE *f); /* --list: each event with what it costs */

/*
 * The n-th option, for the test that compares help, man page and completions. Returns false past the end. *ret_short is 0
 * where there is none; *ret_arg NULL where it takes no argument.
 */
bool options_describe(size_t n, const char **ret_long, char *ret_short, const char **ret_arg);

/* "100us", "2s", "1m30s" is not: one number, with a fraction or none, and ns, us, ms, s, m or h; a plain number counts in `plain_ns`. -EINVAL, -ERANGE. */
int options_parse_duration(const char *text, uint64_t plain_ns, uint64_t *ret_ns);

/* "64M": one number, with a fraction or none, and K, M, G or T (powers of 1024; k, MB and MiB are the same). Bytes. -EINVAL, -ERANGE. */
int options_parse_size(const char *text, uint64_t *ret);

/* "0-3,8": CPU numbers below 65536, sorted and unique. -EINVAL, -ENOMEM. The caller frees ret->ids. */
int options_parse_cpus(const char *text, struct id_list *ret);

#endif
