// SPDX-License-Identifier: BSD-2-Clause
#include "formats/recording.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "formats/bundle_wire.h"
#include "formats/chunk_reader.h"
#include "formats/chunk_scan.h"
#include "formats/cleanup.h"

#define WINDOW_LOG_MAX 24

struct recording_reader {
	struct chunk_scan scan;
	struct chunk_reader chunk;
	struct modtab modules;
	struct recording_summary summary;
	ZSTD_DCtx *zstd;
	uint8_t *raw; /* payload of the present chunk */
	size_t raw_cap;
	uint64_t ended_segment; /* the highest number of a segment with its END */
	bool has_ended;		/* there is one */
	bool is_open; /* chunk holds events still to be given */
	int failed;   /* a final error, given again by each further call */
};

static void destroy(struct recording_reader *r)
{
	chunk_scan_deinit(&r->scan);
	chunk_reader_deinit(&r->chunk);
	modtab_deinit(&r->modules);
	ZSTD_freeDCtx(r->zstd);
	free(r->raw);
	free(r);
}

static struct recording_reader *create(void)
{
	struct recording_reader *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->scan.in.fd = r->scan.in.stop_fd = -1;
	chunk_reader_init(&r->chunk, &r->modules);
	r->zstd = ZSTD_createDCtx();
	if (r->zstd &&
	    !ZSTD_isError(ZSTD_DCtx_setParameter(r->zstd, ZSTD_d_windowLogMax, WINDOW_LOG_MAX)))
		return r;
	destroy(r);
	return NULL;
}

/* ---- a chunk's payload ---- */

static int unpack_zstd(struct recording_reader *r, const struct chunk_header *h, struct err *err)
{
	size_t got;

	if (r->raw_cap < h->raw_len) {
		free(r->raw);
		r->raw = malloc(h->raw_len);
		r->raw_cap = r->raw ? h->raw_len : 0;
		if (!r->raw)
			return err_set(err, -ENOMEM, "out of memory for a chunk");
	}
	/* Into exactly raw_len bytes: what the frame itself claims is not believed. */
	got = ZSTD_decompressDCtx(r->zstd, r->raw, h->raw_len, r->scan.payload, h->stored_len);
	if (ZSTD_isError(got))
		return err_set(err, -EBADMSG, "zstd: %s", ZSTD_getErrorName(got));
	if (got != h->raw_len)
		return err_set(err, -EBADMSG, "unpacks to %zu bytes, not %u", got, h->raw_len);
	return 0;
}

/* Returns 0 with *ret the payload, -EBADMSG or -ENOMEM. */
static int unpack(struct recording_reader *r, const uint8_t **ret, struct err *err)
{
	const struct chunk_header *h = &r->scan.header;
	int code;

	if (h->codec == CODEC_RAW) {
		if (h->raw_len != h->stored_len)
			return err_set(err, -EBADMSG, "stored raw, yet in two lengths");
		*ret = r->scan.payload;
		return 0;
	}
	if (h->codec != CODEC_ZSTD)
		return err_set(err, -EBADMSG, "codec %u is not known", h->codec);
	code = unpack_zstd(r, h, err);
	if (!code)
		*ret = r->raw;
	return code;
}

static int load_chunk(struct recording_reader *r, struct err *err)
{
	const struct chunk_header *h = &r->scan.header;
	const uint8_t *payload = NULL;
	int ret = unpack(r, &payload, err);

	if (!ret)
		ret = chunk_reader_load(&r->chunk, payload, h->raw_len, h->seq, h->type, err);
	r->chunk.view.sz = chunk_sz(h);
	if (!ret && r->chunk.event_cnt != h->event_cnt)
		ret = err_set(err, -EBADMSG, "its header says %u events, it holds %llu",
			      h->event_cnt, (unsigned long long)r->chunk.event_cnt);
	return ret;
}

/* ---- the recording ---- */

static void count_event(struct recording_reader *r, const struct event *ev)
{
	r->summary.events[ev->kind]++;
	if (ev->kind != EVENT_END)
		return;
	r->has_ended = true;
	if (r->scan.segment_no > r->ended_segment)
		r->ended_segment = r->scan.segment_no;
}

