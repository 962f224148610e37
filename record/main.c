// SPDX-License-Identifier: BSD-2-Clause
/* varve-record: parse, record, say how it went. The only place that prints. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "record/check.h"
#include "record/options.h"
#include "record/session.h"

#define EXIT_USAGE 2
#define EXIT_FAILURE_OURS 125
#define EXIT_NOT_EXECUTABLE 126
#define EXIT_NOT_FOUND 127

static void print_error(const struct err *err)
{
	fprintf(stderr, "varve-record: %s\n", err->text);
	if (*err->hint)
		fprintf(stderr, "  hint: %s\n", err->hint);
}

/* 12345678 as "12,345,678"; buf holds at least 28 bytes. */
static const char *grouped(uint64_t n, char *buf)
{
	char digits[24];
	int len = snprintf(digits, sizeof(digits), "%llu", (unsigned long long)n), at = 0;

	for (int i = 0; i < len; i++) {
		if (i && (len - i) % 3 == 0)
			buf[at++] = ',';
		buf[at++] = digits[i];
	}
	buf[at] = '\0';
	return buf;
}

static void print_size(FILE *f, uint64_t bytes)
{
	if (bytes < 10000)
		fprintf(f, "%llu bytes", (unsigned long long)bytes);
	else if (bytes < 1000000)
		fprintf(f, "%.0f kB", (double)bytes / 1e3);
	else if (bytes < 1000000000)
		fprintf(f, "%.1f MB", (double)bytes / 1e6);
	else
		fprintf(f, "%.2f GB", (double)bytes / 1e9);
}

static void print_count(uint64_t n, const char *one, const char *many)
{
	char buf[28];

	fprintf(stderr, ", %s %s", grouped(n, buf), n == 1 ? one : many);
}

/* perf's habit: one line that says what there is now. */
static void print_summary(const struct options *o, const struct session_result *r)
{
	const struct loss_sum *l = &r->loss;
	uint64_t switches = r->written[EVENT_SWITCH];
	char buf[28];

	fprintf(stderr, "[ varve-record: %.1f s", (double)r->duration_ns / 1e9);
	if (o->events & EVENTS_ON_CPU)
		print_count(r->written[EVENT_SAMPLE], "sample", "samples");
	if (o->events & EVENTS_OFF_CPU)
		print_count(r->written[EVENT_OFFCPU], "wait", "waits");
	if (o->events & EVENTS_SCHED)
		print_count(switches, "switch", "switches");
	if (r->written[EVENT_OOM])
		print_count(r->written[EVENT_OOM], "OOM kill", "OOM kills");
	fprintf(stderr, ", %s lost, ", grouped(l->lost, buf));
	print_size(stderr, r->bytes);
	fprintf(stderr, " → %s", strcmp(o->output, "-") ? r->output : "stdout");
	if (r->files > 1)
		fprintf(stderr, " and %llu before it", (unsigned long long)r->files - 1);
	fprintf(stderr, " ]\n");
	if (!l->lost)
		return;
	fprintf(stderr, "varve-record: %llu events lost: %llu for want of room in the rings, %llu in the kernel's maps, %llu in the recorder, %llu nested\n",
		(unsigned long long)l->lost, (unsigned long long)l->ring_full, (unsigned long long)l->map_full,
		(unsigned long long)l->user_dropped, (unsigned long long)l->missed);
	if (l->ring_full)
		fprintf(stderr, "  hint: fewer events: a lower -F, a higher --off-cpu-thresh, or a target (-p, -G)\n");
}

static void print_bundle(const struct options *o, const struct bundle_stats *b)
{
	if (!b->files) {
		fprintf(stderr, "varve-record: no bundle was written\n");
		return;
	}
	fprintf(stderr, "[ bundle: %u modules, %u files, ", b->modules, b->files);
	print_size(stderr, b->bytes);
	fprintf(stderr, " → %s ]\n", o->bundle);
	if (b->missing)
		fprintf(stderr, "varve-record: %u modules are without their file: gone before it could be opened\n", b->missing);
	if (b->failed)
		fprintf(stderr, "varve-record: %u files could not be packed\n", b->failed);
}

