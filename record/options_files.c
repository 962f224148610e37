// SPDX-License-Identifier: BSD-2-Clause
/* How much is written where: --rotate, --keep, --max-size, --min-free. */
#include <errno.h>
#include <string.h>

#include "formats/cleanup.h"
#include "record/options_lists.h"
#include "record/options_private.h"

#define KIB (1ULL << 10)
#define MIB (1ULL << 20)
#define SECOND 1000000000ULL
#define ROTATE_MIN_BYTES (256 * KIB)
#define ROTATE_BYTES (64 * MIB) /* where --keep is given alone */
#define ROTATE_NS (600 * SECOND)
#define KEEP_SHARE 4 /* segments that what is kept consists of at least, where nothing else is said */

int option_set_rotate(struct options *o, const char *arg, struct err *err)
{
	uint64_t v;

	if (!options_parse_size(arg, &v)) {
		if (v < ROTATE_MIN_BYTES)
			return err_set(err, -EINVAL, "--rotate '%s': a segment has at least 256K", arg);
		o->rotate_bytes = v;
	} else if (!options_parse_duration(arg, 0, &v)) {
		if (v < SECOND)
			return err_set(err, -EINVAL, "--rotate '%s': a segment lasts at least 1s", arg);
		o->rotate_ns = v;
	} else {
		return err_set(err, -EINVAL, "--rotate '%s': want a size such as 64M or a duration such as 10m", arg);
	}
	return 0;
}

int option_set_keep(struct options *o, const char *arg, struct err *err)
{
	uint64_t v = 0;

	if (!options_parse_u64(arg, &v) && v <= UINT32_MAX)
		o->keep_cnt = (uint32_t)v;
	else if (!options_parse_size(arg, &v))
		o->keep_bytes = v;
	else if (!options_parse_duration(arg, 0, &v))
		o->keep_ns = v;
	else
		return err_set(err, -EINVAL, "--keep '%s': want a number of segments, a size such as 512M or a duration such as 1h", arg);
	return v ? 0 : err_set(err, -EINVAL, "--keep '%s': nothing would be kept", arg);
}

static int set_size(const char *name, const char *arg, uint64_t *ret, struct err *err)
{
	if (options_parse_size(arg, ret) || !*ret)
		return err_set(err, -EINVAL, "%s '%s': want a size such as 500M or 2G", name, arg);
	return 0;
}

int option_set_max_size(struct options *o, const char *arg, struct err *err)
{
	int r = set_size("--max-size", arg, &o->max_bytes, err);

	return r || o->max_bytes >= ROTATE_MIN_BYTES ? r : err_set(err, -EINVAL, "--max-size '%s': want at least 256K", arg);
}

int option_set_min_free(struct options *o, const char *arg, struct err *err)
{
	return set_size("--min-free", arg, &o->min_free_bytes, err);
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a && (a < b || !b) ? a : b;
}

/* A segment is small against what is kept: else what is deleted at once is most of what there is. */
static int settle_rotation(struct options *o, struct err *err)
{
	if (!o->rotate_bytes && !o->rotate_ns) {
		o->rotate_bytes = ROTATE_BYTES;
		o->rotate_ns = least(ROTATE_NS, o->keep_ns / KEEP_SHARE);
		o->rotate_bytes = least(o->rotate_bytes, o->keep_bytes / KEEP_SHARE);
	} else if (!o->rotate_bytes) {
		o->rotate_bytes = o->keep_bytes / KEEP_SHARE;
	}
	if (o->keep_bytes && o->keep_bytes < 2 * ROTATE_MIN_BYTES)
		return err_set(err, -EINVAL, "--keep: too little for two segments of 256K");
	if (o->rotate_bytes && o->rotate_bytes < ROTATE_MIN_BYTES)
		o->rotate_bytes = ROTATE_MIN_BYTES;
	if (o->keep_bytes && o->rotate_bytes > o->keep_bytes / 2)
		return err_set(err, -EINVAL, "--keep: too little for two segments of --rotate's size");
	return 0;
}

int options_settle_files(struct options *o, struct err *err)
{
	bool is_stream = !strcmp(o->output, "-"), keeps = o->keep_cnt || o->keep_bytes || o->keep_ns;

	o->is_segmented = keeps || o->rotate_bytes || o->rotate_ns;
	if (is_stream && o->is_segmented)
		return err_set(err, -EINVAL, "--rotate and --keep make files, -o - is none");
	if (is_stream && o->min_free_bytes)
		return err_set(err, -EINVAL, "--min-free is about a disk, -o - is none");
	if (o->flight_bytes || o->flight_ns || o->has_triggers || o->tail_ns)
		return options_settle_flight(o, err);
	return o->is_segmented ? settle_rotation(o, err) : 0;
}
