// SPDX-License-Identifier: BSD-2-Clause
/* Waits for a CPU, summed up. */
#include "report/import_runq.h"

#include "tests/unit/report/synth_db.h"

TEST(runq_slots_meet_without_gaps_and_at_whole_microseconds)
{
	for (uint32_t slot = 0; slot < 400; slot++) {
		uint64_t from = runq_slot_from(slot), to = runq_slot_from(slot + 1);

		CHECK(to > from);
		CHECK_EQ(runq_slot(from), slot);
		CHECK_EQ(runq_slot(to - 1), slot);
	}
	for (uint64_t us = 1; us < 1ULL << 40; us *= 2)
		CHECK_EQ(runq_slot_from(runq_slot(us * 1000)), us * 1000);
}

/* A bounded number of sums is in memory; what went into the table before adds up with what comes later. */
TEST(runq_sums_are_written_in_parts)
{
	struct import_runq r = { .row_max = 4 };
	struct err err = { 0 };

	CHECK_EQ(db_create(NULL, &r.db, &err), 0);
	for (int i = 0; i < 20; i++) {
		struct runq_wait w = { .ts = i % 2 ? -1 : i * 100000000ll, .ns = 1000u << i % 3, .utid = 1 + (uint32_t)i % 2, .cpu = 3 };

		CHECK_EQ(import_runq_add(&r, &w, &err), 0);
		CHECK(r.rows.cnt < 4);
	}
	CHECK_EQ(import_runq_write(&r, &err), 0);
	CHECK(db_query_int(r.db, "SELECT max(part) FROM runq_second", 0) > 1);
	CHECK_STR(rows(r.db, "SELECT sec, utid, sum(count), sum(sum_ns), max(max_ns) FROM runq_second GROUP BY 1, 2"),
		  "-1|2|10|23000|4000\n0|1|5|12000|4000\n1|1|5|10000|4000\n");
	CHECK_STR(rows(r.db, "SELECT count(*), min(from_ns), max(to_ns) FROM runq_second WHERE max_ns < from_ns OR max_ns >= to_ns"), "0||\n");
	CHECK_STR(rows(r.db, "SELECT count(*) FROM runq_longest"), "20\n");
	import_runq_deinit(&r);
	db_close(r.db);
}

TEST(runq_sums_can_be_taken_back)
{
	struct import_runq r = { .row_max = 1 };
	struct runq_wait w = { .ts = 5, .ns = 7, .utid = 1 };
	struct err err = { 0 };

	CHECK_EQ(db_create(NULL, &r.db, &err), 0);
	CHECK_EQ(import_runq_drop(&r, &err), 0);
	CHECK_EQ(import_runq_add(&r, &w, &err), 0);
	CHECK_EQ(import_runq_drop(&r, &err), 0);
	CHECK_STR(rows(r.db, "SELECT count(*) FROM runq_second"), "0\n");
	import_runq_deinit(&r);
	db_close(r.db);
}

TEST_MAIN()
