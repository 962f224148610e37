// SPDX-License-Identifier: BSD-2-Clause
/* A library to load and unload: LIB is a or b. */
#define STAY() __asm__ volatile("" ::: "memory")
#define CAT_(a, b, c) a##b##c
#define CAT(a, b, c) CAT_(a, b, c)

__attribute__((noinline)) void CAT(lib_, LIB, _inner)(void (*f)(void))
{
	for (int i = 0; i < 30; i++) {
		volatile char pad[LIB_PAD];

		pad[0] = 1;
		f();
		STAY();
	}
}

__attribute__((visibility("default"))) void CAT(lib_, LIB, _outer)(void (*f)(void))
{
	CAT(lib_, LIB, _inner)(f);
	STAY();
}

/* as little as can be called */
__attribute__((visibility("default"))) void CAT(lib_, LIB, _tick)(void)
{
	STAY();
}
