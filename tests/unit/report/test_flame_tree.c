// SPDX-License-Identifier: BSD-2-Clause
#include "report/flame_tree.h"

#include "tests/test.h"

/* Feed one folded stack, "a;b;c", all user frames. */
static uint32_t feed(struct flame_tree *t, const char *folded, uint64_t value)
{
	uint32_t node = FLAME_ROOT;
	char *copy = strdup(folded), *rest = copy, *name;

	while ((name = strsep(&rest, ";")))
		node = flame_tree_child(t, node, flame_tree_frame(t, name, NULL, FLAME_USER));
	flame_tree_add(t, node, value);
	free(copy);
	return node;
}

/* The settled tree as text: "name self/total" by depth, in drawing order. */
static char *dump(const struct flame_tree *t)
{
	char *text = NULL;
	size_t text_sz;
	FILE *f = open_memstream(&text, &text_sz);

	for (uint32_t i = 0; i < flame_tree_node_cnt(t); i++) {
		const struct flame_node *n = flame_tree_node(t, flame_tree_order(t)[i]);

		fprintf(f, "%*s%s %llu/%llu\n", (int)n->depth, "", n->frame ? flame_tree_frame_at(t, n->frame)->name : "all",
			(unsigned long long)n->self, (unsigned long long)n->total);
	}
	fclose(f);
	return text;
}

TEST(stacks_merge_from_the_root_and_totals_add_up)
{
	struct flame_tree *t;
	char *text;

	CHECK_EQ(flame_tree_create(&t), 0);
	feed(t, "main;parse", 30);
	feed(t, "main;gc", 7);
	feed(t, "main;parse;strlen", 13);
	feed(t, "main;parse", 5);
	CHECK_EQ(flame_tree_settle(t), 0);
	text = dump(t);
	CHECK_STR(text, "all 0/55\n main 0/55\n  gc 7/7\n  parse 35/48\n   strlen 13/13\n");
	free(text);
	CHECK_EQ(flame_tree_depth(t), 3);
	flame_tree_destroy(t);
}

TEST(the_order_of_feeding_does_not_show)
{
	static const char *const stacks[] = { "b;a", "a;b", "b", "a;c;d", "a", "c", "b;b;b" };
	char *want = NULL;

	for (size_t turn = 0; turn < 7; turn++) {
		struct flame_tree *t;
		char *text;

		CHECK_EQ(flame_tree_create(&t), 0);
		for (size_t i = 0; i < 7; i++)
			feed(t, stacks[(i * 3 + turn) % 7], ((i * 3 + turn) % 7) + 1);
		CHECK_EQ(flame_tree_settle(t), 0);
		text = dump(t);
		if (want) {
			CHECK_STR(text, want);
			free(text);
		} else {
			want = text;
		}
		flame_tree_destroy(t);
	}
	free(want);
}

TEST(appended_frames_join_only_their_neighbour_in_time)
{
	struct flame_tree *t;
	uint32_t a, b, x;
	char *text;

	CHECK_EQ(flame_tree_create(&t), 0);
	b = flame_tree_frame(t, "b", NULL, FLAME_USER);
	a = flame_tree_frame(t, "a", NULL, FLAME_USER);
	x = flame_tree_frame(t, "x", NULL, FLAME_USER);
	flame_tree_add(t, flame_tree_append(t, flame_tree_append(t, FLAME_ROOT, b), x), 1);
	flame_tree_add(t, flame_tree_append(t, flame_tree_append(t, FLAME_ROOT, b), x), 1);
	flame_tree_add(t, flame_tree_append(t, FLAME_ROOT, a), 1);
	flame_tree_add(t, flame_tree_append(t, flame_tree_append(t, FLAME_ROOT, b), x), 1);
	CHECK_EQ(flame_tree_settle(t), 0);
	text = dump(t);
	CHECK_STR(text, "all 0/4\n b 0/2\n  x 2/2\n a 1/1\n b 0/1\n  x 1/1\n");
	free(text);
	flame_tree_destroy(t);
}

TEST(frames_differ_by_kind_and_module_and_are_kept_in_shown_form)
{
	struct flame_tree *t;
	uint32_t id;

	CHECK_EQ(flame_tree_create(&t), 0);
	id = flame_tree_frame(t, "read\n", "libc.so", FLAME_USER);
	CHECK_STR(flame_tree_frame_at(t, id)->name, "read\\x0a");
	CHECK_EQ(flame_tree_frame(t, "read\n", "libc.so", FLAME_USER), id);
	CHECK(flame_tree_frame(t, "read\n", "libc.so", FLAME_KERNEL) != id);
	CHECK(flame_tree_frame(t, "read\n", NULL, FLAME_USER) != id);
	CHECK_EQ(flame_tree_frame_cnt(t), 3);
	flame_tree_destroy(t);
	flame_tree_destroy(NULL);
}

TEST(the_compared_recording_adds_up_on_its_own)
{
	struct flame_tree *t;
	uint32_t leaf;

	CHECK_EQ(flame_tree_create(&t), 0);
	leaf = feed(t, "main;old", 0);
	flame_tree_add_base(t, leaf, 9);
	feed(t, "main;new", 4);
	CHECK_EQ(flame_tree_settle(t), 0);
	CHECK_EQ(flame_tree_node(t, FLAME_ROOT)->total, 4);
	CHECK_EQ(flame_tree_node(t, FLAME_ROOT)->base_total, 9);
	CHECK_EQ(flame_tree_node(t, leaf)->base_total, 9);
	flame_tree_destroy(t);
}

/* Tables grow many times over, and every edge is found again. */
TEST(a_hundred_thousand_stacks_keep_their_values)
{
	struct flame_tree *t;
	uint64_t sum = 0;

	CHECK_EQ(flame_tree_create(&t), 0);
	for (int round = 0; round < 2; round++) {
		for (uint32_t i = 0; i < 100000; i++) {
			char stack[64];

			snprintf(stack, sizeof(stack), "m;f%u;g%u;h%u", i % 97, i % 1009, i);
			feed(t, stack, i);
			sum += i;
		}
	}
	CHECK_EQ(flame_tree_settle(t), 0);
	CHECK_EQ(flame_tree_node(t, FLAME_ROOT)->total, sum);
	CHECK_EQ(flame_tree_node_cnt(t), 1 + 1 + 97 + 97873 + 100000);
	flame_tree_destroy(t);
}

TEST_MAIN()
