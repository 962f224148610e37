// SPDX-License-Identifier: BSD-2-Clause
#include "record/kernel_text.h"

#include <stdio.h>
#include <unistd.h>

#include "tests/test.h"

static struct kernel_text read_text(const char *kallsyms)
{
	char path[] = "/tmp/varve-kernel-text-XXXXXX";
	struct kernel_text t;
	int fd = mkstemp(path);

	CHECK(fd >= 0 && write(fd, kallsyms, strlen(kallsyms)) == (ssize_t)strlen(kallsyms));
	close(fd);
	t = kernel_text_read(path);
	unlink(path);
	return t;
}

TEST(kernel_text_has_both_sections)
{
	struct kernel_text t = read_text("ffffffff81000000 T _text\nffffffff81fa0000 T __sched_text_start\nffffffff81fa0010 T my__sched_text_end\n"
					 "ffffffff81fb0000 T __sched_text_end\nffffffff82000000 T __entry_text_start\n"
					 "ffffffff82001000 T __entry_text_end\n");

	CHECK_EQ(t.sched.start, 0xffffffff81fa0000);
	CHECK_EQ(t.sched.sz, 0x10000);
	CHECK_EQ(t.entry.start, 0xffffffff82000000);
	CHECK_EQ(t.entry.sz, 0x1000);
}

TEST(kernel_text_is_all_or_nothing)
{
	struct kernel_text t = read_text("ffffffff81fa0000 T __sched_text_start\nffffffff81fb0000 T __sched_text_end\n");

	CHECK_EQ(t.sched.sz, 0);
	t = read_text("0000000000000000 T __sched_text_start\n0000000000000000 T __sched_text_end\n"
		      "0000000000000000 T __entry_text_start\n0000000000000000 T __entry_text_end\n"); /* kptr_restrict */
	CHECK_EQ(t.sched.sz, 0);
	CHECK_EQ(t.entry.sz, 0);
	t = kernel_text_read("/nonexistent");
	CHECK_EQ(t.sched.sz, 0);
}

TEST_MAIN()
