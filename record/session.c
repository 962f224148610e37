// SPDX-License-Identifier: BSD-2-Clause
#include "record/session.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "formats/cleanup.h"
#include "formats/recording.h"
#include "record/census.h"
#include "record/bundle.h"
#include "record/cgroups.h"
#include "record/events.h"
#include "record/health.h"
#include "record/jit.h"
#include "record/kallsyms.h"
#include "record/launch.h"
#include "record/limits.h"
#include "record/memsnap.h"
#include "record/modules.h"
#include "record/programs.h"
#include "record/ring.h"
#include "record/sampler.h"
#include "record/session_meta.h"
#include "record/sideband.h"
#include "record/symbols.h"
#include "record/tasks.h"
#include "record/unwinder.h"

#define SECOND 1000000000ULL
#define POLL_NS (SECOND / 10)
#define ACCOUNT_NS (10 * SECOND)
#define CLOCK_NS (10 * SECOND)
#define KEYFRAME_NS (60 * SECOND)
#define SYMBOLS_NS (20 * SECOND)
#define BUNDLE_NS (120 * SECOND)

struct session {
	const struct options *o;
	struct session_result *result;
	struct kernel kernel;
	struct launch launch;
	uint64_t *cgroup_ids; /* -G */
	size_t cgroup_cnt;
	bool cgroup_v1;
	struct programs *programs;
	struct recording_writer *writer;
	struct bundle_writer *bundle; /* --bundle */
	struct cgroups *cgroups;
	struct kallsyms *kallsyms;
	struct symbols *symbols;
	struct jit *jit;
	struct modules *modules;
	struct tasks *tasks;
	struct census *census;
	struct memsnap *memsnap;
	struct unwinder *unwinder; /* NULL: frame pointers, or no stacks */
	struct sideband *sideband;
	struct sampler *sampler;
	struct events *events;
	struct health health;
	struct loss loss;
	struct ring rings[RING_CNT];
	struct wire_counters counters;
	uint64_t iterated[EVENT_KIND_CNT]; /* made by the task iterator */
	uint64_t missed[EVENT_KIND_CNT];   /* programs_read_missed() */
	int epoll_fd, signal_fd, timer_fd;
	uint64_t start_ts, second_ts, account_ts, clock_ts, keyframe_ts;
	uint64_t wakeups;
	unsigned interrupts; /* Ctrl-C so far */
	char *old_output;    /* where an older default recording went */
	bool moved_old;
	bool stop;
};

/* ---- opening ----------------------------------------------------------------------------------------------------------- */

static int resolve_cgroups(struct session *s, struct err *err)
{
	const struct text_list *paths = &s->o->cgroups;
	struct cgroups *c;
	int code = cgroups_create(NULL, &c, err);

	if (code)
		return code;
	s->cgroup_v1 = cgroups_task_hierarchy(c) == CGROUP_V1_CPU;
	s->cgroup_ids = calloc(paths->cnt ?: 1, sizeof(*s->cgroup_ids));
	if (!s->cgroup_ids)
		code = err_code(err, -ENOMEM, "look up cgroups");
	for (; !code && s->cgroup_cnt < paths->cnt; s->cgroup_cnt++)
		code = cgroups_find(c, paths->items[s->cgroup_cnt], &s->cgroup_ids[s->cgroup_cnt], err);
	cgroups_destroy(c);
	return code;
}

static int check_targets(const struct options *o, struct err *err)
{
	const struct {
		const struct id_list *l;
		const char *what, *flag;
	} lists[] = { { &o->pids, "process", "-p" }, { &o->tids, "thread", "-t" } };

	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		for (size_t j = 0; j < lists[i].l->cnt; j++)
			if (kill((pid_t)lists[i].l->ids[j], 0) && errno == ESRCH)
				return err_set(err, -ESRCH, "%s %u: no such %s", lists[i].flag, lists[i].l->ids[j],
					       lists[i].what);
	return 0;
}

