// SPDX-License-Identifier: BSD-2-Clause
#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <unistd.h>

#include "report/symbolize.h"
#include "tests/test.h"

/* The last answer. */
struct answer {
	struct symbolized_frame chain[64];
	size_t cnt, calls;
	uint64_t rel_addr;
};

static int keep(void *ctx, size_t i, const struct symbolized_frame *chain, size_t cnt,
		uint64_t rel_addr)
{
	struct answer *a = ctx;

	a->cnt = cnt < 64 ? cnt : 64;
	memcpy(a->chain, chain, a->cnt * sizeof(*chain));
	a->rel_addr = rel_addr;
	a->calls++;
	return 0;
}

static struct answer ask(struct symbolizer *s, const struct module *m, uint64_t off, bool exact)
{
	struct symbolize_query q = {off, exact};
	struct answer a = {.cnt = 0};

	CHECK_EQ(symbolizer_resolve(s, 1, m, &q, 1, keep, &a), 0);
	CHECK_EQ(a.calls, 1);
	return a;
}

static struct symbolizer *create(const struct symbolizer_options *o)
{
	struct symbolizer *s;

	CHECK_EQ(symbolizer_create(o, &s, NULL), 0);
	return s;
}

/* ---- this very program, found at its own path by its own build-id */

static struct module self;
static struct module_segment self_segs[4];
static char self_path[4096];
static uint64_t self_base;

static int note_self(struct dl_phdr_info *info, size_t sz, void *ctx)
{
	self_base = info->dlpi_addr;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *ph = &info->dlpi_phdr[i];
		const ElfW(Nhdr) *n = (void *)(info->dlpi_addr + ph->p_vaddr);

		if (ph->p_type == PT_LOAD && (ph->p_flags & PF_X) && self.seg_cnt < 4)
			self_segs[self.seg_cnt++] =
				(struct module_segment){ph->p_offset, ph->p_vaddr, ph->p_filesz};
		if (ph->p_type == PT_NOTE && n->n_type == NT_GNU_BUILD_ID &&
		    n->n_descsz <= BUILD_ID_MAX) {
			self.build_id_sz = (uint8_t)n->n_descsz;
			memcpy(self.build_id, (char *)(n + 1) + ((n->n_namesz + 3) & ~3u),
			       n->n_descsz);
		}
	}
	return 1; /* the first one is the program */
}

static const struct module *self_module(void)
{
	if (!self.seg_cnt) {
		ssize_t n = readlink("/proc/self/exe", self_path, sizeof(self_path) - 1);

		CHECK(n > 0);
		dl_iterate_phdr(note_self, NULL);
		self.kind = MODULE_ELF;
		self.path = self_path;
		self.segs = self_segs;
	}
	CHECK(self.build_id_sz);
	return &self;
}

static uint64_t self_off(const void *pc)
{
	uint64_t vaddr = (uint64_t)pc - self_base;

	for (uint32_t i = 0; i < self.seg_cnt; i++)
		if (vaddr >= self_segs[i].vaddr && vaddr - self_segs[i].vaddr < self_segs[i].filesz)
			return vaddr - self_segs[i].vaddr + self_segs[i].offset;
	CHECK(!"pc outside this program");
	return 0;
}

static int inlined_line;
static inline __attribute__((always_inline)) void *inlined_label(void)
{
	void *pc;

	inlined_line = __LINE__ + 1;
	__asm__ volatile("lea 0(%%rip), %0\n\tnop" : "=r"(pc));
	return pc;
}

static int outer_line;
static __attribute__((noinline)) void *outer_function(void)
{
	void *pc;

	outer_line = __LINE__ + 1;
	pc = inlined_label();
	__asm__ volatile("" : "+r"(pc));
	return pc;
}

