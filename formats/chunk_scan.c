// SPDX-License-Identifier: BSD-2-Clause
#include "formats/chunk_scan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "formats/bytes.h"
#include "formats/crc32c.h"

/*
 * A payload that fails is searched for chunks, byte by byte, as bytes may be missing in it. A file
 * made to hold headers inside the extent of other headers would make that quadratic; beyond this
 * much work a bad chunk is passed whole.
 */
#define WASTE_MAX (64ull << 20)
#define WASTE_PER_BYTE 16

static int check_version(const struct file_header *h, struct err *err)
{
	if (h->major != FORMAT_MAJOR)
		return err_set(err, -EPROTONOSUPPORT,
			       "format version %u.%u, this program reads version %u", h->major,
			       h->minor, FORMAT_MAJOR);
	if (h->incompat_flags)
		return err_set(err, -EPROTONOSUPPORT,
			       "incompatible format flags 0x%x are not known here",
			       h->incompat_flags);
	return 0;
}

/* Step over bytes that are nothing, to the next that may begin something. */
static int step(struct chunk_scan *s, const struct chunk_header *h, const char *reason)
{
	size_t n = 1;

	damage_begin(&s->damage, s->in.off, h, reason);
	while (n < s->in.avail && s->in.p[n] != (uint8_t)CHUNK_SYNC[0] &&
	       s->in.p[n] != (uint8_t)FILE_MAGIC[0])
		n++;
	input_skip(&s->in, n);
	return 0;
}

/* Behind a segment that does not follow the one before, chunk numbers go on elsewhere: what lies between was deleted, or is elsewhere. */
static int note_segment(struct chunk_scan *s, const struct file_header *h)
{
	const struct recording_segment *last = s->segment_cnt ? &s->segment[s->segment_cnt - 1] : NULL;

	if (last && h->segment_no != last->number && h->segment_no != last->number + 1)
		damage_forget_order(&s->damage);
	s->segments++;
	s->segment_no = h->segment_no;
	if (h->segment_no > s->newest_segment)
		s->newest_segment = h->segment_no;
	if (s->segment_cnt >= SEGMENTS_LISTED_MAX)
		return 0;
	if (array_grow(&s->segment, &s->segment_cap, s->segment_cnt, sizeof(*s->segment)))
		return -ENOMEM;
	s->segment[s->segment_cnt++] = (struct recording_segment){ h->segment_no, h->monotonic_ns, 0 };
	return 0;
}

/* The recording's first file header, or that of a further segment. Returns 0, -EPROTONOSUPPORT or -ENOMEM. */
static int accept(struct chunk_scan *s, const struct file_header *h, struct err *err)
{
	int ret = check_version(h, err);

	if (ret)
		return ret;
	ret = damage_close(&s->damage, s->in.off) ?: note_segment(s, h);
	if (ret)
		return err_set(err, ret, "out of memory");
	if (s->has_file_header)
		return 0;
	s->file = *h;
	s->has_file_header = s->has_rec32 = true;
	/*
	 * A recording's first segment begins with chunk 0: then even a missing first one is noticed.
	 */
	if (!h->segment_no && !s->chunks)
		s->damage.has_next_seq = true;
	return 0;
}

static bool has_ended(const struct chunk_scan *s, uint32_t rec32)
{
	for (uint32_t i = 0; i < s->ended_cnt; i++)
		if (s->ended[i] == rec32)
			return true;
	return false;
}

/* Here this recording ends, and the next begins. Always 0, as nothing of this one is here. */
static int stop_at_next(struct chunk_scan *s, struct err *err)
{
	s->is_at_next = true;
	return damage_close(&s->damage, s->in.off) ? err_set(err, -ENOMEM, "out of memory") : 0;
}

/*
 * A file header of another recording. Alone it is a left-over, and what comes behind it may be ours; that recording begins where a chunk of it
 * is.
 */
static int take_other_header(struct chunk_scan *s, const struct file_header *h, struct err *err)
{
	struct chunk_header chunk;
	int ret;

	if (has_ended(s, h->rec32))
		return step(s, NULL, "a recording that ended before goes on here, ignoring it");
	if (s->ended_cnt + 1 >= RECORDINGS_MAX)
		return step(s, NULL, "another recording begins here, ignoring it");
	s->next = *h;
	s->has_next = true;
	ret = input_look(&s->in, (size_t)h->header_len + CHUNK_HEADER_SZ, err);
	if (ret)
		return ret;
	if (s->in.avail >= (size_t)h->header_len + CHUNK_HEADER_SZ && chunk_header_get(s->in.p + h->header_len, &chunk) && chunk.rec32 == h->rec32)
		return stop_at_next(s, err);
	return step(s, NULL, "another recording begins here, ignoring it");
}

/*
 * A valid file header: the start, or segments joined by cat. Returns 0 or a negative errno.
 */
static int take_file_header(struct chunk_scan *s, const struct file_header *h, struct err *err)
{
	int ret;

	if (s->has_rec32 && h->rec32 != s->file.rec32)
		return take_other_header(s, h, err);
	ret = accept(s, h, err);
	if (ret)
		return ret;
	ret = input_look(&s->in, h->header_len, err);
	input_skip(&s->in, h->header_len < s->in.avail ? h->header_len : s->in.avail);
	return ret;
}

