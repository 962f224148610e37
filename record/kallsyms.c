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
#include "record/procfile.h"

#define MODULES_SZ (4 << 20) /* /proc/modules of a few hundred modules is 30 KiB */
#define NOTES_SZ 65536
#define READ_SZ 65536
#define LINE_MAX_SZ 1024       /* KSYM_NAME_LEN is 512 */
#define SYMBOL_MAX 4000000     /* with KALLSYMS_ALL a distribution kernel has 250,000 */
#define IMAGE_TAIL (1ULL << 20) /* text behind the last symbol of the kernel's image */

enum { RANK_GLOBAL = 0, RANK_WEAK = 1, RANK_LOCAL = 2 };

struct ksym {
	uint64_t addr;
	uint32_t name; /* offset in names */
	uint16_t owner; /* OWNER_*, or OWNER_KMOD + index */
	uint8_t rank;
	bool is_written;
};

enum { OWNER_KERNEL = 0, OWNER_BPF = 1, OWNER_KMOD = 2 };

struct kmod {
	char *name; /* owned */
	uint64_t start, end;
	uint32_t module; /* in the recording; 0: not met yet */
};

struct kallsyms {
	struct recording_writer *writer; /* borrowed */
	char *path_kallsyms, *path_sys_module; /* owned */
	struct ksym *syms; /* sorted by address, one per address */
	uint32_t cnt, cap;
	struct buffer names;
	struct kmod *mods; /* sorted by start */
	uint32_t mod_cnt, mod_cap;
	uint64_t text, image_end; /* _text; 0: hidden */
	uint32_t kernel_module, bpf_module; /* in the recording */
	bool was_refreshed;
};

/* ---- /proc/modules ------------------------------------------------------------------------------------------- */

static int compare_mods(const void *a, const void *b)
{
	const struct kmod *x = a, *y = b;

	return x->start < y->start ? -1 : x->start > y->start;
}

static int add_mod(struct kallsyms *k, const char *name, uint64_t start, uint64_t sz)
{
	struct kmod m = { .start = start };

	if (!start || !sz || __builtin_add_overflow(start, sz, &m.end))
		return 0;
	if (array_grow(&k->mods, &k->mod_cap, k->mod_cnt, sizeof(m)))
		return -ENOMEM;
	m.name = strdup(name);
	if (!m.name)
		return -ENOMEM;
	k->mods[k->mod_cnt++] = m;
	return 0;
}

/* "name size refs deps state 0xaddress"; a kernel without modules has no such file. */
static int read_mods(struct kallsyms *k, const char *path)
{
	_cleanup_free_ char *text = NULL;
	char *save, name[64];
	int r = 0;

	if (procfile_read(AT_FDCWD, path, MODULES_SZ, &text) < 0)
		return 0;
	for (char *line = strtok_r(text, "\n", &save); line && !r && k->mod_cnt < 60000;
	     line = strtok_r(NULL, "\n", &save)) {
		uint64_t start, sz;

		if (sscanf(line, "%63s %" SCNu64 " %*s %*s %*s 0x%" SCNx64, name, &sz, &start) == 3)
			r = add_mod(k, name, start, sz);
	}
	if (k->mod_cnt)
		qsort(k->mods, k->mod_cnt, sizeof(*k->mods), compare_mods);
	return r;
}

