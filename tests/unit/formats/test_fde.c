// SPDX-License-Identifier: BSD-2-Clause
#include "tests/test.h"

#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <unistd.h>

#include "formats/cleanup.h"
#include "formats/elf_file.h"
#include "formats/fde.h"

static __attribute__((noinline, noclone)) int fde_known_function(int x)
{
	__asm__ volatile("" : "+r"(x));
	return x * 7 + 1;
}

struct found {
	uint64_t want, start, end;
	unsigned cnt;
};

static int look(void *ctx, uint64_t start, uint64_t end)
{
	struct found *f = ctx;

	CHECK(start < end);
	f->cnt++;
	if (f->want >= start && f->want < end) {
		f->start = start;
		f->end = end;
	}
	return 0;
}

static int find_base(struct dl_phdr_info *info, size_t sz, void *ctx)
{
	*(uint64_t *)ctx = info->dlpi_addr;
	return 1;
}

static uint8_t *own_eh_frame(struct elf_section *ret)
{
	static int fd = -1;
	static struct elf_source src;
	struct elf_file f;
	uint8_t *data = NULL;

	if (fd < 0)
		fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	src = (struct elf_source){ .fd = fd };
	CHECK_EQ(elf_file_open(&src, &f), 0);
	for (uint32_t i = 0; i < f.section_cnt; i++) {
		char name[ELF_NAME_MAX];

		elf_file_section_name(&f, &f.sections[i], name);
		if (strcmp(name, ".eh_frame"))
			continue;
		*ret = f.sections[i];
		data = malloc(ret->size);
		CHECK(data && elf_file_read(&f, data, ret->size, ret->offset));
	}
	elf_file_close(&f);
	CHECK(data);
	return data;
}

TEST(fde_finds_the_start_of_a_function)
{
	struct elf_section s;
	_cleanup_free_ uint8_t *data = own_eh_frame(&s);
	struct found f = {};
	uint64_t base = 0;

	dl_iterate_phdr(find_base, &base);
	f.want = (uint64_t)(uintptr_t)fde_known_function - base + 3;
	CHECK_EQ(fde_each(data, s.size, s.addr, true, look, &f), 0);
	CHECK_EQ(f.start, f.want - 3);
	CHECK(f.end > f.want && f.end < f.start + 4096);
	CHECK(f.cnt > 10);
}

static int stop(void *ctx, uint64_t start, uint64_t end)
{
	return 42;
}

TEST(fde_stops_when_told)
{
	struct elf_section s;
	_cleanup_free_ uint8_t *data = own_eh_frame(&s);

	CHECK_EQ(fde_each(data, s.size, s.addr, true, stop, NULL), 42);
}

static int count(void *ctx, uint64_t start, uint64_t end)
{
	CHECK(start < end);
	++*(unsigned *)ctx;
	return 0;
}

/* Cut at every byte, and each byte changed: it ends, and gives no empty or backward range. */
TEST(fde_survives_damage)
{
	struct elf_section s;
	_cleanup_free_ uint8_t *data = own_eh_frame(&s), *copy = NULL;
	unsigned cnt = 0;

	for (size_t cut = 0; cut < s.size; cut++) {
		copy = realloc(copy, cut + 1); /* so that a sanitizer sees a read behind it */
		memcpy(copy, data, cut);
		fde_each(copy, cut, s.addr, true, count, &cnt);
	}
	copy = realloc(copy, s.size);
	for (size_t i = 0; i < s.size; i++) {
		memcpy(copy, data, s.size);
		copy[i] = (uint8_t)(copy[i] * 5 + 0x7f);
		fde_each(copy, s.size, s.addr, i & 1, count, &cnt);
	}
	CHECK(cnt);
}

TEST_MAIN()
