/* SPDX-License-Identifier: BSD-2-Clause */
/* What db.c, db_insert.c and db_query.c share, and nobody else sees: they are the only ones that know SQLite. */
#ifndef VARVE_DB_HANDLE_H
#define VARVE_DB_HANDLE_H

#include <sqlite3.h>

#include "report/db.h"
#include "report/db_writer.h"

struct db {
	sqlite3 *sql;
	char *path;	/* where db_finish() puts it; NULL: nowhere */
	char *tmp_path; /* what to unlink when it is not finished */
	bool is_ours;	/* a statement of our own is being prepared: the authorizer lets it pass */
	bool is_restricted;
	struct db_writer *writer; /* where rows go in; NULL until there are many, and after
				     db_finish(). To be settled before anything else is done */
};

/* What the last call of SQLite on db complained of, in our words. Returns -errno. */
int db_error(struct db *db, struct err *err, const char *doing);

#endif
