// SPDX-License-Identifier: BSD-2-Clause
#include "tests/test.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/auxv.h>

#include "formats/cleanup.h"
#include "record/elf_note.h"

/* A tiny ELF64: header, one executable PT_LOAD, one PT_NOTE with an 8-byte build-id behind a foreign note. */
struct tiny {
	Elf64_Ehdr h;
	Elf64_Phdr ph[2];
	uint32_t note1[3];
	char name1[4];
	uint32_t note2[3];
	char name2[4];
	uint8_t id[8];
};

static void make_tiny(struct tiny *t)
{
	memset(t, 0, sizeof(*t));
	memcpy(t->h.e_ident, ELFMAG, SELFMAG);
	t->h.e_ident[EI_CLASS] = ELFCLASS64;
	t->h.e_ident[EI_DATA] = ELFDATA2LSB;
	t->h.e_type = ET_DYN;
	t->h.e_machine = EM_X86_64;
	t->h.e_phoff = offsetof(struct tiny, ph);
	t->h.e_phentsize = sizeof(Elf64_Phdr);
	t->h.e_phnum = 2;
	t->ph[0] = (Elf64_Phdr){ .p_type = PT_LOAD, .p_flags = PF_R | PF_X, .p_offset = 0x1000, .p_vaddr = 0x401000, .p_filesz = 0x2345 };
	t->ph[1] = (Elf64_Phdr){ .p_type = PT_NOTE, .p_offset = offsetof(struct tiny, note1),
				 .p_filesz = sizeof(*t) - offsetof(struct tiny, note1) };
	t->note1[0] = 4; /* a name, no description */
	t->note1[2] = NT_GNU_ABI_TAG;
	memcpy(t->name1, "XYZ", 4);
	t->note2[0] = 4;
	t->note2[1] = 8;
	t->note2[2] = NT_GNU_BUILD_ID;
	memcpy(t->name2, "GNU", 4);
	memcpy(t->id, "\1\2\3\4\5\6\7\10", 8);
}

TEST(elf_ident_gives_segments_and_build_id)
{
	struct elf_ident id;
	struct tiny t;

	make_tiny(&t);
	CHECK_EQ(elf_ident_parse(&t, sizeof(t), &id, NULL), 0);
	CHECK(id.is_64);
	CHECK_EQ(id.machine, EM_X86_64);
	CHECK_EQ(id.seg_cnt, 1);
	CHECK_EQ(id.segs[0].offset, 0x1000);
	CHECK_EQ(id.segs[0].vaddr, 0x401000);
	CHECK_EQ(id.segs[0].filesz, 0x2345);
	CHECK_EQ(id.build_id_sz, 8);
	CHECK(!memcmp(id.build_id, t.id, 8));
}

TEST(elf_ident_refuses_what_is_cut_at_any_byte)
{
	struct elf_ident id;
	struct err err;
	struct tiny t;

	make_tiny(&t);
	for (size_t len = 0; len < sizeof(t); len++) {
		_cleanup_free_ char *copy = malloc(len + !len); /* exact, so that a sanitizer sees a step too far */
		int r;

		memcpy(copy, &t, len);
		r = elf_ident_parse(copy, len, &id, &err);
		if (len < 52)
			CHECK_EQ(r, -ENOEXEC);
		else if (len < offsetof(struct tiny, note1))
			CHECK_EQ(r, -EBADMSG);
		else
			CHECK(r == 0 && id.build_id_sz == 0);
	}
	CHECK_EQ(elf_ident_parse(&t, offsetof(struct tiny, note1) - 1, &id, &err), -EBADMSG);
	CHECK_HAS(err.text, "program headers: want 112 bytes");
}

TEST(elf_ident_survives_each_byte_set_to_anything)
{
	struct elf_ident id;
	struct tiny t;

	for (size_t i = 0; i < sizeof(t); i++) {
		for (int v = 0; v < 256; v++) {
			make_tiny(&t);
			((uint8_t *)&t)[i] = (uint8_t)v;
			(void)elf_ident_parse(&t, sizeof(t), &id, NULL); /* no crash is the claim */
		}
	}
}

TEST(elf_ident_refuses_other_files)
{
	const char script[64] = "#!/bin/sh\nexit 0\n";
	struct elf_ident id;
	struct err err;
	struct tiny t;

	CHECK_EQ(elf_ident_parse(script, sizeof(script), &id, &err), -ENOEXEC);
	make_tiny(&t);
	t.h.e_ident[EI_DATA] = ELFDATA2MSB;
	CHECK_EQ(elf_ident_parse(&t, sizeof(t), &id, &err), -ENOEXEC);
	make_tiny(&t);
	t.h.e_phentsize = 12;
	CHECK_EQ(elf_ident_parse(&t, sizeof(t), &id, &err), -EBADMSG);
	make_tiny(&t);
	t.h.e_phoff = UINT64_MAX - 8;
	CHECK_EQ(elf_ident_parse(&t, sizeof(t), &id, &err), -EBADMSG);
}

TEST(elf_ident_reads_this_very_program_from_its_file)
{
	_cleanup_close_ int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	struct elf_ident id;

	CHECK(fd >= 0);
	CHECK_EQ(elf_ident_read(fd, &id, NULL), 0);
	CHECK(id.seg_cnt >= 1);
	CHECK(id.build_id_sz == 0 || id.build_id_sz == 20);
}

TEST(elf_ident_reads_the_vdso_from_memory)
{
	const void *image = (const void *)getauxval(AT_SYSINFO_EHDR);
	struct elf_ident id;

	if (!image)
		SKIP("no vdso");
	CHECK_EQ(elf_ident_parse(image, 4096, &id, NULL), 0);
	CHECK(id.seg_cnt == 1 && id.build_id_sz > 0);
}

/* Go's linker: the build-id is in a section that no PT_NOTE covers. */
TEST(elf_ident_finds_a_build_id_that_only_a_section_has)
{
	struct {
		struct tiny t;
		Elf64_Shdr sh[2];
	} f = {};
	struct elf_ident id;

	make_tiny(&f.t);
	f.t.ph[1].p_filesz = sizeof(f.t.note1) + sizeof(f.t.name1);
	f.t.h.e_shoff = offsetof(__typeof__(f), sh);
	f.t.h.e_shentsize = sizeof(Elf64_Shdr);
	f.t.h.e_shnum = 2;
	f.sh[1] = (Elf64_Shdr){ .sh_type = SHT_NOTE, .sh_offset = offsetof(struct tiny, note2), .sh_size = sizeof(struct tiny) - offsetof(struct tiny, note2) };
	CHECK_EQ(elf_ident_parse(&f, sizeof(f), &id, NULL), 0);
	CHECK_EQ(id.build_id_sz, 8);
	for (size_t len = 0; len < sizeof(f); len++) {
		_cleanup_free_ char *copy = malloc(len + !len);

		memcpy(copy, &f, len);
		(void)elf_ident_parse(copy, len, &id, NULL);
	}
}

TEST_MAIN()
