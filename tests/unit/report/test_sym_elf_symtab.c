// SPDX-License-Identifier: BSD-2-Clause
/* From a file's symbol tables to the names of the places that are asked for: no others are looked at, and yet these are right. */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "report/sym_builder.h"
#include "report/sym_module.h"
#include "tests/test.h"

#define TEXT 0x401000
#define TEXT_SZ 0x800
#define MORE 0x402000 /* a second section with code */
#define MORE_SZ 0x100
#define SYM_CNT 64 /* of each table, at most */
#define STRS_SZ (200 * 1024)

static const unsigned char note[] = {4, 0, 0, 0, 20, 0, 0, 0, 3, 0, 0, 0, 'G', 'N', 'U', 0,
				     9, 8, 7, 6, 5,  4, 3, 2, 1, 9, 8, 7, 6,   5,   4,   3, 2, 1, 0, 1};
static const char section_names[] = "\0.text\0.more\0.symtab\0.dynsym\0.strtab\0.note\0.shstrtab";

enum { SEC_TEXT = 1, SEC_MORE, SEC_SYMTAB, SEC_DYNSYM, SEC_STRTAB, SEC_NOTE, SEC_NAMES, SEC_CNT };

static char path[] = "/tmp/varve-test-symtab.XXXXXX";
static struct module_segment segment = {0, TEXT, MORE + MORE_SZ - TEXT};
static struct module module = {.kind = MODULE_ELF, .build_id_sz = 20, .path = path, .segs = &segment, .seg_cnt = 1};

static struct file {
	Elf64_Ehdr eh;
	Elf64_Shdr sh[SEC_CNT];
	Elf64_Sym tables[2][1 + SYM_CNT]; /* .symtab, .dynsym */
	unsigned char note[sizeof(note)];
	char names[sizeof(section_names)];
	char strs[STRS_SZ];
} f;
static size_t cnt[2], strs_sz;

static void put_section(int i, const char *name, uint32_t type, size_t off, size_t sz)
{
	f.sh[i] = (Elf64_Shdr){.sh_type = type, .sh_offset = off, .sh_size = sz, .sh_addralign = 8};
	f.sh[i].sh_name = (uint32_t)((const char *)memmem(section_names, sizeof(section_names), name, strlen(name) + 1) - section_names);
}

static void put_code(int i, const char *name, uint64_t addr, uint64_t sz)
{
	put_section(i, name, SHT_NOBITS, 0, sz);
	f.sh[i].sh_addr = addr;
	f.sh[i].sh_flags = SHF_ALLOC | SHF_EXECINSTR;
}

static void put_table(int i, const char *name, uint32_t type, int table)
{
	put_section(i, name, type, offsetof(struct file, tables) + (size_t)table * sizeof(f.tables[0]), (1 + cnt[table]) * sizeof(Elf64_Sym));
	f.sh[i].sh_link = SEC_STRTAB;
	f.sh[i].sh_entsize = sizeof(Elf64_Sym);
}

static void begin(void)
{
	memset(&f, 0, sizeof(f));
	cnt[0] = cnt[1] = 0;
	strs_sz = 1;
}

static void add(int table, uint64_t addr, uint64_t size, unsigned type, unsigned bind, const char *name)
{
	Elf64_Sym *s = &f.tables[table][1 + cnt[table]++];

	CHECK(cnt[table] <= SYM_CNT && strs_sz + strlen(name) < STRS_SZ);
	*s = (Elf64_Sym){.st_name = (uint32_t)strs_sz, .st_info = (unsigned char)ELF64_ST_INFO(bind, type),
			 .st_shndx = addr < MORE ? SEC_TEXT : SEC_MORE, .st_value = addr, .st_size = size};
	strcpy(f.strs + strs_sz, name);
	strs_sz += strlen(name) + 1;
}

static void write_file(void)
{
	int fd;

	f.eh = (Elf64_Ehdr){.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT}, .e_type = ET_EXEC,
			    .e_machine = EM_X86_64, .e_version = EV_CURRENT, .e_shoff = offsetof(struct file, sh),
			    .e_ehsize = sizeof(f.eh), .e_shentsize = sizeof(Elf64_Shdr), .e_shnum = SEC_CNT,
			    .e_shstrndx = SEC_NAMES};
	memcpy(f.note, note, sizeof(note));
	memcpy(f.names, section_names, sizeof(section_names));
	put_code(SEC_TEXT, ".text", TEXT, TEXT_SZ);
	put_code(SEC_MORE, ".more", MORE, MORE_SZ);
	put_table(SEC_SYMTAB, ".symtab", SHT_SYMTAB, 0);
	put_table(SEC_DYNSYM, ".dynsym", SHT_DYNSYM, 1);
	put_section(SEC_STRTAB, ".strtab", SHT_STRTAB, offsetof(struct file, strs), strs_sz);
	put_section(SEC_NOTE, ".note", SHT_NOTE, offsetof(struct file, note), sizeof(note));
	f.sh[SEC_NOTE].sh_addralign = 4;
	put_section(SEC_NAMES, ".shstrtab", SHT_STRTAB, offsetof(struct file, names), sizeof(section_names));
	memcpy(module.build_id, note + 16, 20);
	memset(path + sizeof(path) - 7, 'X', 6);
	fd = mkstemp(path);
	CHECK(fd >= 0 && write(fd, &f, sizeof(f)) == sizeof(f) && !close(fd));
}

