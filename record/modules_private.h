/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The inside of struct modules, for modules*.c: modules.c is the table by identity, the vdso and who is asked; modules_files.c is for
 * mappings of files, modules_jit.c for memory that a process filled itself,
 * modules_sweep.c has what is forgotten.
 */
#ifndef VARVE_MODULES_PRIVATE_H
#define VARVE_MODULES_PRIVATE_H

#include "formats/idmap.h"
#include "record/modules.h"

/* (dev, ino, generation, path), and what the file was like then: one inode can be rewritten between two mappings. */
struct inode_key {
	uint32_t maj, min, hash;
	uint64_t ino, ino_gen;
	uint64_t st_dev, st_ino, mtime_ns, size; /* as stat said */
	uint32_t entry; /* index + 1 */
};

struct modules {
	struct recording_writer *writer; /* borrowed */
	unsigned fd_max, fd_cnt; /* of files */
	unsigned root_fd_cnt;	 /* of processes with JIT memory: roots, perf maps and dumps */
	struct module_entry **entries; /* owned */
	uint32_t cnt, cap;
	struct module_entry *vdso; /* ours, once met */
	struct idmap by_identity; /* build-id and path, or pid and start: index + 1 */
	struct idmap by_id;	  /* writer's id: index + 1 */
	struct idmap by_pid;	  /* JIT modules: index + 1 */
	struct idmap by_inode;	  /* index in inodes + 1 */
	struct inode_key *inodes; /* owned */
	uint32_t inode_cnt, inode_cap;
	uint32_t swept_cnt; /* entries and inodes after the last sweep */
	modules_new_fn on_new;
	void *on_new_ctx;
};

#define MODULES_ROOT_FD_MAX 256 /* processes with JIT memory whose root is held */

/* Its hash in by_identity. */
uint32_t modules_identity_hash(const struct module *m);
/* NULL is accepted. */
void modules_destroy_entry(struct module_entry *e);

/* The entry with want's kind, build-id, path, pid and start; NULL: none. */
struct module_entry *modules_find_identity(const struct modules *m, const struct module *want);
/* Copies *want. *ret: the new entry, known to the writer and to the maps, without any fd. Returns 0 or -ENOMEM. */
int modules_add_entry(struct modules *m, const struct module *want, struct module_entry **ret, struct err *err);

/*
 * modules_find() for the two large kinds. path: d->path without " (deleted)". *ret is found or new; a new file has been announced to the
 * listener. Return 0 or -ENOMEM.
 */
int modules_find_file(struct modules *m, const struct mapping_desc *d, const char *path, struct module_entry **ret, struct err *err);
int modules_find_jit(struct modules *m, const struct mapping_desc *d, struct module_entry **ret, struct err *err);

/*
 * A runtime maps its jit-PID.dump to tell where it is: fd, which stays the caller's, is that file. Held for the process's JIT module when it
 * is the process's own file, as for perf maps; passed over otherwise, and over the cap.
 */
void modules_hold_dump(struct modules *m, const struct mapping_desc *d, int fd);

#endif
