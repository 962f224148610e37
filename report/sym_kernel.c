// SPDX-License-Identifier: BSD-2-Clause
#include "report/sym_kernel.h"

#include <errno.h>
#include <stdio.h>

#include "formats/cleanup.h"
#include "report/sym_vec.h"

#define NAME_SZ 512 /* KSYM_NAME_LEN */

struct ksym {
	uint64_t addr;
	size_t order; /* in the file: of several names at one address the first */
	char *name;
};

struct ksyms {
	SYM_VEC(struct ksym) v;
	uint64_t text;
	bool any_address;
};

static void ksyms_deinit(struct ksyms *k)
{
	for (size_t i = 0; i < k->v.cnt; i++)
		free(k->v.v[i].name);
	sym_vec_deinit(&k->v);
}

/* "ffffffff81000000 T name" and perhaps "\t[module]", which counts from elsewhere. */
static int take_line(struct ksyms *k, const char *line)
{
	unsigned long long addr;
	char type, name[NAME_SZ], module[2];
	struct ksym *s;
	int n = sscanf(line, "%llx %c %511s %1s", &addr, &type, name, module);

	if (n != 3)
		return 0;
	k->any_address |= addr != 0;
	if (!strcmp(name, "_text"))
		k->text = addr;
	if (!strchr("tTwW", type))
		return 0;
	s = sym_vec_push(&k->v);
	if (!s || !(s->name = strdup(name)))
		return -ENOMEM;
	s->addr = addr;
	s->order = k->v.cnt;
	return 0;
}

static int by_address(const void *a, const void *b)
{
	const struct ksym *x = a, *y = b;

	if (x->addr != y->addr)
		return x->addr < y->addr ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

static int give(const struct ksyms *k, sym_kernel_fn fn, void *ctx)
{
	int rc = 0;

	for (size_t i = 0, next; i < k->v.cnt && !rc; i = next) {
		const struct ksym *s = &k->v.v[i], *named = s;

		for (next = i + 1; next < k->v.cnt && k->v.v[next].addr == s->addr; next++)
			if (!strcmp(named->name, "_text") || !strcmp(named->name, "_stext"))
				named = &k->v.v[next]; /* marks that stand before a function of the
							  same address */
		if (s->addr < k->text)
			continue;
		rc = fn(ctx, s->addr - k->text, next < k->v.cnt ? k->v.v[next].addr - s->addr : 0,
			named->name);
	}
	return rc;
}

int sym_kernel_read(const char *path, uint64_t *ret_text, sym_kernel_fn fn, void *ctx, struct err *err)
{
	_cleanup_fclose_ FILE *f = fopen(path, "re");
	_cleanup_free_ char *line = NULL;
	struct ksyms k = {0};
	size_t cap = 0;
	int rc = 0;

	if (!f)
		return err_errno(err, "open '%s'", path);
	while (!rc && getline(&line, &cap, f) > 0)
		rc = take_line(&k, line);
	if (rc)
		err_set(err, rc, "'%s': out of memory", path);
	else if (k.v.cnt && !k.any_address)
		rc = err_set(err, -ENODATA,
			     "'%s': all addresses are 0 (it was copied under kptr_restrict)", path);
	else if (!k.text)
		rc = err_set(err, -EBADMSG, "'%s': no symbol _text: not a copy of /proc/kallsyms",
			     path);
	if (!rc) {
		*ret_text = k.text;
		qsort(k.v.v, k.v.cnt, sizeof(*k.v.v), by_address);
		rc = give(&k, fn, ctx);
	}
	ksyms_deinit(&k);
	return rc;
}
