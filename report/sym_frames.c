// SPDX-License-Identifier: BSD-2-Clause
#include "report/sym_frames.h"

#include <stdio.h>
#include <string.h>

#include "report/sym_perfmap.h"

void sym_frames_deinit(struct sym_frames *f)
{
	sym_names_deinit(&f->names);
}

/* As sym_names_add() for a string that stays where it is (an index's): its place is looked up, and
 * only once its bytes. */
static struct sym_name *intern_fixed(struct sym_frames *s, const char *text)
{
	__typeof__(s->fixed[0]) *f =
		&s->fixed[((uintptr_t)text * 0x9e3779b97f4a7c15ULL) >> (64 - SYM_FIXED_BITS)];

	if (f->text != text) {
		f->name = sym_names_add(&s->names, text);
		f->text = f->name ? text : NULL;
	}
	return f->name;
}

static const char *intern_text(struct sym_frames *s, const char *text, bool *ok)
{
	const struct sym_name *n = text ? sym_names_add(&s->names, text) : NULL;

	*ok &= !text || n;
	return n ? n->text : NULL;
}

static const char *intern(struct sym_frames *s, const char *text, bool *ok)
{
	const struct sym_name *n = text ? intern_fixed(s, text) : NULL;

	*ok &= !text || n;
	return n ? n->text : NULL;
}

/* raw: what n is the name of, where it came from. */
static const char *display_of(struct sym_frames *s, struct sym_name *n, const char *raw)
{
	const char *known, *name;

	if (n->display || !s->displays)
		return sym_names_display(&s->names, n, s->demangle);
	known = sym_displays_find(s->displays, raw);
	if (known)
		return (n->display = sym_names_add(&s->names, known)) ? n->display->text : NULL;
	name = sym_names_display(&s->names, n, s->demangle);
	if (name && n->display != n)
		sym_displays_add(s->displays, raw, name);
	return name;
}

static bool set_names(struct sym_frames *s, struct symbolized_frame *f, const struct sym_hit *h, enum sym_naming naming)
{
	struct sym_name *n;

	f->named = true;
	if (h->is_symbol && naming == SYM_NAMING_MANGLED) { /* mostly asked for once: not worth a search for equal ones */
		f->raw_name = h->name;
		f->name = h->display ?: sym_names_show(&s->names, h->name, s->demangle);
		f->language = sym_language_of(h->name);
		return f->name != NULL;
	}
	n = intern_fixed(s, h->name ?: "[unknown function]");
	if (!n)
		return false;
	f->raw_name = f->name = n->text;
	if (naming == SYM_NAMING_MANGLED && h->name) {
		f->language = sym_language_of(h->name);
		f->name = display_of(s, n, h->name);
	} else if (naming == SYM_NAMING_GO && h->name) {
		size_t len = strlen(h->name);

		f->language = "go";
		if (len > 5 && !strcmp(h->name + len - 5, ".abi0") && s->demangle != DEMANGLE_NONE)
			f->name = sym_names_display(&s->names, n, s->demangle);
	}
	return f->name != NULL;
}

bool sym_frames_set(struct sym_frames *s, size_t i, const struct sym_hit *h, enum sym_naming naming)
{
	struct symbolized_frame *f = &s->chain[i];
	bool ok = true;

	*f = (struct symbolized_frame){
		.decl_line = h->decl_line, .line = h->line, .inlined = h->is_inlined};
	f->decl_file = intern(s, h->decl_file, &ok);
	f->file = intern(s, h->file, &ok);
	if (!ok || !set_names(s, f, h, naming))
		return false;
	f->named = h->name != NULL; /* an inlined function's name may be in a file we do not have */
	return true;
}

bool sym_frames_set_jit(struct sym_frames *s, const char *raw)
{
	struct symbolized_frame *f = &s->chain[0];
	struct sym_perfmap_name n;
	bool ok = true;

	if (sym_perfmap_clean(raw, s->demangle, &n))
		return false;
	*f = (struct symbolized_frame){
		.raw_name = raw, .decl_line = n.line, .language = n.language, .named = true};
	f->name = intern_text(s, n.name, &ok);
	f->decl_file = intern_text(s, n.file, &ok);
	sym_perfmap_name_deinit(&n);
	return ok;
}

const char *sym_frames_placeholder(struct sym_frames *s, const struct module *m, uint64_t off,
				   uint64_t rel)
{
	const char *path = m->path ?: "", *base = strrchr(path, '/');
	const struct sym_name *n;
	char text[300];
	size_t len;

	base = base && base[1] ? base + 1 : path;
	len = strlen(base);
	if (len > 2 && base[0] == '[' && base[len - 1] == ']') {
		base++;
		len -= 2;
	}
	if (m->kind == MODULE_JIT || m->kind == MODULE_BPF)
		snprintf(text, sizeof(text), "[unknown %s 0x%llx]",
			 m->kind == MODULE_JIT ? "jit" : "bpf", (long long)off);
	else if (m->kind == MODULE_KERNEL && rel == UNKNOWN_U64)
		snprintf(text, sizeof(text), "[unknown kernel]"); /* where the kernel lay was hidden, and is no business of a report */
	else if (m->kind == MODULE_KERNEL)
		snprintf(text, sizeof(text), "[unknown kernel+0x%llx]", (long long)off);
	else
		snprintf(text, sizeof(text), "[unknown %.*s%s0x%llx]", len > 200 ? 200 : (int)len,
			 base, rel == UNKNOWN_U64 ? "@" : "+",
			 (long long)(rel == UNKNOWN_U64 ? off : rel));
	n = sym_names_add(&s->names, text);
	return n ? n->text : NULL;
}
