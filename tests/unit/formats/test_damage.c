// SPDX-License-Identifier: BSD-2-Clause
/*
 * A recording that lost bytes: what is read is never wrong, no chunk is lost that was not touched,
 * and what is lost is named. With VARVE_RECORDING=FILE the exhaustive tests run over that recording
 * instead of a made one; as that is long, they then look at the payloads that come out, byte for
 * byte, and only now and then at the events.
 */
#include "formats/recording.h"

#include <unistd.h>

#include "formats/chunk_scan.h"
#include "formats/cleanup.h"
#include "formats/crc32c.h"
#include "tests/test.h"
#include "tests/unit/formats/random_events.h"

struct chunk_place {
	uint64_t off, sz; /* sz with padding */
	struct chunk_header header;
	uint32_t hash; /* of its events */
};

/* An undamaged recording and where its chunks are. */
struct original {
	uint8_t *data;
	size_t len;
	struct chunk_place *chunks;
	uint32_t cnt, cap;
};

/* ---- making and reading ---- */

static struct event made_event(uint64_t *state, int i, struct frame *frames, char *text)
{
	static const enum event_kind kinds[] = { EVENT_SAMPLE, EVENT_COMM, EVENT_OFFCPU, EVENT_MARK,
						 EVENT_SWITCH };
	struct event ev = { .kind = kinds[i % ARRAY_SIZE(kinds)],
			    .ts = 1000000ull * (unsigned)(i + 1),
			    .cpu = i % 2 };

	ev.task = (struct task_ref){ 100 + i % 3, 100 + i % 3, 7, "worker" };
	if (ev.kind == EVENT_SAMPLE || ev.kind == EVENT_OFFCPU) {
		ev.stack = (struct event_stack){ .frames = frames, .cnt = 4 };
		for (unsigned f = 0; f < ev.stack.cnt; f++)
			frames[f] = (struct frame){ .module = 1 + f % 2,
						    .off = 0x1000 + random_next(state) % 8 };
	}
	if (ev.kind == EVENT_MARK) {
		snprintf(text, 32, "mark %d", i);
		ev.mark.text = text;
	}
	if (ev.kind == EVENT_OFFCPU)
		ev.offcpu.dur_ns = 5000 + (unsigned)i;
	return ev;
}

/* A recording of `cnt` small chunks of several types and an END. */
static void make_file(const char *path, int cnt)
{
	static const struct recording_writer_options options = { .uuid = { 1, 2, 3 },
								 .force = true };
	struct recording_writer *w = NULL;
	struct event end = { .kind = EVENT_END, .ts = 1000000000 };
	struct frame frames[4];
	uint64_t state = 3;
	char text[32];

	CHECK_EQ(recording_writer_open(path, &options, &w, NULL), 0);
	for (int i = 0; i < TEST_MODULES; i++)
		recording_writer_add_module(w, &test_modules[i]);
	for (int i = 0; i < cnt * 2; i++) {
		struct event ev = made_event(&state, i / 2, frames, text);

		CHECK_EQ(recording_writer_add(w, &ev, NULL), 0);
		if (i & 1)
			CHECK_EQ(recording_writer_flush(w, NULL), 0);
	}
	CHECK_EQ(recording_writer_add(w, &end, NULL), 0);
	CHECK_EQ(recording_writer_close(w, NULL), 0);
}

static uint32_t hash_text(uint32_t h, const char *s)
{
	return crc32c(h, s, strlen(s) + 1);
}

static uint32_t hash_task(uint32_t h, const struct task_ref *t)
{
	h = crc32c(h, &t->pid, sizeof(t->pid));
	h = crc32c(h, &t->tid, sizeof(t->tid));
	h = crc32c(h, &t->start_ts, sizeof(t->start_ts));
	return hash_text(h, t->comm);
}

/* By what a module is, not by its number: that depends on what was read before. */
static uint32_t hash_module(uint32_t h, const struct recording_reader *r, uint32_t id)
{
	const struct module *m = recording_reader_module(r, id);

	if (!m)
		return crc32c(h, &id, sizeof(id));
	h = crc32c(h, m->build_id, m->build_id_sz);
	h = crc32c(h, &m->start_ts, sizeof(m->start_ts));
	return hash_text(h, m->path);
}

