/* LAYER: record */
/* SPDX-License-Identifier: BSD-2-Clause */
/* Records of the perf ring and the texts of /proc that carry what a process chose: comm, path, command line. */
#include <stdlib.h>
#include <string.h>

#include "record/procfile.h"
#include "record/procscan.h"
#include "record/sideband.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_text(char *text, size_t size)
{
	struct procscan_stat stat;
	struct procfile_status status;
	struct mapping_desc map;
	bool is_exec;
	uint64_t v;

	if (!procscan_parse_stat(text, size, &stat) && strlen(stat.comm) >= sizeof(stat.comm))
		abort();
	procfile_parse_status(text, &status);
	(void)procfile_find_u64(text, "MemFree:", &v);
	text[strcspn(text, "\n")] = '\0';
	if (!procscan_parse_maps_line(text, &map, &is_exec) && map.start >= map.end)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sideband_record r;
	char *text = malloc(size + 1);

	if (!text)
		return 0;
	if (sideband_parse(data, size, &r) > 0 && r.kind == SIDEBAND_MMAP &&
	    (r.map.start >= r.map.end || strlen(r.map.path) >= size))
		abort();
	memcpy(text, data, size);
	text[size] = '\0';
	try_text(text, size);
	free(text);
	return 0;
}
