// SPDX-License-Identifier: BSD-2-Clause
#include "tests/test.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "formats/bundle.h"
#include "formats/bundle_wire.h"
#include "formats/bytes.h"
#include "formats/cleanup.h"
#include "formats/elf_file.h"

#define MIB (1 << 20)

static const struct bundle_key keys[] = {
	{ .role = BUNDLE_IMAGE, .id = { 0xab, 1, 2, 3, 0xff }, .id_sz = 5 },
	{ .role = BUNDLE_DEBUG, .id = { 0xab, 1, 2, 3, 0xff }, .id_sz = 5 },
	{ .role = BUNDLE_DWP, .id = { 0xab, 1 }, .id_sz = 2 },
	{ .role = BUNDLE_IMAGE, .id = { 9, 8, 7 }, .id_sz = 3, .is_content_id = true },
	{ .role = BUNDLE_DWO, .dwo_id = 0x123456789abcdef0 },
	{ .role = BUNDLE_MAP, .pid = 4242, .start_ts = 123456789012345 },
};

static char path[64];

static void temp_path(void)
{
	snprintf(path, sizeof(path), "/tmp/varve-test-bundle.%d", getpid());
	unlink(path);
}

/* Bytes that do not compress. */
static void fill(uint8_t *p, size_t size)
{
	uint32_t x = 1;

	for (size_t i = 0; i < size; i++) {
		x = x * 1664525 + 1013904223;
		p[i] = (uint8_t)(x >> 24);
	}
}

/* A file of `size` bytes in memory under each key; returns its bytes. */
static uint8_t *write_bundle(size_t size)
{
	uint8_t *data = malloc(size);
	struct elf_source src = { .fd = -1, .data = data, .len = size };
	struct bundle_writer *w;
	struct err err = {};

	temp_path();
	fill(data, size);
	CHECK_EQ(bundle_writer_create(path, false, &w, &err), 0);
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		CHECK(!bundle_writer_has(w, &keys[i]));
		CHECK_EQ(bundle_writer_begin(w, &keys[i], &err), 0);
		CHECK_EQ(bundle_pack(&src, size, false, "/usr/lib/x.so", bundle_writer_append, w), 0);
		CHECK_EQ(bundle_writer_end(w, true, &err), 0);
		CHECK(bundle_writer_has(w, &keys[i]));
	}
	/* one that comes to nothing leaves no trace */
	CHECK_EQ(bundle_writer_begin(w, &keys[0], &err), 0);
	CHECK_EQ(bundle_pack(&src, size, false, "gone", bundle_writer_append, w), 0);
	CHECK_EQ(bundle_writer_end(w, false, &err), 0);
	CHECK_EQ(bundle_writer_close(w, true, &err), 0);
	return data;
}

static int slurp(uint8_t **ret, size_t *ret_sz)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;

	CHECK(fd >= 0 && !fstat(fd, &st));
	*ret_sz = (size_t)st.st_size;
	*ret = malloc(*ret_sz);
	CHECK_EQ(read(fd, *ret, *ret_sz), st.st_size);
	close(fd);
	return 0;
}

TEST(bundle_keys_are_names_and_back)
{
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		char name[BUNDLE_NAME_SZ];
		struct bundle_key k;

		bundle_key_name(&keys[i], name);
		CHECK(bundle_key_parse(name, &k));
		CHECK_EQ(k.role, keys[i].role);
		CHECK_EQ(k.id_sz, keys[i].id_sz);
		CHECK(!memcmp(k.id, keys[i].id, sizeof(k.id)));
		CHECK_EQ(k.is_content_id, keys[i].is_content_id);
		CHECK_EQ(k.dwo_id, keys[i].dwo_id);
		CHECK_EQ(k.pid, keys[i].pid);
		CHECK_EQ(k.start_ts, keys[i].start_ts);
	}
}

TEST(bundle_names_of_others_are_refused)
{
	static const char *const names[] = {
		"", ".build-id/", ".build-id/a/b.zst", ".build-id/ab/.zst", ".build-id/ab/cd", ".build-id/ab/cd.core.zst",
		".build-id/AB/cd.zst", ".build-id/ab/../cd.zst", "../.build-id/ab/cd.zst", "/etc/passwd", "dwo/12.dwo.zst",
		"dwo/0000000000000012.dwo.zst/x", "perf-maps/1-.map.zst", "perf-maps/01-2.map.zst", "perf-maps/-1-2.map.zst",
		"content/ab/cd.zst.zst",
		".build-id/ab/000000000000000000000000000000000000000000000000000000000000000000000000.zst",
	};
	struct bundle_key k;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (bundle_key_parse(names[i], &k)) {
			printf("# taken: %s\n", names[i]);
			CHECK(!"refused");
		}
}

