// SPDX-License-Identifier: BSD-2-Clause
#include "report/option_specs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "formats/cleanup.h"
#include "report/parse.h"

#define EVENTS (COMMAND_FOLDED | COMMAND_TOP | COMMAND_FLAME | COMMAND_EXPORT)
#define QUERIES (EVENTS | COMMAND_SUMMARY)
#define NAMING (COMMAND_DB | QUERIES | COMMAND_SQL | COMMAND_INFO)
#define ALL (NAMING | COMMAND_SCHEMA | COMMAND_VERIFY | COMMAND_BUNDLE)

#define FIELD(f) offsetof(struct report_options, f)

/* In the order of the help. */
const struct option_spec option_specs[] = {
	{ 'o', "output", "FILE", ALL & ~(COMMAND_VERIFY | COMMAND_SUMMARY), OPTION_TEXT,
	  FIELD(output), "write there; - is the standard output" },
	{ 'q', "query", "NAME", COMMAND_SQL, OPTION_TEXT, FIELD(question),
	  "run a named question (--list shows them)" },
	{ 0, "list", NULL, COMMAND_SQL, OPTION_FLAG, FIELD(list), "list the named questions" },
	{ 0, "format", "FORMAT", COMMAND_SQL, OPTION_TEXT, FIELD(format),
	  "table, csv, json or ndjson (table)" },
	{ 0, "format", "FORMAT", COMMAND_FLAME, OPTION_TEXT, FIELD(format),
	  "html or svg (by the name of the output)" },
	{ 0, "format", "FORMAT", COMMAND_EXPORT, OPTION_TEXT, FIELD(format),
	  "pprof, speedscope, perfetto, firefox or perf-script (by the name of the output)" },
	{ 0, "diff", "BASE", COMMAND_FLAME, OPTION_TEXT, FIELD(diff),
	  "compare with this recording: red grew, blue shrank" },
	{ 0, "chart", NULL, COMMAND_FLAME, OPTION_FLAG, FIELD(chart),
	  "in time order, thread by thread" },
	{ 0, "callers", NULL, COMMAND_FLAME, OPTION_FLAG, FIELD(callers),
	  "svg: turned round, each function below its callers" },
	{ 0, "icicle", NULL, COMMAND_FLAME, OPTION_FLAG, FIELD(icicle),
	  "svg: roots at the top (also where stacks are deeper than 43 frames)" },
	{ 0, "no-icicle", NULL, COMMAND_FLAME, OPTION_FLAG, FIELD(no_icicle),
	  "svg: roots at the bottom, however deep the stacks" },
	{ 0, "json", NULL, COMMAND_VERIFY, OPTION_FLAG, FIELD(json), "as JSON" },
	{ 0, "by", "WHAT", COMMAND_TOP, OPTION_TEXT, FIELD(by),
	  "function, module, line, comm, thread, process, cgroup or recording (function)" },
	{ 'n', "limit", "N", COMMAND_TOP, OPTION_NUMBER, FIELD(limit), "rows to show (20)" },
	{ 0, "event", "EVENT", EVENTS, OPTION_FILTER, 0,
	  "on-cpu, off-cpu, run-queue, wakeup or oom (on-cpu)" },
	{ 0, "weight", "W", EVENTS, OPTION_FILTER, 0,
	  "samples or ns (samples on-cpu, ns for waits)" },
	{ 0, "pid", "LIST", QUERIES | COMMAND_SQL | COMMAND_INFO, OPTION_FILTER, 0,
	  "processes: 12,40-45" },
	{ 0, "tid", "LIST", QUERIES | COMMAND_SQL | COMMAND_INFO, OPTION_FILTER, 0, "threads" },
	{ 0, "comm", "GLOBS", QUERIES | COMMAND_SQL | COMMAND_INFO, OPTION_FILTER, 0,
	  "threads by name: 'nginx*,php'" },
	{ 0, "cgroup", "GLOBS", QUERIES | COMMAND_SQL | COMMAND_INFO, OPTION_FILTER, 0,
	  "cgroups by path (and what is below), or a container id's begin" },
	{ 0, "recording", "LIST", QUERIES | COMMAND_SQL | COMMAND_INFO, OPTION_FILTER, 0,
	  "of several recordings: numbers, or hosts: 2 or 'web*'" },
	{ 0, "cpu", "LIST", EVENTS, OPTION_FILTER, 0, "CPUs: 0,2-3" },
	{ 0, "state", "LETTERS", EVENTS, OPTION_FILTER, 0,
	  "waits by state: S sleeping, D uninterruptible, R preempted, …" },
	{ 0, "time", "FROM,TO", QUERIES | COMMAND_SQL, OPTION_FILTER, 0,
	  "since the start: 5s,10s; from the end: -10s," },
	{ 0, "offwake", NULL, COMMAND_FOLDED | COMMAND_FLAME, OPTION_FLAG, FIELD(filter.offwake),
	  "waits, each with its waker's stack below --" },
	{ 0, "where", "SQL", EVENTS, OPTION_FILTER, 0,
	  "condition on the event's row and thread_v: 'uid=1000'" },
	{ 0, "symfs", "PATH", NAMING | COMMAND_BUNDLE, OPTION_TEXT, FIELD(symbols.symfs),
	  "look recorded paths up below this directory, or in this bundle" },
	{ 0, "debug-dir", "DIR", NAMING | COMMAND_BUNDLE, OPTION_OTHER, 0,
	  "look for debug files there too (repeat)" },
	{ 0, "kallsyms", "FILE", NAMING, OPTION_TEXT, FIELD(symbols.kallsyms),
	  "kernel names for a recording that has none" },
	{ 0, "debuginfod", NULL, NAMING, OPTION_FLAG, FIELD(symbols.debuginfod),
	  "fetch missing debug files from the servers in DEBUGINFOD_URLS" },
	{ 0, "no-inline", NULL, NAMING, OPTION_FLAG, FIELD(symbols.no_inline),
	  "no frames for inlined functions" },
	{ 0, "demangle", "HOW", NAMING, OPTION_OTHER, 0, "full, short or none (full)" },
	{ 0, "jobs", "N", NAMING, OPTION_OTHER, 0, "modules read at the same time (one per CPU)" },
	{ 0, "progress", "WHEN", NAMING, OPTION_OTHER, 0,
	  "how far reading and naming are: auto (on a terminal) or never (auto)" },
	{ 0, "missing", NULL, COMMAND_INFO, OPTION_FLAG, FIELD(missing),
	  "only what has no names, why, and which package or file would mend it" },
	{ 0, "min-named", "PCT", COMMAND_INFO | COMMAND_DB, OPTION_OTHER, 0,
	  "exit status 4 when fewer of the frames have names" },
	{ 0, "color", "WHEN", COMMAND_SUMMARY, OPTION_OTHER, 0,
	  "auto (on a terminal, unless NO_COLOR is set), always or never" },
	{ 0, "quiet", NULL, ALL, OPTION_FLAG, FIELD(quiet), "no notes on stderr" },
	{ 'v', "verbose", NULL, ALL, OPTION_FLAG, FIELD(verbose), "more of them" },
	{ 'V', "version", NULL, ALL, OPTION_FLAG, FIELD(version), "print the version" },
	{ 'h', "help", NULL, ALL, OPTION_FLAG, FIELD(help), "print this" },
};
const size_t option_spec_cnt = ARRAY_SIZE(option_specs);

