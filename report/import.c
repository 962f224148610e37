// SPDX-License-Identifier: BSD-2-Clause
#include "report/import.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "formats/cleanup.h"
#include "report/import_events.h"
#include "report/import_names.h"
#include "report/interrupt.h"
#include "report/progress.h"

#define LOOK_UP 16384 /* events between two looks at whether to give up, and how far it is */

int import_create(const struct import_options *o, struct import **ret, struct err *err)
{
	struct import *im = calloc(1, sizeof(*im));
	int rc;

	if (!im)
		return err_set(err, -ENOMEM, "import: out of memory");
	im->o = *o;
	im->damage.has_end = true;
	rc = symbolizer_create(&o->symbols, &im->symbolizer, err);
	rc = rc ?: import_tasks_init(&im->in_tasks, &im->tasks, o->db, err);
	rc = rc ?: import_facts_init(&im->facts, o->db, err);
	if (o->db && !rc) {
		rc = import_rows_init(&im->rows, o->db, err);
		rc = rc ?: import_sched_init(&im->sched, o->db, err);
	}
	if (rc) {
		import_destroy(im);
		return rc;
	}
	*ret = im;
	return 0;
}

/* ---- inputs ------------------------------------------------------------- */

static int end_recording(struct import *im, struct err *err)
{
	uint64_t missing;
	int rc;

	if (!im->is_open)
		return 0;
	im->is_open = false;
	rc = import_facts_end(&im->facts, &missing, err);
	im->damage.missing_segments += missing;
	rc = rc ?: import_tasks_end(&im->in_tasks, import_facts_clock(&im->facts), err);
	if (!rc && im->o.db) {
		rc = import_sched_end(
			&im->sched, im->facts.recordings.row[im->facts.recording].has_target, err);
		rc = rc ?: import_facts_write_totals(&im->facts, im->o.db, err);
	}
	if (!im->facts.recordings.row[im->facts.recording].ended)
		im->damage.has_end = false;
	return rc;
}

static bool was_read(const struct import *im, const uint8_t uuid[16])
{
	for (uint32_t i = 1; i < im->facts.recordings.cnt; i++)
		if (!memcmp(im->facts.recordings.row[i].uuid, uuid, 16))
			return true;
	return false;
}

/* Files of one run are its segments; they share tasks and time. */
static int begin_recording(struct import *im, struct err *err)
{
	const struct recording_summary *sum = recording_reader_summary(im->reader);
	bool is_new = !im->is_open || memcmp(im->facts.recordings.row[im->facts.recording].uuid,
					     sum->uuid, sizeof(sum->uuid));
	int rc = 0;

	import_stacks_begin(&im->in_stacks);
	im->has_chunk = false;
	im->known_chunks = im->known_bytes = 0;
	im->is_over = is_new && was_read(im, sum->uuid);
	if (is_new && !im->is_over) {
		rc = end_recording(im, err);
		rc = rc ?: import_facts_begin(&im->facts, sum, true, err);
		if (!rc) {
			import_tasks_begin(&im->in_tasks, im->facts.recording);
			import_sched_begin(&im->sched);
			seqset_deinit(&im->chunks);
			im->is_open = true;
		}
	}
	return rc;
}

static void count_damage(struct import *im, const struct recording_summary *sum)
{
	im->damage.chunks += sum->chunks;
	im->damage.known_chunks += im->known_chunks + sum->duplicate_chunks;
	im->damage.stretches += sum->damage_cnt;
	for (size_t i = 0; i < sum->damage_cnt; i++) {
		im->damage.bytes += sum->damage[i].bytes;
		im->damage.missing_chunks += sum->damage[i].chunks;
	}
}

/* 0: there is no telling, as of a pipe. */
static uint64_t file_size(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0;
}

/*
 * A chunk that an input before had is passed over: the same recording given twice, or two snapshots
 * of one run that overlap. (The reader does so within one input.) 1: the event is to be taken, 0: it
 * was.
 */
