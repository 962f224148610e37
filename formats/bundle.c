// SPDX-License-Identifier: BSD-2-Clause
#include "formats/bundle.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define SUFFIX ".zst"

struct bundle_key bundle_module_key(enum bundle_role role, const struct module *m)
{
	struct bundle_key k = { .role = role, .id_sz = m->build_id_sz, .is_content_id = m->is_content_id };

	if (m->kind == MODULE_JIT) {
		k.pid = m->pid;
		k.start_ts = m->start_ts;
		k.id_sz = 0;
	} else {
		memcpy(k.id, m->build_id, m->build_id_sz);
	}
	return k;
}

static const char *extension(enum bundle_role role)
{
	return role == BUNDLE_DEBUG ? ".debug" : role == BUNDLE_DWP ? ".dwp" : "";
}

/* ".build-id/ab/cdef….debug.zst" is where tools look below a debug directory, once unpacked. */
void bundle_key_name(const struct bundle_key *key, char ret[BUNDLE_NAME_SZ])
{
	char hex[2 * BUILD_ID_MAX + 1] = "";

	if (key->role == BUNDLE_DWO) {
		snprintf(ret, BUNDLE_NAME_SZ, "dwo/%016" PRIx64 ".dwo" SUFFIX, key->dwo_id);
		return;
	}
	if (key->role == BUNDLE_MAP) {
		snprintf(ret, BUNDLE_NAME_SZ, "perf-maps/%" PRIu32 "-%" PRIu64 ".map" SUFFIX, key->pid, key->start_ts);
		return;
	}
	for (uint32_t i = 0; i < key->id_sz; i++)
		snprintf(hex + 2 * (size_t)i, 3, "%02x", key->id[i]);
	snprintf(ret, BUNDLE_NAME_SZ, "%s/%.2s/%s%s" SUFFIX, key->is_content_id ? "content" : ".build-id", hex, hex + 2,
		 extension(key->role));
}

/* The two hex digits at p, or -1. */
static int hex_byte(const char *p)
{
	static const char digits[] = "0123456789abcdef";
	const char *hi = *p ? strchr(digits, p[0]) : NULL, *lo = hi && p[1] ? strchr(digits, p[1]) : NULL;

	return lo ? (int)(hi - digits) << 4 | (int)(lo - digits) : -1;
}

/* "ab/cdef…EXTENSION", where name begins. */
static bool parse_id(const char *name, struct bundle_key *k)
{
	static const enum bundle_role roles[] = { BUNDLE_DEBUG, BUNDLE_DWP, BUNDLE_IMAGE };

	for (int byte; k->id_sz < BUILD_ID_MAX && (byte = hex_byte(name)) >= 0; name += 2) {
		k->id[k->id_sz++] = (uint8_t)byte;
		if (k->id_sz == 1) {
			if (name[2] != '/')
				return false;
			name++;
		}
	}
	for (size_t i = 0; k->id_sz >= 2 && i < sizeof(roles) / sizeof(*roles); i++) {
		size_t len = strlen(extension(roles[i]));

		if (strncmp(name, extension(roles[i]), len) || strcmp(name + len, SUFFIX))
			continue;
		k->role = roles[i];
		return true;
	}
	return false;
}

bool bundle_key_parse(const char *name, struct bundle_key *ret)
{
	struct bundle_key k = {};
	char again[BUNDLE_NAME_SZ];
	bool ok = false;

	if (!strncmp(name, ".build-id/", 10)) {
		ok = parse_id(name + 10, &k);
	} else if (!strncmp(name, "content/", 8)) {
		k.is_content_id = true;
		ok = parse_id(name + 8, &k);
	} else if (sscanf(name, "dwo/%16" SCNx64 ".dwo", &k.dwo_id) == 1) {
		k.role = BUNDLE_DWO;
		ok = true;
	} else if (sscanf(name, "perf-maps/%" SCNu32 "-%" SCNu64 ".map", &k.pid, &k.start_ts) == 2) {
		k.role = BUNDLE_MAP;
		ok = true;
	}
	if (!ok)
		return false;
	bundle_key_name(&k, again); /* one spelling for each key */
	if (strcmp(again, name))
		return false;
	*ret = k;
	return true;
}
