/* SPDX-License-Identifier: BSD-2-Clause */
/* The inside of struct programs, for programs*.c. */
#ifndef VARVE_PROGRAMS_PRIVATE_H
#define VARVE_PROGRAMS_PRIVATE_H

#include <bpf/libbpf.h>

#include "record/programs.h"
#include "record/ring.h"

#include "bpf/varve.skel.h"

#define LINKS_MAX 24
#define IRQ_RINGS 4

struct programs {
	struct varve_bpf *skel;
	struct bpf_link *links[LINKS_MAX];
	size_t link_cnt;
	char *logs; /* the verifier's, while loading */
	char missing[256];
	uint64_t ring_sz[RING_CNT];
	struct ring irq_rings[IRQ_RINGS]; /* that the kernel half interrupts its CPUs by: what is discarded in them is to be given back */
	struct wire_counters *percpu; /* of each possible CPU */
	int cpu_cnt;
};

#endif
