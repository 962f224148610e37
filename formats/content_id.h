/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A stand-in identity for a file without a build-id (module.is_content_id): the recorder computes it of what is mapped,
 * the report of a candidate on disk.
 */
#ifndef VARVE_CONTENT_ID_H
#define VARVE_CONTENT_ID_H

#include <stdint.h>

#include "formats/err.h"

#define CONTENT_ID_SZ 16

/*
 * Hash the file's size and samples of its content: the first 64 KiB, and 16 pages at equal distances over the rest. pread only; the
 * fd's position does not move. Not a defence: whoever can write the file can also forge a build-id.
 * Returns 0, -ENOMEM, or the read error.
 */
int content_id_read(int fd, uint8_t ret[CONTENT_ID_SZ], struct err *err);

#endif
