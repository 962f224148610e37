/* SPDX-License-Identifier: BSD-2-Clause */
/* Where sections of the kernel's code lie. */
#ifndef VARVE_KERNEL_TEXT_H
#define VARVE_KERNEL_TEXT_H

#include <stdint.h>

struct kernel_section {
	uint64_t start, sz; /* bytes; 0: not known */
};

struct kernel_text {
	struct kernel_section sched; /* functions that the kernel leaves out of a sleeper's stack */
	struct kernel_section entry; /* the code by which the kernel is entered */
};

/* From kallsyms at path: 20 to 40 ms of reading. Both, or (hidden addresses, no such symbols, no such file) all 0. */
struct kernel_text kernel_text_read(const char *path);

#endif