static int is_new_event(struct import *im)
{
	uint64_t chunk = recording_reader_chunk(im->reader)->seq;
	int rc;

	if (!im->has_chunk || chunk != im->chunk) {
		rc = seqset_add(&im->chunks, chunk);
		if (rc < 0)
			return rc;
		if (rc) {
			im->took_chunk = true;
		} else {
			im->known_chunks++;
			im->known_bytes += recording_reader_chunk(im->reader)->sz;
		}
		im->has_chunk = true;
		im->takes_chunk = rc;
		im->chunk = chunk;
	}
	return im->takes_chunk;
}

static int take_event(struct import *im, const struct event *ev, struct err *err)
{
	int rc = im->is_over ? 0 : is_new_event(im);

	if (rc <= 0)
		return rc ? import_no_memory(err) : 0;
	return import_event(im, ev, err);
}

/* Now and then: is it still wanted, and how far is it? */
static int look_up(struct import *im, uint64_t size, struct err *err)
{
	const struct recording_summary *sum = recording_reader_summary(im->reader);

	if (interrupt_is_pending())
		return err_set(err, -EINTR, "interrupted");
	progress_set(im->o.symbols.progress, sum->offset + sum->bytes, size);
	return 0;
}

static int end_input(struct import *im, struct err *err)
{
	const struct recording_summary *sum = recording_reader_summary(im->reader);
	uint64_t known_bytes = im->known_bytes + sum->duplicate_bytes;
	int rc;

	if (im->is_over) {
		im->damage.stretches++;
		im->damage.bytes += sum->bytes;
		return import_facts_loss(&im->facts, import_facts_clock(&im->facts)->start_ts, -1, "recording", 0,
					 "damage: a recording that ended before goes on, ignoring it", sum->bytes, err);
	}
	if (im->known_chunks && im->known_chunks == sum->chunks)
		known_bytes = sum->bytes; /* its file headers as well */
	rc = import_facts_end_file(&im->facts, sum, im->known_chunks, known_bytes, err);
	count_damage(im, sum);
	return rc;
}

static int read_recording(struct import *im, uint64_t size, struct err *err)
{
	struct event ev;
	int rc = begin_recording(im, err);

	while (!rc && (rc = recording_reader_next(im->reader, &ev, err)) == 1) {
		rc = take_event(im, &ev, err);
		if (++im->events % LOOK_UP == 0 && !rc)
			rc = look_up(im, size, err);
	}
	if (!rc && interrupt_is_pending())
		rc = err_set(err, -EINTR, "interrupted");
	return rc ?: end_input(im, err);
}

int import_read(struct import *im, const char *path, struct err *err)
{
	_cleanup_close_ int stop_fd = interrupt_fd();
	uint64_t size = file_size(path);
	int rc = recording_reader_open_until(path, stop_fd, &im->reader, err);

	if (rc)
		return rc;
	im->took_chunk = false;
	do
		rc = read_recording(im, size, err);
	while (!rc && (rc = recording_reader_next_recording(im->reader, err)) == 1);
	if (rc)
		err_prefix(err, "'%s'", path);
	else if (!im->took_chunk && im->known_chunks && !im->damage.known_input)
		im->damage.known_input = path;
	recording_reader_close(take_ptr(im->reader));
	return rc;
}

static int set_exec_parents(struct db *db, struct err *err)
{
	return db_exec(
		db,
		"UPDATE exec_event SET parent_upid=(SELECT parent_upid FROM process WHERE process.upid=exec_event.upid)",
		err);
}

static int write_sums(struct import *im, struct err *err)
{
	struct db *db = im->o.db;
	int rc = import_sums_write(&im->rows.sums, &im->stacks, db, err);

	rc = rc ?: import_sched_write(&im->sched, db, err);
	/* as the view runq_latency: the switches know every wait for a CPU, the recorded waits some
	 */
	return rc ?: import_runq_write(im->rows.has_slices ? &im->sched.runq : &im->rows.runq, err);
}

/* Rows that were not taken, as their table had one of that key. */
static int note_duplicates(struct import *im, uint64_t cnt, const char *what, struct err *err)
{
	char reason[80];

	im->damage.duplicates += cnt;
	snprintf(reason, sizeof(reason), "duplicate: %s", what);
	return cnt ? import_facts_loss(&im->facts, 0, -1, "recording", cnt, reason, 0, err) : 0;
}

