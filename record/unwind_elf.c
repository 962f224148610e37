// SPDX-License-Identifier: BSD-2-Clause
#include "record/unwind_elf.h"

#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "formats/cleanup.h"
#include "record/dwarf_cursor.h"

#define PHDR_MAX 1024
#define NAMES_MAX (4u << 20)
#define SECTION_MAX (256u << 20) /* the largest known .eh_frame are some 60 MiB */

struct elf_file {
	struct unwind_input in;
	Elf64_Ehdr eh;
	Elf64_Phdr *ph; /* owned, eh.e_phnum */
	Elf64_Shdr *sh; /* owned, eh.e_shnum; NULL when there are none that can be used */
	char *names;	/* owned, NUL at names[names_sz] */
	uint64_t names_sz;
};

static void elf_file_deinit(struct elf_file *f)
{
	free(f->ph);
	free(f->sh);
	free(f->names);
}

static int read_at(const struct unwind_input *in, uint64_t off, void *buf, uint64_t sz)
{
	if (off > in->sz || sz > in->sz - off)
		return -EBADMSG;
	if (in->mem) {
		memcpy(buf, (const char *)in->mem + off, sz);
		return 0;
	}
	for (uint64_t done = 0; done < sz;) {
		ssize_t n = pread(in->fd, (char *)buf + done, sz - done, off + done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (!n)
			return -EBADMSG; /* cut short since fstat */
		done += n;
	}
	return 0;
}

/* Allocate and read; *ret untouched unless 0 is returned. One byte more is allocated, and zero. */
static int read_new(const struct unwind_input *in, uint64_t off, uint64_t sz, void *ret)
{
	_cleanup_free_ char *buf = NULL;
	int err;

	if (off > in->sz || sz > in->sz - off)
		return -EBADMSG;
	buf = malloc(sz + 1);
	if (!buf)
		return -ENOMEM;
	buf[sz] = 0;
	err = read_at(in, off, buf, sz);
	if (err)
		return err;
	*(char **)ret = take_ptr(buf);
	return 0;
}

static int read_headers(struct elf_file *f, struct err *err)
{
	const Elf64_Ehdr *eh = &f->eh;
	int e = read_at(&f->in, 0, &f->eh, sizeof(f->eh));

	if (e)
		return err_code(err, e, "ELF header");
	if (memcmp(eh->e_ident, ELFMAG, SELFMAG) || eh->e_ident[EI_CLASS] != ELFCLASS64 ||
	    eh->e_ident[EI_DATA] != ELFDATA2LSB || eh->e_machine != EM_X86_64)
		return err_set(err, -EBADMSG, "not an x86-64 ELF file");
	if (eh->e_phentsize != sizeof(Elf64_Phdr) || !eh->e_phnum || eh->e_phnum > PHDR_MAX)
		return err_set(err, -EBADMSG, "%u program headers of %u bytes", eh->e_phnum, eh->e_phentsize);
	e = read_new(&f->in, eh->e_phoff, (uint64_t)eh->e_phnum * sizeof(Elf64_Phdr), &f->ph);
	if (e)
		return err_code(err, e, "program headers");
	return 0;
}

/* Section headers are a convenience: a file without usable ones is read through its program headers. */
static int read_sections(struct elf_file *f)
{
	const Elf64_Ehdr *eh = &f->eh;
	const Elf64_Shdr *s;
	int e;

	if (!eh->e_shnum || eh->e_shentsize != sizeof(Elf64_Shdr) || eh->e_shstrndx >= eh->e_shnum)
		return 0;
	e = read_new(&f->in, eh->e_shoff, (uint64_t)eh->e_shnum * sizeof(Elf64_Shdr), &f->sh);
	if (e)
		return e == -EBADMSG ? 0 : e;
	s = &f->sh[eh->e_shstrndx];
	if (s->sh_type != SHT_NOBITS && s->sh_size <= NAMES_MAX)
		e = read_new(&f->in, s->sh_offset, s->sh_size, &f->names);
	if (!f->names) {
		free(f->sh);
		f->sh = NULL;
		return e == -ENOMEM ? e : 0;
	}
	f->names_sz = s->sh_size;
	return 0;
}

static const Elf64_Shdr *find_section(const struct elf_file *f, const char *name)
{
	for (unsigned int i = 0; f->sh && i < f->eh.e_shnum; i++) {
		const Elf64_Shdr *s = &f->sh[i];

		if (s->sh_type == SHT_NOBITS || s->sh_type == SHT_NULL || s->sh_name >= f->names_sz)
			continue;
		if (!strcmp(f->names + s->sh_name, name))
			return s;
	}
	return NULL;
}

/* Inflate data (a Elf64_Chdr and its payload) in place of itself. */
static int decompress(struct unwind_section *s)
{
	_cleanup_free_ uint8_t *out = NULL;
	const uint8_t *in = s->data + sizeof(Elf64_Chdr);
	uLongf out_sz;
	Elf64_Chdr ch;
	bool good;

	if (s->sz < sizeof(ch))
		return -EBADMSG;
	memcpy(&ch, s->data, sizeof(ch));
	if (!ch.ch_size || ch.ch_size > SECTION_MAX)
		return -EBADMSG;
	out_sz = ch.ch_size;
	out = malloc(out_sz);
	if (!out)
		return -ENOMEM;
	if (ch.ch_type == ELFCOMPRESS_ZLIB)
		good = uncompress(out, &out_sz, in, s->sz - sizeof(ch)) == Z_OK && out_sz == ch.ch_size;
	else /* 2: ELFCOMPRESS_ZSTD, which Debian 12's elf.h does not name */
		good = ch.ch_type == 2 && ZSTD_decompress(out, out_sz, in, s->sz - sizeof(ch)) == ch.ch_size;
	if (!good)
		return -EBADMSG;
	free(s->data);
	s->data = take_ptr(out);
	s->sz = ch.ch_size;
	return 0;
}

static int add_section(struct unwind_elf *e, const struct elf_file *f, const Elf64_Shdr *s, bool is_debug_frame)
{
	struct unwind_section *to = &e->sections[e->section_cnt];
	int err;

	if (!s || !s->sh_size || s->sh_size > SECTION_MAX)
		return 0;
	err = read_new(&f->in, s->sh_offset, s->sh_size, &to->data);
	if (err)
		return err;
	to->sz = s->sh_size;
	to->vaddr = s->sh_addr;
	to->is_debug_frame = is_debug_frame;
	if (s->sh_flags & SHF_COMPRESSED)
		err = decompress(to);
	if (err) {
		free(to->data);
		to->data = NULL;
		return err;
	}
	e->section_cnt++;
	return 0;
}

/* The file range at vaddr up to its segment's end, as a section header (a stripped file has none). */
static bool segment_tail(const struct elf_file *f, uint64_t vaddr, Elf64_Shdr *ret)
{
	for (unsigned int i = 0; i < f->eh.e_phnum; i++) {
		const Elf64_Phdr *p = &f->ph[i];

		if (p->p_type != PT_LOAD || vaddr < p->p_vaddr || vaddr - p->p_vaddr >= p->p_filesz)
			continue;
		memset(ret, 0, sizeof(*ret));
		ret->sh_addr = vaddr;
		ret->sh_offset = p->p_offset + (vaddr - p->p_vaddr);
		ret->sh_size = p->p_filesz - (vaddr - p->p_vaddr);
		return true;
	}
	return false;
}

/* PT_GNU_EH_FRAME leads to a table whose first field points to .eh_frame; linkers write it as a 4-byte pc-relative offset. */
static bool find_by_header(const struct elf_file *f, Elf64_Shdr *ret)
{
	for (unsigned int i = 0; i < f->eh.e_phnum; i++) {
		const Elf64_Phdr *p = &f->ph[i];
		struct dwarf_cursor c;
		uint8_t hdr[8];

		if (p->p_type != PT_GNU_EH_FRAME || read_at(&f->in, p->p_offset, hdr, sizeof(hdr)))
			continue;
		if (hdr[0] != 1 || hdr[1] != 0x1b)
			continue;
		c = (struct dwarf_cursor){ .p = hdr + 4, .end = hdr + 8 };
		return segment_tail(f, p->p_vaddr + 4 + (int64_t)(int32_t)dwarf_le(&c, 4), ret);
	}
	return false;
}

static void find_segments(struct unwind_elf *e, const struct elf_file *f)
{
	for (unsigned int i = 0; i < f->eh.e_phnum && e->seg_cnt < UNWIND_SEGMENT_MAX; i++) {
		const Elf64_Phdr *p = &f->ph[i];

		if (p->p_type != PT_LOAD || !(p->p_flags & PF_X) || !p->p_filesz)
			continue;
		if (p->p_filesz > UINT64_MAX - p->p_vaddr || p->p_filesz > UINT64_MAX - p->p_offset)
			continue;
		e->segs[e->seg_cnt++] = (struct unwind_segment){ p->p_offset, p->p_vaddr, p->p_filesz };
	}
}

static int read_file(struct unwind_elf *e, struct elf_file *f, struct err *err)
{
	const Elf64_Shdr *s;
	Elf64_Shdr tail;
	int r;

	r = read_headers(f, err);
	if (r)
		return r;
	r = read_sections(f);
	if (r)
		return err_code(err, r, "section headers");
	find_segments(e, f);
	s = find_section(f, ".eh_frame");
	if (!s && find_by_header(f, &tail))
		s = &tail;
	r = add_section(e, f, s, false);
	if (r)
		return err_code(err, r, ".eh_frame at %llu, %llu bytes", (unsigned long long)s->sh_offset,
				(unsigned long long)s->sh_size);
	/* Only a supplement (Go, hand-made builds): a broken one leaves what .eh_frame gave. */
	r = add_section(e, f, find_section(f, ".debug_frame"), true);
	return r == -ENOMEM ? err_code(err, r, ".debug_frame") : 0;
}

int unwind_elf_read(const struct unwind_input *in, struct unwind_elf *ret, struct err *err)
{
	struct elf_file f = { .in = *in };
	struct unwind_elf e = { .seg_cnt = 0 };
	struct stat st;
	int r;

	if (!in->mem) {
		if (fstat(in->fd, &st))
			return err_errno(err, "stat");
		if (!S_ISREG(st.st_mode))
			return err_set(err, -EBADMSG, "not a regular file");
		f.in.sz = st.st_size;
	}
	r = read_file(&e, &f, err);
	elf_file_deinit(&f);
	if (r)
		unwind_elf_deinit(&e);
	else
		*ret = e;
	return r;
}

void unwind_elf_deinit(struct unwind_elf *e)
{
	for (unsigned int i = 0; e && i < e->section_cnt; i++) {
		free(e->sections[i].data);
		e->sections[i].data = NULL;
	}
}

uint64_t unwind_elf_offset(const struct unwind_elf *e, uint64_t vaddr, uint64_t *sz)
{
	for (unsigned int i = 0; i < e->seg_cnt; i++) {
		const struct unwind_segment *s = &e->segs[i];
		uint64_t at = vaddr - s->vaddr;

		if (vaddr < s->vaddr || at >= s->sz)
			continue;
		if (*sz > s->sz - at)
			*sz = s->sz - at;
		return s->off + at;
	}
	return UINT64_MAX;
}