TEST(bundle_round_trip)
{
	_cleanup_free_ uint8_t *data = write_bundle(3 * MIB + 17);
	struct bundle *b;
	struct err err = {};

	CHECK(bundle_is(path));
	CHECK_EQ(bundle_open(path, &b, &err), 0);
	CHECK_EQ(bundle_count(b), ARRAY_SIZE(keys));
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		const struct bundle_member *m = bundle_find(b, &keys[i]);
		void *back;

		CHECK(m);
		CHECK_STR(m->path, "/usr/lib/x.so");
		CHECK_EQ(m->raw_sz, 3 * MIB + 17);
		CHECK_EQ(bundle_unpack(b, m, &back, &err), 0);
		CHECK(!memcmp(back, data, 3 * MIB + 17));
		munmap(back, m->raw_sz);
	}
	bundle_close(b);
	unlink(path);
}

TEST(bundle_refuses_what_exists_and_is_private)
{
	_cleanup_free_ uint8_t *data = write_bundle(100);
	struct bundle_writer *w;
	struct err err = {};
	struct stat st;

	CHECK_EQ(stat(path, &st), 0);
	CHECK_EQ(st.st_mode & 0777, 0600);
	CHECK_EQ(bundle_writer_create(path, false, &w, &err), -EEXIST);
	CHECK_HAS(err.text, "exists");
	unlink(path);
}

/* Cut anywhere: what is whole stays readable, nothing wrong comes out. */
TEST(bundle_cut_short_gives_what_it_has)
{
	_cleanup_free_ uint8_t *data = write_bundle(1500), *file = NULL;
	size_t sz;

	slurp(&file, &sz);
	for (size_t lost = 1; lost <= sz; lost += TEST_STEP) {
		size_t cut = sz - lost;
		struct bundle *b;

		CHECK_EQ(truncate(path, (off_t)cut), 0);
		if (bundle_open(path, &b, NULL)) {
			CHECK(cut < BUNDLE_BLOCK_SZ);
			continue;
		}
		for (uint32_t i = 0; i < bundle_count(b); i++) {
			void *back;

			CHECK_EQ(bundle_unpack(b, bundle_at(b, i), &back, NULL), 0);
			CHECK(!memcmp(back, data, 1500));
			munmap(back, 1500);
		}
		bundle_close(b);
	}
	unlink(path);
}

/* A flipped bit is found (headers by their sum, contents by zstd's), or was in a path or a name's case. */
TEST(bundle_flipped_bits_give_no_wrong_bytes)
{
	_cleanup_free_ uint8_t *data = write_bundle(1500), *file = NULL;
	size_t sz;

	slurp(&file, &sz);
	for (size_t bit = 0; bit < sz * 8; bit += 41 * TEST_STEP) {
		struct bundle *b;
		int fd = open(path, O_WRONLY | O_CLOEXEC);
		uint8_t flipped = (uint8_t)(file[bit / 8] ^ 1 << bit % 8);

		CHECK_EQ(pwrite(fd, &flipped, 1, (off_t)(bit / 8)), 1);
		if (!bundle_open(path, &b, NULL)) {
			for (uint32_t i = 0; i < bundle_count(b); i++) {
				void *back;

				if (bundle_unpack(b, bundle_at(b, i), &back, NULL))
					continue;
				CHECK(!memcmp(back, data, bundle_at(b, i)->raw_sz < 1500 ? bundle_at(b, i)->raw_sz : 1500));
				CHECK_EQ(bundle_at(b, i)->raw_sz, 1500);
				munmap(back, 1500);
			}
			bundle_close(b);
		}
		CHECK_EQ(pwrite(fd, &file[bit / 8], 1, (off_t)(bit / 8)), 1);
		close(fd);
	}
	unlink(path);
}

static uint64_t resident_bytes(void)
{
	unsigned long pages = 0, rss = 0;
	FILE *f = fopen("/proc/self/statm", "re");

	CHECK(f && fscanf(f, "%lu %lu", &pages, &rss) == 2);
	fclose(f);
	return rss * 4096;
}

/* 1 GiB of zeros is a legal hole and costs nothing; 1 GiB of anything else from a few KiB is refused early. */
TEST(bundle_bomb_is_refused_and_holes_are_free)
{
	enum { SIZE = 1 << 30 };
	uint8_t *big = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	int fd = memfd_create("holes", MFD_CLOEXEC);
	struct elf_source src = { .fd = fd };
	struct bundle_writer *w;
	struct bundle *b;
	struct err err = {};
	uint64_t before;
	void *back;

	CHECK(big != MAP_FAILED);
	CHECK_EQ(ftruncate(fd, SIZE), 0);
	temp_path();
	CHECK_EQ(bundle_writer_create(path, false, &w, &err), 0);
	CHECK_EQ(bundle_writer_begin(w, &keys[0], &err), 0);
	CHECK_EQ(bundle_pack(&src, SIZE, false, "hole", bundle_writer_append, w), 0);
	CHECK_EQ(bundle_writer_end(w, true, &err), 0);
	memset(big, 'A', SIZE / 8);
	CHECK_EQ(bundle_writer_begin(w, &keys[1], &err), 0);
	CHECK_EQ(bundle_pack(&(struct elf_source){ .fd = -1, .data = big, .len = SIZE }, SIZE / 8, false, "bomb", bundle_writer_append, w), 0);
	CHECK_EQ(bundle_writer_end(w, true, &err), 0);
	CHECK(bundle_writer_bytes(w) < MIB);
	CHECK_EQ(bundle_writer_close(w, true, &err), 0);
	munmap(big, SIZE);
	close(fd);

	CHECK_EQ(bundle_open(path, &b, &err), 0);
	before = resident_bytes();
	CHECK_EQ(bundle_unpack(b, bundle_find(b, &keys[0]), &back, &err), 0);
	CHECK(resident_bytes() < before + 16 * MIB);
	munmap(back, SIZE);
	CHECK_EQ(bundle_unpack(b, bundle_find(b, &keys[1]), &back, &err), -EBADMSG);
	CHECK_HAS(err.text, "'bomb' is damaged");
	bundle_close(b);
	unlink(path);
}

