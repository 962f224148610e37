// SPDX-License-Identifier: BSD-2-Clause
#include "record/frames.h"

#include <string.h>

static void add(struct frames *fs, const struct frames_sources *src, const struct frame *f)
{
	if (fs->cnt == FRAMES_MAX)
		return;
	fs->f[fs->cnt++] = *f;
	if (src->symbols)
		symbols_hit(src->symbols, f);
}

void frames_add_kernel(struct frames *fs, const struct frames_sources *src, const struct wire_stack *s,
		       const uint64_t *addr, uint32_t skip)
{
	for (uint32_t i = skip; i < s->kernel_cnt; i++) {
		struct frame f = { .off = addr[i] };

		if (src->kallsyms)
			(void)kallsyms_resolve(src->kallsyms, addr[i], &f); /* false leaves the address */
		f.flags = i == 0 && s->flags & WIRE_STACK_KERNEL_EXACT ? FRAME_EXACT : 0;
		add(fs, src, &f);
	}
}

void frames_add_user(struct frames *fs, const struct frames_sources *src, const struct wire_stack *s,
		     const uint64_t *addr, uint32_t pid, uint64_t ts)
{
	for (uint32_t i = 0; i < s->user_cnt; i++) {
		uint64_t pc = addr[i] & ~WIRE_ADDR_EXACT;
		struct frame f = { .off = pc };

		(void)tasks_resolve(src->tasks, pid, ts, pc, &f, NULL); /* false leaves the address */
		f.flags = addr[i] & WIRE_ADDR_EXACT ? FRAME_EXACT : 0;
		add(fs, src, &f);
	}
}

static int starts_with(const char *s, const char *prefix)
{
	return !strncmp(s, prefix, strlen(prefix));
}

/* What stands between a tracepoint and the program, leaf first: the program (without a name, or bpf_prog_…), then the glue. */
static int is_glue(const char *name)
{
	return starts_with(name, "bpf_") || starts_with(name, "__bpf_") || starts_with(name, "__traceiter_") ||
	       starts_with(name, "__SCT__tp_func_") || starts_with(name, "trace_call_bpf");
}

uint32_t frames_tracing(const struct kallsyms *k, const uint64_t *addr, uint32_t cnt)
{
	uint32_t skip = 0;

	for (uint32_t i = 0; k && i < cnt && i < 8; i++) {
		const char *name = kallsyms_name(k, addr[i] - 1);

		if (name && is_glue(name))
			skip = i + 1;
		else if (name)
			break;
	}
	return skip;
}

uint32_t frames_cut_interrupt(const struct kallsyms *k, const uint64_t *addr, uint32_t cnt, int *ret_irq)
{
	*ret_irq = 0;
	for (uint32_t i = 0; k && i < cnt; i++) {
		const char *name = kallsyms_name(k, addr[i] - 1);

		if (!name)
			continue;
		if (starts_with(name, "__local_bh_enable_ip") || !strcmp(name, "do_softirq"))
			return cnt;
		if (starts_with(name, "asm_sysvec_") || starts_with(name, "asm_common_interrupt") ||
		    starts_with(name, "asm_exc_nmi") || starts_with(name, "ret_from_intr")) {
			*ret_irq = 1;
			return i + 1;
		}
		if (!strcmp(name, "run_ksoftirqd")) {
			*ret_irq = 1;
			return cnt;
		}
	}
	return cnt;
}
