/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Writing protocol buffers: the wire format only; which field means what is the exporters'
 * knowledge. A message grows in memory; nested messages are written in place between
 * protobuf_begin() and protobuf_end().
 */
#ifndef VARVE_PROTOBUF_H
#define VARVE_PROTOBUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Owns data. Out of memory sets failed, and everything after it is a no-op: check failed once, at
 * the end.
 */
struct protobuf {
	uint8_t *data;
	size_t len, cap;
	bool failed;
};

/* A zeroed struct protobuf is an empty message. */
void protobuf_deinit(struct protobuf *p);

/* Forget what was written, keep the memory. */
void protobuf_reset(struct protobuf *p);

/*
 * field numbers are 1..2^29-1. uint: int32, int64, uint32, uint64, enum and bool alike (negative:
 * two's complement).
 */
void protobuf_uint(struct protobuf *p, uint32_t field, uint64_t v);
void protobuf_fixed64(struct protobuf *p, uint32_t field, uint64_t v);
void protobuf_bytes(struct protobuf *p, uint32_t field, const void *data, size_t len);
void protobuf_string(struct protobuf *p, uint32_t field, const char *s);

/*
 * Begin a nested message (or a packed repeated field); what it returns goes to its protobuf_end().
 * They nest.
 */
size_t protobuf_begin(struct protobuf *p, uint32_t field);
void protobuf_end(struct protobuf *p, size_t mark);

/* A bare varint, for the elements of a packed field. */
void protobuf_varint(struct protobuf *p, uint64_t v);

#endif
