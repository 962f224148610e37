// SPDX-License-Identifier: BSD-2-Clause
#include "record/options.h"

#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <string.h>

#include "formats/cleanup.h"
#include "formats/event.h"
#include "record/options_lists.h"
#include "record/options_private.h"
#include "record/redact.h"

static const struct {
	const char *name;
	uint32_t bit;
	bool is_default;
	const char *cost;
} events[] = {
	{ "on-cpu", EVENTS_ON_CPU, true,
	  "one stack per busy CPU and 1/FREQ s: a timer interrupt each" },
	{ "off-cpu", EVENTS_OFF_CPU, true,
	  "a hook on each context switch and wakeup; stacks only of waits >= --off-cpu-thresh" },
	{ "sched", EVENTS_SCHED, false,
	  "every switch, wakeup and migration is written: the most data of all" },
	{ "oom", EVENTS_OOM, true, "nothing until a kill; memory counters once a second" },
	{ "task", EVENTS_TASK, true, "a hook on each fork, exec, rename and exit" },
};

/* ---- one setter per option -------------------------------------------------------------------------------- */

static int set_all(struct options *o, const char *arg, struct err *err)
{
	o->all_cpus = true;
	return 0;
}

static int set_pid(struct options *o, const char *arg, struct err *err)
{
	return option_ids("-p", arg, INT_MAX, &o->pids, err);
}

static int set_tid(struct options *o, const char *arg, struct err *err)
{
	return option_ids("-t", arg, INT_MAX, &o->tids, err);
}

static int set_uid(struct options *o, const char *arg, struct err *err)
{
	const struct passwd *pw;
	int r;

	if (*arg >= '0' && *arg <= '9')
		return option_ids("-u", arg, UINT32_MAX - 1, &o->uids, err);
	pw = getpwnam(arg);
	if (!pw)
		return err_set(err, -EINVAL, "-u '%s': no such user", arg);
	r = id_list_add(&o->uids, pw->pw_uid);
	return r ? err_set(err, r, "out of memory") : 0;
}

static int set_cgroup(struct options *o, const char *arg, struct err *err)
{
	return option_texts("-G", arg, &o->cgroups, err);
}

static int set_cpus(struct options *o, const char *arg, struct err *err)
{
	struct id_list list = {};
	int r = options_parse_cpus(arg, &list);

	for (size_t i = 0; !r && i < list.cnt; i++)
		r = id_list_add(&o->cpus, list.ids[i]);
	free(list.ids);
	if (r == -ENOMEM)
		return err_set(err, r, "out of memory");
	return r ? err_set(err, -EINVAL, "-C '%s': want CPUs such as 0-3,8", arg) : 0;
}

static int set_comm(struct options *o, const char *arg, struct err *err)
{
	return option_texts("--comm", arg, &o->comms, err);
}

static int set_no_comm(struct options *o, const char *arg, struct err *err)
{
	return option_texts("--no-comm", arg, &o->no_comms, err);
}

static int set_no_kthreads(struct options *o, const char *arg, struct err *err)
{
	o->no_kthreads = true;
	return 0;
}

static int set_no_inherit(struct options *o, const char *arg, struct err *err)
{
	o->no_inherit = true;
	return 0;
}

static int set_events(struct options *o, const char *arg, struct err *err)
{
	struct text_list list = {};
	uint32_t set = 0;
	int r = option_texts("-e", arg, &list, err);

	for (size_t i = 0; !r && i < list.cnt; i++) {
		size_t n = 0;

		while (n < ARRAY_SIZE(events) && strcmp(list.items[i], events[n].name))
			n++;
		if (!strcmp(list.items[i], "all"))
			set |= EVENTS_ALL;
		else if (n < ARRAY_SIZE(events))
			set |= events[n].bit;
		else
			r = err_set(err, -EINVAL,
				    "-e '%s': want a list of on-cpu, off-cpu, sched, oom, task, all",
				    list.items[i]);
	}
	text_list_deinit(&list);
	if (!r)
		o->events = set;
	return r;
}

static int set_list(struct options *o, const char *arg, struct err *err)
{
	o->list_events = true;
	return 0;
}

static int set_freq(struct options *o, const char *arg, struct err *err)
{
	uint64_t v = UINT32_MAX;
	int r = 0;

	if (strcmp(arg, "max"))
		r = option_number("-F", arg, 1, 1000000, &v, err);
	if (!r)
		o->freq = (uint32_t)v;
	return r;
}

static int set_thresh(struct options *o, const char *arg, struct err *err)
{
	return option_duration("--off-cpu-thresh", arg, 0, &o->off_cpu_thresh_ns, err);
}

static int set_stacks(struct options *o, const char *arg, struct err *err)
{
	return 0; /* stacks are always taken; perf's habit must not be an error */
}

static int set_max_stack(struct options *o, const char *arg, struct err *err)
{
	uint64_t v = 0;
	int r = option_number("--max-stack", arg, 1, STACK_DEPTH_MAX, &v, err);

	if (!r)
		o->max_stack = (uint32_t)v;
	return r;
}

