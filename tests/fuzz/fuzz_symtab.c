/* LAYER: record */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A mapped file's symbol tables, PLT and .eh_frame from an enemy. Each name that comes out lies in an executable segment, is not empty
 * unless it is a function of .eh_frame, is given in order and, for one address, once.
 */
#include <stdlib.h>
#include <string.h>

#include "record/elf_note.h"
#include "record/symtab.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HIT_CNT 64

struct seen {
	const struct symtab_input *in;
	uint64_t last;
	bool has_any;
};

static int check_symbol(void *ctx, const struct symtab_symbol *s)
{
	struct seen *seen = ctx;
	bool is_inside = false;

	for (uint32_t i = 0; i < seen->in->seg_cnt; i++) {
		const struct module_segment *seg = &seen->in->segs[i];

		is_inside |= s->off - seg->offset < seg->filesz && s->size <= seg->filesz - (s->off - seg->offset);
	}
	if (!is_inside || !*s->name != (s->source == SYMBOL_FDE)) /* which has no name */
		abort();
	/* the order is that of addresses, which several segments may lay out otherwise in the file */
	if (seen->in->seg_cnt == 1 && seen->has_any && s->off < seen->last)
		abort();
	seen->last = s->off;
	seen->has_any = true;
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct symtab_input in = { .image = { .fd = -1, .data = data, .len = size }, .debug = { .fd = -1 } };
	uint64_t offs[HIT_CNT];
	struct elf_ident id;
	struct seen seen = { .in = &in };

	if (elf_ident_parse(data, size, &id, NULL))
		return 0;
	in.segs = id.segs;
	in.seg_cnt = id.seg_cnt;
	for (int i = 0; i < HIT_CNT; i++)
		offs[i] = (id.seg_cnt ? id.segs[0].offset : 0) + (uint64_t)i * 16;
	if (symtab_find(&in, offs, HIT_CNT, check_symbol, &seen) < 0)
		abort(); /* memory is the only reason, and there is enough */
	seen = (struct seen){ .in = &in };
	if (symtab_each(&in, check_symbol, &seen) < 0)
		abort();
	return 0;
}
