// SPDX-License-Identifier: BSD-2-Clause
#include "formats/bundle.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "formats/bundle_wire.h"
#include "formats/bytes.h"
#include "formats/cleanup.h"

#define PAGE_SZ 4096
#define CHUNK_SZ (256u << 10)
/* Contents other than zeros for each stored byte: DWARF reaches 10, symbol tables less. More would be a bomb. */
#define RATIO_MAX 128
#define CONTENT_BASE (1u << 20)

struct bundle {
	int fd;
	uint64_t size;
	struct bundle_member *members; /* owned, with their paths */
	uint32_t cnt, cap;
};

/* ---- the list ------------------------------------------------------------------------------------------------ */

static bool get_octal(const uint8_t *field, size_t width, uint64_t *ret)
{
	uint64_t v = 0;
	size_t i = 0;

	for (; i < width && field[i] >= '0' && field[i] <= '7'; i++)
		v = v << 3 | (uint64_t)(field[i] - '0');
	*ret = v;
	return i && (i == width || field[i] == '\0' || field[i] == ' ');
}

/* A plain file's header whose sum is right. */
static bool parse_header(const uint8_t h[BUNDLE_BLOCK_SZ], char name[BUNDLE_NAME_SZ + 1], uint64_t *ret_size)
{
	uint64_t sum, want = 0;

	for (size_t i = 0; i < BUNDLE_BLOCK_SZ; i++)
		want += i >= TAR_SUM_OFF && i < TAR_SUM_OFF + 8 ? ' ' : h[i];
	if (memcmp(h + TAR_MAGIC_OFF, "ustar", 5) || !get_octal(h + TAR_SUM_OFF, 8, &sum) || sum != want ||
	    !get_octal(h + TAR_SIZE_OFF, 12, ret_size))
		return false;
	memcpy(name, h, BUNDLE_NAME_SZ);
	name[BUNDLE_NAME_SZ] = '\0';
	if ((h[TAR_TYPE_OFF] != '0' && h[TAR_TYPE_OFF]) || h[TAR_PREFIX_OFF])
		name[0] = '\0'; /* none of ours, to be passed over */
	return true;
}

static bool read_at(int fd, void *buf, size_t len, uint64_t off)
{
	return off <= INT64_MAX && pread(fd, buf, len, (off_t)off) == (ssize_t)len;
}

/* What the skippable frame at off says. Returns 0, -EBADMSG, -ENOMEM. */
static int read_member(struct bundle *b, uint64_t off, uint64_t size, struct bundle_member *m)
{
	uint8_t head[BUNDLE_SKIP_HEAD_SZ], check[4];
	uint32_t sz;

	if (size < sizeof(head) || !read_at(b->fd, head, sizeof(head), off) || get_le32(head) != BUNDLE_SKIP_MAGIC)
		return -EBADMSG;
	sz = get_le32(head + 4);
	m->raw_sz = get_le64(head + 8);
	if (sz < 8 || sz - 8 >= BUNDLE_PATH_MAX || sz > size - 8 || m->raw_sz > BUNDLE_RAW_MAX || !m->raw_sz)
		return -EBADMSG;
	m->off = off + 8 + sz;
	m->stored_sz = size - 8 - sz;
	if (m->stored_sz < sizeof(check) || !read_at(b->fd, check, sizeof(check), m->off + m->stored_sz - sizeof(check)))
		return -EBADMSG;
	m->check = get_le32(check);
	m->path = calloc(1, sz - 8 + 1);
	if (!m->path)
		return -ENOMEM;
	if (read_at(b->fd, m->path, sz - 8, off + sizeof(head)))
		return 0;
	free(m->path);
	return -EBADMSG;
}

static int take_member(struct bundle *b, const char *name, uint64_t off, uint64_t size)
{
	struct bundle_member m = {};
	int ret;

	if (!bundle_key_parse(name, &m.key))
		return 0;
	if (array_grow(&b->members, &b->cap, b->cnt, sizeof(m)))
		return -ENOMEM;
	ret = read_member(b, off, size, &m);
	if (!ret)
		b->members[b->cnt++] = m;
	return ret == -EBADMSG ? 0 : ret;
}

static int read_list(struct bundle *b, const char *path, struct err *err)
{
	char name[BUNDLE_NAME_SZ + 1] = "";
	uint8_t h[BUNDLE_BLOCK_SZ];
	uint64_t size = 0;

	for (uint64_t at = 0; b->cnt < BUNDLE_MEMBER_MAX; at += BUNDLE_BLOCK_SZ + ((size + BUNDLE_BLOCK_SZ - 1) & ~(BUNDLE_BLOCK_SZ - 1ULL))) {
		int ret = 0;

		if (at > b->size || b->size - at < sizeof(h) || !read_at(b->fd, h, sizeof(h), at) || !parse_header(h, name, &size))
			return at ? 0 : err_set(err, -EBADMSG, "'%s' is not a bundle", path);
		if (!at && strcmp(name, BUNDLE_FIRST_NAME))
			return err_set(err, -EBADMSG, "'%s' is not a bundle: its first member is '%.40s', want '%s'", path, name,
				       BUNDLE_FIRST_NAME);
		if (size > b->size - at - sizeof(h))
			return 0; /* cut short */
		ret = at ? take_member(b, name, at + sizeof(h), size) : 0;
		if (ret)
			return err_set(err, ret, "'%s': out of memory", path);
	}
	return 0;
}

