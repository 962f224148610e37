// SPDX-License-Identifier: BSD-2-Clause
#include "report/sym_names.h"

#include <stdlib.h>
#include <string.h>

#include "formats/cleanup.h"
#include "formats/idmap.h"
#include "report/demangle.h"

static bool grow(struct sym_names *n)
{
	size_t cnt = n->slot_cnt ? n->slot_cnt * 2 : 1024;
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

struct sym_name *sym_names_add(struct sym_names *n, const char *s)
{
	size_t len = strlen(s), at;
	struct sym_name *e;
	uint32_t hash;

	if (n->cnt >= n->slot_cnt && !grow(n))
		return NULL;
	hash = hash_bytes(s, len);
	at = hash & (n->slot_cnt - 1);
	for (e = n->slots[at]; e; e = e->next)
		if (e->hash == hash && !strcmp(e->text, s))
			return e;
	e = malloc(sizeof(*e) + len + 1);
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
	_cleanup_free_ char *text = NULL;

	if (!raw->display) {
		text = demangle(raw->text, mode);
		raw->display = text ? sym_names_add(n, *text ? text : raw->text) : NULL;
	}
	return raw->display ? raw->display->text : NULL;
}

void sym_names_deinit(struct sym_names *n)
{
	for (size_t i = 0; i < n->slot_cnt; i++) {
		struct sym_name *e = n->slots[i], *next;

		for (; e; e = next) {
			next = e->next;
			free(e);
		}
	}
	free(n->slots);
	memset(n, 0, sizeof(*n));
}
