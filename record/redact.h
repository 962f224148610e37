/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Secrets in command lines are replaced by "[redacted]". When in doubt, what is no secret is replaced as well:
 *  - the value of a name that has one of the words pass, pwd, token, secret, key, auth, credential, cookie, bearer, redact in it (in any case), as "NAME=value" or
 *    "NAME: value", up to the end of its argument; as "--NAME value", that and, where the flag ends its argument, the next argument;
 *  - who logs in: "://user:password@", "user:password@";
 *  - what a REGEX of --redact matches, and the value where that is in a name.
 *
 * Arguments are bytes of any kind, chosen by who may want to keep the recorder busy. All here is linear in them but the search for REGEXes: an argument above
 * REDACT_TEXT_MAX bytes, and all arguments while the searching has used more than REDACT_BUDGET_NS of CPU time in a second, are replaced whole instead.
 */
#ifndef VARVE_REDACT_H
#define VARVE_REDACT_H

#include <stddef.h>
#include <stdint.h>

#include "formats/err.h"

#define REDACT_MARK "[redacted]"
#define REDACT_BUDGET_NS 100000000ULL

struct redact;

/* Add a REGEX; *r NULL makes it. Errors as redact_pattern_init(); *r stays good. */
int redact_add(struct redact **r, const char *regex, struct err *err);
void redact_destroy(struct redact *r); /* NULL is accepted */

/* For tests: another budget than REDACT_BUDGET_NS. */
void redact_set_budget(struct redact *r, uint64_t budget_ns);

/*
 * The arguments (len bytes, each argument ends with a NUL, the last need not; at most REDACT_ARGUMENTS_MAX) with blanks between, secrets replaced; r NULL: without
 * REGEXes. Cut to sz - 1 bytes, always terminated.
 */
#define REDACT_ARGUMENTS_MAX 4096
void redact_arguments(struct redact *r, const char *args, size_t len, char *ret, size_t sz);

#endif