static void count_chunk(struct recording_reader *r)
{
	const struct chunk_header *h = &r->scan.header;
	struct recording_segment *segment = r->scan.segment_cnt ? &r->scan.segment[r->scan.segment_cnt - 1] : NULL;
	struct recording_summary *s = &r->summary;

	s->chunks++;
	s->chunks_by_type[h->type]++;
	if (!h->last_ts)
		return;
	if (segment && h->last_ts > segment->last_ts)
		segment->last_ts = h->last_ts;
	if (!s->last_ts || h->first_ts < s->first_ts)
		s->first_ts = h->first_ts;
	if (h->last_ts > s->last_ts)
		s->last_ts = h->last_ts;
}

/* Returns 0 (skipped) or -EPROTONOSUPPORT. */
static int pass_unknown(struct recording_reader *r, struct err *err)
{
	const struct chunk_header *h = &r->scan.header;

	if (h->flags & CHUNK_CRITICAL)
		return err_set(err, -EPROTONOSUPPORT,
			       "offset %llu: chunk of type %u, which is critical and not known "
			       "here (format %u.%u)",
			       (unsigned long long)r->scan.off, h->type, r->scan.file.major,
			       r->scan.file.minor);
	r->summary.unknown_chunks++;
	return 0;
}

/*
 * Take up the chunk that was found. Returns 0 or a final error; one that cannot be read is damage.
 */
static int take_chunk(struct recording_reader *r, struct err *err)
{
	struct err why = { 0 };
	int ret;

	if (!r->scan.header.type || r->scan.header.type >= CHUNK_TYPE_CNT)
		return pass_unknown(r, err);
	ret = load_chunk(r, &why);
	if (ret == -EBADMSG) {
		chunk_scan_reject(&r->scan, why.text);
		return 0;
	}
	if (ret)
		return err_set(err, ret, "%s", why.text);
	r->is_open = true;
	count_chunk(r);
	return 0;
}

int recording_reader_next(struct recording_reader *r, struct event *ev, struct err *err)
{
	int ret;

	if (r->failed)
		return err_set(err, r->failed, "reading stopped before");
	for (;;) {
		if (r->is_open && chunk_reader_next(&r->chunk, ev)) {
			count_event(r, ev);
			return 1;
		}
		r->is_open = false;
		ret = chunk_scan_next(&r->scan, err);
		if (!ret)
			return 0;
		if (ret > 0)
			ret = take_chunk(r, err);
		if (ret) {
			r->failed = ret;
			return ret;
		}
	}
}

/*
 * Find the first chunk, so that what is no recording is refused before anything is given out. An
 * empty recording (a valid file header, nothing else) is one.
 */
static int find_start(struct recording_reader *r, struct err *err)
{
	int ret = chunk_scan_next(&r->scan, err);

	if (ret > 0)
		ret = take_chunk(r, err);
	if (ret)
		return ret;
	if (!r->scan.has_rec32)
		return err_set(err, -EBADMSG,
			       "not a varve recording: no file header and no chunk in %llu bytes",
			       (unsigned long long)r->scan.in.off);
	return 0;
}

int recording_reader_next_recording(struct recording_reader *r, struct err *err)
{
	int ret;

	if (r->failed)
		return err_set(err, r->failed, "reading stopped before");
	ret = chunk_scan_next_recording(&r->scan, err);
	if (ret > 0) {
		chunk_reader_deinit(&r->chunk);
		modtab_deinit(&r->modules);
		chunk_reader_init(&r->chunk, &r->modules);
		r->summary = (struct recording_summary){ 0 };
		r->ended_segment = 0;
		r->has_ended = r->is_open = false;
		/* as when opening: its header is taken up, so that the summary knows whose it is */
		ret = find_start(r, err) ?: 1;
	}
	if (ret < 0)
		r->failed = ret;
	return ret;
}

/*
 * What is often given for a recording. Refused by its first bytes: what packs bytes may leave whole chunks as they are, so that looking for them would find
 * some, and call the rest damaged.
 */
