// SPDX-License-Identifier: BSD-2-Clause
#include "report/sym_module.h"

#include <errno.h>

#include "report/sym_debugfile.h"

/* What the files gave, for image.symbols. */
struct gain {
	int functions, symtab, minidebug, dynsym;
};

static const char *symbols_word(const struct gain *g)
{
	if (g->functions)
		return "dwarf";
	if (g->symtab)
		return "symtab";
	return g->minidebug ? "minidebuginfo" : g->dynsym ? "dynsym" : "none";
}

static int read_file(struct sym_elf *e, struct sym_builder *b, bool no_inline, struct gain *g)
{
	int got;

	got = sym_elf_add_layout(e, b);
	if (got < 0)
		return got;
	got = sym_elf_add_symbols(e, b, 0);
	if (got < 0)
		return got;
	if (e->has_symtab)
		g->symtab += got;
	else
		g->dynsym += got;
	if (!e->has_symtab) {
		got = sym_elf_add_minidebug(e, b);
		if (got < 0)
			return got;
		g->minidebug += got;
	}
	if (e->has_code && sym_elf_add_plt(e, b) < 0)
		return -ENOMEM;
	if (!e->has_debug_info || g->functions)
		return 0;
	got = sym_elf_add_dwarf(e, b, no_inline);
	if (got < 0)
		return got;
	g->functions += got;
	return 0;
}

static int read_files(struct sym_debugfile *f, struct sym_builder *b, bool no_inline)
{
	const char *path = NULL, *reason = f->reason;
	struct gain g = { 0 };
	bool ok = true;
	int err = 0;

	if (f->has_image) {
		err = read_file(&f->image, b, no_inline, &g);
		path = f->image.path;
	}
	if (!err && f->has_debug) {
		err = read_file(&f->debug, b, no_inline, &g);
		path = f->debug.path;
	}
	if (err)
		return err;
	if ((f->has_image || f->has_debug) && !b->symbols.cnt && !g.functions)
		reason = "no symbols";
	b->debug_path = sym_builder_string(b, path, &ok);
	b->symbols_word = sym_builder_string(b, symbols_word(&g), &ok);
	b->reason = sym_builder_string(b, reason, &ok);
	return ok ? 0 : -ENOMEM;
}

int sym_module_build(const struct symbolizer_options *o, const struct module *m, void **ret, size_t *ret_sz)
{
	struct sym_debugfile files;
	struct sym_builder b;
	int err;

	if (!sym_builder_init(&b)) {
		sym_builder_deinit(&b);
		return -ENOMEM;
	}
	err = sym_debugfile_find(o, m, &files);
	if (!err)
		err = read_files(&files, &b, o->no_inline);
	sym_debugfile_close(&files);
	if (!err)
		err = sym_builder_finish(&b, ret, ret_sz);
	sym_builder_deinit(&b);
	return err;
}
