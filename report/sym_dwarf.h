/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * DWARF 2 to 5, as far as names, inlining and lines need it: units, abbreviations, attribute
 * values, ranges. Our own reader, since libdw 0.188 finds no .dwp, reads no zstd sections, and
 * keeps every line row of every unit in memory.
 *
 * The bytes are hostile: every read is bounded, every reference checked, recursion has a cap.
 */
#ifndef VARVE_SYM_DWARF_H
#define VARVE_SYM_DWARF_H

#include "formats/idmap.h"
#include "report/sym_builder.h"
#include "report/sym_cursor.h"

enum sym_dwarf_section {
	SYM_DEBUG_INFO,
	SYM_DEBUG_ABBREV,
	SYM_DEBUG_STR,
	SYM_DEBUG_LINE,
	SYM_DEBUG_LINE_STR,
	SYM_DEBUG_RANGES,
	SYM_DEBUG_RNGLISTS,
	SYM_DEBUG_ADDR,
	SYM_DEBUG_STR_OFFSETS,
	SYM_DEBUG_CU_INDEX, /* .dwp only */
	SYM_DWARF_SECTION_CNT,
};

/* ".debug_info" …; a split file's sections have ".dwo" after it. */
extern const char *const sym_dwarf_section_names[SYM_DWARF_SECTION_CNT];

/* When an attribute is of use: to find code, or only to name it. */
enum sym_attr_use { SYM_ATTR_NEVER, SYM_ATTR_CODE, SYM_ATTR_NAME };

/* Of an attribute's values that vary in size. */
enum { SYM_ATTR_VARIES = -1, SYM_ATTR_ULEB = -2, SYM_ATTR_BLOCK = -3 /* a ULEB128, and as many bytes */ };

struct sym_abbrev_attr {
	uint16_t name, form;
	int8_t sz;	  /* of its values in bytes; < 0: SYM_ATTR_* */
	uint8_t use;	  /* enum sym_attr_use */
	int64_t implicit; /* DW_FORM_implicit_const */
};

/* What a DIE is to a walk that looks for code, as far as its abbreviation tells. */
enum sym_role {
	SYM_ROLE_NONE,	   /* no code, nor below it */
	SYM_ROLE_HOLDER,   /* none of its own, perhaps below it */
	SYM_ROLE_FUNCTION, /* has places of code */
	SYM_ROLE_INLINED,  /* has places of code */
	SYM_ROLE_BODILESS, /* a function without code: what is below it is in no function */
};

struct sym_abbrev {
	uint64_t code;
	int32_t fixed_sz;    /* bytes of all attributes; -1: they vary */
	int32_t sibling_at;  /* bytes before its DW_AT_sibling, a DW_FORM_ref4; -1: none, or they vary */
	uint32_t first, cnt; /* in attrs */
	uint16_t tag;
	uint8_t role; /* enum sym_role */
	bool has_children;
};

/* One abbreviation table as read for one shape of unit. */
struct sym_abbrevs {
	uint64_t off;
	uint8_t addr_sz, off_sz;
	SYM_VEC(struct sym_abbrev) abbrevs; /* sorted by code */
	SYM_VEC(struct sym_abbrev_attr) attrs;
};

struct sym_dwarf;

struct sym_unit {
	struct sym_dwarf *dwarf;
	struct sym_unit *skeleton;	   /* of a split unit */
	const struct sym_abbrevs *abbrevs; /* NULL until sym_unit_load() */
	uint64_t off, die_off, end;	   /* in .debug_info */
	uint64_t abbrev_off, dwo_id;
	uint64_t low_pc, str_offsets_base, addr_base, rnglists_base, ranges_base, stmt_list;
	const char *name, *comp_dir, *dwo_name;
	uint16_t version;
	uint8_t type, addr_sz, off_sz; /* type: DW_UT_*, DW_UT_compile before DWARF 5 */
	bool is_loaded, is_broken, has_stmt_list, has_dwo_id;
	uint16_t tag;
};

/* File ids of one line program's header, by the index the program and DW_AT_*_file use. */
struct sym_line_files {
	uint64_t off;
	uint32_t *ids;
	size_t cnt;
};

/* One set of sections: an image or debug file, its dwz supplement, or one split unit's file. */
struct sym_dwarf {
	struct sym_bytes sections[SYM_DWARF_SECTION_CNT]; /* borrowed */
	struct sym_dwarf *alt;		/* .gnu_debugaltlink; NULL none; borrowed */
	SYM_VEC(struct sym_unit) units; /* by offset */
	SYM_VEC(struct sym_abbrevs *) tables;
	struct idmap table_ids;
	SYM_VEC(struct sym_line_files) line_files;
	struct idmap line_file_ids;
	bool is_split;
	bool is_mapped; /* .debug_info: its pages may be given back, and come again from the file */
};

/* A DIE's attributes, as far as anything here wants them. */
struct sym_die {
	struct sym_unit *unit;
	const struct sym_abbrev *abbrev;
	const uint8_t *at; /* its first byte: its identity */
	const char *name, *linkage_name;
	const uint8_t *origin, *specification; /* DIEs; NULL none */
	struct sym_unit *origin_unit, *specification_unit;
	uint64_t low_pc, high_pc, ranges; /* ranges: offset into its section */
	uint64_t decl_file, decl_line, call_file, call_line;
	bool has_low, has_high, has_ranges, has_decl_file, has_call_file;
};

