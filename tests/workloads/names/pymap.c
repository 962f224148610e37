// SPDX-License-Identifier: BSD-2-Clause
/*
 * pymap SECONDS: what CPython 3.12 does under -X perf, without a CPython (Debian 12 has none that can): each Python function runs through a
 * trampoline of its own, made at run time, that keeps no frame pointer and calls the evaluator; /tmp/perf-PID.map names the trampolines
 * "py::QUALNAME:FILE". Here the evaluator is a C function that goes one function deeper each time, and spins in the innermost.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

/* sub $8,%rsp; call *%rcx; add $8,%rsp; ret: three arguments pass through, the fourth is the evaluator */
static const uint8_t code[] = { 0x48, 0x83, 0xec, 0x08, 0xff, 0xd1, 0x48, 0x83, 0xc4, 0x08, 0xc3 };
#define CODE_STEP 32

static const char *const functions[] = { "<module>", "Reader.lines", "Reader.lines.<locals>.<lambda>", "parse" };
#define DEPTH (sizeof(functions) / sizeof(*functions))

struct frame {
	size_t depth;
	uint8_t *arena;
};

typedef long evaluator(void *state, struct frame *f, int throw_flag);
typedef long trampoline(void *state, struct frame *f, int throw_flag, evaluator *eval);

static volatile long sink;

__attribute__((noinline)) long eval_frame(void *state, struct frame *f, int throw_flag)
{
	struct frame callee = { f->depth + 1, f->arena };

	if (callee.depth < DEPTH)
		return ((trampoline *)(f->arena + callee.depth * CODE_STEP))(state, &callee, throw_flag, eval_frame) + 1;
	for (long i = 0; i < 1000000; i++)
		sink += i;
	return sink;
}

int main(int argc, char **argv)
{
	uint8_t *arena = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	clock_t end = clock() + (clock_t)((argc > 1 ? atof(argv[1]) : 1) * CLOCKS_PER_SEC);
	struct frame first = { 0, arena };
	char path[64];
	FILE *map;

	snprintf(path, sizeof(path), "/tmp/perf-%d.map", getpid());
	map = fopen(path, "w");
	if (arena == MAP_FAILED || !map)
		return 1;
	for (size_t i = 0; i < DEPTH; i++) {
		memcpy(arena + i * CODE_STEP, code, sizeof(code));
		fprintf(map, "%lx %zx py::%s:/srv/app/read lines.py\n", (unsigned long)(arena + i * CODE_STEP), sizeof(code), functions[i]);
	}
	fclose(map);
	if (mprotect(arena, 4096, PROT_READ | PROT_EXEC))
		return 1;
	while (clock() < end)
		((trampoline *)arena)(NULL, &first, 0, eval_frame);
	printf("%d\n", getpid());
	return 0;
}