/* The kernel's side: nothing is written yet, so that a refusal leaves no file behind. */
static int open_kernel(struct session *s, struct err *err)
{
	const struct options *o = s->o;
	int code = kernel_probe(&s->kernel, err) ?: check_targets(o, err) ?: resolve_cgroups(s, err);
	struct programs_config c;

	if (code)
		return code;
	if (o->command) {
		code = launch_start(&s->launch, o->command, err);
		if (code)
			return code;
	}
	code = limits_raise_files(err); /* the command keeps its own */
	if (code)
		return code;
	c = (struct programs_config){
		.options = o,
		.kernel = &s->kernel,
		.cgroup_v1 = s->cgroup_v1,
		.cgroup_ids = s->cgroup_ids,
		.cgroup_cnt = s->cgroup_cnt,
		.child_pid = o->all_cpus ? 0 : (uint32_t)s->launch.pid,
	};
	code = programs_load(&c, &s->programs, err);
	for (int i = 0; i < RING_CNT && !code; i++) {
		uint64_t size;
		int fd = programs_ring_fd(s->programs, i, &size);

		code = ring_init(&s->rings[i], fd, size, err);
	}
	return code;
}

static int open_sampler(struct session *s, struct err *err)
{
	const struct sampler_options so = { .programs = s->programs, .freq = s->o->freq, .cpus = &s->o->cpus };

	return s->o->events & EVENTS_ON_CPU ? sampler_open(&so, &s->sampler, err) : 0;
}

/* A default recording that is in the way is kept under another name. */
static int open_output(struct session *s, struct err *err)
{
	struct recording_writer_options wo = {
		.level = s->o->level,
		.sync_ns = s->o->sync_ns,
		.force = s->o->force,
	};
	int code;

	session_header_fill(&wo);
	if (s->o->output_is_default) {
		if (asprintf(&s->old_output, "%s.old", s->o->output) < 0)
			return err_code(err, -ENOMEM, "open the output");
		if (!rename(s->o->output, s->old_output))
			s->moved_old = true;
		else if (errno != ENOENT)
			return err_errno(err, "rename '%s' to '%s'", s->o->output, s->old_output);
	}
	code = recording_writer_open(s->o->output, &wo, &s->writer, err);
	if (!code && s->o->bundle)
		code = bundle_writer_create(s->o->bundle, s->o->force, &s->bundle, err);
	if (code == -EEXIST && err)
		err_hint(err, "-f replaces it");
	return code;
}

static int open_census(struct session *s, struct err *err)
{
	struct unwinder_options uo = { .tasks = s->tasks, .modules = s->modules, .is_eager = census_is_eager };
	const struct census_options co = {
		.options = s->o,
		.writer = s->writer,
		.programs = s->programs,
		.cgroups = s->cgroups,
		.modules = s->modules,
		.tasks = s->tasks,
	};
	int code = census_create(&co, &s->census, err);

	uo.ctx = s->census;
	if (!code && programs_unwind_maps(s->programs, &uo.maps))
		code = unwinder_create(&uo, &s->unwinder, err);
	if (!code)
		census_set_unwinder(s->census, s->unwinder);
	return code;
}

static int open_knowledge(struct session *s, struct err *err)
{
	const struct memsnap_options mo = { .writer = s->writer };
	struct memsnap_options with_cgroups = mo;
	const struct kallsyms_lookup lookup = { programs_find_symbol, s->programs };
	int code;

	code = cgroups_create(s->writer, &s->cgroups, err) ?: modules_create(s->writer, 0, &s->modules, err) ?:
	       kallsyms_create(s->writer, NULL, programs_can_find_symbols(s->programs) ? &lookup : NULL, &s->kallsyms, err);
	if (code)
		return code;
	if (kallsyms_is_restricted(s->kallsyms) && err)
		snprintf(s->result->warning, sizeof(s->result->warning), "%.300s%s%.200s", err->text,
			 *err->hint ? "\n  hint: " : "", err->hint);
	with_cgroups.cgroups = s->cgroups;
	if (tasks_create(&s->tasks) || symbols_create(s->o->symbols, s->o->bundle, &s->symbols) ||
	    jit_create(s->modules, s->writer, &s->jit))
		return err_code(err, -ENOMEM, "make room for processes");
	code = open_census(s, err);
	if (!code && s->o->events & EVENTS_OOM)
		code = memsnap_create(&with_cgroups, &s->memsnap, err);
	return code;
}

