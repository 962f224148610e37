// SPDX-License-Identifier: BSD-2-Clause
/* Symbols that mislead: an IFUNC, aliases, assembly without a size, a cold part, a PLT slot. test_names.sh asks for addresses by nm. */
#include <stdio.h>
#include <stdlib.h>

__asm__(".text\n"
	".globl asm_without_size\n"
	"asm_without_size:\n"
	"	nop\n	nop\n	nop\n	ret\n"
	".type after_asm,@function\n"
	"after_asm:\n"
	"	nop\n	ret\n"
	".size after_asm, .-after_asm\n");

__attribute__((noinline)) int the_implementation(int n)
{
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
	return n ^ 5;
}
int __plain_alias(int n) __attribute__((alias("plain_alias")));
int weak_alias(int n) __attribute__((weak, alias("plain_alias")));

static __attribute__((cold, noinline)) void never(int n)
{
	fprintf(stderr, "never %d\n", n);
	abort();
}

__attribute__((noinline)) int with_cold_part(int n)
{
	if (__builtin_expect(n == 12345, 0))
		never(n);
	return n + 1;
}

int main(int argc, char **argv)
{
	return ifunc_name(argc) + plain_alias(argc) + with_cold_part(argc) == 1;
}
