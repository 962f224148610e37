// SPDX-License-Identifier: BSD-2-Clause
#include "record/btf_slim.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define KINDS (1U << BTF_KIND_STRUCT | 1U << BTF_KIND_UNION | 1U << BTF_KIND_ENUM | 1U << BTF_KIND_TYPEDEF | 1U << BTF_KIND_ENUM64)

struct slim {
	struct btf_scan *from;
	struct btf_finding *finding;
	const char **names; /* sorted; owned, each of them too */
	uint32_t name_cnt, name_cap;
	struct btf_first first;
	uint32_t *new_ids; /* by the id in from; 0: not taken; owned */
	uint32_t *taken;   /* ids in from, by new id - 1; owned */
	uint32_t cnt, cap;
	struct buffer types, strings;
	int code; /* the first error */
};

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void note_error(struct slim *s, int code)
{
	s->code = s->code ?: code;
}

static int collect_names(struct slim *s, const struct btf *wanted)
{
	for (uint32_t id = 1; id < btf__type_cnt(wanted); id++) {
		const struct btf_type *t = btf__type_by_id(wanted, id);
		const char *name = btf__name_by_offset(wanted, t->name_off), *flavour;

		if (!(KINDS >> btf_kind(t) & 1) || !name || !*name)
			continue;
		flavour = strstr(name, "___");
		if (ARRAY_GROW(s->names, s->name_cap, s->name_cnt))
			return -ENOMEM;
		s->names[s->name_cnt] = flavour ? strndup(name, (size_t)(flavour - name)) : strdup(name);
		if (!s->names[s->name_cnt])
			return -ENOMEM;
		btf_first_add(&s->first, s->names[s->name_cnt++]);
	}
	if (s->name_cnt)
		qsort(s->names, s->name_cnt, sizeof(*s->names), compare_names);
	return 0;
}

static void take_named(void *ctx, uint32_t id, const struct btf_type *t, const char *name)
{
	struct slim *s = ctx;

	if (s->finding->kinds >> BTF_INFO_KIND(t->info) & 1)
		btf_finding_take(s->finding, id, t, name);
	if (!(KINDS >> BTF_INFO_KIND(t->info) & 1) || !btf_first_has(&s->first, name) || 
	    !bsearch(&name, s->names, s->name_cnt, sizeof(*s->names), compare_names))
		return;
	if (ARRAY_GROW(s->taken, s->cap, s->cnt))
		note_error(s, -ENOMEM);
	else
		s->taken[s->cnt++] = id;
}

/* The new id of a type, which is written later if it is not yet. */
static uint32_t new_id(struct slim *s, uint32_t id)
{
	if (!id || id > s->from->type_cnt)
		return 0;
	if (s->new_ids[id])
		return s->new_ids[id];
	if (ARRAY_GROW(s->taken, s->cap, s->cnt)) {
		note_error(s, -ENOMEM);
		return 0;
	}
	s->taken[s->cnt++] = id;
	s->new_ids[id] = s->cnt;
	return s->cnt;
}

static uint32_t new_name(struct slim *s, uint32_t off)
{
	const char *name = btf_scan_name(s->from, off);
	uint32_t at = (uint32_t)s->strings.len;

	if (!*name)
		return 0;
	note_error(s, buffer_put(&s->strings, name, strlen(name) + 1));
	return at;
}

static void mend_members(struct slim *s, struct btf_type *t)
{
	struct btf_member *m = (struct btf_member *)(t + 1);

	for (uint32_t i = 0; i < BTF_INFO_VLEN(t->info); i++) {
		m[i].name_off = new_name(s, m[i].name_off);
		m[i].type = new_id(s, m[i].type);
	}
}

/* Names of an enum's values; those of 64 bits have a word more. */
static void mend_values(struct slim *s, struct btf_type *t, size_t words)
{
	uint32_t *name_off = (uint32_t *)(t + 1);

	for (uint32_t i = 0; i < BTF_INFO_VLEN(t->info); i++)
		name_off[i * words] = new_name(s, name_off[i * words]);
}

/* A copy of a type, to become one of the new ones. */
static void mend(struct slim *s, struct btf_type *t)
{
	struct btf_array *array = (struct btf_array *)(t + 1);

	t->name_off = new_name(s, t->name_off);
	switch (BTF_INFO_KIND(t->info)) {
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		mend_members(s, t);
		break;
	case BTF_KIND_ENUM:
		mend_values(s, t, 2);
		break;
	case BTF_KIND_ENUM64:
		mend_values(s, t, 3);
		break;
	case BTF_KIND_ARRAY:
		array->type = new_id(s, array->type);
		array->index_type = new_id(s, array->index_type);
		break;
	case BTF_KIND_TYPEDEF:
	case BTF_KIND_VOLATILE:
	case BTF_KIND_CONST:
	case BTF_KIND_RESTRICT:
	case BTF_KIND_TYPE_TAG:
		t->type = new_id(s, t->type);
		break;
	case BTF_KIND_INT:
	case BTF_KIND_FWD:
	case BTF_KIND_FLOAT:
		break;
	default: /* a pointer: to what, nobody asks; and functions, which lie in nothing */
		*t = (struct btf_type){ .info = BTF_KIND_PTR << 24 };
	}
}

static void write_type(struct slim *s, uint32_t id)
{
	const struct btf_type *t = btf_scan_type(s->from, id);
	size_t sz = t ? btf_scan_size(t) : 0;
	struct btf_type *copy;

	if (!t) {
		note_error(s, -EBADMSG);
		return;
	}
	if (buffer_put(&s->types, t, sz)) {
		note_error(s, -ENOMEM);
		return;
	}
	copy = (struct btf_type *)(s->types.data + s->types.len - sz);
	mend(s, copy);
	s->types.len -= sz - btf_scan_size(copy);
}

static int write_all(struct slim *s, struct buffer *ret)
{
	struct btf_header h = { .magic = 0xeb9f, .version = BTF_VERSION, .hdr_len = sizeof(h) };

	note_error(s, buffer_put(&s->strings, "", 1));
	for (uint32_t i = 0; i < s->cnt; i++)
		s->new_ids[s->taken[i]] = i + 1;
	for (uint32_t i = 0; i < s->cnt && !s->code; i++) /* which adds to them */
		write_type(s, s->taken[i]);
	if (s->code)
		return s->code;
	h.type_len = h.str_off = (uint32_t)s->types.len;
	h.str_len = (uint32_t)s->strings.len;
	return buffer_put(ret, &h, sizeof(h)) ?: buffer_put(ret, s->types.data, s->types.len) ?:
	       buffer_put(ret, s->strings.data, s->strings.len);
}

int btf_slim_make(struct btf_scan *from, const struct btf *wanted, struct btf_finding *finding, struct buffer *ret)
{
	struct slim s = { .from = from, .finding = finding };
	int code = collect_names(&s, wanted) ?: btf_scan_each(from, KINDS | finding->kinds, take_named, &s) ?: s.code;

	if (!code) {
		s.new_ids = calloc((size_t)from->type_cnt + 1, sizeof(*s.new_ids));
		code = s.new_ids ? write_all(&s, ret) : -ENOMEM;
	}
	for (uint32_t i = 0; i < s.name_cnt; i++)
		free((char *)s.names[i]);
	free(s.names);
	free(s.new_ids);
	free(s.taken);
	buffer_deinit(&s.types);
	buffer_deinit(&s.strings);
	return code;
}
