/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The child process that reads one file for a bundle: no privileges, no system calls but reading and memory (names_sandbox.h). It proves
 * that the file is what it is taken for, says what other files it refers to, and gives the packed bytes over a pipe.
 */
#ifndef VARVE_BUNDLE_WORKER_H
#define VARVE_BUNDLE_WORKER_H

#include <stdbool.h>
#include <stdint.h>

#include "formats/bundle.h"
#include "record/elf_links.h"
#include "record/split_units.h"

/* How a file proves that it is the one that is wanted. */
enum bundle_proof {
	BUNDLE_PROOF_NONE = 0, /* it was identified before */
	BUNDLE_PROOF_ID,       /* by its build-id */
	BUNDLE_PROOF_LINK,     /* or, having none, by the CRC of .gnu_debuglink */
	BUNDLE_PROOF_DWP,      /* it is a package of split DWARF (whose units are known by ids of their own) */
	BUNDLE_PROOF_DWO,      /* it has the split unit dwo_id */
};

struct bundle_job {
	struct elf_source src; /* the caller's */
	uint64_t size;
	bool is_elf;
	const char *path;
	enum bundle_proof proof;
	uint8_t id[BUILD_ID_MAX];
	uint8_t id_sz;
	uint32_t crc;
	uint64_t dwo_id;
	bool wants_split_units; /* instead of packed bytes: the split units it means, for bundle_worker_split_units() */
};

/*
 * Run the job and hand what it packs to sink (for a bundle's: bundle_writer_append(), between bundle_writer_begin() and _end(), which are the caller's).
 * deadline_ts: CLOCK_MONOTONIC ns. Returns 1 with *ret set; 0: the file is not the one that is wanted; -ECHILD: the child died; -ETIME; or
 * the sink's error, -errno of fork and pipe.
 */
int bundle_worker_run(const struct bundle_job *job, bundle_sink sink, void *ctx, uint64_t deadline_ts, struct elf_links *ret);

/* Each split unit of what a job that wants_split_units gave. Returns 0, fn's value, or -EBADMSG: the child is not to be believed. */
int bundle_worker_split_units(const void *data, size_t len, split_unit_fn fn, void *ctx);

/* What the child does before it packs; for tests. False: not the file that is wanted. */
bool bundle_worker_look(const struct bundle_job *job, struct elf_links *ret);

#endif
