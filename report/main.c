// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <locale.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "formats/cleanup.h"
#include "formats/standard_fds.h"
#include "report/cmd.h"
#include "report/escape.h"
#include "report/fence.h"
#include "report/inputs.h"
#include "report/print.h"

const struct command commands[] = {
	{ "db", COMMAND_DB, "RECORDING… [-o FILE.db]",
	  "import and symbolize into a database (SQLite)", cmd_db },
	{ "folded", COMMAND_FOLDED, "INPUT… [filters]",
	  "folded stacks for flame graphs: comm;root;…;leaf N", cmd_folded },
	{ "top", COMMAND_TOP, "INPUT… [filters]",
	  "self and total by function, module, line, comm, thread, process, cgroup or recording",
	  cmd_top },
	{ "sql", COMMAND_SQL, "INPUT… {STATEMENT | -q NAME} [filters]",
	  "any SELECT, or a named question; read-only", cmd_sql },
	{ "schema", COMMAND_SCHEMA, "", "the tables, columns, units and views", cmd_schema },
	{ "info", COMMAND_INFO, "INPUT…",
	  "what was recorded and lost, where the time went, how much has names and why not",
	  cmd_info },
	{ "verify", COMMAND_VERIFY, "INPUT…", "check chunk by chunk; exit status 3: damaged",
	  cmd_verify },
	{ "flame", COMMAND_FLAME, "INPUT… -o FILE.{html|svg} [filters]",
	  "interactive flame graph, one self-contained file", cmd_flame },
	{ "export", COMMAND_EXPORT, "INPUT… --format FORMAT -o FILE [filters]",
	  "for pprof, speedscope, Perfetto, the Firefox Profiler, perf script's readers",
	  cmd_export },
	{ "bundle", COMMAND_BUNDLE, "RECORDING… -o FILE",
	  "on the recorded host: pack what its names need, for --symfs elsewhere", cmd_bundle },
	{ 0 },
};

/* Paths and names in it are what others chose. */
static void put_line(const char *before, const char *text)
{
	fputs(before, stderr);
	escape_text(stderr, text, strlen(text));
	fputc('\n', stderr);
}

void cmd_note(const struct report_options *o, const char *fmt, ...)
{
	_cleanup_free_ char *text = NULL;
	va_list ap;

	if (o->quiet)
		return;
	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	va_end(ap);
	put_line("varve-report: ", text ?: "out of memory");
}

static int run(const struct report_options *o, struct err *err)
{
	int rc = fence_enter(o->symbols.debuginfod, err);

	rc = rc ?: inputs_order(o->inputs, o->input_cnt, err);
	if (!rc && o->output && strcmp(o->output, "-"))
		rc = inputs_spare(o->inputs, o->input_cnt, o->output, o->command == COMMAND_DB, err);
	if (rc)
		return rc;
	for (const struct command *c = commands; c->name; c++)
		if (c->id == o->command)
			return c->run(o, err);
	return cmd_summary(o, err);
}

static void print_error(const struct err *err)
{
	put_line("varve-report: ", err->text);
	if (err->hint[0])
		put_line("  hint: ", err->hint);
}

int main(int argc, char **argv)
{
	struct report_options o;
	struct err err = { 0 };
	int rc;

	standard_fds_keep();
	setlocale(LC_CTYPE, "");  /* widths of characters in tables; nothing else depends on it */
	signal(SIGPIPE, SIG_IGN); /* a reader that went away is a write error, see output_close() */
	signal(SIGXFSZ, SIG_IGN); /* a file that may not grow is one too */
	rc = report_options_parse(argc, argv, &o, &err);
	if (rc) {
		print_error(&err);
		return EXIT_USAGE;
	}
	if (o.version) {
		puts("varve-report " VARVE_VERSION);
		rc = print_close(stdout, NULL, &err);
	} else if (o.help) {
		report_options_help(o.command, stdout);
		rc = print_close(stdout, NULL, &err);
	} else {
		rc = run(&o, &err);
	}
	report_options_deinit(&o);
	if (rc < 0) {
		print_error(&err);
		rc = EXIT_ERROR;
	}
	return rc;
}
