// SPDX-License-Identifier: BSD-2-Clause
#include "record/frames.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/test.h"

static const char symbols[] =
	"ffffffff81000000 T _text\n"
	"ffffffff81000000 T _stext\n"
	"ffffffff81001000 T __traceiter_sched_waking\n"
	"ffffffff81002000 T bpf_trace_run1\n"
	"ffffffff81003000 T try_to_wake_up\n"
	"ffffffff81004000 T hrtimer_wakeup\n"
	"ffffffff81005000 T sysvec_apic_timer_interrupt\n"
	"ffffffff81006000 T asm_sysvec_apic_timer_interrupt\n"
	"ffffffff81007000 T interrupted_work\n"
	"ffffffff81008000 T __local_bh_enable_ip\n"
	"ffffffff81009000 T tcp_sendmsg\n"
	"ffffffff8100a000 T run_ksoftirqd\n"
	"ffffffff8100b000 T last_one\n"
	"ffffffffc0500000 t bpf_prog_0123456789abcdef_x\t[bpf]\n";

#define IN(page) (0xffffffff81000000ULL + (page) * 0x1000 + 0x10)
#define PROGRAM 0xffffffffc0500010ULL

struct rig {
	char dir[64], file[96], list[96];
	struct recording_writer *w;
	struct kallsyms *k;
	struct tasks *tasks;
	struct frames_sources src;
	struct frames_cache cache;
	struct frames f;
};

static struct rig *rig_new(void)
{
	struct rig *r = calloc(1, sizeof(*r));
	const struct recording_writer_options wo = { .monotonic_ns = 1, .arch = 62 };
	struct kallsyms_paths paths = { NULL };
	FILE *f;

	strcpy(r->dir, "/tmp/varve-test-frames.XXXXXX");
	CHECK(mkdtemp(r->dir));
	snprintf(r->file, sizeof(r->file), "%s/x.varve", r->dir);
	snprintf(r->list, sizeof(r->list), "%s/kallsyms", r->dir);
	f = fopen(r->list, "w");
	CHECK(f);
	fputs(symbols, f);
	fclose(f);
	paths.kallsyms = r->list;
	paths.modules = paths.notes = paths.sys_module = "/nonexistent";
	CHECK_EQ(recording_writer_open(r->file, &wo, &r->w, NULL), 0);
	CHECK_EQ(kallsyms_create(r->w, &paths, NULL, &r->k, NULL), 0);
	CHECK_EQ(tasks_create(&r->tasks), 0);
	r->src = (struct frames_sources){ .tasks = r->tasks, .kallsyms = r->k };
	return r;
}

static void rig_free(struct rig *r)
{
	tasks_destroy(r->tasks);
	kallsyms_destroy(r->k);
	(void)recording_writer_close(r->w, NULL);
	unlink(r->file);
	unlink(r->list);
	rmdir(r->dir);
	free(r);
}

TEST(kernel_addresses_become_offsets_from_text_and_user_addresses_keep_their_mark)
{
	struct rig *r = rig_new();
	const struct wire_stack s = { .kernel_cnt = 2, .user_cnt = 2, .flags = WIRE_STACK_KERNEL_EXACT };
	const uint64_t addr[] = { IN(3), IN(4), 0x401000 | WIRE_ADDR_EXACT, 0x402000 };

	CHECK_EQ(tasks_fork(r->tasks, 10, 7, 7, 1), 0);
	CHECK_EQ(tasks_mmap(r->tasks, 10, 7, 0x401000, 0x402000, 0x5000, 42), 0);
	frames_add_kernel(&r->f, &r->src, &s, addr, 0);
	frames_add_user(&r->f, &r->src, &s, addr + 2, 7, 7, 20);
	CHECK_EQ(r->f.cnt, 4);
	CHECK_EQ(r->f.f[0].off, 0x3010);
	CHECK(r->f.f[0].module != 0);
	CHECK_EQ(r->f.f[0].flags, FRAME_EXACT);
	CHECK_EQ(r->f.f[1].flags, 0);
	CHECK_EQ(r->f.f[2].module, 42);
	CHECK_EQ(r->f.f[2].off, 0x5000);
	CHECK_EQ(r->f.f[2].flags, FRAME_EXACT);
	CHECK_EQ(r->f.f[3].module, 0); /* past the mapping: the bare address */
	CHECK_EQ(r->f.f[3].off, 0x402000);
	rig_free(r);
}

