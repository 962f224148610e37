// SPDX-License-Identifier: BSD-2-Clause
/* Chunks whose checksums are right and whose content is not, or is of a version to come. */
#include "formats/recording.h"

#include <errno.h>
#include <sys/resource.h>
#include <time.h>
#include <zstd.h>

#include "formats/bytes.h"
#include "formats/columns.h"
#include "formats/crc32c.h"
#include "formats/event_table.h"
#include "formats/format.h"
#include "tests/test.h"

/* ---- building by hand ---- */

static const uint8_t uuid[16] = { 4, 2 };

static void put_file_header(struct buffer *b, uint16_t major, uint16_t minor, uint32_t incompat,
			    uint32_t compat)
{
	struct file_header h = { .major = major,
				 .minor = minor,
				 .header_len = FILE_HEADER_SZ,
				 .incompat_flags = incompat,
				 .compat_flags = compat,
				 .rec32 = uuid_rec32(uuid) };
	uint8_t bytes[FILE_HEADER_SZ];

	memcpy(h.uuid, uuid, sizeof(uuid));
	file_header_put(bytes, &h);
	CHECK_EQ(buffer_put(b, bytes, sizeof(bytes)), 0);
}

static struct chunk_header some_header(uint64_t seq, uint32_t events)
{
	return (struct chunk_header){
		.type = CHUNK_MARK, .seq = seq, .event_cnt = events, .rec32 = uuid_rec32(uuid)
	};
}

/* h with its lengths and checksum made to fit stored (raw_len stays when set), and stored. */
static void put_chunk(struct buffer *b, struct chunk_header h, const void *stored, size_t len)
{
	static const uint8_t zeros[CHUNK_ALIGN];
	uint8_t bytes[CHUNK_HEADER_SZ];

	h.stored_len = (uint32_t)len;
	h.raw_len = h.raw_len ? h.raw_len : h.stored_len;
	h.payload_crc = crc32c(0, stored, len);
	chunk_header_put(bytes, &h);
	CHECK_EQ(buffer_put(b, bytes, sizeof(bytes)), 0);
	CHECK_EQ(buffer_put(b, stored, len), 0);
	CHECK_EQ(buffer_put(b, zeros, chunk_sz(&h) - CHUNK_HEADER_SZ - len), 0);
}

static void put_column(struct buffer *body, uint64_t id, uint64_t enc, const void *data, size_t len)
{
	buffer_put_uvarint(body, id);
	buffer_put_uvarint(body, enc);
	buffer_put_uvarint(body, len);
	CHECK_EQ(buffer_put(body, data, len), 0);
}

static void put_section(struct buffer *payload, uint64_t id, uint64_t rows, struct buffer *body)
{
	buffer_put_uvarint(payload, id);
	buffer_put_uvarint(payload, rows);
	buffer_put_uvarint(payload, body->len);
	CHECK_EQ(buffer_put(payload, body->data, body->len), 0);
	body->len = 0;
}

/* MARK rows with the given bytes as their ts column, one byte a row. */
static void put_marks(struct buffer *payload, const char *ts, uint64_t rows)
{
	struct buffer body = { 0 };

	put_column(&body, 1, ENC_DELTA, ts, rows);
	put_section(payload, EVENT_MARK, rows, &body);
	buffer_deinit(&body);
}

struct result {
	int code, last;
	uint64_t events, damage, unknown_chunks, unknown_sections, unknown_columns;
	char reason[120], text[512];
};

static struct result read_all(const struct buffer *b)
{
	struct recording_reader *r = NULL;
	struct result got = { 0 };
	struct err err = { 0 };
	struct event ev;

	got.code = recording_reader_open_memory(b->data, b->len, &r, &err);
	if (!got.code) {
		const struct recording_summary *s;

		while ((got.last = recording_reader_next(r, &ev, &err)) == 1)
			got.events++;
		s = recording_reader_summary(r);
		got.damage = s->damage_cnt;
		got.unknown_chunks = s->unknown_chunks;
		got.unknown_sections = s->unknown_sections;
		got.unknown_columns = s->unknown_columns;
		if (s->damage_cnt)
			snprintf(got.reason, sizeof(got.reason), "%s", s->damage[0].reason);
		recording_reader_close(r);
	}
	snprintf(got.text, sizeof(got.text), "%s", err.text);
	return got;
}