static uint32_t hash_stack(uint32_t h, const struct recording_reader *r,
			   const struct event_stack *s)
{
	const struct chunk_view *v = recording_reader_chunk(r);

	for (uint32_t node = s->id; node; node = v->node_parent[node]) {
		const struct frame *f = &v->frames[v->node_frame[node]];

		h = hash_module(h, r, f->module);
		h = crc32c(h, &f->off, sizeof(f->off));
		h = crc32c(h, &f->flags, sizeof(f->flags));
	}
	return crc32c(h, &s->end, sizeof(s->end));
}

static uint32_t hash_event(uint32_t h, const struct recording_reader *r, const struct event *ev)
{
	const struct section_desc *desc = section_find(ev->kind);

	h = crc32c(h, &ev->kind, sizeof(ev->kind));
	for (unsigned c = 0; c < desc->column_cnt; c++) {
		const char *field = (const char *)ev + desc->columns[c].off;

		switch (desc->columns[c].type) {
		case COLUMN_U8:
			h = crc32c(h, field, 1);
			break;
		case COLUMN_U32:
		case COLUMN_I32:
			h = crc32c(h, field, 4);
			break;
		case COLUMN_U64:
		case COLUMN_I64:
			h = crc32c(h, field, 8);
			break;
		case COLUMN_STR:
			h = hash_text(h, *(const char *const *)field);
			break;
		case COLUMN_TASK:
			h = hash_task(h, (const struct task_ref *)field);
			break;
		case COLUMN_STACK:
			h = hash_stack(h, r, (const struct event_stack *)field);
			break;
		case COLUMN_MODULE:
			h = hash_module(h, r, *(const uint32_t *)field);
			break;
		}
	}
	return h;
}

/* What came out of bytes that may be damaged. */
struct outcome {
	uint32_t *hash; /* of its events, by index of the original's chunk; 0: did not come */
	uint32_t extra; /* chunks that are none of the original's, or came twice */
	int code;	/* of open */
	bool has_end;
	struct recording_damage damage[16];
	size_t damage_cnt;
	uint64_t duplicates;
};

static int find_chunk(const struct original *o, uint64_t seq)
{
	for (uint32_t i = 0; i < o->cnt; i++)
		if (o->chunks[i].header.seq == seq)
			return (int)i;
	return -1;
}

static void outcome_reset(const struct original *o, struct outcome *out)
{
	uint32_t *hash = out->hash ? out->hash : malloc((o->cnt + 1) * sizeof(*hash));

	memset(hash, 0, (o->cnt + 1) * sizeof(*hash));
	*out = (struct outcome){ .hash = hash };
}

static void take_summary(struct outcome *out, const struct recording_summary *s)
{
	out->has_end = s->has_end;
	out->duplicates = s->duplicate_chunks;
	out->damage_cnt = s->damage_cnt;
	for (size_t i = 0; i < s->damage_cnt && i < ARRAY_SIZE(out->damage); i++)
		out->damage[i] = s->damage[i];
}

/* Through the whole reader. */
static void read_events(const struct original *o, const uint8_t *data, size_t len,
			struct outcome *out)
{
	struct recording_reader *r = NULL;
	uint64_t seq = UINT64_MAX;
	struct event ev;
	int i = -1;

	outcome_reset(o, out);
	out->code = recording_reader_open_memory(data, len, &r, NULL);
	if (out->code)
		return;
	while (recording_reader_next(r, &ev, NULL) == 1) {
		if (recording_reader_chunk(r)->seq != seq) {
			seq = recording_reader_chunk(r)->seq;
			i = find_chunk(o, seq);
			out->extra += i < 0 || out->hash[i];
		}
		if (i >= 0)
			out->hash[i] = hash_event(out->hash[i], r, &ev);
	}
	take_summary(out, recording_reader_summary(r));
	recording_reader_close(r);
}

/*
 * Through the search for chunks only: what comes out is right when its payload is the original's.
 */
static void read_chunks(const struct original *o, const uint8_t *data, size_t len,
			struct outcome *out)
{
	struct chunk_scan scan = { .in.fd = -1 };