TEST(a_trampoline_above_what_a_signal_interrupted_is_no_return_address)
{
	static const uint8_t want[] = { 1, 0, 1, 1, 0 }; /* leaf, handler, trampoline, interrupted, its caller */
	const uint64_t addr[] = { 0x401000 | WIRE_ADDR_EXACT, 0x401100, 0x401200, 0x401300 | WIRE_ADDR_EXACT, 0x401400 };
	const struct wire_stack s = { .user_cnt = 5 };
	struct rig *r = rig_new();

	frames_add_user(&r->f, &r->src, &s, addr, 7, 7, 20);
	CHECK_EQ(r->f.cnt, 5);
	for (uint32_t i = 0; i < 5; i++)
		CHECK_EQ(r->f.f[i].flags, want[i] ? FRAME_EXACT : 0);
	rig_free(r);
}

/* The module of each address, leaf first, as digits; what the memo gives must be what is there without it. */
static uint64_t modules_of(struct rig *r, const uint64_t *addr, uint32_t cnt, uint64_t ts)
{
	const struct wire_stack s = { .user_cnt = (uint16_t)cnt };
	uint64_t with = 0, without = 0;

	for (int is_memo = 0; is_memo < 2; is_memo++) {
		struct frames_sources src = r->src;
		uint64_t *sum = is_memo ? &with : &without;

		if (!is_memo)
			src.memo = NULL;
		r->f.cnt = 0;
		frames_add_user(&r->f, &src, &s, addr, 7, 9, ts * 10000000);
		for (uint32_t i = 0; i < r->f.cnt; i++)
			*sum = *sum * 10 + r->f.f[i].module;
		*sum = *sum * 1000 + r->f.cnt;
	}
	return with == without ? with : UINT64_MAX;
}

#define T(x) ((x) * 10000000ULL) /* far more than SPACE_SLOP_NS apart */

TEST(the_memo_of_a_threads_stack_holds_while_its_mappings_do)
{
	struct rig *r = rig_new();
	const uint64_t a[] = { 0x401000 | WIRE_ADDR_EXACT, 0x402000, 0x403000 }, b[] = { 0x403500, 0x402000, 0x403000 }, c[] = { 0x403000 };

	r->src.memo = calloc(1, sizeof(*r->src.memo));
	CHECK_EQ(tasks_fork(r->tasks, T(10), 7, 7, 1), 0);
	CHECK_EQ(tasks_mmap(r->tasks, T(10), 7, 0x401000, 0x402000, 0, 1), 0);
	CHECK_EQ(tasks_mmap(r->tasks, T(10), 7, 0x402000, 0x403000, 0, 2), 0);
	CHECK_EQ(modules_of(r, a, 3, 20), 120003);
	CHECK_EQ(modules_of(r, a, 3, 21), 120003);
	CHECK_EQ(r->src.memo->slots[9].cnt, 3);
	CHECK_EQ(r->src.memo->slots[9].f[0].flags, FRAME_EXACT);
	CHECK_EQ(modules_of(r, b, 3, 22), 20003); /* another leaf */
	CHECK_EQ(modules_of(r, b + 1, 2, 23), 20002);
	CHECK_EQ(modules_of(r, a, 3, 24), 120003);
	CHECK_EQ(modules_of(r, c, 1, 25), 1);
	CHECK_EQ(tasks_mmap(r->tasks, T(30), 7, 0x403000, 0x404000, 0, 3), 0);
	CHECK_EQ(modules_of(r, a, 3, 25), 120003); /* recorded before it came, read after */
	CHECK_EQ(modules_of(r, a, 3, 31), 123003);
	CHECK_EQ(modules_of(r, b, 3, 32), 323003);
	CHECK_EQ(tasks_munmap(r->tasks, T(35), 7, 0, 1), 0); /* nothing was there */
	CHECK_EQ(tasks_munmap(r->tasks, T(40), 7, 0x402000, 0x403000), 0);
	CHECK_EQ(modules_of(r, b, 3, 39), 323003);
	CHECK_EQ(modules_of(r, b, 3, 41), 303003);
	CHECK_EQ(tasks_exec(r->tasks, T(50), 7, 7, "x"), 0);
	CHECK_EQ(modules_of(r, b, 3, 49), 303003);
	CHECK_EQ(modules_of(r, b, 3, 51), 3);
	CHECK_EQ(tasks_mmap(r->tasks, T(52), 7, 0x402000, 0x404000, 0, 4), 0);
	CHECK_EQ(modules_of(r, b, 3, 53), 444003);
	tasks_exit(r->tasks, T(60), 7, 7);
	CHECK_EQ(modules_of(r, b, 3, 59), 444003); /* over by now */
	CHECK_EQ(tasks_fork(r->tasks, T(70), 7, 7, 1), 0); /* the pid again */
	CHECK_EQ(modules_of(r, b, 3, 71), 3);
	free(r->src.memo);
	rig_free(r);
}

