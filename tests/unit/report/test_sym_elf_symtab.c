// SPDX-License-Identifier: BSD-2-Clause
/* From a file with a .symtab to names: those that stay in its string table, and those that are copied out of it. */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "report/sym_builder.h"
#include "report/sym_cache.h"
#include "report/sym_module.h"
#include "tests/test.h"

#define TEXT 0x401000
#define FUNC_CNT 2000
#define NAME_SZ 48

static const unsigned char note[] = {4, 0, 0, 0, 20, 0, 0, 0, 3, 0, 0, 0, 'G', 'N', 'U', 0,
				     9, 8, 7, 6, 5,  4, 3, 2, 1, 9, 8, 7, 6,   5,   4,   3, 2, 1, 0, 1};
static const char section_names[] = "\0.text\0.symtab\0.strtab\0.note\0.shstrtab";

enum { SEC_TEXT = 1, SEC_SYMTAB, SEC_STRTAB, SEC_NOTE, SEC_NAMES, SEC_CNT };

static char path[] = "/tmp/varve-test-symtab.XXXXXX";
static struct module module = {.kind = MODULE_ELF, .build_id_sz = 20, .path = path};

/* The name of function i, or of its alias, which is the worse one. The result is good until the next call. */
static const char *name_of(int i, bool is_alias)
{
	static char text[NAME_SZ];

	snprintf(text, sizeof(text), "%sfunction_%036d", is_alias ? "_" : "", i);
	return text;
}

struct file {
	Elf64_Ehdr eh;
	Elf64_Shdr sh[SEC_CNT];
	Elf64_Sym syms[1 + 2 * FUNC_CNT];
	unsigned char note[sizeof(note)];
	char names[sizeof(section_names)];
	char strs[1 + 2 * FUNC_CNT * NAME_SZ + 100000];
};

static struct file f;

static void put_section(int i, uint32_t name, uint32_t type, size_t off, size_t sz)
{
	f.sh[i] = (Elf64_Shdr){.sh_name = name, .sh_type = type, .sh_offset = off, .sh_size = sz, .sh_addralign = 1};
}

/* Functions of 16 bytes. long_sz: bytes of the last one's name, 0 like the others. */
static void write_file(size_t long_sz)
{
	size_t at = 1;
	int fd;

	memset(&f, 0, sizeof(f));
	f.eh = (Elf64_Ehdr){.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT}, .e_type = ET_EXEC,
			    .e_machine = EM_X86_64, .e_version = EV_CURRENT, .e_shoff = offsetof(struct file, sh),
			    .e_ehsize = sizeof(f.eh), .e_shentsize = sizeof(Elf64_Shdr), .e_shnum = SEC_CNT,
			    .e_shstrndx = SEC_NAMES};
	for (int i = 0; i < 2 * FUNC_CNT; i++) {
		Elf64_Sym *s = &f.syms[1 + i];

		*s = (Elf64_Sym){.st_name = (uint32_t)at, .st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC),
				 .st_shndx = SEC_TEXT, .st_value = TEXT + 16 * (unsigned)(i / 2), .st_size = 16};
		at += (size_t)sprintf(f.strs + at, "%s", name_of(i / 2, i % 2 == 0)) + 1;
	}
	if (long_sz) {
		f.syms[2 * FUNC_CNT].st_name = (uint32_t)at;
		memset(f.strs + at, 'x', long_sz);
		at += long_sz + 1;
	}
	memcpy(f.note, note, sizeof(note));
	memcpy(f.names, section_names, sizeof(section_names));
	put_section(SEC_TEXT, 1, SHT_NOBITS, 0, 16 * FUNC_CNT);
	f.sh[SEC_TEXT].sh_addr = TEXT;
	f.sh[SEC_TEXT].sh_flags = SHF_ALLOC | SHF_EXECINSTR;
	put_section(SEC_SYMTAB, 7, SHT_SYMTAB, offsetof(struct file, syms), sizeof(f.syms));
	f.sh[SEC_SYMTAB].sh_link = SEC_STRTAB;
	f.sh[SEC_SYMTAB].sh_entsize = sizeof(Elf64_Sym);
	f.sh[SEC_SYMTAB].sh_info = 1;
	f.sh[SEC_SYMTAB].sh_addralign = 8;
	put_section(SEC_STRTAB, 15, SHT_STRTAB, offsetof(struct file, strs), at);
	put_section(SEC_NOTE, 23, SHT_NOTE, offsetof(struct file, note), sizeof(note));
	f.sh[SEC_NOTE].sh_addralign = 4;
	put_section(SEC_NAMES, 29, SHT_STRTAB, offsetof(struct file, names), sizeof(section_names));
	memcpy(module.build_id, note + 16, 20);
	fd = open(path, O_WRONLY | O_TRUNC);
	CHECK(fd >= 0 && write(fd, &f, sizeof(f)) == sizeof(f) && !close(fd));
}

