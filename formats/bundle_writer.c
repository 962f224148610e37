// SPDX-License-Identifier: BSD-2-Clause
#include "formats/bundle.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "formats/bundle_wire.h"
#include "formats/bytes.h"
#include "formats/cleanup.h"
#include "formats/idmap.h"
#include "formats/output.h"

static const char about[] =
	"A varve bundle: what varve-report needs to name the functions of a recording where the programs are not.\n"
	"varve-report ... --symfs THIS_FILE reads it. Unpacked (tar xf, then unzstd), .build-id/ is a debug directory as gdb and\n"
	"elfutils know it; code and data that names do not need are zeros in it.\n";

struct bundle_writer {
	struct output out;
	bool is_stdout; /* out is a file without a name then, copied at close */
	uint64_t begin; /* of the member under way */
	char name[BUNDLE_NAME_SZ];
	char (*names)[BUNDLE_NAME_SZ]; /* of the members kept; owned */
	uint32_t cnt, cap;
	struct idmap by_name;
};

static uint32_t hash_name(const char *name)
{
	return hash_bytes(name, strlen(name));
}

static bool has_name(const struct bundle_writer *w, const char *name)
{
	uint32_t hash = hash_name(name), pos, i;

	for (i = idmap_first(&w->by_name, hash, &pos); i; i = idmap_next(&w->by_name, hash, &pos))
		if (!strcmp(w->names[i - 1], name))
			return true;
	return false;
}

bool bundle_writer_has(const struct bundle_writer *w, const struct bundle_key *key)
{
	char name[BUNDLE_NAME_SZ];

	bundle_key_name(key, name);
	return has_name(w, name);
}

uint32_t bundle_writer_count(const struct bundle_writer *w)
{
	return w->cnt;
}

uint64_t bundle_writer_bytes(const struct bundle_writer *w)
{
	return w->out.pos;
}

/* ---- tar ----------------------------------------------------------------------------------------------------- */

static void put_octal(uint8_t *field, size_t width, uint64_t v)
{
	for (size_t i = width - 1; i-- > 0; v >>= 3)
		field[i] = (uint8_t)('0' + (v & 7));
	field[width - 1] = '\0';
}

static void make_header(const char *name, uint64_t size, uint8_t h[BUNDLE_BLOCK_SZ])
{
	uint32_t sum = 0;

	memset(h, 0, BUNDLE_BLOCK_SZ);
	memcpy(h, name, strlen(name)); /* shorter than the field */
	put_octal(h + TAR_MODE_OFF, 8, 0600);
	put_octal(h + TAR_MODE_OFF + 8, 8, 0);
	put_octal(h + TAR_MODE_OFF + 16, 8, 0);
	put_octal(h + TAR_SIZE_OFF, 12, size);
	put_octal(h + TAR_MTIME_OFF, 12, 0);
	h[TAR_TYPE_OFF] = '0';
	memcpy(h + TAR_MAGIC_OFF, "ustar\00000", 8);
	memset(h + TAR_SUM_OFF, ' ', 8); /* as which the sum itself counts */
	for (size_t i = 0; i < BUNDLE_BLOCK_SZ; i++)
		sum += h[i];
	put_octal(h + TAR_SUM_OFF, 7, sum);
}

static int write_zeros(struct bundle_writer *w, size_t len, struct err *err)
{
	static const uint8_t zeros[2 * BUNDLE_BLOCK_SZ];

	return output_write(&w->out, zeros, len, false, err);
}

int bundle_writer_begin(struct bundle_writer *w, const struct bundle_key *key, struct err *err)
{
	bundle_key_name(key, w->name);
	w->begin = w->out.pos;
	return write_zeros(w, BUNDLE_BLOCK_SZ, err); /* the header's place: its size is not known yet */
}

int bundle_writer_append(void *w, const void *data, size_t len)
{
	struct bundle_writer *b = w;

	return output_write(&b->out, data, len, false, NULL);
}

static int remember(struct bundle_writer *w)
{
	if (array_grow(&w->names, &w->cap, w->cnt, sizeof(*w->names)))
		return -ENOMEM;
	memcpy(w->names[w->cnt], w->name, sizeof(w->name));
	return idmap_add(&w->by_name, hash_name(w->name), ++w->cnt);
}

