/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the report gives up before it reads a recording, which anybody may have made: so that a mistake of ours in reading it is worth less to its maker.
 * (Debug information is read by workers with much less: sym_sandbox.h.)
 */
#ifndef VARVE_FENCE_H
#define VARVE_FENCE_H

#include <stdbool.h>

#include "formats/err.h"

/*
 * From here on, and in all children, no program is run, nobody is talked to (may_connect: for --debuginfod), and other processes, the kernel and the tree of
 * files are left alone: who tries is ended by SIGSYS. And memory beyond three quarters of the machine's is refused (-ENOMEM from who wanted it): a
 * chunk of 530 bytes can unpack to 16 MiB of tasks, each of which takes some hundred bytes, and the host is not to be driven into swapping or killing. There is no limit of CPU
 * time and none of file sizes: both are as a large recording needs them, grow in the sight of the user, and end with Ctrl-C.
 *
 * A kernel, or a processor, without seccomp is no error. Returns 0 or a negative errno.
 */
int fence_enter(bool may_connect, struct err *err);

#endif
