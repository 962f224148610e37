// SPDX-License-Identifier: BSD-2-Clause
#include "record/btf_slim.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/test.h"

#define VMLINUX "/sys/kernel/btf/vmlinux"

/* A kernel's types: thing holds inner by value, twice, and points to far; nobody asks for other. */
static struct btf *make_kernel(void)
{
	struct btf *b = btf__new_empty();
	int array;

	CHECK(b != NULL);
	CHECK_EQ(btf__add_int(b, "int", 4, BTF_INT_SIGNED), 1);
	CHECK_EQ(btf__add_struct(b, "far", 400), 2);
	CHECK_EQ(btf__add_field(b, "x", 1, 96, 0), 0);
	CHECK_EQ(btf__add_ptr(b, 2), 3);
	CHECK_EQ(btf__add_struct(b, "other", 4), 4);
	CHECK_EQ(btf__add_field(b, "y", 1, 0, 0), 0);
	CHECK_EQ(btf__add_union(b, NULL, 4), 5);
	CHECK_EQ(btf__add_field(b, "val", 1, 0, 0), 0);
	CHECK_EQ(btf__add_typedef(b, "inner", 5), 6);
	CHECK_EQ(btf__add_const(b, 6), 7);
	array = btf__add_array(b, 1, 7, 2);
	CHECK_EQ(btf__add_struct(b, "thing", 24), array + 1);
	CHECK_EQ(btf__add_field(b, "far", 3, 0, 0), 0);
	CHECK_EQ(btf__add_field(b, "inners", array, 64, 0), 0);
	CHECK_EQ(btf__add_field(b, "flag", 1, 128, 3), 0);
	CHECK_EQ(btf__add_enum(b, "level", 4), array + 2);
	CHECK_EQ(btf__add_enum_value(b, "low", 5), 0);
	CHECK_EQ(btf__add_enum64(b, "wide", 8, false), array + 3);
	CHECK_EQ(btf__add_enum64_value(b, "w0", 1), 0);
	CHECK_EQ(btf__add_enum64_value(b, "w1", 1ULL << 40), 0);
	CHECK_EQ(btf__add_struct(b, "thing", 8), array + 4); /* another one of that name */
	return b;
}

static struct btf *make_wanted(void)
{
	struct btf *b = btf__new_empty();

	CHECK(b != NULL);
	CHECK_EQ(btf__add_struct(b, "thing___old", 0), 1);
	CHECK_EQ(btf__add_enum(b, "level", 4), 2);
	CHECK_EQ(btf__add_enum(b, "wide", 4), 3);
	CHECK_EQ(btf__add_struct(b, "nowhere", 0), 4);
	CHECK_EQ(btf__add_struct(b, NULL, 0), 5);
	return b;
}

static struct btf *slim(const struct btf *kernel, const struct btf *wanted, int *ret_code)
{
	struct btf_wanted far = { "far", BTF_KIND_STRUCT, 0 };
	struct btf_finding finding;
	struct buffer out = { 0 };
	struct btf_scan scan;
	struct btf *b = NULL;
	uint32_t sz;
	const void *data = btf__raw_data(kernel, &sz);

	CHECK_EQ(btf_scan_init(&scan, data, sz), 0);
	btf_finding_init(&finding, &far, 1);
	*ret_code = btf_slim_make(&scan, wanted, &finding, &out);
	CHECK_EQ(far.id, 2);
	if (!*ret_code)
		b = btf__new(out.data, (uint32_t)out.len);
	free(scan.places);
	buffer_deinit(&out);
	return b;
}

