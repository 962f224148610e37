// SPDX-License-Identifier: BSD-2-Clause
#include "report/folded.h"

#include <errno.h>

#include "report/top.h"
#include "tests/test.h"

/* A profile by hand: images 1 kernel, 2 elf, 3 jit. */
struct hand {
	struct stacks stacks;
	struct tasks tasks;
	struct profile p;
};

static void hand_init(struct hand *h)
{
	static const char *const kinds[] = { "kernel", "elf", "jit" };

	memset(h, 0, sizeof(*h));
	profile_init(&h->p);
	h->p.stacks = &h->stacks;
	h->p.tasks = &h->tasks;
	for (int i = 0; i < 3; i++) {
		uint32_t id = table_add(&h->stacks.images);

		h->stacks.images.row[id] = (struct stack_image){ .kind = kinds[i], .path = kinds[i], .build_id = "" };
	}
	CHECK(table_reserve(&h->stacks.files, 0) && table_reserve(&h->stacks.nodes, 0) && table_reserve(&h->tasks.cgroups, 0));
	CHECK_EQ(table_add(&h->tasks.processes), 1);
	h->tasks.processes.row[1] = (struct process){ .pid = 1, .comm = "p" };
}

static void hand_deinit(struct hand *h)
{
	stacks_deinit(&h->stacks);
	tasks_deinit(&h->tasks);
	table_deinit(&h->p.entries);
	idmap_deinit(&h->p.map);
}

static uint32_t hand_thread(struct hand *h, const char *comm)
{
	uint32_t id = table_add(&h->tasks.threads);

	h->tasks.threads.row[id] = (struct thread){ .upid = 1, .tid = id, .comm = comm };
	return id;
}

static uint32_t hand_frame(struct hand *h, uint32_t image, const char *name, bool inlined)
{
	uint32_t fn = table_add(&h->stacks.functions), id = table_add(&h->stacks.frames);

	h->stacks.functions.row[fn] = (struct stack_function){ .name = name, .image = image, .named = true };
	h->stacks.frames.row[id] = (struct stack_frame){ .function = fn, .image = image, .inlined = inlined };
	return id;
}

static uint32_t hand_node(struct hand *h, uint32_t parent, uint32_t frame)
{
	uint32_t id = table_add(&h->stacks.nodes);

	h->stacks.nodes.row[id] = (struct stack_node){ .parent = parent, .frame = frame };
	return id;
}

static void hand_add(struct hand *h, uint32_t utid, uint32_t stack, uint64_t cnt)
{
	struct profile_entry e = { .utid = utid, .stack = stack, .cnt = cnt, .ns = cnt * 1000 };

	CHECK_EQ(profile_add(&h->p, &e), 0);
}

static char *written(struct hand *h, const struct filter *f)
{
	struct err err = { 0 };
	char *text;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	CHECK_EQ(folded_write(&h->p, f, out, &err), 0);
	fclose(out);
	return text;
}

TEST(folded_merges_what_has_equal_names_and_marks_the_rest)
{
	struct filter f = { 0 };
	struct hand h;
	char *text;

	hand_init(&h);
	uint32_t a = hand_thread(&h, "app"), b = hand_thread(&h, "app"), none = hand_thread(&h, "");
	uint32_t root = hand_node(&h, 0, hand_frame(&h, 2, "main", false));
	uint32_t one = hand_node(&h, root, hand_frame(&h, 2, "work", false)), two = hand_node(&h, root, hand_frame(&h, 2, "work", false));
	uint32_t inl = hand_node(&h, one, hand_frame(&h, 2, "tiny", true)), jit = hand_node(&h, one, hand_frame(&h, 3, "js", false));
	uint32_t krn = hand_node(&h, jit, hand_frame(&h, 1, "read", false));
	hand_add(&h, b, two, 2);
	hand_add(&h, a, one, 1);
	hand_add(&h, a, inl, 4);
	hand_add(&h, a, krn, 8);
	hand_add(&h, none, 0, 16);
	hand_add(&h, a, jit, 0);
	text = written(&h, &f);
	CHECK_STR(text, "[unknown] 16\napp;main;work 3\napp;main;work;js_[j];read_[k] 8\napp;main;work;tiny_[i] 4\n");
	free(text);
	f.weight = FILTER_WEIGHT_NS;
	text = written(&h, &f);
	CHECK_HAS(text, "app;main;work;tiny_[i] 4000\n");
	free(text);
	hand_deinit(&h);
}

