// SPDX-License-Identifier: BSD-2-Clause
/*
 * resolve FILE [-i] [-s] [-c CACHE] [-d DEBUG_DIR …] < addresses: the chain of each hexadecimal ELF
 * address, in llvm-symbolizer's form (function, then file:line:0, innermost first, an empty line
 * after each address), through the report's own symbolizer. -n N   ask N times (to time lookups) -s
 * print nothing but figures -0 read the addresses and ask nothing (what of a run's time is not naming)
 */
#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "formats/cleanup.h"
#include "formats/content_id.h"
#include "report/symbolize.h"

struct target {
	struct module m;
	struct module_segment segs[16];
	char path[4096];
	bool quiet;
	char **texts; /* by query: answers come in the order of addresses */
};

static void die(const char *what)
{
	fprintf(stderr, "resolve: %s\n", what);
	exit(1);
}

/* Build-id and executable segments, as the recorder would have noted them. 64-bit files made by our
 * own tests only. */
static void read_target(struct target *t, const char *path)
{
	FILE *f = fopen(path, "rb");
	Elf64_Ehdr eh;

	if (!f || !realpath(path, t->path) || fread(&eh, sizeof(eh), 1, f) != 1)
		die("cannot read the file");
	for (int i = 0; i < eh.e_phnum; i++) {
		unsigned char note[4096];
		Elf64_Phdr ph;

		if (fseek(f, (long)(eh.e_phoff + (size_t)i * sizeof(ph)), SEEK_SET) ||
		    fread(&ph, sizeof(ph), 1, f) != 1)
			die("no program header");
		if (ph.p_type == PT_LOAD && (ph.p_flags & PF_X) && t->m.seg_cnt < 16)
			t->segs[t->m.seg_cnt++] =
				(struct module_segment){ph.p_offset, ph.p_vaddr, ph.p_filesz};
		if (ph.p_type != PT_NOTE || t->m.build_id_sz ||
		    fseek(f, (long)ph.p_offset, SEEK_SET))
			continue;
		size_t n =
			fread(note, 1, ph.p_filesz < sizeof(note) ? ph.p_filesz : sizeof(note), f);

		for (size_t at = 0; at + sizeof(Elf64_Nhdr) <= n;) {
			Elf64_Nhdr *nh = (Elf64_Nhdr *)(note + at);
			size_t desc = at + sizeof(*nh) + ((nh->n_namesz + 3) & ~3u);

			if (nh->n_type == NT_GNU_BUILD_ID && nh->n_descsz <= BUILD_ID_MAX &&
			    desc + nh->n_descsz <= n) {
				t->m.build_id_sz = (uint8_t)nh->n_descsz;
				memcpy(t->m.build_id, note + desc, nh->n_descsz);
			}
			at = desc + ((nh->n_descsz + 3) & ~3u);
		}
	}
	if (!t->m.build_id_sz && !content_id_read(fileno(f), t->m.build_id, NULL)) {
		t->m.build_id_sz = CONTENT_ID_SZ;
		t->m.is_content_id = 1;
	}
	fclose(f);
	t->m.kind = MODULE_ELF;
	t->m.path = t->path;
	t->m.segs = t->segs;
}

static int print_chain(void *ctx, size_t i, const struct symbolized_frame *c, size_t n,
		       uint64_t rel_addr)
{
	struct target *t = ctx;
	size_t sz;
	FILE *f;

	if (t->quiet)
		return 0;
	free(t->texts[i]);
	f = open_memstream(&t->texts[i], &sz);
	if (!f)
		die("out of memory");
	for (size_t k = 0; k < n; k++)
		fprintf(f, "%s\n%s:%u:0\n", c[k].named ? c[k].name : "??", c[k].file ?: "??", c[k].line);
	fclose(f);
	return 0;
}

/* Of stdin, one a line. By hand: fgets() and strtoull() took as long as naming 2,000. */
static bool next_address(uint64_t *ret)
{
	int c = getchar_unlocked();
	bool is_end = c == EOF;

	*ret = 0;
	for (; c != '\n' && c != EOF; c = getchar_unlocked())
		*ret = c == 'x' ? 0 : *ret << 4 | (unsigned)(c <= '9' ? c - '0' : (c | 32) - 'a' + 10);
	return !is_end;
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
	struct symbolizer_options o = {0};
	const char *dirs[8] = {NULL};
	size_t dir_cnt = 0;
	static struct target t;
	struct symbolize_query *q = NULL;
	const struct symbolizer_module_info *info;
	struct symbolizer *s;
	struct rusage ru, worker;
	size_t n = 0, cap = 0;
	uint64_t a;
	int times = 1, i;
	double t0, t1, t2;

	if (argc < 2)
		die("usage: resolve FILE [options] < addresses");
	for (i = 2; i < argc; i++) {
		if (!strcmp(argv[i], "-s"))
			t.quiet = true;
		else if (!strcmp(argv[i], "-0"))
			times = 0;
		else if (!strcmp(argv[i], "-i"))
			o.no_inline = true;
		else if (!strcmp(argv[i], "-r"))
			o.demangle = DEMANGLE_NONE;
		else if (!strcmp(argv[i], "-c") && i + 1 < argc)
			o.cache_dir = argv[++i];
		else if (!strcmp(argv[i], "-d") && i + 1 < argc && dir_cnt + 1 < ARRAY_SIZE(dirs))
			dirs[dir_cnt++] = argv[++i], o.debug_dirs = dirs;
		else if (!strcmp(argv[i], "-n") && i + 1 < argc)
			times = atoi(argv[++i]);
		else
			die("unknown option");
	}
	read_target(&t, argv[1]);
	while (next_address(&a)) {
		if (n == cap && !(q = realloc(q, (cap = cap ? 2 * cap : 1024) * sizeof(*q))))
			die("out of memory");
		q[n] = (struct symbolize_query){.off = UINT64_MAX / 2, .exact = true};
		for (unsigned k = 0; k < t.m.seg_cnt; k++)
			if (a >= t.segs[k].vaddr && a - t.segs[k].vaddr < t.segs[k].filesz)
				q[n].off = a - t.segs[k].vaddr + t.segs[k].offset;
		n++;
	}
	t.texts = calloc(n + 1, sizeof(*t.texts));
	if (!t.texts)
		die("out of memory");
	if (!times)
		return 0;
	t0 = now();
	if (symbolizer_create(&o, &s, NULL) ||
	    symbolizer_prefetch(s, &(struct symbolizer_want){1, &t.m, q, n}, 1))
		die("resolve failed");
	t1 = now();
	for (i = 0; i < times; i++)
		if (symbolizer_resolve(s, 1, &t.m, q, n, print_chain, &t))
			die("resolve failed");
	t2 = now();
	for (size_t k = 0; k < n && !t.quiet; k++) {
		printf("%s\n", t.texts[k]);
		free(t.texts[k]);
	}
	free(t.texts);
	info = symbolizer_module_info(s, 1);
	getrusage(RUSAGE_SELF, &ru);
	getrusage(RUSAGE_CHILDREN, &worker);
	fprintf(stderr,
		"# files %.1f ms, %zu addresses %.1f ms, symbols %s, debug %s, unnamed %llu (%s), "
		"worker %ld MiB, rss %ld MiB\n",
		1e3 * (t1 - t0), n * (size_t)times, 1e3 * (t2 - t1), info->symbols,
		info->debug_path ?: "-", (unsigned long long)info->unnamed,
		info->unnamed_reason ?: "-", worker.ru_maxrss / 1024, ru.ru_maxrss / 1024);
	symbolizer_destroy(s);
	free(q);
	return 0;
}
