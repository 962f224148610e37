// SPDX-License-Identifier: BSD-2-Clause
#include "record/events_slice.h"

#include <string.h>

const void *events_slice_finish(struct unwinder *u, const void *data, size_t *sz, size_t stack_off, union events_whole *buf)
{
	struct wire_stack s;
	uint64_t *addr;
	size_t fixed;

	memcpy(&s, (const char *)data + stack_off, sizeof(s));
	fixed = *sz - ((size_t)s.kernel_cnt + s.user_cnt) * sizeof(*addr);
	if (!u || !s.slice || fixed + FRAMES_MAX * sizeof(*addr) > sizeof(*buf))
		return data;
	memcpy(buf, data, *sz);
	addr = (uint64_t *)(buf->bytes + fixed);
	*sz += unwinder_finish(u, buf->head.cpu, &s, addr, WIRE_USER_DEPTH - s.user_cnt) * sizeof(*addr);
	memcpy(buf->bytes + stack_off, &s, sizeof(s));
	return buf;
}
