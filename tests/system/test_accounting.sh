#!/usr/bin/env bash
# Time accounting: for every thread of a known program running + run-queue + blocked + lost = wall; and the switches recorded are
# the switches the kernel counted in /proc/PID/task/TID/status, which no tracer has a hand in.
. "$(dirname "$0")/../lib.sh"
measures "$@"
test_init "$@"
needs_bpf
needs sqlite3

# What the host of a virtual machine takes away is no running time to the kernel's clock; the tracepoints' goes on.
stolen() { awk '/^cpu / { printf "%.0f", $9 * 1e7 }' /proc/stat; }
steal=$(stolen)
"$RECORD" -e all -o "$T/s.varve" -- "$W/schedtruth" 300 200 300 >"$T/truth" 2>"$T/rec.err"
is "the command's exit status comes back" $? 0
steal=$(($(stolen) - steal))
db=$(db_of "$T/s.varve")
t0=$(ask "$db" "SELECT value FROM meta WHERE key = 't0_mono_ns'")
is "nothing was lost" "$(lost_in "$db")" ""

is "each thread of the program has its account" \
	"$(ask "$db" "SELECT count(*) FROM thread_account JOIN thread USING(utid) WHERE comm LIKE 'st-%'")" 4
is "running + run-queue + blocked + lost = wall within 1 %, for every thread recorded" \
	"$(ask "$db" "SELECT comm, tid, wall_ns, running_ns, runq_ns, blocked_ns, lost_ns FROM thread_account JOIN thread USING(utid)
		WHERE abs(running_ns + runq_ns + blocked_ns + lost_ns - wall_ns) > 0.01 * wall_ns")" ""
is "no time was lost without a lost event" "$(ask "$db" "SELECT count(*) FROM thread_account JOIN thread USING(utid) WHERE comm LIKE 'st-%' AND lost_ns > 0.01 * wall_ns")" 0

thread_is_right() { # truth line
	local name tid read begin voluntary involuntary run_ns runq_ns slices got slack
	eval "$(printf '%s\n' "$1" | tr ' ' '\n' | grep -E '^(name|tid|begin|read|voluntary|involuntary|run_ns|runq_ns|slices)=[A-Za-z0-9-]*$')"
	got=$(ask "$db" "SELECT count(*) FROM sched_slice JOIN thread USING(utid) WHERE tid = $tid AND sched_slice.ts + dur_ns <= $read - $t0")
	is "$name: switches recorded = voluntary + involuntary of /proc" "$got" $((voluntary + involuntary))
	# The tracepoint and the kernel's own clock read are not the same instant: up to 15 us a turn, more where other tracers are attached.
	slack=$((slices * 15000 + 1000000 + steal))
	got=$(ask "$db" "SELECT coalesce(sum(dur_ns), 0) FROM sched_slice JOIN thread USING(utid) WHERE tid = $tid AND sched_slice.ts + dur_ns <= $read - $t0")
	near "$name: time on CPU by its slices = /proc's" "$got" "$run_ns" "$(awk -v r="$run_ns" -v s="$slack" 'BEGIN { print int(0.005 * r + s) }')"
	# The account goes on to the thread's end: the parked stretch after `read` is blocked time and a little running.
	got=$(ask "$db" "SELECT running_ns FROM thread_account JOIN thread USING(utid) WHERE tid = $tid")
	near "$name: running time of its account = /proc's" "$got" "$run_ns" "$(awk -v r="$run_ns" -v s="$slack" 'BEGIN { print int(0.005 * r + s) }')"
	# A wakeup is told before the kernel has queued the thread, with every tracer's work in between.
	slack=$((slices * 35000 + 1000000 + steal))
	got=$(ask "$db" "SELECT runq_ns FROM thread_account JOIN thread USING(utid) WHERE tid = $tid")
	near "$name: run-queue time of its account = /proc's" "$got" "$runq_ns" "$(awk -v r="$runq_ns" -v s="$slack" 'BEGIN { print int(0.005 * r + s) }')"
	has "info prints its account, closed within 1 %" "$info" "^$name .* (99\\.[0-9]*|100\\.00?)$"
}
info=$("$REPORT" info "$T/s.varve" 2>"$T/info.err")
while read -r line; do thread_is_right "$line"; done < <(grep '^thread ' "$T/truth")

test_done
