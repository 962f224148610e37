// SPDX-License-Identifier: BSD-2-Clause
/*
 * What an event costs on disk at zstd -3: a size that grows is a fault like any other. The loads
 * are made: timer jitter and times between switches as captured, stacks 12 to 40 deep of which
 * nearly each is new, with nine new trie nodes a sample (a live recording of compilers at 999 Hz
 * had two and a half).
 */
#include <sys/stat.h>
#include <unistd.h>

#include "formats/recording.h"
#include "tests/test.h"
#include "tests/unit/formats/random_events.h"

static const struct recording_writer_options options = { .uuid = { 8 }, .force = true };

static const char *path(void)
{
	static char name[64];

	snprintf(name, sizeof(name), "/tmp/varve-test-sizes.%d", (int)getpid());
	return name;
}

/* Small numbers often, large ones seldom: below max. */
static uint32_t skewed(uint64_t *state, uint32_t max)
{
	uint32_t bits = 1 + (uint32_t)(random_next(state) % 32);

	return (uint32_t)(random_next(state) % max) & (bits < 32 ? (1u << bits) - 1 : UINT32_MAX);
}

/*
 * A walk down a call graph in which a function calls one of a few others: leaf first into frames.
 * Each function is 256 bytes at its number × 256, its call sites every 32; a leaf is anywhere.
 */
static uint32_t walk(uint64_t *state, uint32_t program, struct frame *frames, uint32_t depth)
{
	uint32_t function = program * 97;

	for (uint32_t i = 0; i < depth; i++) {
		struct frame *f = &frames[depth - 1 - i];
		uint32_t site =
			random_next(state) % 18 ? function % 3 : (uint32_t)(random_next(state) % 6);

		f->module = 1 + (function % 7 == 0);
		f->flags = i == depth - 1 ? FRAME_EXACT : 0;
		f->off = function * 256ull + (f->flags ? skewed(state, 256) : site * 32);
		function = (function * 5 + site * 13 + 1) % 3000;
	}
	return depth;
}

static double bytes_per_event(struct recording_writer *w, uint64_t events)
{
	struct stat st;

	CHECK_EQ(recording_writer_close(w, NULL), 0);
	CHECK(!stat(path(), &st));
	unlink(path());
	printf("# %.2f bytes an event\n", (double)st.st_size / (double)events);
	return (double)st.st_size / (double)events;
}

static struct recording_writer *writer(void)
{
	struct recording_writer *w = NULL;

	CHECK_EQ(recording_writer_open(path(), &options, &w, NULL), 0);
	for (int i = 0; i < TEST_MODULES; i++)
		recording_writer_add_module(w, &test_modules[i]);
	return w;
}

/* Seconds of samples at hz on two CPUs: twelve programs, full stacks, chunks of 2 s. */
static double samples_cost(unsigned hz, unsigned seconds)
{
	struct recording_writer *w = writer();
	uint64_t state = 1, n = 0, period = 1000000000 / hz;
	struct frame frames[48];
	char comm[16];

	for (uint64_t tick = 0; tick < (uint64_t)hz * seconds; tick++) {
		for (uint32_t cpu = 0; cpu < 2; cpu++, n++) {
			uint32_t program = (uint32_t)(tick / (hz / 10 + 1) + cpu) % 12;
			struct event ev = { .kind = EVENT_SAMPLE, .cpu = cpu };

			ev.ts = 10000000000 + tick * period + skewed(&state, 60000);
			snprintf(comm, sizeof(comm), "program%u", program);
			ev.task = (struct task_ref){ 1000 + program, 1000 + program,
						     program * 7777777, comm };
			ev.sample.weight_ns = period;
			ev.stack.frames = frames;
			ev.stack.cnt = walk(&state, program, frames, 12 + skewed(&state, 30));
			CHECK_EQ(recording_writer_add(w, &ev, NULL), 0);
		}
		CHECK_EQ(recording_writer_tick(w, 10000000000 + tick * period, NULL), 0);
	}
	return bytes_per_event(w, n);
}

TEST(a_sample_at_999_hz_costs_at_most_13_bytes)
{
	CHECK(samples_cost(999, 4) <= 13);
}

TEST(a_sample_at_99_hz_costs_at_most_20_bytes)
{
	CHECK(samples_cost(99, 10) <= 20);
}

/* Threads handing a CPU to one another, each CPU on its own. */
static double switches_cost(unsigned threads, unsigned cpus, unsigned mean_ns)
{
	struct recording_writer *w = writer();
	uint64_t state = 2, ts[4] = { 0 }, n = 0;
	uint32_t running[4] = { 0 };
	char comm[2][16];

	for (; n < 100000; n++) {
		uint32_t cpu = (uint32_t)(n % cpus),
			 next = (uint32_t)(random_next(&state) % threads) * cpus + cpu;
		struct event ev = { .kind = EVENT_SWITCH, .cpu = cpu };

		ts[cpu] += mean_ns / 2 + random_next(&state) % mean_ns;
		ev.ts = 10000000000 + ts[cpu];
		snprintf(comm[0], sizeof(comm[0]), "t%u", running[cpu]);
		snprintf(comm[1], sizeof(comm[1]), "t%u", next);
		ev.task = (struct task_ref){ 500, 500 + running[cpu], 5, comm[0] };
		ev.other = (struct task_ref){ 500, 500 + next, 5, comm[1] };
		ev.sw.prev_state = random_next(&state) % 8 ? 'S' : 'R';
		ev.sw.prev_prio = ev.sw.next_prio = 120;
		running[cpu] = next;
		CHECK_EQ(recording_writer_add(w, &ev, NULL), 0);
	}
	return bytes_per_event(w, n);
}

TEST(a_switch_of_a_storm_costs_at_most_2_and_a_half_bytes)
{
	CHECK(switches_cost(2, 1, 2000) <= 2.5);
	CHECK(switches_cost(2, 4, 8000) <= 2.5);
}

TEST(a_switch_among_many_threads_costs_at_most_3_7_bytes)
{
	CHECK(switches_cost(40, 2, 30000) <= 3.7);
}

TEST_MAIN()
