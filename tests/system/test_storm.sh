#!/usr/bin/env bash
# Half a million context switches a second: every one is accounted for, nothing is lost, memory and wakeups stay within their bounds.
# How much the storm slows down is `make bench`'s to measure.
. "$(dirname "$0")/../lib.sh"
measures "$@"
test_init "$@"
needs_bpf
needs sqlite3

recorder -a -o "$T/s.varve" || { not_ok "the recorder starts"; test_done; }
rec=$BG
ticks() { awk '{ print $14 + $15 }' "/proc/$rec/stat"; }
cpu0=$(ticks)
"$W/storm" 3 >"$T/truth"
cpu1=$(ticks)
rss=$(awk '/^VmHWM/ { print $2 }' "/proc/$rec/status")
kill -INT "$rec"
wait "$rec"
is "the recorder ends with 0" $? 0
echo "# storm: $(truth "$T/truth" per_second) switches a second; recorder: $(((cpu1 - cpu0) * 10)) ms CPU, $rss kB"

db=$(db_of "$T/s.varve")
is "nothing was lost" "$(lost_in "$db")" ""
holds "peak memory is at most 64 MiB" "$rss <= 65536"
# What makes a storm slow is walking stacks; and two fifths of these waits are preemptions on the way out of a system call.
walked=$(ask "$db" "SELECT max(value) FROM counter WHERE name = 'varve.unwind.stacks'")
wanted=$(ask "$db" "SELECT 2 * (SELECT count(*) FROM offcpu) + (SELECT count(*) FROM sample)") # a wait has its waker's, too
holds "stacks are walked of long waits and samples only ($walked of $wanted, and of $(truth "$T/truth" switches) switches)" "$walked > 0 && $walked <= 1.1 * $wanted + 0.005 * $(truth "$T/truth" switches)"
# A wait is below the threshold and counted, or above it and a row.
pid=$(truth "$T/truth" pid)
waits=$(ask "$db" "SELECT coalesce(sum(short_waits), 0) FROM thread_account JOIN thread_v USING(utid) WHERE pid = $pid AND thread LIKE 'storm-p%'")
long=$(ask "$db" "SELECT count(*) FROM offcpu JOIN thread_v USING(utid) WHERE pid = $pid AND thread LIKE 'storm-p%'")
within "every switch of the storm is a counted wait" "$((waits + long))" "$(truth "$T/truth" switches)" 0.01
is "time accounting closes for both players" "$(ask "$db" "SELECT count(*) FROM thread_account JOIN thread_v USING(utid) WHERE pid = $pid AND thread LIKE 'storm-p%'
	AND abs(running_ns + runq_ns + blocked_ns + lost_ns - wall_ns) <= 0.01 * wall_ns")" 2

# ---- wakeups: of the storm alone, as whatever else the machine does fills the rings, too ------------------------------
"$RECORD" -o "$T/w.varve" -- "$W/storm" 2 >"$T/truth" 2>"$T/rec.err"
db=$(db_of "$T/w.varve")
read -r wakeups seconds < <(ask "$db" "SELECT CAST(value AS INT), ts / 1e9 FROM counter WHERE name = 'varve.wakeups' ORDER BY ts DESC LIMIT 1")
# others' beginnings and ends are in any recorder's ring: it has room for 200 of them in its half, at which it wakes
others=$(ask "$db" "SELECT coalesce(sum(seen), 0) FROM stream_total WHERE stream IN ('task', 'fork', 'exec', 'comm', 'exit', 'mapping')")
holds "at most 25 wakeups a second" "${wakeups:-1e9} <= 25.5 * ${seconds:-0} + ${others:-0} / 200 && $wakeups > 0"

# ---- the same storm with every switch as an event: exactly as many as the kernel counted. They fit into the ring, all of them, and their wakeups: it does
# not matter when the recorder gets a CPU. (More than fit: tests/faults/test_ring_overflow.sh.)
"$RECORD" -e all -o "$T/n.varve" -- "$W/storm" -n 50000 >"$T/truth" 2>"$T/rec.err"
db=$(db_of "$T/n.varve")
lost=$(ask "$db" "SELECT coalesce(sum(lost), 0) FROM loss WHERE stream = 'switch' AND reason <> 'stack error'")
got=$(ask "$db" "SELECT count(*) FROM sched_slice JOIN thread USING(utid) WHERE comm LIKE 'storm-p%'")
# Each thread's very last switch, out of its own exit, comes after the program read its counters.
near "-e all: switches recorded + lost = switches counted by the kernel" "$((got + lost))" "$(truth "$T/truth" switches)" 6
is "and none of them was lost" "$lost" 0

# ---- threshold 0: every wait is a row with its stack -----------------------------------------------------------------
"$RECORD" -e off-cpu,task --off-cpu-thresh 0 -o "$T/z.varve" -- "$W/storm" -n 20000 >"$T/truth" 2>"$T/rec.err"
db=$(db_of "$T/z.varve")
lost=$(ask "$db" "SELECT coalesce(sum(lost), 0) FROM loss WHERE stream = 'offcpu' AND reason <> 'stack error'")
got=$(ask "$db" "SELECT count(*) FROM offcpu JOIN thread USING(utid) WHERE comm LIKE 'storm-p%'")
near "threshold 0: waits recorded + lost = switches" "$((got + lost))" "$(truth "$T/truth" switches)" 6
got=$(ask "$db" "SELECT count(*) FROM offcpu o JOIN thread USING(utid) JOIN stack s ON s.id = o.stack_id WHERE comm LIKE 'storm-p%'
	AND o.state = 'S' AND s.depth >= 18 AND o.stack_id IN $(through storm_descend)")
all=$(ask "$db" "SELECT count(*) FROM offcpu o JOIN thread USING(utid) WHERE comm LIKE 'storm-p%' AND o.state = 'S'")
holds "most of their stacks are whole ($got of $all)" "$got >= 0.5 * $all && $all > 4000"
known=$(ask "$db" "SELECT max(value) FROM counter WHERE name = 'varve.unwind.stacks_known'")
walked=$(ask "$db" "SELECT max(value) FROM counter WHERE name = 'varve.unwind.stacks'")
holds "most of them were sent once, not again" "$known >= 0.7 * $walked"
# A recorder that cannot keep up takes less of a stack, and says so; it never passes a part off as the whole.
is "no part of a stack is passed off as the whole" "$(ask "$db" "SELECT count(*) FROM offcpu o JOIN thread USING(utid) JOIN stack s ON s.id = o.stack_id JOIN stack_end e ON e.id = s.end_id
	WHERE comm LIKE 'storm-p%' AND o.state = 'S' AND e.name = 'complete' AND s.depth < 18
	AND o.stack_id NOT IN (SELECT stack_id FROM stack_function JOIN function f ON f.id = function_id WHERE f.name IN ('start_thread', 'clone3')) AND o.dur_ns < 1000000")" 0
test_done