/* The indexes for these addresses. */
static struct sym_index read_symbols(const uint64_t *at, size_t n, struct sym_index *index)
{
	struct symbolizer_options o = {.no_workers = true};
	uint64_t offs[TEXT_SZ + MORE_SZ];
	struct sym_ask ask = {.offs = offs, .cnt = n};
	int fd = memfd_create("index", MFD_CLOEXEC);
	struct sym_index x = {0};

	for (size_t i = 0; i < n; i++)
		offs[i] = at[i] - TEXT;
	CHECK(fd >= 0);
	CHECK_EQ(sym_module_build(&o, &module, NULL, &ask, fd), 0);
	CHECK_EQ(sym_index_read(&x, fd, 0, NULL), 0);
	if (index)
		CHECK_EQ(sym_index_read(index, fd, x.h->total_sz, NULL), 0);
	close(fd);
	return x;
}

static struct sym_index read_one(uint64_t at)
{
	return read_symbols(&at, 1, NULL);
}

static void check_name(uint64_t at, const char *want)
{
	struct sym_index x = read_one(at);
	struct sym_symbol_hit hit = sym_index_symbol(&x, at);

	if (want)
		CHECK_STR(hit.name, want);
	else
		CHECK(!hit.name);
	sym_index_deinit(&x);
}

TEST(sym_elf_symtab_labels_reach_to_the_next_symbol_and_not_out_of_functions)
{
	begin();
	add(0, TEXT + 0x10, 0x20, STT_FUNC, STB_GLOBAL, "sized");
	add(0, TEXT + 0x18, 0, STT_NOTYPE, STB_LOCAL, "label_inside");
	add(0, TEXT + 0x40, 0, STT_NOTYPE, STB_LOCAL, "asm_one");
	add(0, TEXT + 0x40, 0, STT_NOTYPE, STB_GLOBAL, "asm_one_global");
	add(0, TEXT + 0x60, 0, STT_NOTYPE, STB_LOCAL, "asm_two");
	add(0, TEXT + 0x70, 0, STT_NOTYPE, STB_LOCAL, ".Lnone");
	add(1, TEXT + 0x80, 0x10, STT_FUNC, STB_GLOBAL, "exported");
	add(0, TEXT + 0xa0, 0, STT_NOTYPE, STB_LOCAL, "last");
	write_file();
	check_name(TEXT + 0x0f, NULL);
	check_name(TEXT + 0x18, "sized");
	check_name(TEXT + 0x30, NULL); /* though a label starts last before it */
	check_name(TEXT + 0x5f, "asm_one_global");
	check_name(TEXT + 0x7f, "asm_two");
	check_name(TEXT + 0x8f, "exported");
	check_name(TEXT + 0x90, NULL);
	check_name(TEXT + 0xa0, "last");
	check_name(TEXT + TEXT_SZ - 1, "last");
	check_name(MORE, NULL); /* another section */
	CHECK(!unlink(path));
}

TEST(sym_elf_symtab_exports_are_read_where_symtab_was_stripped)
{
	struct sym_index index, x;

	for (int stripped = 0; stripped < 2; stripped++) {
		begin();
		if (!stripped)
			add(0, TEXT, 0x10, STT_FUNC, STB_GLOBAL, "one");
		add(0, TEXT + 0x10, 0x10, STT_FUNC, STB_GLOBAL, "two");
		add(0, TEXT + 0x20, 0x10, STT_FUNC, STB_LOCAL, "local");
		add(1, TEXT + 0x10, 0x10, STT_FUNC, STB_GLOBAL, "two");
		add(1, TEXT, 0x10, STT_FUNC, STB_GLOBAL, "one");
		write_file();
		check_name(TEXT + 8, "one");
		check_name(TEXT + 0x18, "two");
		check_name(TEXT + 0x28, "local");
		x = read_symbols((uint64_t[]){TEXT}, 1, &index);
		CHECK_STR(sym_index_string(&index, index.h->symbols), "symtab");
		CHECK_STR(sym_index_string(&index, index.h->key), sym_index_string(&x, x.h->key));
		sym_index_deinit(&x);
		sym_index_deinit(&index);
		CHECK(!unlink(path));
	}
}