/* What an attribute holds. */
enum sym_form_kind {
	SYM_FORM_OTHER,
	SYM_FORM_CONST,
	SYM_FORM_ADDR,
	SYM_FORM_STRING,
	SYM_FORM_REF,
	SYM_FORM_OFFSET,
	SYM_FORM_RNGLIST
};

struct sym_form_value {
	enum sym_form_kind kind;
	uint64_t u;    /* CONST, ADDR; OFFSET into the attribute's section; RNGLIST: an index */
	const char *s; /* STRING; may be NULL when broken */
	const uint8_t *die; /* REF; NULL when it leads nowhere */
	struct sym_unit *die_unit;
};

/* Scan unit headers. sections are set by the caller. Returns 0 or -ENOMEM; a broken header ends the
 * list. */
int sym_dwarf_scan(struct sym_dwarf *d);
void sym_dwarf_deinit(struct sym_dwarf *d);

/* The unit that holds an offset of .debug_info, perhaps not loaded yet; NULL none. */
struct sym_unit *sym_dwarf_unit_at(struct sym_dwarf *d, uint64_t off);

/* Read abbreviations and the root DIE's bases, once. Returns 0, -EBADMSG, -ENOMEM. */
int sym_unit_load(struct sym_unit *u);

/* Abbreviation of a code, NULL unknown. */
const struct sym_abbrev *sym_abbrevs_find(const struct sym_abbrevs *t, uint64_t code);
static inline const struct sym_abbrev *sym_unit_abbrev(const struct sym_unit *u, uint64_t code)
{
	const struct sym_abbrevs *t = u->abbrevs;

	/* compilers number them 1, 2, 3 … */
	if (code - 1 < t->abbrevs.cnt && t->abbrevs.v[code - 1].code == code)
		return &t->abbrevs.v[code - 1];
	return sym_abbrevs_find(t, code);
}

/* Read or step over one attribute value. */
void sym_form_read(struct sym_unit *u, struct sym_cursor *c, const struct sym_abbrev_attr *a,
		   struct sym_form_value *ret);
void sym_form_skip(const struct sym_unit *u, struct sym_cursor *c, uint16_t form);
static inline void sym_attr_skip(const struct sym_unit *u, struct sym_cursor *c,
				 const struct sym_abbrev_attr *a)
{
	if (a->sz >= 0)
		sym_cursor_skip(c, (uint64_t)a->sz);
	else if (a->sz == SYM_ATTR_ULEB)
		sym_cursor_uleb(c);
	else if (a->sz == SYM_ATTR_BLOCK)
		sym_cursor_skip(c, sym_cursor_uleb(c));
	else
		sym_form_skip(u, c, a->form);
}

/* Table of the abbreviations at off for units of this shape; NULL when broken or without memory.
 * Owned by d. */
const struct sym_abbrevs *sym_abbrevs_get(struct sym_dwarf *d, uint64_t off, uint8_t addr_sz,
					  uint8_t off_sz);
void sym_abbrevs_destroy(struct sym_abbrevs *t);

/* What of a DIE is wanted: names cost most, and most functions have no code. */
enum sym_die_part { SYM_DIE_CODE, SYM_DIE_ALL };

/* Read the DIE's attributes (SYM_DIE_CODE: without names and declaration); c stands after its code
 * and is left after them. Returns false when the bytes are broken. */
bool sym_die_read(struct sym_unit *u, struct sym_cursor *c, const struct sym_abbrev *a,
		  const uint8_t *at, enum sym_die_part part, struct sym_die *ret);
/* All of the DIE at a place that a reference gave. */
bool sym_die_at(struct sym_unit *u, const uint8_t *at, struct sym_die *ret);

/* Call fn for each non-empty range of code the DIE covers. Stops early when fn returns false, and
 * returns that. */
typedef bool (*sym_range_fn)(void *ctx, uint64_t lo, uint64_t hi);
bool sym_die_ranges(const struct sym_die *die, sym_range_fn fn, void *ctx);

/* Files of the unit's line program. NULL: none, broken, or no memory. Owned by the unit's dwarf. */
const struct sym_line_files *sym_unit_files(struct sym_unit *u, struct sym_builder *b);
/* Add the rows of the unit's line program. Returns 0 or -ENOMEM. */
int sym_unit_add_lines(struct sym_unit *u, struct sym_builder *b);

/* Our own address of the DIE at off, NULL outside. */
static inline const uint8_t *sym_dwarf_die(const struct sym_dwarf *d, uint64_t off)
{
	const struct sym_bytes *i = &d->sections[SYM_DEBUG_INFO];

	return off < i->sz ? i->p + off : NULL;
}

/*
 * Where a split unit's DIEs are. Returns its file's dwarf (owned by the opener), or NULL.
 */
typedef struct sym_dwarf *(*sym_split_fn)(void *ctx, const struct sym_unit *skeleton);

/*
 * Walk all DIEs of d: functions, inline scopes and lines into b. Returns the number of functions
 * with code, or -ENOMEM.
 */
int sym_dwarf_walk(struct sym_dwarf *d, struct sym_builder *b, bool no_inline, sym_split_fn split,
		   void *split_ctx);

#endif
