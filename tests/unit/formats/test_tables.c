// SPDX-License-Identifier: BSD-2-Clause
/* idmap, strtab, tasktab, stacktab, modtab, seqset: the small tables. */
#include "formats/idmap.h"

#include "formats/bytes.h"
#include "formats/cleanup.h"
#include "formats/format.h"
#include "formats/modtab.h"
#include "formats/seqset.h"
#include "formats/stacktab.h"
#include "formats/strtab.h"
#include "formats/tasktab.h"
#include "tests/test.h"

TEST(an_idmap_finds_each_id_among_equal_hashes)
{
	struct idmap m = { 0 };
	uint32_t pos, id;

	CHECK_EQ(idmap_first(&m, 5, &pos), 0);
	for (uint32_t i = 1; i <= 10000; i++)
		CHECK_EQ(idmap_add(&m, i % 97 * 0x10001, i), 0);
	for (uint32_t h = 0; h < 97; h++) {
		unsigned n = 0;

		for (id = idmap_first(&m, h * 0x10001, &pos); id;
		     id = idmap_next(&m, h * 0x10001, &pos), n++)
			CHECK_EQ(id % 97, h);
		CHECK(n == 10000 / 97 || n == 10000 / 97 + 1);
	}
	idmap_clear(&m);
	CHECK_EQ(idmap_first(&m, 5 * 0x10001, &pos), 0);
	idmap_deinit(&m);
}

TEST(a_string_has_one_id_and_long_ones_are_cut)
{
	struct strtab t = { 0 };
	char *big = malloc(STRING_MAX + 100), name[16];
	int64_t id;

	memset(big, 'x', STRING_MAX + 99);
	big[STRING_MAX + 99] = '\0';
	CHECK_EQ(strtab_add(&t, ""), 0);
	CHECK_EQ(strtab_add(&t, NULL), 0);
	for (int round = 0; round < 2; round++) {
		for (int i = 1; i <= 500; i++) {
			snprintf(name, sizeof(name), "s%d", i);
			CHECK_EQ(strtab_add(&t, name), i);
		}
	}
	CHECK_STR(strtab_get(&t, 7), "s7");
	CHECK_EQ(strtab_add(&t, "s"), 501); /* a prefix is another string */
	id = strtab_add(&t, big);
	CHECK_EQ(strlen(strtab_get(&t, (uint32_t)id)), STRING_MAX);
	CHECK_EQ(strtab_add(&t, big), id);
	strtab_clear(&t);
	CHECK_EQ(strtab_add(&t, "s9"), 1);
	strtab_deinit(&t);
	free(big);
}

TEST(tasks_differ_by_every_field)
{
	struct tasktab t = { 0 };
	struct tasktab_row rows[] = {
		{ 1, 1, 0, 0 }, { 1, 2, 0, 0 }, { 2, 1, 0, 0 }, { 1, 1, 5, 0 }, { 1, 1, 0, 5 }
	};

	CHECK_EQ(tasktab_add(&t, &(struct tasktab_row){ 0 }), 0);
	for (int round = 0; round < 2; round++)
		for (unsigned i = 0; i < ARRAY_SIZE(rows); i++)
			CHECK_EQ(tasktab_add(&t, &rows[i]), i + 1);
	tasktab_deinit(&t);
}

TEST(stacks_share_their_outer_part)
{
	struct stacktab t = { 0 };
	struct frame main_frame = { 1, 0, 10 }, f = { 1, 0, 20 }, g = { 1, 1, 20 };
	int64_t root, a, b;

	CHECK_EQ(stacktab_add_frame(&t, &main_frame), 0);
	CHECK_EQ(stacktab_add_frame(&t, &f), 1);
	CHECK_EQ(stacktab_add_frame(&t, &g), 2); /* flags count */
	root = stacktab_add_node(&t, 0, 0, STACK_END_COMPLETE);
	a = stacktab_add_node(&t, (uint32_t)root, 1, STACK_END_COMPLETE);
	b = stacktab_add_node(&t, (uint32_t)root, 2, STACK_END_COMPLETE);
	CHECK(root == 1 && a == 2 && b == 3);
	CHECK_EQ(stacktab_add_node(&t, 1, 1, STACK_END_COMPLETE), 2);
	CHECK_EQ(stacktab_add_node(&t, 0, 0, STACK_END_TRUNCATED),
		 4); /* another end is another root */
	stacktab_deinit(&t);
}

