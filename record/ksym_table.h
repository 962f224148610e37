/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Functions of the kernel by address, and its modules: from /proc/kallsyms read whole, or one by one from a lookup, which costs a
 * microsecond for each function that was seen instead of 40 ms for all of them. Inside kallsyms.c; for its tests.
 */
#ifndef VARVE_KSYM_TABLE_H
#define VARVE_KSYM_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "formats/bytes.h"
#include "formats/err.h"
#include "record/kallsyms.h"

enum { OWNER_KERNEL = 0, OWNER_BPF = 1, OWNER_KMOD = 2 };

struct ksym {
	uint64_t addr;
	uint64_t end;	/* 0: where the next one begins */
	uint32_t name;	/* offset in names */
	uint16_t owner; /* OWNER_*, or OWNER_KMOD + index */
	uint8_t rank;
	bool is_written; /* kallsyms.c's */
};

struct kmod {
	char *name; /* owned */
	uint64_t start, end;
	uint32_t module; /* kallsyms.c's: in the recording; 0: not met yet */
};

struct ksym_table {
	struct kallsyms_lookup lookup; /* find NULL: the table is whole */
	const char *path_modules;      /* borrowed */
	struct ksym *syms;	       /* owned; sorted by address, one per address */
	uint32_t cnt, cap;
	struct buffer names;
	struct kmod *mods; /* owned; in order of sight, as owners number them */
	uint32_t mod_cnt, mod_cap;
	uint64_t text, image_end; /* _text; 0: hidden */
};

void ksym_table_deinit(struct ksym_table *t);

/* Modules that are not known yet. 0 or -ENOMEM; a kernel without modules has no such file. */
int ksym_table_read_modules(struct ksym_table *t);

/* Every function; only_bpf: of BPF programs, beside what is there. -ENOMEM, or the errno of the file. */
int ksym_table_read(struct ksym_table *t, const char *path, bool only_bpf, struct err *err);

/*
 * What is enough beside a lookup: _text, from the beginning of kallsyms, and how long the kernel's code is, from iomem. Returns 0 with both
 * or with text 0 (hidden), or -ENODATA.
 */
int ksym_table_read_bounds(struct ksym_table *t, const char *path_kallsyms, const char *path_iomem);

/* The symbol that holds addr, or NULL. Valid until the next call of a function of the table. */
struct ksym *ksym_table_find(struct ksym_table *t, uint64_t addr);
/* With a lookup: functions of BPF programs, which come and go, are asked for anew. Without: they are all that is known of them. */
void ksym_table_forget_bpf(struct ksym_table *t);
uint64_t ksym_table_end(const struct ksym_table *t, const struct ksym *s);
const char *ksym_table_name(const struct ksym_table *t, const struct ksym *s);
struct kmod *ksym_table_module(const struct ksym_table *t, uint64_t addr);

#endif
