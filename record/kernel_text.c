// SPDX-License-Identifier: BSD-2-Clause
#include "record/kernel_text.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "formats/cleanup.h"

/* Take a bound of the section, if it is one. */
static void take_bound(struct kernel_section *s, const char *section, const char *symbol, uint64_t addr)
{
	char name[40];

	snprintf(name, sizeof(name), "__%s_text_start", section);
	if (!strcmp(symbol, name))
		s->start = addr;
	snprintf(name, sizeof(name), "__%s_text_end", section);
	if (!strcmp(symbol, name) && s->start && addr > s->start)
		s->sz = addr - s->start;
}

struct kernel_text kernel_text_read(const char *path)
{
	_cleanup_fclose_ FILE *f = fopen(path, "re");
	struct kernel_text t = {};
	char line[640], type, symbol[32]; /* longer names are cut: those sought are shorter */
	uint64_t addr;

	while (f && !(t.sched.sz && t.entry.sz) && fgets(line, sizeof(line), f)) {
		if (!strstr(line, "_text_") || sscanf(line, "%" SCNx64 " %c %31s", &addr, &type, symbol) != 3)
			continue;
		take_bound(&t.sched, "sched", symbol, addr);
		take_bound(&t.entry, "entry", symbol, addr);
	}
	return t.sched.sz && t.entry.sz ? t : (struct kernel_text){};
}
