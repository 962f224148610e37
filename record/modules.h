/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What mappings are backed by: each file, the vdso, each process's JIT memory, once per identity, with its id in the
 * recording. Files are opened at first sight and held, so that a process's exit or an upgrade of the package does not lose
 * what unwinding and naming need later.
 */
#ifndef VARVE_MODULES_H
#define VARVE_MODULES_H

#include <stdbool.h>
#include <stdint.h>

#include "formats/err.h"
#include "formats/event.h"
#include "formats/recording.h"

/* A module as the recorder holds it. Owned by struct modules, stable until modules_sweep() or modules_destroy(). */
struct module_entry {
	struct module m; /* as given to the writer; path and segs owned by the entry */
	uint32_t id;	 /* of recording_writer_add_module() */
	int fd;		 /* the file, O_RDONLY; -1: not held (JIT, vdso, gone before it could be opened, over the cap) */
	int root_fd;	 /* JIT: O_PATH of the process's root, for its perf map; -1 unknown or over the cap */
	uint32_t ns_pid; /* JIT: the process's pid in its own namespace */
	uint32_t uid;	 /* JIT: its effective uid */
	int map_fd;	 /* JIT: its perf map, once it was seen (jit.h) or the process exited; -1 */
	int dump_fd;	 /* JIT: its jit-PID.dump, which it maps to say so; -1 */
	bool is_over;	 /* JIT: its process ended */
	uint16_t machine; /* ELF: EM_*, 0 unknown */
	uint64_t dev, ino, mtime_ns, size; /* of fd, 0 unknown */
	void *user;	 /* the unwinder's; NULL at first */
	uint32_t moved;	 /* during modules_sweep(): its index + 1 afterwards; 0: gone */
};

/* One executable mapping, from MMAP2 or /proc/PID/maps. Nothing in it is trusted. */
struct mapping_desc {
	uint32_t pid;
	uint64_t start, end, pgoff;
	const char *path; /* as the kernel names it: "/usr/bin/x", "/usr/bin/x (deleted)", "//anon", "[vdso]", … */
	uint32_t maj, min;
	uint64_t ino, ino_gen;	 /* ino 0: no file, or not told (MMAP2 with a build-id) */
	const uint8_t *build_id; /* told by the kernel, or NULL */
	uint8_t build_id_sz;
	uint64_t start_ts; /* of the process; JIT memory is told apart by it */
};

struct modules;

/* w stays the caller's and must outlive the modules. fd_max: files held at most; 0: half of RLIMIT_NOFILE, at most 2048. */
int modules_create(struct recording_writer *w, unsigned fd_max, struct modules **ret, struct err *err);
void modules_destroy(struct modules *m);

/*
 * The module behind a mapping. Opens the file the first time. *ret_off_base is what to add to (address - start) for
 * frame.off: pgoff for files, start for JIT memory, 0 for the vdso.
 * Returns 0, or -ENOMEM. A file that cannot be opened is a module all the same, with what is known of it.
 */
int modules_find(struct modules *m, const struct mapping_desc *d, struct module_entry **ret, uint64_t *ret_off_base,
		 struct err *err);

/* By the writer's id; NULL for an id that is not ours (kernel modules are kallsyms.c's). */
struct module_entry *modules_get(const struct modules *m, uint32_t id);
uint32_t modules_count(const struct modules *m);
struct module_entry *modules_at(const struct modules *m, uint32_t i); /* i < count, in order of first sight */

/* fd of the entry's file, opened again by path when it was not held; its build-id is compared then. -1 if there is none. */
int modules_open_file(const struct module_entry *e);

/* A process with JIT memory ended: open its perf map before the name can be used by another. */
void modules_process_exit(struct modules *m, uint32_t pid);

/*
 * Whether many were added since the last sweep, or the files held come near their cap: then it pays to ask who is used.
 */
bool modules_want_sweep(const struct modules *m);
/* Each that stays whoever uses it: what every process maps, and memory of processes that live, which may be mapped again. */
void modules_each_lasting(const struct modules *m, void (*fn)(void *ctx, uint32_t id), void *ctx);
/*
 * Forget those that is_used (asked by id) does not want, with their files. What was kept for their sake (e->user) is the caller's to free, before.
 */
void modules_sweep(struct modules *m, bool (*is_used)(void *ctx, uint32_t id), void *ctx);
unsigned modules_files_held(const struct modules *m);

/* Called for each new ELF or vdso module (fd may be -1), before modules_find() returns it: the unwinder builds rows. */
typedef void (*modules_new_fn)(void *ctx, struct module_entry *e);
void modules_set_listener(struct modules *m, modules_new_fn fn, void *ctx);

/* Our own vdso's image (AT_SYSINFO_EHDR), *ret_sz bytes; NULL when there is none. */
const void *modules_vdso_image(size_t *ret_sz);

#endif