static int open_events(struct session *s, struct err *err)
{
	const struct events_options eo = {
		.writer = s->writer,
		.sources = { .tasks = s->tasks, .kallsyms = s->kallsyms, .symbols = s->symbols, .jit = s->jit },
		.modules = s->modules,
		.cgroups = s->cgroups,
		.memsnap = s->memsnap,
		.unwinder = s->unwinder,
		.meet = census_meet,
		.meet_ctx = s->census,
		.weight_ns = s->sampler ? sampler_weight_ns(s->sampler) : 0,
		.want_task = s->o->events & EVENTS_TASK,
		.cmdline = s->o->cmdline,
	};
	const struct sideband_options sb = {
		.writer = s->writer,
		.modules = s->modules,
		.tasks = s->tasks,
		.wants_pid = census_wants,
		.ctx = s->census,
	};

	return events_create(&eo, &s->events, err) ?: sideband_open(&sb, &s->sideband, err);
}

static int add_fd(struct session *s, int fd, uint32_t events, struct err *err)
{
	struct epoll_event ev = { .events = events, .data.fd = fd };

	if (fd >= 0 && epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, fd, &ev))
		return err_errno(err, "wait for events");
	return 0;
}

static int open_waiting(struct session *s, struct err *err)
{
	const struct itimerspec t = { .it_interval.tv_nsec = POLL_NS, .it_value.tv_nsec = POLL_NS };
	int code = 0;

	s->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	s->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (s->epoll_fd < 0 || s->timer_fd < 0 || timerfd_settime(s->timer_fd, 0, &t, NULL))
		return err_errno(err, "wait for events");
	code = add_fd(s, s->signal_fd, EPOLLIN, err) ?: add_fd(s, s->timer_fd, EPOLLIN, err) ?: add_fd(s, s->launch.pid_fd, EPOLLIN, err) ?:
	       add_fd(s, sideband_fd(s->sideband), EPOLLIN, err);
	/* edges only: a ring that is not empty is no reason to wake up, one that says so is */
	for (int i = 0; i < RING_CNT && !code; i++)
		code = add_fd(s, s->rings[i].fd, EPOLLIN | EPOLLET, err);
	return code;
}

/*
 * A recorder that does not get a CPU loses events just when there is most to see. It uses little, so it may go first; the command
 * was forked before. Not being allowed to is no error.
 */
static void go_first(bool first)
{
	(void)setpriority(PRIO_PROCESS, 0, first ? -10 : 0);
}

/* Signals are read from a descriptor; the command must not inherit that, so it was forked before. */
static int open_signals(struct session *s, struct err *err)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	signal(SIGPIPE, SIG_IGN);
	s->signal_fd = -1;
	if (!sigprocmask(SIG_BLOCK, &set, NULL))
		s->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return s->signal_fd < 0 ? err_errno(err, "take signals") : 0;
}

static int keyframe(struct session *s, uint64_t now_ts, struct err *err)
{
	int code = census_keyframe(s->census, now_ts, err);

	s->keyframe_ts = now_ts;
	return code < 0 ? code : recording_writer_end_keyframe(s->writer, err);
}

/* ---- the loop ---------------------------------------------------------------------------------------------------------- */

struct drain_ctx {
	struct session *s;
	struct err *err;
	int code;
};

/* An error of one record does not leave the others in the ring: the first one is kept. */
static int take_record(void *ctx, const void *data, size_t sz)
{
	struct drain_ctx *d = ctx;
	int code = events_add(d->s->events, data, sz, d->code ? NULL : d->err);

	d->code = d->code ?: code;
	return 0;
}

/*
 * Everything that was in the rings when we looked: first where they end, then the side-band, which by then holds the mappings those
 * records need, then the rings up to there; tasks before what speaks of them.
 */
