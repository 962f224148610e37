// SPDX-License-Identifier: BSD-2-Clause
/*
 * A recorder may run for weeks: what no process maps any more and no name is to be read of is forgotten. What grows, and what bounds it:
 *
 *  what                              comes with                  goes with                                     bound; what happens there
 *  tasks, their mappings             fork, mmap                  10 s after the end; tasks.h                   live + 16,384 ended; the grace is shorter
 *  modules, files held, JIT eras     a new file mapped, JIT      here: unmapped, and named or never seen       2,048 files, 256 roots: names by path, or none
 *  the writer's modules              the same                    here: and in no open chunk                    1 Mi, 256 MiB: events refused, counted
 *  frames to be named (hits.h)       a frame seen first          the segment after; flight: with its segment   524,288: counted, those have no name
 *  unwind rows (unwind_table.h)      a module met first          here; room: least recently mapped             16,384 slots, 88 MiB: counted, frame pointers
 *  unwind rules, expressions         a module with new ones      never: they are few                           65,535 and 4,095: the stack ends there
 *  unwind mappings (BPF map)         fork, mmap of who was met   exit                                          32,768 processes: counted, frame pointers
 *  control groups                    a task or OOM in a new one  10 s after a keyframe found it removed        65,536; 512 open directories
 *  numbers told last (counters.h)    a number of a new cgroup    a new segment, or all when full               200,000
 *  waits' threads (waits.h)          a stack, or a waker         2 s after the thread's end                    live threads; stacks held: 16 MiB
 *  kernel symbols (ksym_table.h)     a function seen first       BPF programs': a new segment                  the kernel's functions
 *  strings, tasks, stacks of a chunk an event                    the chunk is written                          3 MiB of payload, or 2 s
 *  BPF: thread states, targets       a thread                    its end (kernel)                              65,536 where they are in a hash: counted
 *
 * The sizes of these are in the recording each second ("varve.*", varve-report info).
 */
#include "record/session_private.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "formats/cleanup.h"
#include "formats/recording.h"
#include "record/modules.h"
#include "record/tasks.h"

#define PAUSE_NS (5 * SECOND) /* between two that find little: who ended is in its grace still */
#define ANYWAY_NS (60 * SECOND)
#define TRIM_CNT 1024 /* modules: some MiB, of which the heap gives back what it can */

/* Module ids that are used. */
struct marks {
	uint64_t *words; /* owned */
	uint32_t word_cnt;
	bool failed; /* no memory: who is used is not known */
};

static bool is_marked(void *ctx, uint32_t id)
{
	const struct marks *m = ctx;

	return id / 64 < m->word_cnt && m->words[id / 64] >> id % 64 & 1;
}

static void mark(void *ctx, uint32_t id)
{
	struct marks *m = ctx;
	uint32_t cnt = m->word_cnt;

	if (id / 64 >= cnt) {
		uint64_t *words;

		cnt = 2 * (id / 64) + 16;
		words = realloc(m->words, cnt * sizeof(*words));
		if (!words) {
			m->failed = true;
			return;
		}
		memset(words + m->word_cnt, 0, (cnt - m->word_cnt) * sizeof(*words));
		m->words = words;
		m->word_cnt = cnt;
	}
	m->words[id / 64] |= 1ULL << id % 64;
}

/* The unwinder's last word: what it still has mapped stays. */
static void forget_rows(struct session *s, struct marks *m, uint64_t now_ts)
{
	for (uint32_t i = 0; s->unwinder && i < modules_count(s->modules); i++) {
		struct module_entry *e = modules_at(s->modules, i);

		if (!is_marked(m, e->id) && !unwinder_forget(s->unwinder, e, now_ts))
			mark(m, e->id);
	}
}

static void forget_modules(struct session *s, uint64_t now_ts)
{
	struct marks m = { .words = NULL };

	mark(&m, 0); /* makes room */
	tasks_each_module(s->tasks, mark, &m);
	symbols_each_module(s->symbols, mark, &m);
	kallsyms_each_module(s->kallsyms, mark, &m);
	modules_each_lasting(s->modules, mark, &m);
	jit_each_needed(s->jit, is_marked, mark, &m);
	if (!m.failed)
		forget_rows(s, &m, now_ts);
	if (!m.failed && !jit_sweep(s->jit, is_marked, &m)) {
		modules_sweep(s->modules, is_marked, &m);
		recording_writer_forget_modules(s->writer, is_marked, &m);
	}
	free(m.words);
}

/* In a new segment everything of the one before has its names. Else, when it has become much, or a while has passed. */
static bool is_due(const struct session *s, uint64_t now_ts, bool is_new_segment)
{
	uint64_t since_ns = now_ts - s->forget_ts;

	if (is_new_segment)
		return true;
	if (s->o->symbols == SYMBOLS_ALL)
		return false; /* names of modules that were never seen are wanted, too, in the end */
	return since_ns >= ANYWAY_NS || (since_ns >= PAUSE_NS && (modules_want_sweep(s->modules) || jit_wants_sweep(s->jit)));
}

void session_forget(struct session *s, uint64_t now_ts, bool is_new_segment)
{
	uint32_t cnt = modules_count(s->modules);

	if (!is_due(s, now_ts, is_new_segment))
		return;
	s->forget_ts = now_ts;
	forget_modules(s, now_ts);
	if (cnt - modules_count(s->modules) >= TRIM_CNT)
		(void)malloc_trim(0);
}
