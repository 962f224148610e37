// SPDX-License-Identifier: BSD-2-Clause
#include "report/sym_elf.h"

#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "formats/bundle.h"
#include "formats/cleanup.h"

static void note_sections(struct sym_elf *e)
{
	Elf_Scn *scn = NULL;
	size_t names;

	if (elf_getshdrstrndx((Elf *)e->elf, &names))
		return;
	while ((scn = elf_nextscn((Elf *)e->elf, scn))) {
		GElf_Shdr sh;
		const char *name;

		if (!gelf_getshdr(scn, &sh))
			continue;
		name = elf_strptr((Elf *)e->elf, names, sh.sh_name) ?: "";
		e->is_go |= !strcmp(name, ".go.buildinfo") || strstr(name, "gopclntab");
		e->has_symtab |= sh.sh_type == SHT_SYMTAB;
		e->has_dynsym |= sh.sh_type == SHT_DYNSYM;
		e->has_code |= sh.sh_type == SHT_PROGBITS && (sh.sh_flags & SHF_EXECINSTR);
		if (sh.sh_type != SHT_NOBITS &&
		    (!strcmp(name, ".debug_info") || !strcmp(name, ".zdebug_info")))
			e->has_debug_info = true;
	}
}

static bool take_build_id(struct sym_elf *e, Elf_Data *data)
{
	size_t off = 0, name_off, desc_off;
	GElf_Nhdr nh;

	while (data && (off = gelf_getnote(data, off, &nh, &name_off, &desc_off))) {
		const char *bytes = data->d_buf;

		if (nh.n_type != NT_GNU_BUILD_ID || nh.n_namesz != 4 ||
		    memcmp(bytes + name_off, "GNU", 4) || !nh.n_descsz ||
		    nh.n_descsz > BUILD_ID_MAX)
			continue;
		memcpy(e->build_id, bytes + desc_off, nh.n_descsz);
		e->build_id_sz = nh.n_descsz;
		return true;
	}
	return false;
}

/* From a note section (a debug file's segments lie about their place), else from a note segment. */
static void note_build_id(struct sym_elf *e)
{
	Elf *elf = (Elf *)e->elf;
	Elf_Scn *scn = NULL;
	GElf_Shdr sh;
	GElf_Phdr ph;
	size_t n;

	while ((scn = elf_nextscn(elf, scn)))
		if (gelf_getshdr(scn, &sh) && sh.sh_type == SHT_NOTE &&
		    take_build_id(e, elf_getdata(scn, NULL)))
			return;
	if (elf_getphdrnum(elf, &n))
		return;
	for (size_t i = 0; i < n; i++)
		if (gelf_getphdr(elf, (int)i, &ph) && ph.p_type == PT_NOTE &&
		    take_build_id(e,
				  elf_getdata_rawchunk(elf, (int64_t)ph.p_offset, ph.p_filesz,
						       ph.p_align == 8 ? ELF_T_NHDR8 : ELF_T_NHDR)))
			return;
}

/* What is in the file that was begun; closes it when it is none of ours. */
static int look(struct sym_elf *e)
{
	if (!e->path || !e->elf || elf_kind((Elf *)e->elf) != ELF_K_ELF) {
		int code = e->path ? -EBADMSG : -ENOMEM;

		sym_elf_close(e);
		return code;
	}
	e->is_little_endian = (elf_getident((Elf *)e->elf, NULL) ?: "")[EI_DATA] == ELFDATA2LSB;
	note_sections(e);
	note_build_id(e);
	return 0;
}

int sym_elf_open(const char *path, struct sym_elf *ret, struct err *err)
{
	struct sym_elf e = {.fd = -1};
	struct stat st;
	int code;

	elf_version(EV_CURRENT);
	e.fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (e.fd < 0)
		return err_errno(err, "open '%s'", path);
	if (fstat(e.fd, &st) || !S_ISREG(st.st_mode)) {
		close(e.fd);
		return err_set(err, -EBADMSG, "'%s' is not a regular file", path);
	}
	e.size = st.st_size;
	e.mtime_ns = st.st_mtim.tv_sec * 1000000000ULL + st.st_mtim.tv_nsec;
	e.path = strdup(path);
	e.bytes = mmap(NULL, e.size ?: 1, PROT_READ, MAP_PRIVATE, e.fd, 0);
	e.bytes = e.bytes == MAP_FAILED ? NULL : e.bytes;
	e.elf = (struct Elf *)(e.bytes ? elf_memory(e.bytes, e.size) : elf_begin(e.fd, ELF_C_READ, NULL));
	code = look(&e);
	if (code)
		return err_set(err, code, "'%s' is not an ELF file", path);
	*ret = e;
	return 0;
}

