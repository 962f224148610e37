/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A bundle: the parts of programs, debug files and perf maps that naming needs, of everything a recording has in its stacks, in one
 * file to be carried along. Layout and why: FORMAT.md, "Bundles". Writing and packing are for recorder and report, reading is the
 * report's. Nothing in a bundle is trusted.
 */
#ifndef VARVE_BUNDLE_H
#define VARVE_BUNDLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "formats/elf_source.h"
#include "formats/err.h"
#include "formats/event.h"

#define BUNDLE_RAW_MAX (8ULL << 30)	/* bytes of a member when unpacked */
#define BUNDLE_MEMBER_MAX (1u << 17)
#define BUNDLE_PATH_MAX 4096		/* with the NUL */
#define BUNDLE_NAME_SZ 100		/* of a member, as tar has them */

enum bundle_role {
	BUNDLE_IMAGE = 1, /* a module's own file (and the vdso); id: the module's */
	BUNDLE_DEBUG = 2, /* its separate debug file; id: the module's. Or a dwz supplement; id: its own */
	BUNDLE_DWP = 3,	  /* its package of split DWARF; id: the module's */
	BUNDLE_DWO = 4,	  /* one split unit; dwo_id */
	BUNDLE_MAP = 5,	  /* a process's perf map; pid, start_ts: for what the recording has no JIT names of */
};

/* What a member is known by; its name in the file is made of it. */
struct bundle_key {
	enum bundle_role role;
	uint8_t id[BUILD_ID_MAX];
	uint8_t id_sz;		/* at least 2 */
	bool is_content_id;	/* id is of formats/content_id.h */
	uint64_t dwo_id;
	uint32_t pid;
	uint64_t start_ts;
};

/* The key of a module's file. */
struct bundle_key bundle_module_key(enum bundle_role role, const struct module *m);

/* Text of a key, or back; false for a name that is none of ours. */
void bundle_key_name(const struct bundle_key *key, char ret[BUNDLE_NAME_SZ]);
bool bundle_key_parse(const char *name, struct bundle_key *ret);

/* ---- packing ---- */

/* Takes what was packed, piece by piece. A nonzero return ends the packing and is returned. */
typedef int (*bundle_sink)(void *ctx, const void *data, size_t len);

/*
 * A member's bytes from a file of size bytes: path, then the file compressed, with zeros in place of what naming does not need
 * (is_elf; any other file whole). path: where the file was, which a report then tells. A file that gets shorter meanwhile ends in zeros.
 * Returns 0, -EFBIG, -ENOMEM, or what sink returned.
 */
int bundle_pack(const struct elf_source *src, uint64_t size, bool is_elf, const char *path, bundle_sink sink, void *ctx);

/* ---- writing ---- */

struct bundle_writer;

/* path "-": standard output, written at close. Created as recordings are (output.h). */
int bundle_writer_create(const char *path, bool force, struct bundle_writer **ret, struct err *err);

/* Has this key been added already? */
bool bundle_writer_has(const struct bundle_writer *w, const struct bundle_key *key);

/* Between begin() and end() the packed bytes are appended (a bundle_sink). end(keep false) forgets them. */
int bundle_writer_begin(struct bundle_writer *w, const struct bundle_key *key, struct err *err);
int bundle_writer_append(void *w, const void *data, size_t len);
int bundle_writer_end(struct bundle_writer *w, bool keep, struct err *err);

uint32_t bundle_writer_count(const struct bundle_writer *w); /* members kept */
uint64_t bundle_writer_bytes(const struct bundle_writer *w);

/* Ends the file, syncs and closes it. keep false: removes it. Frees w whatever happens; NULL is accepted. */
int bundle_writer_close(struct bundle_writer *w, bool keep, struct err *err);

/* ---- reading ---- */

struct bundle_member {
	struct bundle_key key;
	char *path;		/* where it was on the recorded host; owned by the bundle */
	uint64_t off, stored_sz; /* of the zstd frame in the bundle */
	uint64_t raw_sz;
	uint32_t check;		/* of the contents, as stored: tells two members of one key apart */
};

struct bundle;

/* Is there a bundle at path? Looks at its first bytes. */
bool bundle_is(const char *path);

/*
 * Read the list of members. Returns 0, -errno, or -EBADMSG: no bundle. One that was cut short gives what it has; members that make no
 * sense are passed over.
 */
int bundle_open(const char *path, struct bundle **ret, struct err *err);
void bundle_close(struct bundle *b);

uint32_t bundle_count(const struct bundle *b);
const struct bundle_member *bundle_at(const struct bundle *b, uint32_t i);
/* The first with this key; NULL none. */
const struct bundle_member *bundle_find(const struct bundle *b, const struct bundle_key *key);

/*
 * Unpack into memory of its own, to be given back with munmap(): raw_sz bytes, of which pages of zeros take no room. Returns 0, -ENOMEM,
 * -errno, or -EBADMSG: damaged, or it unpacks to other than it says.
 */
int bundle_unpack(const struct bundle *b, const struct bundle_member *m, void **ret, struct err *err);

#endif
