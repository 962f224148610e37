/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * --bundle: at the end of a recording, the files of what was seen in stacks, for reading it where they are not. The recorder has held them
 * since it first saw them, so those of processes that ended, of containers, deleted ones and memfds are there too. Each is looked at
 * and packed by a child without privileges.
 */
#ifndef VARVE_RECORD_BUNDLE_H
#define VARVE_RECORD_BUNDLE_H

#include "formats/bundle.h"
#include "record/modules.h"

struct bundle_stats {
	uint32_t modules; /* ELF and vdso modules in stacks */
	uint32_t missing; /* without a file: gone before it could be opened, or over the cap of held ones and changed since */
	uint32_t failed;  /* a file was there, but the child that read it died or ran out of time */
	uint32_t files;	  /* in the bundle */
	uint64_t bytes;	  /* of the bundle */
};

/*
 * Pack the files of the modules with these ids (of recording_writer_add_module()) and what belongs to them: debug files by build-id and
 * .gnu_debuglink, dwz supplements, .dwp packages or else split units (.dwo), perf maps. Takes at most about timeout_ns. Returns 0 or a writer's error.
 */
int bundle_add_modules(struct bundle_writer *w, const struct modules *m, const uint32_t *ids, uint32_t cnt, uint64_t timeout_ns,
		       struct bundle_stats *ret, struct err *err);

#endif