TEST(what_is_asked_for_is_there_whole_and_what_it_points_to_is_not)
{
	struct btf *kernel = make_kernel(), *wanted = make_wanted(), *b;
	const struct btf_type *t;
	int code, id;

	b = slim(kernel, wanted, &code);
	CHECK_EQ(code, 0);
	CHECK(b != NULL);
	CHECK(btf__find_by_name(b, "far") < 0);
	CHECK(btf__find_by_name(b, "other") < 0);
	CHECK(btf__find_by_name(b, "nowhere") < 0);
	id = btf__find_by_name_kind(b, "thing", BTF_KIND_STRUCT);
	t = btf__type_by_id(b, (uint32_t)id);
	CHECK(t && t->size == 24 && btf_vlen(t) == 3);
	CHECK_STR(btf__name_by_offset(b, btf_members(t)[1].name_off), "inners");
	CHECK_EQ(btf_member_bit_offset(t, 1), 64);
	CHECK_EQ(btf__resolve_size(b, btf_members(t)[1].type), 8);
	CHECK_EQ(btf__resolve_size(b, btf_members(t)[0].type), 8);
	CHECK_EQ(btf_member_bitfield_size(t, 2), 3);
	t = btf__type_by_id(b, (uint32_t)btf__find_by_name_kind(b, "inner", BTF_KIND_TYPEDEF));
	CHECK(t != NULL);
	t = btf__type_by_id(b, t->type);
	CHECK(t && btf_is_union(t) && btf_vlen(t) == 1);
	CHECK_STR(btf__name_by_offset(b, btf_members(t)->name_off), "val");
	t = btf__type_by_id(b, (uint32_t)btf__find_by_name_kind(b, "level", BTF_KIND_ENUM));
	CHECK(t && btf_enum(t)->val == 5);
	CHECK_STR(btf__name_by_offset(b, btf_enum(t)->name_off), "low");
	t = btf__type_by_id(b, (uint32_t)btf__find_by_name_kind(b, "wide", BTF_KIND_ENUM64));
	CHECK(t && btf_enum64_value(btf_enum64(t) + 1) == 1ULL << 40);
	CHECK_STR(btf__name_by_offset(b, btf_enum64(t)[1].name_off), "w1");
	id = 0;
	for (uint32_t i = 1; i < btf__type_cnt(b); i++)
		id += !strcmp(btf__name_by_offset(b, btf__type_by_id(b, i)->name_off), "thing");
	CHECK_EQ(id, 2);
	btf__free(b);
	btf__free(wanted);
	btf__free(kernel);
}

TEST(whatever_a_byte_says_nothing_is_read_outside)
{
	struct btf *kernel = make_kernel(), *wanted = make_wanted();
	struct btf_finding none = { 0 };
	struct btf_scan scan;
	uint32_t sz;
	const void *data = btf__raw_data(kernel, &sz);
	uint8_t *copy = malloc(sz);

	CHECK(copy != NULL);
	for (uint32_t i = 0; i < sz; i++) {
		struct buffer out = { 0 };

		memcpy(copy, data, sz);
		copy[i] ^= 0xff;
		if (!btf_scan_init(&scan, copy, sz)) {
			int code = btf_slim_make(&scan, wanted, &none, &out);

			CHECK(code == 0 || code == -EBADMSG);
			free(scan.places);
		}
		buffer_deinit(&out);
	}
	free(copy);
	btf__free(wanted);
	btf__free(kernel);
}

static void check_members(const struct btf *a, const struct btf_type *ta, const struct btf *b, const struct btf_type *tb)
{
	CHECK_EQ(btf_vlen(ta), btf_vlen(tb));
	CHECK_EQ(ta->size, tb->size);
	for (int i = 0; i < btf_vlen(ta); i++) {
		const struct btf_member *ma = btf_members(ta) + i, *mb = btf_members(tb) + i;

		CHECK_STR(btf__name_by_offset(a, ma->name_off), btf__name_by_offset(b, mb->name_off));
		CHECK_EQ(ma->offset, mb->offset);
		CHECK_EQ(btf__resolve_size(a, ma->type), btf__resolve_size(b, mb->type));
	}
}

TEST(of_the_running_kernel_a_task_is_what_libbpf_reads)
{
	struct btf *theirs = btf__load_vmlinux_btf(), *wanted = btf__new_empty(), *b;
	struct btf_finding none = { 0 };
	struct buffer out = { 0 };
	struct btf_scan scan;
	int code = btf_scan_open(VMLINUX, &scan);

	CHECK_EQ(code == 0, theirs != NULL);
	if (code)
		return;
	CHECK_EQ(btf__add_struct(wanted, "task_struct", 0), 1);
	CHECK_EQ(btf_slim_make(&scan, wanted, &none, &out), 0);
	btf_scan_close(&scan);
	b = btf__new(out.data, (uint32_t)out.len);
	CHECK(b != NULL);
	CHECK(btf__type_cnt(b) < btf__type_cnt(theirs) / 20);
	check_members(b, btf__type_by_id(b, (uint32_t)btf__find_by_name_kind(b, "task_struct", BTF_KIND_STRUCT)), theirs,
		      btf__type_by_id(theirs, (uint32_t)btf__find_by_name_kind(theirs, "task_struct", BTF_KIND_STRUCT)));
	btf__free(b);
	btf__free(wanted);
	btf__free(theirs);
	buffer_deinit(&out);
}

TEST_MAIN()
