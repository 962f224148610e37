// SPDX-License-Identifier: BSD-2-Clause
#include "record/session_private.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>

#include "formats/cleanup.h"
#include "formats/recording.h"
#include "record/anonymize.h"
#include "record/bundle.h"
#include "record/cgroups.h"
#include "record/limits.h"
#include "record/modules.h"
#include "record/privileges.h"
#include "record/session_meta.h"
#include "record/tasks.h"
#include "record/timens.h"

#define POLL_NS (SECOND / 10)

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
	int code = timens_check(err) ?: kernel_probe(&s->kernel, err) ?: check_targets(o, err) ?: resolve_cgroups(s, err);
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
		.is_segmented = s->o->is_segmented,
		.flight = { s->o->flight_bytes, s->o->flight_ns },
		.max_bytes = s->o->max_bytes,
		.keep = { s->o->keep_cnt, s->o->keep_bytes, s->o->keep_ns },
	};
	int code;

	if (s->o->anonymize) {
		code = anonymize_create(&s->anonymize, err) ?: anonymize_learn(s->anonymize, err);
		if (code)
			return code;
		wo.editor = (struct recording_editor){ s->anonymize, anonymize_event, anonymize_module };
	}
	session_header_fill(&wo, s->o->anonymize);
	if (s->o->output_is_default && !s->o->is_segmented) {
		if (asprintf(&s->old_output, "%s.old", s->o->output) < 0)
			return err_code(err, -ENOMEM, "open the output");
		if (!rename(s->o->output, s->old_output))
			s->moved_old = true;
		else if (errno != ENOENT)
			return err_errno(err, "rename '%s' to '%s'", s->o->output, s->old_output);
	}
	code = recording_writer_open(s->o->output, &wo, &s->writer, err);
	s->result->is_taken = code == -EBUSY;
	if (!code)
		recording_writer_stop_on(s->writer, s->signal_fd);
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
	if (kallsyms_is_restricted(s->kallsyms) && err) /* which says so */
		session_warn(s, err, "");
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
		.watch = s->o->flight_bytes ? &s->watch : NULL,
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

void session_go_first(bool first)
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
	if (s->o->flight_bytes)
		sigaddset(&set, SIGUSR2);
	signal(SIGPIPE, SIG_IGN);
	s->signal_fd = -1;
	if (!sigprocmask(SIG_BLOCK, &set, NULL))
		s->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return s->signal_fd < 0 ? err_errno(err, "take signals") : 0;
}

static void note_privileges(struct session *s, const struct err *err)
{
	if (!*s->result->warning)
		session_warn(s, err, ", continuing with more rights than needed");
}

/* Before anything is read that others wrote. What is left is too much by what taking the file away again may need. */
static void give_up_privileges(struct session *s)
{
	const struct options *o = s->o;
	struct err err = { 0 };
	int code = privileges_fence(&err);
	const struct privileges_situation now = {
		.permitted = privileges_permitted(),
		.perf_event_paranoid = privileges_paranoid(),
		.has_command = o->command,
		.may_change_user = code,
		.makes_files_later = o->is_segmented || o->flight_bytes || o->bundle,
		.is_others_directory = privileges_is_others_directory(o->output) || (o->bundle && privileges_is_others_directory(o->bundle)),
	};
	struct privileges_situation beginning = now;

	beginning.makes_files_later = beginning.is_others_directory = true;
	s->privileges = privileges_needed(&now);
	code = code == -EINVAL ? 0 : code; /* no seccomp in this kernel: nothing to tell every time */
	code = code ?: privileges_keep(privileges_needed(&beginning), &err);
	if (code)
		note_privileges(s, &err);
}

void session_began(struct session *s)
{
	struct err err = { 0 };

	if (privileges_keep(s->privileges, &err))
		note_privileges(s, &err);
}

int session_open(struct session *s, struct err *err)
{
	int code = watch_init(&s->watch, &s->o->triggers, NULL, err) ?: open_kernel(s, err) ?: open_signals(s, err);

	if (!code)
		session_go_first(true);
	code = code ?: programs_attach(s->programs, err) ?: open_sampler(s, err) ?: open_output(s, err);
	code = code ?: open_knowledge(s, err) ?: open_events(s, err) ?: open_waiting(s, err);
	if (!code)
		give_up_privileges(s);
	return code;
}

void session_close(struct session *s)
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
	anonymize_destroy(s->anonymize); /* the writer is closed */
	watch_deinit(&s->watch);
	free(s->old_output);
}
