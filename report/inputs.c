// SPDX-License-Identifier: BSD-2-Clause
#include "report/inputs.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "formats/cleanup.h"
#include "formats/recording.h"
#include "report/db.h"

struct input_place {
	const char *path;
	uint8_t uuid[16];
	bool is_known;
	size_t group, at; /* at: on the command line; group: of the first of its recording */
	uint64_t segment;
};

static int compare(const void *a, const void *b)
{
	const struct input_place *x = a, *y = b;

	if (x->group != y->group)
		return x->group < y->group ? -1 : 1;
	if (x->segment != y->segment)
		return x->segment < y->segment ? -1 : 1;
	return x->at < y->at ? -1 : x->at > y->at;
}

int inputs_order(const char **inputs, size_t cnt, struct err *err)
{
	_cleanup_free_ struct input_place *places = calloc(cnt + 1, sizeof(*places));

	if (!places)
		return err_set(err, -ENOMEM, "out of memory");
	for (size_t i = 0; i < cnt; i++) {
		struct input_place *p = &places[i];

		*p = (struct input_place){ .path = inputs[i], .group = i, .at = i };
		p->is_known = cnt > 1 && !recording_peek(inputs[i], p->uuid, &p->segment);
		for (size_t k = 0; p->is_known && k < i && p->group == i; k++)
			if (places[k].is_known && !memcmp(places[k].uuid, p->uuid, sizeof(p->uuid)))
				p->group = places[k].group;
	}
	if (cnt)
		qsort(places, cnt, sizeof(*places), compare);
	for (size_t i = 0; i < cnt; i++)
		inputs[i] = places[i].path;
	return 0;
}

static bool is_same(const char *path, const struct stat *st)
{
	struct stat other;

	return stat(path, &other) == 0 && other.st_ino == st->st_ino && other.st_dev == st->st_dev;
}

int inputs_spare(const char *const *inputs, size_t cnt, const char *path, bool is_db, struct err *err)
{
	const char *what = NULL;
	uint8_t uuid[16];
	uint64_t segment;
	struct stat st;

	if (stat(path, &st) || !S_ISREG(st.st_mode))
		return 0;
	if (!recording_peek(path, uuid, &segment))
		what = "a recording";
	else if (!is_db && db_is_database(path))
		what = "a database";
	for (size_t i = 0; i < cnt && !what; i++)
		if (is_same(inputs[i], &st))
			what = "an input";
	if (!what)
		return 0;
	err_set(err, -EEXIST, "'%s' is %s, not replacing it", path, what);
	err_hint(err, "give another name with -o");
	return -EEXIST;
}
