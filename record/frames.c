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

/*
 * Is addr[i] the very pc? A leaf's, and that of code a signal interrupted, are marked. What stands above the latter is the signal's trampoline: the
 * address of its first instruction, which nothing has called, so that what is before it is another function.
 */
static bool is_exact(const uint64_t *addr, uint32_t i, uint32_t cnt)
{
	return (addr[i] | (i + 1 < cnt ? addr[i + 1] : 0)) & WIRE_ADDR_EXACT;
}

/* Resolve the first n of cnt addresses. */
static void resolve_user(struct frames *fs, const struct frames_sources *src, const uint64_t *addr, uint32_t n, uint32_t cnt, uint32_t pid, uint64_t ts)
{
	for (uint32_t i = 0; i < n; i++) {
		uint64_t pc = addr[i] & ~WIRE_ADDR_EXACT;
		struct frame f = { .off = pc };

		(void)tasks_resolve(src->tasks, pid, ts, pc, &f, NULL); /* false leaves the address */
		if (src->jit)
			f.module = jit_current(src->jit, f.module);
		f.flags = is_exact(addr, i, cnt) ? FRAME_EXACT : 0;
		add(fs, src, &f);
	}
}

/* How many addresses, from the root, are those of the slot. */
static uint32_t common_cnt(const struct frames_memo_slot *m, const uint64_t *addr, uint32_t cnt)
{
	uint32_t n = 0, max = cnt < m->cnt ? cnt : m->cnt;

	if (cnt == m->cnt && !memcmp(m->addr, addr, cnt * sizeof(*addr)))
		return cnt;
	while (n < max && m->addr[m->cnt - 1 - n] == addr[cnt - 1 - n])
		n++;
	return n;
}

void frames_add_user(struct frames *fs, const struct frames_sources *src, const struct wire_stack *s,
		     const uint64_t *addr, uint32_t pid, uint32_t tid, uint64_t ts)
{
	uint32_t cnt = s->user_cnt, jit = src->jit ? jit_state(src->jit) : 0, first = fs->cnt, same = 0;
	uint64_t state = src->memo && cnt <= FRAMES_MEMO_DEPTH ? tasks_state(src->tasks, pid, ts) : 0;
	struct frames_memo_slot *m = state ? &src->memo->slots[tid % FRAMES_MEMO_SLOTS] : NULL;

	if (!m || FRAMES_MAX - fs->cnt < cnt) {
		resolve_user(fs, src, addr, cnt, cnt, pid, ts);
		return;
	}
	if (m->state == state && m->jit_state == jit)
		same = common_cnt(m, addr, cnt);
	resolve_user(fs, src, addr, cnt - same, cnt, pid, ts);
	memcpy(&fs->f[fs->cnt], &m->f[m->cnt - same], same * sizeof(*m->f));
	fs->cnt += same;
	if (same == cnt && same == m->cnt)
		return;
	m->state = state;
	m->jit_state = jit;
	m->cnt = cnt;
	memcpy(m->addr, addr, cnt * sizeof(*addr));
	memcpy(m->f, &fs->f[first], cnt * sizeof(*m->f));
}

static int starts_with(const char *s, const char *prefix)
{
	return !strncmp(s, prefix, strlen(prefix));
}

static enum frames_class class_of_name(const char *name)
{
	static const struct {
		const char *prefix;
		enum frames_class class;
	} known[] = {
		{ "asm_sysvec_", FRAMES_INTERRUPT },	  { "asm_common_interrupt", FRAMES_INTERRUPT },
		{ "asm_exc_nmi", FRAMES_INTERRUPT },	  { "ret_from_intr", FRAMES_INTERRUPT },
		{ "__local_bh_enable_ip", FRAMES_OWN_SOFTIRQ }, { "run_ksoftirqd", FRAMES_KSOFTIRQD },
		{ "bpf_", FRAMES_GLUE },		  { "__bpf_", FRAMES_GLUE },
		{ "__traceiter_", FRAMES_GLUE },	  { "trace_call_bpf", FRAMES_GLUE },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (starts_with(name, known[i].prefix))
			return known[i].class;
	return !strcmp(name, "do_softirq") ? FRAMES_OWN_SOFTIRQ : FRAMES_PLAIN;
}

/* An address without a name is a BPF program, or one whose name is hidden. */
static enum frames_class class_of(struct frames_cache *c, const struct kallsyms *k, uint64_t addr)
{
	size_t slot = (addr ^ addr >> 10) % FRAMES_CACHE_SZ;
	const char *name;

	if (c->addr[slot] == addr)
		return c->class[slot];
	name = kallsyms_name(k, addr - 1);
	c->addr[slot] = addr;
	c->class[slot] = name ? (uint8_t)class_of_name(name) : FRAMES_GLUE;
	return c->class[slot];
}

/* Glue up to the last that stands within a few frames of the leaf and is followed by something else. */
uint32_t frames_tracing(struct frames_cache *c, const struct kallsyms *k, const uint64_t *addr, uint32_t cnt)
{
	uint32_t i = 0;

	if (!k || kallsyms_is_restricted(k))
		return 0;
	while (i < cnt && i < 8 && class_of(c, k, addr[i]) == FRAMES_GLUE)
		i++;
	return i;
}

uint32_t frames_cut_interrupt(struct frames_cache *c, const struct kallsyms *k, const uint64_t *addr, uint32_t cnt,
			      int *ret_irq)
{
	*ret_irq = 0;
	for (uint32_t i = 0; k && i < cnt; i++) {
		enum frames_class class = class_of(c, k, addr[i]);

		if (class == FRAMES_OWN_SOFTIRQ)
			return cnt;
		*ret_irq = class == FRAMES_INTERRUPT || class == FRAMES_KSOFTIRQD;
		if (*ret_irq)
			return class == FRAMES_INTERRUPT ? i + 1 : cnt;
	}
	return cnt;
}
