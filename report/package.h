/* SPDX-License-Identifier: BSD-2-Clause */
/* Which installed package a file belongs to, from the package database (dpkg's) below a root. */
#ifndef VARVE_PACKAGE_H
#define VARVE_PACKAGE_H

#include <stddef.h>

/* Owns the texts. */
struct package_owner {
	char *name;   /* of the package; NULL: none is known */
	char *source; /* of what it is built from, where that has another name; else NULL */
};

void package_owner_deinit(struct package_owner *o);

/*
 * owners[i] becomes the package that holds paths[i], where one does; else, or where a name is known, it stays as it
 * was. Paths are absolute, NULL is skipped. A path below /lib or /bin is looked for below /usr too,
 * and the other way round: dpkg knows files of a merged /usr by either name. root: "" or a
 * directory. No database there is no error: nobody owns anything.
 */
void package_find_owners(const char *root, const char *const *paths, size_t cnt, struct package_owner *owners);

#endif
