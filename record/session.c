// SPDX-License-Identifier: BSD-2-Clause
#include "record/session_private.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "formats/cleanup.h"
#include "formats/recording.h"
#include "record/bundle.h"
#include "record/session_meta.h"
#include "record/targets.h"

#define BUNDLE_NS (120 * SECOND)

/* ---- the loop ---------------------------------------------------------------------------------------------------------- */

/*
 * With a command, the first Ctrl-C is for the command (the terminal sent it to both), and its end ends the recording; a second one
 * ends it at once.
 */
static void take_signals(struct session *s)
{
	struct signalfd_siginfo si;

	while (read(s->signal_fd, &si, sizeof(si)) == sizeof(si)) {
		if (si.ssi_signo == SIGUSR2) {
			s->snapshot.is_asked = true;
			continue;
		}
		s->interrupts++;
		if (si.ssi_signo == SIGINT && s->launch.pid && s->interrupts == 1)
			continue;
		if (!s->stop) /* what ended it before is why it ended */
			s->result->end = si.ssi_signo == SIGINT ? END_USER : END_SIGNAL;
		s->stop = true;
	}
}

static bool target_has_ended(struct session *s, uint64_t now_ts)
{
	if (s->launch.pid)
		return launch_poll(&s->launch);
	if (now_ts - s->targets_ts < TARGETS_NS)
		return false;
	s->targets_ts = now_ts;
	return targets_have_ended(s->programs);
}

static void check_end(struct session *s, uint64_t now_ts)
{
	if (s->stop)
		return;
	if (target_has_ended(s, now_ts)) {
		s->result->end = END_TARGET_EXITED;
		s->stop = true;
	} else if (s->o->duration_ns && now_ts - s->start_ts >= s->o->duration_ns) {
		s->result->end = END_DURATION;
		s->stop = true;
	}
}

void session_warn(struct session *s, const struct err *err, const char *after)
{
	snprintf(s->result->warning, sizeof(s->result->warning), "%.400s%s", err->text, after);
	snprintf(s->result->warning_hint, sizeof(s->result->warning_hint), "%s", *after ? "" : err->hint);
}

/* A write error ends the recording, with what was written so far being good. */
static void note_error(struct session *s, int code, struct err *err)
{
	s->stop = true;
	s->result->reader_gone = code == -EPIPE;
	s->result->end = code == -ENOSPC || code == -EDQUOT ? END_ENOSPC : code == -EFBIG ? END_SIZE : code == -EPIPE ? END_READER_GONE : END_ERROR;
	if (code != -EPIPE)
		session_warn(s, err, ", recording ended");
}

/* How long nothing need be looked at: the timer wakes us much sooner, but the end should come in time. */
static int patience_ms(const struct session *s)
{
	uint64_t end_ts = s->start_ts + s->o->duration_ns, now_ts = session_now(), left_ms;

	if (!s->o->duration_ns)
		return 1000;
	left_ms = end_ts > now_ts ? (end_ts - now_ts + 999999) / 1000000 : 0;
	return left_ms < 1000 ? (int)left_ms : 1000;
}

static void loop(struct session *s, struct err *err)
{
	while (!s->stop) {
		struct epoll_event ev[8];
		uint64_t ticks, now_ts;
		int code;

		(void)epoll_wait(s->epoll_fd, ev, ARRAY_SIZE(ev), patience_ms(s));
		s->wakeups++;
		(void)!read(s->timer_fd, &ticks, sizeof(ticks));
		take_signals(s);
		code = session_drain(s, err);
		jit_poll(s->jit);
		now_ts = session_now();
		code = code ?: memsnap_tick(s->memsnap, now_ts, err); /* it knows itself how often */
		if (!code && now_ts - s->second_ts >= SECOND)
			code = session_every_second(s, now_ts, err);
		if (!code)
			code = events_take_oom(s->events) ? recording_writer_flush(s->writer, err) :
							    recording_writer_tick(s->writer, now_ts, err);
		code = code ?: session_check_segment(s, now_ts, err) ?: session_check_flight(s, now_ts, err);
		if (code < 0)
			note_error(s, code, err);
		else
			session_check_limits(s, now_ts);
		check_end(s, now_ts);
	}
}

/* ---- beginning and end --------------------------------------------------------------------------------------------------- */

static bool is_command_only(const struct session *s)
{
	return s->launch.pid && !s->o->all_cpus;
}

/* Where the command is the target, recording starts with it, some 2 ms after the header's time: the time it was held is no wait. */
static int release_command(struct session *s, struct err *err)
{
	int code;

	if (is_command_only(s))
		programs_start(s->programs, session_now());
	code = launch_release(&s->launch, s->o->command[0], err);
	s->result->exec_error = -code;
	return code;
}

static int begin(struct session *s, struct err *err)
{
	s->facts = (struct session_facts){
		.options = s->o,
		.kernel = &s->kernel,
		.freq = s->sampler ? sampler_freq(s->sampler) : 0,
		.is_hardware = s->sampler && sampler_is_hardware(s->sampler),
		.missing = programs_missing(s->programs),
		.kptr_restricted = kallsyms_is_restricted(s->kallsyms),
	};
	int code;

	snprintf(s->result->missing, sizeof(s->result->missing), "%s", s->facts.missing);
	/* a command has to be known before it runs; of anybody else, what runs now: its rows are there before anything needs them */
	code = is_command_only(s) ? census_scan(s->census, session_now(), err) :
	       s->unwinder	  ? census_scan_runnable(s->census, err) : 0;
	if (code < 0)
		return code;
	s->start_ts = s->segment_ts = s->second_ts = s->account_ts = s->clock_ts = s->names_ts = s->loss.last_ts = session_now();
	code = session_header_start(s->writer, s->start_ts, err);
	if (code)
		return code;
	/* Recording starts before the scan: what is born during it is told by fork events. */
	if (!is_command_only(s)) {
		programs_start(s->programs, s->start_ts);
		code = census_scan(s->census, s->start_ts, err);
	}
	code = code ?: session_describe(s, s->start_ts, err) ?: memsnap_tick(s->memsnap, s->start_ts, err);
	if (code < 0)
		return code;
	sideband_write_from(s->sideband, s->start_ts);
	health_init(&s->health, s->writer);
	return s->launch.pid ? release_command(s, err) : 0;
}

