// SPDX-License-Identifier: BSD-2-Clause
#include "record/targets.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>

#include "formats/cleanup.h"
#include "record/procfile.h"
#include "record/procscan.h"
#include "record/programs.h"

#define LOOKS 65536 /* the kernel's map has at most so many; one that changes under the walk makes it begin anew */

bool targets_has_ended(uint32_t id)
{
	_cleanup_free_ char *text = NULL;
	struct procscan_stat st;
	char path[40];
	ssize_t n;

	if (kill((pid_t)id, 0) && errno == ESRCH)
		return true;
	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/stat", id);
	n = procfile_read(AT_FDCWD, path, 4096, &text);
	if (n < 0 || procscan_parse_stat(text, (size_t)n, &st)) /* ended just now, or not ours to read: the next look tells */
		return false;
	return (st.state == 'Z' || st.state == 'X') && st.thread_cnt <= 1; /* other threads outlive a process's first */
}

bool targets_have_ended(const struct programs *p)
{
	uint32_t id = 0;
	bool is_first = true;

	if (!programs_have_target_ids(p))
		return false;
	for (int i = 0; i < LOOKS && programs_next_target_id(p, is_first, &id); i++, is_first = false)
		if (!targets_has_ended(id))
			return false;
	return true;
}
