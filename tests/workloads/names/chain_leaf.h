/* SPDX-License-Identifier: BSD-2-Clause */
extern volatile int sink;

#ifndef LEAF_ELSEWHERE
static inline __attribute__((always_inline))
#endif
void *leaf(int x)
{
	void *pc;

	__asm__ volatile("lea 0(%%rip), %0\n\tnop" : "=r"(pc)); /* LEAF */
	sink = x;
	return pc;
}
