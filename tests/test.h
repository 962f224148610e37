/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Unit tests: TEST(name_that_states_the_claim) { CHECK(...); } … and TEST_MAIN() at the end of the file.
 * Prints TAP; tests/run.sh counts it. A failed CHECK ends its test, the others still run.
 */
#ifndef VARVE_TEST_H
#define VARVE_TEST_H

#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct test_case {
	const char *name;
	void (*run)(void);
	struct test_case *next;
};

static struct test_case *test_first, **test_last = &test_first;
static jmp_buf test_escape;
static const char *test_skip_reason;

#define TEST(n)                                                                                    \
	static void test_##n(void);                                                                \
	static struct test_case test_case_##n = { #n, test_##n, NULL };                            \
	__attribute__((constructor)) static void test_register_##n(void)                           \
	{                                                                                          \
		*test_last = &test_case_##n;                                                       \
		test_last = &test_case_##n.next;                                                   \
	}                                                                                          \
	static void test_##n(void)

#define CHECK(cond)                                                                                \
	do {                                                                                       \
		if (!(cond)) {                                                                     \
			printf("# %s:%d: %s\n", __FILE__, __LINE__, #cond);                        \
			longjmp(test_escape, 1);                                                   \
		}                                                                                  \
	} while (0)

#define CHECK_EQ(a, b)                                                                             \
	do {                                                                                       \
		long long _a = (long long)(a), _b = (long long)(b);                                \
		if (_a != _b) {                                                                    \
			printf("# %s:%d: %s is %lld, want %s = %lld\n", __FILE__, __LINE__, #a, _a, #b, _b); \
			longjmp(test_escape, 1);                                                   \
		}                                                                                  \
	} while (0)

#define CHECK_STR(a, b)                                                                            \
	do {                                                                                       \
		const char *_a = (a), *_b = (b);                                                   \
		if (!_a || !_b || strcmp(_a, _b)) {                                                \
			printf("# %s:%d: %s is \"%s\", want \"%s\"\n", __FILE__, __LINE__, #a,     \
			       _a ? _a : "(null)", _b ? _b : "(null)");                            \
			longjmp(test_escape, 1);                                                   \
		}                                                                                  \
	} while (0)

/* CPU seconds of this process: for bounds on work, as the clock on the wall says how busy the machine is. */
static inline double test_cpu_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* The text holds these words: for messages. */
#define CHECK_HAS(text, words)                                                                     \
	do {                                                                                       \
		const char *_t = (text);                                                           \
		if (!_t || !strstr(_t, (words))) {                                                 \
			printf("# %s:%d: \"%s\" does not say \"%s\"\n", __FILE__, __LINE__,        \
			       _t ? _t : "(null)", (words));                                       \
			longjmp(test_escape, 1);                                                   \
		}                                                                                  \
	} while (0)

/*
 * The step of a loop that tries every byte, bit, call or allocation: each of them in the plain build, and one in seven (which is no divisor of a
 * size) where a sanitizer looks on, as that takes several times as long.
 */
#ifdef __SANITIZE_ADDRESS__
#define TEST_STEP 7
#else
#define TEST_STEP 1
#endif

#define SKIP(reason)                                                                               \
	do {                                                                                       \
		test_skip_reason = (reason);                                                       \
		longjmp(test_escape, 2);                                                           \
	} while (0)

#define TEST_MAIN()                                                                                \
	int main(int argc, char **argv)                                                            \
	{                                                                                          \
		static int n, failed; /* static: they live across longjmp */                       \
		static struct test_case *t;                                                        \
		setvbuf(stdout, NULL, _IOLBF, 0);                                                  \
		for (t = test_first;                         t; t = t->next) {                           \
			if (argc > 1 && !strstr(t->name, argv[1]))                                 \
				continue;                                                          \
			n++;                                                                       \
			switch (setjmp(test_escape)) {                                             \
			case 0:                                                                    \
				t->run();                                                          \
				printf("ok %d - %s\n", n, t->name);                                \
				break;                                                             \
			case 2:                                                                    \
				printf("ok %d - %s # SKIP %s\n", n, t->name, test_skip_reason ?: "");    \
				break;                                                             \
			default:                                                                   \
				failed++;                                                          \
				printf("not ok %d - %s\n", n, t->name);                            \
			}                                                                          \
		}                                                                                  \
		printf("1..%d\n", n);                                                              \
		return failed ? 1 : 0;                                                             \
	}

#endif
