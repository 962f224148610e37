// SPDX-License-Identifier: BSD-2-Clause
/* Recording into memory: when a snapshot is taken, and who writes it. */
#include "record/session_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "formats/output.h"
#include "formats/recording.h"

/* Triggers that come again and again: what they want is in the snapshot once half of what is kept is new. */
#define QUIET_NS (10 * SECOND)

static uint64_t quiet_ns(const struct session *s)
{
	return s->o->flight_ns ? s->o->flight_ns / 2 : QUIET_NS;
}

/* A snapshot that failed is said in the end; the next one may succeed. */
static void note_failure(struct session *s, const char *path, int code)
{
	struct err err = { 0 };

	err_code(&err, code, "snapshot '%s'", path);
	s->result->snapshots_failed++;
	session_warn(s, &err, ", continuing without it");
}

/* ---- writing ------------------------------------------------------------------------------------------------------- */

/* status: of wait(2). */
static void end_snapshot(struct session *s, int status)
{
	struct snapshot *n = &s->snapshot;
	struct stat st = { 0 };
	int code = WIFEXITED(status) ? -WEXITSTATUS(status) : -EIO;

	if (code)
		note_failure(s, n->path, code);
	(void)stat(n->path, &st); /* gone already: it has no size */
	if (recording_writer_end_snapshot(s->writer, (uint64_t)st.st_size, session_now()))
		note_failure(s, n->path, -ENOMEM);
	free(n->path);
	n->path = NULL;
	n->pid = 0;
}

/* The child has all that is kept as it is at this moment, and all the time it needs to write and sync it. */
static void write_snapshot(struct session *s)
{
	struct snapshot *n = &s->snapshot;
	struct err err = { 0 };
	struct output out;
	int code = recording_writer_open_snapshot(s->writer, session_now(), &out, &err);

	if (code) {
		s->result->snapshots_failed++;
		session_warn(s, &err, ", continuing without the snapshot");
		return;
	}
	n->path = out.path;
	n->pid = fork();
	if (!n->pid) {
		session_go_first(false);
		_exit(-recording_writer_write_snapshot(s->writer, &out, NULL) & 0x7f);
	}
	if (n->pid < 0) { /* no process to be had: then we do it, and rings may run full */
		n->path = strdup(out.path);
		code = recording_writer_write_snapshot(s->writer, &out, NULL);
		end_snapshot(s, (-code & 0x7f) << 8);
		return;
	}
	close(out.fd);
}

static int take_snapshot(struct session *s, uint64_t now_ts, struct err *err)
{
	const struct event mark = { .kind = EVENT_MARK, .ts = now_ts, .mark = { s->snapshot.text } };
	int code = recording_writer_add(s->writer, &mark, err) ?: session_next_segment(s, END_SNAPSHOT, err);

	s->snapshot.due_ts = 0;
	s->snapshot.last_ts = now_ts;
	if (code)
		return code;
	write_snapshot(s);
	recording_writer_trim(s->writer, now_ts);
	return 0;
}

/* ---- when ---------------------------------------------------------------------------------------------------------- */

static void set_due(struct session *s, const char *text, uint64_t due_ts)
{
	struct snapshot *n = &s->snapshot;

	if (!n->due_ts)
		snprintf(n->text, sizeof(n->text), "snapshot: %s", text);
	if (!n->due_ts || due_ts < n->due_ts)
		n->due_ts = due_ts;
}

static void look_for_triggers(struct session *s, uint64_t now_ts)
{
	uint64_t due_ts = now_ts + s->o->tail_ns, earliest = s->snapshot.last_ts ? s->snapshot.last_ts + quiet_ns(s) : 0;
	const char *text;

	watch_tick(&s->watch, now_ts);
	if (watch_take(&s->watch, &text))
		set_due(s, text, due_ts > earliest ? due_ts : earliest);
	if (s->snapshot.is_asked)
		set_due(s, "SIGUSR2", now_ts);
	s->snapshot.is_asked = false;
}

int session_check_flight(struct session *s, uint64_t now_ts, struct err *err)
{
	struct snapshot *n = &s->snapshot;
	int status;

	if (!s->o->flight_bytes)
		return 0;
	recording_writer_trim(s->writer, now_ts);
	if (n->pid && waitpid(n->pid, &status, WNOHANG) == n->pid)
		end_snapshot(s, status);
	look_for_triggers(s, now_ts);
	return n->due_ts && now_ts >= n->due_ts && !n->pid ? take_snapshot(s, now_ts, err) : 0;
}

void session_finish_flight(struct session *s)
{
	int status = 0;

	if (!s->snapshot.pid)
		return;
	while (waitpid(s->snapshot.pid, &status, 0) < 0 && errno == EINTR)
		;
	end_snapshot(s, status);
}
