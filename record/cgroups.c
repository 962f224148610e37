// SPDX-License-Identifier: BSD-2-Clause
#include "record/cgroups.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "formats/bytes.h"
#include "formats/cleanup.h"
#include "formats/idmap.h"
#include "record/procfile.h"

#define KERNFS_HANDLE 0xfe	    /* FILEID_KERNFS: the handle is the id */
#define V1_NO_LIMIT (1ULL << 62)    /* v1 writes LONG_MAX rounded down to pages */
#define DIR_FD_MAX 512
#define ENTRY_MAX 65536
#define GONE_NS 10000000000ULL /* one that was removed is kept this long: events from before are still to come */
#define WALK_DEPTH 16
#define WALK_MAX 20000 /* directories looked at where handles cannot be opened */

struct mount {
	char *path; /* where; owned, NULL: no such hierarchy */
	char *root; /* the cgroup it shows there, "/" outside containers; owned */
	int fd;
};

struct cgroup {
	enum cgroup_hierarchy hierarchy;
	uint64_t id, memory_id;
	char *path; /* owned; "" when it was gone already */
	int dir_fd; /* O_PATH; -1 */
	uint64_t memory_max, cpu_quota_us, cpu_period_us;
	uint64_t gone_ts; /* when it was found to be removed; 0: it is not, or was spoken of since */
};

struct cgroups {
	struct recording_writer *writer; /* borrowed; may be NULL */
	struct mount mounts[CGROUP_HIERARCHY_CNT];
	struct cgroup *entries;
	uint32_t cnt, cap, fd_cnt;
	struct idmap by_id; /* index + 1 */
};

/* ---- mounts -------------------------------------------------------------------------------------------------- */

/* mountinfo writes blanks, tabs, newlines and backslashes as \ooo. */
static void unescape(char *s)
{
	char *out = s;

	while (*s) {
		if (s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] && s[3]) {
			*out++ = (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0'));
			s += 4;
		} else {
			*out++ = *s++;
		}
	}
	*out = '\0';
}

static bool has_word(const char *list, const char *word)
{
	size_t len = strlen(word);

	for (const char *p = list; p; p = strchr(p, ',')) {
		p += *p == ',';
		if (!strncmp(p, word, len) && (!p[len] || p[len] == ',' || p[len] == '\n'))
			return true;
	}
	return false;
}

static int take_mount(struct mount *m, const char *root, const char *path)
{
	if (m->path)
		return 0; /* the first mount is as good as a second */
	m->path = strdup(path);
	m->root = strdup(root);
	m->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return m->path && m->root ? 0 : -ENOMEM;
}

/* "31 23 0:28 / /sys/fs/cgroup rw,relatime opt... - cgroup2 cgroup2 rw,opts" */
static int take_mount_line(struct cgroups *c, char *line)
{
	char root[PATH_MAX], path[PATH_MAX], type[32], opts[512];
	char *dash = strstr(line, " - ");

	if (!dash || sscanf(line, "%*d %*d %*s %4095s %4095s", root, path) != 2 ||
	    sscanf(dash, " - %31s %*s %511s", type, opts) != 2)
		return 0;
	unescape(root);
	unescape(path);
	if (!strcmp(type, "cgroup2"))
		return take_mount(&c->mounts[CGROUP_V2], root, path);
	if (strcmp(type, "cgroup"))
		return 0;
	if (has_word(opts, "cpu") && take_mount(&c->mounts[CGROUP_V1_CPU], root, path))
		return -ENOMEM;
	if (has_word(opts, "memory"))
		return take_mount(&c->mounts[CGROUP_V1_MEMORY], root, path);
	return 0;
}

