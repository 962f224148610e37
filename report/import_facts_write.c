// SPDX-License-Identifier: BSD-2-Clause
/* The rows of what is known only at the end: meta, recording, stream_total. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "formats/cleanup.h"
#include "report/import_facts.h"

static bool is_number(const char *s, int64_t *ret)
{
	char *end;

	if (!*s || strlen(s) > 18 || (s[0] == '0' && s[1])) /* ids with leading zeros stay text */
		return false;
	*ret = strtoll(s, &end, 10);
	return !*end && (s[0] == '-' || (s[0] >= '0' && s[0] <= '9'));
}

static int meta_row(struct db_insert *in, const char *key, const char *value, struct err *err)
{
	int64_t n;

	db_insert_text(in, key);
	if (is_number(value, &n))
		db_insert_int(in, n);
	else
		db_insert_text(in, value);
	return db_insert_row(in, err);
}

static int meta_number(struct db_insert *in, const char *key, int64_t value, struct err *err)
{
	db_insert_text(in, key);
	db_insert_int(in, value);
	return db_insert_row(in, err);
}

static void uuid_text(const uint8_t *uuid, char out[37])
{
	for (int i = 0, at = 0; i < 16; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			out[at++] = '-';
		at += sprintf(out + at, "%02x", uuid[i]);
	}
}

/* Later recordings' facts are filed under "2.hostname", …. What is computed comes first: the first
 * row of a key stays. */
static int write_meta(struct import_facts *f, struct db *db, struct err *err)
{
	const struct import_recording *rec = &f->recordings.row[1];
	struct db_insert *in;
	char uuid[37];
	int rc = db_insert_open(db, "meta", &in, err);

	if (rc)
		return rc;
	uuid_text(rec->uuid, uuid);
	rc = meta_number(in, "schema_version", DB_SCHEMA_VERSION, err);
	rc = rc ?: meta_row(in, "imported_by", "varve-report " VARVE_VERSION, err);
	rc = rc ?: meta_row(in, "uuid", uuid, err);
	rc = rc ?: meta_number(in, "t0_unix_ns", (int64_t)rec->t0_unix_ns, err);
	rc = rc ?: meta_number(in, "t0_mono_ns", (int64_t)rec->clock.t0_mono, err);
	rc = rc ?: meta_number(in, "duration_ns", rec->duration_ns, err);
	rc = rc ?: meta_number(in, "chunks", (int64_t)rec->chunks, err);
	rc = rc ?: meta_number(in, "bytes", (int64_t)rec->bytes, err);
	rc = rc ?: meta_number(in, "damaged_stretches", (int64_t)rec->damaged, err);
	/* the last word on a key counts, and a later duplicate is dropped */
	for (uint32_t i = f->meta.cnt; i >= 1 && !rc; i--) {
		_cleanup_free_ char *key = NULL;
		const struct import_fact *m = &f->meta.row[i];

		if (m->recording > 1 && asprintf(&key, "%u.%s", m->recording, m->key) < 0)
			rc = err_set(err, -ENOMEM, "import: out of memory");
		else
			rc = meta_row(in, key ?: m->key, m->value, err);
	}
	return db_insert_close(in, NULL, rc ? NULL : err) ?: rc;
}

static int write_recordings(struct import_facts *f, struct db *db, struct err *err)
{
	struct db_insert *in;
	int rc = db_insert_open(db, "recording", &in, err);

	if (rc)
		return rc;
	for (uint32_t i = 1; i <= f->recordings.cnt && !rc; i++) {
		const struct import_recording *r = &f->recordings.row[i];
		char uuid[37];

		uuid_text(r->uuid, uuid);
		db_insert_int(in, i);
		db_insert_text(in, uuid);
		db_insert_text(in, r->host);
		db_insert_int(in, (int64_t)r->t0_unix_ns);
		db_insert_int(in, (int64_t)r->clock.t0_mono);
		db_insert_int(in, r->clock.start_ts);
		db_insert_int(in, r->duration_ns);
		db_insert_text(in, r->ended);
		rc = db_insert_row(in, err);
	}
	return db_insert_close(in, NULL, rc ? NULL : err) ?: rc;
}

int import_facts_write_totals(struct import_facts *f, struct db *db, struct err *err)
{
	struct db_insert *in;
	int rc = db_insert_open(db, "stream_total", &in, err);

	if (rc)
		return rc;
	for (int k = 1; k < EVENT_KIND_CNT && !rc; k++) {
		const struct import_total *t = &f->totals[k];

		if (!t->is_known)
			continue;
		db_insert_int(in, f->recording);
		db_insert_text(in, event_kind_name((enum event_kind)k) ?: "unknown");
		db_insert_int(in, (int64_t)t->seen);
		db_insert_int(in, (int64_t)t->written);
		db_insert_int(in, (int64_t)t->ring_full);
		db_insert_int(in, (int64_t)t->map_full);
		db_insert_int(in, (int64_t)t->stack_error);
		db_insert_int(in, (int64_t)t->user_dropped);
		db_insert_int(in, (int64_t)f->imported[k]);
		rc = db_insert_row(in, err);
	}
	return db_insert_close(in, NULL, rc ? NULL : err) ?: rc;
}

int import_facts_write(struct import_facts *f, struct db *db, struct err *err)
{
	return write_meta(f, db, err) ?: write_recordings(f, db, err);
}
