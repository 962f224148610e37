/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel's types for the BPF programs, looked up by us in one pass over them instead of by libbpf in many: what the fields' offsets
 * are taken from, what the programs are attached to, and where a per-CPU variable lies. For programs.c.
 */
#ifndef VARVE_PROGRAMS_TYPES_H
#define VARVE_PROGRAMS_TYPES_H

#include <bpf/libbpf.h>

#include "formats/err.h"
#include "record/btf_scan.h"
#include "record/kernel.h"

#define PROGRAMS_HOOKS 24

struct programs_types {
	const struct kernel *kernel;
	struct btf_wanted hooks[PROGRAMS_HOOKS]; /* names are owned; */
	size_t hook_cnt;
	int handlers[4]; /* libbpf's, for a kind of section each */
	size_t handler_cnt;
	int fd; /* a file of BTF in memory */
	char path[40];
};

/*
 * Before the object is opened, with ret->path as btf_custom_path. `ret` stays where it is until programs_types_deinit(), which is after the
 * object is loaded, and sees to it whatever this returns.
 */
int programs_types_init(struct programs_types *ret, const struct kernel *k, struct err *err);

/* After it is opened: look up what it wants. Programs that are not to be loaded are passed over. */
int programs_types_find(struct programs_types *t, const struct bpf_object *obj, struct err *err);

void programs_types_deinit(struct programs_types *t);

#endif
