// SPDX-License-Identifier: BSD-2-Clause
#include "tests/test.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <unistd.h>

#include "formats/cleanup.h"
#include "record/elf_note.h"
#include "record/symtab.h"

/* ---- this program's own functions ---------------------------------------------------------------------------------- */

int symtab_sized_global(int x);
int symtab_better_alias(int x) __attribute__((alias("symtab_sized_global")));
int __symtab_worse_alias(int x) __attribute__((alias("symtab_sized_global")));
int aaa_weak_alias(int x) __attribute__((weak, alias("symtab_sized_global")));
void symtab_asm_unsized(void);
void symtab_asm_next(void);

__attribute__((noinline)) int symtab_sized_global(int x)
{
	__asm__ volatile("" : "+r"(x));
	return x + 1;
}

static __attribute__((noinline)) int symtab_local(int x)
{
	__asm__ volatile("" : "+r"(x));
	return x * 3;
}

__asm__(".text\n.globl symtab_asm_unsized\nsymtab_asm_unsized:\n nop\n nop\n nop\n ret\n"
	".globl symtab_asm_next\n.type symtab_asm_next,@function\nsymtab_asm_next:\n nop\n ret\n"
	".size symtab_asm_next, . - symtab_asm_next\n .fill 64, 1, 0x90\n");

static int find_base(struct dl_phdr_info *info, size_t sz, void *ctx)
{
	*(uint64_t *)ctx = info->dlpi_addr;
	return 1; /* the first is the program */
}

struct fixture {
	struct elf_ident id;
	struct symtab_input in;
	int fd;
	char text[4096];
};

static void setup(struct fixture *f)
{
	memset(f, 0, sizeof(*f));
	f->fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	CHECK(f->fd >= 0);
	CHECK_EQ(elf_ident_read(f->fd, &f->id, NULL), 0);
	f->in = (struct symtab_input){ .image = { .fd = f->fd }, .debug = { .fd = -1 },
				       .segs = f->id.segs, .seg_cnt = f->id.seg_cnt };
}

/* File offset of an address of this program. */
static uint64_t off_of(const struct fixture *f, const void *p)
{
	uint64_t base = 0, vaddr;

	dl_iterate_phdr(find_base, &base);
	vaddr = (uint64_t)(uintptr_t)p - base;
	for (uint32_t i = 0; i < f->id.seg_cnt; i++)
		if (vaddr - f->id.segs[i].vaddr < f->id.segs[i].filesz)
			return vaddr - f->id.segs[i].vaddr + f->id.segs[i].offset;
	CHECK(!"in a segment");
	return 0;
}

static int add_text(void *ctx, const struct symtab_symbol *s)
{
	struct fixture *f = ctx;
	size_t len = strlen(f->text);

	snprintf(f->text + len, sizeof(f->text) - len, "%s%s%s ", s->name, s->size ? "" : "~",
		 s->source == SYMBOL_SYMTAB ? "" : "!");
	return 0;
}

static const char *names_at(struct fixture *f, const uint64_t *offs, size_t cnt)
{
	f->text[0] = '\0';
	CHECK_EQ(symtab_find(&f->in, offs, cnt, add_text, f), 0);
	return f->text;
}

TEST(symtab_names_global_over_weak_and_few_underscores)
{
	struct fixture f;
	uint64_t off;

	setup(&f);
	off = off_of(&f, (void *)symtab_sized_global) + 1;
	CHECK_STR(names_at(&f, &off, 1), "symtab_better_alias ");
	close(f.fd);
}

TEST(symtab_each_symbol_is_given_once_and_in_order)
{
	struct fixture f;
	uint64_t offs[4];

	setup(&f);
	offs[0] = off_of(&f, (void *)symtab_local);
	offs[1] = offs[0] + 1;
	offs[2] = offs[0] + 1;
	CHECK_STR(names_at(&f, offs, 3), "symtab_local ");
	offs[3] = 1ULL << 60; /* nowhere */
	CHECK_STR(names_at(&f, offs, 4), "symtab_local ");
	CHECK_STR(names_at(&f, offs, 0), "");
	close(f.fd);
}

