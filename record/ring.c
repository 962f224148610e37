// SPDX-License-Identifier: BSD-2-Clause
#include "record/ring.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define HEAD_SZ 8
#define BUSY (1U << 31)
#define DISCARDED (1U << 30)
#define GIVE_BACK (64 * 1024) /* bytes between updates of the consumer position */

int ring_init(struct ring *r, int map_fd, uint64_t size, struct err *err)
{
	void *p;

	*r = (struct ring){ .fd = map_fd, .size = size, .page_sz = (size_t)sysconf(_SC_PAGESIZE) };
	p = mmap(NULL, r->page_sz, PROT_READ | PROT_WRITE, MAP_SHARED, map_fd, 0);
	if (p == MAP_FAILED)
		return err_errno(err, "map a ring's consumer page");
	r->consumer = p;
	p = mmap(NULL, r->page_sz + size, PROT_READ, MAP_SHARED, map_fd, (off_t)r->page_sz);
	if (p == MAP_FAILED) {
		int code = err_errno(err, "map a ring of %llu bytes", (unsigned long long)size);

		ring_deinit(r);
		return code;
	}
	r->producer = p;
	r->data = (const uint8_t *)p + r->page_sz;
	r->next = __atomic_load_n(r->consumer, __ATOMIC_RELAXED);
	return 0;
}

void ring_deinit(struct ring *r)
{
	if (r->consumer)
		munmap(r->consumer, r->page_sz);
	if (r->producer)
		munmap((void *)r->producer, r->page_sz + r->size);
	free(r->wrapped);
	*r = (struct ring){ .fd = -1 };
}

uint64_t ring_producer(const struct ring *r)
{
	return __atomic_load_n(r->producer, __ATOMIC_ACQUIRE);
}

unsigned ring_fill_pct(const struct ring *r)
{
	return r->size ? (unsigned)((ring_producer(r) - r->next) * 100 / r->size) : 0;
}

/* The payload at `next`, len bytes, in one piece. NULL: out of memory. */
static const void *payload(struct ring *r, uint32_t len)
{
	uint64_t off = (r->next + HEAD_SZ) & (r->size - 1), first = r->size - off;

	if (len <= first)
		return r->data + off;
	if (len > r->wrapped_cap) {
		uint8_t *p = realloc(r->wrapped, len);

		if (!p)
			return NULL;
		r->wrapped = p;
		r->wrapped_cap = len;
	}
	memcpy(r->wrapped, r->data + off, first);
	memcpy(r->wrapped + first, r->data, len - first);
	return r->wrapped;
}

/* Records start on 8 bytes; the head holds the length and two flags, then 4 bytes of the kernel's own. */
int ring_consume(struct ring *r, uint64_t upto, ring_fn fn, void *ctx, struct err *err)
{
	uint64_t given = r->next;
	int n = 0, ret = 0;

	while (ret >= 0 && (int64_t)(upto - r->next) > 0) {
		const uint8_t *at = r->data + (r->next & (r->size - 1));
		uint32_t head = __atomic_load_n((const uint32_t *)at, __ATOMIC_ACQUIRE);
		uint32_t len = head & ~(BUSY | DISCARDED);

		if (head & BUSY)
			break;
		if (len > r->size - HEAD_SZ || len > upto - r->next)
			return err_set(err, -EBADMSG, "a ring record claims %u bytes, past what was reserved", len);
		if (!(head & DISCARDED)) {
			const void *data = payload(r, len);

			ret = data ? fn(ctx, data, len) : err_code(err, -ENOMEM, "take a ring record of %u bytes", len);
			n++;
		}
		r->next += (HEAD_SZ + (uint64_t)len + 7) & ~7ULL;
		if (r->next - given >= GIVE_BACK) {
			__atomic_store_n(r->consumer, r->next, __ATOMIC_RELEASE);
			given = r->next;
		}
	}
	__atomic_store_n(r->consumer, r->next, __ATOMIC_RELEASE);
	return ret < 0 ? ret : n;
}
