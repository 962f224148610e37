// SPDX-License-Identifier: BSD-2-Clause
#include "record/elf_note.h"

#include <elf.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "formats/bytes.h"
#include "formats/cleanup.h"
#include "formats/elf_source.h"

#define WINDOW_SZ 65536 /* bytes of program headers, or of one note segment, looked at */
#define NOTE_SEGMENT_MAX 8

/* A program header, whichever the class. */
struct segment {
	uint32_t type, flags;
	uint64_t offset, vaddr, filesz;
};

int elf_notes_build_id(const void *data, size_t len, uint8_t ret_id[BUILD_ID_MAX], uint8_t *ret_sz)
{
	struct cursor c = { data, (const uint8_t *)data + len }, head, name, desc;

	while (cursor_take(&c, 12, &head)) {
		uint32_t namesz = get_le32(head.p), descsz = get_le32(head.p + 4);
		uint32_t type = get_le32(head.p + 8);

		if (!cursor_take(&c, ((uint64_t)namesz + 3) & ~3ULL, &name))
			return -ENOENT;
		if (!cursor_take(&c, descsz, &desc))
			return -ENOENT;
		if (type == NT_GNU_BUILD_ID && namesz == 4 && !memcmp(name.p, "GNU", 4) && descsz &&
		    descsz <= BUILD_ID_MAX) {
			memcpy(ret_id, desc.p, descsz);
			*ret_sz = (uint8_t)descsz;
			return 0;
		}
		(void)cursor_take(&c, -descsz & 3, &desc); /* the last note may lack its padding */
	}
	return -ENOENT;
}

static void segment_parse(const uint8_t *p, bool is_64, struct segment *ret)
{
	ret->type = get_le32(p);
	if (is_64) {
		ret->flags = get_le32(p + 4);
		ret->offset = get_le64(p + 8);
		ret->vaddr = get_le64(p + 16);
		ret->filesz = get_le64(p + 32);
	} else {
		ret->offset = get_le32(p + 4);
		ret->vaddr = get_le32(p + 8);
		ret->filesz = get_le32(p + 16);
		ret->flags = get_le32(p + 24);
	}
}

static int read_header(const struct elf_source *s, uint8_t h[64], struct elf_ident *id,
		       uint64_t *ret_phoff, uint32_t *ret_phnum, struct err *err)
{
	ssize_t n = elf_source_read(s, h, 64, 0);
	uint32_t entsz;

	if (n < 0)
		return err_code(err, (int)n, "read ELF header");
	if (n < 52 || memcmp(h, ELFMAG, SELFMAG) || h[EI_DATA] != ELFDATA2LSB ||
	    (h[EI_CLASS] != ELFCLASS64 && h[EI_CLASS] != ELFCLASS32))
		return err_set(err, -ENOEXEC, "not a little-endian ELF file");
	id->is_64 = h[EI_CLASS] == ELFCLASS64;
	if (id->is_64 && n < 64)
		return err_set(err, -EBADMSG, "ELF header: want 64 bytes, have %zd", n);
	id->type = get_le16(h + 16);
	id->machine = get_le16(h + 18);
	*ret_phoff = id->is_64 ? get_le64(h + 32) : get_le32(h + 28);
	entsz = get_le16(h + (id->is_64 ? 54 : 42));
	*ret_phnum = get_le16(h + (id->is_64 ? 56 : 44));
	if (*ret_phnum && entsz != (id->is_64 ? 56u : 32u))
		return err_set(err, -EBADMSG, "ELF header: program header of %u bytes", entsz);
	return 0;
}

static void read_note_segment(const struct elf_source *s, const struct segment *seg, uint8_t *buf,
			      struct elf_ident *id)
{
	size_t want = seg->filesz < WINDOW_SZ ? (size_t)seg->filesz : WINDOW_SZ;
	ssize_t n = elf_source_read(s, buf, want, seg->offset);

	if (n > 0)
		(void)elf_notes_build_id(buf, (size_t)n, id->build_id, &id->build_id_sz);
}

/*
 * The build-id note may be in no segment: Go's linker puts it in a section of its own. The kernel does not see such a one, but
 * whoever looks for the file later does.
 */
static void read_note_sections(const struct elf_source *s, const uint8_t *h, uint8_t *table,
			       uint8_t *notes, struct elf_ident *id)
{
	uint64_t off = id->is_64 ? get_le64(h + 40) : get_le32(h + 32);
	uint32_t entsz = id->is_64 ? 64 : 40, cnt = get_le16(h + (id->is_64 ? 60 : 48)), note_cnt = 0;
	ssize_t n;

	if (!off || get_le16(h + (id->is_64 ? 58 : 46)) != entsz)
		return;
	n = elf_source_read(s, table, cnt < WINDOW_SZ / entsz ? cnt * entsz : WINDOW_SZ, off);
	for (uint32_t i = 0; n > 0 && i < (size_t)n / entsz && !id->build_id_sz; i++) {
		const uint8_t *p = table + (size_t)i * entsz;
		struct segment seg = { .type = get_le32(p + 4) };

		seg.offset = id->is_64 ? get_le64(p + 24) : get_le32(p + 16);
		seg.filesz = id->is_64 ? get_le64(p + 32) : get_le32(p + 20);
		if (seg.type == SHT_NOTE && note_cnt++ < NOTE_SEGMENT_MAX)
			read_note_segment(s, &seg, notes, id);
	}
}

static int read_ident(const struct elf_source *s, struct elf_ident *ret, struct err *err)
{
	_cleanup_free_ uint8_t *table = malloc(WINDOW_SZ), *notes = malloc(WINDOW_SZ);
	uint8_t header[64] = {};
	struct elf_ident id = {};
	uint32_t phnum = 0, entsz, note_cnt = 0;
	uint64_t phoff = 0;
	ssize_t n;
	int r;

	if (!table || !notes)
		return err_set(err, -ENOMEM, "out of memory");
	r = read_header(s, header, &id, &phoff, &phnum, err);
	if (r)
		return r;
	entsz = id.is_64 ? 56 : 32;
	if ((uint64_t)phnum * entsz > WINDOW_SZ)
		phnum = WINDOW_SZ / entsz;
	n = elf_source_read(s, table, (size_t)phnum * entsz, phoff);
	if (n < 0)
		return err_code(err, (int)n, "read program headers");
	if ((size_t)n < (size_t)phnum * entsz)
		return err_set(err, -EBADMSG, "program headers: want %u bytes at %llu, have %zd",
			       phnum * entsz, (unsigned long long)phoff, n);
	for (uint32_t i = 0; i < phnum; i++) {
		struct segment seg;

		segment_parse(table + (size_t)i * entsz, id.is_64, &seg);
		if (seg.type == PT_LOAD && (seg.flags & PF_X) && id.seg_cnt < ELF_SEGMENT_MAX)
			id.segs[id.seg_cnt++] = (struct module_segment){ seg.offset, seg.vaddr,
									 seg.filesz };
		if (seg.type == PT_NOTE && !id.build_id_sz && note_cnt++ < NOTE_SEGMENT_MAX)
			read_note_segment(s, &seg, notes, &id);
	}
	if (!id.build_id_sz)
		read_note_sections(s, header, table, notes, &id);
	*ret = id;
	return 0;
}

int elf_ident_read(int fd, struct elf_ident *ret, struct err *err)
{
	struct elf_source s = { .fd = fd };

	return read_ident(&s, ret, err);
}

int elf_ident_parse(const void *data, size_t len, struct elf_ident *ret, struct err *err)
{
	struct elf_source s = { .fd = -1, .data = data, .len = len };

	return read_ident(&s, ret, err);
}