static void print_json(const struct options *o, const struct session_result *r)
{
	static const enum event_kind kinds[] = { EVENT_SAMPLE, EVENT_OFFCPU, EVENT_SWITCH, EVENT_WAKEUP, EVENT_MIGRATE, EVENT_OOM,
						 EVENT_FORK, EVENT_EXEC, EVENT_EXIT, EVENT_ACCOUNT, EVENT_MAPPING };
	FILE *f = strcmp(o->output, "-") ? stdout : stderr;

	fprintf(f, "{\"duration_ns\":%llu,\"bytes\":%llu,\"files\":%llu,\"snapshots_failed\":%u,\"wakeups\":%llu,\"end\":\"%s\",\"events\":{",
		(unsigned long long)r->duration_ns, (unsigned long long)r->bytes, (unsigned long long)r->files, r->snapshots_failed,
		(unsigned long long)r->wakeups,
		event_kind_name(EVENT_END) && r->end ? end_reason_name(r->end) : "error");
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		fprintf(f, "%s\"%s\":%llu", i ? "," : "", event_kind_name(kinds[i]), (unsigned long long)r->written[kinds[i]]);
	fprintf(f, "},\"lost\":{\"total\":%llu,\"ring_full\":%llu,\"map_full\":%llu,\"user_dropped\":%llu},\"without_stack\":%llu}\n",
		(unsigned long long)r->loss.lost, (unsigned long long)r->loss.ring_full,
		(unsigned long long)r->loss.map_full, (unsigned long long)r->loss.user_dropped,
		(unsigned long long)r->loss.stack_error);
}

/* The command's own fate is ours: its exit status, or its signal, without a second core dump. */
static int command_exit(const struct session_result *r)
{
	const struct rlimit no_core = { 0, 0 };
	int sig;

	if (WIFEXITED(r->command_status))
		return WEXITSTATUS(r->command_status);
	sig = WTERMSIG(r->command_status);
	if (r->end != END_TARGET_EXITED && r->end != END_READER_GONE && r->end != END_SIZE && r->end != END_LOW_SPACE)
		return 0; /* we ended it */
	(void)setrlimit(RLIMIT_CORE, &no_core);
	signal(sig, SIG_DFL);
	raise(sig);
	return 128 + sig;
}

static int record(const struct options *o)
{
	struct session_result r;
	struct err err = { 0 };
	int code;

	if (!strcmp(o->output, "-") && isatty(STDOUT_FILENO)) {
		fprintf(stderr, "varve-record: -o -: a recording is not for a terminal\n");
		return EXIT_USAGE;
	}
	code = session_run(o, &r, &err);
	if (code) {
		print_error(&err);
		if (r.is_taken)
			return EXIT_USAGE;
		if (r.exec_error)
			return r.exec_error == ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_EXECUTABLE;
		return EXIT_FAILURE_OURS;
	}
	if (*r.warning)
		fprintf(stderr, "varve-record: %s\n", r.warning);
	if (*r.missing && o->verbose)
		fprintf(stderr, "varve-record: not attached on this kernel: %s, continuing without\n", r.missing);
	if (r.reader_gone)
		fprintf(stderr, "varve-record: reader went away\n");
	if (!o->quiet)
		print_summary(o, &r);
	if (!o->quiet && o->bundle)
		print_bundle(o, &r.bundle);
	if (o->json)
		print_json(o, &r);
	if (r.end == END_ERROR || r.end == END_ENOSPC)
		return EXIT_FAILURE_OURS; /* whatever the command's status: what it did is not all in the file */
	return o->command && r.command_ended ? command_exit(&r) : 0;
}

int main(int argc, char **argv)
{
	struct options o;
	struct err err = { 0 };
	int code = options_parse(argc, argv, &o, &err);

	if (code) {
		print_error(&err);
		return code == -EINVAL || code == -ERANGE ? EXIT_USAGE : EXIT_FAILURE_OURS;
	}
	if (o.help)
		options_print_help(stdout);
	else if (o.version)
		printf("varve-record %s\n", VARVE_VERSION);
	else if (o.list_events)
		options_print_events(stdout);
	else if (o.check)
		code = check_run(&o, stdout);
	else
		code = record(&o);
	options_deinit(&o);
	return code;
}