int bundle_open(const char *path, struct bundle **ret, struct err *err)
{
	struct bundle *b = calloc(1, sizeof(*b));
	struct stat st;
	int code = 0;

	if (!b)
		return err_set(err, -ENOMEM, "'%s': out of memory", path);
	b->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (b->fd < 0 || fstat(b->fd, &st))
		code = err_errno(err, "open '%s'", path);
	else if (!S_ISREG(st.st_mode))
		code = err_set(err, -EBADMSG, "'%s' is not a regular file", path);
	else
		b->size = (uint64_t)st.st_size;
	code = code ?: read_list(b, path, err);
	if (code) {
		bundle_close(b);
		return code;
	}
	*ret = b;
	return 0;
}

void bundle_close(struct bundle *b)
{
	if (!b)
		return;
	for (uint32_t i = 0; i < b->cnt; i++)
		free(b->members[i].path);
	free(b->members);
	cleanup_closep(&b->fd);
	free(b);
}

bool bundle_is(const char *path)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	char name[sizeof(BUNDLE_FIRST_NAME)];

	return fd >= 0 && read_at(fd, name, sizeof(name), 0) && !memcmp(name, BUNDLE_FIRST_NAME, sizeof(name));
}

uint32_t bundle_count(const struct bundle *b)
{
	return b->cnt;
}

const struct bundle_member *bundle_at(const struct bundle *b, uint32_t i)
{
	return i < b->cnt ? &b->members[i] : NULL;
}

static bool is_same_key(const struct bundle_key *a, const struct bundle_key *b)
{
	return a->role == b->role && a->id_sz == b->id_sz && !memcmp(a->id, b->id, a->id_sz) && a->is_content_id == b->is_content_id &&
	       a->dwo_id == b->dwo_id && a->pid == b->pid && a->start_ts == b->start_ts;
}

const struct bundle_member *bundle_find(const struct bundle *b, const struct bundle_key *key)
{
	for (uint32_t i = 0; i < b->cnt; i++)
		if (is_same_key(&b->members[i].key, key))
			return &b->members[i];
	return NULL;
}

/* ---- contents ------------------------------------------------------------------------------------------------ */

struct unpacker {
	const struct bundle *b;
	const struct bundle_member *m;
	ZSTD_DCtx *z;
	uint8_t *in, *out; /* CHUNK_SZ each */
	uint8_t *to;	   /* m->raw_sz */
	uint64_t at, budget; /* in to; bytes other than zeros still believed */
};

static bool is_zero(const uint8_t *p, size_t len)
{
	return !len || (!p[0] && !memcmp(p, p + 1, len - 1));
}

/* Copy, leaving pages of zeros untouched: those of a mapping cost nothing until they are written. */
static bool take_output(struct unpacker *u, size_t len)
{
	if (len > u->m->raw_sz - u->at)
		return false;
	for (size_t i = 0, n; i < len; i += n) {
		n = PAGE_SZ - (u->at + i) % PAGE_SZ;
		n = n < len - i ? n : len - i;
		if (is_zero(u->out + i, n))
			continue;
		if (n > u->budget)
			return false;
		u->budget -= n;
		memcpy(u->to + u->at + i, u->out + i, n);
	}
	u->at += len;
	return true;
}

static int unpack(struct unpacker *u)
{
	size_t left = 1;

	for (uint64_t off = 0; off < u->m->stored_sz;) {
		size_t want = u->m->stored_sz - off < CHUNK_SZ ? (size_t)(u->m->stored_sz - off) : CHUNK_SZ;
		ZSTD_inBuffer in = { u->in, want, 0 };
		bool is_full = true; /* as long as a call fills its output there may be more to come of the same input */

		if (!left || !read_at(u->b->fd, u->in, want, u->m->off + off))
			return -EBADMSG; /* something behind the frame's end, or a file that became shorter */
		while (in.pos < in.size || (is_full && left)) {
			ZSTD_outBuffer out = { u->out, CHUNK_SZ, 0 };
			size_t before = in.pos;

			left = ZSTD_decompressStream(u->z, &out, &in);
			is_full = out.pos == CHUNK_SZ;
			if (ZSTD_isError(left) || !take_output(u, out.pos) || (!left && in.pos < in.size) ||
			    (in.pos == before && !out.pos && in.pos < in.size))
				return -EBADMSG;
		}
		off += want;
	}
	return left || u->at != u->m->raw_sz ? -EBADMSG : 0;
}

int bundle_unpack(const struct bundle *b, const struct bundle_member *m, void **ret, struct err *err)
{
	_cleanup_free_ uint8_t *in = malloc(CHUNK_SZ), *out = malloc(CHUNK_SZ);
	struct unpacker u = { .b = b, .m = m, .in = in, .out = out, .budget = CONTENT_BASE + m->stored_sz * RATIO_MAX };
	int code = 0;

	u.to = mmap(NULL, m->raw_sz, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (u.to == MAP_FAILED)
		return err_errno(err, "room for '%s'", m->path);
	u.z = ZSTD_createDCtx();
	if (!u.z || !in || !out || ZSTD_isError(ZSTD_DCtx_setParameter(u.z, ZSTD_d_windowLogMax, 24)))
		code = err_set(err, -ENOMEM, "out of memory for '%s'", m->path);
	else if (unpack(&u))
		code = err_set(err, -EBADMSG, "bundle: '%s' is damaged", m->path);
	ZSTD_freeDCtx(u.z);
	if (code)
		munmap(u.to, m->raw_sz);
	else
		*ret = u.to;
	return code;
}
