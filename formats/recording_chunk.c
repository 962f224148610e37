// SPDX-License-Identifier: BSD-2-Clause
#include <zstd.h>

#include "formats/cleanup.h"
#include "formats/crc32c.h"
#include "formats/recording_private.h"

/* A larger LOSS or END chunk does not go into the reserve. */
#define RESERVE_CHUNK_MAX (OUTPUT_RESERVE_SZ / 2)

/* Payload of the chunk into w->packed, behind room for its header. Sets codec and lengths of *h. */
static int pack(struct recording_writer *w, struct chunk_writer *c, struct chunk_header *h,
		struct err *err)
{
	size_t stored;
	int ret;

	w->raw.len = w->packed.len = 0;
	ret = chunk_writer_finish(c, &w->raw);
	if (!ret)
		ret = buffer_reserve(&w->packed, CHUNK_HEADER_SZ + ZSTD_compressBound(w->raw.len) +
							 CHUNK_ALIGN);
	if (ret)
		return err_set(err, -ENOBUFS, "encode a chunk: out of memory");
	if (w->raw.len > CHUNK_PAYLOAD_MAX)
		return err_set(err, -EINVAL, "a chunk of %zu bytes, more than the format allows",
			       w->raw.len);
	h->raw_len = (uint32_t)w->raw.len;
	h->codec = CODEC_ZSTD;
	stored = ZSTD_compress2(w->zstd, w->packed.data + CHUNK_HEADER_SZ,
				w->packed.cap - CHUNK_HEADER_SZ, w->raw.data, w->raw.len);
	if (ZSTD_isError(stored) || stored >= w->raw.len) {
		h->codec = CODEC_RAW;
		stored = w->raw.len;
		memcpy(w->packed.data + CHUNK_HEADER_SZ, w->raw.data, stored);
	}
	h->stored_len = (uint32_t)stored;
	return 0;
}

static void count_written(struct recording_writer *w, const struct chunk_writer *c,
			  const struct chunk_header *h)
{
	for (unsigned kind = 0; kind < EVENT_KIND_CNT; kind++)
		w->stats.written[kind] += c->rows[kind].cnt;
	w->stats.chunks++;
	w->stats.bytes += chunk_sz(h);
	w->stats.raw_bytes += h->raw_len;
	w->seq++;
}

/* The chunk's events will not be in the file: remember them for a LOSS chunk. */
static void count_dropped(struct recording_writer *w, const struct chunk_writer *c)
{
	for (unsigned kind = 0; kind < EVENT_KIND_CNT; kind++) {
		struct unwritten *u = &w->unwritten[kind];
		uint32_t cnt = c->rows[kind].cnt;

		if (!cnt)
			continue;
		w->stats.dropped[kind] += cnt;
		if (kind == EVENT_LOSS)
			continue; /* its own loss would never end */
		if (c->last_ts) {
			u->first_ts = u->first_ts && u->first_ts < c->first_ts ? u->first_ts
									       : c->first_ts;
			u->last_ts = u->last_ts > c->last_ts ? u->last_ts : c->last_ts;
		}
		u->cnt += cnt;
	}
}

/* The oldest event that is not in the file yet. */
static uint64_t oldest_open(const struct recording_writer *w)
{
	uint64_t ts = UINT64_MAX;

	for (size_t i = 0; i < ARRAY_SIZE(w->chunks); i++)
		ts = w->chunks[i].first_ts < ts ? w->chunks[i].first_ts : ts;
	return ts;
}

/* Rounded up. */
static uint32_t to_ms(uint64_t ns)
{
	uint64_t ms = ns / 1000000 + 1;

	return ms < UINT32_MAX ? (uint32_t)ms : UINT32_MAX;
}

static struct chunk_header header_of(const struct recording_writer *w, const struct chunk_writer *c,
				     unsigned type)
{
	return (struct chunk_header){
		.type = (uint16_t)type,
		.flags = (type == CHUNK_END ? CHUNK_LAST_IN_SEGMENT : 0) |
			 (w->after_loss[type] ? CHUNK_AFTER_LOSS : 0),
		.seq = w->seq,
		.first_ts = c->last_ts ? c->first_ts : 0,
		.last_ts = c->last_ts,
		.event_cnt = c->event_cnt,
		.rec32 = w->rec32,
		.older_ms = c->last_ts ? to_ms(c->first_ts - oldest_open(w)) : 0,
		.newer_ms = c->last_ts ? to_ms(w->newest_ts - c->last_ts) : 0,
	};
}

static bool has_room(const struct recording_writer *w, uint64_t sz)
{
	return !w->options.max_bytes || recording_writer_position(w).total_bytes + sz <= w->options.max_bytes;
}

static int store(struct recording_writer *w, struct chunk_header *h, bool use_reserve,
		 struct err *err)
{
	size_t sz = chunk_sz(h), used = CHUNK_HEADER_SZ + h->stored_len;

	if (!has_room(w, sz + (use_reserve ? 0 : OUTPUT_RESERVE_SZ)))
		return err_set(err, -EFBIG, "write '%s': the recording is as large as it may be", w->out.path);
	h->payload_crc = crc32c(0, w->packed.data + CHUNK_HEADER_SZ, h->stored_len);
	chunk_header_put(w->packed.data, h);
	memset(w->packed.data + used, 0, sz - used);
	return recording_write(w, w->packed.data, sz, use_reserve && sz <= RESERVE_CHUNK_MAX, 0, err);
}

int recording_write_chunk(struct recording_writer *w, unsigned type, bool use_reserve, struct err *err)
{
	struct chunk_writer *c = &w->chunks[type];
	struct chunk_header h;
	int ret;

	if (!c->event_cnt)
		return 0;
	h = header_of(w, c, type);
	ret = pack(w, c, &h, err);
	if (!ret)
		ret = store(w, &h, use_reserve, err);
	if (ret)
		count_dropped(w, c);
	else
		count_written(w, c, &h);
	w->after_loss[type] = ret != 0;
	chunk_writer_clear(c);
	return ret;
}

int recording_add_unwritten(struct recording_writer *w)
{
	for (unsigned kind = 0; kind < EVENT_KIND_CNT; kind++) {
		struct unwritten *u = &w->unwritten[kind];
		struct event ev = { .kind = EVENT_LOSS, .ts = u->first_ts };
		int err;

		if (!u->cnt)
			continue;
		ev.loss.stream = kind;
		ev.loss.reason = LOSS_CHUNK_WRITE;
		ev.loss.cnt = u->cnt;
		ev.loss.dur_ns = u->last_ts - u->first_ts;
		err = chunk_writer_add(&w->chunks[CHUNK_LOSS], &ev);
		if (err)
			return err;
		*u = (struct unwritten){ 0 };
	}
	return 0;
}
