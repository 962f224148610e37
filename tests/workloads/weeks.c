/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a host does in weeks, COUNT of each kind (or as many as it gets done in SECONDSs), at once: processes whose programs nobody ran before and that are deleted by then, memfds, libraries that are
 * mapped once, code made at run time with perf maps that are written anew, threads with new names and stacks, control groups that come and go.
 * Files are made in DIR; control groups below CGROUP, where it is given.
 *   weeks COUNT|SECONDSs DIR [CGROUP]
 */
/* CFLAGS: -fno-omit-frame-pointer -mno-omit-leaf-frame-pointer */
#include <elf.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "workload.h"

#define DEPTH 40

static char *image; /* this program */
static size_t image_sz;
static char *note; /* its build-id, in there */
static const char *dir, *cgroup;

static void read_self(void)
{
	const Elf64_Ehdr *h;
	struct stat st;
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &st))
		err(1, "/proc/self/exe");
	image_sz = (size_t)st.st_size;
	image = mmap(NULL, image_sz, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	close(fd);
	if (image == MAP_FAILED)
		err(1, "mmap");
	h = (const void *)image;
	for (int i = 0; i < h->e_phnum; i++) {
		const Elf64_Phdr *p = (const void *)(image + h->e_phoff + (size_t)i * h->e_phentsize);

		for (size_t at = p->p_offset; p->p_type == PT_NOTE && at + sizeof(Elf64_Nhdr) < p->p_offset + p->p_filesz;) {
			const Elf64_Nhdr *n = (const void *)(image + at);

			if (n->n_type == NT_GNU_BUILD_ID && n->n_namesz == 4)
				note = image + at + sizeof(*n) + 4;
			at += sizeof(*n) + ((n->n_namesz + 3) & ~3u) + ((n->n_descsz + 3) & ~3u);
		}
	}
	if (!note)
		errx(1, "this program has no build-id");
}

/* A program like this one, of a build that nobody has seen. */
static void write_copy(int fd, uint64_t number)
{
	memcpy(note, &number, sizeof(number));
	if (write(fd, image, image_sz) != (ssize_t)image_sz)
		err(1, "write a copy");
}

/* ---- what the copies do ---------------------------------------------------------------------------------------- */

NOINLINE uint64_t child_burn(void)
{
	uint64_t x = 1, end = now_ns() + 200000;

	while (now_ns() < end)
		x = BURN(x, 200);
	return x;
}

static void write_map(int number)
{
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/tmp/perf-%d.map", getpid());
	f = fopen(path, "w");
	for (int i = 0; f && i < 20; i++)
		fprintf(f, "%lx 40 code_%d_%d\n", 0x7000000UL + 64 * (unsigned long)i, number, i);
	if (f)
		fclose(f);
}

static int child(int kind)
{
	void *p = kind % 4 ? NULL : mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char path[64];

	set_name("weeks-child");
	if (p && !(kind % 16)) {
		write_map(kind);
		write_map(kind + 1);
	}
	(void)child_burn();
	snprintf(path, sizeof(path), "/tmp/perf-%d.map", getpid());
	(void)unlink(path);
	return 0;
}

/* ---- processes ------------------------------------------------------------------------------------------------- */

static int open_copy(uint64_t number, char path[128])
{
	int fd, ro;

	*path = '\0';
	if (number % 2) {
		snprintf(path, 128, "weeks-%" PRIu64, number);
		fd = memfd_create(path, 0);
		*path = '\0';
		write_copy(fd, number);
		return fd;
	}
	snprintf(path, 128, "%s/weeks-%" PRIu64, dir, number);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
	if (fd < 0)
		err(1, "%s", path);
	write_copy(fd, number);
	close(fd);
	ro = open(path, O_RDONLY);
	if (ro < 0)
		err(1, "%s", path);
	return ro;
}

static void enter_group(const char *group)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "%s/cgroup.procs", group);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, "0", 1) != 1)
		warn("%s", path);
	close(fd);
}

