// SPDX-License-Identifier: BSD-2-Clause
#include "record/kallsyms.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "formats/bytes.h"
#include "formats/cleanup.h"
#include "record/elf_note.h"
#include "record/ksym_table.h"
#include "record/procfile.h"

#define NOTES_SZ 65536

struct kallsyms {
	struct recording_writer *writer; /* borrowed */
	char *path_kallsyms, *path_modules, *path_sys_module; /* owned */
	struct ksym_table *table; /* owned; a question may make it grow */
	uint32_t kernel_module, bpf_module; /* in the recording */
	bool was_refreshed;
};

/* ---- life ---------------------------------------------------------------------------------------------------- */

void kallsyms_destroy(struct kallsyms *k)
{
	if (!k)
		return;
	if (k->table)
		ksym_table_deinit(k->table);
	free(k->table);
	free(k->path_kallsyms);
	free(k->path_modules);
	free(k->path_sys_module);
	free(k);
}

static void read_build_id(const char *path, struct module *m)
{
	_cleanup_free_ char *notes = NULL;
	ssize_t n = procfile_read(AT_FDCWD, path, NOTES_SZ, &notes);

	if (n > 0)
		(void)elf_notes_build_id(notes, (size_t)n, m->build_id, &m->build_id_sz);
}

static int intern_kernel(struct kallsyms *k, const char *notes)
{
	struct module m = { .kind = MODULE_KERNEL, .path = "[kernel]" };
	int id;

	read_build_id(notes, &m);
	id = recording_writer_add_module(k->writer, &m);
	if (id < 0)
		return id;
	k->kernel_module = (uint32_t)id;
	return 0;
}

static int explain_hidden(const struct kallsyms *k, struct err *err)
{
	err_set(err, 0, "%s hides addresses: kernel functions will have no names", k->path_kallsyms);
	err_hint(err, "run as root with: echo 0 | sudo tee /proc/sys/kernel/kptr_restrict");
	return 0;
}

static int init(struct kallsyms *k, const struct kallsyms_paths *paths)
{
	k->path_kallsyms = strdup(paths->kallsyms ?: "/proc/kallsyms");
	k->path_modules = strdup(paths->modules ?: "/proc/modules");
	k->path_sys_module = strdup(paths->sys_module ?: "/sys/module");
	k->table = calloc(1, sizeof(*k->table));
	if (!k->path_kallsyms || !k->path_modules || !k->path_sys_module || !k->table)
		return -ENOMEM;
	k->table->path_modules = k->path_modules;
	return ksym_table_read_modules(k->table) ?: intern_kernel(k, paths->notes ?: "/sys/kernel/notes");
}

/* The lookup's answer about an address that has a name says whether it works at all. */
static bool can_ask(struct kallsyms *k, const struct kallsyms_paths *paths, const struct kallsyms_lookup *lookup)
{
	struct kallsyms_found f;

	return !ksym_table_read_bounds(k->table, k->path_kallsyms, paths->iomem ?: "/proc/iomem") &&
	       (!k->table->text || lookup->find(lookup->ctx, k->table->text, &f));
}

int kallsyms_create(struct recording_writer *w, const struct kallsyms_paths *paths, const struct kallsyms_lookup *lookup,
		    struct kallsyms **ret, struct err *err)
{
	static const struct kallsyms_paths none;
	struct kallsyms *k = calloc(1, sizeof(*k));
	int r;

	if (!k)
		return err_set(err, -ENOMEM, "out of memory");
	paths = paths ?: &none;
	k->writer = w;
	r = init(k, paths);
	if (r) {
		err_set(err, r, "out of memory for kernel symbols");
	} else if (lookup && can_ask(k, paths, lookup)) {
		k->table->lookup = *lookup;
	} else {
		r = ksym_table_read(k->table, k->path_kallsyms, false, err);
	}
	if (r) {
		kallsyms_destroy(k);
		return r;
	}
	*ret = k;
	return kallsyms_is_restricted(k) ? explain_hidden(k, err) : 0;
}

bool kallsyms_is_restricted(const struct kallsyms *k)
{
	return !k->table->text;
}

int kallsyms_refresh_bpf(struct kallsyms *k, struct err *err)
{
	return ksym_table_read(k->table, k->path_kallsyms, true, err);
}

/* ---- addresses ----------------------------------------------------------------------------------------------- */

/* On its first hit: most modules of a host are never seen. 0: no memory. */
static uint32_t intern_mod(struct kallsyms *k, struct kmod *mod)
{
	struct module m = { .kind = MODULE_KMOD };
	char name[80], path[256];
	int id;

	if (mod->module)
		return mod->module;
	snprintf(name, sizeof(name), "[%s]", mod->name);
	snprintf(path, sizeof(path), "%s/%s/notes/.note.gnu.build-id", k->path_sys_module, mod->name);
	m.path = name;
	read_build_id(path, &m);
	id = recording_writer_add_module(k->writer, &m);
	mod->module = id > 0 ? (uint32_t)id : 0;
	return mod->module;
}

