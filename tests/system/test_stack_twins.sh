#!/usr/bin/env bash
# Stacks that differ in nothing but one return address in their middle are told apart, on the CPU and off it: what the unwinder remembers of
# a thread's last walk is checked before it is believed, and is of use.
. "$(dirname "$0")/../lib.sh"
measures "$@"
test_init "$@"
needs_bpf
needs sqlite3

"$RECORD" -q -F 999 -o "$T/t.varve" -- "$W/twins" 4 >"$T/t.out" 2>"$T/t.err"
is "the workload was recorded" "$?" 0
db=$(db_of "$T/t.varve")
n=$(ask "$db" "SELECT count(*) FROM sample WHERE stack_id IN $(through twin_leaf)")
seven=$(ask "$db" "SELECT count(*) FROM sample WHERE stack_id IN $(through twin_seven)")
three=$(ask "$db" "SELECT count(*) FROM sample WHERE stack_id IN $(through twin_three)")
ran_ms=$(($(truth "$T/t.out" seven_ms) + $(truth "$T/t.out" three_ms)))
holds "as many samples as its $ran_ms ms of CPU time give" "${n:-0} >= 0.9 * 0.999 * $ran_ms && ${n:-0} > 100"
near "7 of 10 samples are below the one caller" "$(awk -v a="$seven" -v n="$n" 'BEGIN { print 100 * a / n }')" 70 "$(share_tolerance 70 "$n" 3)"
near "3 of 10 below the other" "$(awk -v a="$three" -v n="$n" 'BEGIN { print 100 * a / n }')" 30 "$(share_tolerance 30 "$n" 3)"
is "no stack has both" "$(ask "$db" "SELECT count(*) FROM stack WHERE id IN $(through twin_seven) AND id IN $(through twin_three)")" 0
for who in seven three; do
	within "waits below twin_$who" "$(ask "$db" "SELECT count(*) FROM offcpu WHERE stack_id IN $(through twin_$who) AND state = 'S'")" "$(truth "$T/t.out" ${who}_sleeps)" 1
done
frames=$(ask "$db" "SELECT value FROM counter WHERE name = 'varve.unwind.frames' ORDER BY ts DESC LIMIT 1")
followed=$(ask "$db" "SELECT value FROM counter WHERE name = 'varve.unwind.frames_followed' ORDER BY ts DESC LIMIT 1")
holds "half of the frames or more were known from an earlier walk" "${followed:-0} >= 0.5 * ${frames:-1}"
test_done