static void one_process(uint64_t number)
{
	char path[128], group[192] = "", kind[16];
	int fd = open_copy(number, path), status;
	pid_t pid;

	if (cgroup && !(number % 8)) {
		snprintf(group, sizeof(group), "%s/weeks-%" PRIu64, cgroup, number);
		if (mkdir(group, 0755))
			err(1, "%s", group);
	}
	snprintf(kind, sizeof(kind), "%d", (int)(number % 1024));
	pid = fork();
	if (!pid) {
		char *argv[] = { "weeks-child", "--child", kind, NULL };

		if (*group)
			enter_group(group);
		fexecve(fd, argv, environ);
		_exit(99);
	}
	close(fd);
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
		errx(1, "a child's status is %x", status);
	if (*path)
		unlink(path);
	if (*group)
		rmdir(group);
}

/* ---- libraries ------------------------------------------------------------------------------------------------- */

static void one_library(uint64_t number)
{
	char path[128];
	int fd = open_copy(number, path);
	void *p = mmap(NULL, image_sz, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);

	if (p == MAP_FAILED)
		err(1, "mmap");
	sleep_ns(100000);
	munmap(p, image_sz);
	close(fd);
	if (*path)
		unlink(path);
}

/* ---- threads --------------------------------------------------------------------------------------------------- */

NOINLINE uint64_t left(uint64_t way, int depth);

NOINLINE uint64_t right(uint64_t way, int depth)
{
	uint64_t x = depth ? way & 1 ? left(way >> 1, depth - 1) : right(way >> 1, depth - 1) : child_burn();

	return x + 1;
}

NOINLINE uint64_t left(uint64_t way, int depth)
{
	uint64_t x = depth ? way & 1 ? left(way >> 1, depth - 1) : right(way >> 1, depth - 1) : child_burn();

	return x + 2;
}

static void *thread_main(void *arg)
{
	uint64_t number = (uint64_t)(uintptr_t)arg;
	char name[16];

	snprintf(name, sizeof(name), "t%" PRIu64, number);
	set_name(name);
	return (void *)(uintptr_t)left(number * 0x9e3779b97f4a7c15ULL, DEPTH);
}

static void one_thread(uint64_t number)
{
	pthread_t t;

	if (pthread_create(&t, NULL, thread_main, (void *)(uintptr_t)number))
		errx(1, "pthread_create");
	pthread_join(t, NULL);
}

/* ---- all of it ------------------------------------------------------------------------------------------------- */

/* Returns how many. */
static uint64_t make(void (*one)(uint64_t), uint64_t first, uint64_t cnt, uint64_t end_ts, uint64_t pause_ns)
{
	uint64_t n = 0;

	for (; n < cnt && now_ns() < end_ts; n++) {
		one(first + n);
		if (pause_ns)
			sleep_ns(pause_ns);
	}
	return n;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*one)(uint64_t);
		uint64_t pause_ns;
	} makers[] = {
		{ "processes", one_process, 0 }, { "more_processes", one_process, 0 },
		{ "libraries", one_library, 500000 }, { "threads", one_thread, 1000000 },
	};
	uint64_t end_ts = UINT64_MAX, cnt = UINT64_MAX;

	if (argc == 3 && !strcmp(argv[1], "--child"))
		return child(atoi(argv[2]));
	if (argc < 3)
		errx(2, "weeks COUNT|SECONDSs DIR [CGROUP]");
	dir = argv[2];
	cgroup = argc > 3 ? argv[3] : NULL;
	read_self();
	if (strchr(argv[1], 's'))
		end_ts = now_ns() + (uint64_t)(atof(argv[1]) * 1e9);
	else
		cnt = strtoull(argv[1], NULL, 10);
	for (size_t i = 0; i < sizeof(makers) / sizeof(*makers); i++) {
		pid_t pid = fork();

		if (pid < 0)
			err(1, "fork");
		if (!pid) {
			uint64_t n = make(makers[i].one, (i + 1) << 40, cnt, end_ts, makers[i].pause_ns);
			char line[64];
			int len = snprintf(line, sizeof(line), "%s=%" PRIu64 "\n", makers[i].name, n);

			_exit(write(1, line, (size_t)len) != len);
		}
	}
	for (size_t i = 0; i < sizeof(makers) / sizeof(*makers); i++) {
		int status;

		if (wait(&status) < 0 || status)
			errx(1, "a maker failed");
	}
	return 0;
}