/* A recording of one chunk with that payload between two good ones. */
static struct result read_payload(const struct buffer *payload, uint32_t events)
{
	struct buffer b = { 0 }, good = { 0 };
	struct result got;

	put_marks(&good, "\5", 1);
	put_file_header(&b, 1, 0, 0, 0);
	put_chunk(&b, some_header(0, 1), good.data, good.len);
	put_chunk(&b, some_header(1, events), payload->data, payload->len);
	put_chunk(&b, some_header(2, 1), good.data, good.len);
	got = read_all(&b);
	buffer_deinit(&b);
	buffer_deinit(&good);
	return got;
}

/* The chunk is refused for this reason, and the two around it are read. */
#define CHECK_REFUSED(payload, said, words)                                                        \
	do {                                                                                       \
		struct result got = read_payload(payload, said);                                   \
		CHECK_EQ(got.code, 0);                                                             \
		CHECK_EQ(got.last, 0);                                                             \
		CHECK_EQ(got.events, 2);                                                           \
		CHECK_EQ(got.damage, 1);                                                           \
		CHECK_HAS(got.reason, words);                                                      \
		(payload)->len = 0;                                                                \
	} while (0)

/* ---- versions ---- */

TEST(what_a_later_minor_version_adds_is_passed_and_counted)
{
	struct buffer b = { 0 }, payload = { 0 }, body = { 0 };
	struct chunk_header unknown = some_header(1, 7);
	struct result got;

	put_column(&body, 1, ENC_DELTA, "\1\1", 2);
	put_column(&body, 200, 77, "??",
		   2); /* a column of a later version, in an encoding of its own */
	put_section(&payload, EVENT_MARK, 2, &body);
	put_column(&body, 1, ENC_DELTA, "\1\1\1", 3);
	put_section(&payload, 60, 3, &body); /* an event kind */
	put_column(&body, 9, 9, "xyz", 3);
	put_section(&payload, 1000, 3, &body); /* a table */
	put_file_header(&b, 1, 9, 0, 0x40);
	put_chunk(&b, some_header(0, 5), payload.data, payload.len);
	unknown.type = 77;
	put_chunk(&b, unknown, "anything", 8);
	payload.len = 0;
	put_marks(&payload, "\5", 1);
	put_chunk(&b, some_header(2, 1), payload.data, payload.len);
	got = read_all(&b);
	CHECK_EQ(got.events, 3);
	CHECK_EQ(got.damage, 0);
	CHECK_EQ(got.unknown_chunks, 1);
	CHECK_EQ(got.unknown_sections, 2);
	CHECK_EQ(got.unknown_columns, 1);
	buffer_deinit(&b);
	buffer_deinit(&payload);
	buffer_deinit(&body);
}

TEST(what_cannot_be_read_rightly_is_refused_by_name)
{
	struct buffer b = { 0 }, payload = { 0 };
	struct chunk_header critical = some_header(1, 7);
	struct result got;

	put_file_header(&b, 2, 0, 0, 0);
	got = read_all(&b);
	CHECK_EQ(got.code, -EPROTONOSUPPORT);
	CHECK_HAS(got.text, "version 2.0");
	b.len = 0;
	put_file_header(&b, 1, 0, 0x8, 0);
	got = read_all(&b);
	CHECK_EQ(got.code, -EPROTONOSUPPORT);
	CHECK_HAS(got.text, "0x8");
	b.len = 0;
	put_file_header(&b, 1, 3, 0, 0);
	put_marks(&payload, "\5", 1);
	put_chunk(&b, some_header(0, 1), payload.data, payload.len);
	critical.type = 77;
	critical.flags = CHUNK_CRITICAL;
	put_chunk(&b, critical, "anything", 8);
	got = read_all(&b);
	CHECK_EQ(got.code, 0);
	CHECK_EQ(got.events, 1);
	CHECK_EQ(got.last, -EPROTONOSUPPORT);
	CHECK_HAS(got.text, "type 77");
	CHECK_HAS(got.text, "1.3");
	buffer_deinit(&b);
	buffer_deinit(&payload);
}

/* ---- contents ---- */