	outcome_reset(o, out);
	input_open_memory(&scan.in, data, len);
	while (chunk_scan_next(&scan, NULL) == 1) {
		const struct chunk_header *h = &scan.header;
		int i = find_chunk(o, h->seq);
		bool is_right = i >= 0 && h->type == o->chunks[i].header.type &&
				h->stored_len == o->chunks[i].header.stored_len &&
				!memcmp(scan.payload, o->data + o->chunks[i].off + CHUNK_HEADER_SZ,
					h->stored_len);

		out->extra += i < 0 || out->hash[i];
		if (i >= 0)
			out->hash[i] = is_right ? o->chunks[i].hash : ~o->chunks[i].hash;
		out->has_end |= h->type == CHUNK_END;
	}
	out->code = scan.has_rec32 ? 0 : -EBADMSG;
	out->damage_cnt = scan.damage.cnt;
	for (size_t i = 0; i < scan.damage.cnt && i < ARRAY_SIZE(out->damage); i++)
		out->damage[i] = scan.damage.list[i];
	chunk_scan_deinit(&scan);
}

/* As thoroughly as can be afforded. */
static void read_damaged(const struct original *o, const uint8_t *data, size_t len,
			 struct outcome *out)
{
	static unsigned turn;

	if (!getenv("VARVE_RECORDING") || turn++ % 1009 == 0)
		read_events(o, data, len, out);
	else
		read_chunks(o, data, len, out);
}

static void load_original(const char *path, struct original *o)
{
	struct chunk_scan scan = { .in.fd = -1 };
	struct outcome out = { 0 };
	FILE *f = fopen(path, "rb");

	*o = (struct original){ 0 };
	CHECK(f);
	fseek(f, 0, SEEK_END);
	o->len = (size_t)ftell(f);
	rewind(f);
	o->data = malloc(o->len);
	CHECK(fread(o->data, 1, o->len, f) == o->len);
	fclose(f);
	input_open_memory(&scan.in, o->data, o->len);
	while (chunk_scan_next(&scan, NULL) == 1) {
		CHECK_EQ(array_grow(&o->chunks, &o->cap, o->cnt, sizeof(*o->chunks)), 0);
		o->chunks[o->cnt++] =
			(struct chunk_place){ scan.off, chunk_sz(&scan.header), scan.header, 0 };
	}
	CHECK_EQ(scan.damage.cnt, 0);
	chunk_scan_deinit(&scan);
	read_events(o, o->data, o->len, &out);
	for (uint32_t i = 0; i < o->cnt; i++)
		o->chunks[i].hash = out.hash[i];
	free(out.hash);
}

/* The recording under test; loaded once. */
static const struct original *original(void)
{
	static struct original o;
	char path[64];

	if (o.data)
		return &o;
	if (getenv("VARVE_RECORDING")) {
		load_original(getenv("VARVE_RECORDING"), &o);
	} else {
		snprintf(path, sizeof(path), "/tmp/varve-test-damage.%d", (int)getpid());
		make_file(path, 42);
		load_original(path, &o);
		unlink(path);
	}
	return &o;
}

/* Chunk i of o is there, whole and right. */
static bool is_there(const struct original *o, const struct outcome *out, uint32_t i)
{
	return out->hash[i] == o->chunks[i].hash;
}

/* Every chunk of [first, last) but `but` is there, and nothing else. */
static bool all_there(const struct original *o, const struct outcome *out, uint32_t first,
		      uint32_t last, uint32_t but)
{
	for (uint32_t i = 0; i < o->cnt; i++) {
		if (i >= first && i < last && i != but ? !is_there(o, out, i)
						       : out->hash[i] && i != but)
			return false;
		if (i == but && out->hash[i] && !is_there(o, out, i))
			return false;
	}
	return !out->extra;
}

/*
 * Some damage covers byte `off` and the time of chunk c. A wait or a task may have begun long
 * before the chunks around its own, so with a damaged header only the end of such a chunk can be
 * vouched for.
 */
static bool is_named(const struct outcome *out, uint64_t off, const struct chunk_header *c)
{
	bool is_old = c->type == CHUNK_OFFCPU || c->type == CHUNK_TASK || c->type == CHUNK_KEYFRAME;
	uint64_t first_ts = is_old ? c->last_ts : c->first_ts;

	for (size_t i = 0; i < out->damage_cnt && i < ARRAY_SIZE(out->damage); i++) {
		const struct recording_damage *d = &out->damage[i];
		bool holds_time =
			d->first_ts <= first_ts && (!d->last_ts || d->last_ts >= c->last_ts);

		if (off >= d->offset && off - d->offset < d->bytes && d->reason[0] &&
		    (!c->last_ts || holds_time))
			return true;
	}
	return false;
}

/* ---- the exhaustive ones ---- */

/*
 * A slice of the recording as one of its own: the file header and chunks [first, last). Damage is
 * local, so that a long recording can be tested by its neighbourhoods.
 */
