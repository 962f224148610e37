/* SPDX-License-Identifier: BSD-2-Clause */
/* Text that others chose (names, paths, comms: any bytes), and what of it can be shown to a person on one line. */
#ifndef VARVE_UTF8_H
#define VARVE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Decode one code point at s. Returns the bytes it took, or 0 when the bytes are no valid UTF-8
 * (overlong forms, surrogates and values above U+10FFFF are not) or len is 0. *ret_cp is set only
 * when it returns nonzero.
 */
size_t utf8_decode(const char *s, size_t len, uint32_t *ret_cp);

/*
 * Would a person reading one line see this code point as itself, where it stands? Not the controls (C0, C1, DEL), what breaks lines, and the
 * bidirectional controls.
 */
bool utf8_is_showable(uint32_t cp);

/*
 * A copy with each byte that cannot be shown, or is no valid UTF-8, as \xNN: no byte below 0x20 is in it. NULL when out of memory; free() it.
 */
char *utf8_show_dup(const char *s);

#endif
