/* SPDX-License-Identifier: BSD-2-Clause */
/* The stacks that the kernel half need not send again: see UNWIND_MEMO_AT() in bpf/unwind_wire.h. */
#ifndef VARVE_SENT_STACKS_H
#define VARVE_SENT_STACKS_H

#include "record/events_slice.h"

struct sent_stacks;

/* 0 or -ENOMEM; *ret is the caller's, for sent_stacks_destroy(), which takes NULL too. */
int sent_stacks_create(struct sent_stacks **ret);
void sent_stacks_destroy(struct sent_stacks *s);

/*
 * Every record with a stack, in the ring's order. data: a record of *sz bytes, its struct wire_stack at stack_off. A user half that came
 * whole is kept as the last one of its place (CPU, program, thread). For one that is the same as that the whole record is made in *buf and
 * returned, *sz being its size; else data is. One that should be known and is not becomes a stack that was not taken.
 */
const void *sent_stacks_finish(struct sent_stacks *s, const void *data, size_t *sz, size_t stack_off, union events_whole *buf);

#endif
