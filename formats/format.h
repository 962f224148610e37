/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The fixed parts of a .varve file: file header, chunk header, limits. FORMAT.md is normative.
 */
#ifndef VARVE_FORMAT_H
#define VARVE_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FORMAT_MAJOR 1
#define FORMAT_MINOR 0

#define FILE_HEADER_SZ 96
#define FILE_HEADER_MAX_SZ 65536 /* of header_len: a later version may append fields */
#define CHUNK_HEADER_SZ 64
#define CHUNK_ALIGN 8
#define CHUNK_SYNC "\x9d\xe2\x56\x4b"
#define CHUNK_SYNC_SZ 4
/* A high bit, CRLF, ^Z, LF: damage by text-mode transfer shows. */
#define FILE_MAGIC "\xab\x56\x52\x56\x0d\x0a\x1a\x0a"
#define FILE_MAGIC_SZ 8

/* What a reader refuses; a writer stays far below. */
#define CHUNK_PAYLOAD_MAX (16u << 20) /* stored and raw bytes */
#define STRING_MAX 65535	      /* bytes without the NUL; writers cut longer ones */
#define TABLE_ROWS_MAX (2u << 20)     /* rows of all tables of a chunk together */
#define CHUNK_SECTIONS_MAX 4096
#define RECORDING_MODULES_MAX (1u << 20)
#define RECORDING_MODULE_BYTES_MAX (256u << 20) /* paths and segments of all modules together */

enum chunk_type {
	CHUNK_META = 1,
	CHUNK_CLOCK = 2,
	CHUNK_KEYFRAME = 3,
	CHUNK_TASK = 4,
	CHUNK_SAMPLE = 5,
	CHUNK_OFFCPU = 6,
	CHUNK_SCHED = 7,
	CHUNK_OOM = 8,
	CHUNK_LOSS = 9,
	CHUNK_KSYM = 10,
	CHUNK_SYMTAB = 11,
	CHUNK_MARK = 12,
	CHUNK_HEALTH = 13,
	CHUNK_INDEX = 14,
	CHUNK_END = 15,
	CHUNK_TYPE_CNT = 16,
};

enum chunk_codec { CODEC_RAW = 0, CODEC_ZSTD = 1 };

enum chunk_flags {
	CHUNK_CRITICAL = 1, /* a reader that does not know the type must stop */
	CHUNK_LAST_IN_SEGMENT = 2,
	CHUNK_AFTER_LOSS = 4, /* a chunk of this type could not be written before this one */
};

struct file_header {
	uint16_t major, minor;
	uint32_t header_len;
	uint32_t incompat_flags, compat_flags;
	uint8_t uuid[16], boot_id[16];
	uint64_t segment_no;
	uint64_t realtime_ns, monotonic_ns;
	uint32_t arch, pointer_bytes;
	uint32_t rec32; /* crc32c of uuid */
};

struct chunk_header {
	uint16_t type;
	uint8_t codec, flags;
	uint64_t seq;
	uint32_t stored_len, raw_len;
	uint64_t first_ts, last_ts;
	uint32_t event_cnt;
	/*
	 * What the chunks after this one may hold, so that one whose header is lost still has its
	 * time bounded by its neighbours: nothing that was recorded when this was written is older
	 * than first_ts - older_ms or newer than last_ts + newer_ms.
	 */
	uint32_t older_ms, newer_ms;
	uint32_t rec32;
	uint32_t payload_crc;
};

void file_header_put(uint8_t p[FILE_HEADER_SZ], const struct file_header *h);

/*
 * False unless p begins with the magic and the checksum holds. Versions and flags are the caller's
 * to judge.
 */
bool file_header_get(const uint8_t p[FILE_HEADER_SZ], struct file_header *ret);

void chunk_header_put(uint8_t p[CHUNK_HEADER_SZ], const struct chunk_header *h);

/*
 * False unless p begins with the sync word, the checksum holds and the lengths are within the
 * limits.
 */
bool chunk_header_get(const uint8_t p[CHUNK_HEADER_SZ], struct chunk_header *ret);

uint32_t uuid_rec32(const uint8_t uuid[16]);

/* Header, payload and padding. */
static inline uint64_t chunk_sz(const struct chunk_header *h)
{
	return CHUNK_HEADER_SZ +
	       (((uint64_t)h->stored_len + CHUNK_ALIGN - 1) & ~(uint64_t)(CHUNK_ALIGN - 1));
}

/* "SAMPLE" …, or NULL. */
const char *chunk_type_name(unsigned type);

#endif
