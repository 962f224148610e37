// SPDX-License-Identifier: BSD-2-Clause
/*
 * mutate N SEED [-p] [-m MAP] FILE…: N damaged copies of the files, each symbolized beside a sound
 * module, the first file. The sound one's names must not change, and every call must return. With -p
 * everything is read in this process (for a build with sanitizers), else in workers. With -m the damaged
 * ones are copies of that perf map. Prints what became of the damaged ones; exits 2 when the sound one
 * suffered.
 */
#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "report/symbolize.h"

#define MAP_PID 7
#define MAP_START 9
#define MAP_FIRST 0x10000 /* where the code of a map is */
#define MAP_RANGE 0x8000

#define ADDRS 64

struct input {
	unsigned char *bytes;
	size_t sz;
	struct module m;
	struct module_segment segs[8];
	size_t note_off,
		note_sz; /* left alone: with another build-id the file would only be refused */
};

static uint64_t seed;

static uint64_t rnd(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static void die(const char *what)
{
	fprintf(stderr, "mutate: %s\n", what);
	exit(2);
}

static void load_bytes(struct input *in, const char *path)
{
	int fd = open(path, O_RDONLY);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) || !(in->bytes = malloc((size_t)st.st_size)))
		die("cannot open an input");
	in->sz = (size_t)st.st_size;
	if (read(fd, in->bytes, in->sz) != (ssize_t)in->sz)
		die("cannot read an input");
	close(fd);
}

static void load(struct input *in, const char *path)
{
	Elf64_Ehdr *eh;

	load_bytes(in, path);
	in->m.path = path;
	eh = (Elf64_Ehdr *)in->bytes;
	for (int i = 0; i < eh->e_phnum; i++) {
		Elf64_Phdr *ph = (Elf64_Phdr *)(in->bytes + eh->e_phoff) + i;

		if (ph->p_type == PT_LOAD && (ph->p_flags & PF_X) && in->m.seg_cnt < 8)
			in->segs[in->m.seg_cnt++] =
				(struct module_segment){ph->p_offset, ph->p_vaddr, ph->p_filesz};
	}
	for (int i = 0; i < eh->e_shnum; i++) {
		Elf64_Shdr *sh = (Elf64_Shdr *)(in->bytes + eh->e_shoff) + i;
		Elf64_Nhdr *n = (Elf64_Nhdr *)(in->bytes + sh->sh_offset);

		if (sh->sh_type != SHT_NOTE || n->n_type != NT_GNU_BUILD_ID ||
		    n->n_descsz > BUILD_ID_MAX)
			continue;
		in->m.build_id_sz = (uint8_t)n->n_descsz;
		memcpy(in->m.build_id, (char *)(n + 1) + 4, n->n_descsz);
		in->note_off = sh->sh_offset;
		in->note_sz = sh->sh_size;
	}
	in->m.kind = MODULE_ELF;
	in->m.segs = in->segs;
	if (!in->m.seg_cnt || !in->m.build_id_sz)
		die("an input without code or build-id");
}

/* Where damage counts: section headers, and the sections without memory (debug, symbols), more than
 * code. */
static size_t place(const struct input *in)
{
	const Elf64_Ehdr *eh = (const Elf64_Ehdr *)in->bytes;
	const Elf64_Shdr *sh = (const Elf64_Shdr *)(in->bytes + eh->e_shoff) + rnd() % eh->e_shnum;

	switch (rnd() % 8) {
	case 0:
		return rnd() % in->sz;
	case 1:
		return eh->e_shoff + rnd() % ((size_t)eh->e_shnum * sizeof(*sh));
	case 2:
		return rnd() % (sizeof(*eh) + (size_t)eh->e_phnum * sizeof(Elf64_Phdr));
	default: /* some section, its beginning rather than its end */
		if (sh->sh_type == SHT_NOBITS || !sh->sh_size)
			return rnd() % in->sz;
		return sh->sh_offset + rnd() % (rnd() % 2 && sh->sh_size > 64 ? 64 : sh->sh_size);
	}
}