static int drain(struct session *s, struct err *err)
{
	static const enum programs_ring order[RING_CNT] = { RING_TASK, RING_MAIN, RING_SCHED, RING_OOM };
	struct drain_ctx d = { .s = s, .err = err };
	uint64_t upto[RING_CNT];
	int code;

	for (int i = 0; i < RING_CNT; i++)
		upto[i] = ring_producer(&s->rings[i]);
	code = sideband_drain(s->sideband, err);
	d.code = code < 0 ? code : 0;
	if (s->unwinder)
		unwinder_flush(s->unwinder, session_now());
	for (int i = 0; i < RING_CNT; i++) {
		code = ring_consume(&s->rings[order[i]], upto[order[i]], take_record, &d, d.code ? NULL : err);
		d.code = d.code ?: code < 0 ? code : 0;
	}
	if (s->unwinder) /* what the rings said was unmapped */
		unwinder_flush(s->unwinder, session_now());
	code = events_flush(s->events, session_now(), d.code ? NULL : err);
	return d.code ?: code;
}

static int take_iterated(void *ctx, const void *data, size_t sz)
{
	struct drain_ctx *d = ctx;
	uint16_t kind = ((const struct wire_head *)data)->kind;

	d->s->iterated[kind == WIRE_ACCOUNT ? EVENT_ACCOUNT : EVENT_OFFCPU]++;
	return take_record(ctx, data, sz);
}

static int read_accounts(struct session *s, enum wire_iter_mode mode, struct err *err)
{
	struct drain_ctx d = { .s = s, .err = err };
	int code = 0;

	if (s->o->events & (EVENTS_OFF_CPU | EVENTS_SCHED))
		code = programs_iterate(s->programs, mode, take_iterated, &d, err);
	return d.code ?: code < 0 ? code : 0;
}

static struct loss_sources loss_sources(struct session *s)
{
	return (struct loss_sources){
		.kernel = &s->counters,
		.events = events_stats(s->events),
		.writer = recording_writer_stats(s->writer),
		.iterated = s->iterated,
		.missed = s->missed,
		.want_task = s->o->events & EVENTS_TASK,
	};
}

static void cpu_changed(void *ctx, int cpu, bool online)
{
	struct session *s = ctx;
	struct event ev = {
		.kind = EVENT_LOSS,
		.cpu = (uint32_t)cpu,
		.ts = session_now(),
		.loss = { .stream = EVENT_SAMPLE, .reason = LOSS_CPU_OFFLINE },
	};

	if (online)
		return;
	(void)recording_writer_add(s->writer, &ev, NULL); /* a note; the file's trouble is noticed by the next event */
}

static int note_losses(struct session *s, uint64_t now_ts, struct err *err)
{
	int code = programs_read_counters(s->programs, &s->counters, err);
	struct loss_sources src = loss_sources(s);

	programs_read_missed(s->programs, s->missed);
	return code ?: loss_tick(&s->loss, &src, s->writer, now_ts, err);
}

/* Once a second, and at the end, so that the shortest recording has it. */
static int note_unwinder(struct session *s, uint64_t now_ts, struct err *err)
{
	uint64_t counts[UNWIND_COUNTS];

	if (!s->unwinder || programs_read_unwind_counts(s->programs, counts))
		return 0;
	return unwinder_write_counters(s->unwinder, counts, s->writer, now_ts, err);
}

static int note_health(struct session *s, uint64_t now_ts, struct err *err)
{
	const struct health_extra extra[] = {
		{ "varve.wakeups", (int64_t)s->wakeups },
		{ "varve.ring_fill_pct", ring_fill_pct(&s->rings[RING_MAIN]) },
		{ "varve.sched_ring_fill_pct", ring_fill_pct(&s->rings[RING_SCHED]) },
	};
	int code = health_tick(&s->health, now_ts, extra, ARRAY_SIZE(extra), err);

	return code < 0 ? code : note_unwinder(s, now_ts, err);
}