TEST(sections_that_lie_about_their_size_are_refused)
{
	struct buffer p = { 0 }, body = { 0 };

	buffer_put(&p, "\x96", 1); /* half a varint */
	CHECK_REFUSED(&p, 1, "cut short");
	buffer_put_uvarint(&p, EVENT_MARK);
	buffer_put_uvarint(&p, 1);
	buffer_put_uvarint(&p, 1000);
	CHECK_REFUSED(&p, 1, "want 1000 bytes, have 0");
	put_column(&body, 1, ENC_DELTA, "\1\1", 2);
	put_section(&p, EVENT_MARK, UINT64_MAX, &body);
	CHECK_REFUSED(&p, 1, "claims 18446744073709551615 rows");
	put_column(&body, 1, ENC_DELTA, "\1\1", 2);
	put_section(&p, EVENT_MARK, 3, &body);
	CHECK_REFUSED(&p, 3, "column ts does not hold 3 rows");
	put_column(&body, 1, ENC_DELTA, "\1\1", 2);
	put_section(&p, EVENT_MARK, 1, &body);
	CHECK_REFUSED(&p, 1, "more than its rows");
	put_column(&body, 1, ENC_CONST, "\1", 1);
	put_section(&p, EVENT_MARK, 1, &body); /* rows without bytes: a bomb of events */
	CHECK_REFUSED(&p, 1, "does not hold 1 rows");
	put_marks(&p, "\1\1", 2);
	CHECK_REFUSED(&p, 3, "says 3 events, it holds 2");
	buffer_put_uvarint(&body, 1);
	put_section(&p, EVENT_MARK, 1, &body);
	CHECK_REFUSED(&p, 1, "a column ends past the section");
	buffer_deinit(&p);
	buffer_deinit(&body);
}

TEST(columns_that_contradict_the_format_are_refused)
{
	struct buffer p = { 0 }, body = { 0 };

	put_column(&body, 1, ENC_DELTA, "\1", 1);
	put_column(&body, 1, ENC_DELTA, "\1", 1);
	put_section(&p, EVENT_MARK, 1, &body);
	CHECK_REFUSED(&p, 1, "column ts is there twice");
	put_column(&body, 1, 99, "\1", 1);
	put_section(&p, EVENT_MARK, 1, &body);
	CHECK_REFUSED(&p, 1, "encoding 99 does not fit");
	put_column(&body, 1, ENC_DELTA_ZIGZAG, "\x08\x01", 2); /* 4, 3 */
	put_section(&p, EVENT_MARK, 2, &body);
	CHECK_REFUSED(&p, 2, "time goes back");
	put_column(&body, 1, ENC_DELTA, "\1", 1);
	put_column(&body, 16, ENC_PLAIN, "\1", 1); /* a string, and there are none */
	put_section(&p, EVENT_MARK, 1, &body);
	CHECK_REFUSED(&p, 1, "out of range");
	put_column(&body, 1, ENC_DELTA, "\1", 1);
	put_column(&body, 3, ENC_CONST, "\1", 1); /* a task, and there are none */
	put_section(&p, EVENT_MARK, 1, &body);
	CHECK_REFUSED(&p, 1, "out of range");
	put_column(&body, 1, ENC_DELTA, "\1", 1);
	put_column(&body, 2, ENC_CONST, "\xff\xff\xff\xff\x1f", 5); /* a cpu of 33 bits */
	put_section(&p, EVENT_MARK, 1, &body);
	CHECK_REFUSED(&p, 1, "out of range");
	buffer_deinit(&p);
	buffer_deinit(&body);
}

