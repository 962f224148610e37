// SPDX-License-Identifier: BSD-2-Clause
#include "report/filter.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "formats/cleanup.h"
#include "report/parse.h"

static const struct {
	const char *name;
	enum filter_event event;
} events[] = {
	{ "on-cpu", FILTER_ON_CPU },
	{ "off-cpu", FILTER_OFF_CPU },
	{ "run-queue", FILTER_RUN_QUEUE },
	{ "wakeup", FILTER_WAKEUP },
	{ "oom", FILTER_OOM },
};

static int set_event(struct filter *f, const char *value, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(events); i++)
		if (!strcmp(value, events[i].name)) {
			f->event = events[i].event;
			return 0;
		}
	return err_set(err, -EINVAL,
		       "'%s' is not an event (on-cpu, off-cpu, run-queue, wakeup, oom)", value);
}

static int set_weight(struct filter *f, const char *value, struct err *err)
{
	if (!strcmp(value, "samples"))
		f->weight = FILTER_WEIGHT_SAMPLES;
	else if (!strcmp(value, "ns"))
		f->weight = FILTER_WEIGHT_NS;
	else
		return err_set(err, -EINVAL, "'%s' is not a weight (samples, ns)", value);
	return 0;
}

static int add_items(struct filter_list *l, const char *value, struct err *err)
{
	while (*value) {
		size_t len = strcspn(value, ",");
		char **p = realloc(l->items, (l->cnt + 1) * sizeof(*p));

		if (!p)
			return err_set(err, -ENOMEM, "out of memory");
		l->items = p;
		if (len) {
			p[l->cnt] = strndup(value, len);
			if (!p[l->cnt])
				return err_set(err, -ENOMEM, "out of memory");
			l->cnt++;
		}
		value += len + (value[len] == ',');
	}
	return l->cnt ? 0 : err_set(err, -EINVAL, "an empty list lets nothing pass");
}

static int set_states(struct filter *f, const char *value, struct err *err)
{
	size_t n = 0;
	char *s = malloc(strlen(value) + 1);

	if (!s)
		return err_set(err, -ENOMEM, "out of memory");
	for (const char *c = value; *c; c++)
		if (*c != ',')
			s[n++] = *c;
	s[n] = '\0';
	free(f->states);
	f->states = s;
	if (!n || strspn(s, "SDITtXZPR?") != n)
		return err_set(
			err, -EINVAL,
			"'%s' is not a list of states (S sleeping, D uninterruptible, R preempted, I, T, t, X, Z, P)",
			value);
	return 0;
}

/* FROM,TO; either may be missing. A single time is a start. */
static int set_time(struct filter *f, const char *value, struct err *err)
{
	const char *comma = strchr(value, ',');
	_cleanup_free_ char *from = strndup(value, comma ? (size_t)(comma - value) : strlen(value));
	int rc = 0;

	if (!from)
		return err_set(err, -ENOMEM, "out of memory");
	f->has_from = *from;
	f->has_to = comma && comma[1];
	if (f->has_from)
		rc = parse_duration(from, &f->from_ns, err);
	if (!rc && f->has_to)
		rc = parse_duration(comma + 1, &f->to_ns, err);
	if (!rc && f->has_from && f->has_to && (f->from_ns < 0) == (f->to_ns < 0) &&
	    f->from_ns >= f->to_ns)
		rc = err_set(err, -EINVAL, "'%s' ends before it begins", value);
	if (!rc && !f->has_from && !f->has_to)
		rc = err_set(err, -EINVAL, "'%s' is not FROM,TO (5s,10s or -10s,)", value);
	return rc;
}

static int set_where(struct filter *f, const char *value, struct err *err)
{
	free(f->where);
	f->where = strdup(value);
	return f->where ? 0 : err_set(err, -ENOMEM, "out of memory");
}

int filter_set(struct filter *f, const char *name, const char *value, struct err *err)
{
	if (!strcmp(name, "event"))
		return set_event(f, value, err);
	if (!strcmp(name, "weight"))
		return set_weight(f, value, err);
	if (!strcmp(name, "pid"))
		return parse_numbers(value, &f->pids, &f->pid_cnt, err);
	if (!strcmp(name, "tid"))
		return parse_numbers(value, &f->tids, &f->tid_cnt, err);
	if (!strcmp(name, "cpu"))
		return parse_numbers(value, &f->cpus, &f->cpu_cnt, err);
	if (!strcmp(name, "comm"))
		return add_items(&f->comms, value, err);
	if (!strcmp(name, "cgroup"))
		return add_items(&f->cgroups, value, err);
	if (!strcmp(name, "recording"))
		return add_items(&f->recordings, value, err);
	if (!strcmp(name, "state"))
		return set_states(f, value, err);
	if (!strcmp(name, "time"))
		return set_time(f, value, err);
	if (!strcmp(name, "where"))
		return set_where(f, value, err);
	return err_set(err, -EINVAL, "no filter '%s'", name);
}

