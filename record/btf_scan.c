// SPDX-License-Identifier: BSD-2-Clause
#include "record/btf_scan.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "formats/cleanup.h"

#define MAGIC 0xeb9f
#define SZ_MAX (256U << 20)

int btf_scan_init(struct btf_scan *b, const void *data, size_t sz)
{
	struct btf_header h;

	*b = (struct btf_scan){ .data = data, .sz = sz };
	if (sz < sizeof(h) || sz > SZ_MAX)
		return -EBADMSG;
	memcpy(&h, data, sizeof(h));
	if (h.magic != MAGIC || h.hdr_len < sizeof(h) || h.hdr_len > sz || h.type_off > sz - h.hdr_len ||
	    h.type_len > sz - h.hdr_len - h.type_off || h.str_off > sz - h.hdr_len || h.str_len > sz - h.hdr_len - h.str_off ||
	    (h.hdr_len + h.type_off) % 4)
		return -EBADMSG;
	b->types = h.hdr_len + h.type_off;
	b->types_end = b->types + h.type_len;
	b->strings = (const char *)data + h.hdr_len + h.str_off;
	b->strings_sz = h.str_len;
	return b->strings_sz && !b->strings[b->strings_sz - 1] ? 0 : -EBADMSG;
}

static int read_whole(int fd, uint8_t *to, size_t sz)
{
	for (size_t at = 0; at < sz;) {
		ssize_t n = read(fd, to + at, sz - at);

		if (n <= 0)
			return n ? -errno : -EBADMSG;
		at += (size_t)n;
	}
	return 0;
}

/* Kernels since 6.16 let the file be mapped; of others it must be read. */
int btf_scan_open(const char *path, struct btf_scan *ret)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	uint8_t *p;
	size_t sz;
	int code;

	if (fd < 0 || fstat(fd, &st))
		return -errno;
	sz = (size_t)st.st_size;
	if (st.st_size <= 0 || sz > SZ_MAX)
		return -EBADMSG;
	p = mmap(NULL, sz, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
	if (p == MAP_FAILED) {
		p = malloc(sz);
		code = p ? read_whole(fd, p, sz) : -ENOMEM;
		if (!code)
			code = btf_scan_init(ret, p, sz);
		if (code)
			free(p);
		return code;
	}
	code = btf_scan_init(ret, p, sz);
	ret->is_mapped = 1;
	if (code)
		munmap(p, sz);
	return code;
}

void btf_scan_close(struct btf_scan *b)
{
	if (b->is_mapped)
		munmap((void *)b->data, b->sz);
	else
		free((void *)b->data);
	free(b->places);
	*b = (struct btf_scan){ 0 };
}

/* Bytes behind the header of each kind's types, and of each of their parts; not a switch, as all types of the kernel come by here. */
static const struct {
	uint8_t is_known, fixed, part;
} sizes[] = {
	[BTF_KIND_INT] = { 1, 4, 0 },
	[BTF_KIND_PTR] = { 1, 0, 0 },
	[BTF_KIND_ARRAY] = { 1, sizeof(struct btf_array), 0 },
	[BTF_KIND_STRUCT] = { 1, 0, sizeof(struct btf_member) },
	[BTF_KIND_UNION] = { 1, 0, sizeof(struct btf_member) },
	[BTF_KIND_ENUM] = { 1, 0, sizeof(struct btf_enum) },
	[BTF_KIND_FWD] = { 1, 0, 0 },
	[BTF_KIND_TYPEDEF] = { 1, 0, 0 },
	[BTF_KIND_VOLATILE] = { 1, 0, 0 },
	[BTF_KIND_CONST] = { 1, 0, 0 },
	[BTF_KIND_RESTRICT] = { 1, 0, 0 },
	[BTF_KIND_FUNC] = { 1, 0, 0 }, /* its count is its linkage */
	[BTF_KIND_FUNC_PROTO] = { 1, 0, sizeof(struct btf_param) },
	[BTF_KIND_VAR] = { 1, 4, 0 },
	[BTF_KIND_DATASEC] = { 1, 0, sizeof(struct btf_var_secinfo) },
	[BTF_KIND_FLOAT] = { 1, 0, 0 },
	[BTF_KIND_DECL_TAG] = { 1, 4, 0 },
	[BTF_KIND_TYPE_TAG] = { 1, 0, 0 },
	[BTF_KIND_ENUM64] = { 1, 0, 12 },
	[31] = { 0, 0, 0 }, /* the largest number a kind may have */
};