TEST(tables_that_contradict_themselves_are_refused)
{
	struct buffer p = { 0 }, body = { 0 };

	put_column(&body, 1, ENC_BYTES, "abc", 3);
	put_section(&p, SECTION_STR, 1, &body);
	CHECK_REFUSED(&p, 0, "a string does not end");
	put_column(&body, 1, ENC_BYTES, "abc\0def", 8);
	put_section(&p, SECTION_STR, 1, &body);
	CHECK_REFUSED(&p, 0, "more than its rows");
	put_column(&body, 1, ENC_BYTES, "abc", 4);
	put_section(&p, SECTION_STR, 1, &body);
	put_column(&body, 1, ENC_BYTES, "abc", 4);
	put_section(&p, SECTION_STR, 1, &body);
	CHECK_REFUSED(&p, 0, "STR is there twice");
	put_column(&body, 1, ENC_PLAIN, "\1", 1);
	put_column(&body, 2, ENC_CONST, "\x24", 1); /* a build-id of 36 bytes, none there */
	put_section(&p, SECTION_MODULE, 1, &body);
	CHECK_REFUSED(&p, 0, "build-id ends past");
	put_column(&body, 1, ENC_PLAIN, "\1", 1);
	put_column(&body, 8, ENC_CONST, "\xff\xff\xff\xff\x0f", 5);
	put_section(&p, SECTION_MODULE, 1, &body);
	CHECK_REFUSED(&p, 0, "more segments than there are");
	put_column(&body, 1, ENC_PLAIN, "\1", 1);
	put_section(&p, SECTION_SEGMENT, 1, &body);
	CHECK_REFUSED(&p, 0, "rows of no module");
	buffer_deinit(&p);
	buffer_deinit(&body);
}

/* FRAME of one row, and STACK of nodes that climb so, each of frame 0. */
static void put_stacks(struct buffer *p, const char *up, size_t n)
{
	struct buffer body = { 0 };

	put_column(&body, 1, ENC_PLAIN, "\1", 1);
	put_section(p, SECTION_FRAME, 1, &body);
	put_column(&body, 1, ENC_PLAIN, up, n);
	put_section(p, SECTION_STACK, n, &body);
	buffer_deinit(&body);
}

TEST(stacks_that_cannot_be_are_refused)
{
	struct buffer p = { 0 }, body = { 0 };
	char deep[STACK_DEPTH_MAX + 1];

	put_stacks(&p, "\x10", 1); /* the first node below another */
	CHECK_REFUSED(&p, 0, "node 1 has a parent above the root");
	put_stacks(&p, "\0\x11", 2); /* one level above a root */
	CHECK_REFUSED(&p, 0, "node 2 has a parent above the root");
	put_stacks(&p, "\0\x10\x11\x10\x13", 5);
	CHECK_REFUSED(&p, 0, "node 5 has a parent above the root");
	put_column(&body, 1, ENC_PLAIN, "\0", 1);
	put_section(&p, SECTION_STACK, 1, &body);
	CHECK_REFUSED(&p, 0, "frame 0 of 0");
	memset(deep, STACK_REF_BASE, sizeof(deep));
	deep[0] = 0;
	put_stacks(&p, deep, sizeof(deep));
	CHECK_REFUSED(&p, 0, "deeper than 1024 frames");
	put_stacks(&p, deep, sizeof(deep) - 1);
	CHECK_EQ(read_payload(&p, 0).damage, 0);
	buffer_deinit(&p);
	buffer_deinit(&body);
}

TEST(more_sections_than_the_limit_are_refused)
{
	struct buffer p = { 0 };

	for (int i = 0; i < CHUNK_SECTIONS_MAX; i++)
		put_marks(&p, "\1", 1);
	CHECK_EQ(read_payload(&p, CHUNK_SECTIONS_MAX).events, CHUNK_SECTIONS_MAX + 2);
	put_marks(&p, "\1", 1);
	CHECK_REFUSED(&p, CHUNK_SECTIONS_MAX + 1, "more than 4096 sections");
	buffer_deinit(&p);
}

/* ---- bombs ---- */

static uint64_t rss_max_kb(void)
{
	struct rusage u;

	CHECK(!getrusage(RUSAGE_SELF, &u));
	return (uint64_t)u.ru_maxrss;
}