static uint32_t intern_bpf(struct kallsyms *k)
{
	struct module m = { .kind = MODULE_BPF, .path = "[bpf]" };
	int id;

	if (k->bpf_module)
		return k->bpf_module;
	id = recording_writer_add_module(k->writer, &m);
	k->bpf_module = id > 0 ? (uint32_t)id : 0;
	return k->bpf_module;
}

bool kallsyms_resolve(struct kallsyms *k, uint64_t addr, struct frame *ret)
{
	struct ksym_table *t = k->table;
	struct kmod *mod;

	ret->module = t->text ? 0 : k->kernel_module; /* hidden: the kernel's, or a module's or a BPF program's */
	ret->off = addr;
	if (!t->text)
		return true;
	if (addr >= t->text && addr < t->image_end) {
		ret->module = k->kernel_module;
		ret->off = addr - t->text;
		return true;
	}
	mod = ksym_table_module(t, addr);
	if (!mod && t->lookup.find && ksym_table_find(t, addr)) /* which reads of modules that were loaded since */
		mod = ksym_table_module(t, addr);
	if (mod && intern_mod(k, mod)) {
		ret->module = mod->module;
		ret->off = addr - mod->start;
	} else if (!mod) {
		ret->module = intern_bpf(k);
	}
	return ret->module;
}

const char *kallsyms_name(const struct kallsyms *k, uint64_t addr)
{
	const struct ksym *s = ksym_table_find(k->table, addr);

	return s ? ksym_table_name(k->table, s) : NULL;
}

/* ---- names that travel --------------------------------------------------------------------------------------- */

/* Where the frame's offsets count from, and whose they are. False: not the kernel's. */
static bool base_of(const struct kallsyms *k, uint32_t module, uint64_t *ret)
{
	*ret = 0;
	if (!module)
		return false;
	if (module == k->bpf_module)
		return true;
	if (module == k->kernel_module) {
		*ret = k->table->text;
		return true;
	}
	for (uint32_t i = 0; i < k->table->mod_cnt; i++) {
		if (k->table->mods[i].module == module) {
			*ret = k->table->mods[i].start;
			return true;
		}
	}
	return false;
}

void kallsyms_each_module(const struct kallsyms *k, void (*fn)(void *ctx, uint32_t module), void *ctx)
{
	fn(ctx, k->kernel_module);
	fn(ctx, k->bpf_module);
	for (uint32_t i = 0; i < k->table->mod_cnt; i++)
		fn(ctx, k->table->mods[i].module);
}

bool kallsyms_has_module(void *kallsyms, uint32_t module)
{
	uint64_t base;

	return base_of(kallsyms, module, &base);
}

static int emit(struct kallsyms *k, struct ksym *s, uint32_t module, uint64_t base, struct err *err)
{
	struct event ev = {
		.kind = EVENT_SYMBOL,
		.symbol = { .module = module, .off = s->addr - base, .size = ksym_table_end(k->table, s) - s->addr,
			    .source = SYMBOL_KALLSYMS, .name = ksym_table_name(k->table, s) },
	};

	s->is_written = true;
	return recording_writer_add(k->writer, &ev, err);
}

static struct ksym *find_hit(struct kallsyms *k, const struct frame *f, uint64_t base, bool is_bpf)
{
	uint64_t addr = base + f->off - !(f->flags & FRAME_EXACT);
	struct ksym *s = ksym_table_find(k->table, addr);

	/* A program loaded since: ours, most likely. Once, as it takes some 30 ms. */
	if (!s && is_bpf && !k->table->lookup.find && !k->was_refreshed) {
		k->was_refreshed = true;
		(void)kallsyms_refresh_bpf(k, NULL); /* not to be had: without a name */
		s = ksym_table_find(k->table, addr);
	}
	return s;
}

int kallsyms_emit_hits(struct kallsyms *k, const struct frame *frames, size_t cnt, struct err *err)
{
	uint32_t module = 0;
	bool is_ours = false;
	uint64_t base = 0;
	int r = 0;

	for (size_t i = 0; !r && i < cnt && k->table->text; i++) {
		struct ksym *s;

		if (frames[i].module != module) {
			module = frames[i].module;
			is_ours = base_of(k, module, &base);
		}
		s = is_ours ? find_hit(k, &frames[i], base, module == k->bpf_module) : NULL;
		if (s && !s->is_written && s->addr >= base)
			r = emit(k, s, module, base, err);
	}
	return r;
}

void kallsyms_next_segment(struct kallsyms *k)
{
	ksym_table_forget_bpf(k->table);
	for (uint32_t i = 0; i < k->table->cnt; i++)
		k->table->syms[i].is_written = false;
}

int kallsyms_emit_all(struct kallsyms *k, struct err *err)
{
	int r = 0;

	if (k->table->lookup.find) { /* what it gave is forgotten: it is all in the file */
		k->table->lookup.find = NULL;
		k->table->cnt = 0;
		r = ksym_table_read(k->table, k->path_kallsyms, false, err);
	}
	for (uint32_t i = 0; !r && i < k->table->cnt && k->table->text; i++) {
		struct ksym *s = &k->table->syms[i];
		struct frame f = {};
		uint64_t base;

		if (s->is_written || !kallsyms_resolve(k, s->addr, &f) || !base_of(k, f.module, &base))
			continue;
		r = emit(k, s, f.module, base, err);
	}
	return r;
}
