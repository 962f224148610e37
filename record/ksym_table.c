// SPDX-License-Identifier: BSD-2-Clause
#include "record/ksym_table.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "formats/cleanup.h"
#include "record/procfile.h"

#define MODULES_SZ (4 << 20) /* /proc/modules of a few hundred modules is 30 KiB */
#define IOMEM_SZ (1 << 20)
#define READ_SZ 65536
#define LINE_MAX_SZ 1024       /* KSYM_NAME_LEN is 512 */
#define SYMBOL_MAX 4000000     /* with KALLSYMS_ALL a distribution kernel has 250,000 */
#define IMAGE_TAIL (1ULL << 20) /* text behind the last symbol of the kernel's image */

enum { RANK_GLOBAL = 0, RANK_WEAK = 1, RANK_LOCAL = 2 };

enum what { EVERYTHING = 0, ONLY_BPF = 1, ONLY_TEXT = 2 };

void ksym_table_deinit(struct ksym_table *t)
{
	for (uint32_t i = 0; i < t->mod_cnt; i++)
		free(t->mods[i].name);
	free(t->mods);
	free(t->syms);
	buffer_deinit(&t->names);
}

/* ---- /proc/modules ------------------------------------------------------------------------------------------- */

static int add_mod(struct ksym_table *t, const char *name, uint64_t start, uint64_t sz)
{
	struct kmod m = { .start = start };

	const struct kmod *old = ksym_table_module(t, start);

	if (!start || !sz || __builtin_add_overflow(start, sz, &m.end) || (old && !strcmp(old->name, name)))
		return 0;
	if (array_grow(&t->mods, &t->mod_cap, t->mod_cnt, sizeof(m)))
		return -ENOMEM;
	m.name = strdup(name);
	if (!m.name)
		return -ENOMEM;
	t->mods[t->mod_cnt++] = m;
	return 0;
}

/* "name size refs deps state 0xaddress" */
int ksym_table_read_modules(struct ksym_table *t)
{
	_cleanup_free_ char *text = NULL;
	char *save, name[64];
	int r = 0;

	if (procfile_read(AT_FDCWD, t->path_modules, MODULES_SZ, &text) < 0)
		return 0;
	for (char *line = strtok_r(text, "\n", &save); line && !r && t->mod_cnt < 60000;
	     line = strtok_r(NULL, "\n", &save)) {
		uint64_t start, sz;

		if (sscanf(line, "%63s %" SCNu64 " %*s %*s %*s 0x%" SCNx64, name, &sz, &start) == 3)
			r = add_mod(t, name, start, sz);
	}
	return r;
}

/* A few hundred, asked for the few kernel addresses that are not the image's; the newest first: one may have taken another's place. */
struct kmod *ksym_table_module(const struct ksym_table *t, uint64_t addr)
{
	for (uint32_t i = t->mod_cnt; i; i--)
		if (addr >= t->mods[i - 1].start && addr < t->mods[i - 1].end)
			return &t->mods[i - 1];
	return NULL;
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

static uint16_t owner_of(const struct ksym_table *t, uint64_t addr, const char *bracket)
{
	const struct kmod *m;

	if (!*bracket)
		return OWNER_KERNEL;
	m = strcmp(bracket, "bpf") ? ksym_table_module(t, addr) : NULL;
	return m ? (uint16_t)(OWNER_KMOD + (m - t->mods)) : OWNER_BPF;
}

static int add_symbol(struct ksym_table *t, uint64_t addr, char type, const char *name,
		      const char *bracket, enum what what)
{
	struct ksym s = { .addr = addr };
	int rank;

	if (!strcmp(name, "_text"))
		t->text = addr;
	if (what == ONLY_TEXT)
		return 0;
	s.owner = owner_of(t, addr, bracket);
	if (what == ONLY_BPF && s.owner != OWNER_BPF)
		return 0;
	rank = rank_of(type, name);
	if (rank < 0 || !addr || t->cnt >= SYMBOL_MAX)
		return 0;
	s.rank = (uint8_t)rank;
	s.name = (uint32_t)t->names.len;
	if (array_grow(&t->syms, &t->cap, t->cnt, sizeof(s)) ||
	    buffer_put(&t->names, name, strlen(name) + 1))
		return -ENOMEM;
	t->syms[t->cnt++] = s;
	return 0;
}

/* "ffffffff81000000 T name\t[module]"; anything else is passed over. line is NUL-terminated and written to. */
static int take_line(struct ksym_table *t, char *line, enum what what)
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
	return *name ? add_symbol(t, addr, type, name, bracket, what) : 0;
}

