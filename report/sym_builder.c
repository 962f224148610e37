// SPDX-License-Identifier: BSD-2-Clause
#include "report/sym_builder.h"

#include <errno.h>

#include "formats/cleanup.h"
#include "formats/idmap.h"

bool sym_builder_init(struct sym_builder *b)
{
	memset(b, 0, sizeof(*b));
	return sym_vec_push(&b->strs.bytes) && sym_vec_push(&b->scopes) &&
	       sym_vec_push(&b->funcs) && sym_vec_push(&b->files);
}

void sym_builder_deinit(struct sym_builder *b)
{
	sym_vec_deinit(&b->loads);
	sym_vec_deinit(&b->code);
	sym_vec_deinit(&b->scopes);
	sym_vec_deinit(&b->spans);
	sym_vec_deinit(&b->funcs);
	sym_vec_deinit(&b->symbols);
	sym_vec_deinit(&b->fdes);
	sym_vec_deinit(&b->sequences);
	sym_vec_deinit(&b->raw_lines);
	sym_vec_deinit(&b->files);
	sym_vec_deinit(&b->strs.bytes);
	free(b->strs.slots);
	free(b->file_slots);
	memset(b, 0, sizeof(*b));
}

static bool strtab_rehash(struct sym_strtab *t)
{
	size_t n = t->slot_cnt ? t->slot_cnt * 2 : 1024;
	struct sym_strtab_slot *slots = calloc(n, sizeof(*slots));

	if (!slots)
		return false;
	for (size_t i = 0; i < t->slot_cnt; i++) {
		size_t at = t->slots[i].hash & (n - 1);

		if (!t->slots[i].off)
			continue;
		while (slots[at].off)
			at = (at + 1) & (n - 1);
		slots[at] = t->slots[i];
	}
	free(t->slots);
	t->slots = slots;
	t->slot_cnt = n;
	return true;
}

static uint32_t strtab_append(struct sym_strtab *t, const char *s, size_t len)
{
	size_t off = t->bytes.cnt;

	if (off >= UINT32_MAX || len >= UINT32_MAX - off - 1)
		return 0;
	if (off + len + 1 > t->bytes.cap) {
		size_t want = (off + len + 1) * 3 / 2 + 4096;
		char *p = realloc(t->bytes.v, want);

		if (!p)
			return 0;
		t->bytes.v = p;
		t->bytes.cap = want;
	}
	memcpy(t->bytes.v + off, s, len);
	t->bytes.v[off + len] = '\0';
	t->bytes.cnt = off + len + 1;
	return (uint32_t)off;
}

/* Its slot, or the free one for it; there are free ones. */
static struct sym_strtab_slot *strtab_find(const struct sym_strtab *t, const char *s, size_t len, uint32_t hash)
{
	for (size_t at = hash & (t->slot_cnt - 1);; at = (at + 1) & (t->slot_cnt - 1)) {
		struct sym_strtab_slot *slot = &t->slots[at];
		const char *have = t->bytes.v + slot->off;

		if (!slot->off || (slot->hash == hash && !strncmp(have, s, len) && !have[len]))
			return slot;
	}
}

static uint32_t strtab_add(struct sym_strtab *t, const char *s, size_t len)
{
	uint32_t hash = hash_bytes(s, len);
	struct sym_strtab_slot *slot;

	if (t->used * 4 >= t->slot_cnt * 3 && !strtab_rehash(t))
		return 0;
	slot = strtab_find(t, s, len, hash);
	if (slot->off)
		return slot->off;
	slot->hash = hash;
	slot->off = strtab_append(t, s, len);
	t->used += slot->off != 0;
	return slot->off;
}

uint32_t sym_builder_bytes(struct sym_builder *b, const char *s, size_t len, bool *ok)
{
	uint32_t off;

	len = s ? strnlen(s, len) : 0;
	if (!len)
		return 0;
	off = strtab_add(&b->strs, s, len);
	if (!off && ok)
		*ok = false;
	return off;
}

uint32_t sym_builder_once(struct sym_builder *b, const char *s, size_t len, bool *ok)
{
	uint32_t off;

	len = strnlen(s, len);
	off = len ? strtab_append(&b->strs, s, len) : 0;
	*ok &= !len || off;
	return off;
}

uint32_t sym_builder_string(struct sym_builder *b, const char *s, bool *ok)
{
	return sym_builder_bytes(b, s, s ? strlen(s) : 0, ok);
}