static inline size_t size_of(const struct btf_type *t)
{
	uint32_t kind = BTF_INFO_KIND(t->info);

	if (!sizes[kind].is_known)
		return 0;
	return sizeof(*t) + sizes[kind].fixed + (size_t)BTF_INFO_VLEN(t->info) * sizes[kind].part;
}

size_t btf_scan_size(const struct btf_type *t)
{
	return size_of(t);
}

/* The type at an offset, whole, with its size; NULL: cut off or unknown. */
static const struct btf_type *type_at(const struct btf_scan *b, size_t at, size_t *ret_sz)
{
	const struct btf_type *t = (const void *)(b->data + at);

	if (b->types_end - at < sizeof(*t))
		return NULL;
	*ret_sz = size_of(t);
	return *ret_sz && *ret_sz <= b->types_end - at ? t : NULL;
}

const char *btf_scan_name(const struct btf_scan *b, uint32_t off)
{
	return off < b->strings_sz ? b->strings + off : "";
}

static uint32_t first_two(const char *name)
{
	return (uint8_t)name[0] | (name[0] ? (uint32_t)(uint8_t)name[1] << 8 : 0);
}

void btf_first_add(struct btf_first *f, const char *name)
{
	f->bits[first_two(name) / 8] |= (uint8_t)(1 << first_two(name) % 8);
}

bool btf_first_has(const struct btf_first *f, const char *name)
{
	return f->bits[first_two(name) / 8] >> first_two(name) % 8 & 1;
}

int btf_scan_each(struct btf_scan *b, uint32_t kinds, btf_scan_fn fn, void *ctx)
{
	size_t sz, end = b->types_end, most = (end - b->types) / sizeof(struct btf_type);
	uint32_t cnt = 0, *places; /* not in *b: its members would be stored and loaded again for each type */

	free(b->places);
	b->type_cnt = 0;
	b->places = places = malloc((most / BTF_SCAN_STEP + 1) * sizeof(*b->places));
	if (!places)
		return -ENOMEM;
	for (size_t at = b->types; at < end; at += sz) {
		const struct btf_type *t = type_at(b, at, &sz);
		const char *name;

		if (!t)
			return -EBADMSG;
		if (cnt % BTF_SCAN_STEP == 0)
			places[cnt / BTF_SCAN_STEP] = (uint32_t)at;
		cnt++;
		if (!(kinds >> BTF_INFO_KIND(t->info) & 1))
			continue;
		name = btf_scan_name(b, t->name_off);
		if (*name)
			fn(ctx, cnt, t, name);
	}
	b->type_cnt = cnt;
	return 0;
}

void btf_finding_init(struct btf_finding *f, struct btf_wanted *w, size_t cnt)
{
	*f = (struct btf_finding){ .w = w, .cnt = cnt };
	for (size_t i = 0; i < cnt; i++) {
		f->kinds |= 1U << w[i].kind;
		w[i].id = 0;
		btf_first_add(&f->first, w[i].name);
	}
}

void btf_finding_take(void *finding, uint32_t id, const struct btf_type *t, const char *name)
{
	struct btf_finding *f = finding;

	if (!btf_first_has(&f->first, name))
		return;
	for (size_t i = 0; i < f->cnt; i++)
		if (f->w[i].kind == BTF_INFO_KIND(t->info) && !f->w[i].id && !strcmp(name, f->w[i].name))
			f->w[i].id = id;
}

int btf_scan_find(struct btf_scan *b, struct btf_wanted *w, size_t cnt)
{
	struct btf_finding f;

	btf_finding_init(&f, w, cnt);
	return btf_scan_each(b, f.kinds, btf_finding_take, &f);
}

const struct btf_type *btf_scan_type(const struct btf_scan *b, uint32_t id)
{
	const struct btf_type *t;
	size_t at, sz;

	if (!id || id > b->type_cnt)
		return NULL;
	at = b->places[(id - 1) / BTF_SCAN_STEP];
	for (uint32_t skip = (id - 1) % BTF_SCAN_STEP;; skip--) {
		t = type_at(b, at, &sz);
		if (!t || !skip)
			return t;
		at += sz;
	}
}
