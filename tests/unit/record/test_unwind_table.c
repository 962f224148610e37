// SPDX-License-Identifier: BSD-2-Clause
/* Rows in the arena, and who may have them. */
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>

#include "formats/cleanup.h"
#include "record/unwind_procs.h"
#include "tests/test.h"

#define S 1000000000ULL

static const struct unwind_maps no_maps = { -1, -1, -1, -1, -1 };

static struct unwind_input self(void)
{
	return (struct unwind_input){ .fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC) };
}

TEST(the_arena_gives_out_each_word_once_and_rests_what_is_freed)
{
	struct unwind_arena a;
	uint32_t first, second, third;

	unwind_arena_init(&a, -1, 2 * UNWIND_EXTENT_SZ);
	CHECK_EQ(unwind_arena_alloc(&a, 100, &first), 0);
	CHECK(first != 0);
	CHECK_EQ(unwind_arena_alloc(&a, UNWIND_EXTENT_WORDS, &second), 0);
	CHECK_EQ(second, UNWIND_EXTENT_WORDS);
	CHECK_EQ(unwind_arena_alloc(&a, UNWIND_EXTENT_WORDS, &third), -ENOSPC);
	CHECK_EQ(unwind_arena_alloc(&a, UNWIND_EXTENT_WORDS + 1, &third), -ENOSPC);
	unwind_arena_free(&a, second, UNWIND_EXTENT_WORDS, 10 * S);
	unwind_arena_settle(&a, 11 * S);
	CHECK_EQ(unwind_arena_alloc(&a, UNWIND_EXTENT_WORDS, &third), -ENOSPC);
	unwind_arena_settle(&a, 12 * S);
	CHECK_EQ(unwind_arena_alloc(&a, UNWIND_EXTENT_WORDS, &third), 0);
	CHECK_EQ(third, second);
	CHECK(!unwind_arena_words(&a, 2 * UNWIND_EXTENT_WORDS));
	unwind_arena_deinit(&a);
}

TEST(blocks_of_the_arena_never_overlap)
{
	static uint8_t taken[4 * UNWIND_EXTENT_WORDS / ARENA_UNIT_WORDS];
	struct { uint32_t word, cnt; } b[300] = { { 0 } };
	struct unwind_arena a;
	uint32_t seed = 1;

	unwind_arena_init(&a, -1, 4 * UNWIND_EXTENT_SZ);
	taken[0] = 1;
	for (int i = 0; i < 5000; i++) {
		uint32_t k = (seed = seed * 1103515245 + 12345) >> 8, n = k % 300;

		for (uint32_t j = 0; j < (b[n].cnt + ARENA_UNIT_WORDS - 1) / ARENA_UNIT_WORDS; j++)
			taken[b[n].word / ARENA_UNIT_WORDS + j]--;
		unwind_arena_free(&a, b[n].word, b[n].cnt, 0);
		unwind_arena_settle(&a, 3 * S);
		b[n].cnt = 1 + k % 20000;
		if (unwind_arena_alloc(&a, b[n].cnt, &b[n].word))
			b[n].cnt = 0;
		for (uint32_t j = 0; j < (b[n].cnt + ARENA_UNIT_WORDS - 1) / ARENA_UNIT_WORDS; j++)
			CHECK_EQ(++taken[b[n].word / ARENA_UNIT_WORDS + j], 1);
	}
	unwind_arena_deinit(&a);
}

TEST(every_row_is_found_in_its_page_as_in_the_list)
{
	struct unwind_input in = self();
	struct unwind_table *t = NULL;
	struct unwind_module_rows *m;
	struct unwind_rows rows;
	size_t checked = 0;

	CHECK_EQ(unwind_table_create(&no_maps, UNWIND_CAP_SZ, &t, NULL), 0);
	CHECK_EQ(eh_frame_compile(&in, &rows, NULL), 0);
	m = unwind_table_add(t);
	CHECK(unwind_module_wants_input(m));
	unwind_table_ref(t, m, &in, S);
	CHECK(!unwind_module_wants_input(m));
	for (uint64_t off = 0; off < rows.rows[rows.row_cnt - 1].off + 0x30000; off++) {
		const struct unwind_rule *a = unwind_rows_find(&rows, off), *b = unwind_table_find(t, m, off);

		if (a->cfa == UNWIND_CFA_NONE) {
			CHECK(!b);
			continue;
		}
		CHECK(b);
		CHECK(!memcmp(a, b, sizeof(*a)));
		checked++;
	}
	CHECK(checked > 1000);
	CHECK(!unwind_table_find(t, m, 1ULL << 40));
	unwind_rows_deinit(&rows);
	unwind_table_destroy(t);
	close(in.fd);
}

