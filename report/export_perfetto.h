/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The parts of the Perfetto exporter share this: one packet at a time is built in memory and
 * written. All packets are of one sequence, whose interned data only ever grows.
 */
#ifndef VARVE_EXPORT_PERFETTO_H
#define VARVE_EXPORT_PERFETTO_H

#include "report/export.h"
#include "report/protobuf.h"

/* Field numbers of perfetto/trace/trace_packet.proto and what it includes. */
enum {
	TRACE_PACKET = 1,
	PACKET_FTRACE = 1, PACKET_PROCESS_TREE = 2, PACKET_CLOCKS = 6, PACKET_TIME = 8,
	PACKET_SEQUENCE = 10,
	PACKET_TRACK_EVENT = 11, PACKET_INTERNED = 12, PACKET_SEQUENCE_FLAGS = 13,
	PACKET_SYSTEM_INFO = 45, PACKET_TRACK = 60,
	PACKET_PERF_SAMPLE = 66,
	SEQUENCE_CLEARED = 1, SEQUENCE_NEEDS_STATE = 2,
};

struct perfetto {
	const struct export_input *in;
	FILE *f;
	struct protobuf p; /* the packet being built */
	size_t mark;	   /* where it began */
	bool is_first;
	uint32_t *frame_iid; /* [stacks.frames]: nonzero once interned */
	uint32_t *function_iid, *image_iid;
	uint32_t *stack_iid, *stack_text_iid; /* [stacks.nodes] */
	bool *has_track;		      /* [threads]: its tracks are described */
};

/* Begin a packet at ts (ns since the recording's start); perfetto_end() writes it out. */
void perfetto_begin(struct perfetto *o, int64_t ts);
void perfetto_end(struct perfetto *o);

/* A string field in its shown form: protobuf strings are UTF-8. */
void perfetto_text(struct perfetto *o, uint32_t field, const char *s);

/* tid or pid of a thread; 0 for the unknown one. */
uint32_t perfetto_tid(const struct perfetto *o, uint32_t utid);
uint32_t perfetto_pid(const struct perfetto *o, uint32_t utid);

/* export_perfetto_sched.c: sched_switch and sched_waking from the recorded slices. */
int perfetto_put_sched(struct perfetto *o, struct err *err);

/* export_perfetto_tracks.c: waits and OOM kills on tracks of their own. */
int perfetto_put_waits(struct perfetto *o, struct err *err);
int perfetto_put_ooms(struct perfetto *o, struct err *err);
int perfetto_put_counters(struct perfetto *o, struct err *err);

#endif
