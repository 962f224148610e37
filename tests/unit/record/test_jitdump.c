// SPDX-License-Identifier: BSD-2-Clause
#include "tests/test.h"

#include <sys/mman.h>
#include <unistd.h>

#include "formats/bytes.h"
#include "formats/cleanup.h"
#include "record/jitdump.h"

static uint8_t file[4096];
static size_t len;

static void put(const void *p, size_t n)
{
	memcpy(file + len, p, n);
	len += n;
}

static void put32(uint32_t v)
{
	put_le32(file + len, v);
	len += 4;
}

static void put64(uint64_t v)
{
	put_le64(file + len, v);
	len += 8;
}

static void begin(void)
{
	len = 0;
	put32(0x4a695444);
	put32(1);
	put32(40);
	put32(62);
	put32(0);
	put32(77);
	put64(1);
	put64(0);
}

static void load(uint64_t addr, uint64_t size, uint64_t index, const char *name)
{
	put32(0);
	put32((uint32_t)(56 + strlen(name) + 1 + 4));
	put64(2);
	put32(77);
	put32(77);
	put64(addr);
	put64(addr);
	put64(size);
	put64(index);
	put(name, strlen(name) + 1);
	put("code", 4);
}

static void move(uint64_t from, uint64_t to, uint64_t size, uint64_t index)
{
	put32(1);
	put32(64);
	put64(3);
	put32(77);
	put32(77);
	put64(to);
	put64(from);
	put64(to);
	put64(size);
	put64(index);
}

static char text[4096];

static int note(void *ctx, const struct perfmap_entry *e)
{
	size_t n = strlen(text);

	CHECK(e->size && *e->name);
	snprintf(text + n, sizeof(text) - n, "%llx+%llx %s;", (long long)e->start, (long long)e->size, e->name);
	return 0;
}

static int walk(uint64_t *at, uint64_t limit)
{
	_cleanup_close_ int fd = memfd_create("dump", MFD_CLOEXEC);

	CHECK_EQ(write(fd, file, len), (ssize_t)len);
	text[0] = '\0';
	return jitdump_each(fd, at, limit, note, NULL);
}

TEST(jitdump_names)
{
	CHECK(jitdump_is_name("/home/x/jit-123.dump"));
	CHECK(jitdump_is_name("jit-1.dump (deleted)"));
	CHECK(!jitdump_is_name("/x/jit-.dump"));
	CHECK(!jitdump_is_name("/x/jit-12.dump.old"));
	CHECK(!jitdump_is_name("/jit-12.dump/x"));
}

TEST(jitdump_gives_loads_and_moves_and_passes_over_the_rest)
{
	uint64_t at = 0;

	begin();
	load(0x1000, 0x20, 1, "a b;c");
	put32(4); /* unwinding information */
	put32(24);
	put64(2);
	put64(0);
	load(0x2000, 0x30, 2, "second");
	move(0x1000, 0x5000, 0x20, 1);
	CHECK_EQ(walk(&at, 0), 0);
	CHECK_STR(text, "1000+20 a b;c;2000+30 second;5000+20 a b;c;");
	CHECK_EQ(at, len);
}

TEST(jitdump_name_has_no_control_characters)
{
	uint64_t at = 0;

	begin();
	load(0x1000, 0x10, 1, "a\nb\033c");
	move(0x1000, 0x2000, 0x10, 1);
	CHECK_EQ(walk(&at, 0), 0);
	CHECK_STR(text, "1000+10 a?b?c;2000+10 a?b?c;");
}

TEST(jitdump_follows_what_is_added)
{
	uint64_t at = 0, mark;

	begin();
	load(0x1000, 0x20, 1, "one");
	CHECK_EQ(walk(&at, 0), 0);
	CHECK_STR(text, "1000+20 one;");
	mark = at;
	load(0x2000, 0x20, 2, "two");
	len -= 3; /* not all of it is there yet */
	CHECK_EQ(walk(&at, 0), 0);
	CHECK_STR(text, "");
	CHECK_EQ(at, mark);
	len += 3;
	CHECK_EQ(walk(&at, 0), 0);
	CHECK_STR(text, "2000+20 two;");
	at = 0;
	CHECK_EQ(walk(&at, mark), 0);
	CHECK_STR(text, "1000+20 one;");
}

TEST(jitdump_that_lies_gives_nothing_wrong)
{
	uint64_t at = 0;

	begin();
	load(0x1000, 1ULL << 32, 1, "four gigabytes");
	load(1ULL << 60, 16, 2, "no address");
	load(0x1000, 0, 3, "empty");
	load(0x1000, 16, 4, "");
	move(0x1000, 0x3000, 16, 99);
	load(0x7000, 16, 5, "good");
	CHECK_EQ(walk(&at, 0), 0);
	CHECK_STR(text, "7000+10 good;");
	put32(0);
	put32(3); /* a record shorter than its header */
	put64(0);
	CHECK_EQ(walk(&at, 0), 0);
	CHECK(at == UINT64_MAX);
	at = 0;
	begin();
	file[0] ^= 1;
	CHECK_EQ(walk(&at, 0), 0);
	CHECK(at == UINT64_MAX);
}

/* Every byte changed, every cut: it ends and gives possible entries only. */
TEST(jitdump_survives_damage)
{
	uint8_t good[4096];
	size_t good_len;

	begin();
	load(0x1000, 0x20, 1, "one");
	move(0x1000, 0x5000, 0x20, 1);
	load(0x2000, 0x20, 2, "two");
	memcpy(good, file, len);
	good_len = len;
	for (size_t i = 0; i < good_len; i++) {
		uint64_t at = 0;

		memcpy(file, good, good_len);
		len = i;
		CHECK_EQ(walk(&at, 0), 0);
		len = good_len;
		file[i] ^= 0xff;
		at = 0;
		CHECK_EQ(walk(&at, 0), 0);
	}
}

TEST_MAIN()
