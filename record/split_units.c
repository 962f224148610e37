// SPDX-License-Identifier: BSD-2-Clause
#include "record/split_units.h"

#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "formats/bytes.h"
#include "formats/cleanup.h"
#include "formats/dwarf_form.h"
#include "record/dwarf_cursor.h"

#define SECTION_MAX (256ULL << 20)
#define COMPRESSED_ZSTD 2

enum { AT_COMP_DIR = 0x1b, AT_STR_OFFSETS_BASE = 0x72, AT_DWO_NAME = 0x76, AT_GNU_DWO_NAME = 0x2130, AT_GNU_DWO_ID = 0x2131 };
enum { UNIT_SKELETON = 4, UNIT_SPLIT = 5 };

enum part { INFO, ABBREV, STR, LINE_STR, STR_OFFSETS, PART_CNT };

static const char *const part_names[PART_CNT] = {
	[INFO] = "info", [ABBREV] = "abbrev", [STR] = "str", [LINE_STR] = "line_str", [STR_OFFSETS] = "str_offsets",
};

struct bytes {
	uint8_t *p; /* owned; NULL: the file has none */
	size_t sz;
};

struct sections {
	struct bytes v[PART_CNT];
};

/* ---- sections ------------------------------------------------------------------------------------------------ */

static bool unzip(uint32_t type, const struct bytes *from, size_t skip, struct bytes *to)
{
	uLongf sz = to->sz;

	if (type == ELFCOMPRESS_ZLIB)
		return uncompress(to->p, &sz, from->p + skip, from->sz - skip) == Z_OK && sz == to->sz;
	return type == COMPRESSED_ZSTD && ZSTD_decompress(to->p, to->sz, from->p + skip, from->sz - skip) == to->sz;
}

/* Put what it unpacks to in the section's place. head: bytes in front of the stream. */
static int unpack(struct bytes *b, uint32_t type, uint64_t sz, size_t head)
{
	struct bytes to = { .sz = sz };

	if (!sz || sz > SECTION_MAX)
		return sz ? -ENOMEM : -EBADMSG;
	to.p = malloc(sz);
	if (!to.p)
		return -ENOMEM;
	if (!unzip(type, b, head, &to)) {
		free(to.p);
		return -EBADMSG;
	}
	free(b->p);
	*b = to;
	return 0;
}

static int unpack_section(const struct elf_file *f, const struct elf_section *s, bool is_zdebug, struct bytes *b)
{
	size_t head = f->is_64 ? sizeof(Elf64_Chdr) : sizeof(Elf32_Chdr);
	uint64_t sz = 0;

	if (s->flags & SHF_COMPRESSED) {
		if (b->sz < head)
			return -EBADMSG;
		return unpack(b, get_le32(b->p), f->is_64 ? get_le64(b->p + 8) : get_le32(b->p + 4), head);
	}
	if (!is_zdebug)
		return 0;
	if (b->sz < 12 || memcmp(b->p, "ZLIB", 4))
		return -EBADMSG;
	for (int i = 4; i < 12; i++)
		sz = sz << 8 | b->p[i];
	return unpack(b, ELFCOMPRESS_ZLIB, sz, 12);
}

/* Returns 0 or -ENOMEM; a broken section is none. */
static int read_section(const struct elf_file *f, const struct elf_section *s, bool is_zdebug, struct bytes *ret)
{
	struct bytes b = { .sz = s->size };
	int r;

	if (s->type == SHT_NOBITS || !s->size || ret->p)
		return 0;
	if (s->size > SECTION_MAX)
		return -ENOMEM;
	b.p = malloc(s->size);
	if (!b.p)
		return -ENOMEM;
	r = elf_file_read(f, b.p, b.sz, s->offset) ? unpack_section(f, s, is_zdebug, &b) : -EBADMSG;
	if (r)
		free(b.p);
	else
		*ret = b;
	return r == -ENOMEM ? r : 0;
}

/* suffix: "" or ".dwo". */
static int read_sections(const struct elf_file *f, const char *suffix, struct sections *ret)
{
	char name[ELF_NAME_MAX], want[40];
	int r = 0;

	for (uint32_t i = 0; i < f->section_cnt && !r; i++) {
		bool is_zdebug;

		elf_file_section_name(f, &f->sections[i], name);
		is_zdebug = !strncmp(name, ".zdebug_", 8);
		if (!is_zdebug && strncmp(name, ".debug_", 7))
			continue;
		for (int p = 0; p < PART_CNT && !r; p++) {
			snprintf(want, sizeof(want), "%s%s", part_names[p], suffix);
			if (!strcmp(name + (is_zdebug ? 8 : 7), want))
				r = read_section(f, &f->sections[i], is_zdebug, &ret->v[p]);
		}
	}
	return r;
}