int cgroups_create(struct recording_writer *w, struct cgroups **ret, struct err *err)
{
	_cleanup_free_ char *text = NULL;
	struct cgroups *c = calloc(1, sizeof(*c));
	char *save = NULL;
	int r = 0;

	if (!c)
		return err_set(err, -ENOMEM, "out of memory");
	c->writer = w;
	for (int i = 0; i < CGROUP_HIERARCHY_CNT; i++)
		c->mounts[i].fd = -1;
	if (procfile_read(AT_FDCWD, "/proc/self/mountinfo", 4 << 20, &text) < 0)
		text = NULL; /* no /proc: no cgroups are known */
	for (char *line = text ? strtok_r(text, "\n", &save) : NULL; line && !r;
	     line = strtok_r(NULL, "\n", &save))
		r = take_mount_line(c, line);
	if (r) {
		cgroups_destroy(c);
		return err_set(err, r, "out of memory");
	}
	*ret = c;
	return 0;
}

void cgroups_destroy(struct cgroups *c)
{
	if (!c)
		return;
	for (int i = 0; i < CGROUP_HIERARCHY_CNT; i++) {
		free(c->mounts[i].path);
		free(c->mounts[i].root);
		if (c->mounts[i].fd >= 0)
			close(c->mounts[i].fd);
	}
	for (uint32_t i = 0; i < c->cnt; i++) {
		free(c->entries[i].path);
		if (c->entries[i].dir_fd >= 0)
			close(c->entries[i].dir_fd);
	}
	free(c->entries);
	idmap_deinit(&c->by_id);
	free(c);
}

enum cgroup_hierarchy cgroups_task_hierarchy(const struct cgroups *c)
{
	return c->mounts[CGROUP_V1_CPU].path ? CGROUP_V1_CPU : CGROUP_V2;
}

enum cgroup_hierarchy cgroups_memory_hierarchy(const struct cgroups *c)
{
	return c->mounts[CGROUP_V1_MEMORY].path ? CGROUP_V1_MEMORY : CGROUP_V2;
}

/* ---- from id to directory ------------------------------------------------------------------------------------ */