static size_t slice(const struct original *o, uint32_t first, uint32_t last, uint8_t *to)
{
	uint64_t from = o->chunks[first].off,
		 end = o->chunks[last - 1].off + o->chunks[last - 1].sz;

	struct file_header h;

	CHECK(file_header_get(o->data, &h));
	h.segment_no = first > 0; /* a later segment does not begin with chunk 0 */
	file_header_put(to, &h);
	end = end < o->len ? end : o->len;
	memcpy(to + FILE_HEADER_SZ, o->data + from, end - from);
	return FILE_HEADER_SZ + (size_t)(end - from);
}

TEST(the_undamaged_recording_is_clean)
{
	const struct original *o = original();
	struct outcome out = { 0 };

	CHECK(o->cnt >= 40);
	read_events(o, o->data, o->len, &out);
	CHECK(all_there(o, &out, 0, o->cnt, UINT32_MAX));
	CHECK_EQ(out.damage_cnt, 0);
	CHECK(out.has_end);
	free(out.hash);
}

/* Bytes of chunk i without its padding, whose loss loses nothing. */
static uint64_t essential_end(const struct original *o, uint32_t i)
{
	return o->chunks[i].off + CHUNK_HEADER_SZ + o->chunks[i].header.stored_len;
}

static void cut_inside(const struct original *o, uint32_t i, uint8_t *bytes, struct outcome *out)
{
	uint32_t first = i ? i - 1 : 0;
	uint64_t start = FILE_HEADER_SZ + o->chunks[i].off - o->chunks[first].off;

	slice(o, first, i + 1, bytes);
	for (uint64_t n = 0; n < o->chunks[i].sz; n += TEST_STEP) {
		bool is_whole = n >= essential_end(o, i) - o->chunks[i].off;

		read_damaged(o, bytes, start + n, out);
		CHECK_EQ(out->code, 0);
		CHECK(all_there(o, out, first, i + is_whole, UINT32_MAX));
		CHECK(is_whole || !n || is_named(out, start + n - 1, &o->chunks[i].header));
		CHECK_EQ(out->damage_cnt, n && !is_whole);
		CHECK(!out->has_end || (is_whole && i + 1 == o->cnt));
	}
}

TEST(cut_at_every_byte_the_chunks_before_are_read_and_the_loss_is_named)
{
	const struct original *o = original();
	uint8_t *bytes = malloc(o->len + FILE_HEADER_SZ);
	struct outcome out = { 0 };

	for (uint32_t i = 0; i < o->cnt; i++)
		cut_inside(o, i, bytes, &out);
	for (size_t n = 0; n < FILE_HEADER_SZ; n++) {
		read_damaged(o, o->data, n, &out);
		CHECK_EQ(out.code, -EBADMSG);
	}
	free(out.hash);
	free(bytes);
}

static void flip_inside(const struct original *o, uint32_t i, uint8_t *bytes, struct outcome *out)
{
	uint32_t first = i ? i - 1 : 0, last = i + 2 < o->cnt ? i + 2 : o->cnt;
	uint64_t start = FILE_HEADER_SZ + o->chunks[i].off - o->chunks[first].off;
	size_t len = slice(o, first, last, bytes);

	for (uint64_t bit = 0; bit < o->chunks[i].sz * 8; bit += TEST_STEP) {
		bool is_padding = bit / 8 >= essential_end(o, i) - o->chunks[i].off;

		bytes[start + bit / 8] ^= 1 << bit % 8;
		read_damaged(o, bytes, len, out);
		bytes[start + bit / 8] ^= 1 << bit % 8;
		CHECK_EQ(out->code, 0);
		CHECK(all_there(o, out, first, last, is_padding ? UINT32_MAX : i));
		CHECK(is_padding == !!out->hash[i]);
		CHECK(is_named(out, start + bit / 8, &o->chunks[i].header));
		CHECK_EQ(out->damage_cnt, 1);
		CHECK(is_padding || i + 1 == o->cnt || out->damage[0].chunks == 1);
	}
}

TEST(any_flipped_bit_loses_at_most_the_chunk_it_is_in_and_that_is_named)
{
	const struct original *o = original();
	uint8_t *bytes = malloc(o->len + FILE_HEADER_SZ);
	struct outcome out = { 0 };

	for (uint32_t i = 0; i < o->cnt; i++)
		flip_inside(o, i, bytes, &out);
	free(out.hash);
	free(bytes);
}