static int set_call_graph(struct options *o, const char *arg, struct err *err)
{
	static const char *const words[] = { "auto", "fp", "none", NULL };
	int i = option_word("--call-graph", arg, words, err);

	if (i >= 0)
		o->call_graph = (enum options_call_graph)i;
	return i < 0 ? i : 0;
}

static int set_no_slices(struct options *o, const char *arg, struct err *err)
{
	o->no_stack_slices = true;
	return 0;
}

static int set_output(struct options *o, const char *arg, struct err *err)
{
	if (!*arg)
		return err_set(err, -EINVAL, "-o '': want a file name, or - for standard output");
	o->output = arg;
	o->output_is_default = false;
	return 0;
}

static int set_force(struct options *o, const char *arg, struct err *err)
{
	o->force = true;
	return 0;
}

static int set_level(struct options *o, const char *arg, struct err *err)
{
	uint64_t v = 0;
	int r = option_number("-z", arg, 1, 19, &v, err);

	if (!r)
		o->level = (int)v;
	return r;
}

static int set_sync(struct options *o, const char *arg, struct err *err)
{
	return option_duration("--sync", arg, 1000000000, &o->sync_ns, err);
}

static int set_duration(struct options *o, const char *arg, struct err *err)
{
	int r = option_duration("--duration", arg, 1000000000, &o->duration_ns, err);

	if (!r && !o->duration_ns)
		r = err_set(err, -EINVAL, "--duration '%s': nothing would be recorded", arg);
	return r;
}

static int set_symbols(struct options *o, const char *arg, struct err *err)
{
	static const char *const words[] = { "hit", "all", "none", NULL };
	int i = option_word("--symbols", arg, words, err);

	if (i >= 0)
		o->symbols = (enum options_symbols)i;
	return i < 0 ? i : 0;
}

static int set_bundle(struct options *o, const char *arg, struct err *err)
{
	if (!strcmp(arg, "-"))
		return err_set(err, -EINVAL, "--bundle: a file, not standard output");
	o->bundle = arg;
	return 0;
}

static int set_cmdline(struct options *o, const char *arg, struct err *err)
{
	static const char *const words[] = { "none", "first", "full", NULL };
	int i = option_word("--cmdline", arg, words, err);

	if (i >= 0)
		o->cmdline.keep = (enum options_cmdline)i;
	return i < 0 ? i : 0;
}

static int set_redact(struct options *o, const char *arg, struct err *err)
{
	return redact_add(&o->cmdline.redact, arg, err);
}

static int set_anonymize(struct options *o, const char *arg, struct err *err)
{
	o->anonymize = true;
	return 0;
}

static int set_check(struct options *o, const char *arg, struct err *err)
{
	o->check = true;
	return 0;
}

static int set_quiet(struct options *o, const char *arg, struct err *err)
{
	o->quiet = true;
	return 0;
}

static int set_verbose(struct options *o, const char *arg, struct err *err)
{
	o->verbose++;
	return 0;
}

static int set_json(struct options *o, const char *arg, struct err *err)
{
	o->json = true;
	return 0;
}

static int set_progress(struct options *o, const char *arg, struct err *err)
{
	static const char *const words[] = { "auto", "never", NULL };
	int i = option_word("--progress", arg, words, err);

	if (i >= 0)
		o->no_progress = i == 1;
	return i < 0 ? i : 0;
}

static int set_version(struct options *o, const char *arg, struct err *err)
{
	o->version = true;
	return 0;
}

static int set_help(struct options *o, const char *arg, struct err *err)
{
	o->help = true;
	return 0;
}

/* ---- the table: parser, --help, and what man page and completions are compared with ---------------------- */