static int write_rest(struct import *im, struct err *err)
{
	uint64_t names = 0, oom_tasks = 0, clocks = 0;
	struct db *db = im->o.db;
	int rc = stacks_write(&im->stacks, db, err);

	rc = rc ?: tasks_write(&im->tasks, db, err);
	rc = rc ?: import_rows_finish(&im->rows, err);
	rc = rc ?: import_sched_finish(&im->sched, err);
	rc = rc ?: write_sums(im, err);
	rc = rc ?: import_facts_write(&im->facts, db, err);
	rc = rc ?: import_ooms_write(&im->ooms, &im->tasks, db, &oom_tasks, err);
	if (!rc && im->sched.has_bystanders)
		rc = import_sched_drop_bystanders(db, err);
	rc = rc ?: import_tasks_deinit(&im->in_tasks, &names, err);
	rc = rc ?: import_facts_end_clocks(&im->facts, &clocks, err);
	rc = rc ?: set_exec_parents(db, err);
	rc = rc ?: note_duplicates(im, im->rows.duplicates + im->sched.duplicates, "the same thread, time and CPU twice", err);
	rc = rc ?: note_duplicates(im, names, "a thread renamed twice at one time", err);
	rc = rc ?: note_duplicates(im, oom_tasks, "a process twice in one memory snapshot", err);
	return rc ?: note_duplicates(im, clocks, "the clocks read twice at one time", err);
}

/* Filters pick threads by their host. */
static int name_hosts(struct import *im)
{
	for (uint32_t i = 1; i <= im->facts.recordings.cnt; i++) {
		uint32_t id = table_add(&im->tasks.hosts);

		if (!id)
			return -ENOMEM;
		im->tasks.hosts.row[id] =
			strpool_add(&im->tasks.strings, im->facts.recordings.row[i].host);
		if (!im->tasks.hosts.row[id])
			return -ENOMEM;
	}
	return 0;
}

int import_finish(struct import *im, struct err *err)
{
	int rc = end_recording(im, err);

	if (!rc && name_hosts(im))
		rc = err_set(err, -ENOMEM, "import: out of memory");
	if (rc)
		return rc;
	import_maps_sort(&im->maps, &im->tasks);
	rc = import_names_resolve(&im->in_stacks, &im->maps, &im->tasks, im->symbolizer,
				  &im->stacks, err);
	/* now, not with the import, whose results may be used for long: the options' strings are the caller's */
	symbolizer_destroy(im->symbolizer);
	im->symbolizer = NULL;
	if (!rc && im->o.db)
		rc = write_rest(im, err);
	/* the losses' last row is in only when this inserter is closed */
	return rc ?: im->o.db ? import_facts_close(&im->facts, err) : 0;
}

struct stacks *import_result_stacks(struct import *im)
{
	return &im->stacks;
}

struct tasks *import_result_tasks(struct import *im)
{
	return &im->tasks;
}

void import_damage(const struct import *im, struct import_damage *ret)
{
	*ret = im->damage;
}

int64_t import_duration_ns(const struct import *im)
{
	int64_t end = 0;

	for (uint32_t i = 1; i <= im->facts.recordings.cnt; i++) {
		const struct import_recording *r = &im->facts.recordings.row[i];

		if (r->clock.start_ts + r->duration_ns > end)
			end = r->clock.start_ts + r->duration_ns;
	}
	return end;
}

void import_destroy(struct import *im)
{
	if (!im)
		return;
	/* errors do not matter any more: what was to be kept has been written by import_finish() */
	recording_reader_close(im->reader);
	seqset_deinit(&im->chunks);
	import_rows_deinit(&im->rows);
	import_sched_deinit(&im->sched);
	(void)import_tasks_deinit(&im->in_tasks, NULL, NULL);
	import_facts_deinit(&im->facts);
	import_ooms_deinit(&im->ooms);
	import_stacks_deinit(&im->in_stacks);
	import_maps_deinit(&im->maps);
	stacks_deinit(&im->stacks);
	tasks_deinit(&im->tasks);
	symbolizer_destroy(im->symbolizer);
	free(im);
}
