/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The flat address index of one ELF image: one block of bytes, the same in a worker's answer, in
 * the cache file and in memory. Built by sym_builder, read here. Addresses are the image's own
 * (p_vaddr space), kept as 32-bit distances from header.base: an image whose code spans more than 4
 * GiB loses the names beyond.
 *
 * There are two of a module: the whole one of its debug information, which is cached, and one of the symbols at the addresses that
 * were asked for (sym_wanted.h), which is not: reading a symbol table for some addresses takes less time than reading an index of all
 * of it (of node's 185,000 symbols 3 ms against 4, and 20 to make one). sym_answers.h keeps what came of them.
 *
 * The bytes may come from a worker that parsed a hostile file or from a damaged cache:
 * sym_index_parse() checks all that a lookup relies on.
 */
#ifndef VARVE_SYM_INDEX_H
#define VARVE_SYM_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "formats/err.h"
#include "formats/event.h"

#define SYM_INDEX_MAGIC 0x3178646e69767376ULL
#define SYM_INDEX_VERSION 7 /* raise it whenever the layout, or what the builder puts in, changes */
#define SYM_INDEX_MAX (8ULL << 30) /* bytes */
#define SYM_CHAIN_MAX 256   /* frames of one address; deeper inlining is cut at the inner end */

/* One executable PT_LOAD. */
struct sym_load {
	uint64_t offset, vaddr, filesz;
};

/* From start to the next segment's start: the innermost scope; 0 none. */
struct sym_segment {
	uint32_t start, scope;
};

/* A concrete function, or one inlined into parent (which has a smaller index). Entry 0 is unused.
 */
struct sym_scope {
	uint32_t parent; /* 0: not inlined */
	uint32_t func;
	uint32_t call_file, call_line; /* where parent called it */
};

struct sym_func {
	uint32_t name; /* linkage name where there is one, else the source name; offset into the
			  strings */
	uint32_t decl_file, decl_line;
};

enum sym_symbol_flags {
	SYM_SYMBOL_FUNC =
		1, /* typed as a function and with a size: trusted over the name in DWARF */
};

/* Disjoint, sorted. */
struct sym_symbol {
	uint32_t start, end;
	uint32_t name;	 /* offset into the strings; SYMBOL_FDE: where the whole function starts */
	uint16_t source; /* enum symbol_source */
	uint16_t flags;
};

/* From addr to the next row's addr; file 0: no line information. */
struct sym_line {
	uint32_t addr, file, line;
};

/* file.name: offset into the strings; entry 0 is unused. */
struct sym_file {
	uint32_t name;
};

struct sym_index_header {
	uint64_t magic;
	uint32_t version, checksum; /* crc32c of all bytes, itself taken as 0; kept by sym_cache */
	uint64_t total_sz, base;
	uint32_t load_cnt, segment_cnt, scope_cnt, func_cnt, symbol_cnt, line_cnt, file_cnt,
		strs_sz;
	uint32_t debug_path; /* string: the file the names came from; 0 none */
	uint32_t symbols;    /* string: image.symbols of schema.sql */
	uint32_t reason;     /* string: why names are missing; 0 nothing to say */
	uint32_t key;	     /* string: what it was made from (sym_cache) */
	uint32_t flags;	     /* enum sym_index_flags */
	uint32_t sought;     /* string: where a missing part of the debug information was looked for, a path a line; 0: nothing is missing */
	uint32_t wants;	     /* string: build-id in hex of a missing dwz supplement; 0 none */
	uint32_t reserved;
};

enum sym_index_flags {
	SYM_INDEX_CACHEABLE = 1, /* made from files that are all in the key */
	SYM_INDEX_GO = 2,	 /* a Go program: a dot in a name is no compiler's suffix */
};

/* Pointers into data, which it owns. */
struct sym_index {
	void *data;
	size_t mapped_sz; /* data is a mapping of so many bytes; 0: malloc'ed */
	const struct sym_index_header *h;
	const struct sym_load *loads;
	const struct sym_segment *segments;
	const struct sym_scope *scopes;
	const struct sym_func *funcs;
	const struct sym_symbol *symbols;
	const struct sym_line *lines;
	const struct sym_file *files;
	const char *strs; /* header.strs_sz bytes, the last one NUL */
	size_t segment_at, symbol_at, line_at; /* where the last lookup ended: the next one is mostly near */
};

/* What symbol tables say of an address. */
struct sym_symbol_hit {
	const char *name; /* NULL: in no symbol */
	bool is_function; /* SYM_SYMBOL_FUNC */
	/* In no symbol: the start of the function that .eh_frame has there. */
	bool has_start;
	uint64_t start;
};

/* One frame at an address; strings live in the index (of a symbol: where the symbol_hit's do), NULL unknown. */
struct sym_hit {
	const char *name;
	const char *decl_file;
	uint32_t decl_line;
	const char *file;
	uint32_t line;
	bool is_inlined;
	bool is_symbol; /* name is the symbol_hit's */
	const char *display; /* name as people read it, where the caller knows it */
};

/*
 * Check the bytes and point *x into them. On success x owns data (malloc'ed); else the caller still does. Returns 0 or -EBADMSG, or
 * -EPROTONOSUPPORT for another version.
 */
int sym_index_parse(struct sym_index *x, void *data, size_t sz, struct err *err);

/*
 * Read the bytes of one that starts at off of a file: *ret is a mapping of *ret_sz bytes. Read, not mapped: a file can get shorter.
 * Nothing but sizes is checked. Returns 0, -EBADMSG, -ENOMEM, or -errno.
 */
int sym_index_read_bytes(int fd, uint64_t off, void **ret, size_t *ret_sz, struct err *err);

/* The same and sym_index_parse(), for a file that has no checksum. */
int sym_index_read(struct sym_index *x, int fd, uint64_t off, struct err *err);

/* Append bytes of one to a file. Returns 0 or a negative errno; some may be written then. */
int sym_index_write(int fd, const void *bytes, size_t sz);

/* Accepts a zeroed one. */
void sym_index_deinit(struct sym_index *x);

/* String by its offset in the header's fields; NULL for 0. */
const char *sym_index_string(const struct sym_index *x, uint32_t off);

/* The virtual address of a file offset: by the segment that holds it, or that shares its page. Never "pc - base". */
bool sym_loads_vaddr(const struct sym_load *loads, size_t cnt, uint64_t off, uint64_t *ret);

/* What x's symbols say of vaddr. Fastest for addresses that ascend, as the next one. */
struct sym_symbol_hit sym_index_symbol(struct sym_index *x, uint64_t vaddr);

/*
 * The frames at vaddr, innermost first, into hits (SYM_CHAIN_MAX of them), with what symbol tables say of the real function. Returns
 * their count; 0: no name is known there (hits[0].file and line are set all the same when the line table covers it).
 */
size_t sym_index_chain(struct sym_index *x, uint64_t vaddr, const struct sym_symbol_hit *symbol, struct sym_hit *hits);

/* sym_index_chain() with x's own symbols. */
size_t sym_index_lookup(struct sym_index *x, uint64_t vaddr, struct sym_hit *hits);

#endif
