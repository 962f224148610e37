// SPDX-License-Identifier: BSD-2-Clause
#include "report/sym_fetch.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "formats/cleanup.h"

#define LIBRARY "libdebuginfod.so.1"

/* libdebuginfod's calls, by its stable ABI. */
struct debuginfod_client;
struct calls {
	struct debuginfod_client *(*begin)(void);
	int (*find_debuginfo)(struct debuginfod_client *c, const unsigned char *id, int id_sz,
			      char **path);
	int (*find_executable)(struct debuginfod_client *c, const unsigned char *id, int id_sz,
			       char **path);
};

static bool find_calls(void *library, struct calls *c)
{
	c->begin = (__typeof__(c->begin))dlsym(library, "debuginfod_begin");
	c->find_debuginfo =
		(__typeof__(c->find_debuginfo))dlsym(library, "debuginfod_find_debuginfo");
	c->find_executable =
		(__typeof__(c->find_executable))dlsym(library, "debuginfod_find_executable");
	return c->begin && c->find_debuginfo && c->find_executable;
}

/* Where the library keeps files, by its own rule. */
static char *cache_dir(void)
{
	const char *own = getenv("DEBUGINFOD_CACHE_PATH"), *xdg = getenv("XDG_CACHE_HOME"),
		   *home = getenv("HOME");
	char *dir = NULL;
	int n;

	if (own && *own)
		return strdup(own);
	if (xdg && *xdg)
		n = asprintf(&dir, "%s/debuginfod_client", xdg);
	else if (home && *home)
		n = asprintf(&dir, "%s/.cache/debuginfod_client", home);
	else
		return NULL;
	return n < 0 ? NULL : dir;
}

int sym_fetch_open(struct sym_fetch *f, struct err *err)
{
	const char *urls = getenv("DEBUGINFOD_URLS");
	struct calls c;

	memset(f, 0, sizeof(*f));
	if (!urls || !*urls) {
		err_set(err, -EINVAL, "--debuginfod: DEBUGINFOD_URLS names no server");
		err_hint(err, "export DEBUGINFOD_URLS=https://debuginfod.debian.net");
		return -EINVAL;
	}
	f->library = dlopen(LIBRARY, RTLD_NOW);
	if (!f->library || !find_calls(f->library, &c)) {
		err_set(err, -ENOTSUP, "--debuginfod: %s cannot be loaded", LIBRARY);
		err_hint(err, "sudo apt install libdebuginfod1");
		return -ENOTSUP;
	}
	f->dir = cache_dir();
	if (!f->dir) {
		err_set(err, -EINVAL, "--debuginfod: no place for what is fetched");
		err_hint(err, "set HOME, XDG_CACHE_HOME or DEBUGINFOD_CACHE_PATH");
		return -EINVAL;
	}
	return 0;
}

void sym_fetch_close(struct sym_fetch *f)
{
	if (f->library)
		dlclose(f->library);
	free(f->dir);
	memset(f, 0, sizeof(*f));
}

bool sym_fetch_knows(const struct module *m)
{
	static const uint8_t zero[BUILD_ID_MAX];

	return m->kind == MODULE_ELF && m->build_id_sz >= 2 && m->build_id_sz <= BUILD_ID_MAX &&
	       !m->is_content_id && memcmp(m->build_id, zero, m->build_id_sz);
}

/* 0 or -errno. The descriptor goes with the process. */
static int fetch_one(const struct calls *c, struct debuginfod_client *client,
		     const struct sym_fetch_want *w)
{
	int fd = c->find_debuginfo(client, w->m->build_id, w->m->build_id_sz, NULL);

	if (fd < 0 && !w->has_image && fd != -ETIME)
		fd = c->find_executable(client, w->m->build_id, w->m->build_id_sz, NULL);
	return fd < 0 ? fd : 0;
}

/* The child: writes a result for each want. */
static void __attribute__((noreturn))
fetch_all(const struct sym_fetch *f, const struct sym_fetch_want *wants, size_t cnt, int out)
{
	struct debuginfod_client *client;
	struct calls c;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setenv("DEBUGINFOD_CACHE_PATH", f->dir, 1);
	setenv("DEBUGINFOD_TIMEOUT", "30", 0);	/* seconds for the first 100 KiB */
	setenv("DEBUGINFOD_MAXTIME", "600", 0); /* seconds for one file */
	unsetenv("DEBUGINFOD_PROGRESS");
	if (!find_calls(f->library, &c) || !(client = c.begin()))
		_exit(1);
	for (size_t i = 0; i < cnt; i++) {
		int result = fetch_one(&c, client, &wants[i]);

		if (write(out, &result, sizeof(result)) != sizeof(result))
			_exit(1);
	}
	_exit(0);
}

void sym_fetch_run(const struct sym_fetch *f, struct sym_fetch_want *wants, size_t cnt)
{
	int fds[2];
	pid_t pid;

	for (size_t i = 0; i < cnt; i++)
		wants[i].result = -EIO;
	if (!cnt || pipe2(fds, O_CLOEXEC))
		return;
	pid = fork();
	if (!pid)
		fetch_all(f, wants, cnt, fds[1]);
	close(fds[1]);
	for (size_t i = 0; pid > 0 && i < cnt; i++) {
		int result;

		if (read(fds[0], &result, sizeof(result)) != sizeof(result))
			break;
		wants[i].result = result;
	}
	close(fds[0]);
	while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

void sym_fetch_forget(const struct sym_fetch *f, const struct module *m)
{
	static const char *const kinds[] = {"debuginfo", "executable"};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		char hex[2 * BUILD_ID_MAX + 1] = "";
		_cleanup_free_ char *path = NULL;

		for (unsigned k = 0; k < m->build_id_sz && k < BUILD_ID_MAX; k++)
			snprintf(hex + 2 * k, 3, "%02x", m->build_id[k]);
		if (asprintf(&path, "%s/%s/%s", f->dir, hex, kinds[i]) < 0)
			path = NULL;
		else
			(void)unlink(path); /* fetched again next time, or refused again */
	}
}

const char *sym_fetch_says(int result)
{
	switch (-result) {
	case ENOENT:
		return "not found";
	case ETIME:
		return "took too long";
	case EFBIG:
		return "larger than DEBUGINFOD_MAXSIZE";
	case ECONNREFUSED:
	case EHOSTUNREACH:
	case ENETUNREACH:
		return "server not reached";
	default:
		return "download failed";
	}
}
