/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Split DWARF, as far as a bundle needs it: which .dwo files a program means, and whether a file is the one meant. Of each unit only its header
 * and first entry are read. For processes without privileges: the file may be hostile.
 */
#ifndef VARVE_SPLIT_UNITS_H
#define VARVE_SPLIT_UNITS_H

#include <stdbool.h>
#include <stdint.h>

#include "formats/elf_file.h"

#define SPLIT_PATH_MAX 1024	/* of either text, with the NUL; units with longer ones are passed over */
#define SPLIT_UNIT_MAX 65536	/* of a file */

/* Texts as they stand in the file, not to be trusted; they are valid during the call. */
struct split_unit {
	uint64_t id;	  /* the same in the skeleton and in its other half */
	const char *name; /* of the .dwo file; not "" */
	const char *dir;  /* name is relative to this; "" unknown */
};

/* A nonzero return ends the walk and is returned. */
typedef int (*split_unit_fn)(void *ctx, const struct split_unit *u);

/*
 * Each skeleton unit of a program or debug file. Units that make no sense are passed over. Returns 0, fn's value, or -ENOMEM (a
 * section that would unpack to over 256 MiB included).
 */
int split_units_each(const struct elf_file *f, split_unit_fn fn, void *ctx);

/* Is the split unit of this id in the file? */
bool split_units_has(const struct elf_file *f, uint64_t id);

/* Where the file of that unit, meant by the program at `path`, may be: candidate n (0, 1), malloc'ed. NULL: there are no more (or no memory). */
char *split_units_candidate(const char *path, const struct split_unit *u, unsigned n);

#endif
