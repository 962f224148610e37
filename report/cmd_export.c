// SPDX-License-Identifier: BSD-2-Clause
#include "report/cmd.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "formats/cleanup.h"
#include "report/export.h"
#include "report/print.h"
#include "report/source.h"

/* How an export is called, and what its file names end in. */
static const struct export_format {
	const char *name, *suffix;
	bool is_binary;
	int (*write)(const struct export_input *in, FILE *f, struct err *err);
} formats[] = {
	{ "pprof", ".pb.gz", true, export_pprof },
	{ "speedscope", ".speedscope.json", false, export_speedscope },
	{ "perfetto", ".pftrace", true, export_perfetto },
	{ "firefox", ".firefox.json", false, export_firefox },
	{ "perf-script", ".perf.txt", false, export_perf_script },
};

static int find_format(const struct report_options *o, const struct export_format **ret,
		       struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		size_t len = strlen(o->output ?: ""), n = strlen(formats[i].suffix);

		if (o->format ? !strcmp(o->format, formats[i].name)
			      : len > n && !strcmp(o->output + len - n, formats[i].suffix)) {
			*ret = &formats[i];
			return 0;
		}
	}
	if (o->format)
		err_set(err, -EINVAL, "--format: '%s' is not a format", o->format);
	else
		err_set(err, -EINVAL, "export: which format?");
	err_hint(err, "--format pprof, speedscope, perfetto, firefox or perf-script");
	return -EINVAL;
}

static int write_export(const struct report_options *o, struct db *db,
			const struct export_format *format, struct err *err)
{
	struct stacks stacks = { 0 };
	struct tasks tasks = { 0 };
	struct export_input in;
	FILE *out;
	int rc = stacks_read(&stacks, db, err);

	rc = rc ?: tasks_read(&tasks, db, err);
	rc = rc ?: print_open(o->output, &out, err);
	if (!rc) {
		export_input_init(&in, db, &o->filter, &stacks, &tasks);
		rc = format->write(&in, out, err);
		rc = print_close(out, o->output, rc ? NULL : err) ?: rc;
	}
	stacks_deinit(&stacks);
	tasks_deinit(&tasks);
	return rc;
}

int cmd_export_check(const struct report_options *o, struct err *err)
{
	const struct export_format *format;
	int rc = find_format(o, &format, err);

	if (!rc && format->is_binary && (!o->output || !strcmp(o->output, "-")) &&
	    isatty(STDOUT_FILENO))
		return err_set(
			err, -EINVAL,
			"export: %s is binary and does not go to a terminal: give -o FILE, or redirect",
			format->name);
	return rc;
}

int cmd_export(const struct report_options *o, struct err *err)
{
	const struct export_format *format = NULL;
	_cleanup_db_ struct db *db = NULL;
	bool damaged = false;
	int rc = find_format(o, &format, err);

	rc = rc ?: source_open(o, &db, &damaged, err);
	rc = rc ?: write_export(o, db, format, err);
	return rc ?: damaged ? EXIT_DAMAGED : EXIT_OK;
}
