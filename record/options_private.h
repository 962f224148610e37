/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The inside of options.h: options.c has the table of options and what each sets, options_files.c and options_flight.c those of the output,
 * options_value.c the values, options_parse.c the walk over argv.
 */
#ifndef VARVE_OPTIONS_PRIVATE_H
#define VARVE_OPTIONS_PRIVATE_H

#include "record/options.h"

struct option_row {
	const char *long_name; /* NULL: a heading of --help */
	char short_name;       /* 0: none */
	const char *arg;       /* its word in --help; NULL: takes none */
	const char *help;
	/* arg is not NULL where the option takes one. Sets *err on failure. */
	int (*set)(struct options *o, const char *arg, struct err *err);
};

extern const struct option_row option_rows[];
extern const size_t option_row_cnt;

/* What holds where nothing is said. */
void options_set_defaults(struct options *o);

/* ---- options_files.c ---- */

int option_set_rotate(struct options *o, const char *arg, struct err *err);
int option_set_keep(struct options *o, const char *arg, struct err *err);
int option_set_max_size(struct options *o, const char *arg, struct err *err);
int option_set_min_free(struct options *o, const char *arg, struct err *err);
/* When all are set: what follows from them, or -EINVAL where they contradict each other. */
int options_settle_files(struct options *o, struct err *err);

/* ---- options_flight.c ---- */

int option_set_flight(struct options *o, const char *arg, struct err *err);
int option_set_snapshot_on(struct options *o, const char *arg, struct err *err);
int option_set_tail(struct options *o, const char *arg, struct err *err);
int options_settle_flight(struct options *o, struct err *err);

/* ---- options_value.c ---- */

/*
 * Values, with the message that names the option: 0, -EINVAL (said in err) or -ENOMEM. Lists are added to.
 */
int option_number(const char *name, const char *arg, uint64_t min, uint64_t max, uint64_t *ret, struct err *err);
/* plain_ns: what a number without a unit counts in; 0: it wants one. */
int option_duration(const char *name, const char *arg, uint64_t plain_ns, uint64_t *ret, struct err *err);
int option_ids(const char *name, const char *arg, uint64_t max, struct id_list *list, struct err *err);
int option_texts(const char *name, const char *arg, struct text_list *list, struct err *err);
/* The index of arg among the words, which are NULL-terminated and listed in the message. */
int option_word(const char *name, const char *arg, const char *const *words, struct err *err);

#endif
