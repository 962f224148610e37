/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where the bytes of an ELF image come from: a file, read and never mapped, or memory (our own vdso, tests).
 */
#ifndef VARVE_ELF_SOURCE_H
#define VARVE_ELF_SOURCE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct elf_source {
	int fd; /* -1: memory */
	const uint8_t *data;
	size_t len;
};

/* Up to len bytes at off. Returns how many there were (0 past the end), or -errno. */
ssize_t elf_source_read(const struct elf_source *s, void *buf, size_t len, uint64_t off);

#endif
