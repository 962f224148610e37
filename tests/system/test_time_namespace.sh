#!/usr/bin/env bash
# A target whose clocks are days off (a time namespace) is recorded as any other; a recorder whose clock is not the kernel's refuses, and says so.
. "$(dirname "$0")/../lib.sh"
test_init "$@"
needs_bpf
needs sqlite3
days=(--time --monotonic 864000 --boottime 864000 --fork)
unshare "${days[@]}" true 2>/dev/null || skip_all "needs time namespaces: unshare --time is refused"

"$RECORD" -e all -F 499 -o "$T/t.varve" -- unshare "${days[@]}" "$W/split50" 1 >"$T/truth" 2>"$T/rec.err"
is "a target in a time namespace: recorded" $? 0
has "it was in one" "$(unshare "${days[@]}" cat /proc/self/timens_offsets)" '^monotonic +864000 '
db=$(db_of "$T/t.varve")
who="FROM process WHERE comm = 'split50'"
is "it is one process" "$(ask "$db" "SELECT count(*) $who")" 1
length=$(ask "$db" "SELECT duration_ns FROM recording")
is "which began and ended while it was recorded" "$(ask "$db" "SELECT count(*) $who AND start_ts BETWEEN 0 AND $length AND exit_ts BETWEEN start_ts AND $length")" 1
is "all samples and waits are of that time" "$(ask "$db" "SELECT (SELECT count(*) FROM sample WHERE ts NOT BETWEEN 0 AND $length) + (SELECT count(*) FROM offcpu WHERE ts + dur_ns NOT BETWEEN 0 AND $length)")" 0
holds "there are some" "$(ask "$db" "SELECT count(*) FROM sample JOIN thread_v USING(utid) WHERE process = 'split50'") > 0"
unnamed=$(ask "$db" "SELECT count(*) FROM sample s JOIN thread_v USING(utid) JOIN stack k ON k.id = s.stack_id JOIN frame_v f USING(frame_id) WHERE process = 'split50' AND f.kind = 'elf' AND f.function LIKE '[%'")
is "all their functions have names" "$unnamed" 0

for off in 864000 -1; do
	timeout 60 unshare --time --monotonic $off --fork "$RECORD" -a --duration 200ms -o "$T/no.varve" 2>"$T/no.err"
	is "a recorder whose clock is $off s off: refused" $? 125
	has "it says by how much" "$(cat "$T/no.err")" "time namespace.* [-+]?0*${off#-}\\.000 s"
	has "and where to go" "$(cat "$T/no.err")" 'hint: .*nsenter'
	is "nothing is left" "$(ls "$T/no.varve" 2>/dev/null)" ""
	timeout 60 unshare --time --monotonic $off --fork "$RECORD" --check >"$T/check" 2>&1
	is "--check fails for it" "$? $(grep -c '^failed clock' "$T/check")" "2 1"
done
test_done
