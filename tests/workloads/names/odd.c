// SPDX-License-Identifier: BSD-2-Clause
/*
 * Symbols that mislead: an IFUNC, aliases, assembly without a size, a cold part, a PLT slot. test_names.sh asks for addresses by nm.
 * odd asm|ifunc|alias|cold SECONDS: spends so much CPU time in one of them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

__asm__(".text\n"
	".globl asm_without_size\n"
	"asm_without_size:\n"
	"	nop\n	nop\n	nop\n1:	dec %rdi\n	jg 1b\n	ret\n"
	".type after_asm,@function\n"
	"after_asm:\n"
	"	nop\n	ret\n"
	".size after_asm, .-after_asm\n");

void asm_without_size(long rounds);

static volatile long spins; /* rounds of each function's loop */
static volatile int sink;

__attribute__((noinline)) int the_implementation(int n)
{
	for (long i = 0; i < spins; i++)
		sink = n;
	return n * 3;
}

typedef int fn(int);
static fn *choose(void)
{
	return the_implementation;
}
int ifunc_name(int n) __attribute__((ifunc("choose")));

__attribute__((noinline)) int plain_alias(int n)
{
	for (long i = 0; i < spins; i++)
		sink = n;
	return n ^ 5;
}
int __plain_alias(int n) __attribute__((alias("plain_alias")));
int weak_alias(int n) __attribute__((weak, alias("plain_alias")));

static __attribute__((cold, noinline)) void never(int n)
{
	fprintf(stderr, "never %d\n", n);
	abort();
}

static __attribute__((cold, noinline)) void seldom(void)
{
	sink++;
}

__attribute__((noinline)) int with_cold_part(int n)
{
	if (__builtin_expect(n == 12345, 0)) {
		seldom(); /* makes the branch a cold one, and so its loop */
		if (!spins)
			never(n);
		for (long i = 0; i < spins; i++)
			sink = n;
	}
	return n + 1;
}

static void spin(const char *what, double seconds)
{
	clock_t end = clock() + (clock_t)(seconds * CLOCKS_PER_SEC);

	spins = 1000000;
	while (clock() < end) {
		if (!strcmp(what, "asm"))
			asm_without_size(spins);
		else if (!strcmp(what, "ifunc"))
			ifunc_name(1);
		else if (!strcmp(what, "alias"))
			weak_alias(1);
		else if (!strcmp(what, "cold"))
			with_cold_part(12345);
		else
			exit(2);
	}
}

int main(int argc, char **argv)
{
	if (argc > 2) {
		spin(argv[1], atof(argv[2]));
		return 0;
	}
	return ifunc_name(argc) + plain_alias(argc) + with_cold_part(argc) == 1;
}