TEST(symbolize_names_this_program_with_inlines_and_lines)
{
	const struct module *m = self_module();
	void *pc = outer_function();
	struct symbolizer *s = create(NULL);
	struct answer a = ask(s, m, self_off(pc), true);

	CHECK_EQ(a.cnt, 2);
	CHECK_STR(a.chain[0].name, "inlined_label");
	CHECK(a.chain[0].inlined && a.chain[0].named);
	CHECK_HAS(a.chain[0].file, "tests/unit/report/test_symbolize.c");
	CHECK_EQ(a.chain[0].line, inlined_line);
	CHECK_STR(a.chain[1].name, "outer_function");
	CHECK_EQ(a.chain[1].line, outer_line);
	CHECK(!a.chain[1].inlined);
	CHECK_EQ(a.rel_addr, (uint64_t)pc - self_base);
	CHECK_STR(symbolizer_module_info(s, 1)->symbols, "dwarf");
	CHECK(!symbolizer_module_info(s, 1)->unnamed_reason);
	symbolizer_destroy(s);
}

TEST(symbolize_looks_a_return_address_up_one_byte_before)
{
	const struct module *m = self_module();
	struct symbolizer *s = create(NULL);
	uint64_t start = self_off((void *)outer_function);

	CHECK_STR(ask(s, m, start, true).chain[0].name, "outer_function");
	CHECK(strcmp(ask(s, m, start, false).chain[0].name, "outer_function"));
	CHECK_EQ(ask(s, m, start, false).rel_addr, (uint64_t)outer_function - self_base);
	symbolizer_destroy(s);
}

TEST(symbolize_refuses_a_file_with_another_build_id)
{
	struct module m = *self_module();
	struct symbolizer *s = create(NULL);
	struct answer a;

	m.build_id[3] ^= 1;
	a = ask(s, &m, self_off((void *)outer_function), true);
	CHECK(!a.chain[0].named);
	CHECK_HAS(a.chain[0].name, "[unknown test_symbolize+0x");
	CHECK_HAS(symbolizer_module_info(s, 1)->unnamed_reason, "build-id differs: '");
	CHECK_HAS(symbolizer_module_info(s, 1)->unnamed_reason, "test_symbolize");
	CHECK_EQ(symbolizer_module_info(s, 1)->unnamed, 1);
	symbolizer_destroy(s);
}

TEST(symbolize_takes_no_file_by_path_alone)
{
	struct module m = *self_module();
	struct symbolizer *s = create(NULL);

	m.build_id_sz = 0;
	CHECK(!ask(s, &m, self_off((void *)outer_function), true).chain[0].named);
	CHECK_STR(symbolizer_module_info(s, 1)->unnamed_reason,
		  "exited before it could be read (no build-id)");
	symbolizer_destroy(s);
}

TEST(symbolize_without_files_uses_recorded_symbols)
{
	struct symbolizer_options o = {.no_files = true};
	const struct module *m = self_module();
	struct symbolizer *s = create(&o);
	struct answer a;

	CHECK_EQ(symbolizer_add_symbol(s, 1, 0x1000, 0x20, SYMBOL_SYMTAB, "_ZN2ns3fooEi.part.0"),
		 0);
	a = ask(s, m, 0x1020, false);
	CHECK_STR(a.chain[0].name, "ns::foo(int)");
	CHECK_STR(a.chain[0].raw_name, "_ZN2ns3fooEi.part.0");
	CHECK(a.chain[0].named);
	CHECK(!ask(s, m, 0x1020, true).chain[0].named);
	CHECK_STR(symbolizer_module_info(s, 1)->symbols, "symtab");
	CHECK_EQ(symbolizer_module_info(s, 1)->named, 1);
	CHECK_STR(symbolizer_module_info(s, 1)->unnamed_reason, "no file");
	symbolizer_destroy(s);
}

TEST(symbolize_says_where_names_are_from_not_where_functions_begin)
{
	struct module m = {.kind = MODULE_VDSO, .path = "[vdso]"};
	struct symbolizer *s = create(NULL);

	CHECK_EQ(symbolizer_add_symbol(s, 1, 0x1000, 0x100, SYMBOL_FDE, ""), 0);
	CHECK_EQ(symbolizer_add_symbol(s, 1, 0x1800, 0x10, SYMBOL_PLT, "slot@plt"), 0);
	CHECK_EQ(symbolizer_add_symbol(s, 1, 0x2000, 0x100, SYMBOL_DYNSYM, "named"), 0);
	CHECK(!ask(s, &m, 0x1010, true).chain[0].named);
	CHECK_STR(symbolizer_module_info(s, 1)->symbols, "dynsym");
	symbolizer_destroy(s);
	s = create(NULL);
	CHECK_EQ(symbolizer_add_symbol(s, 1, 0x1000, 0x100, SYMBOL_FDE, ""), 0);
	CHECK(!ask(s, &m, 0x1010, true).chain[0].named);
	CHECK_STR(symbolizer_module_info(s, 1)->symbols, "none");
	symbolizer_destroy(s);
}

