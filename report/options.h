/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The command line of varve-report as a struct. One table (option_specs.c) is the parser, the --help
 * texts, and what man pages and completions are compared with.
 */
#ifndef VARVE_REPORT_OPTIONS_H
#define VARVE_REPORT_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "formats/err.h"
#include "report/filter.h"
#include "report/symbolize.h"

/* Which commands an option belongs to. */
enum command_id {
	COMMAND_DB = 1 << 0,
	COMMAND_FOLDED = 1 << 1,
	COMMAND_TOP = 1 << 2,
	COMMAND_SQL = 1 << 3,
	COMMAND_SCHEMA = 1 << 4,
	COMMAND_INFO = 1 << 5,
	COMMAND_VERIFY = 1 << 6,
	COMMAND_FLAME = 1 << 7,
	COMMAND_EXPORT = 1 << 8,
	COMMAND_SUMMARY = 1 << 9, /* no command named: the first page */
	COMMAND_BUNDLE = 1 << 10,
};

struct report_options {
	enum command_id command;
	const char **inputs; /* argv's; the array is owned. For sql: without the statement */
	size_t input_cnt;
	const char *output; /* -o; NULL: the command's default; "-": stdout */
	struct filter filter;
	struct symbolizer_options symbols; /* debug_dirs owned */
	const char *sql;		   /* the statement, or NULL */
	const char *question;		   /* -q NAME */
	const char *format;
	const char *by;	  /* top */
	const char *color; /* auto, always, never; NULL: auto */
	const char *diff; /* flame: base input */
	uint64_t limit;	  /* rows of top; 0: the default */
	double min_named; /* --min-named, in percent; 0: no such claim */
	bool list, chart, callers, icicle, no_icicle, json, missing;
	bool no_progress; /* --progress never */
	bool quiet, verbose, help, version;
};

/*
 * argv[0] is the program. On success *ret is set and to be deinitialized. -EINVAL: a usage error,
 * with its hint.
 */
int report_options_parse(int argc, char **argv, struct report_options *ret, struct err *err);
void report_options_deinit(struct report_options *o);

/* --help: of one command, or (COMMAND_SUMMARY) of the program. (options_help.c) */
void report_options_help(enum command_id command, FILE *out);

#endif
