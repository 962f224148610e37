/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names for addresses: (module, offset) → function, inline chain, file and line, from what the recording carried and from
 * debug files found by build-id. One symbolizer serves one import. It never looks at a live process, nor at this machine's
 * own kernel symbols.
 */
#ifndef VARVE_SYMBOLIZE_H
#define VARVE_SYMBOLIZE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "formats/err.h"
#include "formats/event.h"

struct progress;

enum demangle_mode { DEMANGLE_FULL = 0, DEMANGLE_SHORT = 1, DEMANGLE_NONE = 2 };

struct symbolizer_options {
	const char *const *debug_dirs; /* --debug-dir, in order; NULL-terminated or NULL */
	const char *symfs;	       /* --symfs: a root to look recorded paths up under, instead of /; or a bundle (formats/bundle.h) */
	const char *kallsyms;	       /* --kallsyms FILE: names for the kernel when the recording has none */
	const char *cache_dir;	       /* index cache by build-id; NULL: none */
	bool no_inline;
	bool debuginfod;	       /* fetch what is missing: see sym_fetch.h */
	const char *debuginfod_dir;    /* set by the symbolizer: the fetched files, read like others */
	bool no_files;		       /* use only what the recording carries (tests of the empty root) */
	enum demangle_mode demangle;
	struct progress *progress;     /* how far the import and the indexes are; NULL: nobody wants to know */
	unsigned jobs;		       /* 0: one per CPU */
	bool no_workers;	       /* read files in this process, without limits (tests, fuzzing) */
};

/* One function at an address. Strings belong to the symbolizer and live as long as it does. */
struct symbolized_frame {
	const char *name;     /* for display: demangled, suffixes folded; never "" and never NULL ("[unknown]" forms when unnamed) */
	const char *raw_name; /* as the table had it */
	const char *decl_file; /* where the function is declared; NULL unknown */
	uint32_t decl_line;
	const char *file; /* source of this very address (of the call, for an outer frame); NULL unknown */
	uint32_t line;	  /* 0 unknown */
	bool inlined;	  /* inlined into the next element of the chain */
	const char *language; /* "c++", "rust", "go", "d", "python", "javascript", "java", "csharp", "wasm"; NULL unknown, C too. Static */
	bool named;	  /* false: name is a placeholder, see symbolizer_module_info()->unnamed_reason */
};

struct symbolize_query {
	uint64_t off; /* frame.off; of the kernel it may be the address itself, where kptr_restrict hid what it is an offset of */
	bool exact;   /* FRAME_EXACT: look up at off, else at off - 1 */
};

/*
 * The answer for queries[i]: chain[0] is the innermost, chain[cnt - 1] the real function; cnt >= 1 always.
 * rel_addr: schema.sql's frame.rel_addr, UNKNOWN_U64 when it has none. Return nonzero to stop.
 */
typedef int (*symbolize_fn)(void *ctx, size_t i, const struct symbolized_frame *chain, size_t cnt, uint64_t rel_addr);

/* How unnamed_reason begins where a file was found whose debug information is in another that was not: its path follows. */
#define SYMBOLIZE_HALF "debug information is missing: "

struct symbolizer_module_info {
	const char *debug_path;	    /* the file names came from; NULL when from the recording only */
	const char *symbols;	    /* image.symbols: dwarf|symtab|dynsym|minidebuginfo|perfmap|kallsyms|gopclntab|none */
	const char *unnamed_reason; /* "no file", "build-id differs", "no symbols", "kptr_restrict", …; NULL when all named, but for SYMBOLIZE_HALF */
	const char *sought;	    /* of SYMBOLIZE_HALF: paths where what is missing was looked for, each with a newline; NULL none */
	uint64_t named, unnamed;    /* queries answered so far */
};

struct symbolizer;

/* Returns 0, -ENOMEM, or what sym_kernel_read() says of o->kallsyms. o's strings must outlive the symbolizer. */
int symbolizer_create(const struct symbolizer_options *o, struct symbolizer **ret, struct err *err);

/* A symbol that travelled in the recording (EVENT_SYMBOL), before resolve() of its module. module_id is any key the caller uses. */
int symbolizer_add_symbol(struct symbolizer *s, uint32_t module_id, uint64_t off, uint64_t size,
			  enum symbol_source source, const char *name);

/*
 * Resolve n queries of one module; fn is called once for each, in the order of their offsets (about: see i). Reads the module's files as far as that is not done.
 * Returns 0, what fn returned, or -ENOMEM. A file that is missing, foreign or broken is not an error: it is the module's info.
 */
int symbolizer_resolve(struct symbolizer *s, uint32_t module_id, const struct module *m,
		       const struct symbolize_query *queries, size_t n, symbolize_fn fn, void *ctx);

/*
 * Read these modules' files now, several at a time in worker processes, so that the resolve() calls that follow with these queries (or some
 * of them) find what they need. Optional: resolve() does the same for its one module. Each module at most once. Call after the add_symbol()
 * calls. The modules and the queries are read during the call only.
 * Returns 0 or -ENOMEM.
 */
struct symbolizer_want {
	uint32_t module_id;
	const struct module *m;
	const struct symbolize_query *queries;
	size_t cnt;
};
int symbolizer_prefetch(struct symbolizer *s, const struct symbolizer_want *wants, size_t n);

/* What is known of the module after resolve(); NULL before. */
const struct symbolizer_module_info *symbolizer_module_info(const struct symbolizer *s, uint32_t module_id);

void symbolizer_destroy(struct symbolizer *s);

#endif
