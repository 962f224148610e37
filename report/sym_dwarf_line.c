// SPDX-License-Identifier: BSD-2-Clause
/* Line programs: their file tables, and their rows. */
#include <dwarf.h>
#include <errno.h>
#include <stdio.h>

#include "formats/cleanup.h"
#include "report/sym_dwarf.h"

#define FORMATS_MAX 16

struct line_header {
	uint64_t end;	  /* of the program, in .debug_line */
	uint64_t program; /* where it starts */
	uint16_t version;
	uint8_t off_sz, addr_sz, min_inst, line_range, opcode_base;
	int8_t line_base;
	const uint8_t *opcode_lens;
	struct sym_cursor tables; /* directories and files */
};

struct file_entry {
	const char *name;
	uint64_t dir;
};

struct file_table {
	SYM_VEC(const char *) dirs;
	SYM_VEC(struct file_entry) files;
};

static bool read_line_header(struct sym_unit *u, struct line_header *h)
{
	struct sym_bytes line = u->dwarf->sections[SYM_DEBUG_LINE];
	struct sym_cursor c = sym_cursor_at(line, u->stmt_list);
	uint64_t len = sym_cursor_length(&c, &h->off_sz);

	if (c.failed || len > (uint64_t)(c.end - c.p))
		return false;
	h->end = (uint64_t)(c.p - line.p) + len;
	c.end = line.p + h->end;
	h->version = (uint16_t)sym_cursor_uint(&c, 2);
	h->addr_sz = u->addr_sz;
	if (h->version >= 5) {
		h->addr_sz = (uint8_t)sym_cursor_uint(&c, 1);
		sym_cursor_skip(&c, 1);
	}
	len = sym_cursor_uint(&c, h->off_sz);
	if (c.failed || h->version < 2 || h->version > 5 || len > (uint64_t)(c.end - c.p))
		return false;
	h->program = (uint64_t)(c.p - line.p) + len;
	c.end = line.p + h->program;
	h->min_inst = (uint8_t)sym_cursor_uint(&c, 1);
	if (h->version >= 4)
		sym_cursor_skip(&c, 1); /* VLIW: operations per instruction */
	sym_cursor_skip(&c, 1);		/* default_is_stmt: all rows count here */
	h->line_base = (int8_t)sym_cursor_uint(&c, 1);
	h->line_range = (uint8_t)sym_cursor_uint(&c, 1);
	h->opcode_base = (uint8_t)sym_cursor_uint(&c, 1);
	h->opcode_lens = c.p;
	sym_cursor_skip(&c, h->opcode_base ? h->opcode_base - 1u : 0);
	h->tables = c;
	return !c.failed && h->line_range;
}

/* ---- directories and files ---- */

static bool read_old_tables(struct sym_cursor *c, struct file_table *t)
{
	struct file_entry *f;
	const char **dir;

	/* both count from 1; 0 is the compilation directory, and no file */
	if (!sym_vec_push(&t->dirs) || !sym_vec_push(&t->files))
		return false;
	for (const char *s; (s = sym_cursor_string(c)) && *s;) {
		dir = sym_vec_push(&t->dirs);
		if (!dir)
			return false;
		*dir = s;
	}
	for (const char *s; (s = sym_cursor_string(c)) && *s;) {
		f = sym_vec_push(&t->files);
		if (!f)
			return false;
		f->name = s;
		f->dir = sym_cursor_uleb(c);
		(void)sym_cursor_uleb(c); /* time */
		(void)sym_cursor_uleb(c); /* size */
	}
	return true;
}

/* One table of DWARF 5: entry formats, then entries, which go to files or dirs. */
static bool read_new_table(struct sym_unit *u, struct sym_cursor *c, struct file_table *t,
			   bool is_files)
{
	struct sym_abbrev_attr formats[FORMATS_MAX];
	unsigned n = (unsigned)sym_cursor_uint(c, 1);
	uint64_t entries;

	if (n > FORMATS_MAX)
		return false;
	for (unsigned i = 0; i < n; i++) {
		formats[i].name = (uint16_t)sym_cursor_uleb(c);
		formats[i].form = (uint16_t)sym_cursor_uleb(c);
	}
	entries = sym_cursor_uleb(c);
	for (uint64_t i = 0; i < entries && n && !c->failed && c->p < c->end; i++) {
		struct file_entry e = {NULL, 0};

		for (unsigned k = 0; k < n; k++) {
			struct sym_form_value v;

			sym_form_read(u, c, &formats[k], &v);
			if (formats[k].name == DW_LNCT_path && v.kind == SYM_FORM_STRING)
				e.name = v.s;
			else if (formats[k].name == DW_LNCT_directory_index &&
				 v.kind == SYM_FORM_CONST)
				e.dir = v.u;
		}
		if (is_files) {
			struct file_entry *f = sym_vec_push(&t->files);

			if (!f)
				return false;
			*f = e;
		} else {
			const char **dir = sym_vec_push(&t->dirs);

			if (!dir)
				return false;
			*dir = e.name;
		}
	}
	return !c->failed;
}