TEST(stacks_deeper_than_the_memo_are_whole)
{
	struct rig *r = rig_new();
	uint64_t addr[FRAMES_MEMO_DEPTH + 1];

	r->src.memo = calloc(1, sizeof(*r->src.memo));
	CHECK_EQ(tasks_fork(r->tasks, 10, 7, 7, 1), 0);
	for (uint32_t i = 0; i <= FRAMES_MEMO_DEPTH; i++)
		addr[i] = 0x1000 + i;
	for (uint32_t n = FRAMES_MEMO_DEPTH - 1; n <= FRAMES_MEMO_DEPTH + 1; n++) {
		CHECK_EQ(modules_of(r, addr, n, 20), n);
		CHECK_EQ(r->f.f[n - 1].off, 0x1000 + n - 1);
		CHECK_EQ(modules_of(r, addr + 1, n - 1, 20), n - 1);
		CHECK_EQ(r->f.f[0].off, 0x1001);
	}
	free(r->src.memo);
	rig_free(r);
}

TEST(the_tracing_itself_is_not_part_of_a_stack)
{
	struct rig *r = rig_new();
	const uint64_t addr[] = { PROGRAM, IN(2), IN(1), IN(3), IN(2) };

	for (int again = 0; again < 2; again++) { /* by name, then from the cache */
		CHECK_EQ(frames_tracing(&r->cache, r->k, addr, 5), 3);
		CHECK_EQ(frames_tracing(&r->cache, r->k, addr + 3, 2), 0); /* glue deeper down stays */
		CHECK_EQ(frames_tracing(&r->cache, r->k, addr, 0), 0);
		CHECK_EQ(frames_tracing(&r->cache, NULL, addr, 5), 0);
	}
	rig_free(r);
}

TEST(what_an_interrupt_interrupted_is_cut_off)
{
	struct rig *r = rig_new();
	const uint64_t addr[] = { IN(3), IN(4), IN(5), IN(6), IN(7), IN(9) };
	int irq = 0;

	CHECK_EQ(frames_cut_interrupt(&r->cache, r->k, addr, 6, &irq), 4);
	CHECK_EQ(irq, 1);
	CHECK_EQ(frames_cut_interrupt(&r->cache, r->k, addr + 4, 2, &irq), 2);
	CHECK_EQ(irq, 0);
	rig_free(r);
}

TEST(a_softirq_of_the_threads_own_making_is_its_doing)
{
	struct rig *r = rig_new();
	const uint64_t own[] = { IN(3), IN(8), IN(9) };
	const uint64_t in_interrupt[] = { IN(3), IN(5), IN(6), IN(8) }; /* local_bh_enable() itself was interrupted */
	const uint64_t ksoftirqd[] = { IN(3), IN(10) };
	int irq = 1;

	CHECK_EQ(frames_cut_interrupt(&r->cache, r->k, own, 3, &irq), 3);
	CHECK_EQ(irq, 0);
	CHECK_EQ(frames_cut_interrupt(&r->cache, r->k, in_interrupt, 4, &irq), 3);
	CHECK_EQ(irq, 1);
	CHECK_EQ(frames_cut_interrupt(&r->cache, r->k, ksoftirqd, 2, &irq), 2);
	CHECK_EQ(irq, 1);
	rig_free(r);
}

TEST(more_frames_than_fit_are_dropped_not_written_past_the_end)
{
	struct rig *r = rig_new();
	const struct wire_stack s = { .user_cnt = WIRE_USER_DEPTH };
	uint64_t *addr = calloc(WIRE_USER_DEPTH, sizeof(*addr));

	for (int i = 0; i < 4; i++)
		frames_add_user(&r->f, &r->src, &s, addr, 7, 7, 20);
	CHECK_EQ(r->f.cnt, FRAMES_MAX);
	free(addr);
	rig_free(r);
}

TEST_MAIN()