static bool files_rehash(struct sym_builder *b)
{
	size_t n = b->file_slot_cnt ? b->file_slot_cnt * 2 : 256;
	uint32_t *slots = calloc(n, sizeof(*slots));

	if (!slots)
		return false;
	for (size_t i = 1; i < b->files.cnt; i++) {
		size_t at = (b->files.v[i].name * 2654435761u) & (n - 1);

		while (slots[at])
			at = (at + 1) & (n - 1);
		slots[at] = (uint32_t)i;
	}
	free(b->file_slots);
	b->file_slots = slots;
	b->file_slot_cnt = n;
	return true;
}

uint32_t sym_builder_file(struct sym_builder *b, const char *path, bool *ok)
{
	uint32_t name = sym_builder_string(b, path, ok);
	struct sym_file *f;
	size_t at;

	if (!name)
		return 0;
	if (b->files.cnt * 4 >= b->file_slot_cnt * 3 && !files_rehash(b))
		goto out_of_memory;
	for (at = (name * 2654435761u) & (b->file_slot_cnt - 1); b->file_slots[at];
	     at = (at + 1) & (b->file_slot_cnt - 1))
		if (b->files.v[b->file_slots[at]].name == name)
			return b->file_slots[at];
	f = sym_vec_push(&b->files);
	if (!f)
		goto out_of_memory;
	f->name = name;
	return b->file_slots[at] = (uint32_t)(b->files.cnt - 1);

out_of_memory:
	if (ok)
		*ok = false;
	return 0;
}

const struct sym_range *sym_builder_code(const struct sym_builder *b, uint64_t vaddr)
{
	for (size_t i = 0; i < b->code.cnt; i++)
		if (vaddr >= b->code.v[i].lo && vaddr < b->code.v[i].hi)
			return &b->code.v[i];
	return NULL;
}

uint32_t sym_builder_add_scope(struct sym_builder *b, const struct sym_scope *s)
{
	struct sym_scope *n = sym_vec_push(&b->scopes);

	if (!n)
		return 0;
	*n = *s;
	return (uint32_t)(b->scopes.cnt - 1);
}

bool sym_builder_add_span(struct sym_builder *b, uint32_t scope, unsigned depth, uint64_t lo,
			  uint64_t hi)
{
	struct sym_span *s;

	if (lo >= hi || !sym_builder_is_code(b, lo))
		return true;
	s = sym_vec_push(&b->spans);
	if (!s)
		return false;
	*s = (struct sym_span){lo, hi, depth, scope};
	return true;
}

bool sym_builder_add_symbol(struct sym_builder *b, const struct sym_candidate *s)
{
	struct sym_candidate *n;

	if ((!s->name && !s->text) || !sym_builder_is_code(b, s->addr))
		return true;
	n = sym_vec_push(&b->symbols);
	if (!n)
		return false;
	*n = *s;
	return true;
}

bool sym_builder_begin_sequence(struct sym_builder *b)
{
	struct sym_sequence *s = sym_vec_push(&b->sequences);

	if (!s)
		return false;
	s->first = b->raw_lines.cnt;
	return true;
}

bool sym_builder_add_line(struct sym_builder *b, uint64_t addr, uint32_t file, uint32_t line)
{
	const struct sym_sequence *seq = &b->sequences.v[b->sequences.cnt - 1];
	struct sym_raw_line *l =
		b->raw_lines.cnt > seq->first ? &b->raw_lines.v[b->raw_lines.cnt - 1] : NULL;

	if (l && l->addr == addr) { /* the last row of an address holds */
		l->file = file;
		l->line = line;
		return true;
	}
	if (l && l->file == file && l->line == line)
		return true;
	l = sym_vec_push(&b->raw_lines);
	if (!l)
		return false;
	*l = (struct sym_raw_line){addr, file, line};
	return true;
}

void sym_builder_end_sequence(struct sym_builder *b, uint64_t hi)
{
	struct sym_sequence *s = &b->sequences.v[b->sequences.cnt - 1];

	s->cnt = b->raw_lines.cnt - s->first;
	if (s->cnt) {
		s->lo = b->raw_lines.v[s->first].addr;
		s->hi = hi;
	}
	if (!s->cnt || s->lo >= s->hi || !sym_builder_is_code(b, s->lo)) {
		b->raw_lines.cnt = s->first;
		b->sequences.cnt--;
	}
}