TEST(sym_elf_symtab_long_names_are_cut)
{
	static char name[SYM_NAME_MAX + 8];

	for (size_t sz = SYM_NAME_MAX - 1; sz < SYM_NAME_MAX + 3; sz++) {
		struct sym_symbol_hit hit;
		struct sym_index x;

		begin();
		memset(name, 'x', sz);
		name[sz] = '\0';
		add(0, TEXT, 0x10, STT_FUNC, STB_GLOBAL, name);
		write_file();
		x = read_one(TEXT);
		hit = sym_index_symbol(&x, TEXT);
		CHECK(hit.name && hit.is_function);
		CHECK_EQ(strlen(hit.name), sz < SYM_NAME_MAX ? sz : SYM_NAME_MAX);
		sym_index_deinit(&x);
		CHECK(!unlink(path));
	}
}

TEST(sym_elf_symtab_only_what_is_asked_for_is_in_the_answer)
{
	struct symbolizer_options o = {.no_workers = true};
	uint64_t offs[] = {0x8, 0x18, 0x28};
	struct sym_ask ask = {offs, 3, "other files", offs + 2, 1, true};
	struct sym_index x;
	char name[16];
	int fd;

	begin();
	for (unsigned i = 0; i < 50; i++) {
		snprintf(name, sizeof(name), "f%u", i);
		add(0, TEXT + i * 0x10, 0x10, STT_FUNC, STB_GLOBAL, name);
	}
	write_file();
	for (int known = 0; known < 2; known++) {
		fd = memfd_create("index", MFD_CLOEXEC);
		CHECK_EQ(sym_module_build(&o, &module, NULL, &ask, fd), -EALREADY);
		CHECK_EQ(sym_index_read(&x, fd, 0, NULL), 0);
		CHECK_EQ(x.h->symbol_cnt, known ? 1 : 3);
		if (!known)
			ask.known_key = strdup(sym_index_string(&x, x.h->key));
		sym_index_deinit(&x);
		CHECK_EQ(close(fd), 0);
	}
	free((char *)ask.known_key);
	CHECK(!unlink(path));
}

/* ---- against all symbols ---- */

static unsigned seed = 1;

static unsigned draw(unsigned below)
{
	seed = seed * 1103515245 + 12345;
	return (seed >> 8) % below;
}

static void add_random(int table)
{
	static const unsigned types[] = {STT_FUNC, STT_FUNC, STT_FUNC, STT_NOTYPE, STT_GNU_IFUNC, STT_OBJECT};
	static const unsigned binds[] = {STB_GLOBAL, STB_LOCAL, STB_WEAK};
	unsigned near = draw(4) ? draw(0x100) : draw(TEXT_SZ), size = draw(3) ? draw(draw(5) ? 0x20 : 0x200) : 0;
	uint64_t addr = draw(8) ? TEXT + near : MORE + near % MORE_SZ;
	char name[32];

	snprintf(name, sizeof(name), "%s%s%u", !size && !draw(4) ? "$" : "", draw(4) ? "f" : "_f", draw(1000));
	add(table, addr, size, types[draw(6)], binds[draw(3)], name);
}

/* Returns whether there is a name. */
static bool compare(struct sym_index *x, struct sym_index *all, uint64_t at)
{
	struct sym_symbol_hit got = sym_index_symbol(x, at), want = sym_index_symbol(all, at);

	CHECK_EQ(!got.name, !want.name);
	if (want.name)
		CHECK_STR(got.name, want.name);
	CHECK_EQ(got.is_function, want.is_function);
	return want.name;
}

TEST(sym_elf_symtab_some_places_have_the_names_they_have_among_all)
{
	static uint64_t at[TEXT_SZ + MORE_SZ];
	size_t asked = 0, named = 0;
	struct sym_index all, x;

	for (int round = 0; round < 3000; round++) {
		size_t n = 0;

		begin();
		for (int table = 0; table < 2; table++)
			for (unsigned i = draw(SYM_CNT); i; i--)
				add_random(table);
		write_file();
		for (size_t i = 0; i < TEXT_SZ + MORE_SZ; i++)
			at[i] = i < TEXT_SZ ? TEXT + i : MORE + i - TEXT_SZ;
		all = read_symbols(at, TEXT_SZ + MORE_SZ, NULL);
		for (unsigned i = draw(round % 2 ? 4 : 200) + 1; i; i--)
			at[n++] = draw(4) ? TEXT + draw(draw(3) ? 0x140 : TEXT_SZ) : MORE + draw(MORE_SZ);
		n = sym_wanted_sort(at, n);
		x = read_symbols(at, n, NULL);
		for (size_t i = 0; i < n; i++)
			named += compare(&x, &all, at[i]);
		asked += n;
		sym_index_deinit(&x);
		sym_index_deinit(&all);
		CHECK(!unlink(path));
	}
	CHECK(named > asked / 4 && named < asked);
}

TEST_MAIN()