static int build(void)
{
	struct symbolizer_options o = {.no_workers = true};
	int fd = memfd_create("index", MFD_CLOEXEC);

	CHECK(fd >= 0);
	CHECK_EQ(sym_module_build_fd(&o, &module, NULL, fd), 0);
	return fd;
}

/* What build() gives, without its fd. */
static struct sym_index read_index(void)
{
	struct sym_index x = {0};
	int fd = build();

	CHECK_EQ(sym_index_read(&x, fd, NULL), 0);
	close(fd);
	return x;
}

static void check_names(struct sym_index *x, int cnt)
{
	struct sym_hit hits[SYM_CHAIN_MAX];

	CHECK_EQ(x->h->symbol_cnt, FUNC_CNT);
	for (int i = 0; i < cnt; i++) {
		CHECK_EQ(sym_index_lookup(x, TEXT + 16 * (unsigned)i + 5, hits), 1);
		CHECK_STR(hits[0].name, name_of(i, false));
	}
}

static void begin(size_t long_sz)
{
	int fd;

	memset(path + sizeof(path) - 7, 'X', 6);
	fd = mkstemp(path);
	CHECK(fd >= 0 && !close(fd));
	write_file(long_sz);
}

TEST(sym_elf_symtab_leaves_names_in_a_large_string_table)
{
	struct sym_index x;

	begin(0);
	x = read_index();
	CHECK_EQ(x.h->table_sz, f.sh[SEC_STRTAB].sh_size);
	CHECK(x.h->total_sz < x.h->table_sz); /* which the names are not in */
	check_names(&x, FUNC_CNT);
	sym_index_deinit(&x);
	CHECK(!unlink(path));
}

TEST(sym_elf_symtab_copies_names_when_one_must_be_cut)
{
	struct sym_hit hits[SYM_CHAIN_MAX];
	struct sym_index x;

	for (size_t sz = SYM_NAME_MAX - 1; sz < SYM_NAME_MAX + 3; sz++) {
		bool is_long = sz >= SYM_NAME_MAX;

		begin(sz);
		x = read_index();
		CHECK_EQ(x.h->table_sz != 0, !is_long);
		check_names(&x, FUNC_CNT - 1);
		CHECK_EQ(sym_index_lookup(&x, TEXT + 16 * (FUNC_CNT - 1), hits), 1);
		CHECK_EQ(hits[0].name[0], 'x');
		CHECK_EQ(strlen(hits[0].name), is_long ? SYM_NAME_MAX : sz);
		sym_index_deinit(&x);
		CHECK(!unlink(path));
	}
}

TEST(sym_elf_symtab_copies_names_out_of_a_table_that_is_mostly_a_hole)
{
	size_t most = (1 + 2 * FUNC_CNT) * 1024;

	for (size_t sz = most; sz <= most + 1024; sz += 1024) {
		struct sym_index x;
		int fd;

		begin(0);
		f.sh[SEC_STRTAB].sh_size = sz;
		fd = open(path, O_WRONLY);
		CHECK(fd >= 0 && pwrite(fd, &f, sizeof(f), 0) == sizeof(f) && !ftruncate(fd, (off_t)(sizeof(f) + sz)));
		CHECK(!close(fd));
		x = read_index();
		CHECK_EQ(x.h->table_sz, sz == most ? sz : 0);
		check_names(&x, FUNC_CNT);
		sym_index_deinit(&x);
		CHECK(!unlink(path));
	}
}

