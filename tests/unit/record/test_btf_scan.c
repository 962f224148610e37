// SPDX-License-Identifier: BSD-2-Clause
#include "record/btf_scan.h"

#include <bpf/btf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/test.h"

#define VMLINUX "/sys/kernel/btf/vmlinux"

/* Raw BTF with one type of each kind in use here, made by libbpf; the caller frees the result's owner. */
static const void *make(struct btf **ret, uint32_t *ret_sz)
{
	struct btf *b = btf__new_empty();
	int proto, ptr;

	CHECK(b != NULL);
	CHECK_EQ(btf__add_int(b, "int", 4, BTF_INT_SIGNED), 1);
	CHECK_EQ(btf__add_struct(b, "pair", 8), 2);
	CHECK_EQ(btf__add_field(b, "a", 1, 0, 0), 0);
	CHECK_EQ(btf__add_field(b, "b", 1, 32, 0), 0);
	proto = btf__add_func_proto(b, 0);
	CHECK_EQ(btf__add_func_param(b, "x", 1), 0);
	CHECK_EQ(btf__add_func_param(b, "y", 2), 0);
	ptr = btf__add_ptr(b, proto);
	CHECK_EQ(btf__add_typedef(b, "btf_trace_thing", ptr), 5);
	CHECK_EQ(btf__add_enum64(b, "wide", 8, false), 6);
	CHECK_EQ(btf__add_enum64_value(b, "w", 1ULL << 40), 0);
	CHECK_EQ(btf__add_decl_tag(b, "tag", 2, 0), 7);
	CHECK_EQ(btf__add_func(b, "thing", BTF_FUNC_GLOBAL, proto), 8);
	CHECK_EQ(btf__add_var(b, "thing", BTF_VAR_GLOBAL_ALLOCATED, 1), 9);
	for (int i = 0; i < 3 * BTF_SCAN_STEP; i++)
		CHECK_EQ(btf__add_const(b, 1), 10 + i);
	*ret = b;
	return btf__raw_data(b, ret_sz);
}

TEST(types_are_found_by_name_and_kind)
{
	struct btf_wanted w[] = { { "thing", BTF_KIND_VAR, 7 }, { "thing", BTF_KIND_FUNC, 0 }, { "btf_trace_thing", BTF_KIND_TYPEDEF, 0 },
				  { "thing", BTF_KIND_TYPEDEF, 5 } };
	const struct btf_type *t;
	struct btf_scan b;
	struct btf *owner;
	uint32_t sz;
	const void *data = make(&owner, &sz);

	CHECK_EQ(btf_scan_init(&b, data, sz), 0);
	CHECK_EQ(btf_scan_find(&b, w, 4), 0);
	CHECK_EQ(w[0].id, 9);
	CHECK_EQ(w[1].id, 8);
	CHECK_EQ(w[2].id, 5);
	CHECK_EQ(w[3].id, 0);
	CHECK_EQ(b.type_cnt, 9 + 3 * BTF_SCAN_STEP);
	for (uint32_t id = 1; id <= b.type_cnt; id++) {
		t = btf_scan_type(&b, id);
		CHECK(t && !memcmp(t, btf__type_by_id(owner, id), sizeof(*t)));
	}
	CHECK(!btf_scan_type(&b, 0));
	CHECK(!btf_scan_type(&b, b.type_cnt + 1));
	free(b.places);
	btf__free(owner);
}

TEST(what_is_cut_off_or_unknown_is_refused)
{
	struct btf_wanted w = { "thing", BTF_KIND_VAR, 0 };
	struct btf *owner;
	uint32_t sz;
	const void *data = make(&owner, &sz);
	uint8_t *copy = malloc(sz);
	struct btf_scan b;

	CHECK(copy != NULL);
	for (uint32_t cut = 0; cut < sz; cut++) {
		memcpy(copy, data, cut);
		CHECK_EQ(btf_scan_init(&b, copy, cut), -EBADMSG);
	}
	for (uint32_t i = 0; i < sz; i++) { /* whatever a byte says, nothing is read outside */
		memcpy(copy, data, sz);
		copy[i] ^= 0xff;
		if (btf_scan_init(&b, copy, sz))
			continue;
		(void)btf_scan_find(&b, &w, 1);
		for (uint32_t id = 0; id <= b.type_cnt; id++)
			(void)btf_scan_type(&b, id);
		free(b.places);
	}
	memcpy(copy, data, sz);
	CHECK_EQ(btf_scan_init(&b, copy, sz), 0);
	copy[b.types + 7] = 0x1f; /* the first type's kind: none */
	CHECK_EQ(btf_scan_find(&b, &w, 1), -EBADMSG);
	free(b.places);
	free(copy);
	btf__free(owner);
}

TEST(the_running_kernel_s_types_are_those_libbpf_finds)
{
	struct btf_wanted w[] = { { "btf_trace_sched_switch", BTF_KIND_TYPEDEF, 0 }, { "out_of_memory", BTF_KIND_FUNC, 0 },
				  { "task_struct", BTF_KIND_STRUCT, 0 }, { "no_such_thing_here", BTF_KIND_FUNC, 0 } };
	struct btf *theirs = btf__load_vmlinux_btf();
	struct btf_scan b;
	int code = btf_scan_open(VMLINUX, &b);

	CHECK_EQ(code == 0, theirs != NULL);
	if (code)
		return;
	CHECK_EQ(btf_scan_find(&b, w, 4), 0);
	CHECK_EQ(b.type_cnt, btf__type_cnt(theirs) - 1);
	for (size_t i = 0; i < 4; i++) {
		int id = btf__find_by_name_kind(theirs, w[i].name, w[i].kind);

		CHECK_EQ(w[i].id, id > 0 ? id : 0);
	}
	btf_scan_close(&b);
	btf__free(theirs);
	CHECK_EQ(btf_scan_open("/dev/null", &b), -EBADMSG);
	CHECK_EQ(btf_scan_open("/nonexistent", &b), -ENOENT);
}

TEST_MAIN()
