// SPDX-License-Identifier: BSD-2-Clause
#include "report/db_writer.h"

#include <errno.h>
#include <unistd.h>

#include "tests/test.h"

struct note {
	struct db_job job; /* first */
	int *log, *cnt, number, rc;
};

static int take_note(struct db_job *job, struct err *err)
{
	struct note *n = (struct note *)job;

	usleep(n->number % 7 * 100);
	n->log[(*n->cnt)++] = n->number;
	return n->rc ? err_set(err, n->rc, "note %d", n->number) : 0;
}

TEST(db_writer_does_jobs_one_by_one_in_their_order)
{
	struct note notes[50];
	int log[50], cnt = 0;
	struct db_writer *w;

	CHECK_EQ(db_writer_create(&w, NULL), 0);
	for (int i = 0; i < 50; i++) {
		notes[i] = (struct note){ .job.run = take_note, .log = log, .cnt = &cnt, .number = i };
		CHECK_EQ(db_writer_give(w, &notes[i].job, NULL), 0);
	}
	CHECK_EQ(db_writer_wait(w, &notes[20].job, NULL), 0);
	CHECK_EQ(db_writer_settle(w, NULL), 0);
	CHECK_EQ(cnt, 50);
	for (int i = 0; i < 50; i++)
		CHECK_EQ(log[i], i);
	db_writer_destroy(w);
}

TEST(db_writer_tells_the_first_error_and_does_no_more)
{
	struct note notes[5];
	int log[5], cnt = 0;
	struct err err = { 0 };
	struct db_writer *w;

	CHECK_EQ(db_writer_create(&w, NULL), 0);
	for (int i = 0; i < 5; i++) {
		notes[i] = (struct note){ .job.run = take_note, .log = log, .cnt = &cnt, .number = i, .rc = i >= 2 ? -ENOSPC - i : 0 };
		(void)db_writer_give(w, &notes[i].job, NULL); /* whether it is known by now is the thread's affair */
	}
	CHECK_EQ(db_writer_settle(w, &err), -ENOSPC - 2);
	CHECK_STR(err.text, "note 2");
	CHECK_EQ(cnt, 3);
	CHECK_EQ(db_writer_give(w, &notes[0].job, &err), -ENOSPC - 2);
	CHECK_EQ(db_writer_wait(w, &notes[0].job, &err), -ENOSPC - 2);
	CHECK_EQ(cnt, 3);
	db_writer_destroy(w);
}

TEST(db_writer_ends_what_was_given_before_it_goes)
{
	struct note notes[10];
	int log[10], cnt = 0;
	struct db_writer *w;

	CHECK_EQ(db_writer_create(&w, NULL), 0);
	for (int i = 0; i < 10; i++) {
		notes[i] = (struct note){ .job.run = take_note, .log = log, .cnt = &cnt, .number = i };
		CHECK_EQ(db_writer_give(w, &notes[i].job, NULL), 0);
	}
	db_writer_destroy(w);
	CHECK_EQ(cnt, 10);
	CHECK_EQ(db_writer_settle(NULL, NULL), 0);
}

TEST_MAIN()
