/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A thread that does jobs in the order they are given, so that SQLite puts rows into its pages
 * while the next chunk is being decoded. Between db_writer_settle() and the next db_writer_give()
 * it does nothing, and whoever gives the jobs may use what they use.
 */
#ifndef VARVE_DB_WRITER_H
#define VARVE_DB_WRITER_H

#include <stdbool.h>

#include "formats/err.h"

struct db_writer;

/* The giver's; not to be touched while it is given. */
struct db_job {
	int (*run)(struct db_job *job, struct err *err); /* in the thread; 0 or -errno */
	struct db_job *next;				 /* the writer's */
	bool is_given;					 /* the same; all zero to begin with */
};

/* 0, or -EAGAIN, -ENOMEM: no thread can be had. */
int db_writer_create(struct db_writer **ret, struct err *err);

/* Waits for what was given, and frees w. NULL accepted. */
void db_writer_destroy(struct db_writer *w);

/*
 * Have a job done. Each of the three returns 0, or the error of the first job that ever failed;
 * the jobs after it are not done.
 */
int db_writer_give(struct db_writer *w, struct db_job *job, struct err *err);

/* Until this job is over; at once for one that is not given. */
int db_writer_wait(struct db_writer *w, const struct db_job *job, struct err *err);

/* Until all jobs are over. w may be NULL. */
int db_writer_settle(struct db_writer *w, struct err *err);

#endif