static void list_deinit(struct filter_list *l)
{
	for (size_t i = 0; i < l->cnt; i++)
		free(l->items[i]);
	free(l->items);
}

void filter_deinit(struct filter *f)
{
	list_deinit(&f->comms);
	list_deinit(&f->cgroups);
	list_deinit(&f->recordings);
	free(f->pids);
	free(f->tids);
	free(f->cpus);
	free(f->states);
	free(f->where);
	memset(f, 0, sizeof(*f));
}

bool filter_is_ns(const struct filter *f)
{
	if (f->event == FILTER_OOM)
		return false; /* a kill lasts no time */
	if (f->weight == FILTER_WEIGHT_DEFAULT)
		return f->event != FILTER_ON_CPU;
	return f->weight == FILTER_WEIGHT_NS;
}

void filter_time(const struct filter *f, int64_t duration_ns, int64_t *ret_from, int64_t *ret_to)
{
	*ret_from = !f->has_from   ? INT64_MIN :
		    f->from_ns < 0 ? duration_ns + f->from_ns :
				     f->from_ns;
	*ret_to = !f->has_to ? INT64_MAX : f->to_ns < 0 ? duration_ns + f->to_ns : f->to_ns;
}

bool filter_is_streamable(const struct filter *f)
{
	return !f->where && !(f->has_from && f->from_ns < 0) && !(f->has_to && f->to_ns < 0);
}

bool filter_picks_threads(const struct filter *f)
{
	return f->pid_cnt || f->tid_cnt || f->comms.cnt || f->cgroups.cnt || f->recordings.cnt;
}

static bool has(const uint32_t *list, size_t cnt, uint32_t v)
{
	for (size_t i = 0; i < cnt; i++)
		if (list[i] == v)
			return true;
	return cnt == 0;
}

bool filter_takes_cpu(const struct filter *f, uint32_t cpu)
{
	return has(f->cpus, f->cpu_cnt, cpu);
}

bool filter_takes_state(const struct filter *f, char state)
{
	return !f->states || strchr(f->states, state);
}

static bool takes_comm(const struct filter *f, const char *comm)
{
	for (size_t i = 0; i < f->comms.cnt; i++)
		if (!fnmatch(f->comms.items[i], comm ?: "", 0))
			return true;
	return f->comms.cnt == 0;
}

static bool is_below(const char *path, const char *top)
{
	size_t len = strlen(top);

	while (len && top[len - 1] == '/')
		len--;
	return !strncmp(path, top, len) && (path[len] == '/' || !path[len]);
}

static bool takes_cgroup(const struct filter *f, const struct cgroup *g)
{
	for (size_t i = 0; i < f->cgroups.cnt; i++) {
		const char *want = f->cgroups.items[i];

		if (!fnmatch(want, g->path ?: "", 0) ||
		    (*want == '/' && is_below(g->path ?: "", want)))
			return true;
		if (strlen(want) >= 6 && g->container_id &&
		    !strncmp(g->container_id, want, strlen(want)))
			return true;
	}
	return f->cgroups.cnt == 0;
}

static bool takes_recording(const struct filter *f, const struct tasks *t, uint32_t id)
{
	const char *host = id <= t->hosts.cnt && id ? t->hosts.row[id] : NULL;
	char number[16];

	snprintf(number, sizeof(number), "%u", id);
	for (size_t i = 0; i < f->recordings.cnt; i++)
		if (!strcmp(f->recordings.items[i], number) ||
		    (host && !fnmatch(f->recordings.items[i], host, 0)))
			return true;
	return f->recordings.cnt == 0;
}

bool filter_takes_thread(const struct filter *f, const struct tasks *t, uint32_t utid)
{
	static const struct thread nobody;
	static const struct cgroup nowhere;
	const struct thread *th = utid && utid <= t->threads.cnt ? &t->threads.row[utid] : &nobody;
	const struct process *p = &t->processes.row[th->upid];

	if (!has(f->pids, f->pid_cnt, p->pid) || !has(f->tids, f->tid_cnt, th->tid))
		return false;
	if (f->comms.cnt && !takes_comm(f, th->comm))
		return false;
	if (f->recordings.cnt && !takes_recording(f, t, p->recording))
		return false;
	return !f->cgroups.cnt ||
	       takes_cgroup(f, p->cgroup ? &t->cgroups.row[p->cgroup] : &nowhere);
}
