// SPDX-License-Identifier: BSD-2-Clause
#include "formats/event.h"

#include <stddef.h>

#include "formats/cleanup.h"

static const char *name_at(const char *const *names, size_t cnt, unsigned i)
{
	return i < cnt ? names[i] : NULL;
}

const char *event_kind_name(enum event_kind kind)
{
	static const char *const names[EVENT_KIND_CNT] = {
		[EVENT_META] = "meta",
		[EVENT_CLOCK] = "clock",
		[EVENT_TASK] = "task",
		[EVENT_FORK] = "fork",
		[EVENT_EXEC] = "exec",
		[EVENT_COMM] = "comm",
		[EVENT_EXIT] = "exit",
		[EVENT_MAPPING] = "mapping",
		[EVENT_CGROUP] = "cgroup",
		[EVENT_SAMPLE] = "sample",
		[EVENT_OFFCPU] = "offcpu",
		[EVENT_ACCOUNT] = "account",
		[EVENT_SWITCH] = "switch",
		[EVENT_WAKEUP] = "wakeup",
		[EVENT_MIGRATE] = "migrate",
		[EVENT_OOM] = "oom",
		[EVENT_OOM_TASK] = "oom_task",
		[EVENT_COUNTER] = "counter",
		[EVENT_LOSS] = "loss",
		[EVENT_SYMBOL] = "symbol",
		[EVENT_STREAM_TOTAL] = "stream_total",
		[EVENT_MARK] = "mark",
		[EVENT_END] = "end",
	};

	return name_at(names, ARRAY_SIZE(names), kind);
}

const char *stack_end_name(enum stack_end end)
{
	static const char *const names[STACK_END_CNT] = {
		[STACK_END_COMPLETE] = "complete",
		[STACK_END_TRUNCATED] = "truncated",
		[STACK_END_FRAME_POINTERS] = "frame pointers only",
		[STACK_END_NO_MAPPING] = "no mapping",
		[STACK_END_NO_ROW] = "no unwind row",
		[STACK_END_BAD_READ] = "stack not readable",
		[STACK_END_BAD_FRAME] = "bad frame",
		[STACK_END_EXPRESSION] = "dwarf expression",
		[STACK_END_TABLE_FULL] = "unwind table full",
		[STACK_END_NOT_TAKEN] = "not taken",
		[STACK_END_MEMORY_GONE] = "memory gone",
	};

	return name_at(names, ARRAY_SIZE(names), end);
}

const char *loss_reason_name(enum loss_reason reason)
{
	static const char *const names[] = {
		[LOSS_RING_FULL] = "ring full",
		[LOSS_MAP_FULL] = "map full",
		[LOSS_STACK_ERROR] = "stack error",
		[LOSS_USER_DROPPED] = "dropped by the recorder",
		[LOSS_PERF_LOST] = "perf ring full",
		[LOSS_CHUNK_WRITE] = "chunk not written",
		[LOSS_CPU_OFFLINE] = "cpu offline",
		[LOSS_SCRATCH_BUSY] = "scratch busy",
		[LOSS_DAMAGE] = "file damaged",
	};

	return name_at(names, ARRAY_SIZE(names), reason);
}

const char *module_kind_name(enum module_kind kind)
{
	static const char *const names[] = {
		[MODULE_ELF] = "elf",	[MODULE_KERNEL] = "kernel", [MODULE_KMOD] = "module",
		[MODULE_VDSO] = "vdso", [MODULE_JIT] = "jit",	    [MODULE_BPF] = "bpf",
	};

	return name_at(names, ARRAY_SIZE(names), kind);
}

const char *symbol_source_name(enum symbol_source s)
{
	static const char *const names[] = {
		[SYMBOL_KALLSYMS] = "kallsyms",
		[SYMBOL_SYMTAB] = "symtab",
		[SYMBOL_DYNSYM] = "dynsym",
		[SYMBOL_PERFMAP] = "perfmap",
		[SYMBOL_MINIDEBUG] = "minidebuginfo",
		[SYMBOL_GOPCLNTAB] = "gopclntab",
		[SYMBOL_JITDUMP] = "jitdump",
		[SYMBOL_PLT] = "plt",
		[SYMBOL_DWARF] = "dwarf",
		[SYMBOL_FDE] = "eh_frame",
	};

	return name_at(names, ARRAY_SIZE(names), s);
}

const char *end_reason_name(enum end_reason reason)
{
	static const char *const names[] = {
		[END_USER] = "stopped by the user",
		[END_DURATION] = "duration reached",
		[END_SIZE] = "size reached",
		[END_ENOSPC] = "no space left",
		[END_SIGNAL] = "signal",
		[END_TARGET_EXITED] = "target exited",
		[END_ERROR] = "internal error",
		[END_READER_GONE] = "reader went away",
		[END_LOW_SPACE] = "little space left",
		[END_SNAPSHOT] = "snapshot, goes on",
		[END_SEGMENT] = "goes on in the next segment",
	};

	return name_at(names, ARRAY_SIZE(names), reason);
}
