/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The bytes of a bundle, for its writer and reader only: a tar file ("ustar", 512-byte blocks). Each member is a zstd skippable frame
 * with what we know of the file, which zstd's own tool passes over, and then one zstd frame with the file.
 */
#ifndef VARVE_BUNDLE_WIRE_H
#define VARVE_BUNDLE_WIRE_H

#define BUNDLE_BLOCK_SZ 512
#define BUNDLE_FIRST_NAME "varve-bundle-1" /* the first member, which says what this is: to programs by its name, to people by its text */

/* ustar header */
#define TAR_MODE_OFF 100
#define TAR_SIZE_OFF 124
#define TAR_MTIME_OFF 136
#define TAR_SUM_OFF 148
#define TAR_TYPE_OFF 156
#define TAR_MAGIC_OFF 257
#define TAR_PREFIX_OFF 345

/* skippable frame: magic, size of what follows, u64 size of the file when unpacked, path without NUL */
#define BUNDLE_SKIP_MAGIC 0x184d2a56u
#define BUNDLE_SKIP_HEAD_SZ 16

#endif
