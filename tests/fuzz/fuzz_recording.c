// SPDX-License-Identifier: BSD-2-Clause
/*
 * A whole recording. Checksums would stop nearly every mutation at the door, so they are made to
 * fit first, unless the input's last byte is odd: then the search for the next chunk is what is
 * tried.
 */
#include <stdlib.h>
#include <string.h>

#include "formats/bytes.h"
#include "formats/crc32c.h"
#include "formats/format.h"
#include "formats/recording.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A file header whose checksums hold. Returns its rec32. */
static uint32_t mend_file_header(uint8_t *p)
{
	struct file_header file;

	memcpy(p, FILE_MAGIC, FILE_MAGIC_SZ);
	put_le16(p + 8, FORMAT_MAJOR);
	put_le32(p + 12, FILE_HEADER_SZ);
	put_le32(p + 16, 0);
	put_le32(p + 88, uuid_rec32(p + 24));
	put_le32(p + 92, crc32c(0, p, 92));
	if (!file_header_get(p, &file))
		abort();
	return file.rec32;
}

/* Give every chunk header in p a length that is there, the recording of the file header before it, and checksums that hold. */
static void mend(uint8_t *p, size_t size)
{
	uint32_t rec32;

	if (size < FILE_HEADER_SZ)
		return;
	rec32 = mend_file_header(p);
	for (size_t at = FILE_HEADER_SZ; at + CHUNK_HEADER_SZ <= size;) {
		uint32_t len = get_le32(p + at + 16);

		if (size - at >= FILE_HEADER_SZ && !memcmp(p + at, FILE_MAGIC, FILE_MAGIC_SZ)) {
			rec32 = mend_file_header(p + at);
			at += FILE_HEADER_SZ;
			continue;
		}
		if (memcmp(p + at, CHUNK_SYNC, CHUNK_SYNC_SZ)) {
			at++;
			continue;
		}
		if (len > size - at - CHUNK_HEADER_SZ)
			len = (uint32_t)(size - at - CHUNK_HEADER_SZ);
		put_le32(p + at + 16, len);
		if (p[at + 6] == CODEC_RAW)
			put_le32(p + at + 20, len);
		put_le32(p + at + 48, rec32);
		put_le32(p + at + 52, crc32c(0, p + at + CHUNK_HEADER_SZ, len));
		put_le32(p + at + 60, crc32c(0, p + at, 60));
		at += CHUNK_HEADER_SZ + len;
	}
}

static void read_recording(struct recording_reader *r, size_t size)
{
	const struct recording_summary *s;
	struct event ev;
	struct err err;
	uint64_t last_end = 0;

	while (recording_reader_next(r, &ev, &err) == 1)
		if (!event_kind_name(ev.kind) || !ev.task.comm || !ev.other.comm)
			abort();
	s = recording_reader_summary(r);
	if (s->offset > size || s->bytes > size - s->offset)
		abort();
	for (size_t i = 0; i < s->damage_cnt; i++) {
		const struct recording_damage *d = &s->damage[i];

		if (!d->reason[0] || d->offset < last_end || d->offset + d->bytes > size)
			abort();
		last_end = d->offset + d->bytes;
	}
}

static void read_all(const uint8_t *p, size_t size)
{
	struct recording_reader *r = NULL;
	struct err err;

	if (recording_reader_open_memory(p, size, &r, &err))
		return;
	do
		read_recording(r, size);
	while (recording_reader_next_recording(r, &err) == 1);
	recording_reader_close(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy;

	if (!size)
		return 0;
	copy = malloc(size);
	memcpy(copy, data, size);
	if (!(data[size - 1] & 1))
		mend(copy, size);
	read_all(copy, size);
	free(copy);
	return 0;
}
