/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Getting hold of the very file behind a mapping, which other programs may have replaced, deleted, or never had in our
 * root. For modules.c.
 */
#ifndef VARVE_MODULE_FILE_H
#define VARVE_MODULE_FILE_H

#include "record/elf_note.h"
#include "record/modules.h"

struct module_file {
	int fd;		      /* -1: none */
	uint64_t dev, ino, mtime_ns, size;
	bool is_elf;
	struct elf_ident ident; /* where is_elf */
};

/*
 * Open the file of d: /proc/PID/map_files, then its path below /proc/PID/root, then (the process being gone) below ours.
 * It counts only when it is a regular file whose build-id is the one the kernel told, or whose inode is. Never blocks on a FIFO,
 * never touches a device. path: d->path without " (deleted)". Returns 0, or -ENOENT with ret->fd -1.
 */
int module_file_open(const struct mapping_desc *d, const char *path, struct module_file *ret);

/* Open path in our root as a regular file. The fd, or -errno. */
int module_file_open_path(const char *path);

/* mtime and size of the mapped file now, through /proc/PID/map_files. 0 or -errno. */
int module_file_stat(const struct mapping_desc *d, uint64_t *ret_mtime_ns, uint64_t *ret_size);

#endif
