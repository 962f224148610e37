// SPDX-License-Identifier: BSD-2-Clause
/* Recording into memory: --flight, --snapshot-on, --tail. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "formats/cleanup.h"
#include "record/options_lists.h"
#include "record/options_private.h"

#define SECOND 1000000000ULL
#define MIB (1ULL << 20)
#define FLIGHT_BYTES (64 * MIB) /* where only a duration is given */
#define FLIGHT_MIN_BYTES MIB
#define FLIGHT_SEGMENTS 8 /* what is let go of at once is a part of that many */

int option_set_flight(struct options *o, const char *arg, struct err *err)
{
	uint64_t v;

	if (!options_parse_size(arg, &v)) {
		if (v < FLIGHT_MIN_BYTES)
			return err_set(err, -EINVAL, "--flight '%s': want at least 1M", arg);
		o->flight_bytes = v;
	} else if (!options_parse_duration(arg, 0, &v)) {
		if (v < SECOND)
			return err_set(err, -EINVAL, "--flight '%s': want at least 1s", arg);
		o->flight_ns = v;
	} else {
		return err_set(err, -EINVAL, "--flight '%s': want a duration such as 30s or a size such as 32M", arg);
	}
	return 0;
}

static int bad_trigger(const char *word, struct err *err)
{
	return err_set(err, -EINVAL, "--snapshot-on '%s': want a list of oom, off-cpu>DUR, run-queue>DUR, psi-mem>PCT, exit!=0", word);
}

static int set_percent(const char *text, double *ret)
{
	char *end;
	double v;

	if (*text < '0' || *text > '9')
		return -EINVAL;
	v = strtod(text, &end);
	if ((*end && strcmp(end, "%")) || v <= 0 || v >= 100)
		return -EINVAL;
	*ret = v;
	return 0;
}

static int set_trigger(struct options_triggers *t, const char *word)
{
	static const char off_cpu[] = "off-cpu>", runq[] = "run-queue>", psi[] = "psi-mem>";

	if (!strncmp(word, off_cpu, strlen(off_cpu)))
		return options_parse_duration(word + strlen(off_cpu), 0, &t->off_cpu_ns) || !t->off_cpu_ns ? -EINVAL : 0;
	if (!strncmp(word, runq, strlen(runq)))
		return options_parse_duration(word + strlen(runq), 0, &t->runq_ns) || !t->runq_ns ? -EINVAL : 0;
	if (!strncmp(word, psi, strlen(psi)))
		return set_percent(word + strlen(psi), &t->psi_mem_pct);
	if (!strcmp(word, "oom"))
		t->oom = true;
	else if (!strcmp(word, "exit!=0"))
		t->failed_exit = true;
	else
		return -EINVAL;
	return 0;
}

int option_set_snapshot_on(struct options *o, const char *arg, struct err *err)
{
	struct text_list list = {};
	int r = option_texts("--snapshot-on", arg, &list, err);

	for (size_t i = 0; !r && i < list.cnt; i++)
		if (set_trigger(&o->triggers, list.items[i]))
			r = bad_trigger(list.items[i], err);
	text_list_deinit(&list);
	o->has_triggers = true;
	return r;
}

int option_set_tail(struct options *o, const char *arg, struct err *err)
{
	return option_duration("--tail", arg, SECOND, &o->tail_ns, err);
}

/* What is watched has to be recorded. */
static int check_triggers(const struct options *o, struct err *err)
{
	const struct options_triggers *t = &o->triggers;
	uint64_t least = t->off_cpu_ns && (t->off_cpu_ns < t->runq_ns || !t->runq_ns) ? t->off_cpu_ns : t->runq_ns;

	if (t->oom && !(o->events & EVENTS_OOM))
		return err_set(err, -EINVAL, "--snapshot-on oom wants -e oom");
	if (least && !(o->events & EVENTS_OFF_CPU))
		return err_set(err, -EINVAL, "--snapshot-on off-cpu and run-queue want -e off-cpu");
	if (t->failed_exit && !(o->events & EVENTS_TASK))
		return err_set(err, -EINVAL, "--snapshot-on exit!=0 wants -e task");
	if (least && least < o->off_cpu_thresh_ns)
		return err_set(err, -EINVAL, "--snapshot-on: waits below --off-cpu-thresh are not looked at one by one");
	return 0;
}

int options_settle_flight(struct options *o, struct err *err)
{
	if (!o->flight_bytes && !o->flight_ns)
		return o->has_triggers || o->tail_ns ? err_set(err, -EINVAL, "--snapshot-on and --tail are for --flight") : 0;
	if (!strcmp(o->output, "-"))
		return err_set(err, -EINVAL, "--flight makes files, -o - is none");
	if (o->rotate_bytes || o->rotate_ns || o->max_bytes || o->min_free_bytes)
		return err_set(err, -EINVAL, "--rotate, --max-size and --min-free are about files that are written all the time, --flight is not; --keep limits its snapshots");
	if (o->tail_ns && o->flight_ns && o->tail_ns >= o->flight_ns)
		return err_set(err, -EINVAL, "--tail: longer than what --flight keeps");
	o->flight_bytes = o->flight_bytes ?: FLIGHT_BYTES;
	o->rotate_bytes = o->flight_bytes / FLIGHT_SEGMENTS;
	o->rotate_ns = o->flight_ns / FLIGHT_SEGMENTS;
	if (o->flight_ns && o->rotate_ns < SECOND)
		o->rotate_ns = SECOND;
	o->is_segmented = true;
	return check_triggers(o, err);
}
