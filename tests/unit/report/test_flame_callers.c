// SPDX-License-Identifier: BSD-2-Clause
#include "report/flame_callers.h"

#include <string.h>

#include "tests/test.h"

static uint32_t child(struct flame_tree *t, uint32_t parent, const char *name)
{
	return flame_tree_child(t, parent, flame_tree_frame(t, name, "m", FLAME_USER));
}

/* The child of parent called name, or 0. */
static uint32_t find(const struct flame_tree *t, uint32_t parent, const char *name)
{
	for (uint32_t at = flame_tree_node(t, parent)->first; at; at = flame_tree_node(t, at)->next)
		if (!strcmp(flame_tree_frame_at(t, flame_tree_node(t, at)->frame)->name, name))
			return at;
	return 0;
}

TEST(callers_of_one_function_stand_on_it)
{
	struct flame_tree *t, *turned;
	uint32_t a, b, leaf;

	CHECK(flame_tree_create(&t) == 0);
	a = child(t, FLAME_ROOT, "a");
	b = child(t, FLAME_ROOT, "b");
	flame_tree_add(t, a, 1);
	flame_tree_add(t, child(t, a, "leaf"), 10);
	flame_tree_add_base(t, child(t, b, "leaf"), 7);
	flame_tree_add(t, child(t, child(t, b, "leaf"), "leaf"), 100); /* recursion */
	flame_tree_add(t, FLAME_ROOT, 1000);			       /* a stack without frames */
	CHECK(flame_callers(t, &turned) == 0);
	CHECK(flame_tree_settle(turned) == 0);
	CHECK_EQ(flame_tree_node(turned, FLAME_ROOT)->total, 1111);
	CHECK_EQ(flame_tree_node(turned, FLAME_ROOT)->self, 1000);
	CHECK_EQ(flame_tree_node(turned, FLAME_ROOT)->base_total, 7);
	leaf = find(turned, FLAME_ROOT, "leaf");
	CHECK_EQ(flame_tree_node(turned, leaf)->total, 110);
	CHECK_EQ(flame_tree_node(turned, find(turned, leaf, "a"))->self, 10);
	CHECK_EQ(flame_tree_node(turned, find(turned, leaf, "b"))->base_self, 7);
	CHECK_EQ(flame_tree_node(turned, find(turned, find(turned, leaf, "leaf"), "b"))->self, 100);
	CHECK_EQ(flame_tree_node(turned, find(turned, FLAME_ROOT, "a"))->self, 1);
	CHECK_EQ(find(turned, FLAME_ROOT, "b"), 0);
	flame_tree_destroy(turned);
	flame_tree_destroy(t);
}

TEST_MAIN()