TEST(symtab_unsized_symbol_reaches_to_the_next_and_no_further)
{
	struct fixture f;
	uint64_t off;

	setup(&f);
	off = off_of(&f, (void *)symtab_asm_unsized) + 3;
	CHECK_STR(names_at(&f, &off, 1), "symtab_asm_unsized~ ");
	off = off_of(&f, (void *)symtab_asm_next) + 1;
	CHECK_STR(names_at(&f, &off, 1), "symtab_asm_next ");
	off = off_of(&f, (void *)symtab_asm_next) + 20; /* behind it: nobody's */
	CHECK_STR(names_at(&f, &off, 1), "");
	close(f.fd);
}

struct count {
	uint64_t last, cnt;
	bool saw_local;
};

static int count_symbol(void *ctx, const struct symtab_symbol *s)
{
	struct count *c = ctx;

	CHECK(s->off >= c->last && (*s->name || s->source == SYMBOL_FDE));
	CHECK(!c->cnt || s->off > c->last); /* one name for each address */
	c->last = s->off;
	c->cnt++;
	c->saw_local |= !strcmp(s->name, "symtab_local");
	return c->cnt == 1000000 ? 5 : 0;
}

TEST(symtab_each_gives_every_function_once)
{
	struct count c = {};
	struct fixture f;

	setup(&f);
	CHECK_EQ(symtab_each(&f.in, count_symbol, &c), 0);
	CHECK(c.cnt > 20 && c.saw_local);
	c.cnt = 999999;
	c.last = 0;
	CHECK_EQ(symtab_each(&f.in, count_symbol, &c), 5);
	close(f.fd);
}

struct plt_seen {
	struct symtab_symbol memcpy_slot;
	int cnt;
};

static int note_plt(void *ctx, const struct symtab_symbol *s)
{
	struct plt_seen *seen = ctx;

	seen->cnt += s->source == SYMBOL_PLT;
	if (s->source == SYMBOL_PLT && !strcmp(s->name, "memcpy@plt"))
		seen->memcpy_slot = *s;
	return 0;
}

TEST(symtab_plt_slots_are_named_after_what_they_jump_to)
{
	struct plt_seen seen = {};
	struct fixture f;
	uint64_t off;

	setup(&f);
	CHECK_EQ(symtab_each(&f.in, note_plt, &seen), 0);
	if (!seen.cnt || !seen.memcpy_slot.off)
		SKIP("this program was linked without PLT slots");
	off = seen.memcpy_slot.off + 3; /* anywhere in the slot */
	CHECK_STR(names_at(&f, &off, 1), "memcpy@plt! ");
	close(f.fd);
}

/* A copy of this program, cut or with bytes changed: names may be missing, nothing else. */
TEST(symtab_survives_a_damaged_real_file)
{
	static uint8_t copy[4 << 20];
	struct fixture f;
	uint64_t off;
	ssize_t n;

	setup(&f);
	off = off_of(&f, (void *)symtab_local);
	n = pread(f.fd, copy, sizeof(copy), 0);
	CHECK(n > 10000);
	f.in.image = (struct elf_source){ .fd = -1, .data = copy };
	for (ssize_t len = 0; len < n; len += n / 97) {
		f.in.image.len = (size_t)len;
		f.text[0] = '\0';
		CHECK_EQ(symtab_find(&f.in, &off, 1, add_text, &f), 0);
	}
	f.in.image.len = (size_t)n;
	srandom(1);
	for (int round = 0; round < 300; round++) {
		CHECK_EQ(pread(f.fd, copy, (size_t)n, 0), n);
		for (int i = 0; i < 20; i++)
			copy[n - 1 - random() % 4000] = (uint8_t)random(); /* the section headers are at the end */
		f.text[0] = '\0';
		CHECK_EQ(symtab_find(&f.in, &off, 1, add_text, &f), 0);
	}
	close(f.fd);
}

/* ---- hostile tables --------------------------------------------------------------------------------------------------- */

/* Header, three sections (null, .symtab, .strtab), four symbols. */
struct tiny {
	Elf64_Ehdr h;
	Elf64_Shdr sh[3];
	Elf64_Sym sym[4];
	char str[16];
};

static const struct module_segment tiny_seg = { 0, 0x1000, 0x1000 };

