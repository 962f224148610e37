// SPDX-License-Identifier: BSD-2-Clause
#include "tests/unit/report/fixture.h"

/* What the packets of a trace hold, counted by a reader written against protobuf's description. */
struct counted {
	uint32_t packets, clears, processes, threads, switches, wakings, samples, with_stack, begins, ends, instants, counters;
	uint32_t interned_twice; /* packets with two messages of interned data: readers keep the last */
	uint64_t lost, first_ts, last_ts;
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

struct field {
	uint32_t number;
	uint64_t value;
	const uint8_t *data;
};

static int next_field(const uint8_t **at, const uint8_t *end, struct field *f)
{
	uint64_t tag;

	if (*at == end)
		return 0;
	tag = varint(at, end);
	*f = (struct field){ .number = (uint32_t)(tag >> 3) };
	if ((tag & 7) == 1) {
		CHECK(end - *at >= 8);
		*at += 8;
		return 1;
	}
	CHECK((tag & 7) == 0 || (tag & 7) == 2);
	f->value = varint(at, end);
	if ((tag & 7) == 2) {
		CHECK(f->value <= (uint64_t)(end - *at));
		f->data = *at;
		*at += f->value;
	}
	return 1;
}

static uint64_t find(const struct field *message, uint32_t number)
{
	const uint8_t *at = message->data, *end = at + message->value;
	struct field f;

	while (next_field(&at, end, &f))
		if (f.number == number)
			return f.value;
	return 0;
}

static void count_ftrace(struct counted *c, const struct field *bundle)
{
	const uint8_t *at = bundle->data, *end = at + bundle->value;
	struct field event, f;

	while (next_field(&at, end, &event)) {
		const uint8_t *v = event.data;

		if (event.number != 2)
			continue;
		while (next_field(&v, event.data + event.value, &f)) {
			c->switches += f.number == 4;
			c->wakings += f.number == 20;
		}
	}
}

static void count_packet(struct counted *c, const struct field *packet)
{
	const uint8_t *at = packet->data, *end = at + packet->value;
	uint32_t interned = 0;
	struct field f;

	c->packets++;
	while (next_field(&at, end, &f)) {
		interned += f.number == 12;
		if (f.number == 13)
			c->clears += f.value & 1;
		if (f.number == 8 && (!c->first_ts || f.value < c->first_ts))
			c->first_ts = f.value;
		if (f.number == 8 && f.value > c->last_ts)
			c->last_ts = f.value;
		if (f.number == 1)
			count_ftrace(c, &f);
		if (f.number == 66 && find(&f, 17))
			c->lost += find(&f, 17);
		else if (f.number == 66)
			c->samples++, c->with_stack += find(&f, 4) != 0;
		if (f.number == 11) {
			uint64_t type = find(&f, 9);

			c->begins += type == 1;
			c->ends += type == 2;
			c->instants += type == 3;
			c->counters += type == 4;
		}
		if (f.number == 2) {
			const uint8_t *v = f.data;
			struct field item;

			while (next_field(&v, f.data + f.value, &item))
				c->processes += item.number == 1, c->threads += item.number == 2;
		}
	}
	c->interned_twice += interned > 1;
}

static void count(const struct fixture *x, struct counted *c)
{
	const uint8_t *at = (const uint8_t *)x->text, *end = at + x->text_sz;
	struct field f;

	memset(c, 0, sizeof(*c));
	while (next_field(&at, end, &f)) {
		CHECK_EQ(f.number, 1);
		count_packet(c, &f);
	}
}

TEST(a_trace_holds_samples_waits_kills_and_losses)
{
	struct counted c;
	struct fixture x;

	fixture_init(&x, NULL);
	fixture_write(&x, export_perfetto);
	count(&x, &c);
	CHECK_EQ(c.processes, 2);
	CHECK_EQ(c.threads, 3);
	CHECK_EQ(c.samples, 105);
	CHECK_EQ(c.with_stack, 104);
	CHECK_EQ(c.lost, 5);
	CHECK_EQ(c.begins, 12 + 11); /* each wait, and its runnable end where it has one */
	CHECK_EQ(c.ends, c.begins);
	CHECK_EQ(c.instants, 1);
	CHECK_EQ(c.counters, 1);
	fixture_deinit(&x);
}

TEST(slices_become_switches_in_and_out_and_the_wakings_before_them)
{
	struct counted c;
	struct fixture x;

	fixture_init(&x, NULL);
	fixture_write(&x, export_perfetto);
	count(&x, &c);
	CHECK_EQ(c.switches, 20);
	CHECK_EQ(c.wakings, 10);
	fixture_deinit(&x);
}

TEST(a_slice_right_after_another_is_one_switch)
{
	struct counted c;
	struct fixture x;

	fixture_init(&x, "DELETE FROM sched_slice;"
			 "INSERT INTO sched_slice(ts,cpu,dur_ns,utid,end_state) VALUES(100,0,50,1,'R'),(150,0,50,2,'S'),(300,0,10,1,NULL);");
	fixture_write(&x, export_perfetto);
	count(&x, &c);
	CHECK_EQ(c.switches, 4); /* idle>1, 1>2, 2>idle, idle>1; the last is still running */
	CHECK_EQ(c.wakings, 0);
	fixture_deinit(&x);
}

TEST(interned_data_comes_once_a_packet_and_state_is_cleared_once)
{
	struct counted c;
	struct fixture x;

	fixture_init(&x, NULL);
	fixture_write(&x, export_perfetto);
	count(&x, &c);
	CHECK_EQ(c.clears, 1);
	CHECK_EQ(c.interned_twice, 0);
	CHECK_EQ(c.first_ts, 5000000000ll);
	CHECK_EQ(c.last_ts, 5000000000ll + 1900000000);
	fixture_deinit(&x);
}

TEST_MAIN()