static int refuse_others(struct input *in, struct err *err)
{
	static const struct {
		const char *magic, *what, *hint;
	} kinds[] = {
		{ "\x1f\x8b\x08", "compressed", "zcat FILE | varve-report COMMAND -" },
		{ "\x28\xb5\x2f\xfd", "compressed", "zstdcat FILE | varve-report COMMAND -" },
		{ "\xfd" "7zXZ", "compressed", "xzcat FILE | varve-report COMMAND -" },
		{ "BZh", "compressed", "bzcat FILE | varve-report COMMAND -" },
		{ "PERFILE2", "of perf", "perf script reads it" },
		{ BUNDLE_FIRST_NAME, "a bundle", "give the recording, and --symfs with this" },
	};
	int code = input_look(in, 16, err);

	for (size_t i = 0; !code && i < ARRAY_SIZE(kinds); i++) {
		if (strlen(kinds[i].magic) > in->avail || memcmp(in->p, kinds[i].magic, strlen(kinds[i].magic)))
			continue;
		code = err_set(err, -EBADMSG, "not a varve recording, but %s", kinds[i].what);
		err_hint(err, "%s", kinds[i].hint);
	}
	return code;
}

static int start(struct recording_reader *r, const char *path, struct recording_reader **ret,
		 struct err *err)
{
	int code = refuse_others(&r->scan.in, err);

	code = code ?: find_start(r, err);
	if (code) {
		if (path && code != -EIO)
			err_prefix(err, "%s", path);
		destroy(r);
		return code;
	}
	*ret = r;
	return 0;
}

int recording_reader_open(const char *path, struct recording_reader **ret, struct err *err)
{
	return recording_reader_open_until(path, -1, ret, err);
}

int recording_reader_open_until(const char *path, int stop_fd, struct recording_reader **ret, struct err *err)
{
	struct recording_reader *r = create();
	int code;

	if (!r)
		return err_set(err, -ENOMEM, "open '%s': out of memory", path);
	code = input_open(&r->scan.in, path, stop_fd, err);
	if (code) {
		destroy(r);
		return code;
	}
	return start(r, path, ret, err);
}

int recording_reader_open_memory(const void *data, size_t len, struct recording_reader **ret,
				 struct err *err)
{
	struct recording_reader *r = create();

	if (!r)
		return err_set(err, -ENOMEM, "open a recording: out of memory");
	input_open_memory(&r->scan.in, data, len);
	return start(r, NULL, ret, err);
}

int recording_peek(const char *path, uint8_t ret_uuid[16], uint64_t *ret_segment)
{
	uint8_t bytes[FILE_HEADER_SZ];
	_cleanup_close_ int fd = -1;
	struct file_header h;
	struct stat st;

	if (stat(path, &st)) /* before opening: a pipe's bytes come once */
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	if (read(fd, bytes, sizeof(bytes)) != sizeof(bytes) || !file_header_get(bytes, &h))
		return -EBADMSG;
	memcpy(ret_uuid, h.uuid, sizeof(h.uuid));
	*ret_segment = h.segment_no;
	return 0;
}

const struct chunk_view *recording_reader_chunk(const struct recording_reader *r)
{
	return &r->chunk.view;
}

const struct module *recording_reader_module(const struct recording_reader *r, uint32_t id)
{
	return modtab_get(&r->modules, id);
}

uint32_t recording_reader_module_count(const struct recording_reader *r)
{
	return r->modules.cnt;
}

const struct recording_summary *recording_reader_summary(const struct recording_reader *r)
{
	/*
	 * The summary is brought up to date when it is asked for; that changes nothing a caller can
	 * see otherwise.
	 */
	struct recording_summary *s = &((struct recording_reader *)r)->summary;
	const struct file_header *f = &r->scan.file;

	s->offset = r->scan.begin_off;
	s->bytes = r->scan.in.off - r->scan.begin_off;
	s->duplicate_chunks = r->scan.duplicates;
	s->duplicate_bytes = r->scan.duplicate_bytes;
	s->segments = r->scan.segments;
	s->has_end = r->has_ended && r->ended_segment >= r->scan.newest_segment;
	s->segment = r->scan.segment;
	s->segment_cnt = r->scan.segment_cnt;
	s->major = f->major;
	s->minor = f->minor;
	memcpy(s->uuid, f->uuid, sizeof(s->uuid));
	memcpy(s->boot_id, f->boot_id, sizeof(s->boot_id));
	s->realtime_ns = f->realtime_ns;
	s->monotonic_ns = f->monotonic_ns;
	s->arch = f->arch;
	s->unknown_sections = r->chunk.unknown_sections;
	s->unknown_columns = r->chunk.unknown_columns;
	s->damage = r->scan.damage.list;
	s->damage_cnt = r->scan.damage.cnt;
	return s;
}

void recording_reader_close(struct recording_reader *r)
{
	if (r)
		destroy(r);
}
