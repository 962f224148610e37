// SPDX-License-Identifier: BSD-2-Clause
#include "tests/test.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "formats/cleanup.h"
#include "formats/perfmap.h"

static int parse(const char *text, struct perfmap_entry *e)
{
	static char line[128];

	snprintf(line, sizeof(line), "%s", text);
	return perfmap_parse_line(line, strlen(text), e);
}

TEST(perfmap_line_with_each_writers_habits)
{
	struct perfmap_entry e;

	CHECK_EQ(parse("7f00aa 1c py::outer:/x/a b.py", &e), 0);
	CHECK_EQ(e.start, 0x7f00aa);
	CHECK_EQ(e.size, 0x1c);
	CHECK_STR(e.name, "py::outer:/x/a b.py");
	CHECK_EQ(parse("0x10 0X20 LazyCompile:~f;g file.js:1:2", &e), 0);
	CHECK_EQ(e.size, 0x20);
	CHECK_EQ(parse("10\t20  name\r", &e), 0);
	CHECK_STR(e.name, "name");
}

TEST(perfmap_line_that_makes_no_sense_is_refused)
{
	static const char *const bad[] = {
		"", " ", "10", "10 20", "10 20 ", "xyz 20 f", "10 -1 f", "10 0 f",
		"10 100000000 f", /* 4 GiB */
		"ffffffffffffffff 10 f", "11112222333344445 10 f", "0x 10 f", "10 20\n",
	};
	struct perfmap_entry e;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		CHECK_EQ(parse(bad[i], &e), -EBADMSG);
}

struct seen {
	int cnt;
	size_t longest;
	char last[64];
};

static int on_entry(void *ctx, const struct perfmap_entry *e)
{
	struct seen *s = ctx;

	s->cnt++;
	if (strlen(e->name) > s->longest)
		s->longest = strlen(e->name);
	snprintf(s->last, sizeof(s->last), "%.60s", e->name);
	return s->cnt == 1000000 ? 7 : 0;
}

static int make_file(const char *text, size_t len)
{
	int fd = memfd_create("map", MFD_CLOEXEC);

	CHECK(fd >= 0);
	CHECK_EQ(write(fd, text, len), (ssize_t)len);
	return fd;
}

TEST(perfmap_file_with_garbage_between_gives_the_good_lines)
{
	const char text[] = "10 10 a\ngarbage\n\n20 10 b\n\0\1\2\n30 10 c"; /* the last without newline */
	_cleanup_close_ int fd = make_file(text, sizeof(text) - 1);
	struct seen s = {};
	uint64_t bad;

	CHECK_EQ(perfmap_each(fd, on_entry, &s, &bad, NULL), 0);
	CHECK_EQ(s.cnt, 3);
	CHECK_EQ(bad, 2);
	CHECK_STR(s.last, "c");
}

TEST(perfmap_endless_line_is_cut_and_the_next_one_read)
{
	size_t len = 300000;
	_cleanup_free_ char *text = malloc(len);
	_cleanup_close_ int fd = -1;
	struct seen s = {};
	uint64_t bad;

	memset(text, 'x', len);
	memcpy(text, "10 10 ", 6);
	memcpy(text + len - 9, "\n20 10 b\n", 9);
	fd = make_file(text, len);
	CHECK_EQ(perfmap_each(fd, on_entry, &s, &bad, NULL), 0);
	CHECK_EQ(s.cnt, 2);
	CHECK_EQ(s.longest, PERFMAP_NAME_MAX - 1);
	CHECK_STR(s.last, "b");
	CHECK_EQ(bad, 0);
}

TEST(perfmap_every_truncation_of_many_lines_is_read)
{
	char text[400];
	size_t len = 0;
	uint64_t bad;

	for (int i = 0; i < 20; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%x00 40 fn_%d\n", i + 1, i);
	for (size_t cut = 0; cut <= len; cut++) {
		_cleanup_close_ int fd = make_file(text, cut);
		struct seen s = {};

		CHECK_EQ(perfmap_each(fd, on_entry, &s, &bad, NULL), 0);
		CHECK(s.cnt <= 20 && bad <= 1);
	}
}

TEST(perfmap_name_has_no_control_characters)
{
	struct perfmap_entry e;

	CHECK_EQ(parse("10 20 a\tb\033[31mc\177", &e), 0);
	CHECK_STR(e.name, "a?b?[31mc?");
}

TEST(perfmap_follow_gives_what_was_added)
{
	_cleanup_close_ int fd = memfd_create("map", MFD_CLOEXEC);
	struct seen s = {};
	uint64_t at = 0;

	CHECK_EQ(write(fd, "10 10 one\n20 10 tw", 18), 18);
	CHECK_EQ(perfmap_follow(fd, &at, on_entry, &s), 0);
	CHECK_EQ(s.cnt, 1);
	CHECK_EQ(at, 10);
	CHECK_EQ(perfmap_follow(fd, &at, on_entry, &s), 0);
	CHECK_EQ(s.cnt, 1);
	CHECK_EQ(write(fd, "o\n30 10 three\n", 14), 14);
	CHECK_EQ(perfmap_follow(fd, &at, on_entry, &s), 0);
	CHECK_EQ(s.cnt, 3);
	CHECK_EQ(at, 32);
}

TEST_MAIN()
