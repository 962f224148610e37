// SPDX-License-Identifier: BSD-2-Clause
#include "record/split_units.h"

#include <elf.h>
#include <zlib.h>

#include "formats/bytes.h"
#include "formats/cleanup.h"
#include "tests/test.h"

/* A file of nothing but debug sections, built by hand. */
static struct buffer file;
static struct {
	char name[32];
	uint64_t off, sz, flags;
} sections[12];
static unsigned section_cnt;

static void put(const void *p, size_t n)
{
	CHECK_EQ(buffer_put(&file, p, n), 0);
}

static void begin(void)
{
	static const uint8_t header[64];

	buffer_deinit(&file);
	memset(&file, 0, sizeof(file));
	memset(sections, 0, sizeof(sections));
	section_cnt = 1;
	put(header, sizeof(header));
}

static void section(const char *name, const void *p, size_t n)
{
	strcpy(sections[section_cnt].name, name);
	sections[section_cnt].off = file.len;
	sections[section_cnt++].sz = n;
	put(p, n);
}

static void end(void)
{
	Elf64_Ehdr *h;
	char names[512] = "";
	size_t len = 1, names_off = file.len;
	uint64_t table;

	for (unsigned i = 1; i < section_cnt; i++)
		len += strlen(strcpy(names + len, sections[i].name)) + 1;
	put(names, len);
	while (file.len % 8)
		put("", 1);
	table = file.len;
	for (unsigned i = 0, at = 1; i <= section_cnt; i++) {
		Elf64_Shdr s = { .sh_type = i ? SHT_PROGBITS : SHT_NULL, .sh_offset = sections[i].off, .sh_size = sections[i].sz, .sh_flags = sections[i].flags };

		s.sh_name = i && i < section_cnt ? at : 0;
		at += i && i < section_cnt ? (unsigned)strlen(sections[i].name) + 1 : 0;
		if (i == section_cnt)
			s = (Elf64_Shdr){ .sh_type = SHT_STRTAB, .sh_offset = names_off, .sh_size = len };
		put(&s, sizeof(s));
	}
	h = (Elf64_Ehdr *)file.data;
	memcpy(h->e_ident, ELFMAG, SELFMAG);
	h->e_ident[EI_CLASS] = ELFCLASS64;
	h->e_ident[EI_DATA] = ELFDATA2LSB;
	h->e_ident[EI_VERSION] = EV_CURRENT;
	h->e_type = ET_EXEC;
	h->e_machine = EM_X86_64;
	h->e_version = EV_CURRENT;
	h->e_ehsize = sizeof(*h);
	h->e_shoff = table;
	h->e_shentsize = sizeof(Elf64_Shdr);
	h->e_shnum = (uint16_t)(section_cnt + 1);
	h->e_shstrndx = (uint16_t)section_cnt;
}

/* DWARF 5: a skeleton whose texts are indexes, standing before the base they count from; then a plain unit. */
static const uint8_t info5[] = {
	0x1f, 0, 0, 0, 5, 0, 4, 8, 0, 0, 0, 0, 0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11, /* length, version, skeleton, id */
	1, 0, 1, 8, 0, 0, 0, 0x7f, 2, 1, 2, 3, 4, 5, 6, /* code 1: dwo_name, comp_dir, base, udata, exprloc-less rest */
	0x09, 0, 0, 0, 5, 0, 1, 8, 0, 0, 0, 0, 0,
};
static const uint8_t abbrev5[] = {
	7, 0x11, 1, 0x03, 0x0e, 0, 0, /* another code first */
	1, 0x4a, 0, 0x76, 0x25, 0x1b, 0x25, 0x72, 0x17, 0x12, 0x0f, 0x13, 0x0b, 0x11, 0x01, 0, 0, 0,
};
static const uint8_t str_offsets5[] = { 12, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 6, 0, 0, 0 };
static const char str5[] = "a.dwo\0/build";

/* DWARF 4: everything in attributes. */
static const uint8_t info4[] = {
	0x18, 0, 0, 0, 4, 0, 0, 0, 0, 0, 8, 1, 0, 0, 0, 0, 6, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8,
};
static const uint8_t abbrev4[] = { 1, 0x11, 0, 0xb0, 0x42, 0x0e, 0x1b, 0x0e, 0xb1, 0x42, 0x07, 0, 0, 0 };

static void make5(const char *suffix)
{
	char name[40];

	begin();
#define SECTION(n, bytes, sz) (snprintf(name, sizeof(name), ".debug_%s%s", n, suffix), section(name, bytes, sz))
	SECTION("info", info5, sizeof(info5));
	SECTION("abbrev", abbrev5, sizeof(abbrev5));
	SECTION("str_offsets", str_offsets5, sizeof(str_offsets5));
	SECTION("str", str5, sizeof(str5));
	end();
}

static void make4(const char *suffix)
{
	char name[40];

	begin();
	SECTION("info", info4, sizeof(info4));
	SECTION("abbrev", abbrev4, sizeof(abbrev4));
	SECTION("str", str5, sizeof(str5));
	end();
}

static char seen[256];