static void damage(const struct input *in, unsigned char *copy, size_t *sz)
{
	static const unsigned char odd[] = {0, 1, 0x7f, 0x80, 0xfe, 0xff};
	int times = 1 + (int)(rnd() % 12);

	memcpy(copy, in->bytes, in->sz);
	*sz = in->sz;
	for (int i = 0; i < times; i++) {
		size_t at = place(in), n = rnd() % 3 ? 1 : 1 + rnd() % 8;

		for (; n && at < in->sz; n--, at++)
			if (at < in->note_off || at >= in->note_off + in->note_sz)
				copy[at] =
					rnd() % 2 ? odd[rnd() % sizeof(odd)] : (unsigned char)rnd();
	}
	if (rnd() % 16 == 0)
		*sz = rnd() % in->sz;
}

/* A perf map: digits, blanks and line ends count, lines that come again, and any byte. */
static void damage_text(const struct input *in, unsigned char *copy, size_t *sz)
{
	static const unsigned char odd[] = "0123456789abcdefx \n\r\0\x7f\xff:;*";
	int times = 1 + (int)(rnd() % 12);

	memcpy(copy, in->bytes, in->sz);
	*sz = in->sz;
	for (int i = 0; i < times; i++) {
		size_t at = rnd() % in->sz, n = rnd() % 64, from = rnd() % in->sz;

		if (rnd() % 4)
			copy[at] = rnd() % 4 ? odd[rnd() % (sizeof(odd) - 1)] : (unsigned char)rnd();
		else if (at + n < in->sz && from + n < in->sz)
			memcpy(copy + at, in->bytes + from, n);
	}
	if (rnd() % 16 == 0)
		*sz = rnd() % in->sz;
}

struct answers {
	const char *names[ADDRS * 4];
	size_t cnt, frames;
};

static int keep(void *ctx, size_t i, const struct symbolized_frame *c, size_t n, uint64_t rel_addr)
{
	struct answers *a = ctx;

	for (size_t k = 0; k < n; k++) {
		if (!c[k].name || !*c[k].name || (c[k].file && !*c[k].file))
			die("a frame without a name");
		a->frames += strlen(c[k].name) > 0;
		if (a->cnt < ADDRS * 4)
			a->names[a->cnt++] = strdup(c[k].name);
	}
	return 0;
}

static void forget(struct answers *a)
{
	for (size_t i = 0; i < a->cnt; i++)
		free((char *)a->names[i]);
	memset(a, 0, sizeof(*a));
}

static void ask(struct symbolizer *s, uint32_t id, const struct input *in, struct answers *ret)
{
	struct symbolize_query q[ADDRS];
	uint64_t keep_seed = seed;

	seed = 88172645463325252ULL;
	for (int i = 0; i < ADDRS; i++) {
		const struct module_segment code = {MAP_FIRST, 0, MAP_RANGE};
		const struct module_segment *g = in->m.seg_cnt ? &in->segs[rnd() % in->m.seg_cnt] : &code;

		q[i] = (struct symbolize_query){g->offset + rnd() % g->filesz, rnd() % 2};
	}
	seed = keep_seed;
	if (symbolizer_resolve(s, id, &in->m, q, ADDRS, keep, ret))
		die("resolve failed");
}

static bool same(const struct answers *a, const struct answers *b)
{
	if (a->cnt != b->cnt)
		return false;
	for (size_t i = 0; i < a->cnt; i++)
		if (strcmp(a->names[i], b->names[i]))
			return false;
	return true;
}

/* ---- one after the other ---- */

struct run {
	struct symbolizer_options o;
	struct input in[16], map;
	size_t cnt;
	char dir[64], path[128]; /* path: of the damaged copy */
	unsigned char *copy;
	struct answers want; /* of in[0] */
	unsigned long died, named, slow_ms;
};

static void write_file(const char *path, const unsigned char *bytes, size_t sz)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (fd < 0 || write(fd, bytes, sz) != (ssize_t)sz || close(fd))
		die("cannot write a file");
}

/* A root for --symfs, with the sound file and a place for the map. */
static void make_symfs(struct run *r)
{
	snprintf(r->path, sizeof(r->path), "%s/perf-maps", r->dir);
	if (mkdir(r->path, 0700))
		die("cannot make a directory");
	snprintf(r->path, sizeof(r->path), "%s/sound", r->dir);
	write_file(r->path, r->in[0].bytes, r->in[0].sz);
	r->in[0].m.path = "/sound";
	r->map.m = (struct module){.kind = MODULE_JIT, .path = "//anon", .pid = MAP_PID, .start_ts = MAP_START};
	r->o.symfs = r->dir;
	snprintf(r->path, sizeof(r->path), "%s/perf-maps/%d-%d.map", r->dir, MAP_PID, MAP_START);
}