TEST(modules_nobody_maps_make_room_and_come_back)
{
	struct unwind_input in = self();
	struct unwind_table_stats st;
	struct unwind_module_rows *m[2000];
	struct unwind_table *t;
	int n = 0;

	CHECK_EQ(unwind_table_create(&no_maps, UNWIND_EXTENT_SZ, &t, NULL), 0);
	do { /* the same file again and again, each a module of its own */
		m[n] = unwind_table_add(t);
		unwind_table_ref(t, m[n], &in, S);
		unwind_table_get_stats(t, &st);
	} while (!st.no_room && ++n < 2000);
	CHECK(n > 3 && n < 2000);
	CHECK(unwind_module_has_no_room(m[n]));
	CHECK_EQ(st.evicted, 0); /* all are mapped */
	CHECK_EQ(st.arena_sz, UNWIND_EXTENT_SZ);
	unwind_table_unref(t, m[0], 2 * S);
	unwind_table_unref(t, m[n], 2 * S);
	unwind_table_tick(t, 3 * S); /* the arena is nearly full: the unused one goes ahead of need */
	unwind_table_get_stats(t, &st);
	CHECK_EQ(st.evicted, 1);
	unwind_table_tick(t, 6 * S);
	unwind_table_ref(t, m[n], &in, 7 * S);
	CHECK(!unwind_module_has_no_room(m[n]));
	CHECK(unwind_module_wants_input(m[0]));
	unwind_table_unref(t, m[1], 8 * S);
	unwind_table_tick(t, 8 * S);
	unwind_table_tick(t, 12 * S);
	unwind_table_ref(t, m[0], &in, 12 * S);
	CHECK(!unwind_module_wants_input(m[0]));
	unwind_table_destroy(t);
	close(in.fd);
}

TEST(slots_of_forgotten_modules_rest_and_are_given_out_again)
{
	struct unwind_input in = self();
	struct unwind_table_stats st;
	struct unwind_module_rows *m[200];
	struct unwind_table *t;
	uint64_t used;

	CHECK_EQ(unwind_table_create(&no_maps, UNWIND_CAP_SZ, &t, NULL), 0);
	for (int i = 0; i < 200; i++)
		m[i] = unwind_table_add(t);
	unwind_table_ref(t, m[0], &in, S);
	used = unwind_table_arena(t)->used_words;
	CHECK(used > 0);
	CHECK(!unwind_table_remove(t, m[0], S)); /* mapped */
	unwind_table_unref(t, m[0], S);
	for (int i = 0; i < 100; i++)
		CHECK(unwind_table_remove(t, m[i], 2 * S));
	unwind_table_get_stats(t, &st);
	CHECK_EQ(st.modules, 100);
	unwind_table_tick(t, 3 * S);
	CHECK_EQ(unwind_module_slot(unwind_table_add(t)), 201); /* a BPF program may still be on its way with the others */
	unwind_table_tick(t, 5 * S);
	CHECK(unwind_table_arena(t)->used_words < used);
	for (int i = 0; i < 100; i++)
		CHECK(unwind_module_slot(unwind_table_add(t)) <= 100);
	CHECK_EQ(unwind_module_slot(unwind_table_add(t)), 202);
	unwind_table_get_stats(t, &st);
	CHECK_EQ(st.modules, 202);
	unwind_table_destroy(t);
	close(in.fd);
}

TEST(a_file_that_is_no_module_is_one_without_rows)
{
	struct unwind_input in = { .fd = open("/dev/null", O_RDONLY | O_CLOEXEC) };
	struct unwind_table_stats st;
	struct unwind_module_rows *m;
	struct unwind_table *t;

	CHECK_EQ(unwind_table_create(&no_maps, UNWIND_CAP_SZ, &t, NULL), 0);
	m = unwind_table_add(t);
	unwind_table_ref(t, m, &in, S);
	CHECK(!unwind_table_find(t, m, 0x1000));
	unwind_table_get_stats(t, &st);
	CHECK_EQ(st.failed, 1);
	CHECK_EQ(st.arena_sz, 0);
	unwind_table_destroy(t);
	close(in.fd);
}

/* ---- processes ----------------------------------------------------------------------------------------------------- */

struct host {
	struct unwind_table *t;
	struct unwind_procs *p;
	struct unwind_module_rows *rows;
	int opened;
};

static struct unwind_module_rows *find(void *ctx, uint32_t module, struct unwind_input *in)
{
	struct host *h = ctx;

	if (module != 1)
		return NULL;
	if (unwind_module_wants_input(h->rows)) {
		*in = self();
		h->opened++;
	}
	return h->rows;
}

static void done(void *ctx, struct unwind_input *in)
{
	if (in->fd >= 0)
		close(in->fd);
}

static struct host host_create(void)
{
	struct host h = { .opened = 0 };

	CHECK_EQ(unwind_table_create(&no_maps, UNWIND_CAP_SZ, &h.t, NULL), 0);
	h.rows = unwind_table_add(h.t);
	return h;
}

