// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/* What lies at an address of the kernel, asked by the recorder. */
#include "varve.bpf.h"

char ksym_text[WIRE_KSYM_SZ];

static const char ksym_format[] = "%pS";

/*
 * Attached to nothing: run by bpf(BPF_PROG_TEST_RUN), about 1 us, for an address the recorder has not met before. Writes
 * "name+0xoffset/0xsize [module]", or a bare number where nothing is known.
 */
SEC("raw_tp")
int ksym_at(__u64 *ctx)
{
	__u64 addr = ctx[0];

	return bpf_snprintf(ksym_text, sizeof(ksym_text), ksym_format, &addr, sizeof(addr));
}