static void read_options(struct run *r, int argc, char **argv)
{
	size_t max;

	for (int i = 3; i < argc && r->cnt < 16; i++) {
		if (!strcmp(argv[i], "-p"))
			r->o.no_workers = true;
		else if (!strcmp(argv[i], "-m") && i + 1 < argc)
			load_bytes(&r->map, argv[++i]);
		else
			load(&r->in[r->cnt++], argv[i]);
	}
	max = r->map.sz;
	for (size_t i = 0; i < r->cnt; i++)
		max = r->in[i].sz > max ? r->in[i].sz : max;
	strcpy(r->dir, "/dev/shm/varve-mutate.XXXXXX");
	r->copy = malloc(max + 1);
	if (!r->copy || !r->cnt || !mkdtemp(r->dir))
		die("usage: mutate N SEED [-p] [-m MAP] FILE...");
	if (r->map.sz)
		make_symfs(r);
	else
		snprintf(r->path, sizeof(r->path), "%s/damaged", r->dir);
}

static void try_one(struct run *r, unsigned long i)
{
	struct input bad = r->map.sz ? r->map : r->in[rnd() % r->cnt];
	struct answers got = {.cnt = 0}, bad_got = {.cnt = 0};
	const struct symbolizer_module_info *info;
	struct timespec a, b;
	struct symbolizer *s;
	unsigned long ms;
	size_t sz;

	if (r->map.sz) {
		damage_text(&bad, r->copy, &sz);
	} else {
		damage(&bad, r->copy, &sz);
		bad.m.path = r->path;
	}
	write_file(r->path, r->copy, sz);
	if (symbolizer_create(&r->o, &s, NULL))
		die("out of memory");
	clock_gettime(CLOCK_MONOTONIC, &a);
	ask(s, 2, &bad, &bad_got);
	clock_gettime(CLOCK_MONOTONIC, &b);
	ms = (unsigned long)((b.tv_sec - a.tv_sec) * 1000 + (b.tv_nsec - a.tv_nsec) / 1000000);
	r->slow_ms = ms > r->slow_ms ? ms : r->slow_ms;
	info = symbolizer_module_info(s, 2);
	r->named += info->named != 0;
	if (info->unnamed_reason && !strncmp(info->unnamed_reason, "worker", 6)) {
		r->died++;
		fprintf(stderr, "# %lu: %s\n", i, info->unnamed_reason);
	}
	if (i % 64 == 0) {
		ask(s, 1, &r->in[0], &got);
		if (!same(&r->want, &got))
			die("the sound module's names changed");
	}
	forget(&got);
	forget(&bad_got);
	symbolizer_destroy(s);
}

int main(int argc, char **argv)
{
	static struct run r = {.o = {.jobs = 1}};
	struct symbolizer *s;
	char cmd[128];
	unsigned long n;

	if (argc < 4)
		die("usage: mutate N SEED [-p] [-m MAP] FILE...");
	n = strtoul(argv[1], NULL, 0);
	seed = strtoull(argv[2], NULL, 0) * 2654435761u + 1;
	read_options(&r, argc, argv);
	if (symbolizer_create(&r.o, &s, NULL))
		die("out of memory");
	ask(s, 1, &r.in[0], &r.want);
	if (!symbolizer_module_info(s, 1)->named)
		die("the sound module has no names");
	symbolizer_destroy(s);
	for (unsigned long i = 0; i < n; i++)
		try_one(&r, i);
	printf("%lu damaged files: %lu still named something, %lu lost their worker, slowest %lu "
	       "ms\n",
	       n, r.named, r.died, r.slow_ms);
	snprintf(cmd, sizeof(cmd), "rm -rf %s", r.dir);
	(void)!system(cmd);
	forget(&r.want);
	for (size_t i = 0; i < r.cnt; i++)
		free(r.in[i].bytes);
	free(r.map.bytes);
	free(r.copy);
	return 0;
}
