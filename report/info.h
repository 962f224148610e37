/* SPDX-License-Identifier: BSD-2-Clause */
/* How much of a profile has names, module by module, and why not: pure sums. */
#ifndef VARVE_INFO_H
#define VARVE_INFO_H

#include "report/profile.h"

struct info_image {
	uint32_t image;
	uint64_t frames, named; /* frames of all stacks, counted as often as they were sampled */
};

struct info_names {
	TABLE(struct info_image) images; /* most frames first; only those with frames */
	uint64_t frames, named;
	uint64_t leaves, named_leaves; /* samples with a stack, and those whose leaf has a name */
};

/* *ret: all zero before; table_deinit(&ret->images) afterwards. */
int info_names(struct info_names *ret, const struct profile *p, struct err *err);

#endif
