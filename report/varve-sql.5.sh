#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Writes varve-sql(5) in mdoc: what is said by hand, and each table, column, view and named question as their sources describe them.
#   report/varve-sql.5.sh SCHEMA.sql QUESTIONS.sql
set -eu

# Text for a line of mdoc: ASCII, no escapes, nothing that reads as a request.
clean='
function text(s) {
	gsub(/…/, "...", s)
	gsub(/\\/, "\\e", s)
	sub(/^[.'\'']/, "\\\\\\&&", s)
	return s
}
# "-- " and what follows
function comment(s) {
	i = index(s, "-- ")
	return i ? substr(s, i + 3) : ""
}'

cat <<'MDOC'
.\" SPDX-License-Identifier: BSD-2-Clause
.\" Made by varve-sql.5.sh.
.Dd November 21, 2026
.Dt VARVE-SQL 5
.Os
.Sh NAME
.Nm varve-sql
.Nd the database that varve-report makes of a recording
.Sh DESCRIPTION
.Xr varve-report 1
imports a recording into an SQLite database, and each of its outputs is a query on that.
.Ql varve-report sql
asks in SQL, read-only, of a recording or a database;
.Ql varve-report db
makes the database to keep, for
.Xr sqlite3 1
or any other program that reads one.
.Ss Units
Every
.Va ts
is in nanoseconds since the recording's start, and negative before it; where several recordings share a database, the first one's start.
Columns that end in
.Va _ns , _us , _kb
or
.Va _bytes
carry their unit in the name; kb are KiB.
NULL means not recorded, never 0.
.Ss Identity
The kernel uses pids and tids again.
.Va upid
is one process and
.Va utid
one thread, whatever their numbers were;
.Va thread_v
joins both with their names and their cgroup.
.Ss Stacks
A row of
.Va stack
is the frame nearest the leaf; its
.Va parent_id
leads towards the root, where it is NULL.
Rows of
.Va sample
and
.Va offcpu
point to their leaf.
The views
.Va stack_text , oncpu_folded
and
.Va offcpu_folded
spell stacks out.
.Ss Parameters
A statement given to
.Ql varve-report sql
may use these, and then takes the options beside them.
.Bl -tag -width :threads -compact
.It Va :threads
A JSON array of utids, or NULL for all: from
.Fl -pid , Fl -tid , Fl -comm
and
.Fl -cgroup .
.It Va :from , :to
The limits of
.Fl -time ,
in ns; without it, the widest there are.
.It Va :whole
1 without
.Fl -time ,
else 0.
.It Va :most
1 if
.Fl -time
leaves out less than half of the time there is, else 0.
.El
.Sh TABLES
MDOC

awk "$clean"'
/^CREATE TABLE / {
	name = $3
	sub(/\(.*/, "", name)
	print ".Ss Table " name
	print text(comment($0))
	print ".Bl -tag -width Ds -compact"
	in_table = 1
	next
}
/^\)/ && in_table { print ".El"; in_table = 0 }
in_table && $1 !~ /^PRIMARY/ {
	type = $2
	sub(/,$/, "", type)
	print ".It Va " $1 " Pq " type
	print text(comment($0))
}' "$1"

echo .Sh VIEWS
awk "$clean"'
/^CREATE VIEW / {
	print ".Ss View " $3
	c = comment($0)
	at = index(c, " e.g. ")
	print text(at ? substr(c, 1, at - 1) : c)
	if (at) {
		print ".Pp"
		print ".Dl " text(substr(c, at + 6))
	}
}' "$1"

cat <<'MDOC'
.Sh NAMED QUESTIONS
Asked with
.Ql varve-report sql INPUT -q NAME ;
their SQL is in the table
.Va question .
.Bl -tag -width Ds
MDOC
awk "$clean"'
/^-- [a-z0-9-]+: / {
	name = $2
	sub(/:$/, "", name)
	print ".It Cm " name
	print text(substr($0, length(name) + 6))
}' "$2"

cat <<'MDOC'
.El
.Sh EXAMPLES
The ten threads with the most CPU time:
.Bd -literal -offset indent
varve-report sql recording.varve "SELECT process, thread, ns/1e9 AS s
  FROM thread_total JOIN thread_v USING(utid)
  WHERE kind='on-cpu' ORDER BY ns DESC LIMIT 10"
.Ed
.Pp
What one named question does:
.Bd -literal -offset indent
varve-report sql recording.varve --format csv \e
  "SELECT sql FROM question WHERE name='where-waits'"
.Ed
.Sh SEE ALSO
.Xr sqlite3 1 ,
.Xr varve-report 1 ,
.Xr varve-format 5
MDOC
