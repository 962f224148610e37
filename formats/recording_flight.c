// SPDX-License-Identifier: BSD-2-Clause
/* Recordings that are kept in memory: segments there, snapshots as files. */
#include <errno.h>
#include <stdlib.h>

#include "formats/cleanup.h"
#include "formats/recording_private.h"

int recording_begin_in_memory(struct recording_writer *w, uint64_t realtime_ns, uint64_t monotonic_ns, struct err *err)
{
	const struct recording_writer_options before = w->options;
	struct output old = w->out;
	int code = output_open_memory(&w->out, old.path, err);

	if (code) {
		w->out = old;
		return code;
	}
	w->options.realtime_ns = realtime_ns;
	w->options.monotonic_ns = monotonic_ns;
	w->segment++;
	code = recording_write_file_header(w, err);
	if (!code && flight_add(&w->flight, &old, monotonic_ns))
		code = err_code(err, -ENOMEM, "begin a segment");
	if (!code)
		return 0;
	(void)output_close(&w->out, NULL); /* memory: nothing can fail */
	w->options = before;
	w->segment--;
	w->out = old;
	return code;
}

void recording_writer_trim(struct recording_writer *w, uint64_t now_ts)
{
	const struct recording_flight *f = &w->options.flight;
	uint64_t used = w->out.pos, left = f->bytes > used ? f->bytes - used : 0;

	if (f->bytes)
		flight_trim(&w->flight, left, f->age_ns && now_ts > f->age_ns ? now_ts - f->age_ns : 0);
}

/* What is in memory is called by the file that it would become. */
static void name_memory(struct recording_writer *w)
{
	char *path = segments_path(&w->segments, w->segments.number + 1);

	if (!path)
		return; /* only for messages */
	free(w->out.path);
	w->out.path = path;
}

int recording_open_in_memory(struct recording_writer *w, const char *path, struct err *err)
{
	int code = output_open_memory(&w->out, path, err);

	if (!code)
		name_memory(w);
	return code;
}

int recording_writer_open_snapshot(struct recording_writer *w, uint64_t now_ts, struct output *ret, struct err *err)
{
	int code = segments_next(&w->segments, now_ts, ret, err);

	if (!code && w->out.memory)
		name_memory(w);
	return code;
}

int recording_writer_write_snapshot(const struct recording_writer *w, struct output *out, struct err *err)
{
	int code = flight_write(&w->flight, out, err), later;

	later = output_close(out, code ? NULL : err);
	return code ?: later;
}

int recording_writer_end_snapshot(struct recording_writer *w, uint64_t bytes, uint64_t now_ts)
{
	w->snapshots++;
	return segments_complete(&w->segments, bytes, now_ts);
}

/* The last one: with the segment that is being written, which has its END. */
int recording_close_in_memory(struct recording_writer *w, struct err *err)
{
	uint64_t now_ts = w->now_ts > w->options.monotonic_ns ? w->now_ts : w->options.monotonic_ns;
	struct output file;
	int code;

	if (flight_add(&w->flight, &w->out, now_ts)) {
		(void)output_close(&w->out, NULL);
		return err_code(err, -ENOMEM, "write what was kept");
	}
	code = recording_writer_open_snapshot(w, now_ts, &file, err);
	return code ?: recording_writer_write_snapshot(w, &file, err);
}