static int append(void *ctx, const void *data, size_t len)
{
	return buffer_put(ctx, data, len);
}

/* Of this program: sections for names stay byte for byte, code and data are zeros. */
TEST(bundle_pack_keeps_what_names_need_of_an_elf_file)
{
	_cleanup_close_ int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	struct elf_source src = { .fd = fd };
	struct bundle_writer *w;
	struct bundle *b;
	struct elf_file f;
	struct stat st;
	void *back;
	uint32_t kept = 0, zeroed = 0;

	CHECK_EQ(fstat(fd, &st), 0);
	temp_path();
	CHECK_EQ(bundle_writer_create(path, false, &w, NULL), 0);
	CHECK_EQ(bundle_writer_begin(w, &keys[0], NULL), 0);
	CHECK_EQ(bundle_pack(&src, (uint64_t)st.st_size, true, "/x", bundle_writer_append, w), 0);
	CHECK_EQ(bundle_writer_end(w, true, NULL), 0);
	CHECK_EQ(bundle_writer_close(w, true, NULL), 0);
	CHECK_EQ(bundle_open(path, &b, NULL), 0);
	CHECK_EQ(bundle_unpack(b, bundle_at(b, 0), &back, NULL), 0);
	CHECK_EQ(elf_file_open(&src, &f), 0);
	for (uint32_t i = 0; i < f.section_cnt; i++) {
		const struct elf_section *s = &f.sections[i];
		_cleanup_free_ uint8_t *want = malloc(s->size + 1);
		char name[ELF_NAME_MAX];

		elf_file_section_name(&f, s, name);
		if (s->type == SHT_NOBITS || !s->size)
			continue;
		CHECK(elf_file_read(&f, want, s->size, s->offset));
		if (!strcmp(name, ".text") || !strcmp(name, ".rodata")) {
			CHECK(memcmp(want, (uint8_t *)back + s->offset, s->size));
			zeroed++;
		} else if (!strcmp(name, ".symtab") || !strcmp(name, ".strtab") || !strcmp(name, ".dynsym") || !strcmp(name, ".debug_info") ||
			   !strcmp(name, ".debug_line") || !strcmp(name, ".eh_frame") || !strcmp(name, ".shstrtab") ||
			   !strncmp(name, ".note", 5) || !strcmp(name, ".plt")) {
			CHECK(!memcmp(want, (uint8_t *)back + s->offset, s->size));
			kept++;
		}
	}
	CHECK_EQ(zeroed, 2);
	CHECK(kept >= 8);
	elf_file_close(&f);
	munmap(back, (size_t)st.st_size);
	bundle_close(b);
	unlink(path);
}

TEST(bundle_pack_of_nonsense_is_whole_and_ends)
{
	uint8_t junk[4096];
	struct buffer out = {};

	fill(junk, sizeof(junk));
	memcpy(junk, ELFMAG "\2\1\1", 7); /* an ELF header and then anything */
	CHECK_EQ(bundle_pack(&(struct elf_source){ .fd = -1, .data = junk, .len = sizeof(junk) }, sizeof(junk), true, "/x", append, &out), 0);
	CHECK(out.len > sizeof(junk) / 2);
	buffer_deinit(&out);
}

TEST(bundle_is_no_recording_directory_or_fifo)
{
	struct bundle *b;
	struct err err = {};

	CHECK(!bundle_is("/dev/null"));
	CHECK_EQ(bundle_open("/dev/null", &b, &err), -EBADMSG);
	CHECK_EQ(bundle_open("/proc/self/exe", &b, &err), -EBADMSG);
	CHECK_HAS(err.text, "is not a bundle");
	CHECK_EQ(bundle_open("/nonexistent", &b, &err), -ENOENT);
	temp_path();
	CHECK_EQ(mkfifo(path, 0600), 0);
	CHECK_EQ(bundle_open(path, &b, &err), -EBADMSG);
	unlink(path);
}

TEST_MAIN()