/* What is due once a second, or more rarely. */
static int every_second(struct session *s, uint64_t now_ts, struct err *err)
{
	int code = note_losses(s, now_ts, err);

	if (s->sampler) /* a CPU that cannot be sampled is no reason to stop */
		(void)sampler_check_cpus(s->sampler, cpu_changed, s, NULL);
	sideband_check_cpus(s->sideband);
	code = code ?: note_health(s, now_ts, err);
	tasks_prune(s->tasks, now_ts);
	if (!code && sideband_take_lost(s->sideband))
		code = census_scan(s->census, now_ts, err);
	if (!code && now_ts - s->account_ts >= ACCOUNT_NS) {
		s->account_ts = now_ts;
		code = read_accounts(s, WIRE_ITER_ACCOUNT, err);
	}
	if (!code && now_ts - s->clock_ts >= CLOCK_NS) {
		s->clock_ts = now_ts;
		code = session_clock_write(s->writer, err);
	}
	if (!code && now_ts - s->keyframe_ts >= KEYFRAME_NS)
		code = keyframe(s, now_ts, err);
	s->second_ts = now_ts;
	return code < 0 ? code : 0;
}

/*
 * With a command, the first Ctrl-C is for the command (the terminal sent it to both), and its end ends the recording; a second one
 * ends it at once.
 */
static void take_signals(struct session *s)
{
	struct signalfd_siginfo si;

	while (read(s->signal_fd, &si, sizeof(si)) == sizeof(si)) {
		s->interrupts++;
		if (si.ssi_signo == SIGINT && s->launch.pid && s->interrupts == 1)
			continue;
		s->stop = true;
		s->result->end = si.ssi_signo == SIGINT ? END_USER : END_SIGNAL;
	}
}

static void check_end(struct session *s, uint64_t now_ts)
{
	if (s->stop)
		return;
	if (s->launch.pid && launch_poll(&s->launch)) {
		s->result->end = END_TARGET_EXITED;
		s->stop = true;
	} else if (s->o->duration_ns && now_ts - s->start_ts >= s->o->duration_ns) {
		s->result->end = END_DURATION;
		s->stop = true;
	}
}

/* A write error ends the recording, with what was written so far being good. */
static void note_error(struct session *s, int code, struct err *err)
{
	s->stop = true;
	s->result->reader_gone = code == -EPIPE;
	s->result->end = code == -ENOSPC || code == -EDQUOT ? END_ENOSPC : code == -EPIPE ? END_READER_GONE : END_ERROR;
	if (code != -EPIPE)
		snprintf(s->result->warning, sizeof(s->result->warning), "%.400s, recording ended", err->text);
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
		code = drain(s, err);
		jit_poll(s->jit);
		now_ts = session_now();
		code = code ?: memsnap_tick(s->memsnap, now_ts, err); /* it knows itself how often */
		if (!code && now_ts - s->second_ts >= SECOND)
			code = every_second(s, now_ts, err);
		if (!code)
			code = events_take_oom(s->events) ? recording_writer_flush(s->writer, err) :
							    recording_writer_tick(s->writer, now_ts, err);
		if (code < 0)
			note_error(s, code, err);
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
	struct session_facts facts = {
		.options = s->o,
		.kernel = &s->kernel,
		.freq = s->sampler ? sampler_freq(s->sampler) : 0,
		.is_hardware = s->sampler && sampler_is_hardware(s->sampler),
		.missing = programs_missing(s->programs),
		.kptr_restricted = kallsyms_is_restricted(s->kallsyms),
	};
	int code;

	snprintf(s->result->missing, sizeof(s->result->missing), "%s", facts.missing);
	/* a command has to be known before it runs; of anybody else, what runs now: its rows are there before anything needs them */
	code = is_command_only(s) ? census_scan(s->census, session_now(), err) :
	       s->unwinder	  ? census_scan_runnable(s->census, err) : 0;
	if (code < 0)
		return code;
	s->start_ts = s->second_ts = s->account_ts = s->clock_ts = s->loss.last_ts = session_now();
	code = session_header_start(s->writer, s->start_ts, err);
	if (code)
		return code;
	/* Recording starts before the scan: what is born during it is told by fork events. */
	if (!is_command_only(s)) {
		programs_start(s->programs, s->start_ts);
		code = census_scan(s->census, s->start_ts, err);
	}
	code = code ?: session_meta_write(s->writer, &facts, s->start_ts, err) ?: session_clock_write(s->writer, err) ?:
	       keyframe(s, s->start_ts, err) ?: memsnap_tick(s->memsnap, s->start_ts, err);
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
	struct symbols_stats symbols_stats;
	struct loss_sources src;
	int code, ret;

	s->result->duration_ns = stop_ts - s->start_ts;
	programs_stop(s->programs, stop_ts);
	sampler_close(s->sampler);
	s->sampler = NULL;
	ret = drain(s, err);
	code = read_accounts(s, WIRE_ITER_FINAL, ret ? NULL : err);
	ret = ret ?: code;
	code = events_flush(s->events, UINT64_MAX, ret ? NULL : err) ?: note_losses(s, stop_ts, ret ? NULL : err) ?:
	       note_unwinder(s, stop_ts, ret ? NULL : err);
	ret = ret ?: code;
	take_signals(s);
	go_first(false);
	if (s->interrupts < 2 && !ret)
		ret = symbols_emit(s->symbols, s->modules, s->jit, s->kallsyms, s->writer, SYMBOLS_NS, &symbols_stats, err);
	code = recording_writer_flush(s->writer, ret ? NULL : err);
	ret = ret ?: code;
	src = loss_sources(s);
	code = loss_totals(&src, s->writer, stop_ts, ret ? NULL : err) ?: session_clock_write(s->writer, NULL) ?:
	       write_end(s, stop_ts, ret ? NULL : err);
	loss_sum(&src, &s->result->loss);
	return ret ?: code;
}