static int take_lines(struct ksym_table *t, char *buf, size_t *len, enum what what)
{
	char *line = buf, *end;
	int r = 0;

	while (!r && (end = memchr(line, '\n', *len - (size_t)(line - buf)))) {
		*end = '\0';
		r = take_line(t, line, what);
		line = end + 1;
	}
	*len -= (size_t)(line - buf);
	if (*len > LINE_MAX_SZ)
		*len = 0; /* no line of this file */
	memmove(buf, line, *len);
	return r;
}

static int read_symbols(struct ksym_table *t, const char *path, enum what what, struct err *err)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	_cleanup_free_ char *buf = malloc(READ_SZ + LINE_MAX_SZ);
	size_t len = 0;
	ssize_t n;
	int r = 0;

	if (fd < 0)
		return err_errno(err, "open '%s'", path);
	if (!buf)
		return err_set(err, -ENOMEM, "out of memory");
	while (!r) {
		n = read(fd, buf + len, READ_SZ);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_errno(err, "read '%s'", path);
		if (!n)
			break;
		len += (size_t)n;
		r = take_lines(t, buf, &len, what);
		if (what == ONLY_TEXT && t->text)
			break;
	}
	return r ? err_set(err, r, "out of memory for kernel symbols") : 0;
}

/* ---- order --------------------------------------------------------------------------------------------------- */

const char *ksym_table_name(const struct ksym_table *t, const struct ksym *s)
{
	return (const char *)t->names.data + s->name;
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
	p = ksym_table_name(ctx, x);
	q = ksym_table_name(ctx, y);
	if (underscores(p) != underscores(q))
		return underscores(p) < underscores(q) ? -1 : 1;
	return strcmp(p, q);
}

static void sort_symbols(struct ksym_table *t)
{
	uint32_t n = 0;

	if (!t->cnt)
		return;
	qsort_r(t->syms, t->cnt, sizeof(*t->syms), compare_syms, t);
	for (uint32_t i = 0; i < t->cnt; i++) {
		if (n && t->syms[n - 1].addr == t->syms[i].addr) {
			t->syms[n - 1].is_written |= t->syms[i].is_written;
			continue;
		}
		t->syms[n++] = t->syms[i];
	}
	t->cnt = n;
	for (uint32_t i = 0; i < n; i++)
		if (t->syms[i].owner == OWNER_KERNEL && t->syms[i].addr >= t->image_end)
			t->image_end = t->syms[i].addr + IMAGE_TAIL;
}

int ksym_table_read(struct ksym_table *t, const char *path, bool only_bpf, struct err *err)
{
	int r = read_symbols(t, path, only_bpf ? ONLY_BPF : EVERYTHING, err);

	sort_symbols(t);
	return r;
}

int ksym_table_read_bounds(struct ksym_table *t, const char *path_kallsyms, const char *path_iomem)
{
	_cleanup_free_ char *text = NULL;
	uint64_t first = 0, last = 0;
	char *line, *at;
	int r = read_symbols(t, path_kallsyms, ONLY_TEXT, NULL);

	if (r || !t->text)
		return r;
	if (procfile_read(AT_FDCWD, path_iomem, IOMEM_SZ, &text) < 0)
		return -ENODATA;
	at = strstr(text, " : Kernel code");
	if (!at)
		return -ENODATA;
	*at = '\0';
	line = strrchr(text, '\n');
	if (sscanf(line ? line : text, " %" SCNx64 "-%" SCNx64, &first, &last) != 2 || last <= first)
		return -ENODATA;
	t->image_end = t->text + (last - first + 1);
	return 0;
}

