// SPDX-License-Identifier: BSD-2-Clause
/* LDFLAGS: -Wl,--wrap=bpf_object__load_skeleton,--wrap=kernel_probe */
/*
 * Recordings whose maps in the kernel hold 16 entries, where there are more threads and processes than that: each ends, is whole, and what found no room
 * is counted, so that seen = written + lost.
 */
#include "tests/scratch.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/wait.h>

#include "formats/cleanup.h"
#include "formats/recording.h"
#include "record/kernel.h"
#include "record/options.h"
#include "record/session.h"

#define ENTRIES 16
/* 40 children, all there at once. */
#define CHILDREN 40
#define COMMAND "p=; i=0; while [ $i -lt 40 ]; do i=$((i + 1)); sleep 600 & p=\"$p $!\"; done; sleep 0.1; kill $p; wait"

static bool is_without_storage; /* as in 5.10, where a thread's state is in a hash map */

int __real_bpf_object__load_skeleton(struct bpf_object_skeleton *s);
int __wrap_bpf_object__load_skeleton(struct bpf_object_skeleton *s);
int __real_kernel_probe(struct kernel *ret, struct err *err);
int __wrap_kernel_probe(struct kernel *ret, struct err *err);

int __wrap_bpf_object__load_skeleton(struct bpf_object_skeleton *s)
{
	struct bpf_map *map;
	int code = 0;

	bpf_object__for_each_map(map, *s->obj)
		if (bpf_map__type(map) == BPF_MAP_TYPE_HASH && bpf_map__max_entries(map) > ENTRIES)
			code = code ?: bpf_map__set_max_entries(map, ENTRIES);
	return code ?: __real_bpf_object__load_skeleton(s);
}

int __wrap_kernel_probe(struct kernel *ret, struct err *err)
{
	int code = __real_kernel_probe(ret, err);

	ret->task_storage = ret->task_storage && !is_without_storage;
	return code;
}

/* In a process of its own, which gives up its rights; whoever hangs is ended by the alarm. */
static int record(char **argv)
{
	struct session_result r;
	struct options o;
	struct err err = { 0 };
	int argc = 0, status;
	pid_t pid = fork();

	if (pid)
		return waitpid(pid, &status, 0) == pid ? status : -1;
	alarm(120);
	while (argv[argc])
		argc++;
	if (options_parse(argc, argv, &o, &err) || session_run(&o, &r, &err)) {
		printf("# %s\n", err.text);
		fflush(stdout);
		_exit(1);
	}
	printf("# %s%sseen in %.1f s, %llu lost, %llu of them in the kernel's maps\n", r.warning, *r.warning ? "; " : "", (double)r.duration_ns / 1e9,
	       (unsigned long long)r.loss.lost, (unsigned long long)r.loss.map_full);
	fflush(stdout);
	_exit(r.end == END_TARGET_EXITED ? 0 : 2);
}

struct outcome {
	uint64_t map_full[EVENT_KIND_CNT]; /* by the totals */
	uint64_t losses[EVENT_KIND_CNT];   /* by LOSS rows */
	uint64_t events[EVENT_KIND_CNT];
	bool has_end;
};

static void take(struct outcome *o, const struct event *ev)
{
	o->events[ev->kind]++;
	if (ev->kind == EVENT_END)
		o->has_end = ev->end.reason == END_TARGET_EXITED;
	if (ev->kind == EVENT_LOSS && ev->loss.reason == LOSS_MAP_FULL)
		o->losses[ev->loss.stream] += ev->loss.cnt;
	if (ev->kind != EVENT_STREAM_TOTAL)
		return;
	CHECK_EQ(ev->total.seen, ev->total.written + ev->total.ring_full + ev->total.map_full + ev->total.user_dropped);
	o->map_full[ev->total.stream] += ev->total.map_full;
}

static struct outcome read_back(const char *path)
{
	struct recording_reader *r;
	struct outcome o = { .has_end = false };
	struct event ev;
	int code;

	CHECK_EQ(recording_reader_open(path, &r, NULL), 0);
	while ((code = recording_reader_next(r, &ev, NULL)) == 1)
		take(&o, &ev);
	CHECK_EQ(code, 0);
	CHECK_EQ(recording_reader_summary(r)->damage_cnt, 0);
	recording_reader_close(r);
	CHECK(o.has_end);
	for (int k = 1; k < EVENT_KIND_CNT; k++)
		CHECK_EQ(o.losses[k], o.map_full[k]);
	return o;
}

static struct outcome record_with(char *target)
{
	char *argv[] = { "varve-record", "-q", "-e", "all", "-o", NULL, target, "--", "sh", "-c", COMMAND, NULL };
	struct outcome o;
	struct kernel k;
	struct err err;

	if (geteuid() || __real_kernel_probe(&k, &err))
		SKIP("needs BPF: root");
	scratch_begin("small-maps");
	argv[5] = strdup(scratch_path("r.varve"));
	CHECK_EQ(record(argv), 0);
	o = read_back(argv[5]);
	free(argv[5]);
	scratch_end();
	return o;
}

/* Whose mappings the unwinder cannot keep has its stacks finished from slices; who allocates beyond 16 at once is killed without the scope. */
TEST(maps_of_16_entries_lose_nothing_where_threads_have_their_own_storage)
{
	struct outcome o = record_with("-a");

	CHECK(o.events[EVENT_FORK] >= CHILDREN);
	CHECK(o.events[EVENT_OFFCPU] >= 2); /* the last sleep, and who waits for it */
	CHECK_EQ(o.map_full[EVENT_FORK], 0);
}

TEST(maps_of_16_entries_for_the_threads_states_lose_and_count)
{
	struct outcome o;
	uint64_t lost = 0;

	is_without_storage = true;
	o = record_with("-a");
	is_without_storage = false;
	for (int k = 1; k < EVENT_KIND_CNT; k++)
		lost += o.map_full[k];
	CHECK(lost >= CHILDREN - ENTRIES);
	CHECK(o.events[EVENT_FORK] >= CHILDREN); /* what needs none is there */
}

TEST(a_map_of_16_targets_counts_the_children_it_cannot_follow)
{
	struct outcome o = record_with("-i");

	CHECK_EQ(o.map_full[EVENT_FORK], 0);
	o = record_with("-g"); /* which changes nothing */
	CHECK(o.events[EVENT_FORK] + o.map_full[EVENT_FORK] >= CHILDREN);
	CHECK(o.map_full[EVENT_FORK] >= CHILDREN - ENTRIES);
}

TEST_MAIN()
