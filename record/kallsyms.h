/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Kernel addresses: which part of the kernel they belong to, and (at the end) the names of those that were hit.
 * Read once at the start, or asked one by one where the kernel has a lookup. KASLR does not reach the recording: offsets count from _text, or from a module's start.
 */
#ifndef VARVE_KALLSYMS_H
#define VARVE_KALLSYMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "formats/err.h"
#include "formats/event.h"
#include "formats/recording.h"

struct kallsyms;

/* Where to read; members NULL: the running kernel's. Tests give files of their own. */
struct kallsyms_paths {
	const char *kallsyms, *modules, *notes, *sys_module, *iomem;
};

/* What lies at an address of the kernel. */
struct kallsyms_found {
	uint64_t start, end;
	char name[512];	 /* KSYM_NAME_LEN */
	char module[64]; /* "" the kernel's own text, "bpf", or a module's name */
};

/* Asks the running kernel. False: nothing is known of addr. */
struct kallsyms_lookup {
	bool (*find)(void *ctx, uint64_t addr, struct kallsyms_found *ret);
	void *ctx;
};

/*
 * Read symbols, modules and build-ids, and intern the kernel as a module of w (which must outlive k).
 * lookup (may be NULL; copied): symbols are then asked for when they are needed, and the file is read up to _text only.
 * Returns 0; also when addresses are hidden (kptr_restrict): then kallsyms_is_restricted() and *err hold the reason and the
 * fix, and kernel frames have their addresses instead of offsets. -errno when the file cannot be read.
 */
int kallsyms_create(struct recording_writer *w, const struct kallsyms_paths *paths, const struct kallsyms_lookup *lookup,
		    struct kallsyms **ret, struct err *err);
void kallsyms_destroy(struct kallsyms *k);
bool kallsyms_is_restricted(const struct kallsyms *k);

/*
 * Module and offset of a kernel address: the kernel's own text, a kernel module, or (anything else) a BPF program or
 * trampoline with the address itself. When addresses are hidden all of them are the kernel's, with the address itself.
 * Flags stay the caller's. False with {0, addr} without memory.
 */
bool kallsyms_resolve(struct kallsyms *k, uint64_t addr, struct frame *ret);

/* The module is the kernel's own text, one of its modules', or the BPF programs'. For hits_take(); ctx is a kallsyms. */
bool kallsyms_has_module(void *kallsyms, uint32_t module);

/* Each of these modules, as far as they were met. */
void kallsyms_each_module(const struct kallsyms *k, void (*fn)(void *ctx, uint32_t module), void *ctx);

/* The symbol an address lies in, or NULL ("" never): for messages and tests. */
const char *kallsyms_name(const struct kallsyms *k, uint64_t addr);

/* Reads /proc/kallsyms again for BPF programs that were loaded since. */
int kallsyms_refresh_bpf(struct kallsyms *k, struct err *err);

/*
 * Write EVENT_SYMBOL for the functions these kernel frames lie in, once each (frames that are not the kernel's are passed
 * over). frames are sorted by (module, off).
 */
int kallsyms_emit_hits(struct kallsyms *k, const struct frame *frames, size_t cnt, struct err *err);

/* A new segment: names that were written are to be written again. */
void kallsyms_next_segment(struct kallsyms *k);

/* Write EVENT_SYMBOL for every function. */
int kallsyms_emit_all(struct kallsyms *k, struct err *err);

#endif