static bool at(struct host *h, uint32_t pid, uint64_t addr, uint64_t *ret_off)
{
	struct unwind_mapping m;

	if (!unwind_procs_find(h->p, pid, addr, &m))
		return false;
	CHECK(addr >= m.start && addr < m.end);
	*ret_off = addr - m.bias;
	return true;
}

#define HOST(h)                                                                                    \
	struct host h = host_create();                                                             \
	CHECK_EQ(unwind_procs_create(h.t, -1, find, done, &h, &h.p, NULL), 0)

static void host_destroy(struct host *h)
{
	unwind_procs_destroy(h->p);
	unwind_table_destroy(h->t);
}

TEST(newer_mappings_cut_older_ones)
{
	uint64_t off;
	HOST(h);

	unwind_procs_add(h.p, 7, 0x10000, 0x20000, 0x1000, 1);
	CHECK_EQ(h.opened, 1);
	unwind_procs_add(h.p, 7, 0x14000, 0x16000, 0, 2); /* into its middle */
	CHECK(at(&h, 7, 0x13fff, &off) && off == 0x4fff);
	CHECK(at(&h, 7, 0x14000, &off) && off == 0);
	CHECK(at(&h, 7, 0x16000, &off) && off == 0x7000);
	unwind_procs_add(h.p, 7, 0xf000, 0x15000, 0, 2); /* over two */
	CHECK(at(&h, 7, 0x14fff, &off) && off == 0x5fff);
	CHECK(at(&h, 7, 0x15000, &off) && off == 0x1000);
	unwind_procs_remove(h.p, 7, 0x1f000, 0x30000);
	CHECK(at(&h, 7, 0x1efff, &off));
	CHECK(!at(&h, 7, 0x1f000, &off));
	unwind_procs_remove(h.p, 7, 0, INT64_MAX);
	CHECK(!at(&h, 7, 0x15000, &off));
	unwind_procs_flush(h.p, S);
	CHECK_EQ(h.opened, 1);
	host_destroy(&h);
}

TEST(forked_processes_share_until_one_changes)
{
	struct unwind_procs_stats st;
	uint64_t off;
	HOST(h);

	unwind_procs_add(h.p, 7, 0x10000, 0x20000, 0, 1);
	unwind_procs_fork(h.p, 8, 7);
	unwind_procs_get_stats(h.p, &st);
	CHECK_EQ(st.mappings, 1);
	unwind_procs_add(h.p, 8, 0x30000, 0x31000, 0, 1);
	CHECK(at(&h, 8, 0x10000, &off) && at(&h, 8, 0x30000, &off));
	CHECK(!at(&h, 7, 0x30000, &off));
	unwind_procs_flush(h.p, S);
	unwind_procs_clear(h.p, 7);
	CHECK(!at(&h, 7, 0x10000, &off));
	CHECK(at(&h, 8, 0x10000, &off));
	unwind_procs_exit(h.p, 7);
	unwind_procs_exit(h.p, 8);
	unwind_procs_exit(h.p, 8);
	unwind_procs_get_stats(h.p, &st);
	CHECK_EQ(st.mappings, 0);
	CHECK_EQ(st.procs, 0);
	CHECK_EQ(st.failed, 0);
	host_destroy(&h);
}

/* sched_process_fork() makes the child's entry in the kernel before the recorder knows of it. */
TEST(a_child_that_ended_before_it_was_sent_leaves_nothing_in_the_kernel)
{
	struct host h = host_create();
	struct unwind_proc entry = { .mapping_cnt = 1 };
	uint32_t child = 8;
	int fd = bpf_map_create(BPF_MAP_TYPE_HASH, NULL, sizeof(child), sizeof(entry), 16, NULL);

	if (fd < 0)
		SKIP("a BPF map needs root");
	CHECK_EQ(unwind_procs_create(h.t, fd, find, done, &h, &h.p, NULL), 0);
	unwind_procs_add(h.p, 7, 0x10000, 0x20000, 0, 1);
	unwind_procs_flush(h.p, S);
	CHECK_EQ(bpf_map_update_elem(fd, &child, &entry, BPF_ANY), 0);
	unwind_procs_fork(h.p, child, 7);
	unwind_procs_exit(h.p, child);
	unwind_procs_flush(h.p, 2 * S);
	CHECK(bpf_map_lookup_elem(fd, &child, &entry) < 0);
	host_destroy(&h);
	close(fd);
}

TEST(more_mappings_than_the_kernel_half_takes_are_counted_not_kept)
{
	struct unwind_procs_stats st;
	HOST(h);

	for (uint64_t i = 0; i < UNWIND_PROC_MAPPINGS + 10; i++)
		unwind_procs_add(h.p, 7, (i + 1) << 20, ((i + 1) << 20) + 0x1000, 0, 2);
	unwind_procs_flush(h.p, S);
	unwind_procs_get_stats(h.p, &st);
	CHECK_EQ(st.mappings, UNWIND_PROC_MAPPINGS);
	CHECK_EQ(st.failed, 10);
	host_destroy(&h);
}

TEST_MAIN()
