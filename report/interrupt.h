/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ctrl-C while a half-written file is there: the signal is held back, the work asks now and then
 * whether one is waiting, gives up in the ordinary way (which removes the file), and the signal
 * does its work on release.
 */
#ifndef VARVE_INTERRUPT_H
#define VARVE_INTERRUPT_H

#include <signal.h>
#include <stdbool.h>

/* Hold SIGINT, SIGTERM and SIGHUP back; *ret_old is for interrupt_release(). */
void interrupt_hold(sigset_t *ret_old);

/* One of them is waiting. A system call: not for every event. */
bool interrupt_is_pending(void);

/* A descriptor that is readable while one of them is waiting; the caller closes it. -1: there is none to be had. */
int interrupt_fd(void);

/* As it was before; a signal that waited is delivered now. */
void interrupt_release(const sigset_t *old);

#endif
