/* SPDX-License-Identifier: BSD-2-Clause */
/* The table of varve-report's options, and what each sets: the inside of options.h. */
#ifndef VARVE_OPTION_SPECS_H
#define VARVE_OPTION_SPECS_H

#include "report/options.h"

enum option_kind {
	OPTION_FILTER, /* the name is filter_set()'s */
	OPTION_TEXT,   /* const char * at .field */
	OPTION_FLAG,   /* bool at .field */
	OPTION_NUMBER, /* uint64_t at .field */
	OPTION_OTHER,  /* set_other() */
};

struct option_spec {
	char letter; /* 0: none */
	const char *name;
	const char *arg; /* NULL: a flag */
	uint32_t commands;
	enum option_kind kind;
	size_t field;
	const char *help;
};

/* In the order of the help. Some names are there twice, for different commands. */
extern const struct option_spec option_specs[];
extern const size_t option_spec_cnt;

/* NULL: the command has none of that name (len bytes of it), or letter. */
const struct option_spec *option_find_long(uint32_t command, const char *name, size_t len);
const struct option_spec *option_find_letter(uint32_t command, char letter);

/* value NULL: a flag. 0, -EINVAL with the option's name and what is wrong with the value, -ENOMEM. */
int option_set(struct report_options *o, const struct option_spec *spec, const char *value,
	       struct err *err);

/* -EINVAL, and the option that was meant, most likely. name: len bytes, of arg. */
int option_unknown(const struct report_options *o, const char *arg, const char *name, size_t len,
		   struct err *err);

/* Edit distance, for "did you mean"; of small texts only, SIZE_MAX of others. */
size_t option_distance(const char *a, const char *b);

#endif