static void make_tiny(struct tiny *t)
{
	memset(t, 0, sizeof(*t));
	memcpy(t->h.e_ident, ELFMAG, SELFMAG);
	t->h.e_ident[EI_CLASS] = ELFCLASS64;
	t->h.e_ident[EI_DATA] = ELFDATA2LSB;
	t->h.e_shoff = offsetof(struct tiny, sh);
	t->h.e_shentsize = sizeof(Elf64_Shdr);
	t->h.e_shnum = 3;
	t->sh[1] = (Elf64_Shdr){ .sh_type = SHT_SYMTAB, .sh_offset = offsetof(struct tiny, sym), .sh_size = sizeof(t->sym), .sh_link = 2 };
	t->sh[2] = (Elf64_Shdr){ .sh_type = SHT_STRTAB, .sh_offset = offsetof(struct tiny, str), .sh_size = sizeof(t->str) };
	memcpy(t->str, "\0outer\0in\0raw", 13);
	t->sym[1] = (Elf64_Sym){ .st_name = 1, .st_info = STT_FUNC, .st_shndx = 1, .st_value = 0x1100, .st_size = 0x100 };
	t->sym[2] = (Elf64_Sym){ .st_name = 7, .st_info = STT_FUNC, .st_shndx = 1, .st_value = 0x1140, .st_size = 0x10 };
	t->sym[3] = (Elf64_Sym){ .st_name = 10, .st_info = STT_NOTYPE, .st_shndx = 1, .st_value = 0x1180, .st_size = 0 };
}

static const uint64_t tiny_offs[] = { 0x110, 0x145, 0x150, 0x190, 0x210 };

static int find_tiny(const void *data, size_t len, struct fixture *f)
{
	f->in = (struct symtab_input){ .image = { .fd = -1, .data = data, .len = len }, .debug = { .fd = -1 }, .segs = &tiny_seg, .seg_cnt = 1 };
	f->text[0] = '\0';
	return symtab_find(&f->in, tiny_offs, ARRAY_SIZE(tiny_offs), add_text, f);
}

TEST(symtab_innermost_sized_wins_and_unsized_fills_gaps_only)
{
	static struct fixture f;
	struct tiny t;

	make_tiny(&t);
	CHECK_EQ(find_tiny(&t, sizeof(t), &f), 0);
	/* 0x190 is outer's, though raw starts nearer; 0x210 is past outer, where raw is the nearest */
	CHECK_STR(f.text, "outer in raw~ ");
}

/* ---- Go ---------------------------------------------------------------------------------------------------------------- */

/* A stripped Go program in small: three sections (null, .gopclntab, names), two functions, layout of Go 1.18. */
struct tiny_go {
	Elf64_Ehdr h;
	Elf64_Shdr sh[3];
	char section_names[24];
	struct {
		uint32_t magic;
		uint8_t zero[2], min_lc, ptr_sz;
		uint64_t func_cnt, file_cnt, text, names, units, files, pcs, funcs;
		char name[24];
		struct {
			uint32_t entry, func;
		} table[2];
		uint32_t end, pad;
		struct {
			uint32_t entry, name;
		} func[2];
	} tab;
};

static void make_go(struct tiny_go *g)
{
	memset(g, 0, sizeof(*g));
	memcpy(g->h.e_ident, ELFMAG, SELFMAG);
	g->h.e_ident[EI_CLASS] = ELFCLASS64;
	g->h.e_ident[EI_DATA] = ELFDATA2LSB;
	g->h.e_machine = EM_X86_64;
	g->h.e_shoff = offsetof(struct tiny_go, sh);
	g->h.e_shentsize = sizeof(Elf64_Shdr);
	g->h.e_shnum = 3;
	g->h.e_shstrndx = 2;
	memcpy(g->section_names, "\0.gopclntab\0.shstrtab", 21);
	g->sh[1] = (Elf64_Shdr){ .sh_name = 1, .sh_type = SHT_PROGBITS, .sh_flags = SHF_ALLOC, .sh_addr = 0x5000,
				 .sh_offset = offsetof(struct tiny_go, tab), .sh_size = sizeof(g->tab) };
	g->sh[2] = (Elf64_Shdr){ .sh_name = 12, .sh_type = SHT_STRTAB, .sh_offset = offsetof(struct tiny_go, section_names),
				 .sh_size = sizeof(g->section_names) };
	g->tab.magic = 0xfffffff1;
	g->tab.min_lc = 1;
	g->tab.ptr_sz = 8;
	g->tab.func_cnt = 2;
	g->tab.text = 0x1100;
	g->tab.names = (uint64_t)(g->tab.name - (char *)&g->tab);
	g->tab.units = g->tab.files = g->tab.pcs = g->tab.names;
	g->tab.funcs = (uint64_t)((char *)g->tab.table - (char *)&g->tab);
	memcpy(g->tab.name, "main.hot\0main.(*T).cold", 24);
	g->tab.table[0].entry = 0x0;
	g->tab.table[0].func = (uint32_t)((char *)&g->tab.func[0] - (char *)g->tab.table);
	g->tab.table[1].entry = 0x40;
	g->tab.table[1].func = (uint32_t)((char *)&g->tab.func[1] - (char *)g->tab.table);
	g->tab.end = 0x80;
	g->tab.func[1].entry = 0x40;
	g->tab.func[1].name = 9;
}

