/* SPDX-License-Identifier: BSD-2-Clause */
/* Records whose user stack goes on in a slice, made whole. */
#ifndef VARVE_EVENTS_SLICE_H
#define VARVE_EVENTS_SLICE_H

#include "record/frames.h"
#include "record/unwinder.h"

/* Room for any record with a stack, and the largest stack. */
union events_whole {
	struct wire_head head;
	uint8_t bytes[sizeof(struct wire_wait) + sizeof(struct wire_oom) + FRAMES_MAX * sizeof(uint64_t)];
	uint64_t align;
};

/*
 * data: a record of *sz bytes (its own, not the ring's), its struct wire_stack at stack_off. When its stack has a slice, the
 * finished record is made in *buf and returned, *sz being its size; else data is.
 */
const void *events_slice_finish(struct unwinder *u, const void *data, size_t *sz, size_t stack_off, union events_whole *buf);

#endif