static void sections_deinit(struct sections *s)
{
	for (int p = 0; p < PART_CNT; p++)
		free(s->v[p].p);
}

static struct dwarf_cursor cursor_at(const struct bytes *b, uint64_t off)
{
	if (!b->p || off > b->sz)
		return (struct dwarf_cursor){ .bad = true };
	return (struct dwarf_cursor){ .p = b->p + off, .end = b->p + b->sz };
}

/* ---- units --------------------------------------------------------------------------------------------------- */

struct unit {
	const struct sections *s;
	uint8_t version, off_sz, addr_sz;
	uint64_t abbrev_off, str_offsets_base, id;
	bool has_id;
	const char *name, *dir;
	struct dwarf_cursor at; /* behind the header */
};

static void read_header(struct dwarf_cursor *c, struct unit *u)
{
	uint8_t type;

	if (u->version < 5) {
		u->abbrev_off = dwarf_le(c, u->off_sz);
		u->addr_sz = dwarf_u8(c);
		return;
	}
	type = dwarf_u8(c);
	u->addr_sz = dwarf_u8(c);
	u->abbrev_off = dwarf_le(c, u->off_sz);
	u->has_id = type == UNIT_SKELETON || type == UNIT_SPLIT;
	if (u->has_id)
		u->id = dwarf_le(c, 8);
}

/* The unit at *off, which is left behind it. False: there is no more. */
static bool next_unit(const struct sections *s, uint64_t *off, struct unit *ret)
{
	struct dwarf_cursor c = cursor_at(&s->v[INFO], *off);
	uint64_t len = dwarf_le(&c, 4);

	*ret = (struct unit){ .s = s, .off_sz = 4 };
	if (len == UINT32_MAX) {
		ret->off_sz = 8;
		len = dwarf_le(&c, 8);
	}
	if (c.bad || len > dwarf_left(&c))
		return false;
	c.end = c.p + len;
	*off = (uint64_t)(c.end - s->v[INFO].p);
	ret->version = (uint8_t)dwarf_le(&c, 2);
	if (ret->version >= 2 && ret->version <= 5)
		read_header(&c, ret);
	ret->at = c;
	return true;
}

/* The attributes of a code in the unit's table; bad when it is not there. */
static struct dwarf_cursor find_abbrev(const struct unit *u, uint64_t code)
{
	struct dwarf_cursor c = cursor_at(&u->s->v[ABBREV], u->abbrev_off);

	while (!c.bad) {
		uint64_t have = dwarf_uleb(&c), name, form;

		if (!have)
			break;
		(void)dwarf_uleb(&c); /* tag */
		(void)dwarf_u8(&c);   /* has children */
		if (have == code)
			return c;
		do {
			name = dwarf_uleb(&c);
			form = dwarf_uleb(&c);
			if (form == DWARF_FORM_IMPLICIT_CONST)
				(void)dwarf_sleb(&c);
		} while (!c.bad && (name || form));
	}
	c.bad = true;
	return c;
}

static const char *string_at(const struct bytes *b, uint64_t off)
{
	struct dwarf_cursor c = cursor_at(b, off);

	return !c.bad && memchr(c.p, '\0', dwarf_left(&c)) ? (const char *)c.p : NULL;
}

static const char *string_by_index(const struct unit *u, uint64_t index)
{
	struct dwarf_cursor c;
	uint64_t at;

	if (__builtin_mul_overflow(index, u->off_sz, &at) || __builtin_add_overflow(at, u->str_offsets_base, &at))
		return NULL;
	c = cursor_at(&u->s->v[STR_OFFSETS], at);
	at = dwarf_le(&c, u->off_sz);
	return c.bad ? NULL : string_at(&u->s->v[STR], at);
}