static struct kmod *find_mod(const struct kallsyms *k, uint64_t addr)
{
	uint32_t lo = 0, hi = k->mod_cnt;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (k->mods[mid].end <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < k->mod_cnt && addr >= k->mods[lo].start ? &k->mods[lo] : NULL;
}

/* ---- /proc/kallsyms ------------------------------------------------------------------------------------------ */

/* A text symbol's rank, or -1: data, or a marker in front of a function that is no function. */
static int rank_of(char type, const char *name)
{
	if (!strncmp(name, "__pfx_", 6) || !strncmp(name, "__cfi_", 6))
		return -1;
	switch (type) {
	case 'T':
		return RANK_GLOBAL;
	case 'W':
	case 'w':
		return RANK_WEAK;
	case 't':
		return RANK_LOCAL;
	default:
		return -1;
	}
}

static uint16_t owner_of(const struct kallsyms *k, uint64_t addr, const char *bracket)
{
	const struct kmod *m;

	if (!*bracket)
		return OWNER_KERNEL;
	m = strcmp(bracket, "bpf") ? find_mod(k, addr) : NULL;
	return m ? (uint16_t)(OWNER_KMOD + (m - k->mods)) : OWNER_BPF;
}

static int add_symbol(struct kallsyms *k, uint64_t addr, char type, const char *name,
		      const char *bracket, bool only_bpf)
{
	struct ksym s = { .addr = addr };
	int rank;

	s.owner = owner_of(k, addr, bracket);
	if (only_bpf && s.owner != OWNER_BPF)
		return 0;
	if (!strcmp(name, "_text"))
		k->text = addr;
	rank = rank_of(type, name);
	if (rank < 0 || !addr || k->cnt >= SYMBOL_MAX)
		return 0;
	s.rank = (uint8_t)rank;
	s.name = (uint32_t)k->names.len;
	if (array_grow(&k->syms, &k->cap, k->cnt, sizeof(s)) ||
	    buffer_put(&k->names, name, strlen(name) + 1))
		return -ENOMEM;
	k->syms[k->cnt++] = s;
	return 0;
}

/* "ffffffff81000000 T name\t[module]"; anything else is passed over. line is NUL-terminated and written to. */
static int take_line(struct kallsyms *k, char *line, bool only_bpf)
{
	char *end, *name, *bracket;
	uint64_t addr = strtoull(line, &end, 16);
	char type;

	if (end == line || *end != ' ' || !end[1] || end[2] != ' ')
		return 0;
	type = end[1];
	name = end + 3;
	bracket = name + strcspn(name, "\t ");
	if (*bracket) {
		*bracket++ = '\0';
		bracket += strspn(bracket, "\t [");
		bracket[strcspn(bracket, "]")] = '\0';
	}
	return *name ? add_symbol(k, addr, type, name, bracket, only_bpf) : 0;
}

static int take_lines(struct kallsyms *k, char *buf, size_t *len, bool only_bpf)
{
	char *line = buf, *end;
	int r = 0;

	while (!r && (end = memchr(line, '\n', *len - (size_t)(line - buf)))) {
		*end = '\0';
		r = take_line(k, line, only_bpf);
		line = end + 1;
	}
	*len -= (size_t)(line - buf);
	if (*len > LINE_MAX_SZ)
		*len = 0; /* no line of this file */
	memmove(buf, line, *len);
	return r;
}

static int read_symbols(struct kallsyms *k, bool only_bpf, struct err *err)
{
	_cleanup_close_ int fd = open(k->path_kallsyms, O_RDONLY | O_CLOEXEC);
	_cleanup_free_ char *buf = malloc(READ_SZ + LINE_MAX_SZ);
	size_t len = 0;
	ssize_t n;
	int r = 0;

	if (fd < 0)
		return err_errno(err, "open '%s'", k->path_kallsyms);
	if (!buf)
		return err_set(err, -ENOMEM, "out of memory");
	while (!r) {
		n = read(fd, buf + len, READ_SZ);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_errno(err, "read '%s'", k->path_kallsyms);
		if (!n)
			break;
		len += (size_t)n;
		r = take_lines(k, buf, &len, only_bpf);
	}
	return r ? err_set(err, r, "out of memory for kernel symbols") : 0;
}

/* ---- order --------------------------------------------------------------------------------------------------- */

static const char *name_of(const struct kallsyms *k, const struct ksym *s)
{
	return (const char *)k->names.data + s->name;
}

static size_t underscores(const char *name)
{
	return strspn(name, "_");
}

/* Of several names of an address the first is kept: global, weak, local; then the plainest; then any, but always the same. */
static int compare_syms(const void *a, const void *b, void *ctx)
{
	const struct ksym *x = a, *y = b;
	const char *p, *q;

	if (x->addr != y->addr)
		return x->addr < y->addr ? -1 : 1;
	if (x->rank != y->rank)
		return x->rank - y->rank;
	p = name_of(ctx, x);
	q = name_of(ctx, y);
	if (underscores(p) != underscores(q))
		return underscores(p) < underscores(q) ? -1 : 1;
	return strcmp(p, q);
}

static void sort_symbols(struct kallsyms *k)
{
	uint32_t n = 0;

	if (!k->cnt)
		return;
	qsort_r(k->syms, k->cnt, sizeof(*k->syms), compare_syms, k);
	for (uint32_t i = 0; i < k->cnt; i++) {
		if (n && k->syms[n - 1].addr == k->syms[i].addr) {
			k->syms[n - 1].is_written |= k->syms[i].is_written;
			continue;
		}
		k->syms[n++] = k->syms[i];
	}
	k->cnt = n;
	for (uint32_t i = 0; i < n; i++)
		if (k->syms[i].owner == OWNER_KERNEL && k->syms[i].addr >= k->image_end)
			k->image_end = k->syms[i].addr + IMAGE_TAIL;
}

/* The symbol addr lies in: the last that begins at or before it, of the same part of the kernel. */
static struct ksym *find_symbol(const struct kallsyms *k, uint64_t addr)
{
	uint32_t lo = 0, hi = k->cnt;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (k->syms[mid].addr <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo ? &k->syms[lo - 1] : NULL;
}

static uint64_t end_of(const struct kallsyms *k, const struct ksym *s)
{
	uint64_t end = s + 1 < k->syms + k->cnt ? s[1].addr : s->addr + 4096;
	uint64_t limit = UINT64_MAX;

	if (s->owner == OWNER_KERNEL)
		limit = k->image_end;
	else if (s->owner >= OWNER_KMOD)
		limit = k->mods[s->owner - OWNER_KMOD].end;
	else if (end - s->addr > 65536)
		end = s->addr + 4096; /* a BPF program's page, with nothing known behind it */
	return end < limit ? end : limit;
}

/* ---- life ---------------------------------------------------------------------------------------------------- */

void kallsyms_destroy(struct kallsyms *k)
{
	if (!k)
		return;
	for (uint32_t i = 0; i < k->mod_cnt; i++)
		free(k->mods[i].name);
	free(k->mods);
	free(k->syms);
	free(k->path_kallsyms);
	free(k->path_sys_module);
	buffer_deinit(&k->names);
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

int kallsyms_create(struct recording_writer *w, const struct kallsyms_paths *paths,
		    struct kallsyms **ret, struct err *err)
{
	static const struct kallsyms_paths none;
	struct kallsyms *k = calloc(1, sizeof(*k));
	int r;

	if (!k)
		return err_set(err, -ENOMEM, "out of memory");
	paths = paths ?: &none;
	k->writer = w;
	k->path_kallsyms = strdup(paths->kallsyms ?: "/proc/kallsyms");
	k->path_sys_module = strdup(paths->sys_module ?: "/sys/module");
	r = k->path_kallsyms && k->path_sys_module ? read_mods(k, paths->modules ?: "/proc/modules") :
						     -ENOMEM;
	if (!r)
		r = intern_kernel(k, paths->notes ?: "/sys/kernel/notes");
	if (r)
		err_set(err, r, "out of memory for kernel symbols");
	else
		r = read_symbols(k, false, err);
	if (r) {
		kallsyms_destroy(k);
		return r;
	}
	sort_symbols(k);
	*ret = k;
	return kallsyms_is_restricted(k) ? explain_hidden(k, err) : 0;
}

bool kallsyms_is_restricted(const struct kallsyms *k)
{
	return !k->text;
}

int kallsyms_refresh_bpf(struct kallsyms *k, struct err *err)
{
	int r = read_symbols(k, true, err);

	sort_symbols(k);
	return r;
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
	struct kmod *mod;

	ret->module = 0;
	ret->off = addr;
	if (!k->text)
		return false;
	if (addr >= k->text && addr < k->image_end) {
		ret->module = k->kernel_module;
		ret->off = addr - k->text;
		return true;
	}
	mod = find_mod(k, addr);
	if (mod && intern_mod(k, mod)) {
		ret->module = mod->module;
		ret->off = addr - mod->start;
	} else if (!mod) {
		ret->module = intern_bpf(k);
	}
	return ret->module;
}

static bool holds(const struct kallsyms *k, const struct ksym *s, uint64_t addr)
{
	return s && addr < end_of(k, s);
}

const char *kallsyms_name(const struct kallsyms *k, uint64_t addr)
{
	const struct ksym *s = find_symbol(k, addr);

	return holds(k, s, addr) ? name_of(k, s) : NULL;
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
		*ret = k->text;
		return true;
	}
	for (uint32_t i = 0; i < k->mod_cnt; i++) {
		if (k->mods[i].module == module) {
			*ret = k->mods[i].start;
			return true;
		}
	}
	return false;
}

static int emit(struct kallsyms *k, struct ksym *s, uint32_t module, uint64_t base, struct err *err)
{
	struct event ev = {
		.kind = EVENT_SYMBOL,
		.symbol = { .module = module, .off = s->addr - base, .size = end_of(k, s) - s->addr,
			    .source = SYMBOL_KALLSYMS, .name = name_of(k, s) },
	};

	s->is_written = true;
	return recording_writer_add(k->writer, &ev, err);
}

static struct ksym *find_hit(struct kallsyms *k, const struct frame *f, uint64_t base, bool is_bpf)
{
	uint64_t addr = base + f->off - !(f->flags & FRAME_EXACT);
	struct ksym *s = find_symbol(k, addr);

	/* A program loaded since: ours, most likely. Once, as it takes some 30 ms. */
	if (!holds(k, s, addr) && is_bpf && !k->was_refreshed) {
		k->was_refreshed = true;
		(void)kallsyms_refresh_bpf(k, NULL); /* not to be had: without a name */
		s = find_symbol(k, addr);
	}
	return holds(k, s, addr) ? s : NULL;
}

int kallsyms_emit_hits(struct kallsyms *k, const struct frame *frames, size_t cnt, struct err *err)
{
	uint32_t module = 0;
	bool is_ours = false;
	uint64_t base = 0;
	int r = 0;

	for (size_t i = 0; !r && i < cnt && k->text; i++) {
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

int kallsyms_emit_all(struct kallsyms *k, struct err *err)
{
	int r = 0;

	for (uint32_t i = 0; !r && i < k->cnt && k->text; i++) {
		struct ksym *s = &k->syms[i];
		struct frame f = {};
		uint64_t base;

		if (s->is_written || !kallsyms_resolve(k, s->addr, &f) || !base_of(k, f.module, &base))
			continue;
		r = emit(k, s, f.module, base, err);
	}
	return r;
}
