/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Small files of /proc and cgroupfs, whole, and the few fields of /proc/PID/status that others need.
 */
#ifndef VARVE_PROCFILE_H
#define VARVE_PROCFILE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * Read a file into a NUL-terminated heap string, at most max bytes (more is cut). dirfd as openat(2).
 * Returns its length with *ret owned by the caller, or -errno.
 */
ssize_t procfile_read(int dirfd, const char *path, size_t max, char **ret);

/* The same into a buffer that is kept between calls: *buf grows as needed and stays owned by the caller (free() at the end). */
ssize_t procfile_read_into(int dirfd, const char *path, size_t max, char **buf, size_t *cap);

/* One decimal number in a file ("max" and "-1" are UNKNOWN_U64). Returns 0 or -errno, -EBADMSG. */
int procfile_read_u64(int dirfd, const char *path, uint64_t *ret);

/* The number behind "key" at the start of a line ("MemFree:", "oom_kill"), 0 or -ENOENT. text is NUL-terminated. */
int procfile_find_u64(const char *text, const char *key, uint64_t *ret);

struct procfile_status {
	uint32_t uid;	 /* real, as the kernel side has it; UINT32_MAX unknown */
	uint32_t ns_pid; /* innermost; 0 unknown */
};
/* From the text of /proc/PID/status. */
void procfile_parse_status(const char *text, struct procfile_status *ret);

#endif