TEST(any_flipped_bit_of_the_file_header_loses_no_chunk)
{
	const struct original *o = original();
	uint8_t *bytes = malloc(o->len);
	struct outcome out = { 0 };

	memcpy(bytes, o->data, o->len);
	for (unsigned bit = 0; bit < FILE_HEADER_SZ * 8; bit++) {
		bytes[bit / 8] ^= 1 << bit % 8;
		read_damaged(o, bytes, o->len, &out);
		bytes[bit / 8] ^= 1 << bit % 8;
		CHECK_EQ(out.code, 0);
		CHECK(all_there(o, &out, 0, o->cnt, UINT32_MAX));
		CHECK_EQ(out.damage_cnt, 1);
		CHECK_HAS(out.damage[0].reason, "file header");
	}
	free(out.hash);
	free(bytes);
}

/* ---- the others ---- */

TEST(a_zeroed_sector_loses_only_the_chunks_it_touches)
{
	const struct original *o = original();
	uint8_t *bytes = malloc(o->len);
	struct outcome out = { 0 };

	for (size_t at = 512; at < o->len && at < 200 * 512; at += 512) {
		size_t end = at + 512 < o->len ? at + 512 : o->len;

		memcpy(bytes, o->data, o->len);
		memset(bytes + at, 0, end - at);
		read_damaged(o, bytes, o->len, &out);
		CHECK(!out.extra);
		for (uint32_t i = 0; i < o->cnt; i++)
			if (o->chunks[i].off >= end || o->chunks[i].off + o->chunks[i].sz <= at)
				CHECK(is_there(o, &out, i));
	}
	free(out.hash);
	free(bytes);
}

/* Delete (n < 0) or insert |n| bytes at `at`, and read. */
static void shift_at(const struct original *o, size_t at, int n, uint8_t *bytes,
		     struct outcome *out)
{
	size_t gone = n < 0 ? (size_t)-n : 0, come = n > 0 ? (size_t)n : 0;

	memcpy(bytes, o->data, at);
	memset(bytes + at, 0x9d, come);
	memcpy(bytes + at + come, o->data + at + gone, o->len - at - gone);
	read_damaged(o, bytes, o->len - gone + come, out);
	CHECK_EQ(out->code, 0);
	CHECK(!out->extra);
	for (uint32_t i = 0; i < o->cnt; i++) {
		uint64_t off = o->chunks[i].off, end = off + o->chunks[i].sz;
		bool is_touched = n > 0 ? off < at && at < end : off < at + gone && at < end;

		CHECK(is_there(o, out, i) || (is_touched && !out->hash[i]));
	}
}

TEST(deleted_or_inserted_bytes_lose_only_the_chunk_they_are_in)
{
	const struct original *o = original();
	uint8_t *bytes = malloc(o->len + 16);
	struct outcome out = { 0 };

	for (size_t at = FILE_HEADER_SZ; at + 9 < o->len && at < 6000; at += 3 * TEST_STEP)
		for (int n = -9; n <= 9; n += 1 + (int)(at % 3))
			if (n)
				shift_at(o, at, n, bytes, &out);
	free(out.hash);
	free(bytes);
}

/* The recording with its chunks in the order given (indices; -1 ends it). */
static size_t reordered(const struct original *o, const int *order, uint8_t *to)
{
	size_t n = FILE_HEADER_SZ;

	memcpy(to, o->data, n);
	for (; *order >= 0; order++) {
		memcpy(to + n, o->data + o->chunks[*order].off, o->chunks[*order].sz);
		n += o->chunks[*order].sz;
	}
	return n;
}

TEST(chunks_twice_are_dropped_and_counted)
{
	static const int order[] = { 0, 1, 1, 2, 0, 3, 3, 3, -1 };
	const struct original *o = original();
	uint8_t *bytes = malloc(o->len * 2);
	struct outcome out = { 0 };

	read_events(o, bytes, reordered(o, order, bytes), &out);
	CHECK(all_there(o, &out, 0, 4, UINT32_MAX));
	CHECK_EQ(out.duplicates, 4);
	CHECK_EQ(out.damage_cnt, 0);
	free(out.hash);
	free(bytes);
}