const struct option_row option_rows[] = {
	{ NULL, 0, NULL, "what to record", NULL },
	{ "all-cpus", 'a', NULL, "everything (default without command, -p, -t or -G)", set_all },
	{ "pid", 'p', "PID,...", "these processes and, later, their children", set_pid },
	{ "tid", 't', "TID,...", "these threads", set_tid },
	{ "uid", 'u', "UID,...", "tasks of these users (numbers, or one name)", set_uid },
	{ "cgroup", 'G', "PATH,...", "tasks in these cgroups and those below", set_cgroup },
	{ "cpu", 'C', "CPULIST", "these CPUs only, such as 0-3,8", set_cpus },
	{ "comm", 0, "GLOB,...", "tasks whose name matches", set_comm },
	{ "no-comm", 0, "GLOB,...", "not tasks whose name matches", set_no_comm },
	{ "no-kthreads", 0, NULL, "not kernel threads", set_no_kthreads },
	{ "no-inherit", 'i', NULL, "not the children a target creates later", set_no_inherit },
	{ NULL, 0, NULL, "events and stacks", NULL },
	{ "event", 'e', "LIST", "on-cpu, off-cpu, sched, oom, task or all", set_events },
	{ "list", 0, NULL, "show each event with what it costs, and exit", set_list },
	{ "freq", 'F', "HZ", "samples per CPU and second, or max (99)", set_freq },
	{ "off-cpu-thresh", 0, "DUR", "shorter waits are summed, without stacks (100us)", set_thresh },
	{ "stacks", 'g', NULL, "accepted: stacks are always taken", set_stacks },
	{ "max-stack", 0, "N", "frames kept of a stack, leaf first (512)", set_max_stack },
	{ "call-graph", 0, "HOW", "auto, fp or none (auto)", set_call_graph },
	{ "no-stack-slices", 0, NULL, "never copy stack memory out of the kernel", set_no_slices },
	{ NULL, 0, NULL, "output", NULL },
	{ "output", 'o', "FILE", "recording.varve, - for standard output", set_output },
	{ "force", 'f', NULL, "replace FILE if it exists", set_force },
	{ "compression-level", 'z', "N", "zstd level, 1 to 19 (3)", set_level },
	{ "sync", 0, "DUR", "flush to the disk this often, 0: only at the end", set_sync },
	{ "rotate", 0, "SIZE|DUR", "go on in a new file at this: NAME.000001.varve", option_set_rotate },
	{ "keep", 0, "N|SIZE|DUR", "and delete the oldest beyond this", option_set_keep },
	{ "max-size", 0, "SIZE", "stop when this much is on the disk", option_set_max_size },
	{ "min-free", 0, "SIZE", "stop when less than this is left on the disk", option_set_min_free },
	{ "flight", 0, "DUR|SIZE", "keep only the last of it, in memory", option_set_flight },
	{ "snapshot-on", 0, "LIST", "write it on oom, off-cpu>DUR, exit!=0, ...", option_set_snapshot_on },
	{ "tail", 0, "DUR", "and so long after that (0)", option_set_tail },
	{ "symbols", 0, "WHICH", "names to put in: hit, all or none (hit)", set_symbols },
	{ "bundle", 0, "FILE", "pack what full symbolization elsewhere needs", set_bundle },
	{ "cmdline", 0, "HOW", "command lines to keep: none, first or full (none)", set_cmdline },
	{ "redact", 0, "REGEX", "hide what matches in them, besides passwords", set_redact },
	{ "anonymize", 0, NULL, "leave out what names the host and its users", set_anonymize },
	{ NULL, 0, NULL, "the run", NULL },
	{ "duration", 0, "DUR", "stop after it; a plain number counts seconds", set_duration },
	{ "check", 0, NULL, "try what recording needs, say what mends it", set_check },
	{ "quiet", 'q', NULL, "print errors only", set_quiet },
	{ "verbose", 'v', NULL, "print more; twice for libbpf's messages", set_verbose },
	{ "json", 0, NULL, "summary (and --check) as JSON on standard output", set_json },
	{ "progress", 0, "WHEN", "auto (on a terminal) or never (auto)", set_progress },
	{ "version", 'V', NULL, "print the version, and exit", set_version },
	{ "help", 'h', NULL, "print this, and exit", set_help },
};

const size_t option_row_cnt = ARRAY_SIZE(option_rows);

bool options_describe(size_t n, const char **ret_long, char *ret_short, const char **ret_arg)
{
	for (size_t i = 0; i < option_row_cnt; i++) {
		if (!option_rows[i].long_name || n--)
			continue;
		*ret_long = option_rows[i].long_name;
		*ret_short = option_rows[i].short_name;
		*ret_arg = option_rows[i].arg;
		return true;
	}
	return false;
}

void options_print_help(FILE *f)
{
	fputs("usage: varve-record [options] [--] [command [args...]]\n"
	      "Records what a Linux host does and why it waits, into one file for varve-report.\n",
	      f);
	for (size_t i = 0; i < option_row_cnt; i++) {
		const struct option_row *r = &option_rows[i];
		int n;

		if (!r->long_name) {
			fprintf(f, "\n%s\n", r->help);
			continue;
		}
		if (r->short_name)
			n = fprintf(f, "  -%c, --%s", r->short_name, r->long_name);
		else
			n = fprintf(f, "      --%s", r->long_name);
		if (r->arg)
			n += fprintf(f, " %s", r->arg);
		fprintf(f, "%*s%s\n", n < 30 ? 30 - n : 1, "", r->help);
	}
	fputs("\nexamples\n"
	      "  varve-record --duration 10            the whole host for 10 s\n"
	      "  varve-record -F 999 -p 1234           one process until Ctrl-C\n"
	      "  varve-record -o make.varve -- make    a command and all it starts\n"
	      "  varve-report recording.varve          what was found\n",
	      f);
}

void options_print_events(FILE *f)
{
	for (size_t i = 0; i < ARRAY_SIZE(events); i++)
		fprintf(f, "%-8s %s %s\n", events[i].name, events[i].is_default ? "*" : " ",
			events[i].cost);
	fputs("all        every one of them\n(* recorded unless -e says otherwise)\n", f);
}

void options_set_defaults(struct options *o)
{
	memset(o, 0, sizeof(*o));
	for (size_t i = 0; i < ARRAY_SIZE(events); i++)
		if (events[i].is_default)
			o->events |= events[i].bit;
	o->freq = 99;
	o->off_cpu_thresh_ns = 100000;
	o->max_stack = 512;
	o->output = "recording.varve";
	o->output_is_default = true;
	o->level = 3;
	o->sync_ns = 5000000000;
}