static void close_all(struct session *s)
{
	health_deinit(&s->health);
	sampler_close(s->sampler);
	unwinder_destroy(s->unwinder); /* while its maps are there, and before the tasks it listens to */
	programs_destroy(s->programs);
	sideband_close(s->sideband);
	events_destroy(s->events);
	census_destroy(s->census);
	memsnap_destroy(s->memsnap);
	symbols_destroy(s->symbols);
	jit_destroy(s->jit);
	tasks_destroy(s->tasks);
	kallsyms_destroy(s->kallsyms);
	modules_destroy(s->modules);
	cgroups_destroy(s->cgroups);
	for (int i = 0; i < RING_CNT; i++)
		if (s->rings[i].size)
			ring_deinit(&s->rings[i]);
	cleanup_closep(&s->epoll_fd);
	cleanup_closep(&s->signal_fd);
	cleanup_closep(&s->timer_fd);
	free(s->cgroup_ids);
	free(s->old_output);
}

static int open_all(struct session *s, struct err *err)
{
	int code = open_kernel(s, err) ?: open_signals(s, err);

	if (!code)
		go_first(true);
	code = code ?: programs_attach(s->programs, err) ?: open_sampler(s, err) ?: open_output(s, err);
	return code ?: open_knowledge(s, err) ?: open_events(s, err) ?: open_waiting(s, err);
}

static int close_output(struct session *s, int ret, struct err *err)
{
	const struct recording_writer_stats *ws;
	int code;

	if (!s->writer)
		return ret;
	ws = recording_writer_stats(s->writer);
	memcpy(s->result->written, ws->written, sizeof(s->result->written));
	s->result->bytes = ws->bytes;
	code = recording_writer_close(s->writer, ret ? NULL : err);
	if (ret && !s->result->duration_ns && strcmp(s->o->output, "-")) {
		/* it never began: leave things as they were */
		unlink(s->o->output);
		if (s->moved_old)
			(void)rename(s->old_output, s->o->output);
	}
	return ret ?: code;
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
		snprintf(s->result->warning, sizeof(s->result->warning), "%.400s, continuing without a bundle", err.text);
}

int session_run(const struct options *o, struct session_result *ret, struct err *err)
{
	struct session s = { .o = o, .result = ret, .epoll_fd = -1, .signal_fd = -1, .timer_fd = -1 };
	struct err late = { 0 };
	int code;

	*ret = (struct session_result){ 0 };
	s.launch = (struct launch){ .pid_fd = -1, .go_fd = -1, .result_fd = -1 };
	code = open_all(&s, err) ?: begin(&s, err);
	if (!code) {
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
	if (ret->end == END_ERROR || ret->end == END_ENOSPC || ret->end == END_READER_GONE)
		launch_wait(&s.launch, s.signal_fd); /* our trouble is none of the command's */
	launch_finish(&s.launch);
	ret->command_ended = s.launch.ended;
	ret->command_status = s.launch.status;
	close_all(&s);
	return code;
}
