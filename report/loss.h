/* SPDX-License-Identifier: BSD-2-Clause */
/* What the reasons in the table loss mean, in words for who reads a recording. */
#ifndef VARVE_LOSS_H
#define VARVE_LOSS_H

/* One sentence, static; of a reason nobody knows (a later recorder's) a general one. reason is
 * loss.reason. */
const char *loss_sentence(const char *reason);

#endif
