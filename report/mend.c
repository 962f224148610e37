// SPDX-License-Identifier: BSD-2-Clause
#include "report/mend.h"

#include <string.h>

#include "report/escape.h"
#include "report/symbolize.h"

static bool is_kind(const struct stack_image *i, const char *kind)
{
	return !strcmp(i->kind, kind);
}

bool mend_is_half(const struct stack_image *i)
{
	return i->unnamed_reason && !strncmp(i->unnamed_reason, SYMBOLIZE_HALF, strlen(SYMBOLIZE_HALF));
}

/* Go's table says all of Go's functions, and nothing of C's. */
static bool lacks_debug_information(const struct stack_image *i)
{
	if (!i->symbols || mend_is_half(i))
		return true;
	return strcmp(i->symbols, "gopclntab") ? strcmp(i->symbols, "dwarf") != 0 : i->unnamed_reason != NULL;
}

bool mend_wants_debug_file(const struct stack_image *i)
{
	return is_kind(i, "elf") && i->build_id[0] && lacks_debug_information(i);
}

static void print_name(const char *name, const char *suffix, FILE *out)
{
	escape_text(out, name, strlen(name));
	fputs(suffix, out);
}

/* Older debug packages were made by hand, for one package or for all of a source. */
static void print_debug_file(const struct stack_image *i, const struct package_owner *owner, FILE *out)
{
	if (owner->name) {
		print_name(owner->name, "-dbgsym (or ", out);
		print_name(owner->name, owner->source ? "-dbg, " : "-dbg), or ", out);
	}
	if (owner->name && owner->source)
		print_name(owner->source, "-dbg), or ", out);
	if (mend_is_half(i))
		fputs("that file", out);
	else
		fprintf(out, "%.2s/%s.debug", i->build_id, i->build_id + 2);
}

void mend_print(const struct stack_image *i, const struct package_owner *owner, FILE *out)
{
	if (is_kind(i, "kernel") || is_kind(i, "module"))
		fputs("--kallsyms FILE copied as root on that host before it reboots; next time record as root with kernel.kptr_restrict below 2",
		      out);
	else if (is_kind(i, "bpf"))
		fputs("next time record with net.core.bpf_jit_kallsyms=1, as root", out);
	else if (is_kind(i, "jit"))
		fputs("next time a perf map: node --perf-basic-prof, java -XX:+DumpPerfMapAtExit, python3 -X perf (3.12), …",
		      out);
	else if (is_kind(i, "vdso"))
		fputs("next time --symbols hit or all", out);
	else if (!is_kind(i, "elf"))
		fputs("nothing: no file is known", out);
	else if (!i->build_id[0] && !i->debug_path)
		fputs("nothing: what the file held is not known; a build-id (ld --build-id) would tell",
		      out);
	else if (mend_wants_debug_file(i))
		print_debug_file(i, owner, out);
	else if (lacks_debug_information(i))
		fputs("next time the program unstripped: without a build-id (ld --build-id) no debug file is known to be its own", out);
	else
		fputs("nothing: its debug information has nothing there", out);
}
