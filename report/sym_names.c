// SPDX-License-Identifier: BSD-2-Clause
#include "report/sym_names.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "formats/idmap.h"
#include "report/demangle.h"

#define EXPECT_MAX (64u << 10) /* not so many that mostly known ones would empty the processor's cache */

static bool grow(struct sym_names *n, size_t cnt)
{
	struct sym_name **slots = calloc(cnt, sizeof(*slots));

	if (!slots)
		return false;
	for (size_t i = 0; i < n->slot_cnt; i++) {
		struct sym_name *e = n->slots[i], *next;

		for (; e; e = next) {
			size_t at = e->hash & (cnt - 1);

			next = e->next;
			e->next = slots[at];
			slots[at] = e;
		}
	}
	free(n->slots);
	n->slots = slots;
	n->slot_cnt = cnt;
	return true;
}

void sym_names_expect(struct sym_names *n, size_t more)
{
	size_t cnt = n->slot_cnt ?: 1024, most = n->cnt + (more < EXPECT_MAX ? more : EXPECT_MAX);

	while (cnt < most)
		cnt *= 2;
	if (cnt > n->slot_cnt)
		(void)grow(n, cnt); /* later, step by step, then */
}

/* Names are many and small, and go all at once. */
struct sym_names_block {
	struct sym_names_block *next;
	size_t sz; /* of bytes */
	char bytes[];
};

#define BLOCK_SZ (64u << 10)
#define LARGE_BLOCK_SZ (2u << 20) /* a large page, where there are: a fault instead of 512 */

static struct sym_names_block *new_block(size_t sz, bool is_large)
{
	size_t all = sizeof(struct sym_names_block) + sz;
	struct sym_names_block *b;

	if (is_large && all < LARGE_BLOCK_SZ) {
		b = aligned_alloc(LARGE_BLOCK_SZ, LARGE_BLOCK_SZ);
		if (b)
			(void)madvise(b, LARGE_BLOCK_SZ, MADV_HUGEPAGE);
		all = LARGE_BLOCK_SZ;
	} else {
		b = malloc(all);
	}
	if (b)
		b->sz = all - sizeof(*b);
	return b;
}

static void *take_bytes(struct sym_names *n, size_t sz)
{
	struct sym_names_block *b = n->blocks;
	void *p;

	sz = (sz + _Alignof(struct sym_name) - 1) & ~(_Alignof(struct sym_name) - 1);
	if (!b || sz > n->left) {
		b = new_block(sz > BLOCK_SZ ? sz : BLOCK_SZ, b != NULL);
		if (!b)
			return NULL;
		b->next = n->blocks;
		n->blocks = b;
		n->left = b->sz;
	}
	p = b->bytes + b->sz - n->left;
	n->left -= sz;
	return p;
}

struct sym_name *sym_names_add(struct sym_names *n, const char *s)
{
	size_t len = strlen(s), at;
	struct sym_name *e;
	uint32_t hash;

	if (n->cnt >= n->slot_cnt && !grow(n, n->slot_cnt ? n->slot_cnt * 2 : 1024))
		return NULL;
	hash = hash_bytes(s, len);
	at = hash & (n->slot_cnt - 1);
	for (e = n->slots[at]; e; e = e->next)
		if (e->hash == hash && !strcmp(e->text, s))
			return e;
	e = take_bytes(n, sizeof(*e) + len + 1);
	if (!e)
		return NULL;
	memcpy(e->text, s, len + 1);
	e->display = NULL;
	e->hash = hash;
	e->next = n->slots[at];
	n->slots[at] = e;
	n->cnt++;
	return e;
}

const char *sym_names_display(struct sym_names *n, struct sym_name *raw, enum demangle_mode mode)
{
	if (!raw->display) {
		const char *text = demangle(raw->text, mode, &n->demangled);

		raw->display = text ? sym_names_add(n, *text ? text : raw->text) : NULL;
	}
	return raw->display ? raw->display->text : NULL;
}

const char *sym_names_show(struct sym_names *n, const char *raw, enum demangle_mode mode)
{
	const char *text = demangle(raw, mode, &n->demangled);
	size_t sz;
	char *p;

	if (!text || text == raw || !*text)
		return text ? raw : NULL;
	sz = strlen(text) + 1;
	p = take_bytes(n, sz);
	return p ? memcpy(p, text, sz) : NULL;
}

void sym_names_deinit(struct sym_names *n)
{
	for (struct sym_names_block *b = n->blocks, *next; b; b = next) {
		next = b->next;
		free(b);
	}
	free(n->slots);
	demangle_buf_deinit(&n->demangled);
	memset(n, 0, sizeof(*n));
}
