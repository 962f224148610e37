/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What takes a while, and how far it is: on a terminal one line on stderr that is written over and
 * gone in the end; how long each step took where more is to be said (-v).
 */
#ifndef VARVE_PROGRESS_H
#define VARVE_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

/* All zero says nothing. */
struct progress {
	bool is_shown;	 /* the line */
	bool is_timed;	 /* how long each step took */
	bool has_line;	 /* there is one now */
	const char *what; /* of the present step; NULL: none */
	int pct;	 /* as shown; -1 none */
	int64_t since_ns;
};

/* The line is shown where it is wanted and stderr is a terminal; the times anywhere. */
void progress_init(struct progress *p, bool is_wanted, bool is_timed);

/* A step begins: "reading", and what (NULL: nothing to name). The one before it is over. */
void progress_begin(struct progress *p, const char *what, const char *object);

/* done of total, in any unit; total 0: unknown. p may be NULL. */
void progress_set(struct progress *p, uint64_t done, uint64_t total);

/* The last step is over, and the line gone. */
void progress_end(struct progress *p);

#endif
