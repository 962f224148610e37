/* SPDX-License-Identifier: BSD-2-Clause */
/* What the user can do about an image whose addresses have no names, or no lines. */
#ifndef VARVE_MEND_H
#define VARVE_MEND_H

#include <stdbool.h>
#include <stdio.h>

#include "report/package.h"
#include "report/stacks.h"

/* Was debug information found that is in yet another file, which unnamed_reason names? */
bool mend_is_half(const struct stack_image *i);

/* Would a debug file of its build add functions, inlined ones or lines? */
bool mend_wants_debug_file(const struct stack_image *i);

/*
 * One line, without its end: the package or file that would mend it, or what to do when recording
 * the next time. owner: of the file.
 */
void mend_print(const struct stack_image *i, const struct package_owner *owner, FILE *out);

#endif
