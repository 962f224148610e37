/* SPDX-License-Identifier: BSD-2-Clause */
/* Which installed package a file belongs to, from the package database (dpkg's) below a root. */
#ifndef VARVE_PACKAGE_H
#define VARVE_PACKAGE_H

#include <stddef.h>

/*
 * owners[i] (malloc'ed) becomes the package that holds paths[i], where one does; else it stays as it
 * was. Paths are absolute, NULL is skipped. A path below /lib or /bin is looked for below /usr too,
 * and the other way round: dpkg knows files of a merged /usr by either name. root: "" or a
 * directory. No database there is no error: nobody owns anything.
 */
void package_find_owners(const char *root, const char *const *paths, size_t cnt, char **owners);

#endif