TEST(sym_elf_symtab_names_are_those_of_an_index_that_has_its_own)
{
	struct symbolizer_options o = {.no_workers = true};
	struct sym_index x;
	void *data;
	size_t sz;

	begin(0);
	CHECK_EQ(sym_module_build(&o, &module, NULL, &data, &sz), 0);
	CHECK_EQ(sym_index_parse(&x, data, sz, NULL), 0);
	CHECK_EQ(x.h->table_sz, 0);
	check_names(&x, FUNC_CNT);
	sym_index_deinit(&x);
	CHECK(!unlink(path));
}

TEST(sym_index_read_refuses_a_string_table_that_is_not_what_it_was)
{
	struct timespec other[2] = {{1, 2}, {3, 4}};
	struct sym_index x = {0};
	struct err err;
	int fd;

	begin(0);
	fd = build();
	CHECK(!truncate(path, sizeof(f) - 1));
	CHECK_EQ(sym_index_read(&x, fd, &err), -ESTALE);
	CHECK_HAS(err.text, "is not what it was");
	CHECK(!truncate(path, sizeof(f)) && !utimensat(AT_FDCWD, path, other, 0));
	CHECK_EQ(sym_index_read(&x, fd, &err), -ESTALE);
	CHECK(!unlink(path) && !mkfifo(path, 0600)); /* nor does it wait for a writer */
	CHECK_EQ(sym_index_read(&x, fd, &err), -ESTALE);
	CHECK(!unlink(path));
	CHECK_EQ(sym_index_read(&x, fd, &err), -ENOENT);
	CHECK_HAS(err.text, path);
	CHECK(!x.data);
	close(fd);
}

TEST(sym_cache_keeps_an_index_with_a_string_table)
{
	char cache[64];
	struct sym_index x, y;

	begin(0);
	snprintf(cache, sizeof(cache), "%s.symbols", path);
	x = read_index();
	CHECK_EQ(sym_cache_store(cache, &x, NULL), 0);
	CHECK_EQ(sym_cache_load(cache, &y, NULL), 0);
	check_names(&y, FUNC_CNT);
	sym_index_deinit(&y);
	CHECK(!truncate(path, 100));
	CHECK_EQ(sym_cache_load(cache, &y, NULL), -ESTALE);
	sym_index_deinit(&x);
	CHECK(!unlink(path) && !unlink(cache));
}

TEST(sym_index_with_a_string_table_survives_any_damage)
{
	struct sym_hit hits[SYM_CHAIN_MAX];
	struct sym_index x, y;
	unsigned seed = 1;
	int fd;

	begin(0);
	x = read_index();
	fd = memfd_create("damaged", MFD_CLOEXEC);
	CHECK(fd >= 0);
	for (int round = 0; round < 3000; round++) {
		CHECK_EQ(pwrite(fd, x.data, x.h->total_sz, 0), (ssize_t)x.h->total_sz);
		for (int i = 0; i < 2; i++) {
			unsigned char byte;

			seed = seed * 1103515245 + 12345;
			byte = (unsigned char)(seed >> 3);
			CHECK_EQ(pwrite(fd, &byte, 1, 16 + (seed >> 8) % (i ? x.h->total_sz - 16 : sizeof(*x.h) - 16)), 1);
		}
		if (sym_index_read(&y, fd, NULL))
			continue;
		for (uint64_t a = TEXT - 4; a < TEXT + 0x240; a += 7)
			for (size_t n = sym_index_lookup(&y, a, hits); n-- > 0;)
				CHECK(!hits[n].name || strlen(hits[n].name) < y.strs_end);
		sym_index_deinit(&y);
	}
	close(fd);
	sym_index_deinit(&x);
	CHECK(!unlink(path));
}

TEST_MAIN()
