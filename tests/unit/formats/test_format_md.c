// SPDX-License-Identifier: BSD-2-Clause
/*
 * FORMAT.md's list of sections and its hexdump are what the code has and writes. With
 * VARVE_UPDATE=1 they are put there.
 */
#include <stdarg.h>
#include <unistd.h>

#include "formats/bytes.h"
#include "formats/event_table.h"
#include "formats/format.h"
#include "formats/recording.h"
#include "tests/test.h"

#define DOC "formats/FORMAT.md"
#define TINY "tests/golden/tiny.varve"

static char *slurp(const char *path, size_t *ret_len)
{
	FILE *f = fopen(path, "rb");
	char *text;
	long len;

	if (!f)
		return NULL;
	fseek(f, 0, SEEK_END);
	len = ftell(f);
	rewind(f);
	text = malloc((size_t)len + 1);
	CHECK(fread(text, 1, (size_t)len, f) == (size_t)len);
	text[len] = '\0';
	fclose(f);
	*ret_len = (size_t)len;
	return text;
}

__attribute__((format(printf, 2, 3))) static void put(struct buffer *b, const char *fmt, ...)
{
	char line[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	CHECK_EQ(buffer_put(b, line, strlen(line)), 0);
}

/* The document's text between the markers of that name is want; or it is made so. */
static void check_region(const char *name, const struct buffer *want)
{
	char begin[64], end[64], *doc, *from, *to;
	size_t len;
	bool is_same;

	snprintf(begin, sizeof(begin), "<!-- begin %s -->\n", name);
	snprintf(end, sizeof(end), "<!-- end %s -->\n", name);
	doc = slurp(DOC, &len);
	if (!doc)
		SKIP("run from the top of the tree");
	from = strstr(doc, begin);
	CHECK(from);
	from += strlen(begin);
	to = strstr(from, end);
	CHECK(to);
	is_same = (size_t)(to - from) == want->len && !memcmp(from, want->data, want->len);
	if (!is_same && getenv("VARVE_UPDATE")) {
		FILE *f = fopen(DOC, "wb");

		CHECK(f && fwrite(doc, 1, (size_t)(from - doc), f) == (size_t)(from - doc));
		CHECK(fwrite(want->data, 1, want->len, f) == want->len);
		CHECK(fwrite(to, 1, strlen(to), f) == strlen(to));
		fclose(f);
		is_same = true;
	}
	free(doc);
	if (!is_same)
		printf("# VARVE_UPDATE=1 with this test brings %s up to date\n", DOC);
	CHECK(is_same);
}

/* ---- sections ---- */

static const char *type_name(unsigned type)
{
	static const char *const names[] = { "u8",  "u32",  "u64",   "i32",    "i64",
					     "str", "task", "stack", "module", "bytes" };

	CHECK(type < sizeof(names) / sizeof(names[0]));
	return names[type];
}

static const char *encoding_name(unsigned enc)
{
	static const char *const names[] = { "BYTES", "PLAIN", "ZIGZAG", "DELTA", "DELTA_ZIGZAG" };

	return names[enc & ~ENC_PLANES];
}

static void put_section(struct buffer *b, const struct section_desc *s)
{
	const char *chunk = chunk_type_name(s->chunk_type);

	put(b,
	    "\n**%s** (section %u%s%s%s)\n\n| column | id | type | encoding | relative to "
	    "|\n|---|---|---|---|---|\n",
	    s->name, s->id, chunk ? ", in " : "", chunk ? chunk : "", chunk ? " chunks" : "");
	for (unsigned c = 0; c < s->column_cnt; c++) {
		const struct column_desc *col = &s->columns[c];

		put(b, "| %s | %u | %s | %s%s | %s%s |\n", col->name, col->id, type_name(col->type),
		    encoding_name(col->enc), col->enc & ENC_PLANES ? "+planes" : "",
		    col->rel ? s->columns[col->rel - 1].name : "",
		    col->rel && col->rel - 1u > c ? " of the row before" : "");
	}
}

TEST(the_sections_are_those_of_the_table)
{
	struct buffer b = { 0 };

	for (unsigned id = 0; id < SECTION_END; id++)
		if (section_find(id))
			put_section(&b, section_find(id));
	put(&b, "\n");
	check_region("sections", &b);
	buffer_deinit(&b);
}

TEST(the_table_is_consistent)
{
	for (unsigned id = 0; id < SECTION_END; id++) {
		const struct section_desc *s = section_find(id);

		CHECK(s || id == 0 || (id >= EVENT_KIND_CNT && id < SECTION_TABLE));
		if (!s)
			continue;
		CHECK_EQ(s->id, id);
		CHECK(s->column_cnt <= SECTION_COLUMN_MAX);
		CHECK((id < SECTION_TABLE) == !!chunk_type_name(s->chunk_type));
		CHECK(id >= SECTION_TABLE || !strcmp(s->columns[0].name, "ts"));
		CHECK(id >= SECTION_TABLE || event_kind_name(id));
		for (unsigned c = 0; c < s->column_cnt; c++) {
			CHECK(s->columns[c].rel <= s->column_cnt && s->columns[c].rel != c + 1);
			for (unsigned d = 0; d < c; d++)
				CHECK(s->columns[c].id != s->columns[d].id &&
				      strcmp(s->columns[c].name, s->columns[d].name));
		}
	}
	CHECK(!section_find(SECTION_END) && !section_find(UINT64_MAX));
}

/* ---- hexdump ---- */

static void write_tiny(const char *path)
{
	static const struct recording_writer_options options = {
		.uuid = { 0x76, 0x61, 0x72, 0x76, 0x65 },
		.boot_id = { 1 },
		.realtime_ns = 1700000000000000000,
		.monotonic_ns = 5000000000,
		.arch = 62,
		.force = true,
	};
	struct event ev = { .kind = EVENT_MARK, .cpu = 1, .ts = 5000001234 };
	struct recording_writer *w = NULL;

	ev.task = (struct task_ref){ 42, 43, 0, "sh" };
	ev.mark.text = "hello";
	CHECK_EQ(recording_writer_open(path, &options, &w, NULL), 0);
	CHECK_EQ(recording_writer_add(w, &ev, NULL), 0);
	CHECK_EQ(recording_writer_close(w, NULL), 0);
}

static void put_hex(struct buffer *b, const uint8_t *p, size_t at, size_t n, const char *what)
{
	char hex[3 * 16 + 1];

	for (size_t from = at; from < at + n; from += 16) {
		size_t cnt = at + n - from < 16 ? at + n - from : 16;

		for (size_t i = 0; i < cnt; i++)
			snprintf(hex + 3 * i, 4, " %02x", p[from + i]);
		if (from == at)
			put(b, "    %04zx %-48s  %s\n", from, hex, what);
		else
			put(b, "    %04zx%s\n", from, hex);
	}
}

/* The parts of the file, each with what it says. */
static void put_tiny(struct buffer *b, const uint8_t *p, size_t len)
{
	struct chunk_header h;
	struct cursor payload;
	char what[128];

	put_hex(b, p, 0, 24, "file header: magic, version 1.0, length 96, flags");
	put_hex(b, p, 24, 32, "UUID, boot id");
	put_hex(b, p, 56, 40, "segment, clocks, machine, pointer, rec32, crc32c");
	CHECK(chunk_header_get(p + FILE_HEADER_SZ, &h) && h.codec == CODEC_RAW);
	put_hex(b, p, 96, 24, "chunk header: sync, type MARK, codec raw, flags, seq 0, lengths");
	put_hex(b, p, 120, 40, "times, 1 event, rec32, payload crc32c, no keyframe, crc32c");
	payload = (struct cursor){ p + 160, p + 160 + h.stored_len };
	while (cursor_left(&payload)) {
		const uint8_t *start = payload.p;
		uint64_t id, rows, sz;
		struct cursor body;

		CHECK(cursor_uvarint(&payload, &id) && cursor_uvarint(&payload, &rows) &&
		      cursor_uvarint(&payload, &sz));
		CHECK(cursor_take(&payload, sz, &body));
		snprintf(what, sizeof(what), "section %s: rows %llu, %llu bytes of columns",
			 section_find(id)->name, (unsigned long long)rows, (unsigned long long)sz);
		put_hex(b, p, (size_t)(start - p), (size_t)(body.p - start), what);
		while (cursor_left(&body)) {
			const uint8_t *col = body.p;
			uint64_t cid, enc, csz;
			struct cursor data;

			CHECK(cursor_uvarint(&body, &cid) && cursor_uvarint(&body, &enc) &&
			      cursor_uvarint(&body, &csz));
			CHECK(cursor_take(&body, csz, &data));
			snprintf(what, sizeof(what), "  column %llu, encoding %llu, %llu bytes",
				 (unsigned long long)cid, (unsigned long long)enc,
				 (unsigned long long)csz);
			put_hex(b, p, (size_t)(col - p), (size_t)(data.end - col), what);
		}
	}
	put_hex(b, p, (size_t)(payload.end - p), len - (size_t)(payload.end - p), "padding");
}

TEST(the_hexdump_is_what_is_written)
{
	char path[64], *written, *golden;
	struct buffer b = { 0 };
	size_t len, golden_len = 0;

	snprintf(path, sizeof(path), "/tmp/varve-test-tiny.%d", (int)getpid());
	write_tiny(path);
	written = slurp(path, &len);
	unlink(path);
	if (getenv("VARVE_UPDATE") && access(TINY, F_OK))
		write_tiny(TINY);
	golden = slurp(TINY, &golden_len);
	if (access(DOC, F_OK))
		SKIP("run from the top of the tree");
	CHECK(golden && len == golden_len && !memcmp(written, golden, len));
	put_tiny(&b, (const uint8_t *)written, len);
	check_region("hexdump", &b);
	buffer_deinit(&b);
	free(written);
	free(golden);
}

TEST_MAIN()
