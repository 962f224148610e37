// SPDX-License-Identifier: BSD-2-Clause
/* One record of the perf ABI, as perf_event_open(2) lays it out. The kernel wrote it; it is checked all the same. */
#include <errno.h>
#include <linux/perf_event.h>
#include <string.h>
#include <sys/mman.h>

#include "record/sideband.h"

#define TRAILER_SZ 24 /* sample_id: pid, tid; time; cpu, res (PERF_SAMPLE_TID | TIME | CPU) */

struct body {
	const uint8_t *p;
	size_t len; /* without header and trailer */
};

static uint32_t u32_at(const struct body *b, size_t off)
{
	uint32_t v;

	memcpy(&v, b->p + off, sizeof(v));
	return v;
}

static uint64_t u64_at(const struct body *b, size_t off)
{
	uint64_t v;

	memcpy(&v, b->p + off, sizeof(v));
	return v;
}

/* A string that runs to the end of the body; NULL when it is not terminated there. */
static const char *text_at(const struct body *b, size_t off)
{
	if (off >= b->len || !memchr(b->p + off, '\0', b->len - off))
		return NULL;
	return (const char *)b->p + off;
}

static int parse_task(const struct body *b, enum sideband_kind kind, struct sideband_record *ret)
{
	if (b->len < 24)
		return -EBADMSG;
	ret->kind = kind;
	ret->pid = u32_at(b, 0);
	ret->ppid = u32_at(b, 4);
	ret->tid = u32_at(b, 8);
	ret->ptid = u32_at(b, 12);
	return 1;
}

static int parse_comm(const struct body *b, uint16_t misc, struct sideband_record *ret)
{
	if (b->len < 9)
		return -EBADMSG;
	ret->kind = misc & PERF_RECORD_MISC_COMM_EXEC ? SIDEBAND_EXEC : SIDEBAND_COMM;
	ret->pid = u32_at(b, 0);
	ret->tid = u32_at(b, 4);
	ret->comm = text_at(b, 8);
	return ret->comm ? 1 : -EBADMSG;
}

/*
 * PERF_RECORD_MISC_MMAP_BUILD_ID is ignored: the kernel sets it when anybody asked for build-ids, but who did not ask gets
 * device and inode all the same (perf_event_mmap_output() does not put header.misc back).
 */
static int parse_mmap2(const struct body *b, struct sideband_record *ret)
{
	struct mapping_desc *d = &ret->map;
	uint64_t len;

	if (b->len < 65)
		return -EBADMSG;
	ret->kind = SIDEBAND_MMAP;
	ret->pid = d->pid = u32_at(b, 0);
	ret->tid = u32_at(b, 4);
	d->start = u64_at(b, 8);
	len = u64_at(b, 16);
	d->pgoff = u64_at(b, 24);
	ret->is_exec = u32_at(b, 56) & PROT_EXEC;
	d->path = text_at(b, 64);
	if (!d->path || !len || __builtin_add_overflow(d->start, len, &d->end))
		return -EBADMSG;
	d->maj = u32_at(b, 32);
	d->min = u32_at(b, 36);
	d->ino = u64_at(b, 40);
	d->ino_gen = u64_at(b, 48);
	return 1;
}

static int parse_lost(const struct body *b, struct sideband_record *ret)
{
	if (b->len < 16)
		return -EBADMSG;
	ret->kind = SIDEBAND_LOST;
	ret->lost = u64_at(b, 8);
	return 1;
}

static int parse_body(uint32_t type, uint16_t misc, const struct body *b,
		      struct sideband_record *ret)
{
	switch (type) {
	case PERF_RECORD_FORK:
		return parse_task(b, SIDEBAND_FORK, ret);
	case PERF_RECORD_EXIT:
		return parse_task(b, SIDEBAND_EXIT, ret);
	case PERF_RECORD_COMM:
		return parse_comm(b, misc, ret);
	case PERF_RECORD_MMAP2:
		return parse_mmap2(b, ret);
	case PERF_RECORD_LOST:
		return parse_lost(b, ret);
	default:
		return 0;
	}
}

int sideband_parse(const void *data, size_t len, struct sideband_record *ret)
{
	struct sideband_record rec = {};
	struct perf_event_header h;
	struct body b, trailer;
	int r;

	if (len < sizeof(h) + TRAILER_SZ)
		return -EBADMSG;
	memcpy(&h, data, sizeof(h));
	b.p = (const uint8_t *)data + sizeof(h);
	b.len = len - sizeof(h) - TRAILER_SZ;
	trailer.p = b.p + b.len;
	rec.ts = u64_at(&trailer, 8);
	rec.cpu = u32_at(&trailer, 16);
	r = parse_body(h.type, h.misc, &b, &rec);
	if (r >= 0) /* the time of an unused one is of use too */
		*ret = rec;
	return r;
}
