// SPDX-License-Identifier: BSD-2-Clause
#include "report/inputs.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "formats/cleanup.h"
#include "formats/recording.h"

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