TEST(shuffled_chunks_are_all_read_and_none_is_called_missing)
{
	static const int order[] = { 3, 0, 4, 2, 1, 5, -1 };
	const struct original *o = original();
	uint8_t *bytes = malloc(o->len);
	struct outcome out = { 0 };

	read_events(o, bytes, reordered(o, order, bytes), &out);
	CHECK(all_there(o, &out, 0, 6, UINT32_MAX));
	CHECK_EQ(out.damage_cnt, 0);
	free(out.hash);
	free(bytes);
}

TEST(a_dropped_chunk_is_a_gap_with_its_time)
{
	static const int order[] = { 0, 1, 4, 5, -1 };
	const struct original *o = original();
	uint8_t *bytes = malloc(o->len);
	struct outcome out = { 0 };

	read_events(o, bytes, reordered(o, order, bytes), &out);
	CHECK_EQ(out.damage_cnt, 1);
	CHECK_EQ(out.damage[0].chunks, 2);
	CHECK_EQ(out.damage[0].bytes, 0);
	CHECK_EQ(out.damage[0].offset, o->chunks[2].off);
	CHECK(out.damage[0].first_ts <= o->chunks[2].header.first_ts);
	CHECK(out.damage[0].last_ts >= o->chunks[3].header.last_ts);
	CHECK_HAS(out.damage[0].reason, "missing");
	free(out.hash);
	free(bytes);
}

TEST(two_segments_joined_by_cat_are_one_recording)
{
	const struct original *o = original();
	uint8_t *bytes = malloc(o->len + FILE_HEADER_SZ);
	size_t at = o->chunks[5].off;
	struct outcome out = { 0 };

	memcpy(bytes, o->data, at);
	memcpy(bytes + at, o->data, FILE_HEADER_SZ);
	memcpy(bytes + at + FILE_HEADER_SZ, o->data + at, o->len - at);
	read_events(o, bytes, o->len + FILE_HEADER_SZ, &out);
	CHECK(all_there(o, &out, 0, o->cnt, UINT32_MAX));
	CHECK_EQ(out.damage_cnt, 0);
	free(out.hash);
	free(bytes);
}

TEST(chunks_of_another_recording_are_not_taken_for_ours)
{
	const struct original *o = original();
	uint8_t *bytes = malloc(o->len * 2);
	size_t at = o->chunks[5].off, sz = o->chunks[6].off - at;
	struct outcome out = { 0 };
	struct chunk_header h = o->chunks[5].header;

	/* A left-over with a number of its own, between chunks 4 and 5. */
	memcpy(bytes, o->data, at);
	memcpy(bytes + at, o->data + at, sz);
	h.rec32 ^= 1;
	h.seq = 99999;
	chunk_header_put(bytes + at, &h);
	memcpy(bytes + at + sz, o->data + at, o->len - at);
	read_events(o, bytes, o->len + sz, &out);
	CHECK(all_there(o, &out, 0, o->cnt, UINT32_MAX));
	CHECK_EQ(out.damage_cnt, 1);
	CHECK_EQ(out.damage[0].offset, at);
	CHECK_EQ(out.damage[0].bytes, sz);
	CHECK_EQ(out.damage[0].chunks, 0);
	CHECK_HAS(out.damage[0].reason, "another recording");
	free(out.hash);
	free(bytes);
}

/* The header and the first three chunks of another recording, at p. Returns the bytes. */
static size_t put_other(const struct original *o, uint8_t *p, uint8_t uuid)
{
	struct file_header h;
	size_t n = FILE_HEADER_SZ;

	CHECK(file_header_get(o->data, &h));
	h.uuid[0] ^= uuid;
	h.rec32 = uuid_rec32(h.uuid);
	file_header_put(p, &h);
	for (uint32_t i = 0; i < 3; i++) {
		struct chunk_header c = o->chunks[i].header;

		memcpy(p + n, o->data + o->chunks[i].off, o->chunks[i].sz);
		c.rec32 = h.rec32;
		chunk_header_put(p + n, &c);
		n += o->chunks[i].sz;
	}
	return n;
}

/* Reads on, in the reader's next recording: its summary, with as many events as chunks of it say. */
static const struct recording_summary *read_next(struct recording_reader *r)
{
	struct event ev;

	CHECK_EQ(recording_reader_next_recording(r, NULL), 1);
	while (recording_reader_next(r, &ev, NULL) == 1)
		;
	return recording_reader_summary(r);
}

