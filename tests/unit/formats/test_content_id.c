// SPDX-License-Identifier: BSD-2-Clause
#include "tests/test.h"

#include <sys/mman.h>
#include <unistd.h>

#include "formats/cleanup.h"
#include "formats/content_id.h"

TEST(content_id_tells_files_apart)
{
	uint8_t a[CONTENT_ID_SZ], b[CONTENT_ID_SZ];
	_cleanup_close_ int fd = memfd_create("content", MFD_CLOEXEC);

	CHECK(fd >= 0);
	CHECK_EQ(ftruncate(fd, 1 << 20), 0);
	CHECK_EQ(content_id_read(fd, a, NULL), 0);
	CHECK_EQ(content_id_read(fd, b, NULL), 0);
	CHECK(!memcmp(a, b, 16));
	CHECK_EQ(pwrite(fd, "x", 1, 100), 1);
	CHECK_EQ(content_id_read(fd, b, NULL), 0);
	CHECK(memcmp(a, b, 16));
	CHECK_EQ(ftruncate(fd, (1 << 20) + 1), 0);
	CHECK_EQ(content_id_read(fd, a, NULL), 0);
	CHECK(memcmp(a, b, 16));
	CHECK_EQ(ftruncate(fd, 3), 0);
	CHECK_EQ(content_id_read(fd, a, NULL), 0);
}

TEST_MAIN()