int bundle_writer_end(struct bundle_writer *w, bool keep, struct err *err)
{
	uint64_t size = w->out.pos - w->begin - BUNDLE_BLOCK_SZ;
	uint8_t h[BUNDLE_BLOCK_SZ];
	int ret = 0;

	if (!keep || remember(w)) {
		w->out.pos = w->begin;
		return keep ? err_set(err, -ENOMEM, "out of memory for a bundle") : 0;
	}
	make_header(w->name, size, h);
	if (size % BUNDLE_BLOCK_SZ)
		ret = write_zeros(w, BUNDLE_BLOCK_SZ - size % BUNDLE_BLOCK_SZ, err);
	if (!ret && pwrite(w->out.fd, h, sizeof(h), (off_t)w->begin) != (ssize_t)sizeof(h))
		ret = err_errno(err, "write '%s'", w->out.path);
	return ret;
}

/* ---- the file ------------------------------------------------------------------------------------------------ */

static int open_stdout(struct bundle_writer *w, struct err *err)
{
	w->is_stdout = true;
	w->out = (struct output){ .fd = open(getenv("TMPDIR") ?: "/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600) };
	if (w->out.fd < 0)
		w->out.fd = memfd_create("varve-bundle", MFD_CLOEXEC);
	if (w->out.fd < 0)
		return err_errno(err, "open a file for what goes to standard output");
	w->out.path = strdup("standard output");
	return w->out.path ? 0 : err_set(err, -ENOMEM, "out of memory for a bundle");
}

int bundle_writer_create(const char *path, bool force, struct bundle_writer **ret, struct err *err)
{
	struct bundle_writer *w = calloc(1, sizeof(*w));
	int code;

	if (!w)
		return err_set(err, -ENOMEM, "out of memory for a bundle");
	w->out.fd = -1;
	code = strcmp(path, "-") ? output_open(&w->out, path, force, err) : open_stdout(w, err);
	if (!code) {
		snprintf(w->name, sizeof(w->name), "%s", BUNDLE_FIRST_NAME);
		w->begin = 0;
		code = write_zeros(w, BUNDLE_BLOCK_SZ, err) ?: output_write(&w->out, about, sizeof(about) - 1, false, err) ?:
		       bundle_writer_end(w, true, err);
		w->cnt = 0; /* it is none of the members */
	}
	if (code) {
		(void)bundle_writer_close(w, false, NULL);
		return code;
	}
	*ret = w;
	return 0;
}

static int copy_out(struct bundle_writer *w, struct err *err)
{
	_cleanup_free_ uint8_t *buf = malloc(65536);

	if (!buf)
		return err_set(err, -ENOMEM, "out of memory for a bundle");
	for (uint64_t at = 0; at < w->out.pos;) {
		size_t want = w->out.pos - at < 65536 ? (size_t)(w->out.pos - at) : 65536, done = 0;
		ssize_t n = pread(w->out.fd, buf, want, (off_t)at);

		if (n <= 0)
			return err_errno(err, "read back a bundle");
		while (done < (size_t)n) {
			ssize_t put = write(STDOUT_FILENO, buf + done, (size_t)n - done);

			if (put < 0 && errno != EINTR)
				return err_errno(err, "write standard output");
			done += put > 0 ? (size_t)put : 0;
		}
		at += (uint64_t)n;
	}
	return 0;
}

int bundle_writer_close(struct bundle_writer *w, bool keep, struct err *err)
{
	_cleanup_free_ char *path = NULL;
	int ret = 0;

	if (!w)
		return 0;
	if (keep)
		ret = write_zeros(w, 2 * BUNDLE_BLOCK_SZ, err);
	if (keep && !ret && w->is_stdout)
		ret = copy_out(w, err);
	if (!w->is_stdout && w->out.path)
		path = strdup(w->out.path);
	if (w->out.fd >= 0 && !w->is_stdout) {
		int code = output_close(&w->out, ret ? NULL : err);

		ret = ret ?: code;
		if (path && (!keep || ret))
			(void)unlink(path);
	}
	cleanup_closep(&w->out.fd);
	free(w->out.path);
	free(w->names);
	idmap_deinit(&w->by_name);
	free(w);
	return ret;
}
