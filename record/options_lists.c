// SPDX-License-Identifier: BSD-2-Clause
#include "record/options_lists.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CPU_MAX 65535
#define WORD_MAX 40

static int parse_digits(const char *text, const char **ret_end, uint64_t *ret)
{
	uint64_t v = 0;

	if (*text < '0' || *text > '9')
		return -EINVAL;
	for (; *text >= '0' && *text <= '9'; text++) {
		if (__builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(*text - '0'), &v))
			return -ERANGE;
	}
	*ret_end = text;
	*ret = v;
	return 0;
}

int options_parse_u64(const char *text, uint64_t *ret)
{
	const char *end;
	uint64_t v;
	int r = parse_digits(text, &end, &v);

	if (r || *end)
		return r ?: -EINVAL;
	*ret = v;
	return 0;
}

/* The digits behind a point, as part / part_of; what is below a millionth is cut off. At least one digit. */
static int parse_fraction(const char *text, const char **ret_end, uint64_t *ret_part, uint64_t *ret_part_of)
{
	if (*text < '0' || *text > '9')
		return -EINVAL;
	for (; *text >= '0' && *text <= '9'; text++) {
		if (*ret_part_of == 1000000)
			continue;
		*ret_part = *ret_part * 10 + (uint64_t)(*text - '0');
		*ret_part_of *= 10;
	}
	*ret_end = text;
	return 0;
}

int options_parse_duration(const char *text, uint64_t plain_ns, uint64_t *ret_ns)
{
	static const struct {
		const char *unit;
		uint64_t ns;
	} units[] = {
		{ "ns", 1 }, { "us", 1000 }, { "ms", 1000000 }, { "s", 1000000000 },
		{ "m", 60000000000 }, { "h", 3600000000000 },
	};
	uint64_t v, part = 0, part_of = 1, scale = 0;
	const char *end;
	int r = parse_digits(text, &end, &v);

	if (!r && *end == '.')
		r = parse_fraction(end + 1, &end, &part, &part_of);
	if (r)
		return r;
	if (!*end)
		scale = v || part ? plain_ns : 1; /* nothing is nothing in any unit */
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (!strcmp(end, units[i].unit))
			scale = units[i].ns;
	if (!scale)
		return -EINVAL;
	/* part < part_of <= 10^6 and scale < 2^42: no overflow there */
	if (__builtin_mul_overflow(v, scale, &v) || __builtin_add_overflow(v, part * scale / part_of, &v))
		return -ERANGE;
	*ret_ns = v;
	return 0;
}

int options_parse_size(const char *text, uint64_t *ret)
{
	static const char units[] = "KMGT";
	uint64_t v, part = 0, part_of = 1, scale;
	const char *end, *unit;
	int r = parse_digits(text, &end, &v);

	if (!r && *end == '.')
		r = parse_fraction(end + 1, &end, &part, &part_of);
	if (r)
		return r;
	unit = *end ? strchr(units, *end == 'k' ? 'K' : *end) : NULL;
	if (!unit || (end[1] && strcmp(end + 1, "B") && strcmp(end + 1, "iB")))
		return -EINVAL;
	scale = 1ULL << (10 * (unit - units + 1));
	/* part < part_of <= 10^6 and scale <= 2^40: no overflow there */
	if (__builtin_mul_overflow(v, scale, &v) || __builtin_add_overflow(v, part * scale / part_of, &v))
		return -ERANGE;
	*ret = v;
	return 0;
}

int id_list_add(struct id_list *list, uint32_t id)
{
	size_t i = list->cnt;
	uint32_t *ids;

	while (i && list->ids[i - 1] > id)
		i--;
	if (i && list->ids[i - 1] == id)
		return 0;
	ids = reallocarray(list->ids, list->cnt + 1, sizeof(*ids));
	if (!ids)
		return -ENOMEM;
	memmove(ids + i + 1, ids + i, (list->cnt - i) * sizeof(*ids));
	ids[i] = id;
	list->ids = ids;
	list->cnt++;
	return 0;
}

int id_list_parse(struct id_list *list, const char *text, uint64_t max)
{
	for (;;) {
		uint64_t v;
		int r = parse_digits(text, &text, &v);

		if (r || v > max)
			return -EINVAL;
		r = id_list_add(list, (uint32_t)v);
		if (r || !*text)
			return r;
		if (*text++ != ',')
			return -EINVAL;
	}
}

static int add_range(struct id_list *list, uint64_t first, uint64_t last)
{
	int r = 0;

	if (last > CPU_MAX || first > last)
		return -EINVAL;
	for (uint64_t v = first; !r && v <= last; v++)
		r = id_list_add(list, (uint32_t)v);
	return r;
}

int options_parse_cpus(const char *text, struct id_list *ret)
{
	struct id_list list = {};
	int r;

	for (;;) {
		uint64_t first, last;

		r = parse_digits(text, &text, &first) ? -EINVAL : 0;
		last = first;
		if (!r && *text == '-')
			r = parse_digits(text + 1, &text, &last) ? -EINVAL : 0;
		if (!r)
			r = add_range(&list, first, last);
		if (r || !*text)
			break;
		if (*text++ != ',') {
			r = -EINVAL;
			break;
		}
	}
	if (r)
		free(list.ids);
	else
		*ret = list;
	return r;
}

static int text_list_add(struct text_list *list, const char *text, size_t len)
{
	char **items = reallocarray(list->items, list->cnt + 1, sizeof(*items));

	if (!items)
		return -ENOMEM;
	list->items = items;
	items[list->cnt] = strndup(text, len);
	if (!items[list->cnt])
		return -ENOMEM;
	list->cnt++;
	return 0;
}

int text_list_parse(struct text_list *list, const char *text)
{
	for (;;) {
		size_t len = strcspn(text, ",");
		int r = len ? text_list_add(list, text, len) : -EINVAL;

		if (r || !text[len])
			return r;
		text += len + 1;
	}
}

void text_list_deinit(struct text_list *list)
{
	for (size_t i = 0; i < list->cnt; i++)
		free(list->items[i]);
	free(list->items);
	list->items = NULL;
	list->cnt = 0;
}

static size_t min3(size_t a, size_t b, size_t c)
{
	size_t m = a < b ? a : b;

	return m < c ? m : c;
}

size_t options_edit_distance(const char *a, size_t len, const char *b)
{
	size_t d[WORD_MAX + 1][WORD_MAX + 1], blen = strlen(b);

	if (len > WORD_MAX || blen > WORD_MAX)
		return SIZE_MAX;
	for (size_t i = 0; i <= len; i++) {
		for (size_t j = 0; j <= blen; j++) {
			if (!i || !j) {
				d[i][j] = i + j;
				continue;
			}
			d[i][j] = min3(d[i - 1][j] + 1, d[i][j - 1] + 1,
				       d[i - 1][j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    d[i - 2][j - 2] + 1 < d[i][j])
				d[i][j] = d[i - 2][j - 2] + 1;
		}
	}
	return d[len][blen];
}
