// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "formats/cleanup.h"
#include "formats/recording_private.h"

const uint8_t recording_write_order[] = {
	CHUNK_META,   CHUNK_CLOCK, CHUNK_KEYFRAME, CHUNK_TASK,	 CHUNK_KSYM,
	CHUNK_SYMTAB, CHUNK_SCHED, CHUNK_SAMPLE,   CHUNK_OFFCPU, CHUNK_OOM,
	CHUNK_HEALTH, CHUNK_MARK,  CHUNK_LOSS,	   CHUNK_END,
};
const size_t recording_write_order_cnt = ARRAY_SIZE(recording_write_order);

void recording_destroy(struct recording_writer *w)
{
	flight_deinit(&w->flight);
	segments_close(&w->segments);
	ZSTD_freeCCtx(w->zstd);
	modtab_deinit(&w->modules);
	for (size_t i = 0; i < ARRAY_SIZE(w->chunks); i++)
		chunk_writer_deinit(&w->chunks[i]);
	buffer_deinit(&w->raw);
	buffer_deinit(&w->packed);
	free(w);
}

/* ---- files ---- */

static int open_first_segment(struct recording_writer *w, const char *path, struct err *err)
{
	const struct recording_writer_options *o = &w->options;
	int code = segments_open(&w->segments, path, &o->keep, o->force, o->monotonic_ns, o->realtime_ns, err);

	if (!code && o->flight.bytes)
		return recording_open_in_memory(w, path, err);
	return code ?: segments_next(&w->segments, o->monotonic_ns, &w->out, err);
}

int recording_open_file(struct recording_writer *w, const char *path, struct err *err)
{
	return w->options.is_segmented ? open_first_segment(w, path, err) : output_open(&w->out, path, w->options.force, err);
}

/* Room can be made: true when it was. */
static bool drop_for_room(struct recording_writer *w, uint32_t keep)
{
	const struct recording_keep *k = &w->options.keep;
	bool may_drop = w->options.is_segmented && (k->cnt || k->bytes || k->age_ns);

	return may_drop && w->segments.cnt > keep && segments_drop_oldest(&w->segments, NULL) == 1;
}

int recording_write(struct recording_writer *w, const void *data, size_t sz, bool use_reserve, uint32_t keep, struct err *err)
{
	int ret;

	do
		ret = output_write(&w->out, data, sz, use_reserve, err);
	while ((ret == -ENOSPC || ret == -EDQUOT) && drop_for_room(w, keep));
	return ret;
}

int recording_write_file_header(struct recording_writer *w, struct err *err)
{
	struct file_header h = {
		.major = FORMAT_MAJOR,
		.minor = FORMAT_MINOR,
		.header_len = FILE_HEADER_SZ,
		.segment_no = w->segment,
		.realtime_ns = w->options.realtime_ns,
		.monotonic_ns = w->options.monotonic_ns,
		.arch = w->options.arch,
		.pointer_bytes = sizeof(void *),
		.rec32 = w->rec32,
	};
	uint8_t bytes[FILE_HEADER_SZ];
	int ret;

	memcpy(h.uuid, w->options.uuid, sizeof(h.uuid));
	memcpy(h.boot_id, w->options.boot_id, sizeof(h.boot_id));
	file_header_put(bytes, &h);
	/* the segment before goes on if this one cannot begin */
	ret = recording_write(w, bytes, sizeof(bytes), false, 1, err);
	if (!ret)
		w->stats.bytes += sizeof(bytes);
	return ret;
}

int recording_write_rest(struct recording_writer *w, struct err *err)
{
	int first = 0;

	for (size_t i = 0; i < recording_write_order_cnt; i++) {
		unsigned type = recording_write_order[i];
		int ret = type == CHUNK_LOSS ? recording_add_unwritten(w) : 0;

		if (!ret)
			ret = recording_write_chunk(w, type, type == CHUNK_LOSS || type == CHUNK_END, first ? NULL : err);
		first = first ? first : ret;
	}
	return first;
}

/* ---- segments ---- */

static int open_next(struct recording_writer *w, uint64_t monotonic_ns, struct err *err)
{
	int code = segments_next(&w->segments, monotonic_ns, &w->out, err);

	if (code)
		return code;
	code = recording_write_file_header(w, err);
	if (code) {
		(void)unlink(w->out.path);	   /* an empty file helps nobody */
		(void)output_close(&w->out, NULL); /* the write's error is the one to tell */
		w->segments.number--;
	}
	return code;
}

/* The present one has all it gets, but is not closed before the next one is there. */
static int begin_next(struct recording_writer *w, uint64_t realtime_ns, uint64_t monotonic_ns, struct err *err)
{
	const struct recording_writer_options before = w->options;
	struct output old = w->out;
	int code = segments_complete(&w->segments, old.pos, monotonic_ns);

	if (code)
		return err_code(err, code, "begin a segment");
	w->options.realtime_ns = realtime_ns;
	w->options.monotonic_ns = monotonic_ns;
	w->segment++;
	code = open_next(w, monotonic_ns, err);
	if (!code)
		return output_close(&old, err);
	w->options = before;
	w->segment--;
	w->out = old;
	segments_reopen(&w->segments);
	return code;
}

int recording_writer_next_segment(struct recording_writer *w, uint64_t realtime_ns, uint64_t monotonic_ns, struct err *err)
{
	int ret = recording_write_rest(w, err), later;

	later = w->options.flight.bytes ? recording_begin_in_memory(w, realtime_ns, monotonic_ns, ret ? NULL : err) :
					  begin_next(w, realtime_ns, monotonic_ns, ret ? NULL : err);
	return ret ?: later;
}

int recording_writer_drop_segment(struct recording_writer *w, struct err *err)
{
	return w->options.is_segmented ? segments_drop_oldest(&w->segments, err) : 0;
}

struct recording_position recording_writer_position(const struct recording_writer *w)
{
	struct recording_position p = {
		.path = w->out.path,
		.segment = w->segment,
		.files = w->options.flight.bytes ? w->snapshots : w->segment + 1,
		.kept = w->flight.cnt,
		.bytes = w->out.pos,
		.total_bytes = w->segments.bytes + (w->options.flight.bytes ? 0 : w->out.pos),
	};

	for (size_t i = 0; i < ARRAY_SIZE(w->chunks); i++)
		p.open_bytes += w->chunks[i].estimate;
	return p;
}

void recording_writer_discard(struct recording_writer *w)
{
	if (!w)
		return;
	if (w->out.fd >= 0 && !w->out.is_stream) /* memory has none */
		(void)unlink(w->out.path);
	(void)output_close(&w->out, NULL); /* what it was discarded for is the error to tell */
	recording_destroy(w);
}