TEST(folded_is_safe_with_hostile_names)
{
	struct filter f = { 0 };
	struct hand h;
	char *text;
	size_t lines = 0;

	hand_init(&h);
	uint32_t t = hand_thread(&h, "a;b\nc\x1b]0;x\x07 \xff");
	hand_add(&h, t, hand_node(&h, hand_node(&h, 0, hand_frame(&h, 2, "f;g\r\n1 2", false)), hand_frame(&h, 2, "\xe2\x80\xae" "evil", false)), 5);
	text = written(&h, &f);
	for (const char *c = text; *c; c++) {
		CHECK(*c == '\n' || (unsigned char)*c >= 0x20);
		lines += *c == '\n';
	}
	CHECK_EQ(lines, 1);
	CHECK_STR(text, "a:b\\x0ac\\x1b]0:x\\x07 \\xff;f:g\\x0d\\x0a1 2;\\xe2\\x80\\xaeevil 5\n");
	free(text);
	hand_deinit(&h);
}

TEST(folded_walks_very_deep_stacks)
{
	struct filter f = { 0 };
	struct hand h;
	uint32_t node = 0;
	char *text;

	hand_init(&h);
	uint32_t t = hand_thread(&h, "deep"), frame = hand_frame(&h, 2, "r", false);
	for (int i = 0; i < 300000; i++)
		node = hand_node(&h, node, frame);
	hand_add(&h, t, node, 1);
	text = written(&h, &f);
	CHECK_EQ(strlen(text), 4 + 2 * 300000 + 3);
	free(text);
	hand_deinit(&h);
}

static const struct top_row *row(const struct top *t, const char *name)
{
	for (uint32_t i = 1; i <= t->rows.cnt; i++)
		if (!strcmp(t->rows.row[i].name, name))
			return &t->rows.row[i];
	printf("# no row '%s'\n", name);
	CHECK(!"row");
	return NULL;
}

TEST(top_counts_recursion_once_and_sums_to_the_whole)
{
	struct filter f = { 0 };
	struct err err = { 0 };
	struct top t = { 0 };
	struct hand h;

	hand_init(&h);
	uint32_t a = hand_thread(&h, "app"), b = hand_thread(&h, "other");
	uint32_t fib = hand_frame(&h, 2, "fib", false), again = hand_frame(&h, 2, "fib", false), krn = hand_frame(&h, 1, "page_fault", false);
	uint32_t n1 = hand_node(&h, 0, fib), n2 = hand_node(&h, n1, again), n3 = hand_node(&h, n2, krn);
	hand_add(&h, a, n2, 10);
	hand_add(&h, b, n3, 5);
	hand_add(&h, b, 0, 1);
	CHECK_EQ(top_compute(&t, &h.p, &f, TOP_FUNCTION, &err), 0);
	CHECK_EQ(t.sum, 16);
	CHECK_STR(t.rows.row[1].name, "fib");
	CHECK_EQ(row(&t, "fib")->self, 10);
	CHECK_EQ(row(&t, "fib")->total, 15);
	CHECK_EQ(row(&t, "page_fault")->self, 5);
	top_deinit(&t);
	memset(&t, 0, sizeof(t));
	CHECK_EQ(top_compute(&t, &h.p, &f, TOP_MODULE, &err), 0);
	CHECK_EQ(row(&t, "elf")->total, 15);
	CHECK_EQ(row(&t, "kernel")->self, 5);
	top_deinit(&t);
	memset(&t, 0, sizeof(t));
	CHECK_EQ(top_compute(&t, &h.p, &f, TOP_COMM, &err), 0);
	CHECK_EQ(row(&t, "app")->self, 10);
	CHECK_EQ(row(&t, "other")->self, 6);
	top_deinit(&t);
	hand_deinit(&h);
}

TEST(top_by_parse_names_what_there_is)
{
	struct err err = { 0 };
	enum top_by by;

	CHECK_EQ(top_by_parse("cgroup", &by, &err), 0);
	CHECK_EQ(by, TOP_CGROUP);
	CHECK_EQ(top_by_parse("color", &by, &err), -EINVAL);
	CHECK_HAS(err.text, "none of function");
}

TEST_MAIN()
