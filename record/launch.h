/* SPDX-License-Identifier: BSD-2-Clause */
/* `-- command`: started at once but held on a pipe, let go when everything is attached. */
#ifndef VARVE_LAUNCH_H
#define VARVE_LAUNCH_H

#include <stdbool.h>
#include <sys/types.h>

#include "formats/err.h"

struct launch {
	pid_t pid;	/* 0: none */
	int pid_fd;	/* readable when it ended; -1 on kernels before 5.3 */
	int go_fd;	/* closed by launch_release() */
	int result_fd;	/* exec's errno comes here, or the end of file */
	bool ended;
	int status;	/* wait(2), once ended */
};

/* Fork and hold. The command runs with this process's signal mask and SIGPIPE handling as they are now. */
int launch_start(struct launch *l, char **argv, struct err *err);

/* Let it call exec and wait until it did. Returns 0, or exec's -ENOENT, -EACCES, … */
int launch_release(struct launch *l, const char *name, struct err *err);

/* Has it ended? Collects its status without waiting. */
bool launch_poll(struct launch *l);

/* Wait for its end, or for a signal other than SIGINT on the signalfd. */
void launch_wait(struct launch *l, int signal_fd);

/* End it if it still lives (SIGTERM, and SIGKILL after two seconds) and collect its status. Safe on an empty or ended one. */
void launch_finish(struct launch *l);

#endif