TEST(a_frame_that_unpacks_to_more_than_it_says_is_refused_at_once)
{
	const size_t big = 1u << 30, step = 1u << 24;
	struct buffer b = { 0 };
	struct chunk_header h = some_header(0, 1);
	uint8_t *zeros = calloc(1, step), *packed = malloc(1 << 20);
	ZSTD_CCtx *c = ZSTD_createCCtx();
	ZSTD_outBuffer out = { packed, 1 << 20, 0 };
	uint64_t rss;
	double start;
	struct result got;

	for (size_t done = 0; done < big; done += step) {
		ZSTD_inBuffer in = { zeros, step, 0 };

		while (in.pos < in.size)
			CHECK(!ZSTD_isError(ZSTD_compressStream2(c, &out, &in, ZSTD_e_continue)));
	}
	while (ZSTD_compressStream2(c, &out, &(ZSTD_inBuffer){ 0 }, ZSTD_e_end))
		;
	CHECK(out.pos < 200000);
	put_file_header(&b, 1, 0, 0, 0);
	h.codec = CODEC_ZSTD;
	h.raw_len = CHUNK_PAYLOAD_MAX;
	put_chunk(&b, h, packed, out.pos);
	rss = rss_max_kb();
	start = test_cpu_seconds();
	got = read_all(&b);
	CHECK_EQ(got.damage, 1);
	CHECK_HAS(got.reason, "zstd");
	CHECK(rss_max_kb() - rss <= 64 << 10);
	CHECK(test_cpu_seconds() - start < 2);
	ZSTD_freeCCtx(c);
	free(zeros);
	free(packed);
	buffer_deinit(&b);
}

TEST(a_frame_that_unpacks_to_less_than_it_says_is_refused)
{
	struct buffer b = { 0 }, payload = { 0 };
	struct chunk_header h = some_header(0, 1);
	uint8_t packed[256];
	struct result got;
	size_t n;

	put_marks(&payload, "\5", 1);
	n = ZSTD_compress(packed, sizeof(packed), payload.data, payload.len, 3);
	CHECK(!ZSTD_isError(n));
	for (int more = 0; more < 2; more++) {
		b.len = 0;
		put_file_header(&b, 1, 0, 0, 0);
		h.codec = CODEC_ZSTD;
		h.raw_len = (uint32_t)payload.len + (uint32_t)more;
		put_chunk(&b, h, packed, n);
		got = read_all(&b);
		CHECK_EQ(got.events, !more);
		CHECK_EQ(got.damage, more);
	}
	CHECK_HAS(got.reason, "unpacks to");
	buffer_deinit(&b);
	buffer_deinit(&payload);
}

TEST(many_chunks_that_unpack_large_are_held_one_at_a_time)
{
	uint8_t *zeros = calloc(1, CHUNK_PAYLOAD_MAX), *packed = malloc(1 << 20);
	size_t n = ZSTD_compress(packed, 1 << 20, zeros, CHUNK_PAYLOAD_MAX, 3);
	struct buffer b = { 0 };
	uint64_t rss;
	struct result got;

	CHECK(!ZSTD_isError(n) && n < 4096);
	free(zeros);
	put_file_header(&b, 1, 0, 0, 0);
	for (uint64_t i = 0; i < 100; i++) {
		struct chunk_header h = some_header(i, 1);

		h.codec = CODEC_ZSTD;
		h.raw_len = CHUNK_PAYLOAD_MAX;
		put_chunk(&b, h, packed, n);
	}
	rss = rss_max_kb();
	got = read_all(&b);
	CHECK_EQ(got.events, 0);
	CHECK_EQ(got.damage, 100);
	CHECK(rss_max_kb() - rss <= 64 << 10);
	free(packed);
	buffer_deinit(&b);
}

/*
 * Headers whose chunks each claim all that follows, with a payload checksum that differs: searching
 * each for the next would be quadratic.
 */
TEST(nested_bad_chunks_do_not_take_quadratic_time)
{
	const size_t sz = 8u << 20;
	struct buffer b = { 0 };
	double start;

	put_file_header(&b, 1, 0, 0, 0);
	while (b.len < sz) {
		struct chunk_header h = some_header(b.len, 1);
		uint8_t bytes[CHUNK_HEADER_SZ];

		h.stored_len = h.raw_len = (uint32_t)(sz - b.len > 4096 ? sz - b.len : 0);
		h.payload_crc = 0x12345678;
		chunk_header_put(bytes, &h);
		CHECK_EQ(buffer_put(&b, bytes, sizeof(bytes)), 0);
	}
	start = test_cpu_seconds();
	CHECK_EQ(read_all(&b).events, 0);
	CHECK(test_cpu_seconds() - start < 5); /* 131,072 headers × 4 MiB on average would be minutes */
	buffer_deinit(&b);
}

TEST_MAIN()
