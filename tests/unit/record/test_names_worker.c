// SPDX-License-Identifier: BSD-2-Clause
#include "record/names_worker.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/test.h"

/* What a report says of an address: of the entries that cover it the one that was given last. */
struct given {
	struct symtab_symbol v[16];
	char names[16][16];
	size_t cnt;
};

static int take(void *ctx, const struct symtab_symbol *s)
{
	struct given *g = ctx;

	CHECK(g->cnt < 16);
	snprintf(g->names[g->cnt], sizeof(g->names[0]), "%s", s->name);
	g->v[g->cnt] = *s;
	g->v[g->cnt].name = g->names[g->cnt];
	g->cnt++;
	return 0;
}

static const char *name_at(const struct given *g, uint64_t off)
{
	for (size_t i = g->cnt; i--;)
		if (off - g->v[i].off < g->v[i].size)
			return g->v[i].name;
	return "";
}

/* before, then what was written while the module ended, then what came after; the offsets of which names are wanted. */
static void find(struct given *g, const char *before, const char *late, const char *after, const uint64_t *offs, size_t cnt)
{
	struct names_job job = { .is_perfmap = true, .map_fd = memfd_create("map", 0), .dump_fd = -1, .offs = offs, .off_cnt = cnt };

	CHECK(job.map_fd >= 0);
	dprintf(job.map_fd, "%s%s%s", before, late, after);
	job.extent = (struct jit_extent){ .map = strlen(before), .map_end = strlen(before) + strlen(late) };
	g->cnt = 0;
	CHECK_EQ(names_worker_do(&job, take, g), 0);
	close(job.map_fd);
}

TEST(an_entry_around_another_is_not_given_again_behind_it)
{
	static const uint64_t offs[] = { 0x1100, 0x1850, 0x2500 };
	struct given g;

	find(&g, "1000 2000 outer\n1800 100 inner\n", "", "", offs, 3);
	CHECK_EQ(g.cnt, 2);
	CHECK_STR(name_at(&g, 0x1100), "outer");
	CHECK_STR(name_at(&g, 0x1850), "inner");
	CHECK_STR(name_at(&g, 0x2500), "outer");
}

TEST(new_code_that_ran_before_the_next_look_has_its_name_when_that_finds_other_code_overwritten)
{
	static const uint64_t offs[] = { 0x1010, 0x1050, 0x2010, 0x3010, 0x4010 };
	struct given g;

	find(&g, "1000 40 old\n", "1000 80 over\n2000 80 fresh\n2000 80 fresh\n3000 80 first\n3000 80 second\n", "4000 80 later\n", offs, 5);
	CHECK_STR(name_at(&g, 0x1010), "old");
	CHECK_STR(name_at(&g, 0x1050), "over");
	CHECK_STR(name_at(&g, 0x2010), "fresh");
	CHECK_STR(name_at(&g, 0x3010), ""); /* the one or the other */
	CHECK_STR(name_at(&g, 0x4010), "");
}

TEST_MAIN()
