#!/usr/bin/env bash
# A database of fixture.sql's rows.
#   tests/consumers/fixture.sh OUT.db
set -eu
cd "$(dirname "$0")/../.."
out=$1
rm -f "$out"
{
	# in one transaction that nobody waits for: with one a row it is three seconds of fsync on a busy disk
	echo "PRAGMA synchronous=OFF; BEGIN; PRAGMA application_id=0x76617276; PRAGMA user_version=$(sed -n 's/^#define DB_SCHEMA_VERSION \([0-9]*\).*/\1/p' report/db.h);"
	cat report/schema.sql tests/consumers/fixture.sql
	echo "INSERT INTO function_total SELECT kind,function_id,self_ns,total_ns,self_n,total_n FROM function_total_def; COMMIT;"
} | sqlite3 -bail "$out"