/* ---- values ------------------------------------------------------------- */

static int add_debug_dir(struct report_options *o, const char *dir, struct err *err)
{
	const char **dirs = (const char **)o->symbols.debug_dirs; /* ours; const for its users */
	size_t n = 0;

	while (dirs && dirs[n])
		n++;
	dirs = realloc(dirs, (n + 2) * sizeof(*dirs));
	if (!dirs)
		return err_set(err, -ENOMEM, "out of memory");
	dirs[n] = dir;
	dirs[n + 1] = NULL;
	o->symbols.debug_dirs = dirs;
	return 0;
}

static int set_min_named(struct report_options *o, const char *value, struct err *err)
{
	char *end;
	double pct = strtod(value, &end);

	if (end == value || *end || !(pct >= 0 && pct <= 100))
		return err_set(err, -EINVAL, "'%s' is not a percentage from 0 to 100", value);
	o->min_named = pct;
	return 0;
}

static int set_other(struct report_options *o, const char *name, const char *value, struct err *err)
{
	uint64_t n;
	int rc;

	if (!strcmp(name, "debug-dir"))
		return add_debug_dir(o, value, err);
	if (!strcmp(name, "min-named"))
		return set_min_named(o, value, err);
	if (!strcmp(name, "jobs")) {
		rc = parse_number(value, 1024, &n, err);
		o->symbols.jobs = rc ? 0 : (unsigned)n;
		return rc;
	}
	if (!strcmp(name, "color")) {
		o->color = value;
		return strcmp(value, "auto") && strcmp(value, "always") && strcmp(value, "never") ?
			       err_set(err, -EINVAL, "'%s' is not auto, always or never", value) :
			       0;
	}
	if (!strcmp(name, "progress")) {
		o->no_progress = !strcmp(value, "never");
		return strcmp(value, "auto") && !o->no_progress ?
			       err_set(err, -EINVAL, "'%s' is not auto or never", value) :
			       0;
	}
	if (!strcmp(value, "full"))
		o->symbols.demangle = DEMANGLE_FULL;
	else if (!strcmp(value, "short"))
		o->symbols.demangle = DEMANGLE_SHORT;
	else if (!strcmp(value, "none"))
		o->symbols.demangle = DEMANGLE_NONE;
	else
		return err_set(err, -EINVAL, "'%s' is not a way to demangle (full, short, none)",
			       value);
	return 0;
}