TEST(symbolize_kernel_names_come_from_the_recording_only)
{
	struct module m = {.kind = MODULE_KERNEL, .path = "[kernel.kallsyms]"};
	struct symbolizer *s = create(NULL);

	CHECK_STR(ask(s, &m, 0x1234, true).chain[0].name, "[unknown kernel+0x1234]");
	CHECK_HAS(symbolizer_module_info(s, 1)->unnamed_reason, "kptr_restrict");
	symbolizer_destroy(s);
	s = create(NULL);
	CHECK_EQ(symbolizer_add_symbol(s, 1, 0x1200, 0x100, SYMBOL_KALLSYMS, "schedule"), 0);
	CHECK_STR(ask(s, &m, 0x1234, true).chain[0].name, "schedule");
	CHECK_EQ(ask(s, &m, 0x1234, true).rel_addr, 0x1234);
	CHECK_STR(symbolizer_module_info(s, 1)->symbols, "kallsyms");
	symbolizer_destroy(s);
}

TEST(symbolize_jit_later_entry_wins)
{
	struct module m = {.kind = MODULE_JIT, .path = "//anon", .pid = 5};
	struct symbolizer *s = create(NULL);

	CHECK_EQ(symbolizer_add_symbol(s, 1, 0x7000, 0x100, SYMBOL_PERFMAP, "old"), 0);
	CHECK_EQ(symbolizer_add_symbol(s, 1, 0x6f00, 0x180, SYMBOL_PERFMAP, "new"), 0);
	CHECK_STR(ask(s, &m, 0x7010, true).chain[0].name, "new");
	CHECK_STR(ask(s, &m, 0x7090, true).chain[0].name, "old");
	CHECK(!ask(s, &m, 0x7100, true).chain[0].named);
	CHECK_STR(symbolizer_module_info(s, 1)->unnamed_reason, "in no entry of the perf map");
	CHECK_EQ(ask(s, &m, 0x7010, true).rel_addr, UNKNOWN_U64);
	symbolizer_destroy(s);
}

static int stop_at_once(void *ctx, size_t i, const struct symbolized_frame *chain, size_t cnt,
			uint64_t rel_addr)
{
	return 42;
}

struct order {
	uint64_t last, offs[4];
	unsigned calls[4];
};

static int check_order(void *ctx, size_t i, const struct symbolized_frame *chain, size_t cnt, uint64_t rel_addr)
{
	struct order *o = ctx;

	CHECK(o->offs[i] >= o->last);
	o->last = o->offs[i];
	o->calls[i]++;
	return 0;
}

TEST(symbolize_answers_each_query_once_in_order_of_offsets)
{
	struct order o = {.offs = {0xffffffff81000010, 0x10, 0xffffffff81000000, 0x10}};
	struct module m = {.kind = MODULE_KERNEL};
	struct symbolizer *s = create(NULL);
	struct symbolize_query q[4] = {{0}};

	for (int i = 0; i < 4; i++)
		q[i].off = o.offs[i];
	o.offs[0] = o.offs[2]; /* too near each other to be told apart beside one so far away */
	CHECK_EQ(symbolizer_resolve(s, 9, &m, q, 4, check_order, &o), 0);
	for (int i = 0; i < 4; i++)
		CHECK_EQ(o.calls[i], 1);
	CHECK_EQ(symbolizer_resolve(s, 9, &m, q, 0, check_order, &o), 0);
	symbolizer_destroy(s);
}

TEST(symbolize_stops_when_told)
{
	struct module m = {.kind = MODULE_KERNEL};
	struct symbolize_query q[2] = {{1, true}, {2, true}};
	struct symbolizer *s = create(NULL);

	CHECK_EQ(symbolizer_resolve(s, 9, &m, q, 2, stop_at_once, NULL), 42);
	symbolizer_destroy(s);
}

TEST_MAIN()
