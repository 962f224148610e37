/* SPDX-License-Identifier: BSD-2-Clause */
/* Strings of one chunk, each once, numbered from 1; 0 is "". */
#ifndef VARVE_STRTAB_H
#define VARVE_STRTAB_H

#include "formats/bytes.h"
#include "formats/idmap.h"

/* All zero is an empty table. Owns everything. */
struct strtab {
	struct buffer
		text; /* each string with its NUL, in id order: the STR section as it is written */
	uint32_t *offs; /* offs[id - 1] into text */
	uint32_t cnt, cap;
	struct idmap ids;
};

/* The id of s (NULL: ""), added when new; cut at STRING_MAX bytes. -ENOMEM. */
int64_t strtab_add(struct strtab *t, const char *s);

static inline const char *strtab_get(const struct strtab *t, uint32_t id)
{
	return id ? (const char *)t->text.data + t->offs[id - 1] : "";
}

void strtab_clear(struct strtab *t);
void strtab_deinit(struct strtab *t);

#endif
