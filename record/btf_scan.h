/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A few types looked up in the kernel's type information, in one pass and in place. libbpf's own way reads, checks and indexes all
 * of it (some 6 MB, 7 ms) and then walks it once for each name.
 */
#ifndef VARVE_BTF_SCAN_H
#define VARVE_BTF_SCAN_H

#include <linux/btf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "formats/err.h"

#define BTF_SCAN_STEP 64 /* of so many types, the place of one is kept */

struct btf_scan {
	const uint8_t *data; /* the whole file; owned */
	size_t sz;
	size_t types, types_end; /* offsets */
	const char *strings;
	size_t strings_sz;
	uint32_t *places; /* owned; offset of type 1 + i * BTF_SCAN_STEP */
	uint32_t type_cnt; /* of types; ids are 1 … type_cnt */
	uint8_t is_mapped;
};

struct btf_wanted {
	const char *name;
	uint32_t kind; /* BTF_KIND_… */
	uint32_t id;   /* found: the first such type's; else 0 */
};

/* Open a file of raw BTF of this machine's byte order. Returns 0 or -errno; -EBADMSG: it is none. `ret` is to be closed only after 0. */
int btf_scan_open(const char *path, struct btf_scan *ret);

void btf_scan_close(struct btf_scan *b);

/* The same on memory, which stays the caller's and must outlive it. */
int btf_scan_init(struct btf_scan *b, const void *data, size_t sz);

/*
 * Walk all types and hand those that have a name and are of one of `kinds` (bits 1 << BTF_KIND_…) to fn. Returns 0; -EBADMSG: a type that
 * is cut off or of unknown kind; -ENOMEM.
 */
typedef void (*btf_scan_fn)(void *ctx, uint32_t id, const struct btf_type *t, const char *name);
int btf_scan_each(struct btf_scan *b, uint32_t kinds, btf_scan_fn fn, void *ctx);

/*
 * The first two bytes of some names, to pass over nearly all others without comparing. All zero is none.
 */
struct btf_first {
	uint8_t bits[8192];
};
void btf_first_add(struct btf_first *f, const char *name);
bool btf_first_has(const struct btf_first *f, const char *name);

/* Fills in the ids of w as btf_finding_take() is called for types of (at least) these kinds: a btf_scan_fn, for who seeks other things, too. */
struct btf_finding {
	struct btf_wanted *w; /* borrowed */
	size_t cnt;
	uint32_t kinds; /* bits, as for btf_scan_each() */
	struct btf_first first;
};
void btf_finding_init(struct btf_finding *f, struct btf_wanted *w, size_t cnt);
void btf_finding_take(void *finding, uint32_t id, const struct btf_type *t, const char *name);

/* Walk all types and fill in the ids of those wanted. Returns as btf_scan_each(). */
int btf_scan_find(struct btf_scan *b, struct btf_wanted *w, size_t cnt);

/* A type by its id, after btf_scan_each() or btf_scan_find(); what follows it (members, parameters) is there whole. NULL: no such type. */
const struct btf_type *btf_scan_type(const struct btf_scan *b, uint32_t id);

/* The name at an offset of the strings, "" where there is none. */
const char *btf_scan_name(const struct btf_scan *b, uint32_t off);

/* Bytes of a type with what follows it; 0: of a kind that is not known. */
size_t btf_scan_size(const struct btf_type *t);

#endif
