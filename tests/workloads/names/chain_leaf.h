/* SPDX-License-Identifier: BSD-2-Clause */
extern volatile int sink;
extern long spins; /* rounds of leaf(), which is where the samples are to fall */

#ifndef LEAF_ELSEWHERE
static inline __attribute__((always_inline))
#endif
void *leaf(int x)
{
	void *pc;

	__asm__ volatile("lea 0(%%rip), %0\n\tnop" : "=r"(pc)); /* LEAF */
	sink = x;
	for (long i = 0; i < spins; i++)
		sink = x;
	return pc;
}
