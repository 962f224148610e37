// SPDX-License-Identifier: BSD-2-Clause
#include "record/bundle_worker.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "formats/cleanup.h"
#include "formats/elf_file.h"
#include "record/names_sandbox.h"

#define CHUNK_SZ 65536

/* ---- the child ----------------------------------------------------------------------------------------------- */

static bool has_section(const struct elf_file *f, const char *want)
{
	bool has = false;

	for (uint32_t i = 0; i < f->section_cnt && !has; i++)
		has = elf_file_is_named(f, &f->sections[i], want);
	return has;
}

static bool is_proven(const struct bundle_job *job, const struct elf_file *f)
{
	if (job->proof == BUNDLE_PROOF_NONE)
		return true;
	if (job->proof == BUNDLE_PROOF_DWP)
		return has_section(f, ".debug_cu_index");
	if (job->proof == BUNDLE_PROOF_DWO)
		return split_units_has(f, job->dwo_id);
	return elf_links_is_meant(&job->src, job->size, job->id, job->id_sz, job->proof == BUNDLE_PROOF_LINK ? &job->crc : NULL);
}

bool bundle_worker_look(const struct bundle_job *job, struct elf_links *ret)
{
	struct elf_links l = {};
	struct elf_file f;
	bool ok;

	memset(ret, 0, sizeof(*ret));
	if (!job->is_elf)
		return job->proof == BUNDLE_PROOF_NONE;
	if (elf_file_open(&job->src, &f))
		return job->proof == BUNDLE_PROOF_NONE; /* an image without section headers is one all the same */
	ok = is_proven(job, &f);
	if (ok)
		elf_links_read(&f, &l);
	elf_file_close(&f);
	*ret = l;
	return ok;
}

static int send_bytes(void *ctx, const void *data, size_t len)
{
	const char *p = data;
	int fd = *(int *)ctx;

	while (len) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno != EINTR)
			return -errno;
		p += n > 0 ? n : 0;
		len -= n > 0 ? (size_t)n : 0;
	}
	return 0;
}

/* A split unit; its texts follow. */
struct wire_split {
	uint64_t id;
	uint16_t name_len, dir_len;
};

static int send_split_unit(void *fd, const struct split_unit *u)
{
	struct wire_split h;

	memset(&h, 0, sizeof(h)); /* padding, too */
	h.id = u->id;
	h.name_len = (uint16_t)strlen(u->name);
	h.dir_len = (uint16_t)strlen(u->dir);
	return send_bytes(fd, &h, sizeof(h)) ?: send_bytes(fd, u->name, h.name_len) ?: send_bytes(fd, u->dir, h.dir_len);
}

static int send_split_units(const struct bundle_job *job, int fd)
{
	struct elf_file f;
	int r = elf_file_open(&job->src, &f);

	if (r)
		return r;
	r = split_units_each(&f, send_split_unit, &fd);
	elf_file_close(&f);
	return r;
}

int bundle_worker_split_units(const void *data, size_t len, split_unit_fn fn, void *ctx)
{
	const char *p = data;
	int r = 0;

	while (len && !r) {
		char name[SPLIT_PATH_MAX] = "", dir[SPLIT_PATH_MAX] = "";
		struct wire_split h;

		if (len < sizeof(h))
			return -EBADMSG;
		memcpy(&h, p, sizeof(h));
		p += sizeof(h);
		len -= sizeof(h);
		if (h.name_len >= sizeof(name) || h.dir_len >= sizeof(dir) || (size_t)h.name_len + h.dir_len > len)
			return -EBADMSG;
		memcpy(name, p, h.name_len);
		memcpy(dir, p + h.name_len, h.dir_len);
		p += h.name_len + h.dir_len;
		len -= (size_t)h.name_len + h.dir_len;
		r = fn(ctx, &(struct split_unit){ h.id, name, dir });
	}
	return r;
}

/* What travels first; a file that is not the one ends with it. */
struct wire_head {
	uint32_t is_wanted;
	struct elf_links links;
};

static void __attribute__((noreturn)) child(const struct bundle_job *job, int fd)
{
	struct wire_head h = {};
	int r = names_sandbox_enter();

	if (!r)
		h.is_wanted = bundle_worker_look(job, &h.links);
	r = r ?: send_bytes(&fd, &h, sizeof(h));
	if (!r && h.is_wanted && job->wants_split_units)
		r = send_split_units(job, fd);
	else if (!r && h.is_wanted)
		r = bundle_pack(&job->src, job->size, job->is_elf, job->path, send_bytes, &fd);
	_exit(r ? 1 : 0);
}

/* ---- the parent ---------------------------------------------------------------------------------------------- */

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

struct receiver {
	int fd;
	struct wire_head head;
	size_t have; /* bytes of the head */
	bundle_sink sink;
	void *ctx;
};

static int take_bytes(struct receiver *r, const uint8_t *p, size_t len)
{
	size_t n = sizeof(r->head) - r->have;

	n = n < len ? n : len;
	memcpy((uint8_t *)&r->head + r->have, p, n);
	r->have += n;
	return len > n ? r->sink(r->ctx, p + n, len - n) : 0;
}

/* Until the pipe ends. Returns 0, the sink's error, -ETIME or -errno. */
static int receive(struct receiver *r, uint64_t deadline)
{
	_cleanup_free_ uint8_t *buf = malloc(CHUNK_SZ);
	int err = buf ? 0 : -ENOMEM;

	while (!err) {
		uint64_t now = now_ns();
		struct pollfd p = { .fd = r->fd, .events = POLLIN };
		ssize_t n;

		if (now >= deadline)
			return -ETIME;
		if (poll(&p, 1, (int)((deadline - now) / 1000000 % 1000000) + 1) <= 0)
			continue;
		n = read(r->fd, buf, CHUNK_SZ);
		if (n < 0 && errno != EINTR)
			return -errno;
		if (!n)
			break;
		err = n > 0 ? take_bytes(r, buf, (size_t)n) : 0;
	}
	return err;
}

/* The texts end within their fields, whatever became of the child. */
static bool is_sane(const struct wire_head *h)
{
	const struct elf_links *l = &h->links;

	return memchr(l->link, '\0', sizeof(l->link)) && memchr(l->alt, '\0', sizeof(l->alt)) && !strchr(l->link, '/') &&
	       l->alt_id_sz <= BUILD_ID_MAX;
}

int bundle_worker_run(const struct bundle_job *job, bundle_sink sink, void *ctx, uint64_t deadline_ts, struct elf_links *ret)
{
	struct receiver r = { .sink = sink, .ctx = ctx };
	int fds[2], status = -1, err;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC))
		return -errno;
	pid = fork();
	if (pid < 0) {
		err = -errno;
		close(fds[0]);
		close(fds[1]);
		return err;
	}
	if (!pid) {
		close(fds[0]);
		child(job, fds[1]);
	}
	close(fds[1]);
	r.fd = fds[0];
	err = receive(&r, deadline_ts);
	close(fds[0]);
	if (err)
		kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (err)
		return err;
	if (!WIFEXITED(status) || WEXITSTATUS(status) || r.have < sizeof(r.head) || !is_sane(&r.head))
		return -ECHILD;
	*ret = r.head.links;
	return r.head.is_wanted ? 1 : 0;
}
