/* SPDX-License-Identifier: BSD-2-Clause */
/* A builder's index as a report gets it: through a file. For tests and fuzz targets. */
#ifndef VARVE_TESTS_MADE_INDEX_H
#define VARVE_TESTS_MADE_INDEX_H

#include <errno.h>
#include <sys/mman.h>

#include "formats/cleanup.h"
#include "report/sym_builder.h"

/* Lay out b, which is then only good for sym_builder_deinit(). Returns 0 or what making or reading it gives. */
static inline int made_index(struct sym_builder *b, struct sym_index *ret)
{
	_cleanup_close_ int fd = memfd_create("made-index", MFD_CLOEXEC);

	if (fd < 0)
		return -errno;
	return sym_builder_finish(b, fd) ?: sym_index_read(ret, fd, 0, NULL);
}

#endif