int option_set(struct report_options *o, const struct option_spec *spec, const char *value,
		      struct err *err)
{
	void *field = (char *)o + spec->field;
	int rc = 0;

	switch (spec->kind) {
	case OPTION_FILTER:
		rc = filter_set(&o->filter, spec->name, value, err);
		break;
	case OPTION_TEXT:
		*(const char **)field = value;
		break;
	case OPTION_FLAG:
		*(bool *)field = true;
		break;
	case OPTION_NUMBER:
		rc = parse_number(value, INT64_MAX, field, err);
		break;
	case OPTION_OTHER:
		rc = set_other(o, spec->name, value, err);
		break;
	}
	if (rc == -EINVAL)
		err_prefix(err, "--%s", spec->name);
	return rc;
}

/* ---- names -------------------------------------------------------------- */

size_t option_distance(const char *a, const char *b)
{
	size_t row[64], n = strlen(b);

	if (n >= ARRAY_SIZE(row) || strlen(a) > ARRAY_SIZE(row))
		return SIZE_MAX;
	for (size_t j = 0; j <= n; j++)
		row[j] = j;
	for (; *a; a++) {
		size_t diag = row[0]++;

		for (size_t j = 1; j <= n; j++) {
			size_t best = diag + (*a != b[j - 1]);

			diag = row[j];
			best = row[j] + 1 < best ? row[j] + 1 : best;
			row[j] = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
		}
	}
	return row[n];
}

int option_unknown(const struct report_options *o, const char *arg, const char *name,
			  size_t len, struct err *err)
{
	_cleanup_free_ char *word = strndup(name, len);
	const char *nearest = NULL;
	size_t best = 4;

	for (size_t i = 0; word && i < option_spec_cnt; i++) {
		size_t d = option_distance(word, option_specs[i].name);

		if ((option_specs[i].commands & o->command) &&
		    (d < best || (len >= 3 && !strncmp(option_specs[i].name, word, len)))) {
			best = d;
			nearest = option_specs[i].name;
		}
	}
	err_set(err, -EINVAL, "unknown option '%s'", arg);
	if (nearest)
		err_hint(err, "the nearest is --%s", nearest);
	else
		err_hint(
			err,
			"varve-report --help lists commands, varve-report COMMAND --help their options");
	return -EINVAL;
}

const struct option_spec *option_find_long(uint32_t command, const char *name, size_t len)
{
	for (size_t i = 0; i < option_spec_cnt; i++)
		if (strlen(option_specs[i].name) == len && !strncmp(option_specs[i].name, name, len) &&
		    (option_specs[i].commands & command))
			return &option_specs[i];
	return NULL;
}

const struct option_spec *option_find_letter(uint32_t command, char letter)
{
	for (size_t i = 0; i < option_spec_cnt; i++)
		if (option_specs[i].letter == letter && (option_specs[i].commands & command))
			return &option_specs[i];
	/* -q means --quiet everywhere but for sql, where it names a question */
	return letter == 'q' ? option_find_long(command, "quiet", 5) : NULL;
}
