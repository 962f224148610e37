// SPDX-License-Identifier: BSD-2-Clause
/* CFLAGS: -O2 -fomit-frame-pointer -fno-optimize-sibling-calls -ldl */
/*
 * Stacks that lie. Each mode says "mapped" and waits for a line on stdin, so that a recorder may begin; runs a moment as it should, says "met" and waits
 * again (not lib), so that the recorder may learn what is mapped; and spins for some tenths of a second in code whose stack pointer, or whose unwind
 * information, is not what it says:
 *	unmapped   rsp is an address where nothing is mapped
 *	kernel     rsp is an address of the kernel's
 *	still      the caller's frame is said to be where this one is
 *	down       … to be below it
 *	circle     … to be at *rbp, which leads to where it came from
 *	climb      each return address on a stack of 20,000 is that of the same call
 *	wild       the return address is said to be where a number is
 *	lib FILE   calls lib_a_outer() of a library, which calls back
 */
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SPIN "mov $400000000,%ecx\n1:\ndec %ecx\njnz 1b\n"
/* name(rdi): swaps in rdi as rsp, spins, and comes back; what its unwind information says of the spinning is in cfi */
#define SPINNER(name, cfi)                                                                             \
	__asm__(".text\n.globl " #name "\n.type " #name ",@function\n" #name ":\n.cfi_startproc\n"     \
		"push %rbp\n.cfi_adjust_cfa_offset 8\n.cfi_offset 6,-16\nmov %rsp,%rax\nmov %rsi,%rbp\n" \
		"mov %rdi,%rsp\n.cfi_remember_state\n" cfi SPIN                                         \
		"mov %rax,%rsp\n.cfi_restore_state\npop %rbp\n.cfi_adjust_cfa_offset -8\nret\n.cfi_endproc\n.size " #name ",.-" #name "\n"); \
	void name(void *sp, void *bp)

SPINNER(spin_truthful, ".cfi_def_cfa 7,8\n.cfi_offset 16,-8\n.cfi_same_value 6\n");
SPINNER(spin_still, ".cfi_def_cfa 7,0\n.cfi_offset 16,0\n.cfi_same_value 6\n");
SPINNER(spin_down, ".cfi_def_cfa 7,-64\n.cfi_offset 16,64\n.cfi_same_value 6\n");
SPINNER(spin_circle, ".cfi_escape 0x0f,3,0x76,0,0x06\n.cfi_offset 16,-8\n.cfi_same_value 6\n"); /* CFA = *rbp */

static volatile uint64_t work;

static void burn_until(uint64_t cpu_ns)
{
	struct timespec t;

	do {
		for (int i = 0; i < 100000; i++)
			work += i;
		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	} while (t.tv_sec * 1000000000ULL + t.tv_nsec < cpu_ns);
}

static void on_fire(void)
{
	burn_until(1000000000);
	__asm__ volatile("" ::: "memory");
}

static void wait_for_line(const char *said)
{
	char line[8];

	puts(said);
	fflush(stdout);
	if (!fgets(line, sizeof(line), stdin))
		exit(4);
}

__attribute__((noinline)) static void run_lib(const char *path)
{
	void *h = dlopen(path, RTLD_NOW);
	void (*f)(void (*)(void)) = h ? (void (*)(void (*)(void)))dlsym(h, "lib_a_outer") : NULL;

	if (!f)
		exit(3);
	wait_for_line("mapped");
	f(on_fire);
	__asm__ volatile("" ::: "memory");
}

/* Memory that is a stack of words, all of them this one; its middle. */
static uint64_t *stack_of(uint64_t word)
{
	uint64_t *s = malloc(20001 * sizeof(*s));

	for (int i = 0; i < 20001; i++)
		s[i] = word;
	return s;
}

int main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "";
	uint64_t *s;

	if (!strcmp(mode, "lib") && argc > 2) {
		run_lib(argv[2]);
		return 0;
	}
	wait_for_line("mapped");
	burn_until(100000000);
	wait_for_line("met");
	if (!strcmp(mode, "unmapped"))
		spin_truthful((void *)0x10000, NULL);
	else if (!strcmp(mode, "kernel"))
		spin_truthful((void *)0xffffffff81000000, NULL);
	else if (!strcmp(mode, "still"))
		s = stack_of((uint64_t)spin_still + 20), spin_still(s + 10000, NULL);
	else if (!strcmp(mode, "down"))
		s = stack_of((uint64_t)spin_down + 20), spin_down(s + 10000, NULL);
	else if (!strcmp(mode, "circle")) {
		s = stack_of((uint64_t)spin_circle + 20);
		s[10100] = (uint64_t)(s + 10001); /* *rbp: a step up, and then, with the same rbp, there again */
		spin_circle(s + 10000, s + 10100);
	} else if (!strcmp(mode, "climb"))
		s = stack_of((uint64_t)spin_truthful + 20), spin_truthful(s, NULL);
	else if (!strcmp(mode, "wild"))
		s = stack_of(0x1234567), spin_truthful(s, NULL);
	else
		return 2;
	return 0;
}