TEST(symtab_go_functions_are_named_without_symbols)
{
	static struct fixture f;
	struct tiny_go g;

	make_go(&g);
	CHECK_EQ(find_tiny(&g, sizeof(g), &f), 0); /* 0x110 and 0x145, 0x150; the others lie behind the last */
	CHECK_STR(f.text, "main.hot! main.(*T).cold! ");
	g.tab.magic = 0xfffffff2; /* a layout to come */
	CHECK_EQ(find_tiny(&g, sizeof(g), &f), 0);
	CHECK_STR(f.text, "");
}

TEST(symtab_go_survives_truncation_and_every_byte)
{
	static struct fixture f;
	struct tiny_go g;

	make_go(&g);
	for (size_t len = 0; len < sizeof(g); len++) {
		_cleanup_free_ char *copy = malloc(len + !len);

		memcpy(copy, &g, len);
		CHECK_EQ(find_tiny(copy, len, &f), 0);
	}
	for (size_t i = 0; i < sizeof(g); i++) {
		for (int v = 0; v < 256; v += 3) {
			make_go(&g);
			((uint8_t *)&g)[i] = (uint8_t)v;
			CHECK_EQ(find_tiny(&g, sizeof(g), &f), 0);
		}
	}
}

TEST(symtab_debug_file_gives_what_was_stripped)
{
	static struct fixture f;
	struct tiny image, debug;

	make_tiny(&image);
	make_tiny(&debug);
	image.sh[1].sh_type = SHT_PROGBITS;
	f.in = (struct symtab_input){ .image = { .fd = -1, .data = (void *)&image, .len = sizeof(image) },
				      .debug = { .fd = -1, .data = (void *)&debug, .len = sizeof(debug) },
				      .segs = &tiny_seg, .seg_cnt = 1 };
	f.text[0] = '\0';
	CHECK_EQ(symtab_find(&f.in, tiny_offs, 2, add_text, &f), 0);
	CHECK_STR(f.text, "outer in ");
}

TEST(symtab_survives_truncation_and_every_byte)
{
	static struct fixture f;
	struct tiny t;

	make_tiny(&t);
	for (size_t len = 0; len < sizeof(t); len++) {
		_cleanup_free_ char *copy = malloc(len + !len);

		memcpy(copy, &t, len);
		CHECK_EQ(find_tiny(copy, len, &f), 0);
		CHECK(strlen(f.text) <= strlen("outer in raw~ "));
	}
	for (size_t i = 0; i < sizeof(t); i++) {
		for (int v = 0; v < 256; v += 5) {
			make_tiny(&t);
			((uint8_t *)&t)[i] = (uint8_t)v;
			CHECK_EQ(find_tiny(&t, sizeof(t), &f), 0);
		}
	}
}

TEST(symtab_sizes_that_leave_the_segment_are_cut)
{
	static struct fixture f;
	struct tiny t;

	make_tiny(&t);
	t.sym[1].st_size = UINT64_MAX;
	t.sym[2].st_value = UINT64_MAX - 1; /* outside any segment */
	CHECK_EQ(find_tiny(&t, sizeof(t), &f), 0);
	CHECK_STR(f.text, "outer ");
}

TEST_MAIN()
