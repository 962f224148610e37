/* SPDX-License-Identifier: BSD-2-Clause */
/* CRC-32C (Castagnoli, as in iSCSI and ext4): crc32c(0, "123456789", 9) == 0xe3069283. */
#ifndef VARVE_CRC32C_H
#define VARVE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/*
 * The checksum of what `crc` covers (0: nothing yet) followed by data. Uses SSE4.2 where the CPU
 * has it.
 */
uint32_t crc32c(uint32_t crc, const void *data, size_t len);

/* The same by table on any CPU; for the test that both agree. */
uint32_t crc32c_portable(uint32_t crc, const void *data, size_t len);

#endif
