// SPDX-License-Identifier: BSD-2-Clause
/* varve-record: parse, record, say how it went. The only place that prints. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "formats/cleanup.h"
#include "formats/standard_fds.h"
#include "formats/utf8.h"
#include "record/check.h"
#include "record/options.h"
#include "record/session.h"

#define EXIT_USAGE 2
#define EXIT_FAILURE_OURS 125
#define EXIT_NOT_EXECUTABLE 126
#define EXIT_NOT_FOUND 127

/* Paths and names in it are what others chose. */
static void put_line(const char *before, const char *text, const char *after)
{
	_cleanup_free_ char *shown = utf8_show_dup(text);

	fprintf(stderr, "%s%s%s\n", before, shown ?: "out of memory", after);
}

static void print_message(const char *text, const char *hint)
{
	put_line("varve-record: ", text, "");
	if (*hint)
		put_line("  hint: ", hint, "");
}

static void print_error(const struct err *err)
{
	print_message(err->text, err->hint);
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

/* perf's habit: one line that says what there is now. It is the last one. */
static void print_summary(const struct options *o, const struct session_result *r)
{
	uint64_t switches = r->written[EVENT_SWITCH];
	char buf[28], after[64] = " ]";

	fprintf(stderr, "[ varve-record: %.1f s", (double)r->duration_ns / 1e9);
	if (o->events & EVENTS_ON_CPU)
		print_count(r->written[EVENT_SAMPLE], "sample", "samples");
	if (o->events & EVENTS_OFF_CPU)
		print_count(r->written[EVENT_OFFCPU], "wait", "waits");
	if (o->events & EVENTS_SCHED)
		print_count(switches, "switch", "switches");
	if (r->written[EVENT_OOM])
		print_count(r->written[EVENT_OOM], "OOM kill", "OOM kills");
	fprintf(stderr, ", %s lost, ", grouped(r->loss.lost, buf));
	print_size(stderr, r->bytes);
	if (r->files > 1)
		snprintf(after, sizeof(after), " and %llu before it ]", (unsigned long long)r->files - 1);
	put_line(" → ", strcmp(o->output, "-") ? r->output : "stdout", after);
}

static void print_losses(const struct loss_sum *l)
{
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
	put_line(" → ", o->bundle, " ]");
	if (b->missing)
		fprintf(stderr, "varve-record: %u modules are without their file: gone before it could be opened\n", b->missing);
	if (b->failed)
		fprintf(stderr, "varve-record: %u files could not be packed\n", b->failed);
}

/* What there is to say on standard error. */
static void print_result(const struct options *o, const struct session_result *r)
{
	if (*r->warning)
		print_message(r->warning, r->warning_hint);
	if (*r->missing && o->verbose)
		put_line("varve-record: not attached on this kernel: ", r->missing, ", continuing without");
	if (r->reader_gone)
		fprintf(stderr, "varve-record: reader went away\n");
	if (o->quiet)
		return;
	print_losses(&r->loss);
	if (o->bundle)
		print_bundle(o, &r->bundle);
	print_summary(o, r);
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
	if (fflush(stdout)) /* --json: the signal leaves no time for it. What went wrong close_stdout() tells */
		return EXIT_FAILURE_OURS;
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
	print_result(o, &r);
	if (o->json)
		print_json(o, &r);
	if (r.end == END_ERROR || r.end == END_ENOSPC)
		return EXIT_FAILURE_OURS; /* whatever the command's status: what it did is not all in the file */
	return o->command && r.command_ended ? command_exit(&r) : 0;
}

/* What was to be read on standard output is there; of a reader that went away there is nothing to say. */
static int close_stdout(int code)
{
	bool has_failed = ferror(stdout);
	struct err err = { 0 };

	if (fflush(stdout) && errno != EPIPE)
		(void)err_errno(&err, "write standard output");
	else if (has_failed)
		err_set(&err, -EIO, "write standard output: an earlier write failed");
	else
		return code;
	print_error(&err);
	return EXIT_FAILURE_OURS;
}

int main(int argc, char **argv)
{
	struct options o;
	struct err err = { 0 };
	int code;

	standard_fds_keep();
	code = options_parse(argc, argv, &o, &err);
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
	return close_stdout(code);
}
