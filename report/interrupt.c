// SPDX-License-Identifier: BSD-2-Clause
#include "report/interrupt.h"

#include <stddef.h>
#include <sys/signalfd.h>

static sigset_t held(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	return set;
}

void interrupt_hold(sigset_t *ret_old)
{
	const sigset_t set = held();

	sigprocmask(SIG_BLOCK, &set, ret_old);
}

int interrupt_fd(void)
{
	const sigset_t set = held();

	return signalfd(-1, &set, SFD_CLOEXEC);
}

bool interrupt_is_pending(void)
{
	sigset_t set, mask;

	/* one that is not held back does its work without us */
	return sigpending(&set) == 0 && sigprocmask(SIG_BLOCK, NULL, &mask) == 0 &&
	       ((sigismember(&set, SIGINT) && sigismember(&mask, SIGINT)) ||
		(sigismember(&set, SIGTERM) && sigismember(&mask, SIGTERM)) ||
		(sigismember(&set, SIGHUP) && sigismember(&mask, SIGHUP)));
}

void interrupt_release(const sigset_t *old)
{
	sigprocmask(SIG_SETMASK, old, NULL);
}