/* ---- one by one ------------------------------------------------------------------------------------------------- */

/* How many symbols begin at or below addr. */
static uint32_t count_below(const struct ksym_table *t, uint64_t addr)
{
	uint32_t lo = 0, hi = t->cnt;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (t->syms[mid].addr <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static uint16_t owner_found(struct ksym_table *t, const struct kallsyms_found *f)
{
	const struct kmod *m = ksym_table_module(t, f->start);

	if (!*f->module || !strcmp(f->module, "bpf"))
		return *f->module ? OWNER_BPF : OWNER_KERNEL;
	if (!m && !ksym_table_read_modules(t)) /* loaded since */
		m = ksym_table_module(t, f->start);
	return m ? (uint16_t)(OWNER_KMOD + (m - t->mods)) : OWNER_BPF;
}

static struct ksym *look_up(struct ksym_table *t, uint64_t addr)
{
	struct kallsyms_found f = { .start = 0 };
	struct ksym s;
	uint32_t at;

	if (!t->lookup.find || !t->lookup.find(t->lookup.ctx, addr, &f) || f.start > addr || f.end <= addr ||
	    t->names.len > UINT32_MAX - sizeof(f.name))
		return NULL;
	s = (struct ksym){ .addr = f.start, .end = f.end, .name = (uint32_t)t->names.len, .owner = owner_found(t, &f) };
	if (array_grow(&t->syms, &t->cap, t->cnt, sizeof(s)) || buffer_put(&t->names, f.name, strlen(f.name) + 1))
		return NULL; /* no memory: no name */
	at = count_below(t, f.start);
	memmove(&t->syms[at + 1], &t->syms[at], (t->cnt - at) * sizeof(s));
	t->syms[at] = s;
	t->cnt++;
	return &t->syms[at];
}

struct ksym *ksym_table_find(struct ksym_table *t, uint64_t addr)
{
	uint32_t n = count_below(t, addr);

	if (n && addr < ksym_table_end(t, &t->syms[n - 1]))
		return &t->syms[n - 1];
	return look_up(t, addr);
}

void ksym_table_forget_bpf(struct ksym_table *t)
{
	struct buffer names = { 0 };
	uint32_t n = 0;

	for (uint32_t i = 0; i < t->cnt; i++)
		n += t->syms[i].owner == OWNER_BPF;
	if (!t->lookup.find || !n || buffer_reserve(&names, t->names.len))
		return;
	n = 0;
	for (uint32_t i = 0; i < t->cnt; i++) {
		struct ksym s = t->syms[i];
		const char *name = ksym_table_name(t, &s);

		if (s.owner == OWNER_BPF)
			continue;
		s.name = (uint32_t)names.len;
		(void)buffer_put(&names, name, strlen(name) + 1); /* there is room */
		t->syms[n++] = s;
	}
	t->cnt = n;
	buffer_deinit(&t->names);
	t->names = names;
}

uint64_t ksym_table_end(const struct ksym_table *t, const struct ksym *s)
{
	uint64_t end = s + 1 < t->syms + t->cnt ? s[1].addr : s->addr + 4096;
	uint64_t limit = UINT64_MAX;

	if (s->end)
		return s->end;
	if (s->owner == OWNER_KERNEL)
		limit = t->image_end;
	else if (s->owner >= OWNER_KMOD)
		limit = t->mods[s->owner - OWNER_KMOD].end;
	else if (end - s->addr > 65536)
		end = s->addr + 4096; /* a BPF program's page, with nothing known behind it */
	return end < limit ? end : limit;
}

