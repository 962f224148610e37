// SPDX-License-Identifier: BSD-2-Clause
#include "report/bundle_files.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "formats/bytes.h"
#include "formats/cleanup.h"
#include "report/sym_debugfile.h"
#include "report/sym_sandbox.h"

#define FILES_MAX 65536
#define MEMORY (6ULL << 30) /* address space: debug sections are unpacked to find split units */
#define CPU_SECONDS 60

/* What a worker writes for each file, before its path. Both ends are this program. */
struct wire_file {
	struct bundle_key key;
	uint32_t path_len; /* UINT32_MAX: no file follows but the reason, of key.id_sz bytes */
};

void bundle_files_deinit(struct bundle_files *f)
{
	for (uint32_t i = 0; i < f->cnt; i++)
		free(f->v[i].path);
	free(f->v);
	memset(f, 0, sizeof(*f));
}

/* ---- the worker ---------------------------------------------------------------------------------------------- */

struct finder {
	int fd;
	const struct module *m;
	uint32_t cnt;
};

static int put(int fd, const void *data, size_t len)
{
	return write(fd, data, len) == (ssize_t)len ? 0 : -EIO;
}

static int tell(struct finder *f, struct bundle_key key, const char *path)
{
	struct wire_file w = {.key = key, .path_len = (uint32_t)strlen(path)};

	if (w.path_len >= BUNDLE_PATH_MAX || f->cnt++ >= FILES_MAX)
		return 0;
	return put(f->fd, &w, sizeof(w)) ?: put(f->fd, path, w.path_len);
}

static int tell_related(void *ctx, const struct sym_related *r)
{
	struct finder *f = ctx;
	struct bundle_key key = {.role = BUNDLE_DEBUG, .id_sz = (uint8_t)r->id_sz};

	if (r->kind == SYM_RELATED_ALT) {
		memcpy(key.id, r->id, r->id_sz);
	} else if (r->kind == SYM_RELATED_DWP) {
		key = bundle_module_key(BUNDLE_DWP, f->m);
	} else {
		key.role = BUNDLE_DWO;
		key.dwo_id = r->dwo_id;
	}
	return tell(f, key, r->path);
}

static int search(const struct symbolizer_options *o, struct finder *f)
{
	struct sym_debugfile found;
	int code = sym_debugfile_find(o, f->m, &found);

	if (!code && !found.has_image && !found.has_debug) {
		struct wire_file w = {.path_len = UINT32_MAX};

		w.key.id_sz = (uint8_t)strlen(found.reason); /* below 256 */
		code = put(f->fd, &w, sizeof(w)) ?: put(f->fd, found.reason, w.key.id_sz);
	}
	/* what was found first, so that it is not lost when a search in it goes wrong */
	if (!code && found.has_image)
		code = tell(f, bundle_module_key(BUNDLE_IMAGE, f->m), found.image.path);
	if (!code && found.has_debug)
		code = tell(f, bundle_module_key(BUNDLE_DEBUG, f->m), found.debug.path);
	if (!code && found.has_image)
		code = sym_elf_each_related(&found.image, tell_related, f);
	if (!code && found.has_debug)
		code = sym_elf_each_related(&found.debug, tell_related, f);
	sym_debugfile_close(&found);
	return code;
}

static void __attribute__((noreturn))
work(const struct symbolizer_options *o, const struct module *m, int result_fd)
{
	struct finder f = {.fd = sym_sandbox_enter(result_fd), .m = m};

	if (f.fd < 0)
		_exit(1);
	sym_sandbox_limit(MEMORY, CPU_SECONDS);
	_exit(search(o, &f) ? 1 : 0);
}

/* ---- its answer ---------------------------------------------------------------------------------------------- */

static int take_files(int fd, struct bundle_files *ret)
{
	struct wire_file w;
	uint64_t at = 0;

	while (pread(fd, &w, sizeof(w), (off_t)at) == (ssize_t)sizeof(w)) {
		_cleanup_free_ char *path = NULL;

		at += sizeof(w);
		if (w.path_len == UINT32_MAX) {
			if (pread(fd, ret->reason, w.key.id_sz, (off_t)at) != w.key.id_sz)
				return -EBADMSG;
			ret->reason[w.key.id_sz] = '\0';
			at += w.key.id_sz;
			continue;
		}
		if (w.path_len >= BUNDLE_PATH_MAX || w.key.id_sz > BUILD_ID_MAX || ret->cnt >= FILES_MAX)
			return -EBADMSG;
		path = calloc(1, w.path_len + 1);
		if (!path || array_grow(&ret->v, &ret->cap, ret->cnt, sizeof(*ret->v)))
			return -ENOMEM;
		if (pread(fd, path, w.path_len, (off_t)at) != (ssize_t)w.path_len)
			return -EBADMSG;
		at += w.path_len;
		ret->v[ret->cnt++] = (struct bundle_file){w.key, take_ptr(path)};
	}
	return 0;
}

int bundle_files_find(const struct symbolizer_options *o, const struct module *m, struct bundle_files *ret)
{
	_cleanup_close_ int fd = memfd_create("varve-bundle", MFD_CLOEXEC);
	int status = 0, code;
	pid_t pid;

	bundle_files_deinit(ret);
	if (fd < 0)
		return -errno;
	pid = fork();
	if (pid < 0)
		return -errno;
	if (!pid)
		work(o, m, fd);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	code = take_files(fd, ret);
	if (code == -ENOMEM)
		return code;
	if (WIFSIGNALED(status))
		snprintf(ret->reason, sizeof(ret->reason), "worker died: SIG%s", sigabbrev_np(WTERMSIG(status)) ?: "?");
	else if (code || WEXITSTATUS(status))
		snprintf(ret->reason, sizeof(ret->reason), "worker failed");
	return 0;
}
