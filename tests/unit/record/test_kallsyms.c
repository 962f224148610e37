// SPDX-License-Identifier: BSD-2-Clause
#include "tests/test.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "formats/cleanup.h"
#include "record/kallsyms.h"
#include "record/procfile.h"

static char dir[64];

static const char *path_of(const char *name)
{
	static char paths[8][128];
	static int i;

	i = (i + 1) % 8;
	snprintf(paths[i], sizeof(paths[i]), "%s/%s", dir, name);
	return paths[i];
}

static void put(const char *name, const void *data, size_t len)
{
	_cleanup_close_ int fd = open(path_of(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	CHECK(fd >= 0);
	CHECK_EQ(write(fd, data, len), (ssize_t)len);
}

static void puts_to(const char *name, const char *text)
{
	put(name, text, strlen(text));
}

static const char symbols[] =
	"ffffffff81000000 T _stext\n"
	"ffffffff81000000 T _text\n"
	"ffffffff81000000 W __weak_alias\n"
	"ffffffff810000f0 t __pfx_do_work\n"
	"ffffffff81000100 t __do_work_local\n"
	"ffffffff81000100 T do_work\n"
	"ffffffff81000200 T last_one\n"
	"ffffffff82000000 D some_data\n"
	"garbage\n"
	"ffffffff8100 T\n"
	"ffffffffc0200010 t probe\t[nic]\n"
	"ffffffffc0200100 t remove\t[nic]\n"
	"ffffffffc0500000 t bpf_prog_0123456789abcdef_oncpu\t[bpf]\n";

static const uint8_t note[] = { 4, 0, 0, 0, 8, 0, 0, 0, 3, 0, 0, 0, 'G', 'N', 'U', 0, 1, 2, 3, 4, 5, 6, 7, 8 };

struct fixture {
	struct recording_writer *w;
	struct kallsyms *k;
	char file[128];
};

static void setup_dir(void)
{
	strcpy(dir, "/tmp/varve-kallsyms-XXXXXX");
	CHECK(mkdtemp(dir));
	puts_to("kallsyms", symbols);
	puts_to("modules", "nic 4096 1 - Live 0xffffffffc0200000\nother 8192 0 - Live 0xffffffffc0300000 (OE)\nbad line\n");
	put("notes", note, sizeof(note));
	CHECK_EQ(mkdir(path_of("sys"), 0700), 0);
	CHECK_EQ(mkdir(path_of("sys/nic"), 0700), 0);
	CHECK_EQ(mkdir(path_of("sys/nic/notes"), 0700), 0);
	put("sys/nic/notes/.note.gnu.build-id", note, sizeof(note));
}

static int create(struct fixture *f, struct err *err)
{
	struct recording_writer_options o = { .force = true };
	struct kallsyms_paths paths = { path_of("kallsyms"), path_of("modules"), path_of("notes"), path_of("sys") };

	snprintf(f->file, sizeof(f->file), "%s", path_of("out.varve"));
	CHECK_EQ(recording_writer_open(f->file, &o, &f->w, NULL), 0);
	return kallsyms_create(f->w, &paths, NULL, &f->k, err);
}

static void teardown(struct fixture *f)
{
	char cmd[96];

	kallsyms_destroy(f->k);
	CHECK_EQ(recording_writer_close(f->w, NULL), 0);
	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	CHECK_EQ(system(cmd), 0);
}

static const char *at(struct fixture *f, uint64_t addr)
{
	static char text[64];
	struct frame fr;

	if (!kallsyms_resolve(f->k, addr, &fr))
		return "-";
	snprintf(text, sizeof(text), "%u:%llx", fr.module, (unsigned long long)fr.off);
	return text;
}

/* A running kernel: what the file says too, and a module loaded since. */
static bool fake_find(void *ctx, uint64_t addr, struct kallsyms_found *ret)
{
	static const struct {
		uint64_t start, end;
		const char *name, *module;
	} known[] = {
		{ 0xffffffff81000000, 0xffffffff81000100, "_text", "" },
		{ 0xffffffff81000100, 0xffffffff81000200, "do_work", "" },
		{ 0xffffffffc0200010, 0xffffffffc0200100, "probe", "nic" },
		{ 0xffffffffc0500000, 0xffffffffc0500080, "bpf_prog_0123456789abcdef_oncpu", "bpf" },
		{ 0xffffffffc0700000, 0xffffffffc0700040, "fresh", "late" },
	};

	++*(unsigned *)ctx;
	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		if (addr < known[i].start || addr >= known[i].end)
			continue;
		ret->start = known[i].start;
		ret->end = known[i].end;
		strcpy(ret->name, known[i].name);
		strcpy(ret->module, known[i].module);
		return true;
	}
	return false;
}

static int create_asking(struct fixture *f, const char *iomem, unsigned *asked)
{
	struct recording_writer_options o = { .force = true };
	const struct kallsyms_lookup lookup = { fake_find, asked };
	struct kallsyms_paths paths;

	setup_dir();
	paths = (struct kallsyms_paths){ path_of("kallsyms"), path_of("modules"), path_of("notes"), path_of("sys"), path_of("iomem") };
	if (iomem)
		puts_to("iomem", iomem);
	*asked = 0;
	snprintf(f->file, sizeof(f->file), "%s", path_of("out.varve"));
	CHECK_EQ(recording_writer_open(f->file, &o, &f->w, NULL), 0);
	return kallsyms_create(f->w, &paths, &lookup, &f->k, NULL);
}

TEST(kallsyms_asks_once_for_each_function)
{
	struct fixture f;
	unsigned asked;

	CHECK_EQ(create_asking(&f, "00000000-00000fff : Reserved\n  01000000-010fffff : Kernel code\n", &asked), 0);
	asked = 0;
	CHECK_STR(at(&f, 0xffffffff81000123), "1:123");
	CHECK_STR(at(&f, 0xffffffff810fffff), "1:fffff");
	CHECK_EQ(asked, 0);
	CHECK_STR(kallsyms_name(f.k, 0xffffffff81000123), "do_work");
	CHECK_STR(kallsyms_name(f.k, 0xffffffff81000001), "_text");
	CHECK_STR(kallsyms_name(f.k, 0xffffffff810001ff), "do_work");
	CHECK_EQ(asked, 2);
	CHECK(!kallsyms_name(f.k, 0xffffffff81000200));
	CHECK_STR(kallsyms_name(f.k, 0xffffffffc0200011), "probe");
	CHECK_STR(kallsyms_name(f.k, 0xffffffffc0500011), "bpf_prog_0123456789abcdef_oncpu");
	teardown(&f);
}

TEST(kallsyms_learns_of_a_module_loaded_since)
{
	struct fixture f;
	unsigned asked;

	CHECK_EQ(create_asking(&f, "01000000-010fffff : Kernel code\n", &asked), 0);
	puts_to("modules", "late 4096 0 - Live 0xffffffffc0700000\nnic 4096 1 - Live 0xffffffffc0200000\n");
	CHECK_STR(at(&f, 0xffffffffc0700010), "2:10");
	CHECK_STR(kallsyms_name(f.k, 0xffffffffc0700010), "fresh");
	CHECK_STR(at(&f, 0xffffffffc0200011), "3:11");
	CHECK_STR(at(&f, 0xffffffffc0500004), "4:ffffffffc0500004");
	teardown(&f);
}

TEST(kallsyms_reads_the_file_where_asking_is_not_enough)
{
	static const char *const iomem[] = { NULL, "00000000-00000000 : Kernel code\n", "nothing\n" };
	struct fixture f;
	unsigned asked;

	for (size_t i = 0; i < ARRAY_SIZE(iomem); i++) {
		CHECK_EQ(create_asking(&f, iomem[i], &asked), 0);
		CHECK_STR(kallsyms_name(f.k, 0xffffffff81000201), "last_one");
		CHECK_EQ(asked, 0);
		teardown(&f);
	}
}

TEST(kallsyms_addresses_become_module_and_offset)
{
	struct fixture f;
	struct err err;

	setup_dir();
	CHECK_EQ(create(&f, &err), 0);
	CHECK(!kallsyms_is_restricted(f.k));
	CHECK_STR(at(&f, 0xffffffff81000000), "1:0");
	CHECK_STR(at(&f, 0xffffffff81000123), "1:123");
	CHECK_STR(at(&f, 0xffffffffc0200011), "2:11");
	CHECK_STR(at(&f, 0xffffffffc0500004), "3:ffffffffc0500004");
	CHECK_STR(at(&f, 0xffffffffc0300010), "4:10");
	teardown(&f);
}

TEST(kallsyms_names_prefer_global_over_local_and_end_where_the_next_begins)
{
	struct fixture f;

	setup_dir();
	CHECK_EQ(create(&f, NULL), 0);
	CHECK_STR(kallsyms_name(f.k, 0xffffffff81000000), "_stext"); /* T before W */
	CHECK_STR(kallsyms_name(f.k, 0xffffffff810001ff), "do_work");
	CHECK_STR(kallsyms_name(f.k, 0xffffffff81000200), "last_one");
	CHECK_STR(kallsyms_name(f.k, 0xffffffffc0200fff), "remove");
	CHECK(!kallsyms_name(f.k, 0xffffffffc0201000)); /* past the module's end */
	CHECK(!kallsyms_name(f.k, 0xffffffff80000000));
	CHECK(!kallsyms_name(f.k, 0xffffffffc0600000));
	teardown(&f);
}

/* Reads back the recording: "module-kind path off size name" lines, and whether build-ids came along. */
static void read_back(const char *file, char *ret, size_t sz, int *ret_ids)
{
	struct recording_reader *r;
	struct event ev;

	*ret = '\0';
	*ret_ids = 0;
	CHECK_EQ(recording_reader_open(file, &r, NULL), 0);
	while (recording_reader_next(r, &ev, NULL) == 1) {
		const struct module *m;
		size_t len = strlen(ret);

		if (ev.kind != EVENT_SYMBOL)
			continue;
		m = recording_reader_module(r, ev.symbol.module);
		CHECK(m);
		*ret_ids += m->build_id_sz == 8;
		snprintf(ret + len, sz - len, "%s %llx+%llx %s\n", m->path, (unsigned long long)ev.symbol.off,
			 (unsigned long long)ev.symbol.size, ev.symbol.name);
	}
	recording_reader_close(r);
}

TEST(kallsyms_hits_are_written_once_with_their_extent)
{
	struct frame hits[] = {
		{ 1, FRAME_EXACT, 0x100 }, { 1, 0, 0x180 }, { 1, 0, 0x200 }, /* a return address: of do_work still */
		{ 2, 0, 0x50 }, { 3, FRAME_EXACT, 0xffffffffc0500004 }, { 99, 0, 5 },
	};
	struct fixture f;
	char text[1024];
	int ids;

	setup_dir();
	CHECK_EQ(create(&f, NULL), 0);
	at(&f, 0xffffffffc0200011);
	at(&f, 0xffffffffc0500004);
	CHECK_EQ(kallsyms_emit_hits(f.k, hits, ARRAY_SIZE(hits), NULL), 0);
	CHECK_EQ(recording_writer_flush(f.w, NULL), 0);
	read_back(f.file, text, sizeof(text), &ids);
	CHECK_STR(text, "[kernel] 100+100 do_work\n[nic] 10+f0 probe\n"
			"[bpf] ffffffffc0500000+1000 bpf_prog_0123456789abcdef_oncpu\n");
	CHECK_EQ(ids, 2);
	teardown(&f);
}

TEST(kallsyms_writes_a_name_once_in_each_segment)
{
	struct frame hit = { 0, FRAME_EXACT, 0xffffffffc0200011 };
	struct fixture f;
	char text[1024];
	int ids;

	setup_dir();
	CHECK_EQ(create(&f, NULL), 0);
	CHECK(kallsyms_resolve(f.k, hit.off, &hit));
	CHECK_EQ(kallsyms_emit_hits(f.k, &hit, 1, NULL), 0);
	CHECK_EQ(kallsyms_emit_hits(f.k, &hit, 1, NULL), 0);
	kallsyms_next_segment(f.k);
	CHECK_EQ(kallsyms_emit_hits(f.k, &hit, 1, NULL), 0);
	CHECK_EQ(recording_writer_flush(f.w, NULL), 0);
	read_back(f.file, text, sizeof(text), &ids);
	CHECK_STR(text, "[nic] 10+f0 probe\n[nic] 10+f0 probe\n");
	teardown(&f);
}

TEST(kallsyms_finds_bpf_programs_that_were_loaded_later)
{
	struct frame hit = { 0, FRAME_EXACT, 0xffffffffc0700010 };
	struct fixture f;
	char text[1024];
	int ids;

	setup_dir();
	CHECK_EQ(create(&f, NULL), 0);
	CHECK(kallsyms_resolve(f.k, hit.off, &hit));
	snprintf(text, sizeof(text), "%sffffffffc0700000 t bpf_prog_late\t[bpf]\n", symbols);
	puts_to("kallsyms", text);
	CHECK_EQ(kallsyms_emit_hits(f.k, &hit, 1, NULL), 0);
	CHECK_EQ(recording_writer_flush(f.w, NULL), 0);
	read_back(f.file, text, sizeof(text), &ids);
	CHECK_STR(text, "[bpf] ffffffffc0700000+1000 bpf_prog_late\n");
	teardown(&f);
}

TEST(kallsyms_all_writes_every_function)
{
	struct fixture f;
	char text[2048];
	int ids;

	setup_dir();
	CHECK_EQ(create(&f, NULL), 0);
	CHECK_EQ(kallsyms_emit_all(f.k, NULL), 0);
	CHECK_EQ(recording_writer_flush(f.w, NULL), 0);
	read_back(f.file, text, sizeof(text), &ids);
	CHECK_HAS(text, "[kernel] 0+100 _stext\n[kernel] 100+100 do_work\n[kernel] 200+");
	CHECK_HAS(text, "[nic] 100+f00 remove\n");
	CHECK(!strstr(text, "some_data"));
	teardown(&f);
}

TEST(kallsyms_hidden_addresses_are_said_with_the_fix)
{
	struct fixture f;
	struct err err;
	struct frame fr;

	setup_dir();
	puts_to("kallsyms", "0000000000000000 T _text\n0000000000000000 T do_work\n");
	CHECK_EQ(create(&f, &err), 0);
	CHECK(kallsyms_is_restricted(f.k));
	CHECK_HAS(err.text, "hides addresses");
	CHECK_HAS(err.hint, "kptr_restrict");
	CHECK(kallsyms_resolve(f.k, 0xffffffff81000123, &fr));
	CHECK(fr.module); /* the kernel's, for info's reason */
	CHECK_EQ(fr.off, 0xffffffff81000123);
	CHECK_EQ(kallsyms_emit_all(f.k, NULL), 0);
	teardown(&f);
}

TEST(kallsyms_missing_file_is_an_error)
{
	struct fixture f = {};
	struct err err;

	setup_dir();
	CHECK_EQ(unlink(path_of("kallsyms")), 0);
	CHECK_EQ(create(&f, &err), -ENOENT);
	CHECK_HAS(err.text, "ENOENT");
	f.k = NULL;
	teardown(&f);
}

TEST(kallsyms_any_truncation_or_garbage_is_survived)
{
	char text[sizeof(symbols) + 5000];
	struct fixture f;

	for (size_t cut = 0; cut < sizeof(symbols); cut += 7) {
		setup_dir();
		put("kallsyms", symbols, cut);
		CHECK_EQ(create(&f, NULL), 0);
		CHECK_EQ(kallsyms_emit_all(f.k, NULL), 0);
		teardown(&f);
	}
	memset(text, 'f', sizeof(text)); /* a line without end */
	setup_dir();
	put("kallsyms", text, sizeof(text));
	CHECK_EQ(create(&f, NULL), 0);
	CHECK(kallsyms_is_restricted(f.k));
	teardown(&f);
}

TEST(kallsyms_of_this_kernel)
{
	struct recording_writer_options o = { .force = true };
	_cleanup_free_ char *text = NULL;
	struct recording_writer *w;
	struct kallsyms *k;
	struct frame f;
	uint64_t addr;
	char *line;

	strcpy(dir, "/tmp/varve-kallsyms-XXXXXX");
	CHECK(mkdtemp(dir));
	CHECK_EQ(recording_writer_open(path_of("out.varve"), &o, &w, NULL), 0);
	CHECK_EQ(kallsyms_create(w, NULL, NULL, &k, NULL), 0);
	if (kallsyms_is_restricted(k)) {
		kallsyms_destroy(k);
		recording_writer_close(w, NULL);
		SKIP("kernel addresses are hidden");
	}
	CHECK(procfile_read(AT_FDCWD, "/proc/kallsyms", 64 << 20, &text) > 0);
	line = strstr(text, " T schedule\n");
	CHECK(line);
	addr = strtoull(line - 16, NULL, 16);
	CHECK_STR(kallsyms_name(k, addr + 1), "schedule");
	CHECK(kallsyms_resolve(k, addr, &f));
	kallsyms_destroy(k);
	CHECK_EQ(recording_writer_close(w, NULL), 0);
	CHECK_EQ(unlink(path_of("out.varve")), 0);
	CHECK_EQ(rmdir(dir), 0);
}

TEST_MAIN()