/* Directory, compilation directory and name joined as far as each is relative. */
static uint32_t file_id(struct sym_unit *u, uint16_t version, const struct file_table *t,
			const struct file_entry *e, struct sym_builder *b)
{
	const char *dir = e->dir < t->dirs.cnt ? t->dirs.v[e->dir] : NULL;
	const char *comp = u->comp_dir ?: u->skeleton ? u->skeleton->comp_dir : NULL;
	_cleanup_free_ char *path = NULL;
	int n;

	if (!e->name || !*e->name)
		return 0;
	/* from DWARF 5 on directory 0 is the compilation directory itself */
	if (version >= 5 && t->dirs.cnt && t->dirs.v[0])
		comp = t->dirs.v[0];
	if (dir == comp || (dir && comp && !strcmp(dir, comp)))
		dir = NULL;
	comp = comp ?: u->comp_dir;
	if (e->name[0] == '/')
		return sym_builder_file(b, e->name, NULL);
	if (dir && (dir[0] == '/' || !comp))
		n = asprintf(&path, "%s/%s", dir, e->name);
	else if (dir)
		n = asprintf(&path, "%s/%s/%s", comp, dir, e->name);
	else
		n = asprintf(&path, "%s%s%s", comp ?: "", comp ? "/" : "", e->name);
	if (n < 0)
		path = NULL;
	return path ? sym_builder_file(b, path, NULL) : 0;
}

static bool read_tables(struct sym_unit *u, struct line_header *h, struct file_table *t)
{
	struct sym_unit shape = *u; /* a 64-bit unit may have a 32-bit line table */

	if (h->version < 5)
		return read_old_tables(&h->tables, t);
	shape.off_sz = h->off_sz;
	shape.addr_sz = h->addr_sz;
	return read_new_table(&shape, &h->tables, t, false) &&
	       read_new_table(&shape, &h->tables, t, true);
}

static struct sym_line_files *read_files(struct sym_unit *u, struct sym_builder *b)
{
	struct sym_line_files *lf = NULL;
	struct file_table t = {0};
	struct line_header h;

	if (read_line_header(u, &h) && read_tables(u, &h, &t))
		lf = sym_vec_push(&u->dwarf->line_files);
	if (lf) {
		lf->off = u->stmt_list;
		lf->ids = calloc(t.files.cnt + 1, sizeof(*lf->ids));
		lf->cnt = lf->ids ? t.files.cnt : 0;
		for (size_t i = 0; i < lf->cnt; i++)
			lf->ids[i] = file_id(u, h.version, &t, &t.files.v[i], b);
		(void)idmap_add(&u->dwarf->line_file_ids, hash_mix(u->stmt_list, 0),
				(uint32_t)u->dwarf->line_files.cnt);
	}
	sym_vec_deinit(&t.dirs);
	sym_vec_deinit(&t.files);
	return lf;
}

const struct sym_line_files *sym_unit_files(struct sym_unit *u, struct sym_builder *b)
{
	struct sym_unit *owner = u->has_stmt_list || !u->skeleton ? u : u->skeleton;
	struct sym_dwarf *d = owner->dwarf;
	uint32_t pos, id;

	if (!owner->has_stmt_list || sym_unit_load(owner))
		return NULL;
	for (id = idmap_first(&d->line_file_ids, hash_mix(owner->stmt_list, 0), &pos); id;
	     id = idmap_next(&d->line_file_ids, hash_mix(owner->stmt_list, 0), &pos))
		if (d->line_files.v[id - 1].off == owner->stmt_list)
			return &d->line_files.v[id - 1];
	return read_files(owner, b);
}

/* ---- rows ---- */

