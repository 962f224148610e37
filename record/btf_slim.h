/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The part of the kernel's type information that CO-RE needs for one BPF object: the types of the names the object has, whole, and
 * what lies within them; what they point to is left out. libbpf goes through all the types it is given once for each
 * struct that a program reads, and through those of all the kernel's modules for one that is nowhere: of 126,000 types that is 10 ms,
 * of these 300 it is nothing.
 */
#ifndef VARVE_BTF_SLIM_H
#define VARVE_BTF_SLIM_H

#include <bpf/btf.h>

#include "formats/bytes.h"
#include "record/btf_scan.h"

/*
 * Write the types of `from` that `wanted` has names for, a "___flavour" aside, as BTF to *ret, which is the caller's. `from` is walked for it, and
 * what `finding` seeks is found on the way. Returns 0; -EBADMSG: `from` contradicts itself; -ENOMEM.
 */
int btf_slim_make(struct btf_scan *from, const struct btf *wanted, struct btf_finding *finding, struct buffer *ret);

#endif
