/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VARVE_STANDARD_FDS_H
#define VARVE_STANDARD_FDS_H

/*
 * A program's first step: a standard descriptor that is closed is taken, or the next file that is opened would get its number, and messages would be printed
 * into a recording. Reading and writing it fail as before.
 */
void standard_fds_keep(void);

#endif
