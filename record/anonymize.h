/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * --anonymize: what names the host or a person is taken out of events and modules on their way into the file, where all texts pass.
 *  - As whole words, in any case: the host's name and domain, the machine and boot ids ("host", "domain", "machine", "boot"), and the names of users that are
 *    persons (ids from 1000 to 65533): "user1", "user2", … The same name has the same word throughout, so that what is different stays different.
 *  - What follows "/home/", and the ids of such users in paths as systemd makes them ("user-1000.slice", "user@1000.service", "/run/user/1000").
 *  - All user ids in events: they are unknown (UINT32_MAX).
 * Not looked at: names of functions but those that a JIT compiler told (they may have paths in them), counters, and facts other than the command. The host's
 * name and boot id in META and the file header are left out where these are made.
 */
#ifndef VARVE_ANONYMIZE_H
#define VARVE_ANONYMIZE_H

#include <stdint.h>

#include "formats/err.h"
#include "formats/event.h"

struct anonymize;

/* Knows no names yet. -ENOMEM. */
int anonymize_create(struct anonymize **ret, struct err *err);
void anonymize_destroy(struct anonymize *a); /* NULL is accepted */

/*
 * Learn the names of this host and its users, from uname(2), /etc/machine-id, boot_id and getpwent(3). Before privileges go: the user database may be asked over
 * a socket. -ENOMEM.
 */
int anonymize_learn(struct anonymize *a, struct err *err);

/* One name. Of a host: with the domain behind its first dot. -ENOMEM. */
int anonymize_add_host(struct anonymize *a, const char *name);
int anonymize_add_user(struct anonymize *a, const char *name, uint32_t uid);

/*
 * For recording_editor: change the copy of an event or module. Texts in it are a's own, valid until the next call of the same one. 0 or -ENOMEM.
 */
int anonymize_event(void *a, struct event *copy);
int anonymize_module(void *a, struct module *copy);

#endif
