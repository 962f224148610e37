// SPDX-License-Identifier: BSD-2-Clause
#include "record/watch.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "formats/cleanup.h"

#define PSI_NS 1000000000ULL

int watch_init(struct watch *w, const struct options_triggers *t, const char *psi, struct err *err)
{
	int code;

	*w = (struct watch){ .triggers = *t, .psi_fd = -1 };
	if (t->psi_mem_pct <= 0)
		return 0;
	psi = psi ?: "/proc/pressure/memory";
	w->psi_fd = open(psi, O_RDONLY | O_CLOEXEC);
	if (w->psi_fd >= 0)
		return 0;
	code = err_errno(err, "--snapshot-on psi-mem: open '%s'", psi);
	err_hint(err, "this needs a kernel with CONFIG_PSI, and psi=1 where it is off by default");
	return code;
}

void watch_deinit(struct watch *w)
{
	cleanup_closep(&w->psi_fd);
	w->psi_fd = -1;
}

/* The first counts: what follows until it was taken is in the same snapshot. */
static void __attribute__((format(printf, 2, 3))) fire(struct watch *w, const char *fmt, ...)
{
	va_list ap;

	if (w->has_fired)
		return;
	w->has_fired = true;
	va_start(ap, fmt);
	vsnprintf(w->text, sizeof(w->text), fmt, ap);
	va_end(ap);
}

static void watch_wait(struct watch *w, const struct event *ev)
{
	const struct options_triggers *t = &w->triggers;
	const struct task_ref *who = &ev->task;
	uint64_t runq_ns = ev->offcpu.runq_ns;

	if (t->off_cpu_ns && ev->offcpu.dur_ns > t->off_cpu_ns)
		fire(w, "off-cpu %.6f s of %s (%u)", (double)ev->offcpu.dur_ns / 1e9, who->comm, who->tid);
	else if (t->runq_ns && runq_ns != UNKNOWN_U64 && runq_ns > t->runq_ns)
		fire(w, "run-queue %.6f s of %s (%u)", (double)runq_ns / 1e9, who->comm, who->tid);
}

/* A process, that is its first thread; a thread that ends with a status of its own is nobody's failure. */
static void watch_exit(struct watch *w, const struct event *ev)
{
	int status = ev->exit.status, sig = status & 0x7f;

	if (!w->triggers.failed_exit || !status || ev->task.pid != ev->task.tid)
		return;
	fire(w, "exit with %s %d of %s (%u)", sig ? "signal" : "status", sig ? sig : status >> 8 & 0xff, ev->task.comm, ev->task.pid);
}

void watch_event(struct watch *w, const struct event *ev)
{
	if (ev->kind == EVENT_OFFCPU)
		watch_wait(w, ev);
	else if (ev->kind == EVENT_EXIT)
		watch_exit(w, ev);
	else if (ev->kind == EVENT_OOM && w->triggers.oom)
		fire(w, "OOM kill of %s (%u)", ev->task.comm, ev->task.pid);
}

void watch_tick(struct watch *w, uint64_t now_ts)
{
	char text[256], *at;
	ssize_t n;
	double pct;

	if (w->psi_fd < 0 || now_ts - w->psi_ts < PSI_NS)
		return;
	w->psi_ts = now_ts;
	n = pread(w->psi_fd, text, sizeof(text) - 1, 0);
	text[n > 0 ? n : 0] = '\0';
	at = strstr(text, "some avg10=");
	pct = at ? strtod(at + strlen("some avg10="), NULL) : 0;
	if (pct > w->triggers.psi_mem_pct)
		fire(w, "memory pressure %.2f %% over 10 s", pct);
}

bool watch_take(struct watch *w, const char **ret_text)
{
	bool fired = w->has_fired;

	w->has_fired = false;
	*ret_text = w->text;
	return fired;
}
