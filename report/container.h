/* SPDX-License-Identifier: BSD-2-Clause */
/* Which container and pod a cgroup path belongs to: a pure function of the path's text. */
#ifndef VARVE_CONTAINER_H
#define VARVE_CONTAINER_H

#define CONTAINER_ID_SZ 129
#define CONTAINER_POD_SZ 64

/* "" where the path does not tell. runtime is a constant. */
struct container {
	char id[CONTAINER_ID_SZ];
	char pod_uid[CONTAINER_POD_SZ]; /* with dashes, as kubectl shows it */
	const char *runtime;
};

void container_parse(const char *cgroup_path, struct container *ret);

#endif
