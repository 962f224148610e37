// SPDX-License-Identifier: BSD-2-Clause
#include "report/db_writer.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

struct db_writer {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t given, done;  /* to the thread, and from it */
	struct db_job *first, *last; /* the first one is being done */
	bool stop;
	int rc; /* of the first job that failed, with err */
	struct err err;
};

static void do_first(struct db_writer *w)
{
	struct db_job *job = w->first;
	struct err err = { 0 };
	int rc = w->rc;

	pthread_mutex_unlock(&w->lock);
	if (!rc)
		rc = job->run(job, &err);
	pthread_mutex_lock(&w->lock);
	if (rc && !w->rc) {
		w->rc = rc;
		w->err = err;
	}
	w->first = job->next;
	if (!w->first)
		w->last = NULL;
	job->is_given = false;
	pthread_cond_broadcast(&w->done);
}

static void *serve(void *arg)
{
	struct db_writer *w = arg;

	pthread_mutex_lock(&w->lock);
	for (;;) {
		if (w->first)
			do_first(w);
		else if (w->stop)
			break;
		else
			pthread_cond_wait(&w->given, &w->lock);
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

int db_writer_create(struct db_writer **ret, struct err *err)
{
	struct db_writer *w = calloc(1, sizeof(*w));
	int rc;

	if (!w)
		return err_set(err, -ENOMEM, "database: out of memory");
	pthread_mutex_init(&w->lock, NULL); /* these three cannot fail on Linux */
	pthread_cond_init(&w->given, NULL);
	pthread_cond_init(&w->done, NULL);
	rc = pthread_create(&w->thread, NULL, serve, w);
	if (rc) {
		free(w);
		return err_code(err, -rc, "database: start a thread");
	}
	*ret = w;
	return 0;
}

void db_writer_destroy(struct db_writer *w)
{
	if (!w)
		return;
	pthread_mutex_lock(&w->lock);
	w->stop = true;
	pthread_cond_signal(&w->given);
	pthread_mutex_unlock(&w->lock);
	pthread_join(w->thread, NULL);
	pthread_cond_destroy(&w->given);
	pthread_cond_destroy(&w->done);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

/* With the lock held, which it gives back. */
static int leave(struct db_writer *w, struct err *err)
{
	int rc = w->rc;

	if (rc && err)
		*err = w->err;
	pthread_mutex_unlock(&w->lock);
	return rc;
}

int db_writer_give(struct db_writer *w, struct db_job *job, struct err *err)
{
	pthread_mutex_lock(&w->lock);
	if (!w->rc) {
		job->next = NULL;
		job->is_given = true;
		if (w->last)
			w->last->next = job;
		else
			w->first = job;
		w->last = job;
		pthread_cond_signal(&w->given);
	}
	return leave(w, err);
}

int db_writer_wait(struct db_writer *w, const struct db_job *job, struct err *err)
{
	pthread_mutex_lock(&w->lock);
	while (job->is_given)
		pthread_cond_wait(&w->done, &w->lock);
	return leave(w, err);
}

int db_writer_settle(struct db_writer *w, struct err *err)
{
	if (!w)
		return 0;
	pthread_mutex_lock(&w->lock);
	while (w->first)
		pthread_cond_wait(&w->done, &w->lock);
	return leave(w, err);
}