static int open_by_id(const struct mount *m, uint64_t id)
{
	union {
		struct file_handle h;
		uint8_t room[sizeof(struct file_handle) + sizeof(id)];
	} u = { .h = { .handle_bytes = sizeof(id), .handle_type = KERNFS_HANDLE } };
	int fd;

	memcpy(u.room + sizeof(u.h), &id, sizeof(id));
	fd = open_by_handle_at(m->fd, &u.h, O_PATH | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* Without CAP_DAC_READ_SEARCH: look through the directories. The inode number is the id. */
static int walk_for_id(int dir_fd, uint64_t id, int depth, int *budget)
{
	_cleanup_close_ int list_fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = list_fd >= 0 ? fdopendir(list_fd) : NULL;
	struct dirent *e;
	int found = -ENOENT;

	if (!dir)
		return -ENOENT;
	(void)take_fd(&list_fd); /* dir's now */
	while (found < 0 && (e = readdir(dir)) && *budget > 0) {
		_cleanup_close_ int fd = -1;

		if (e->d_type != DT_DIR || *e->d_name == '.')
			continue;
		--*budget;
		fd = openat(dirfd(dir), e->d_name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd >= 0 && e->d_ino == id)
			found = take_fd(&fd);
		else if (fd >= 0 && depth < WALK_DEPTH)
			found = walk_for_id(fd, id, depth + 1, budget);
	}
	closedir(dir);
	return found;
}

static int open_cgroup(const struct mount *m, uint64_t id)
{
	int budget = WALK_MAX, fd;
	struct stat st;

	if (m->fd < 0)
		return -ENOENT;
	fd = open_by_id(m, id);
	if (fd != -EPERM && fd != -EOPNOTSUPP && fd != -EINVAL)
		return fd;
	if (!fstat(m->fd, &st) && st.st_ino == id)
		return fcntl(m->fd, F_DUPFD_CLOEXEC, 0);
	return walk_for_id(m->fd, id, 0, &budget);
}

/* The directory's path from the hierarchy's root. NULL: no memory. */
static char *path_of_fd(const struct mount *m, int fd)
{
	char link[40], full[PATH_MAX];
	const char *rest = full;
	size_t len = strlen(m->path);
	char *path = NULL;
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, full, sizeof(full) - 1);
	full[n > 0 ? n : 0] = '\0';
	if (!strncmp(full, m->path, len))
		rest = full + len;
	if (!strcmp(m->root, "/"))
		return strdup(*rest ? rest : "/");
	return asprintf(&path, "%s%s", m->root, rest) < 0 ? NULL : path;
}

/* ---- limits -------------------------------------------------------------------------------------------------- */

static uint64_t read_number(int dir_fd, const char *name)
{
	uint64_t v;

	if (dir_fd < 0 || procfile_read_u64(dir_fd, name, &v) || v >= V1_NO_LIMIT)
		return UNKNOWN_U64;
	return v;
}

/* "max 100000" or "50000 100000". */
static void read_cpu_max(int dir_fd, struct cgroup *g)
{
	_cleanup_free_ char *text = NULL;

	g->cpu_quota_us = g->cpu_period_us = UNKNOWN_U64;
	if (dir_fd < 0 || procfile_read(dir_fd, "cpu.max", 128, &text) < 0)
		return;
	if (sscanf(text, "%" SCNu64 " %" SCNu64, &g->cpu_quota_us, &g->cpu_period_us) != 2)
		g->cpu_quota_us = g->cpu_period_us = UNKNOWN_U64;
}

/* The directory of the same path in the memory hierarchy, as managers make them alike. -1: none. */
static int open_memory_twin(const struct cgroups *c, const struct cgroup *g)
{
	const struct mount *m = &c->mounts[CGROUP_V1_MEMORY];

	if (m->fd < 0 || *g->path != '/')
		return -1;
	return openat(m->fd, g->path[1] ? g->path + 1 : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
}

static void read_limits(const struct cgroups *c, struct cgroup *g)
{
	struct stat st;

	g->memory_max = g->cpu_quota_us = g->cpu_period_us = UNKNOWN_U64;
	if (g->hierarchy == CGROUP_V1_MEMORY) {
		g->memory_id = g->id;
		g->memory_max = read_number(g->dir_fd, "memory.limit_in_bytes");
	} else if (g->hierarchy == CGROUP_V1_CPU) {
		g->cpu_quota_us = read_number(g->dir_fd, "cpu.cfs_quota_us");
		if (g->cpu_quota_us != UNKNOWN_U64)
			g->cpu_period_us = read_number(g->dir_fd, "cpu.cfs_period_us");
	} else {
		read_cpu_max(g->dir_fd, g);
	}
	if (g->hierarchy == CGROUP_V2 && cgroups_memory_hierarchy(c) == CGROUP_V2) {
		g->memory_id = g->id;
		g->memory_max = read_number(g->dir_fd, "memory.max");
	} else if (g->hierarchy != CGROUP_V1_MEMORY) {
		_cleanup_close_ int twin = open_memory_twin(c, g);

		g->memory_id = twin >= 0 && !fstat(twin, &st) ? st.st_ino : 0;
		g->memory_max = read_number(twin, "memory.limit_in_bytes");
	}
}

/* ---- the table ----------------------------------------------------------------------------------------------- */

static struct cgroup *find(const struct cgroups *c, enum cgroup_hierarchy h, uint64_t id)
{
	uint32_t hash = hash_mix(id, h), pos, i;

	for (i = idmap_first(&c->by_id, hash, &pos); i; i = idmap_next(&c->by_id, hash, &pos))
		if (c->entries[i - 1].id == id && c->entries[i - 1].hierarchy == h)
			return &c->entries[i - 1];
	return NULL;
}

static struct event event_of(const struct cgroup *g, uint64_t ts)
{
	static const char *const controllers[] = { "", "cpu", "memory" };

	return (struct event){
		.kind = EVENT_CGROUP, .ts = ts,
		.cgroup = { .id = g->id, .memory_max = g->memory_max, .memory_id = g->memory_id,
			    .cpu_quota_us = g->cpu_quota_us, .cpu_period_us = g->cpu_period_us,
			    .path = g->path, .controller = controllers[g->hierarchy] },
	};
}

/* Returns the new entry, or NULL without memory. */
static struct cgroup *add(struct cgroups *c, enum cgroup_hierarchy h, uint64_t id)
{
	struct cgroup g = { .hierarchy = h, .id = id, .dir_fd = -1 };
	_cleanup_close_ int fd = open_cgroup(&c->mounts[h], id);

	g.path = fd >= 0 ? path_of_fd(&c->mounts[h], fd) : strdup("");
	if (!g.path || array_grow(&c->entries, &c->cap, c->cnt, sizeof(g)) ||
	    idmap_add(&c->by_id, hash_mix(id, h), c->cnt + 1)) {
		free(g.path);
		return NULL;
	}
	g.dir_fd = fd;
	read_limits(c, &g);
	g.dir_fd = c->fd_cnt < DIR_FD_MAX ? take_fd(&fd) : -1;
	c->fd_cnt += g.dir_fd >= 0;
	c->entries[c->cnt] = g;
	return &c->entries[c->cnt++];
}

int cgroups_add(struct cgroups *c, enum cgroup_hierarchy h, uint64_t id, uint64_t ts, struct err *err)
{
	struct cgroup *g = id ? find(c, h, id) : NULL;
	struct event ev;

	if (g)
		g->gone_ts = 0;
	if (!id || g || c->cnt >= ENTRY_MAX)
		return 0;
	g = add(c, h, id);
	if (!g)
		return err_set(err, -ENOMEM, "out of memory for cgroups");
	if (!c->writer)
		return 0;
	ev = event_of(g, ts);
	return recording_writer_add(c->writer, &ev, err);
}

static bool is_gone(const struct cgroups *c, const struct cgroup *g)
{
	_cleanup_close_ int fd = -1;

	if (!*g->path)
		return true;
	if (g->dir_fd >= 0)
		return faccessat(g->dir_fd, "cgroup.procs", F_OK, 0) && errno != EACCES;
	fd = open_by_id(&c->mounts[g->hierarchy], g->id);
	return fd == -ENOENT || fd == -ESTALE;
}

/* Whether it has been gone for long enough. */
static bool is_over(const struct cgroups *c, struct cgroup *g, uint64_t ts)
{
	if (!is_gone(c, g))
		g->gone_ts = 0;
	else if (!g->gone_ts)
		g->gone_ts = ts ?: 1;
	return g->gone_ts && ts > g->gone_ts && ts - g->gone_ts >= GONE_NS;
}

static void forget_gone(struct cgroups *c, uint64_t ts)
{
	uint32_t n = 0;

	idmap_clear(&c->by_id); /* keeps its room: adding again cannot fail */
	for (uint32_t i = 0; i < c->cnt; i++) {
		struct cgroup *g = &c->entries[i];

		if (is_over(c, g, ts)) {
			free(g->path);
			c->fd_cnt -= g->dir_fd >= 0;
			cleanup_closep(&g->dir_fd);
			continue;
		}
		c->entries[n++] = *g;
		(void)idmap_add(&c->by_id, hash_mix(c->entries[n - 1].id, c->entries[n - 1].hierarchy), n);
	}
	c->cnt = n;
}

uint32_t cgroups_count(const struct cgroups *c)
{
	return c->cnt;
}

int cgroups_keyframe(struct cgroups *c, uint64_t ts, struct err *err)
{
	int r = 0;

	forget_gone(c, ts);
	for (uint32_t i = 0; !r && i < c->cnt && c->writer; i++) {
		struct event ev;

		if (c->entries[i].dir_fd >= 0)
			read_limits(c, &c->entries[i]);
		ev = event_of(&c->entries[i], ts);
		r = recording_writer_add_keyframe(c->writer, &ev, err);
	}
	return r;
}

const char *cgroups_path(const struct cgroups *c, enum cgroup_hierarchy h, uint64_t id)
{
	const struct cgroup *g = find(c, h, id);

	return g && *g->path ? g->path : NULL;
}

int cgroups_next_dir(struct cgroups *c, enum cgroup_hierarchy h, size_t *i, uint64_t *ret_id)
{
	while (*i < c->cnt) {
		const struct cgroup *g = &c->entries[(*i)++];

		if (g->hierarchy != h || g->dir_fd < 0)
			continue;
		*ret_id = g->id;
		return g->dir_fd;
	}
	return -1;
}

void cgroups_memory(struct cgroups *c, uint64_t id, uint64_t *ret_limit, uint64_t *ret_usage)
{
	enum cgroup_hierarchy h = cgroups_memory_hierarchy(c);
	const struct cgroup *g = find(c, h, id);
	_cleanup_close_ int own_fd = -1;
	int fd = g ? g->dir_fd : -1;

	if (fd < 0)
		fd = own_fd = open_cgroup(&c->mounts[h], id);
	*ret_limit = read_number(fd, h == CGROUP_V2 ? "memory.max" : "memory.limit_in_bytes");
	*ret_usage = read_number(fd, h == CGROUP_V2 ? "memory.current" : "memory.usage_in_bytes");
}

/* ---- by name ------------------------------------------------------------------------------------------------- */

int cgroups_find(const struct cgroups *c, const char *path, uint64_t *ret_id, struct err *err)
{
	const struct mount *m = &c->mounts[cgroups_task_hierarchy(c)];
	size_t len = m->path ? strlen(m->path) : 0;
	const char *rest = path;
	struct stat st;

	if (m->fd < 0)
		return err_set(err, -ENOENT, "cgroup '%s': no cgroup file system is mounted", path);
	if (!strncmp(path, m->path, len) && (path[len] == '/' || !path[len]))
		rest = path + len;
	while (*rest == '/')
		rest++;
	if (!fstatat(m->fd, *rest ? rest : ".", &st, 0) && S_ISDIR(st.st_mode)) {
		*ret_id = st.st_ino;
		return 0;
	}
	err_set(err, -ENOENT, "no cgroup '%s' in %s", path, m->path);
	err_hint(err, "the name is as in /proc/PID/cgroup (%s), or a directory below %s",
		 cgroups_task_hierarchy(c) == CGROUP_V2 ? "the line 0::" : "the line with cpu", m->path);
	return -ENOENT;
}

static const char *controller_of(enum cgroup_hierarchy h)
{
	return h == CGROUP_V1_CPU ? "cpu" : "memory";
}

uint64_t cgroups_of_pid_in(struct cgroups *c, enum cgroup_hierarchy h, uint32_t pid)
{
	const struct mount *m = &c->mounts[h];
	_cleanup_free_ char *text = NULL;
	char path[40], *save = NULL;
	size_t root_len;
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/cgroup", pid);
	if (m->fd < 0 || procfile_read(AT_FDCWD, path, 65536, &text) < 0)
		return 0;
	root_len = strcmp(m->root, "/") ? strlen(m->root) : 0;
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char *names = strchr(line, ':'), *name = names ? strchr(names + 1, ':') : NULL;

		if (!name)
			continue;
		*name++ = '\0';
		if (h == CGROUP_V2 ? names[1] != '\0' : !has_word(names + 1, controller_of(h)))
			continue;
		if (root_len && !strncmp(name, m->root, root_len))
			name += root_len;
		name += *name == '/';
		return fstatat(m->fd, *name ? name : ".", &st, 0) ? 0 : st.st_ino;
	}
	return 0;
}

uint64_t cgroups_of_pid(struct cgroups *c, uint32_t pid)
{
	return cgroups_of_pid_in(c, cgroups_task_hierarchy(c), pid);
}
