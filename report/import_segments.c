// SPDX-License-Identifier: BSD-2-Clause
#include "report/import_segments.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define PARTS_MAX 100 /* what is left of a recording is few stretches; a hostile file could have more */

int import_segments_add(struct import_segments *s, const struct recording_summary *sum)
{
	for (size_t i = 0; i < sum->segment_cnt; i++) {
		uint32_t id = table_add(&s->list);

		if (!id)
			return -ENOMEM;
		s->list.row[id] = sum->segment[i];
	}
	return 0;
}

static int compare(const void *a, const void *b)
{
	const struct recording_segment *x = a, *y = b;

	if (x->number != y->number)
		return x->number < y->number ? -1 : 1;
	return x->last_ts < y->last_ts ? -1 : x->last_ts > y->last_ts;
}

void import_segments_sort(struct import_segments *s)
{
	struct recording_segment *row = s->list.row;
	uint32_t n = 0;

	if (!s->list.cnt)
		return;
	qsort(row + 1, s->list.cnt, sizeof(*row), compare);
	for (uint32_t i = 1; i <= s->list.cnt; i++) {
		if (!n || row[n].number != row[i].number)
			n++;
		row[n] = row[i];
	}
	s->list.cnt = n;
}

bool import_segments_gap(const struct import_segments *s, uint32_t *at, struct import_segments_gap *ret)
{
	const struct recording_segment *row = s->list.row;

	for (uint32_t n = *at ? *at : 2; n <= s->list.cnt; n++) {
		if (row[n].number == row[n - 1].number + 1)
			continue;
		*ret = (struct import_segments_gap){ row[n - 1].number + 1, row[n].number - 1, row[n - 1].last_ts, row[n].monotonic_ns };
		*at = n + 1;
		return true;
	}
	return false;
}

bool import_segments_is_cut(const struct import_segments *s)
{
	return s->list.cnt > 1 || (s->list.cnt && s->list.row[1].number);
}

char *import_segments_text(const struct import_segments *s)
{
	const struct recording_segment *row = s->list.row;
	char *text = NULL;
	size_t len, parts = 0;
	FILE *f = open_memstream(&text, &len);

	if (!f)
		return NULL;
	for (uint32_t i = 1; i <= s->list.cnt; i++) {
		uint32_t last = i;

		if (++parts > PARTS_MAX) {
			fputs(", …", f);
			break;
		}
		while (last < s->list.cnt && row[last + 1].number == row[last].number + 1)
			last++;
		fprintf(f, "%s%llu", i > 1 ? ", " : "", (unsigned long long)row[i].number);
		if (last > i)
			fprintf(f, "-%llu", (unsigned long long)row[last].number);
		i = last;
	}
	if (fclose(f)) {
		free(text);
		return NULL;
	}
	return text;
}

void import_segments_deinit(struct import_segments *s)
{
	table_deinit(&s->list);
}
