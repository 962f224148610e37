// SPDX-License-Identifier: BSD-2-Clause
#include <zlib.h>

#include "tests/unit/report/fixture.h"

/* A reader of the wire format, written against protobuf's description and not our writer. */
struct field {
	uint32_t number, type;
	uint64_t value;	     /* varint */
	const uint8_t *data; /* bytes, of value length */
};

static uint64_t varint(const uint8_t **at, const uint8_t *end)
{
	uint64_t v = 0;
	unsigned shift = 0;

	do {
		CHECK(*at < end && shift < 64);
		v |= (uint64_t)(**at & 0x7f) << shift;
		shift += 7;
	} while (*(*at)++ & 0x80);
	return v;
}

static int next_field(const uint8_t **at, const uint8_t *end, struct field *f)
{
	uint64_t tag;

	if (*at == end)
		return 0;
	tag = varint(at, end);
	*f = (struct field){ .number = (uint32_t)(tag >> 3), .type = tag & 7 };
	CHECK(f->type == 0 || f->type == 2);
	f->value = varint(at, end);
	if (f->type == 2) {
		CHECK(f->value <= (uint64_t)(end - *at));
		f->data = *at;
		*at += f->value;
	}
	return 1;
}

static uint8_t *unzip(const char *data, size_t len, size_t *ret_len)
{
	z_stream z = { .next_in = (uint8_t *)data, .avail_in = (unsigned)len };
	size_t cap = 1 << 20;
	uint8_t *out = malloc(cap);

	CHECK_EQ(inflateInit2(&z, 15 + 16), Z_OK);
	z.next_out = out;
	z.avail_out = (unsigned)cap;
	CHECK_EQ(inflate(&z, Z_FINISH), Z_STREAM_END);
	*ret_len = z.total_out;
	inflateEnd(&z);
	return out;
}

/* What is counted in a decoded profile. */
struct decoded {
	uint64_t samples, values[2];
	uint32_t locations, functions, mappings, strings, labels;
	uint32_t inline_locations; /* with more than one line */
	char all_strings[4096];
};

static void decode_sample(struct decoded *d, struct field *sample)
{
	const uint8_t *at = sample->data, *end = at + sample->value;
	struct field f;

	d->samples++;
	while (next_field(&at, end, &f)) {
		if (f.number == 2) {
			const uint8_t *v = f.data;

			d->values[0] += varint(&v, f.data + f.value);
			d->values[1] += varint(&v, f.data + f.value);
		}
		d->labels += f.number == 3;
	}
}

static void decode(const struct fixture *x, struct decoded *d)
{
	size_t len;
	uint8_t *raw = unzip(x->text, x->text_sz, &len);
	const uint8_t *at = raw;
	struct field f;

	memset(d, 0, sizeof(*d));
	while (next_field(&at, raw + len, &f)) {
		if (f.number == 2)
			decode_sample(d, &f);
		if (f.number == 4) {
			const uint8_t *v = f.data;
			struct field line;
			int lines = 0;

			while (next_field(&v, f.data + f.value, &line))
				lines += line.number == 4;
			d->locations++;
			d->inline_locations += lines > 1;
		}
		d->mappings += f.number == 3;
		d->functions += f.number == 5;
		if (f.number == 6) {
			CHECK(d->strings || !f.value); /* the first string is "" */
			d->strings++;
			strncat(d->all_strings, (const char *)f.data, f.value);
			strcat(d->all_strings, "\n");
		}
	}
	free(raw);
}

TEST(a_profile_holds_every_sample_and_its_cpu_time)
{
	struct decoded d;
	struct fixture x;

	fixture_init(&x, NULL);
	fixture_write(&x, export_pprof);
	decode(&x, &d);
	CHECK_EQ(d.values[0], 105);
	CHECK_EQ(d.values[1], 105 * 10000000ll);
	CHECK_EQ(d.functions, 9); /* of the eleven: those on stacks of samples; and [no stack] */
	CHECK_EQ(d.mappings, 4);
	fixture_deinit(&x);
}

TEST(frames_inlined_into_one_another_share_a_location)
{
	struct decoded d;
	struct fixture x;

	fixture_init(&x, NULL);
	fixture_write(&x, export_pprof);
	decode(&x, &d);
	CHECK_EQ(d.inline_locations, 1); /* parse:json inside handle */
	CHECK_EQ(d.locations, 9); /* main, handle at two places, recv, recvfrom, strlen, gc, evil, none */
	fixture_deinit(&x);
}

TEST(labels_tell_thread_process_cgroup_and_container)
{
	struct decoded d;
	struct fixture x;

	fixture_init(&x, NULL);
	fixture_write(&x, export_pprof);
	decode(&x, &d);
	CHECK_HAS(d.all_strings, "\npool 1\n");
	CHECK_HAS(d.all_strings, "\n/system.slice/app.service\n");
	CHECK_HAS(d.all_strings, "\n0123456789ab\n");
	CHECK_HAS(d.all_strings, "\n0011223344556677\n"); /* a build-id */
	CHECK_HAS(d.all_strings, "evil;\"></script><b>&\\x1b[31m\n");
	CHECK(!strchr(d.all_strings, '\x1b'));
	fixture_deinit(&x);
}

TEST(waits_are_a_profile_of_their_own)
{
	struct decoded d;
	struct fixture x;

	fixture_init(&x, NULL);
	x.filter.event = FILTER_OFF_CPU;
	fixture_write(&x, export_pprof);
	decode(&x, &d);
	CHECK_EQ(d.values[0], 12);
	CHECK_EQ(d.values[1], 10 * 40000000ll + 5000000 + 200000000);
	CHECK_HAS(d.all_strings, "\ndelay\n");
	CHECK_HAS(d.all_strings, "\nwaits\n");
	fixture_deinit(&x);
}

TEST(the_same_input_gives_the_same_bytes)
{
	struct fixture x;
	char *first;
	size_t first_sz;

	fixture_init(&x, NULL);
	fixture_write(&x, export_pprof);
	first = x.text;
	first_sz = x.text_sz;
	x.text = NULL;
	fixture_write(&x, export_pprof);
	CHECK_EQ(x.text_sz, first_sz);
	CHECK(!memcmp(x.text, first, first_sz));
	free(first);
	fixture_deinit(&x);
}

TEST(an_empty_database_is_an_empty_profile)
{
	struct decoded d;
	struct fixture x;

	fixture_init(&x, "DELETE FROM sample;");
	fixture_write(&x, export_pprof);
	decode(&x, &d);
	CHECK_EQ(d.samples, 0);
	CHECK_EQ(d.locations, 0);
	fixture_deinit(&x);
}

TEST_MAIN()
