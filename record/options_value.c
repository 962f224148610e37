// SPDX-License-Identifier: BSD-2-Clause
#include "record/options_private.h"

#include <errno.h>
#include <string.h>

#include "record/options_lists.h"

int option_number(const char *name, const char *arg, uint64_t min, uint64_t max, uint64_t *ret,
			struct err *err)
{
	uint64_t v = 0;

	if (options_parse_u64(arg, &v) || v < min || v > max)
		return err_set(err, -EINVAL, "%s '%s': want a number from %llu to %llu", name, arg,
			       (unsigned long long)min, (unsigned long long)max);
	*ret = v;
	return 0;
}

int option_duration(const char *name, const char *arg, uint64_t plain_ns, uint64_t *ret,
			  struct err *err)
{
	if (options_parse_duration(arg, plain_ns, ret))
		return err_set(err, -EINVAL, "%s '%s': want a duration such as %s", name, arg,
			       plain_ns ? "10, 0.5, 500ms, 2s or 1m" : "100us, 5ms or 1s");
	return 0;
}

int option_ids(const char *name, const char *arg, uint64_t max, struct id_list *list,
		     struct err *err)
{
	int r = id_list_parse(list, arg, max);

	if (r == -ENOMEM)
		return err_set(err, r, "out of memory");
	if (r < 0)
		return err_set(err, -EINVAL, "%s '%s': want numbers joined by commas", name, arg);
	return 0;
}

int option_texts(const char *name, const char *arg, struct text_list *list, struct err *err)
{
	int r = text_list_parse(list, arg);

	if (r == -ENOMEM)
		return err_set(err, r, "out of memory");
	if (r < 0)
		return err_set(err, -EINVAL, "%s '%s': an empty name in the list", name, arg);
	return 0;
}

int option_word(const char *name, const char *arg, const char *const *words, struct err *err)
{
	char list[128] = "";

	for (int i = 0; words[i]; i++) {
		if (!strcmp(arg, words[i]))
			return i;
		if (i)
			strncat(list, ", ", sizeof(list) - strlen(list) - 1);
		strncat(list, words[i], sizeof(list) - strlen(list) - 1);
	}
	return err_set(err, -EINVAL, "%s '%s': want one of %s", name, arg, list);
}
