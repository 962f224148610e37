/*
 * SPDX-License-Identifier: BSD-2-Clause
 * A runtime that makes code, tells of it, and writes over it: `jit map SECONDS` tells by /tmp/perf-PID.map, `jit dump SECONDS` by jit-PID.dump in
 * the current directory. first_code spins for half of the time; then other code stands at the same address and second_code spins. With `dump` that is
 * moved once more, as moved_code's place.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

/* push %rbp; mov %rsp,%rbp; dec %rdi; jne back to it; pop %rbp; ret */
static const uint8_t spin[] = { 0x55, 0x48, 0x89, 0xe5, 0x48, 0xff, 0xcf, 0x75, 0xfb, 0x5d, 0xc3 };

struct header { uint32_t magic, version, size, machine, pad, pid; uint64_t ts, flags; };
struct load { uint32_t id, size; uint64_t ts; uint32_t pid, tid; uint64_t vma, addr, len, index; };
struct move { uint32_t id, size; uint64_t ts; uint32_t pid, tid; uint64_t vma, old, addr, len, index; };

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* So long on the CPU: on a busy machine the clock on the wall says nothing about samples. */
static void run(uint8_t *code, double seconds)
{
	void (*f)(uint64_t) = (void (*)(uint64_t))(void *)code;
	clock_t end = clock() + (clock_t)(seconds * CLOCKS_PER_SEC);

	while (clock() < end)
		f(1000000);
}

static void tell_map(FILE *f, uint8_t *code, const char *name)
{
	fprintf(f, "%lx %zx %s\n", (unsigned long)code, sizeof(spin), name);
	fflush(f);
}

static void tell_load(int fd, uint8_t *code, const char *name, uint64_t index)
{
	struct load l = { .size = (uint32_t)(sizeof(l) + strlen(name) + 1 + sizeof(spin)), .ts = now(), .pid = (uint32_t)getpid(),
			  .tid = (uint32_t)getpid(), .vma = (uintptr_t)code, .addr = (uintptr_t)code, .len = sizeof(spin), .index = index };

	if (write(fd, &l, sizeof(l)) < 0 || write(fd, name, strlen(name) + 1) < 0 || write(fd, code, sizeof(spin)) < 0)
		exit(1);
}

static void tell_move(int fd, uint8_t *from, uint8_t *to, uint64_t index)
{
	struct move m = { .id = 1, .size = sizeof(m), .ts = now(), .pid = (uint32_t)getpid(), .tid = (uint32_t)getpid(),
			  .vma = (uintptr_t)to, .old = (uintptr_t)from, .addr = (uintptr_t)to, .len = sizeof(spin), .index = index };

	if (write(fd, &m, sizeof(m)) < 0)
		exit(1);
}

int main(int argc, char **argv)
{
	int is_dump = argc > 1 && !strcmp(argv[1], "dump"), fd = -1;
	double seconds = argc > 2 ? atof(argv[2]) : 2;
	uint8_t *code = mmap(NULL, 65536, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char name[64];
	FILE *f = NULL;

	if (code == MAP_FAILED)
		return 1;
	if (is_dump) {
		struct header h = { 0x4a695444, 1, sizeof(h), 62, 0, (uint32_t)getpid(), now(), 0 };

		snprintf(name, sizeof(name), "jit-%d.dump", getpid());
		fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0644);
		if (fd < 0 || write(fd, &h, sizeof(h)) < 0 || mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0) == MAP_FAILED)
			return 1;
	} else {
		snprintf(name, sizeof(name), "/tmp/perf-%d.map", getpid());
		f = fopen(name, "w");
		if (!f)
			return 1;
	}
	memcpy(code, spin, sizeof(spin));
	is_dump ? tell_load(fd, code, "first_code", 1) : tell_map(f, code, "first_code");
	run(code, seconds / 2);
	memcpy(code, spin, sizeof(spin));
	is_dump ? tell_load(fd, code, "second_code", 2) : tell_map(f, code, "second_code");
	run(code, seconds / 2);
	if (is_dump) {
		memcpy(code + 4096, spin, sizeof(spin));
		tell_move(fd, code, code + 4096, 2);
		run(code + 4096, seconds / 2);
	}
	printf("pid=%d\n", getpid());
	return 0;
}
