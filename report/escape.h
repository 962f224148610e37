/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One escaping function per sink. Names, comms, paths and arguments in a recording are raw bytes
 * chosen by whoever ran the program: they may hold `;`, newlines, escape codes, NUL, `</script>`,
 * broken UTF-8 and 10 MB symbols. Nothing outside this file decides what a sink may be given.
 *
 * Each takes len bytes (NUL included, if there is one) and writes to f; errors stay in ferror(f) as
 * with any stdio call. Bytes that cannot be shown are written as \xNN, so that two different names
 * stay different; invalid UTF-8, C0 and C1 controls, DEL, line separators and the bidirectional
 * controls (which reorder what a reader sees) all count.
 */
#ifndef VARVE_ESCAPE_H
#define VARVE_ESCAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "formats/utf8.h"

/*
 * One frame of a folded stack: as escape_text(), and `;` becomes `:`, because `;` parts frames.
 * Never writes a byte below 0x20.
 */
void escape_folded(FILE *f, const char *s, size_t len);

/*
 * A terminal, a log line, or any one-line text. Never writes a byte below 0x20, so no escape code
 * gets through.
 */
void escape_text(FILE *f, const char *s, size_t len);

/*
 * One word of a shell's command line, quoted as it must be: $'…' (bash, zsh, ksh) where a byte cannot be shown or there is a quote in it. Never
 * writes a byte below 0x20.
 */
void escape_shell(FILE *f, const char *s, size_t len);

/*
 * XML and HTML text and quoted attribute values: as escape_text(), and & < > " ' become entities.
 */
void escape_xml(FILE *f, const char *s, size_t len);

/*
 * The inside of a JSON string (no quotes added): RFC 8259, every byte kept but invalid UTF-8, each
 * byte of which becomes U+FFFD. < > & and U+2028/2029 are written as \uNNNN, so that the JSON may
 * stand inside an HTML <script>.
 */
void escape_json(FILE *f, const char *s, size_t len);

/*
 * One cell of CSV (RFC 4180), quoted when it must be. Text that a spreadsheet would run as a
 * formula (it begins with = + - @ TAB or CR) gets a leading apostrophe: numbers must not come this
 * way.
 */
void escape_csv(FILE *f, const char *s, size_t len);

/*
 * The same bytes as escape_text() (folded: escape_folded()) writes, as a string. Returns NULL when
 * out of memory; free() it.
 */
char *escape_text_dup(const char *s, size_t len);
char *escape_folded_dup(const char *s, size_t len);

#endif
