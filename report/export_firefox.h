/* SPDX-License-Identifier: BSD-2-Clause */
/* The parts of the Firefox exporter share this. */
#ifndef VARVE_EXPORT_FIREFOX_H
#define VARVE_EXPORT_FIREFOX_H

#include "report/export.h"
#include "report/export_events.h"
#include "report/json.h"

enum category {
	CATEGORY_OTHER = 0,
	CATEGORY_USER = 1,
	CATEGORY_KERNEL = 2,
	CATEGORY_JIT = 3,
	CATEGORY_WAIT = 4
};

/*
 * Numbers one thread gives to rows of ours: number[row], valid where epoch[row] is the thread's;
 * and the rows in order.
 */
struct numbering {
	uint32_t *number, *epoch;
	TABLE(uint32_t) rows;
};

struct firefox {
	const struct export_input *in;
	struct json j;
	TABLE(struct export_event) events; /* samples and waits, by thread and time */
	uint32_t *order;
	struct numbering stacks, frames, functions, images;
	TABLE(const char *) strings; /* of the thread being written; borrowed */
	uint32_t epoch;
	bool failed;
};

/* The event at a place of o->order. */
#define FIREFOX_EVENT(o, i) (&(o)->events.row[(o)->order[i]])

/* A string in its shown form. */
void firefox_put_shown(struct firefox *o, const char *s);

/* Milliseconds, exact; negative times become 0. */
void firefox_put_ms(struct firefox *o, int64_t ns);

void firefox_put_number(struct firefox *o, const char *key, uint64_t v);
void firefox_put_flag(struct firefox *o, const char *key, bool v);

/* export_firefox_thread.c: one thread with its tables; its events are o->order[from..to). */
void firefox_put_thread(struct firefox *o, uint32_t from, uint32_t to);

#endif
