// SPDX-License-Identifier: BSD-2-Clause
#include "record/session_private.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>

#include "formats/recording.h"

#define NAMES_NS (20 * SECOND)	    /* for all names, in the end */
#define NAMES_ROUND_NS (2 * SECOND) /* while recording goes on; what is not named by then has no name in this segment */
#define NAMES_LAST_NS (SECOND / 4)
#define NAMES_ROUNDS 3
/* Of --rotate's size, that a segment is more than what it began with: else on a large host one would be followed by another at once. */
#define SEGMENT_MIN_SHARE 4
/* What open chunks become at most, on the whole. */
#define PACKED_SHARE 3
#define NAMES_SHARE 16 /* of --max-size, for names and totals … */
#define NAMES_BYTES (2ULL << 20) /* … and at most */

/* ---- names --------------------------------------------------------------------------------------------------------- */

struct naming {
	struct session *s;
	int code;
};

/* Rings are not to run full while symbol tables are read. */
static void drain_meanwhile(void *ctx)
{
	struct naming *n = ctx;
	int code = session_drain(n->s, NULL);

	n->code = n->code ?: code;
}

static int64_t name_new(struct session *s, const struct names_idle *idle, uint64_t timeout_ns, struct err *err)
{
	const struct symbols_sources src = {
		.modules = s->modules, .jit = s->jit, .kallsyms = s->kallsyms, .writer = s->writer, .idle = idle,
	};
	struct symbols_stats stats;

	return symbols_emit(s->symbols, &src, timeout_ns, &stats, err);
}

/*
 * What was recorded while names were read needs names as well: ever less, in ever less time. The last round is short and takes nothing in.
 */
int session_write_names(struct session *s, bool is_last, struct err *err)
{
	struct naming n = { .s = s };
	const struct names_idle idle = { drain_meanwhile, &n };
	int64_t found = 1;

	if (is_last) {
		found = name_new(s, NULL, NAMES_NS, err);
		return found < 0 ? (int)found : 0;
	}
	for (int i = 0; i < NAMES_ROUNDS && found > 0 && !n.code; i++) {
		bool is_short = i == NAMES_ROUNDS - 1;

		found = name_new(s, is_short ? NULL : &idle, is_short ? NAMES_LAST_NS : NAMES_ROUND_NS, err);
	}
	if (n.code)
		return err_code(err, n.code, "write events");
	return found < 0 ? (int)found : 0;
}

int session_write_kernel_names(struct session *s, struct err *err)
{
	const struct symbols_sources src = { .kallsyms = s->kallsyms, .writer = s->writer };
	struct symbols_stats stats;
	int64_t found = symbols_emit(s->symbols, &src, 0, &stats, err);

	return found < 0 ? (int)found : 0;
}

/* ---- the next segment ---------------------------------------------------------------------------------------------- */

/* About, with what is not written yet. */
static uint64_t size_of_segment(const struct session *s)
{
	struct recording_position p = recording_writer_position(s->writer);

	return p.bytes + p.open_bytes / PACKED_SHARE;
}

static int end_segment(struct session *s, enum end_reason reason, uint64_t now_ts, struct err *err)
{
	const struct event end = { .kind = EVENT_END, .ts = now_ts, .end.reason = reason };
	struct loss_sources src = session_loss_sources(s);

	return loss_totals(&s->loss, &src, s->writer, now_ts, false, err) ?: session_clock_write(s->writer, NULL, err) ?:
	       recording_writer_add(s->writer, &end, err);
}

/* What was written once and is needed once in each segment; names, in each snapshot of those that are in memory. */
static void forget_written(struct session *s)
{
	uint64_t kept = recording_writer_position(s->writer).kept;

	symbols_next_segment(s->symbols, kept < UINT16_MAX ? (uint16_t)kept : UINT16_MAX);
	kallsyms_next_segment(s->kallsyms);
	events_next_segment(s->events);
	memsnap_next_segment(s->memsnap);
}

int session_next_segment(struct session *s, enum end_reason reason, struct err *err)
{
	bool needs_names = !s->o->flight_bytes || reason == END_SNAPSHOT;
	int code = needs_names ? session_write_names(s, false, err) : 0;
	uint64_t now_ts = session_now();

	code = code ?: session_read_accounts(s, WIRE_ITER_ACCOUNT, err);
	s->account_ts = now_ts;
	code = code ?: session_note_losses(s, now_ts, err) ?: recording_writer_flush(s->writer, err) ?: end_segment(s, reason, now_ts, err);
	if (code)
		return code;
	now_ts = session_now();
	code = session_segment_start(s->writer, now_ts, err);
	if (code)
		return code;
	s->segment_ts = now_ts;
	forget_written(s);
	session_forget(s, now_ts, true);
	code = session_describe(s, now_ts, err);
	s->segment_head = size_of_segment(s);
	return code;
}

int session_check_segment(struct session *s, uint64_t now_ts, struct err *err)
{
	uint64_t most = s->o->rotate_bytes, sz;
	bool is_over;

	if (!s->o->is_segmented)
		return 0;
	sz = size_of_segment(s);
	is_over = most && sz >= most && sz - s->segment_head >= most / SEGMENT_MIN_SHARE;
	is_over |= s->o->rotate_ns && now_ts - s->segment_ts >= s->o->rotate_ns;
	return is_over ? session_next_segment(s, END_SEGMENT, err) : 0;
}

/* ---- limits -------------------------------------------------------------------------------------------------------- */

static void end_with(struct session *s, enum end_reason reason, const char *text)
{
	s->stop = true;
	s->result->end = reason;
	snprintf(s->result->warning, sizeof(s->result->warning), "%s, recording ended", text);
	*s->result->warning_hint = '\0';
}

static bool is_too_large(struct session *s)
{
	struct recording_position p = recording_writer_position(s->writer);
	uint64_t rest = s->o->max_bytes / NAMES_SHARE;

	rest = (rest < NAMES_BYTES ? rest : NAMES_BYTES) + p.open_bytes / PACKED_SHARE;
	return p.total_bytes + rest >= s->o->max_bytes;
}

static bool is_disk_low(struct session *s)
{
	struct statvfs fs;

	return !statvfs(recording_writer_position(s->writer).path, &fs) && (uint64_t)fs.f_bavail * fs.f_frsize < s->o->min_free_bytes;
}

void session_check_limits(struct session *s, uint64_t now_ts)
{
	bool may_delete = s->o->keep_cnt || s->o->keep_bytes || s->o->keep_ns;
	uint64_t bytes;

	if (s->o->max_bytes && is_too_large(s))
		end_with(s, END_SIZE, "--max-size is reached");
	if (!s->o->min_free_bytes)
		return;
	bytes = recording_writer_position(s->writer).total_bytes;
	if (bytes == s->space_bytes && now_ts - s->space_ts < SECOND)
		return;
	s->space_bytes = bytes;
	s->space_ts = now_ts;
	while (is_disk_low(s))
		if (!may_delete || recording_writer_drop_segment(s->writer, NULL) != 1) {
			end_with(s, END_LOW_SPACE, "the disk has less left than --min-free");
			return;
		}
}