struct machine {
	struct sym_builder *b;
	const struct line_header *h;
	const struct sym_line_files *files;
	uint64_t addr, last_addr, file;
	int64_t line;
	bool is_open, is_bad; /* is_bad: the sequence's addresses went backwards */
	/* what special opcodes advance by, less line_base: a division for each would be half of the work */
	uint8_t ops[256], lines[256];
};

static void reset(struct machine *m)
{
	m->addr = m->last_addr = 0;
	m->file = m->line = 1;
	m->is_open = m->is_bad = false;
}

static int emit_row(struct machine *m)
{
	uint32_t file = m->files && m->file < m->files->cnt ? m->files->ids[m->file] : 0;

	if (!m->is_open) {
		if (!sym_builder_begin_sequence(m->b))
			return -ENOMEM;
		m->is_open = true;
	} else if (m->addr < m->last_addr) {
		m->is_bad = true;
	}
	m->last_addr = m->addr;
	return sym_builder_add_line(m->b, m->addr, file,
				    m->line > 0 && m->line <= UINT32_MAX ? (uint32_t)m->line : 0)
		       ? 0
		       : -ENOMEM;
}

static void end_sequence(struct machine *m)
{
	if (m->is_open)
		sym_builder_end_sequence(m->b, m->is_bad || m->addr < m->last_addr ? 0 : m->addr);
	reset(m);
}

static int extended(struct machine *m, struct sym_cursor *c)
{
	uint64_t len = sym_cursor_uleb(c);
	const uint8_t *start = c->p;

	if (!len || len > (uint64_t)(c->end - c->p)) {
		c->failed = true;
		return 0;
	}
	switch (sym_cursor_uint(c, 1)) {
	case DW_LNE_end_sequence:
		end_sequence(m);
		break;
	case DW_LNE_set_address:
		m->addr = sym_cursor_uint(c, len - 1 <= 8 ? (unsigned)len - 1 : m->h->addr_sz);
		break;
	}
	c->p = start + len;
	return 0;
}

static int standard(struct machine *m, struct sym_cursor *c, uint8_t op)
{
	switch (op) {
	case DW_LNS_copy:
		return emit_row(m);
	case DW_LNS_advance_pc:
		m->addr += sym_cursor_uleb(c) * m->h->min_inst;
		return 0;
	case DW_LNS_advance_line:
		m->line += sym_cursor_sleb(c);
		return 0;
	case DW_LNS_set_file:
		m->file = sym_cursor_uleb(c);
		return 0;
	case DW_LNS_const_add_pc:
		m->addr +=
			(uint64_t)((255 - m->h->opcode_base) / m->h->line_range) * m->h->min_inst;
		return 0;
	case DW_LNS_fixed_advance_pc:
		m->addr += sym_cursor_uint(c, 2);
		return 0;
	default:
		for (unsigned i = m->h->opcode_lens[op - 1]; i; i--)
			(void)sym_cursor_uleb(c);
		return 0;
	}
}

static int run_program(struct machine *m, struct sym_cursor *c)
{
	const struct line_header *h = m->h;
	int err = 0;

	while (!err && !c->failed && c->p < c->end) {
		uint8_t op = (uint8_t)sym_cursor_uint(c, 1);

		if (op >= h->opcode_base) {
			op -= h->opcode_base;
			m->addr += (uint64_t)m->ops[op] * h->min_inst;
			m->line = (int64_t)((uint64_t)m->line + (uint64_t)(int64_t)(h->line_base + m->lines[op]));
			err = emit_row(m);
		} else if (op) {
			err = standard(m, c, op);
		} else {
			err = extended(m, c);
		}
	}
	if (m->is_open) /* the program ended without saying where: its rows are not to be trusted to
			   the end of memory */
		sym_builder_end_sequence(m->b, 0);
	return err;
}

int sym_unit_add_lines(struct sym_unit *u, struct sym_builder *b)
{
	struct sym_bytes line = u->dwarf->sections[SYM_DEBUG_LINE];
	struct machine m = {.b = b};
	struct line_header h;
	struct sym_cursor c;

	if (!u->has_stmt_list || !read_line_header(u, &h))
		return 0;
	m.h = &h;
	m.files = sym_unit_files(u, b);
	for (unsigned op = 0; op < 256; op++) {
		m.ops[op] = (uint8_t)(op / h.line_range);
		m.lines[op] = (uint8_t)(op % h.line_range);
	}
	reset(&m);
	c = sym_cursor_at(line, h.program);
	c.end = c.failed ? c.p : line.p + h.end;
	return run_program(&m, &c);
}
