// SPDX-License-Identifier: BSD-2-Clause
#include "report/options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "formats/cleanup.h"
#include "report/cmd.h"
#include "report/parse.h"

#define EVENTS (COMMAND_FOLDED | COMMAND_TOP | COMMAND_FLAME | COMMAND_EXPORT)
#define QUERIES (EVENTS | COMMAND_SUMMARY)
#define NAMING (COMMAND_DB | QUERIES | COMMAND_SQL | COMMAND_INFO)
#define ALL (NAMING | COMMAND_SCHEMA | COMMAND_VERIFY | COMMAND_BUNDLE)

enum option_kind {
	OPTION_FILTER, /* the name is filter_set()'s */
	OPTION_TEXT,   /* const char * at .field */
	OPTION_FLAG,   /* bool at .field */
	OPTION_NUMBER, /* uint64_t at .field */
	OPTION_OTHER,  /* set_other() */
};

struct option_spec {
	char letter; /* 0: none */
	const char *name;
	const char *arg; /* NULL: a flag */
	uint32_t commands;
	enum option_kind kind;
	size_t field;
	const char *help;
};

#define FIELD(f) offsetof(struct report_options, f)

/* In the order of the help. */
static const struct option_spec specs[] = {
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

static int set_option(struct report_options *o, const struct option_spec *spec, const char *value,
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

/* Edit distance, for "did you mean": small texts only. */
static size_t distance(const char *a, const char *b)
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

static int unknown_option(const struct report_options *o, const char *arg, const char *name,
			  size_t len, struct err *err)
{
	_cleanup_free_ char *word = strndup(name, len);
	const char *nearest = NULL;
	size_t best = 4;

	for (size_t i = 0; word && i < ARRAY_SIZE(specs); i++) {
		size_t d = distance(word, specs[i].name);

		if ((specs[i].commands & o->command) &&
		    (d < best || (len >= 3 && !strncmp(specs[i].name, word, len)))) {
			best = d;
			nearest = specs[i].name;
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

static const struct option_spec *find_long(uint32_t command, const char *name, size_t len)
{
	for (size_t i = 0; i < ARRAY_SIZE(specs); i++)
		if (strlen(specs[i].name) == len && !strncmp(specs[i].name, name, len) &&
		    (specs[i].commands & command))
			return &specs[i];
	return NULL;
}

static const struct option_spec *find_letter(uint32_t command, char letter)
{
	for (size_t i = 0; i < ARRAY_SIZE(specs); i++)
		if (specs[i].letter == letter && (specs[i].commands & command))
			return &specs[i];
	/* -q means --quiet everywhere but for sql, where it names a question */
	return letter == 'q' ? find_long(command, "quiet", 5) : NULL;
}

/* ---- words -------------------------------------------------------------- */

struct parser {
	struct report_options *o;
	char **argv;
	int argc, at;
};

static const char *next_word(struct parser *p)
{
	return p->at + 1 < p->argc ? p->argv[++p->at] : NULL;
}

static int take_value(struct parser *p, const struct option_spec *spec, const char *inline_value,
		      struct err *err)
{
	const char *value = inline_value;

	if (!spec->arg) {
		if (inline_value)
			return err_set(err, -EINVAL, "--%s takes no value", spec->name);
	} else if (!value) {
		value = next_word(p);
		if (!value)
			return err_set(err, -EINVAL, "--%s wants a value: %s", spec->name,
				       spec->arg);
	}
	return set_option(p->o, spec, value, err);
}

static int parse_long(struct parser *p, const char *word, struct err *err)
{
	const char *name = word + 2;
	size_t len = strcspn(name, "=");
	const struct option_spec *spec = find_long(p->o->command, name, len);

	if (!spec)
		return unknown_option(p->o, word, name, len, err);
	return take_value(p, spec, name[len] ? name + len + 1 : NULL, err);
}

/* "-vq", "-oFILE", "-o FILE" */
static int parse_letters(struct parser *p, const char *word, struct err *err)
{
	for (const char *c = word + 1; *c; c++) {
		const struct option_spec *spec = find_letter(p->o->command, *c);

		if (!spec)
			return unknown_option(p->o, word, "", 0, err);
		if (spec->arg)
			return take_value(p, spec, c[1] ? c + 1 : NULL, err);
		if (set_option(p->o, spec, NULL, err))
			return -EINVAL;
	}
	return 0;
}

/* What is not an option: the statement of sql, or an input. */
static void take_word(struct report_options *o, const char *word)
{
	struct stat st;

	if (o->command == COMMAND_SQL && !o->sql && strcmp(word, "-") &&
	    (strpbrk(word, " \t\n") || stat(word, &st) < 0) &&
	    (strpbrk(word, " \t\n") || o->input_cnt))
		o->sql = word;
	else
		o->inputs[o->input_cnt++] = word;
}

static const struct command *find_command(const char *word)
{
	for (const struct command *c = commands; c->name; c++)
		if (!strcmp(c->name, word))
			return c;
	return NULL;
}

static int unknown_command(const char *word, struct err *err)
{
	const char *nearest = NULL;
	size_t best = 3;

	for (const struct command *c = commands; c->name; c++)
		if (distance(word, c->name) < best) {
			best = distance(word, c->name);
			nearest = c->name;
		}
	err_set(err, -EINVAL, "'%s' is neither a command nor a file", word);
	if (nearest)
		err_hint(err, "the nearest command is %s", nearest);
	else
		err_hint(err, "varve-report --help lists the commands");
	return -EINVAL;
}

static int check(struct report_options *o, struct err *err)
{
	if (o->filter.offwake && o->filter.event == FILTER_ON_CPU)
		o->filter.event = FILTER_OFF_CPU;
	if (o->filter.offwake && o->filter.event != FILTER_OFF_CPU)
		return err_set(err, -EINVAL, "--offwake is about waits: --event off-cpu");
	if (o->help || o->version || o->list || (o->command == COMMAND_SUMMARY && !o->input_cnt))
		return 0;
	if (!o->input_cnt && o->command != COMMAND_SCHEMA) {
		err_set(err, -EINVAL, "no input");
		err_hint(err, "give a recording (recording.varve) or a database made from one");
		return -EINVAL;
	}
	if (o->command == COMMAND_SQL && !o->sql == !o->question)
		return err_set(err, -EINVAL,
			       o->sql ? "a statement or -q NAME, not both" :
					"no statement: give one, or -q NAME (--list)");
	if (o->command == COMMAND_FLAME)
		return cmd_flame_check(o, err);
	if (o->command == COMMAND_BUNDLE)
		return cmd_bundle_check(o, err);
	return o->command == COMMAND_EXPORT ? cmd_export_check(o, err) : 0;
}

int report_options_parse(int argc, char **argv, struct report_options *ret, struct err *err)
{
	struct report_options o = { .command = COMMAND_SUMMARY };
	struct parser p = { .o = &o, .argv = argv, .argc = argc };
	const struct command *c = argc > 1 ? find_command(argv[1]) : NULL;
	bool only_words = false;
	struct stat st;
	int rc = 0;

	if (c) {
		o.command = c->id;
		p.at = 1;
	} else if (argc > 1 && argv[1][0] != '-' && stat(argv[1], &st) < 0) {
		return unknown_command(argv[1], err);
	}
	o.inputs = calloc((size_t)argc + 1, sizeof(*o.inputs));
	if (!o.inputs)
		return err_set(err, -ENOMEM, "out of memory");
	while (++p.at < argc && !rc) {
		const char *word = argv[p.at];

		if (only_words || word[0] != '-' || !word[1])
			take_word(&o, word);
		else if (!strcmp(word, "--"))
			only_words = true;
		else
			rc = word[1] == '-' ? parse_long(&p, word, err) :
					      parse_letters(&p, word, err);
	}
	rc = rc ?: check(&o, err);
	if (rc) {
		report_options_deinit(&o);
		return rc;
	}
	*ret = o;
	return 0;
}

void report_options_deinit(struct report_options *o)
{
	filter_deinit(&o->filter);
	free((void *)o->symbols.debug_dirs);
	free(o->inputs);
	memset(o, 0, sizeof(*o));
}

/* ---- help --------------------------------------------------------------- */

static void help_option(const struct option_spec *s, FILE *out)
{
	char left[64];

	snprintf(left, sizeof(left), "%c%c%s--%s%s%s", s->letter ? '-' : ' ', s->letter ?: ' ',
		 s->letter ? ", " : "  ", s->name, s->arg ? " " : "", s->arg ?: "");
	fprintf(out, "  %-26s %s\n", left, s->help);
}

static const struct {
	enum command_id command;
	const char *text;
} examples[] = {
	{ COMMAND_SUMMARY, "recording.varve" },
	{ COMMAND_SUMMARY, "flame recording.varve -o x.html" },
	{ COMMAND_SUMMARY, "sql recording.varve -q where-waits --comm nginx" },
	{ COMMAND_DB, "db recording.varve -o x.db" },
	{ COMMAND_DB, "db monday.varve tuesday.varve -o both.db" },
	{ COMMAND_FOLDED, "folded recording.varve --event off-cpu --comm nginx" },
	{ COMMAND_FOLDED, "folded recording.varve --offwake --time 5s,10s" },
	{ COMMAND_TOP, "top recording.varve --by module --cgroup /system.slice" },
	{ COMMAND_TOP, "top recording.varve --event run-queue --by process" },
	{ COMMAND_SQL, "sql --list" },
	{ COMMAND_SQL, "sql recording.varve -q wakeup-chain --comm nginx" },
	{ COMMAND_SQL, "sql recording.varve \"SELECT process, cpu_ns FROM process_cpu\" --format csv" },
	{ COMMAND_SCHEMA, "schema | less" },
	{ COMMAND_INFO, "info recording.varve" },
	{ COMMAND_VERIFY, "verify recording.varve --json" },
	{ COMMAND_FLAME, "flame recording.varve -o x.html" },
	{ COMMAND_FLAME, "flame recording.varve --event off-cpu --comm nginx -o waits.svg" },
	{ COMMAND_FLAME, "flame after.varve --diff before.varve -o diff.html" },
	{ COMMAND_EXPORT, "export recording.varve -o x.pb.gz" },
	{ COMMAND_EXPORT, "export recording.varve -o x.pftrace" },
	{ COMMAND_BUNDLE, "bundle recording.varve -o names.bundle" },
};

static void help_examples(enum command_id command, FILE *out)
{
	fputs("\nexamples\n", out);
	for (size_t i = 0; i < ARRAY_SIZE(examples); i++)
		if (examples[i].command == command)
			fprintf(out, "  varve-report %s\n", examples[i].text);
}

void report_options_help(enum command_id command, FILE *out)
{
	for (const struct command *c = commands; c->name && command != COMMAND_SUMMARY; c++)
		if (c->id == command)
			fprintf(out, "usage: varve-report %s %s\n%s\n\n", c->name, c->args,
				c->help);
	if (command == COMMAND_SUMMARY) {
		fprintf(out,
			"usage: varve-report COMMAND INPUT… [options]\n"
			"INPUT: recordings (files, segments, - for stdin) or a database made from them\n\ncommands\n");
		for (const struct command *c = commands; c->name; c++)
			fprintf(out, "  %-10s %s\n", c->name, c->help);
		fprintf(out,
			"\nvarve-report FILE alone shows the first page; it takes --pid, --tid, --comm, --cgroup, --recording, --time and --color."
			"\nvarve-report COMMAND --help lists its options, with examples.\n");
		help_examples(COMMAND_SUMMARY, out);
		return;
	}
	fprintf(out, "options\n");
	for (size_t i = 0; i < ARRAY_SIZE(specs); i++)
		if (specs[i].commands & command)
			help_option(&specs[i], out);
	help_examples(command, out);
}
