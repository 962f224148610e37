// SPDX-License-Identifier: BSD-2-Clause
#include "report/parse.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define NUMBERS_MAX 1000000

static const struct {
	const char *suffix;
	double ns;
} units[] = {
	{ "", 1e9 }, { "s", 1e9 },  { "ms", 1e6 },   { "us", 1e3 },
	{ "ns", 1 }, { "m", 60e9 }, { "min", 60e9 }, { "h", 3600e9 },
};

int parse_duration(const char *s, int64_t *ret_ns, struct err *err)
{
	const char *digits = s + (*s == '-' || *s == '+');
	char *end;
	double v;

	if (!isdigit((unsigned char)*digits) && *digits != '.')
		return err_set(err, -EINVAL, "'%s' is not a duration (5s, 100ms, 1.5m)", s);
	v = strtod(s, &end);
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(end, units[i].suffix))
			continue;
		v *= units[i].ns;
		if (!(v > -9e18 && v < 9e18))
			return err_set(err, -EINVAL, "'%s' is too long", s);
		*ret_ns = (int64_t)v;
		return 0;
	}
	return err_set(err, -EINVAL, "'%s' is not a duration (units are ns, us, ms, s, m, h)", s);
}

int parse_number(const char *s, uint64_t max, uint64_t *ret, struct err *err)
{
	unsigned long long v;
	char *end;

	errno = 0;
	v = strtoull(s, &end, 10);
	if (!isdigit((unsigned char)*s) || *end || errno || v > max)
		return err_set(err, -EINVAL, "'%s' is not a number from 0 to %llu", s,
			       (unsigned long long)max);
	*ret = v;
	return 0;
}

static int append(uint32_t from, uint32_t to, uint32_t **list, size_t *cnt, struct err *err)
{
	size_t n = (size_t)(to - from) + 1;
	uint32_t *p;

	if (n > NUMBERS_MAX || *cnt + n > NUMBERS_MAX)
		return err_set(err, -EINVAL, "%u-%u: too many numbers", from, to);
	p = realloc(*list, (*cnt + n) * sizeof(*p));
	if (!p)
		return err_set(err, -ENOMEM, "out of memory");
	*list = p;
	for (size_t i = 0; i < n; i++)
		p[(*cnt)++] = from + (uint32_t)i;
	return 0;
}

int parse_numbers(const char *s, uint32_t **list, size_t *cnt, struct err *err)
{
	const char *at = s;

	for (;;) {
		unsigned long long from, to;
		char *end;
		int rc;

		if (!isdigit((unsigned char)*at))
			return err_set(err, -EINVAL, "'%s' is not a list of numbers (3,7,10-12)",
				       s);
		from = to = strtoull(at, &end, 10);
		if (*end == '-' && isdigit((unsigned char)end[1]))
			to = strtoull(end + 1, &end, 10);
		if ((*end && *end != ',') || from > UINT32_MAX || to > UINT32_MAX || to < from)
			return err_set(err, -EINVAL, "'%s' is not a list of numbers (3,7,10-12)",
				       s);
		rc = append((uint32_t)from, (uint32_t)to, list, cnt, err);
		if (rc || !*end)
			return rc;
		at = end + 1;
	}
}
