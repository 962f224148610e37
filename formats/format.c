// SPDX-License-Identifier: BSD-2-Clause
#include "formats/format.h"

#include <string.h>

#include "formats/bytes.h"
#include "formats/crc32c.h"

uint32_t uuid_rec32(const uint8_t uuid[16])
{
	return crc32c(0, uuid, 16);
}

void file_header_put(uint8_t p[FILE_HEADER_SZ], const struct file_header *h)
{
	memcpy(p, FILE_MAGIC, FILE_MAGIC_SZ);
	put_le16(p + 8, h->major);
	put_le16(p + 10, h->minor);
	put_le32(p + 12, h->header_len);
	put_le32(p + 16, h->incompat_flags);
	put_le32(p + 20, h->compat_flags);
	memcpy(p + 24, h->uuid, 16);
	memcpy(p + 40, h->boot_id, 16);
	put_le64(p + 56, h->segment_no);
	put_le64(p + 64, h->realtime_ns);
	put_le64(p + 72, h->monotonic_ns);
	put_le32(p + 80, h->arch);
	put_le32(p + 84, h->pointer_bytes);
	put_le32(p + 88, h->rec32);
	put_le32(p + 92, crc32c(0, p, 92));
}

bool file_header_get(const uint8_t p[FILE_HEADER_SZ], struct file_header *ret)
{
	if (memcmp(p, FILE_MAGIC, FILE_MAGIC_SZ) || get_le32(p + 92) != crc32c(0, p, 92))
		return false;
	ret->major = get_le16(p + 8);
	ret->minor = get_le16(p + 10);
	ret->header_len = get_le32(p + 12);
	ret->incompat_flags = get_le32(p + 16);
	ret->compat_flags = get_le32(p + 20);
	memcpy(ret->uuid, p + 24, 16);
	memcpy(ret->boot_id, p + 40, 16);
	ret->segment_no = get_le64(p + 56);
	ret->realtime_ns = get_le64(p + 64);
	ret->monotonic_ns = get_le64(p + 72);
	ret->arch = get_le32(p + 80);
	ret->pointer_bytes = get_le32(p + 84);
	ret->rec32 = get_le32(p + 88);
	return ret->header_len >= FILE_HEADER_SZ && ret->header_len <= FILE_HEADER_MAX_SZ;
}

void chunk_header_put(uint8_t p[CHUNK_HEADER_SZ], const struct chunk_header *h)
{
	memcpy(p, CHUNK_SYNC, CHUNK_SYNC_SZ);
	put_le16(p + 4, h->type);
	p[6] = h->codec;
	p[7] = h->flags;
	put_le64(p + 8, h->seq);
	put_le32(p + 16, h->stored_len);
	put_le32(p + 20, h->raw_len);
	put_le64(p + 24, h->first_ts);
	put_le64(p + 32, h->last_ts);
	put_le32(p + 40, h->event_cnt);
	put_le32(p + 44, h->older_ms);
	put_le32(p + 48, h->rec32);
	put_le32(p + 52, h->payload_crc);
	put_le32(p + 56, h->newer_ms);
	put_le32(p + 60, crc32c(0, p, 60));
}

bool chunk_header_get(const uint8_t p[CHUNK_HEADER_SZ], struct chunk_header *ret)
{
	if (memcmp(p, CHUNK_SYNC, CHUNK_SYNC_SZ) || get_le32(p + 60) != crc32c(0, p, 60))
		return false;
	ret->type = get_le16(p + 4);
	ret->codec = p[6];
	ret->flags = p[7];
	ret->seq = get_le64(p + 8);
	ret->stored_len = get_le32(p + 16);
	ret->raw_len = get_le32(p + 20);
	ret->first_ts = get_le64(p + 24);
	ret->last_ts = get_le64(p + 32);
	ret->event_cnt = get_le32(p + 40);
	ret->older_ms = get_le32(p + 44);
	ret->rec32 = get_le32(p + 48);
	ret->payload_crc = get_le32(p + 52);
	ret->newer_ms = get_le32(p + 56);
	return ret->stored_len <= CHUNK_PAYLOAD_MAX && ret->raw_len <= CHUNK_PAYLOAD_MAX;
}

const char *chunk_type_name(unsigned type)
{
	static const char *const names[CHUNK_TYPE_CNT] = {
		[CHUNK_META] = "META",	   [CHUNK_CLOCK] = "CLOCK",   [CHUNK_KEYFRAME] = "KEYFRAME",
		[CHUNK_TASK] = "TASK",	   [CHUNK_SAMPLE] = "SAMPLE", [CHUNK_OFFCPU] = "OFFCPU",
		[CHUNK_SCHED] = "SCHED",   [CHUNK_OOM] = "OOM",	      [CHUNK_LOSS] = "LOSS",
		[CHUNK_KSYM] = "KSYM",	   [CHUNK_SYMTAB] = "SYMTAB", [CHUNK_MARK] = "MARK",
		[CHUNK_HEALTH] = "HEALTH", [CHUNK_INDEX] = "INDEX",   [CHUNK_END] = "END",
	};

	return type < CHUNK_TYPE_CNT ? names[type] : NULL;
}