TEST(recordings_joined_by_cat_are_read_one_after_the_other)
{
	const struct original *o = original();
	uint8_t *bytes = malloc(o->len * 3);
	const struct recording_summary *s;
	struct outcome out = { 0 };
	struct recording_reader *r;
	size_t n = o->len, second = n;
	struct event ev;

	memcpy(bytes, o->data, n);
	n += put_other(o, bytes + n, 0xff);
	memcpy(bytes + n, o->data, o->len); /* the first again: it is over */
	read_events(o, bytes, n + o->len, &out);
	CHECK(all_there(o, &out, 0, o->cnt, UINT32_MAX));
	CHECK_EQ(out.damage_cnt, 0);
	CHECK(out.has_end);

	CHECK_EQ(recording_reader_open_memory(bytes, n + o->len, &r, NULL), 0);
	CHECK_EQ(recording_reader_next(r, &ev, NULL), 1);
	CHECK_EQ(recording_reader_next_recording(r, NULL), 0); /* not before the end of the first */
	while (recording_reader_next(r, &ev, NULL) == 1)
		;
	CHECK_EQ(recording_reader_summary(r)->bytes, second);
	s = read_next(r);
	CHECK_EQ(s->chunks, 3);
	CHECK_EQ(s->offset, second);
	CHECK_EQ(s->uuid[0], o->data[24] ^ 0xff);
	CHECK(!s->has_end);
	CHECK_EQ(s->damage_cnt, 1);
	CHECK_EQ(s->damage[0].offset, n);
	CHECK_EQ(s->damage[0].bytes, o->len);
	CHECK_HAS(s->damage[0].reason, "ended before");
	CHECK_EQ(recording_reader_next_recording(r, NULL), 0);
	recording_reader_close(r);
	free(out.hash);
	free(bytes);
}

TEST(a_second_recording_whose_first_chunk_is_damaged_loses_that_chunk_alone)
{
	const struct original *o = original();
	uint8_t *bytes = malloc(o->len * 2);
	const struct recording_summary *s;
	struct recording_reader *r;
	struct event ev;
	size_t n = o->len;

	memcpy(bytes, o->data, n);
	n += put_other(o, bytes + n, 0xff);
	bytes[o->len + FILE_HEADER_SZ + 8] ^= 1; /* in that chunk's header */
	CHECK_EQ(recording_reader_open_memory(bytes, n, &r, NULL), 0);
	while (recording_reader_next(r, &ev, NULL) == 1)
		;
	s = recording_reader_summary(r);
	CHECK_EQ(s->chunks, o->cnt);
	CHECK_EQ(s->damage_cnt, 1);
	CHECK_EQ(s->damage[0].bytes, FILE_HEADER_SZ + o->chunks[0].sz);
	CHECK_EQ(read_next(r)->chunks, 2);
	recording_reader_close(r);
	free(bytes);
}

TEST(a_file_header_of_another_recording_without_chunks_is_a_left_over)
{
	const struct original *o = original();
	uint8_t *bytes = malloc(o->len * 2), other[FILE_HEADER_SZ];
	size_t at = o->chunks[5].off;
	struct outcome out = { 0 };
	struct file_header h;

	CHECK(file_header_get(o->data, &h));
	h.uuid[0] ^= 0xff;
	h.rec32 = uuid_rec32(h.uuid);
	file_header_put(other, &h);
	memcpy(bytes, o->data, at);
	memcpy(bytes + at, other, sizeof(other));
	memcpy(bytes + at + sizeof(other), o->data + at, o->len - at);
	read_events(o, bytes, o->len + sizeof(other), &out);
	CHECK(all_there(o, &out, 0, o->cnt, UINT32_MAX));
	CHECK_EQ(out.damage_cnt, 1);
	CHECK_EQ(out.damage[0].bytes, sizeof(other));
	free(out.hash);
	free(bytes);
}

TEST(a_recording_joined_to_itself_has_its_end)
{
	const struct original *o = original();
	uint8_t *bytes = malloc(o->len * 2);
	struct outcome out = { 0 };

	memcpy(bytes, o->data, o->len);
	memcpy(bytes + o->len, o->data, o->len);
	read_events(o, bytes, o->len * 2, &out);
	CHECK(all_there(o, &out, 0, o->cnt, UINT32_MAX));
	CHECK_EQ(out.duplicates, o->cnt);
	CHECK_EQ(out.damage_cnt, 0);
	CHECK(out.has_end);
	free(out.hash);
	free(bytes);
}

TEST_MAIN()