int sym_elf_open_member(const struct bundle *b, const struct bundle_member *m, struct sym_elf *ret)
{
	struct sym_elf e = {.fd = -1, .bundle = b, .member = m, .size = m->raw_sz};
	int code;

	elf_version(EV_CURRENT);
	code = bundle_unpack(b, m, &e.bytes, NULL);
	if (code)
		return code;
	e.path = strdup(m->path);
	e.mtime_ns = m->check; /* so that the cache's key tells two files of one id apart */
	e.elf = (struct Elf *)elf_memory(e.bytes, m->raw_sz);
	code = look(&e);
	if (!code)
		*ret = e;
	return code;
}

void sym_elf_close(struct sym_elf *e)
{
	if (e->minidebug)
		elf_end((Elf *)e->minidebug);
	if (e->elf)
		elf_end((Elf *)e->elf);
	if (e->path && e->fd >= 0)
		close(e->fd);
	if (e->bytes)
		munmap(e->bytes, e->size ?: 1);
	for (size_t i = 0; i < e->owned.cnt; i++)
		free(e->owned.v[i]);
	sym_vec_deinit(&e->owned);
	sym_vec_deinit(&e->sought);
	free(e->path);
	memset(e, 0, sizeof(*e));
	e->fd = -1;
}

bool sym_elf_is_mapped(const struct sym_elf *e, struct sym_bytes b)
{
	const uint8_t *file = e->bytes;

	return file && !e->member && b.p >= file && b.p + b.sz <= file + e->size;
}

static bool add_range(struct sym_builder *b, uint64_t lo, uint64_t sz)
{
	struct sym_range *r;

	if (!sz || lo + sz < lo)
		return true;
	r = sym_vec_push(&b->code);
	if (!r)
		return false;
	*r = (struct sym_range){lo, lo + sz};
	return true;
}

static bool add_loads(Elf *elf, struct sym_builder *b)
{
	size_t n;

	if (elf_getphdrnum(elf, &n))
		return true;
	for (size_t i = 0; i < n; i++) {
		struct sym_load *l;
		GElf_Phdr ph;

		if (!gelf_getphdr(elf, i, &ph) || ph.p_type != PT_LOAD || !(ph.p_flags & PF_X))
			continue;
		l = sym_vec_push(&b->loads);
		if (!l)
			return false;
		*l = (struct sym_load){ph.p_offset, ph.p_vaddr, ph.p_filesz ?: ph.p_memsz};
	}
	return true;
}

static bool add_code(Elf *elf, struct sym_builder *b)
{
	Elf_Scn *scn = NULL;

	while ((scn = elf_nextscn(elf, scn))) {
		GElf_Shdr sh;

		if (!gelf_getshdr(scn, &sh) ||
		    (sh.sh_flags & (SHF_ALLOC | SHF_EXECINSTR)) != (SHF_ALLOC | SHF_EXECINSTR))
			continue;
		if (!add_range(b, sh.sh_addr, sh.sh_size))
			return false;
	}
	for (size_t i = 0; !b->code.cnt && i < b->loads.cnt; i++)
		if (!add_range(b, b->loads.v[i].vaddr, b->loads.v[i].filesz))
			return false;
	return true;
}

int sym_elf_add_layout(struct sym_elf *e, struct sym_builder *b)
{
	GElf_Ehdr eh;

	/* sections of an object file (a kernel module) have no addresses yet */
	if (!gelf_getehdr((Elf *)e->elf, &eh) || eh.e_type == ET_REL)
		return 0;
	if (!b->loads.cnt && !add_loads((Elf *)e->elf, b))
		return -ENOMEM;
	if (!b->code.cnt && !add_code((Elf *)e->elf, b))
		return -ENOMEM;
	return 0;
}