static int note(void *ctx, const struct split_unit *u)
{
	size_t n = strlen(seen);

	CHECK(*u->name && strlen(u->name) < SPLIT_PATH_MAX && strlen(u->dir) < SPLIT_PATH_MAX);
	snprintf(seen + n, sizeof(seen) - n, "%llx %.60s %.60s;", (long long)u->id, u->name, u->dir);
	return *(int *)ctx;
}

static int walk(int ret)
{
	const struct elf_source src = { .fd = -1, .data = file.data, .len = file.len };
	struct elf_file f;
	int r;

	seen[0] = '\0';
	if (elf_file_open(&src, &f))
		return -ENOEXEC;
	r = split_units_each(&f, note, &ret);
	elf_file_close(&f);
	return r;
}

static bool has(uint64_t id)
{
	const struct elf_source src = { .fd = -1, .data = file.data, .len = file.len };
	struct elf_file f;
	bool r;

	if (elf_file_open(&src, &f))
		return false;
	r = split_units_has(&f, id);
	elf_file_close(&f);
	return r;
}

TEST(split_units_of_dwarf_5_have_their_id_in_the_header)
{
	make5("");
	CHECK_EQ(walk(0), 0);
	CHECK_STR(seen, "1122334455667788 a.dwo /build;");
	CHECK_EQ(walk(7), 7);
}

TEST(split_units_of_dwarf_4_have_it_in_an_attribute)
{
	make4("");
	CHECK_EQ(walk(0), 0);
	CHECK_STR(seen, "807060504030201 a.dwo /build;");
}

TEST(split_units_of_a_dwo_file_are_told_by_id)
{
	make4(".dwo");
	CHECK(has(0x807060504030201));
	CHECK(!has(0x807060504030202));
	CHECK_EQ(walk(0), 0);
	CHECK_STR(seen, ""); /* it has no skeletons itself */
	make5(".dwo");
	file.data[sections[1].off + 6] = 5; /* split, not skeleton */
	CHECK(has(0x1122334455667788));
	CHECK(!has(0));
}

TEST(split_units_are_found_in_compressed_sections)
{
	uint8_t packed[256] = { 0 }, gnu[256] = "ZLIB";
	uLongf len = sizeof(packed) - sizeof(Elf64_Chdr);
	Elf64_Chdr h = { .ch_type = ELFCOMPRESS_ZLIB, .ch_size = sizeof(info4), .ch_addralign = 1 };

	memcpy(packed, &h, sizeof(h));
	CHECK_EQ(compress(packed + sizeof(h), &len, info4, sizeof(info4)), Z_OK);
	begin();
	section(".debug_info", packed, sizeof(h) + len);
	sections[1].flags = SHF_COMPRESSED;
	len = sizeof(gnu) - 12;
	CHECK_EQ(compress(gnu + 12, &len, abbrev4, sizeof(abbrev4)), Z_OK);
	gnu[11] = sizeof(abbrev4);
	section(".zdebug_abbrev", gnu, 12 + len);
	section(".debug_str", str5, sizeof(str5));
	end();
	CHECK_EQ(walk(0), 0);
	CHECK_STR(seen, "807060504030201 a.dwo /build;");
	file.data[sections[1].off + 8]++; /* it unpacks to other than it says */
	CHECK_EQ(walk(0), 0);
	CHECK_STR(seen, "");
}

/* Whatever single byte is wrong, and wherever the file ends. */
TEST(split_units_survive_damage)
{
	static const uint8_t odd[] = { 0, 1, 0x7f, 0x80, 0xff };

	for (int v = 4; v <= 5; v++) {
		v == 4 ? make4("") : make5("");
		for (size_t i = sizeof(Elf64_Ehdr); i < file.len; i++) {
			uint8_t was = file.data[i];

			for (size_t k = 0; k < sizeof(odd); k++) {
				file.data[i] = odd[k];
				CHECK(walk(0) <= 0);
			}
			file.data[i] = was;
		}
		for (size_t len = file.len; len--;) {
			file.len = len;
			CHECK(walk(0) <= 0);
		}
	}
}

static const char *candidate(const char *path, const char *name, const char *dir, unsigned n)
{
	static char text[128];
	_cleanup_free_ char *got = split_units_candidate(path, &(struct split_unit){ 1, name, dir }, n);

	snprintf(text, sizeof(text), "%s", got ?: "none");
	return text;
}

TEST(split_units_candidates_are_where_it_was_made_and_beside_the_program)
{
	CHECK_STR(candidate("/usr/bin/x", "sub/a.dwo", "/build", 0), "/build/sub/a.dwo");
	CHECK_STR(candidate("/usr/bin/x", "/abs/a.dwo", "/build", 0), "/abs/a.dwo");
	CHECK_STR(candidate("/usr/bin/x", "sub/a.dwo", "/build", 1), "/usr/bin/a.dwo");
	CHECK_STR(candidate("x", "a.dwo", "", 1), "none");
	CHECK_STR(candidate("/usr/bin/x", "a.dwo", "/b", 2), "none");
}

TEST_MAIN()