static void describe(char *text, size_t sz, const struct chunk_header *h, const char *what)
{
	const char *type = chunk_type_name(h->type);

	snprintf(text, sz, "chunk %llu (%s, %u events): %s", (unsigned long long)h->seq,
		 type ? type : "unknown type", h->event_cnt, what);
}

/* A chunk that is cut short or whose payload differs. */
static int bad_chunk(struct chunk_scan *s, const struct chunk_header *h, const char *what)
{
	char reason[120];

	describe(reason, sizeof(reason), h, what);
	if (s->wasted > WASTE_MAX + WASTE_PER_BYTE * s->in.off) {
		damage_begin(&s->damage, s->in.off, h, reason);
		input_skip(&s->in, chunk_sz(h) < s->in.avail ? chunk_sz(h) : s->in.avail);
		return 0;
	}
	return step(s, h, reason);
}

/* Returns 1 with a good new chunk, 0 when it was something to pass, or a negative errno. */
static int take_chunk(struct chunk_scan *s, const struct chunk_header *h, struct err *err)
{
	int ret;

	if (s->has_rec32 && h->rec32 != s->file.rec32)
		return s->has_next && s->next.rec32 == h->rec32 ?
			       stop_at_next(s, err) :
			       step(s, NULL, "chunk of another recording, ignoring it");
	ret = input_look(&s->in, chunk_sz(h), err);
	if (ret)
		return ret;
	if (s->in.avail < CHUNK_HEADER_SZ + h->stored_len)
		return bad_chunk(s, h, "the file ends inside it");
	if (crc32c(0, s->in.p + CHUNK_HEADER_SZ, h->stored_len) != h->payload_crc) {
		s->wasted += h->stored_len;
		return bad_chunk(s, h, "payload checksum differs");
	}
	s->off = s->in.off;
	s->skip = CHUNK_HEADER_SZ + h->stored_len;
	s->padding = (unsigned)(chunk_sz(h) - s->skip);
	s->file.rec32 = h->rec32;
	s->has_rec32 = true;
	ret = damage_good_chunk(&s->damage, s->in.off, h);
	if (ret < 0)
		return err_set(err, ret, "out of memory");
	if (!ret) {
		s->duplicates++;
		s->duplicate_bytes += chunk_sz(h);
		return 0;
	}
	s->header = *h;
	s->payload = s->in.p + CHUNK_HEADER_SZ;
	s->chunks++;
	return 1;
}

/* What is here? Returns as take_chunk(). */
static int take(struct chunk_scan *s, struct err *err)
{
	struct chunk_header h;
	struct file_header f;

	if (s->in.avail >= FILE_HEADER_SZ && file_header_get(s->in.p, &f))
		return take_file_header(s, &f, err);
	if (s->in.avail >= CHUNK_HEADER_SZ && chunk_header_get(s->in.p, &h))
		return take_chunk(s, &h, err);
	if (!s->in.off)
		return step(s, NULL, "the file header is damaged");
	return step(s, NULL,
		    s->in.avail < CHUNK_HEADER_SZ ? "the file ends inside a chunk header"
						  : "no chunk begins here");
}

/*
 * Behind the present chunk. Padding is passed only as far as it is zero: where bytes of it are
 * gone, the next chunk begins early.
 */
static int pass_chunk(struct chunk_scan *s, struct err *err)
{
	int ret;

	input_skip(&s->in, s->skip);
	s->skip = 0;
	ret = input_look(&s->in, FILE_HEADER_SZ + CHUNK_ALIGN, err);
	for (; !ret && s->padding && s->in.avail && !*s->in.p; s->padding--)
		input_skip(&s->in, 1);
	s->padding = 0;
	return ret;
}

int chunk_scan_next(struct chunk_scan *s, struct err *err)
{
	int ret;

	do {
		if (s->is_at_next)
			return 0;
		ret = pass_chunk(s, err);
		if (ret)
			return ret;
		if (!s->in.avail) {
			ret = damage_close(&s->damage, s->in.off);
			return ret ? err_set(err, ret, "out of memory") : 0;
		}
		ret = take(s, err);
	} while (!ret);
	return ret;
}

int chunk_scan_next_recording(struct chunk_scan *s, struct err *err)
{
	struct file_header h = s->next, here;

	if (!s->is_at_next)
		return 0;
	if (array_grow(&s->ended, &s->ended_cap, s->ended_cnt, sizeof(*s->ended)))
		return err_set(err, -ENOMEM, "out of memory");
	s->ended[s->ended_cnt++] = s->file.rec32;
	damage_deinit(&s->damage);
	s->segments = s->chunks = s->duplicates = s->segment_cnt = 0;
	s->segment_no = s->newest_segment = s->duplicate_bytes = 0;
	s->begin_off = s->in.off;
	s->is_at_next = s->has_next = s->has_file_header = s->has_rec32 = false;
	s->file = (struct file_header){ 0 };
	if (s->in.avail >= FILE_HEADER_SZ && file_header_get(s->in.p, &here))
		return 1;
	return accept(s, &h, err) ?: 1; /* we are at its first chunk, the header is behind us */
}

void chunk_scan_reject(struct chunk_scan *s, const char *reason)
{
	char text[120];

	describe(text, sizeof(text), &s->header, reason);
	damage_begin(&s->damage, s->off, &s->header, text);
	s->chunks--;
}

void chunk_scan_deinit(struct chunk_scan *s)
{
	input_close(&s->in);
	damage_deinit(&s->damage);
	free(s->segment);
	free(s->ended);
}
