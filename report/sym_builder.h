/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Collects functions, inline scopes, lines and symbols of one image in any order and lays them out
 * as the bytes of a sym_index. Every add returns false (or 0) without memory; the builder is then
 * only good for sym_builder_deinit().
 */
#ifndef VARVE_SYM_BUILDER_H
#define VARVE_SYM_BUILDER_H

#include "report/sym_index.h"
#include "report/sym_spans.h"
#include "report/sym_vec.h"
#include "report/sym_wanted.h"

/* Strings by offset, equal ones once. */
struct sym_strtab {
	SYM_VEC(char) bytes;
	struct sym_strtab_slot {
		uint32_t off, hash; /* off 0: free */
	} * slots;		    /* slot_cnt is a power of two */
	size_t slot_cnt, used;
};

/* A code range of the image: a section, or a PT_LOAD where there are no sections. */
struct sym_range {
	uint64_t lo, hi;
};

#define SYM_NAME_MAX 65536 /* bytes of one symbol's name; longer ones are cut */

/* One symbol table entry that may name code. */
struct sym_candidate {
	uint64_t addr, size; /* size 0: to the next symbol or the end of its section */
	const char *text;    /* borrowed until sym_builder_finish(), which takes over what is seen; NULL: name */
	uint32_t name;
	uint8_t source, info; /* enum symbol_source; ELF's st_info */
	uint8_t rank;	      /* smaller is better: elf_symbol_rank(). Not yet known with text */
};

struct sym_sequence {
	uint64_t lo, hi; /* rows [first, first + cnt) of raw_lines */
	size_t first, cnt;
};

struct sym_raw_line {
	uint64_t addr;
	uint32_t file, line;
};

struct sym_builder {
	SYM_VEC(struct sym_load) loads;
	SYM_VEC(struct sym_range)
	code; /* addresses outside are nobody's: linkers leave dropped functions at 0 or -1 */
	SYM_VEC(struct sym_scope) scopes;
	SYM_VEC(struct sym_span) spans; /* of scopes */
	SYM_VEC(struct sym_func) funcs;
	SYM_VEC(struct sym_candidate) symbols;
	SYM_VEC(struct sym_range) fdes; /* functions of .eh_frame, for where no symbol is */
	SYM_VEC(struct sym_sequence) sequences;
	SYM_VEC(struct sym_raw_line) raw_lines;
	SYM_VEC(struct sym_file) files;
	struct sym_strtab strs;
	uint32_t *file_slots; /* file ids by name offset */
	size_t file_slot_cnt;
	uint32_t debug_path, symbols_word, reason, key, sought, wants; /* strings */
	uint32_t flags;					/* of the header */
	const struct sym_wanted *wanted; /* PLT slots and functions of .eh_frame at other addresses are left out; NULL: none are. Borrowed */
};

bool sym_builder_init(struct sym_builder *b);
void sym_builder_deinit(struct sym_builder *b);

/* Offset of the string; 0 for "" and NULL, and without memory (then *ok, if not NULL, becomes
 * false). */
uint32_t sym_builder_string(struct sym_builder *b, const char *s, bool *ok);
/* The same for len bytes. */
uint32_t sym_builder_bytes(struct sym_builder *b, const char *s, size_t len, bool *ok);
/* The same for a string that is hardly ever asked for twice: neither looked for nor noted. */
uint32_t sym_builder_once(struct sym_builder *b, const char *s, size_t len, bool *ok);

/* Id of a source file; 0 for none. */
uint32_t sym_builder_file(struct sym_builder *b, const char *path, bool *ok);

/* The code range that holds vaddr; NULL none. */
const struct sym_range *sym_builder_code(const struct sym_builder *b, uint64_t vaddr);
static inline bool sym_builder_is_code(const struct sym_builder *b, uint64_t vaddr)
{
	return sym_builder_code(b, vaddr) != NULL;
}

/* A scope over which add_span() ranges are laid. Returns its id, 0 without memory. */
uint32_t sym_builder_add_scope(struct sym_builder *b, const struct sym_scope *s);

/* [lo, hi) belongs to the scope, depth levels inside its function. Ranges that do not start in code
 * are dropped. */
bool sym_builder_add_span(struct sym_builder *b, uint32_t scope, unsigned depth, uint64_t lo,
			  uint64_t hi);

/* Dropped when it does not start in code. One with text need not name a function (elf_symbol.h): that is looked at late, if at all. */
bool sym_builder_add_symbol(struct sym_builder *b, const struct sym_candidate *s);

/* Rows of one line sequence in address order, then its end. A sequence that does not start in code
 * is dropped. */
bool sym_builder_begin_sequence(struct sym_builder *b);
bool sym_builder_add_line(struct sym_builder *b, uint64_t addr, uint32_t file, uint32_t line);
void sym_builder_end_sequence(struct sym_builder *b, uint64_t hi);

/* Lay everything out and append it to the file fd, for sym_index_read(). Returns 0, -ENOMEM, -EFBIG (a table beyond 4 G entries), or a
 * negative errno of writing it. */
int sym_builder_finish(struct sym_builder *b, int fd);

#endif
