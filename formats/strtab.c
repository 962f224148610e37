// SPDX-License-Identifier: BSD-2-Clause
#include "formats/strtab.h"

#include <stdlib.h>

#include "formats/format.h"

int64_t strtab_add(struct strtab *t, const char *s)
{
	size_t len = s ? strnlen(s, STRING_MAX) : 0;
	uint32_t hash, id, pos;
	int err;

	if (!len)
		return 0;
	hash = hash_bytes(s, len);
	for (id = idmap_first(&t->ids, hash, &pos); id; id = idmap_next(&t->ids, hash, &pos)) {
		const char *have = strtab_get(t, id);

		if (!strncmp(have, s, len) && !have[len])
			return id;
	}
	if (t->text.len > UINT32_MAX - len - 1)
		return -ENOMEM;
	err = array_grow(&t->offs, &t->cap, t->cnt, sizeof(*t->offs));
	if (!err)
		err = buffer_reserve(&t->text, len + 1);
	if (!err)
		err = idmap_add(&t->ids, hash, t->cnt + 1);
	if (err)
		return err;
	t->offs[t->cnt] = (uint32_t)t->text.len;
	memcpy(t->text.data + t->text.len, s, len);
	t->text.data[t->text.len + len] = '\0';
	t->text.len += len + 1;
	return ++t->cnt;
}

void strtab_clear(struct strtab *t)
{
	t->text.len = 0;
	t->cnt = 0;
	idmap_clear(&t->ids);
}

void strtab_deinit(struct strtab *t)
{
	buffer_deinit(&t->text);
	free(t->offs);
	idmap_deinit(&t->ids);
	*t = (struct strtab){ 0 };
}
