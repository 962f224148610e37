#!/usr/bin/env bash
# Calls of the recorder fail while it records, made to by strace: what is in the file is whole chunks, the exit status tells, and the command goes
# on to its own end. (Each call, each error: tests/unit/formats/test_io_faults.c.)
# RUN: beside others (records what sleeps)
. "$(dirname "$0")/../lib.sh"
test_init "$@"
needs_bpf
needs strace
cd "$T" || exit 1
strace -o /dev/null true 2>/dev/null || skip_all "needs ptrace"

# A recording whose calls fail so: its status in $RC. The command ends with 7 and says so.
record() { # injection
	rm -f r.varve command
	strace -q -o trace -e trace=pwrite64,fallocate,fdatasync,fsync,ftruncate -e inject="$1" \
		"$RECORD" -q -F 499 --sync 100ms -o r.varve -- sh -c 'sleep 1.5; echo ended >command; exit 7' >rec.out 2>rec.err
	RC=$?
	holds "$1: it did fail" "$(grep -c INJECTED trace) > 0"
	is "$1: the command went on to its end" "$(cat command 2>/dev/null)" ended
}
verified() { "$REPORT" verify r.varve 2>&1 | tail -n 1 | sed 's/^ *//'; }

for what in pwrite64:error=EINTR:when=2..4 fallocate:error=EINTR:when=2 fdatasync:error=EINTR:when=1 fallocate:error=EOPNOTSUPP:when=1+; do
	record $what
	is "$what: harmless" "$RC $(verified)" "7 clean"
done
for what in pwrite64:error=EIO:when=4 pwrite64:error=ENOSPC:when=4 pwrite64:error=EAGAIN:when=3 fallocate:error=EDQUOT:when=3+ fdatasync:error=EIO:when=1; do
	record $what
	is "$what: the exit status is the recorder's" "$RC" 125
	has "$what: it says so, in one line" "$(cat rec.err)" "r\\.varve.*$(echo "$what" | sed 's/.*error=\([A-Z]*\).*/\1/').*recording ended"
	is "$what: the file is whole, with its end" "$(verified)" clean
done
record pwrite64:error=EIO:when=5+
is "from there on: the exit status is the recorder's" "$RC" 125
has "what was written before is read, and that it did not end is said" "$("$REPORT" verify r.varve 2>&1)" 'did not end on purpose'
is "with no chunk torn" "$(verified)" clean
for what in fsync:error=EIO:when=2 ftruncate:error=EIO:when=1; do
	record $what
	is "$what, at the end: the exit status is the recorder's" "$RC" 125
	is "$what, at the end: all is in the file" "$(verified)" clean
done
rm -f r.varve
strace -q -o trace -e trace=pwrite64 -e inject=pwrite64:error=EIO:signal=SIGINT:when=3 "$RECORD" -q -a -o r.varve 2>rec.err
is "an error, and Ctrl-C just then: the exit status is that of the error" "$? $(grep -c 'EIO.*recording ended' rec.err)" "125 1"
rm -f r.varve
strace -q -o trace -e trace=pwrite64 -e inject=pwrite64:error=EIO:when=1 "$RECORD" -q -o r.varve -- true 2>rec.err
RC=$?
is "nothing can be written: 125" "$RC" 125
is "and no file is left" "$(ls r.varve 2>/dev/null)" ""
test_done