TEST(a_stack_like_the_one_before_is_still_itself)
{
	struct stacktab t = { 0 };
	struct frame deep[400];
	int64_t a, b, c;

	for (unsigned i = 0; i < ARRAY_SIZE(deep); i++)
		deep[i] = (struct frame){ 1, 0, 1000 + i };
	a = stacktab_add(&t, deep, 400, STACK_END_COMPLETE, 7);
	CHECK_EQ(a, 400);
	CHECK_EQ(stacktab_add(&t, deep, 400, STACK_END_COMPLETE, 7), a);
	CHECK_EQ(stacktab_add(&t, deep, 400, STACK_END_COMPLETE, 8),
		 a);						    /* a thread not seen before */
	b = stacktab_add(&t, deep + 1, 399, STACK_END_COMPLETE, 7); /* its caller */
	CHECK_EQ(b, t.nodes[a - 1].parent);
	c = stacktab_add(&t, deep, 400, STACK_END_TRUNCATED,
			 7); /* the same frames, ended otherwise */
	CHECK_EQ(c, 800);
	CHECK_EQ(t.nodes[400].end, STACK_END_TRUNCATED);
	CHECK_EQ(stacktab_add(&t, deep, 400, STACK_END_COMPLETE, 7), a);
	deep[399].flags = 1; /* another root */
	CHECK_EQ(stacktab_add(&t, deep, 400, STACK_END_COMPLETE, 7), 1200);
	CHECK_EQ(t.frame_cnt, 401);
	stacktab_clear(&t);
	CHECK_EQ(stacktab_add(&t, deep, 400, STACK_END_COMPLETE, 7), 400);
	stacktab_deinit(&t);
}

TEST(a_module_is_its_kind_id_path_and_process)
{
	struct modtab t = { 0 };
	struct module_segment seg = { 1, 2, 3 };
	struct module m = { .kind = MODULE_ELF,
			    .build_id_sz = 2,
			    .build_id = { 1, 2 },
			    .path = "/a" },
		      other;
	const struct module *first;

	CHECK_EQ(modtab_add(&t, &m), 1);
	first = modtab_get(&t, 1);
	CHECK_EQ(first->seg_cnt, 0);
	other = m, other.path = "/b";
	CHECK_EQ(modtab_add(&t, &other), 2);
	other = m, other.kind = MODULE_VDSO;
	CHECK_EQ(modtab_add(&t, &other), 3);
	other = m, other.build_id[1] = 9;
	CHECK_EQ(modtab_add(&t, &other), 4);
	other = m, other.pid = 9;
	CHECK_EQ(modtab_add(&t, &other), 5);
	other = m, other.start_ts = 9;
	CHECK_EQ(modtab_add(&t, &other), 6);
	other = m, other.is_content_id = 1;
	CHECK_EQ(modtab_add(&t, &other), 7);
	other = m, other.segs = &seg, other.seg_cnt = 1;
	CHECK_EQ(modtab_add(&t, &other), 1); /* the same; its segments are taken over */
	CHECK(modtab_get(&t, 1) == first);
	CHECK_EQ(first->seg_cnt, 1);
	CHECK_EQ(first->segs[0].filesz, 3);
	other.build_id_sz = BUILD_ID_MAX + 1;
	CHECK_EQ(modtab_add(&t, &other), -EINVAL);
	CHECK(!modtab_get(&t, 0) && !modtab_get(&t, 8));
	modtab_deinit(&t);
}

TEST(a_seqset_knows_what_it_has_in_any_order)
{
	enum { N = 2000 };
	struct seqset s = { 0 };
	uint8_t has[N] = { 0 };
	uint64_t x = 1;

	for (int i = 0; i < 5000; i++) {
		uint32_t seq =
			(uint32_t)((x = x * 6364136223846793005ull + 1442695040888963407ull) >>
				   33) %
			N;

		CHECK_EQ(seqset_add(&s, seq), !has[seq]);
		has[seq] = 1;
	}
	for (uint32_t i = 0; i < N; i++)
		CHECK_EQ(seqset_has(&s, i), has[i]);
	for (uint32_t i = 1; i < s.cnt; i++)
		CHECK(s.ranges[i].first > s.ranges[i - 1].last + 1);
	CHECK_EQ(seqset_add(&s, UINT64_MAX), 1);
	CHECK_EQ(seqset_add(&s, UINT64_MAX), 0);
	seqset_deinit(&s);
}

TEST_MAIN()
