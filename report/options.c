// SPDX-License-Identifier: BSD-2-Clause
#include "report/options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "report/cmd.h"
#include "report/option_specs.h"

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
	return option_set(p->o, spec, value, err);
}

static int parse_long(struct parser *p, const char *word, struct err *err)
{
	const char *name = word + 2;
	size_t len = strcspn(name, "=");
	const struct option_spec *spec = option_find_long(p->o->command, name, len);

	if (!spec)
		return option_unknown(p->o, word, name, len, err);
	return take_value(p, spec, name[len] ? name + len + 1 : NULL, err);
}

/* "-vq", "-oFILE", "-o FILE" */
static int parse_letters(struct parser *p, const char *word, struct err *err)
{
	for (const char *c = word + 1; *c; c++) {
		const struct option_spec *spec = option_find_letter(p->o->command, *c);

		if (!spec)
			return option_unknown(p->o, word, "", 0, err);
		if (spec->arg)
			return take_value(p, spec, c[1] ? c + 1 : NULL, err);
		if (option_set(p->o, spec, NULL, err))
			return -EINVAL;
	}
	return 0;
}

/* What is not an option: the statement of sql, or an input. */
static void take_word(struct report_options *o, const char *word)
{
	struct stat st;

	if (o->command == COMMAND_SQL && !o->sql && strcmp(word, "-") && stat(word, &st) < 0 &&
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
		if (option_distance(word, c->name) < best) {
			best = option_distance(word, c->name);
			nearest = c->name;
		}
	err_set(err, -EINVAL, "'%s' is neither a command nor a file", word);
	if (nearest)
		err_hint(err, "the nearest command is %s", nearest);
	else
		err_hint(err, "varve-report --help lists the commands");
	return -EINVAL;
}

/* What is about waits makes them the event. */
static int choose_event(struct filter *f, struct err *err)
{
	if ((f->offwake || f->states) && f->event == FILTER_ON_CPU)
		f->event = FILTER_OFF_CPU;
	if (f->offwake && f->event != FILTER_OFF_CPU)
		return err_set(err, -EINVAL, "--offwake is about waits: --event off-cpu");
	if (f->states && f->event == FILTER_OOM)
		return err_set(err, -EINVAL, "--state is about waits: --event off-cpu, run-queue or wakeup");
	return 0;
}

static int check(struct report_options *o, struct err *err)
{
	if (choose_event(&o->filter, err))
		return -EINVAL;
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
	if (o->command == COMMAND_SQL)
		return cmd_sql_check(o, err);
	if (o->command == COMMAND_TOP)
		return cmd_top_check(o, err);
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
