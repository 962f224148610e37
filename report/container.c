// SPDX-License-Identifier: BSD-2-Clause
#include "report/container.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define HEX_ID_LEN 64

/*
 * systemd-driven runtimes name a scope PREFIX-ID.scope, cgroupfs-driven ones a directory by the
 * bare id; LXC and nspawn use the container's name.
 */
static const struct {
	const char *prefix, *suffix, *runtime;
	bool is_hex; /* the id is 64 hex digits; else it is a name */
} scopes[] = {
	{ "docker-", ".scope", "docker", true },
	{ "cri-containerd-", ".scope", "containerd", true },
	{ "crio-conmon-", ".scope", "", true }, /* the monitor beside the container, not in it */
	{ "crio-", ".scope", "crio", true },
	{ "crio-", "", "crio", true },
	{ "libpod-conmon-", ".scope", "", true },
	{ "libpod-", ".scope", "podman", true },
	{ "libpod-", "", "podman", true },
	{ "nerdctl-", ".scope", "containerd", true },
	{ "lxc.payload.", "", "lxc", false },
	{ "machine-", ".scope", "nspawn", false },
};

static bool is_hex(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!isxdigit((unsigned char)s[i]))
			return false;
	return len > 0;
}

static bool parse_scope(const char *s, size_t len, struct container *ret)
{
	for (size_t i = 0; i < sizeof(scopes) / sizeof(scopes[0]); i++) {
		size_t pre = strlen(scopes[i].prefix), suf = strlen(scopes[i].suffix), n;

		if (len <= pre + suf || strncmp(s, scopes[i].prefix, pre) ||
		    strncmp(s + len - suf, scopes[i].suffix, suf))
			continue;
		n = len - pre - suf;
		if (n >= CONTAINER_ID_SZ ||
		    (scopes[i].is_hex && (n != HEX_ID_LEN || !is_hex(s + pre, n))))
			continue;
		if (scopes[i].runtime[0]) {
			snprintf(ret->id, sizeof(ret->id), "%.*s", (int)n, s + pre);
			ret->runtime = scopes[i].runtime;
		}
		return true;
	}
	return false;
}

/* "pod<uid>", "kubepods-burstable-pod<uid with _>.slice" */
static bool parse_pod(const char *s, size_t len, struct container *ret)
{
	const char *end = s + len, *at = s;
	size_t n;

	if (len > 6 && !strncmp(end - 6, ".slice", 6)) {
		if (strncmp(s, "kubepods", 8))
			return false;
		end -= 6;
		at = memmem(s, (size_t)(end - s), "-pod", 4);
		if (!at)
			return false;
		at++;
	}
	if (end - at <= 3 || strncmp(at, "pod", 3))
		return false;
	at += 3;
	n = (size_t)(end - at);
	if (n < 32 || n >= CONTAINER_POD_SZ) /* a uid, static pods' 32 hex digits included */
		return false;
	for (size_t i = 0; i < n; i++) {
		if (!isxdigit((unsigned char)at[i]) && at[i] != '-' && at[i] != '_')
			return false;
		ret->pod_uid[i] = at[i] == '_' ? '-' : at[i];
	}
	ret->pod_uid[n] = '\0';
	return true;
}

void container_parse(const char *path, struct container *ret)
{
	const char *before = ""; /* the component above */
	size_t before_len = 0;

	memset(ret, 0, sizeof(*ret));
	ret->runtime = "";
	for (const char *s = path; *s;) {
		size_t len = strcspn(s, "/");

		if (len && !parse_pod(s, len, ret) && !parse_scope(s, len, ret)) {
			/* a bare id: below /docker, or below a pod */
			if (len == HEX_ID_LEN && is_hex(s, len)) {
				snprintf(ret->id, sizeof(ret->id), "%.*s", (int)len, s);
				ret->runtime = before_len == 6 && !strncmp(before, "docker", 6) ?
						       "docker" :
					       ret->pod_uid[0] ? "containerd" :
								 "";
			} else if (before_len == 3 && !strncmp(before, "lxc", 3) &&
				   len < CONTAINER_ID_SZ) {
				snprintf(ret->id, sizeof(ret->id), "%.*s", (int)len, s);
				ret->runtime = "lxc";
			}
		}
		before = s;
		before_len = len;
		s += len + (s[len] == '/');
	}
}
