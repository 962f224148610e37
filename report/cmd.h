/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The subcommands, one cmd_*.c each. Each returns the exit status (EXIT_OK, …) or a negative errno
 * with *err set, for which main prints the message and exits with 1.
 */
#ifndef VARVE_CMD_H
#define VARVE_CMD_H

#include "formats/err.h"
#include "report/options.h"

enum exit_status {
	EXIT_OK = 0,
	EXIT_ERROR = 1,
	EXIT_USAGE = 2,
	EXIT_DAMAGED = 3, /* output written, but the input was damaged */
	EXIT_UNNAMED = 4, /* below --min-named */
};

struct command {
	const char *name;
	enum command_id id;
	const char *args; /* for the usage line */
	const char *help; /* one line */
	int (*run)(const struct report_options *o, struct err *err);
};

/* main.c's table; ends with name NULL. */
extern const struct command commands[];

int cmd_db(const struct report_options *o, struct err *err);
int cmd_folded(const struct report_options *o, struct err *err);
int cmd_top(const struct report_options *o, struct err *err);
int cmd_sql(const struct report_options *o, struct err *err);
int cmd_schema(const struct report_options *o, struct err *err);
int cmd_info(const struct report_options *o, struct err *err);
int cmd_verify(const struct report_options *o, struct err *err);
int cmd_flame(const struct report_options *o, struct err *err);
int cmd_export(const struct report_options *o, struct err *err);
int cmd_bundle(const struct report_options *o, struct err *err);

/* What is wrong with the command line beyond its words: which picture, which format, which question. 0 or -EINVAL:
 * a usage error. */
int cmd_sql_check(const struct report_options *o, struct err *err);
int cmd_top_check(const struct report_options *o, struct err *err);
int cmd_flame_check(const struct report_options *o, struct err *err);
int cmd_export_check(const struct report_options *o, struct err *err);
int cmd_bundle_check(const struct report_options *o, struct err *err);
int cmd_summary(const struct report_options *o, struct err *err);

/* A line on stderr, "varve-report: …", unless -q. */
void cmd_note(const struct report_options *o, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Of an output without anything in it. */
static inline void cmd_note_nothing(const struct report_options *o)
{
	cmd_note(o, "nothing matches: no such event in the recording, or all were filtered out");
}

#endif