/* Step over a value, or read it: a string, or else a number. */
static const char *read_value(const struct unit *u, struct dwarf_cursor *c, uint64_t form, uint64_t *ret_number)
{
	int sz = dwarf_form_sz((uint16_t)form, u->addr_sz, u->off_sz);
	const uint8_t *start = c->p;

	*ret_number = 0;
	if (form > UINT16_MAX) {
		c->bad = true;
		return NULL;
	}
	switch (form) {
	case DWARF_FORM_STRING:
		dwarf_take(c, strnlen((const char *)c->p, dwarf_left(c)) + 1);
		return c->bad ? NULL : (const char *)start;
	case DWARF_FORM_STRX:
	case DWARF_FORM_GNU_STR_INDEX:
		return string_by_index(u, dwarf_uleb(c));
	}
	if (dwarf_form_is_uleb((uint16_t)form))
		*ret_number = dwarf_uleb(c);
	else if (sz < 0)
		c->bad = true; /* a first entry has no others */
	else if (sz <= 8)
		*ret_number = sz ? dwarf_le(c, (unsigned)sz) : 0;
	else
		dwarf_take(c, (uint64_t)sz);
	switch (form) {
	case DWARF_FORM_STRP:
		return string_at(&u->s->v[STR], *ret_number);
	case DWARF_FORM_LINE_STRP:
		return string_at(&u->s->v[LINE_STR], *ret_number);
	case DWARF_FORM_STRX1 ... DWARF_FORM_STRX4:
		return string_by_index(u, *ret_number);
	}
	return NULL;
}

static void take_attribute(struct unit *u, uint64_t name, uint64_t number, const char *text)
{
	switch (name) {
	case AT_STR_OFFSETS_BASE:
		u->str_offsets_base = number;
		break;
	case AT_GNU_DWO_ID:
		u->id = number;
		u->has_id = true;
		break;
	case AT_COMP_DIR:
		u->dir = text;
		break;
	case AT_DWO_NAME:
	case AT_GNU_DWO_NAME:
		u->name = text;
		break;
	}
}

/* The first entry's attributes, as far as they can be read. */
static void read_first_entry(struct unit *u)
{
	struct dwarf_cursor c = u->at;
	const struct dwarf_cursor abbrev = find_abbrev(u, dwarf_uleb(&c));

	/* twice: an index into strings may stand before the base of its table */
	for (int i = 0; i < 2 && !c.bad; i++) {
		struct dwarf_cursor a = abbrev, v = c;

		while (!a.bad && !v.bad) {
			uint64_t name = dwarf_uleb(&a), form = dwarf_uleb(&a), number;
			const char *text;

			if (!name && !form)
				break;
			if (form == DWARF_FORM_IMPLICIT_CONST)
				(void)dwarf_sleb(&a);
			text = read_value(u, &v, form, &number);
			if (!a.bad && !v.bad)
				take_attribute(u, name, number, text);
		}
	}
}

static bool is_text(const char *s)
{
	return s && strnlen(s, SPLIT_PATH_MAX) < SPLIT_PATH_MAX;
}

int split_units_each(const struct elf_file *f, split_unit_fn fn, void *ctx)
{
	struct sections s = {};
	uint64_t off = 0;
	struct unit u;
	int r = read_sections(f, "", &s);

	for (uint32_t n = 0; !r && n < SPLIT_UNIT_MAX && next_unit(&s, &off, &u);) {
		read_first_entry(&u);
		if (!u.has_id || !is_text(u.name) || !*u.name)
			continue;
		n++;
		r = fn(ctx, &(struct split_unit){ u.id, u.name, is_text(u.dir) ? u.dir : "" });
	}
	sections_deinit(&s);
	return r;
}

bool split_units_has(const struct elf_file *f, uint64_t id)
{
	struct sections s = {};
	uint64_t off = 0;
	bool has = false;
	struct unit u;

	if (!read_sections(f, ".dwo", &s))
		while (!has && next_unit(&s, &off, &u)) {
			if (u.version < 5)
				read_first_entry(&u);
			has = u.has_id && u.id == id;
		}
	sections_deinit(&s);
	return has;
}

char *split_units_candidate(const char *path, const struct split_unit *u, unsigned n)
{
	const char *slash = strrchr(path, '/'), *base = strrchr(u->name, '/');
	char *text;
	int len;

	base = base ? base + 1 : u->name;
	if (n == 0)
		len = *u->name == '/' ? asprintf(&text, "%s", u->name) : asprintf(&text, "%s/%s", u->dir, u->name);
	else if (n == 1 && slash) /* beside the program */
		len = asprintf(&text, "%.*s/%s", (int)(slash - path), path, base);
	else
		return NULL;
	return len < 0 ? NULL : text;
}
