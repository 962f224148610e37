/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Control groups: kernfs id → path and limits, written once when first seen and again in each keyframe.
 * Ids are unique within one hierarchy only.
 */
#ifndef VARVE_CGROUPS_H
#define VARVE_CGROUPS_H

#include <stdbool.h>
#include <stdint.h>

#include "formats/err.h"
#include "formats/recording.h"

enum cgroup_hierarchy {
	CGROUP_V2 = 0,
	CGROUP_V1_CPU = 1,    /* the hierarchy the v1 cpu controller is in */
	CGROUP_V1_MEMORY = 2, /* the v1 memory controller's */
	CGROUP_HIERARCHY_CNT = 3,
};

struct cgroups;

/* Finds the mounts. A host without cgroups is no error: everything is unknown then. w (may be NULL) outlives c. */
int cgroups_create(struct recording_writer *w, struct cgroups **ret, struct err *err);
void cgroups_destroy(struct cgroups *c);

/*
 * Which id a task's events carry: CGROUP_V2 (task->cgroups->dfl_cgrp->kn->id) where the cpu controller is v2's, else CGROUP_V1_CPU
 * (task->cgroups->subsys[cpu_cgrp_id]->cgroup->kn->id). An OOM's: the memory controller's.
 */
enum cgroup_hierarchy cgroups_task_hierarchy(const struct cgroups *c);
enum cgroup_hierarchy cgroups_memory_hierarchy(const struct cgroups *c);

/*
 * An id was seen: the first time, look its path and limits up and write EVENT_CGROUP. Cheap afterwards. A cgroup that is gone
 * already is written with the path "" once. Returns 0 or a writer's error.
 */
int cgroups_add(struct cgroups *c, enum cgroup_hierarchy h, uint64_t id, uint64_t ts, struct err *err);

/* Write every known cgroup into the keyframe. Those that were removed at least 10 s before the last one, and not spoken of since, are forgotten. */
int cgroups_keyframe(struct cgroups *c, uint64_t ts, struct err *err);
uint32_t cgroups_count(const struct cgroups *c); /* known now */

/* Path from the hierarchy's root ("/a/b"), or NULL when not known. Valid until the next keyframe. */
const char *cgroups_path(const struct cgroups *c, enum cgroup_hierarchy h, uint64_t id);

/*
 * The id of a cgroup named on the command line: a path below the mount ("system.slice/x"), or a full one
 * ("/sys/fs/cgroup/…"), in the tasks' hierarchy. Returns 0, or -ENOENT.
 */
int cgroups_find(const struct cgroups *c, const char *path, uint64_t *ret_id, struct err *err);

/* The id of a live process's cgroup in the tasks' hierarchy, or in another one, from /proc/PID/cgroup; 0 unknown. */
uint64_t cgroups_of_pid(struct cgroups *c, uint32_t pid);
uint64_t cgroups_of_pid_in(struct cgroups *c, enum cgroup_hierarchy h, uint32_t pid);

/* memory limit and present usage in bytes of a cgroup of the memory hierarchy; UNKNOWN_U64 where there is none. */
void cgroups_memory(struct cgroups *c, uint64_t id, uint64_t *ret_limit, uint64_t *ret_usage);

/*
 * The next known cgroup with an open directory: for per-cgroup counters. *i starts at 0. Returns its directory fd (owned by
 * c), or -1 at the end.
 */
int cgroups_next_dir(struct cgroups *c, enum cgroup_hierarchy h, size_t *i, uint64_t *ret_id);

#endif
