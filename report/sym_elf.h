/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One ELF file on disk, read through libelf. Only report/sym_elf*.c includes their headers.
 * Everything here runs in a worker (sym_worker.h): a hostile file may crash it.
 */
#ifndef VARVE_SYM_ELF_H
#define VARVE_SYM_ELF_H

#include "formats/err.h"
#include "report/sym_builder.h"
#include "report/sym_cursor.h"

struct Elf;
struct bundle;
struct bundle_member;

struct sym_elf {
	char *path;
	int fd;
	struct Elf *elf;
	SYM_VEC(void *) owned; /* decompressed sections */
	uint8_t build_id[BUILD_ID_MAX];
	size_t build_id_sz; /* 0: none */
	uint64_t size, mtime_ns;
	bool is_little_endian;
	bool has_code; /* the code's bytes are in the file (a debug file has only its place) */
	bool has_symtab, has_dynsym, is_go;
	bool has_debug_info; /* .debug_info, in whatever form */
	const char *const *debug_dirs; /* --debug-dir; borrowed, NULL: none */
	const char *root; /* --symfs, below which the paths in the file are meant; borrowed, NULL: / */
	const char *program; /* of a debug file: the path of what it was taken from, which a .dwp may lie beside; borrowed, NULL unknown */
	/* Of sym_elf_open_member(): where what belongs to it (dwz supplement, split units) is, too. NULL: a file. */
	const struct bundle *bundle; /* borrowed */
	const struct bundle_member *member;
	const char *fetched_dir; /* of --debuginfod; borrowed, NULL: none */
	/* Set by sym_elf_add_dwarf(): the file that part of its debug information is in (""), its build-id in hex if it is a dwz supplement
	 * (""), and paths where it was looked for, each with a newline. */
	char missing[256], wants[2 * BUILD_ID_MAX + 1];
	SYM_VEC(char) sought;
	void *bytes; /* all of it: the file mapped, or the member unpacked; NULL: too large to be mapped, so libelf reads what is wanted */
	struct Elf *minidebug; /* of .gnu_debugdata, while its symbols are needed */
};

/*
 * Open a regular file that is an ELF of 64 or 32 bits. Never blocks on a FIFO or device.
 * Returns 0, -errno, or -EBADMSG (no ELF, or a broken one).
 */
int sym_elf_open(const char *path, struct sym_elf *ret, struct err *err);

/*
 * The same for a member of a bundle, which must stay open as long as *ret. Its path is the one it had on the recorded host.
 * Returns 0, -ENOMEM, or -EBADMSG.
 */
int sym_elf_open_member(const struct bundle *b, const struct bundle_member *m, struct sym_elf *ret);

/* Accepts a zeroed one. */
void sym_elf_close(struct sym_elf *e);

/* A section's contents, decompressed (zlib, zstd, .zdebug); p NULL: there is none, or it is broken.
 * Valid while e is open. */
struct sym_bytes sym_elf_section(struct sym_elf *e, const char *name);
/* The same by its number. */
struct sym_bytes sym_elf_section_at(struct sym_elf *e, size_t i);

/* Are these bytes of the file itself, so that pages of them that are given back come again? */
bool sym_elf_is_mapped(const struct sym_elf *e, struct sym_bytes b);

/* The file name in .gnu_debuglink (malloc'ed) and the CRC its file must have; NULL: none. */
char *sym_elf_debuglink(struct sym_elf *e, uint32_t *ret_crc);
/* CRC-32 of the whole file, as .gnu_debuglink means it; 0 when it cannot be read. */
uint32_t sym_elf_crc32(const struct sym_elf *e);

/* What b must know of the image before all else: executable PT_LOADs and code ranges. Those already
 * there stay. */
int sym_elf_add_layout(struct sym_elf *e, struct sym_builder *b);

/* A symbol table. What it points to stays as long as its file is open. */
struct sym_elf_table {
	enum symbol_source source;
	const void *syms; /* cnt Elf64_Sym or Elf32_Sym, of this machine's byte order */
	size_t cnt;
	bool is_64;
	struct sym_bytes names;
	bool has_code; /* may any name code? Known after sym_elf_add_symbols() */
};

/* The symbol tables of all files of a module: only together do they say which symbol an address is in. */
struct sym_elf_tables {
	struct sym_elf_table *v;
	size_t cnt, cap;
};

/* Note .symtab and .dynsym (SYMBOL_SYMTAB, _DYNSYM); with a source the former only, as of that source. Returns 0 or -ENOMEM. */
int sym_elf_note_symbols(struct sym_elf *e, enum symbol_source source, struct sym_elf_tables *tables);

/* The same for .gnu_debugdata (SYMBOL_MINIDEBUG). */
int sym_elf_note_minidebug(struct sym_elf *e, struct sym_elf_tables *tables);

/*
 * Those symbols of the tables that can name one of cnt wanted addresses (ascending, none twice). *open: those that no symbol with a size
 * covers, in places (room for cnt); sym_wanted_deinit() it. Returns 0, -ENOMEM, or -EFBIG.
 */
int sym_elf_add_symbols(struct sym_elf_tables *tables, struct sym_builder *b, const uint64_t *wanted, size_t cnt, uint64_t *places,
			struct sym_wanted *open);

/* A function that starts at addr; "" none. Looks at every symbol. */
const char *sym_elf_name_at(const struct sym_elf_tables *tables, uint64_t addr);

/* Accepts a zeroed one. */
void sym_elf_tables_deinit(struct sym_elf_tables *tables);

/* PLT slots as "name@plt" (SYMBOL_PLT), found by decoding them, so that any linker's order of slots and relocations is right. Returns 0 or
 * -ENOMEM. */
int sym_elf_add_plt(struct sym_elf *e, const struct sym_elf_tables *tables, struct sym_builder *b);

/* Go's own table: functions, inline scopes, lines. Returns the number of functions, or -ENOMEM. */
int sym_elf_add_go(struct sym_elf *e, struct sym_builder *b, bool no_inline);

/* Functions of .eh_frame, for addresses without a symbol. Returns 0 or -ENOMEM. */
int sym_elf_add_fdes(struct sym_elf *e, struct sym_builder *b);

/* Functions, inline scopes and lines, from the file, its split units and its dwz supplement.
 * Returns the number of functions with code, 0 when there is no (readable) DWARF, -ENOMEM. */
int sym_elf_add_dwarf(struct sym_elf *e, struct sym_builder *b, bool no_inline);

/* A file that sym_elf_add_dwarf() reads besides e. */
struct sym_related {
	enum sym_related_kind { SYM_RELATED_ALT, SYM_RELATED_DWP, SYM_RELATED_DWO } kind;
	const char *path;
	const uint8_t *id; /* ALT: its build-id */
	size_t id_sz;
	uint64_t dwo_id; /* DWO */
};

/* Each of them that was found, once; strings are valid during the call. fn's nonzero return ends it and is returned; or -ENOMEM. */
typedef int (*sym_related_fn)(void *ctx, const struct sym_related *r);
int sym_elf_each_related(struct sym_elf *e, sym_related_fn fn, void *ctx);

#endif