static int write_end(struct session *s, uint64_t now_ts, struct err *err)
{
	const struct event ev = {
		.kind = EVENT_END,
		.ts = now_ts,
		.end = { .reason = s->result->end ?: END_ERROR, .detail = s->interrupts },
	};

	return recording_writer_add(s->writer, &ev, err);
}

/* Everything that is still under way gets into the file; each step is tried whatever became of the others. */
static int finish(struct session *s, struct err *err)
{
	uint64_t stop_ts = session_now();
	struct loss_sources src;
	int code, ret;

	s->result->duration_ns = stop_ts - s->start_ts;
	programs_stop(s->programs, stop_ts);
	sampler_close(s->sampler);
	s->sampler = NULL;
	if (s->interrupts)
		recording_writer_stop_on(s->writer, -1);
	ret = session_drain(s, err);
	code = session_read_accounts(s, WIRE_ITER_FINAL, ret ? NULL : err);
	ret = ret ?: code;
	code = events_flush(s->events, UINT64_MAX, ret ? NULL : err) ?: session_note_losses(s, stop_ts, ret ? NULL : err) ?:
	       session_note_unwinder(s, stop_ts, ret ? NULL : err);
	ret = ret ?: code;
	take_signals(s);
	session_go_first(false);
	if (s->interrupts < 2 && !ret)
		ret = session_write_names(s, true, err);
	code = recording_writer_flush(s->writer, ret ? NULL : err);
	ret = ret ?: code;
	src = session_loss_sources(s);
	code = loss_totals(&s->loss, &src, s->writer, stop_ts, true, ret ? NULL : err) ?: session_clock_write(s->writer, NULL, NULL) ?:
	       write_end(s, stop_ts, ret ? NULL : err);
	loss_sum(&src, &s->result->loss);
	return ret ?: code;
}

static int close_output(struct session *s, int ret, struct err *err)
{
	const struct recording_writer_stats *ws;
	int code;

	if (!s->writer)
		return ret;
	session_finish_flight(s);
	ws = recording_writer_stats(s->writer);
	memcpy(s->result->written, ws->written, sizeof(s->result->written));
	s->result->bytes = ws->bytes;
	s->result->files = recording_writer_position(s->writer).files + (s->o->flight_bytes ? 1 : 0);
	snprintf(s->result->output, sizeof(s->result->output), "%s", recording_writer_position(s->writer).path);
	if (!ret || s->result->duration_ns) {
		code = recording_writer_close(s->writer, ret ? NULL : err);
		return ret ?: code;
	}
	/* it never began: leave things as they were */
	recording_writer_discard(s->writer);
	if (s->moved_old)
		(void)rename(s->old_output, s->o->output);
	return ret;
}

/* When the recording is safe. What goes wrong with the bundle takes nothing from it. */
static void write_bundle(struct session *s, int code)
{
	bool keep = !code && s->modules && s->symbols && s->interrupts < 2;
	struct err err = { 0 };
	const uint32_t *ids;
	uint32_t cnt = 0;

	if (keep) {
		ids = symbols_modules(s->symbols, &cnt);
		keep = !bundle_add_modules(s->bundle, s->modules, ids, cnt, BUNDLE_NS, &s->result->bundle, &err);
	}
	if (bundle_writer_close(s->bundle, keep, keep ? &err : NULL))
		keep = false;
	s->bundle = NULL;
	if (!keep)
		s->result->bundle = (struct bundle_stats){ 0 };
	if (*err.text && !*s->result->warning)
		session_warn(s, &err, ", continuing without a bundle");
}

int session_run(const struct options *o, struct session_result *ret, struct err *err)
{
	struct session s = { .o = o, .result = ret, .epoll_fd = -1, .signal_fd = -1, .timer_fd = -1, .watch.psi_fd = -1 };
	struct err late = { 0 };
	int code;

	*ret = (struct session_result){ 0 };
	s.launch = (struct launch){ .pid_fd = -1, .go_fd = -1, .result_fd = -1 };
	code = session_open(&s, err) ?: begin(&s, err);
	if (!code) {
		session_began(&s);
		loop(&s, &late);
		code = finish(&s, &late);
		if (code && !*ret->warning)
			note_error(&s, code, &late);
	}
	ret->wakeups = s.wakeups;
	code = close_output(&s, ret->duration_ns ? 0 : code, err);
	if (code && ret->duration_ns) {
		/* a file that was begun is told of by the warning */
		if (!*ret->warning && !ret->reader_gone)
			note_error(&s, code, err);
		code = 0;
	}
	if (s.bundle)
		write_bundle(&s, code ?: !ret->duration_ns);
	if (ret->end == END_ERROR || ret->end == END_ENOSPC || ret->end == END_READER_GONE || ret->end == END_SIZE || ret->end == END_LOW_SPACE)
		launch_wait(&s.launch, s.signal_fd); /* our trouble is none of the command's */
	launch_finish(&s.launch);
	ret->command_ended = s.launch.ended;
	ret->command_status = s.launch.status;
	session_close(&s);
	return code;
}
