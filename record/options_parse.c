// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <getopt.h>
#include <string.h>

#include "formats/cleanup.h"
#include "record/options_lists.h"
#include "record/options_private.h"
#include "record/redact.h"

#define LONG_BASE 256 /* getopt_long() returns LONG_BASE + index in the table */

/* ret_short: 3 bytes per row; ret_long: one per row and a terminator. */
static void build_getopt(char *ret_short, struct option *ret_long)
{
	*ret_short++ = '+'; /* stop at the command: its options are its own */
	*ret_short++ = ':'; /* tell a missing argument from an unknown option */
	for (size_t i = 0; i < option_row_cnt; i++) {
		if (!option_rows[i].long_name)
			continue;
		ret_long->name = option_rows[i].long_name;
		ret_long->has_arg = option_rows[i].arg ? required_argument : no_argument;
		ret_long->flag = NULL;
		ret_long->val = LONG_BASE + (int)i;
		ret_long++;
		if (!option_rows[i].short_name)
			continue;
		*ret_short++ = option_rows[i].short_name;
		if (option_rows[i].arg)
			*ret_short++ = ':';
	}
	*ret_short = '\0';
	memset(ret_long, 0, sizeof(*ret_long));
}

static const struct option_row *find_row(int c)
{
	if (c >= LONG_BASE)
		return &option_rows[c - LONG_BASE];
	for (size_t i = 0; i < option_row_cnt; i++)
		if (option_rows[i].short_name && option_rows[i].short_name == c)
			return &option_rows[i];
	return NULL;
}

static int unknown_option(const char *word, struct err *err)
{
	const char *best = NULL;
	size_t len = strcspn(word, "="), best_d = SIZE_MAX;

	err_set(err, -EINVAL, "unknown option '%.*s'", (int)len, word);
	for (size_t i = 0; i < option_row_cnt; i++) {
		size_t d;

		if (!option_rows[i].long_name || strncmp(word, "--", 2))
			continue;
		d = options_edit_distance(word + 2, len - 2, option_rows[i].long_name);
		if (d < best_d) {
			best_d = d;
			best = option_rows[i].long_name;
		}
	}
	if (best && best_d <= 2 + len / 4)
		err_hint(err, "did you mean --%s?", best);
	else
		err_hint(err, "varve-record --help lists the options");
	return -EINVAL;
}

/* getopt said '?': an unknown option, or an abbreviation of several. word is what it looked at. */
static int refuse_option(int opt, const char *word, struct err *err)
{
	char short_word[3] = { '-', (char)opt, '\0' };

	if (opt >= LONG_BASE) /* known, so what is wrong is "=value" on one that takes none */
		return err_set(err, -EINVAL, "--%s takes no argument (got '%s')",
			       option_rows[opt - LONG_BASE].long_name, word);
	return unknown_option(opt ? short_word : word, err);
}

static int check_target(struct options *o, struct err *err)
{
	bool has_ids = o->pids.cnt || o->tids.cnt;

	if (o->all_cpus && has_ids)
		return err_set(err, -EINVAL, "-a and -p or -t exclude each other");
	if (o->command && has_ids)
		return err_set(err, -EINVAL, "a command and -p or -t exclude each other");
	if (o->help || o->version || o->list_events || o->check)
		return 0;
	if (o->bundle && o->anonymize)
		return err_set(err, -EINVAL, "--bundle and --anonymize exclude each other: debug information has paths in it");
	if (o->json && !strcmp(o->output, "-"))
		return err_set(err, -EINVAL, "--json and -o - would both write to standard output");
	if (!o->command && !has_ids && !o->cgroups.cnt)
		o->all_cpus = true;
	return options_settle_files(o, err);
}

static int parse_all(int argc, char **argv, struct options *o, struct err *err)
{
	char short_opts[3 * option_row_cnt + 3];
	struct option long_opts[option_row_cnt + 1];
	const struct option_row *row;
	int c, r, at;

	build_getopt(short_opts, long_opts);
	optind = 0; /* glibc: start afresh, also after an earlier call */
	opterr = 0;
	for (;;) {
		at = optind ? optind : 1;
		c = getopt_long(argc, argv, short_opts, long_opts, NULL);
		if (c == -1)
			break;
		if (c == '?')
			return refuse_option(optopt, argv[at], err);
		if (c == ':')
			return err_set(err, -EINVAL, "option '%s' wants %s", argv[at],
				       find_row(optopt) ? find_row(optopt)->arg : "an argument");
		row = find_row(c);
		r = row->set(o, optarg, err);
		if (r < 0)
			return r;
	}
	if (optind < argc)
		o->command = argv + optind;
	return check_target(o, err);
}

int options_parse(int argc, char **argv, struct options *ret, struct err *err)
{
	struct options o;
	int r;

	options_set_defaults(&o);
	r = parse_all(argc, argv, &o, err);
	if (r < 0) {
		options_deinit(&o);
		return r;
	}
	*ret = o;
	return 0;
}

void options_deinit(struct options *o)
{
	free(o->pids.ids);
	free(o->tids.ids);
	free(o->uids.ids);
	free(o->cpus.ids);
	text_list_deinit(&o->cgroups);
	text_list_deinit(&o->comms);
	text_list_deinit(&o->no_comms);
	redact_destroy(o->cmdline.redact);
	memset(o, 0, sizeof(*o));
}
