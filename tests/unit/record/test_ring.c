// SPDX-License-Identifier: BSD-2-Clause
/* The consumer over memory that we fill as the kernel would. */
#include "record/ring.h"

#include <errno.h>
#include <stdlib.h>

#include "tests/test.h"

#define SIZE 4096
#define BUSY (1U << 31)
#define DISCARDED (1U << 30)

struct fake {
	uint64_t consumer, producer;
	uint64_t data[SIZE / 8];
	struct ring ring;
	/* what came out */
	int cnt;
	uint32_t sizes[512];
	uint64_t sum;
	int stop_at; /* record number whose callback fails; -1 */
};

static void put32(struct fake *f, uint64_t pos, uint32_t v)
{
	memcpy((uint8_t *)f->data + (pos & (SIZE - 1)), &v, 4);
}

/* A record of len bytes, all of value `byte`. */
static void produce(struct fake *f, uint32_t len, uint32_t flags, uint8_t byte)
{
	uint64_t pos = f->producer;

	put32(f, pos, len | flags);
	put32(f, pos + 4, 0);
	for (uint32_t i = 0; i < len; i++)
		((uint8_t *)f->data)[(pos + 8 + i) & (SIZE - 1)] = byte;
	f->producer += (8 + (uint64_t)len + 7) & ~7ULL;
}

static int take(void *ctx, const void *data, size_t sz)
{
	struct fake *f = ctx;
	const uint8_t *p = data;

	CHECK_EQ((uintptr_t)data % 8, 0);
	for (size_t i = 0; i < sz; i++)
		f->sum += p[i];
	f->sizes[f->cnt] = (uint32_t)sz;
	return f->cnt++ == f->stop_at ? -EIO : 0;
}

static struct fake *fake_new(uint64_t start)
{
	struct fake *f = calloc(1, sizeof(*f));

	f->consumer = f->producer = start;
	f->stop_at = -1;
	f->ring = (struct ring){
		.consumer = &f->consumer, .producer = &f->producer, .data = (uint8_t *)f->data, .size = SIZE, .next = start
	};
	return f;
}

static void fake_free(struct fake *f)
{
	free(f->ring.wrapped);
	free(f);
}

TEST(records_come_in_order_and_the_space_is_given_back)
{
	struct fake *f = fake_new(0);

	for (uint32_t len = 1; len <= 20; len++)
		produce(f, len, 0, 1);
	CHECK_EQ(ring_consume(&f->ring, ring_producer(&f->ring), take, f, NULL), 20);
	for (uint32_t i = 0; i < 20; i++)
		CHECK_EQ(f->sizes[i], i + 1);
	CHECK_EQ(f->sum, 210);
	CHECK_EQ(f->consumer, f->producer);
	fake_free(f);
}

TEST(a_record_over_the_end_comes_in_one_piece)
{
	/* every split point of a 100-byte record */
	for (uint64_t start = SIZE - 104; start < SIZE; start += 8) {
		struct fake *f = fake_new(start);

		produce(f, 100, 0, 7);
		produce(f, 8, 0, 1);
		CHECK_EQ(ring_consume(&f->ring, f->producer, take, f, NULL), 2);
		CHECK_EQ(f->sizes[0], 100);
		CHECK_EQ(f->sum, 708);
		fake_free(f);
	}
}

TEST(nothing_past_the_limit_is_taken)
{
	struct fake *f = fake_new(0);
	uint64_t upto;

	produce(f, 16, 0, 1);
	upto = ring_producer(&f->ring);
	produce(f, 16, 0, 1);
	CHECK_EQ(ring_consume(&f->ring, upto, take, f, NULL), 1);
	CHECK_EQ(f->consumer, upto);
	CHECK_EQ(ring_consume(&f->ring, f->producer, take, f, NULL), 1);
	fake_free(f);
}

TEST(a_record_being_written_stops_and_a_discarded_one_is_passed_over)
{
	struct fake *f = fake_new(0);
	uint64_t busy;

	produce(f, 16, DISCARDED, 1);
	busy = f->producer;
	produce(f, 16, BUSY, 1);
	produce(f, 16, 0, 1);
	CHECK_EQ(ring_consume(&f->ring, f->producer, take, f, NULL), 0);
	CHECK_EQ(f->consumer, busy);
	put32(f, busy, 16);
	CHECK_EQ(ring_consume(&f->ring, f->producer, take, f, NULL), 2);
	fake_free(f);
}

TEST(an_impossible_length_is_an_error_that_says_so)
{
	struct fake *f = fake_new(0);
	struct err err = { 0 };

	produce(f, 16, 0, 1);
	put32(f, 0, 0x3fffffff);
	CHECK_EQ(ring_consume(&f->ring, f->producer, take, f, &err), -EBADMSG);
	CHECK_HAS(err.text, "past what was reserved");
	CHECK_EQ(f->cnt, 0);
	fake_free(f);
}

TEST(a_failing_callback_ends_the_round_after_its_record)
{
	struct fake *f = fake_new(0);

	for (int i = 0; i < 3; i++)
		produce(f, 8, 0, 1);
	f->stop_at = 1;
	CHECK_EQ(ring_consume(&f->ring, f->producer, take, f, NULL), -EIO);
	CHECK_EQ(f->cnt, 2);
	CHECK_EQ(ring_consume(&f->ring, f->producer, take, f, NULL), 1);
	fake_free(f);
}

TEST(positions_wrap_around_for_ever)
{
	struct fake *f = fake_new(UINT64_MAX - 4095 - 2048); /* a multiple of 8 below the overflow of 64 bits */
	unsigned seed = 3;
	uint64_t want = 0;

	for (int round = 0; round < 400; round++) {
		uint32_t len = 1 + (uint32_t)rand_r(&seed) % 300;

		f->cnt = 0;
		produce(f, len, 0, 1);
		want += len;
		CHECK_EQ(ring_consume(&f->ring, f->producer, take, f, NULL), 1);
	}
	CHECK_EQ(f->sum, want);
	fake_free(f);
}

TEST_MAIN()
