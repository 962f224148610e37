#!/usr/bin/env bash
# Off-CPU truth: a thread that sleeps, waits for a lock, a pipe and a vfork child. Each wait must be there with its state, stack,
# duration and waker.
. "$(dirname "$0")/../lib.sh"
measures "$@"
test_init "$@"
needs_bpf
needs sqlite3

"$RECORD" -o "$T/w.varve" -- "$W/waiter" 4 80 >"$T/truth" 2>"$T/rec.err"
is "the command's exit status comes back" $? 0
db=$(db_of "$T/w.varve")
tid=$(truth "$T/truth" waiter_tid)
t0=$(ask "$db" "SELECT value FROM meta WHERE key = 't0_mono_ns'")
holds "the recording says when it began" "${t0:-0} > 0"

# All waits of the thread whose stack passes through a function, inside the instants the program printed around one call. The sum has the time it
# was preempted between the reading of the clock and the call, too.
# (Not the time for which the host of a virtual machine had the CPU in between: one wait in four may be off by that.)
waits_in() { # function, begin, end: sum of dur, count, states, waker comms
	ask "$db" "SELECT (SELECT sum(dur_ns) FROM offcpu a JOIN thread USING(utid) WHERE tid = $tid AND a.ts >= $2 - $t0 AND a.ts + dur_ns <= $3 - $t0), count(*), group_concat(DISTINCT o.state), group_concat(DISTINCT coalesce(w.comm, '-')), group_concat(DISTINCT coalesce(w.tid, 0))
		FROM offcpu o JOIN thread t USING(utid) LEFT JOIN thread w ON w.utid = o.waker_utid
		WHERE t.tid = $tid AND o.ts >= $2 - $t0 AND o.ts + o.dur_ns <= $3 - $t0 AND o.dur_ns > 1000000 AND o.state <> 'R'
		AND o.stack_id IN $(through "$1")"
}

kind_is_right() { # kind, state, waker's tid (0: whatever)
	local begin end ns dur cnt states wakers tids bad="" off="" n=0 sum=0 want=0 near=0
	while read -r begin end ns; do
		read -r dur cnt states wakers tids < <(waits_in "phase_$1" "$begin" "$end")
		n=$((n + 1)) want=$((want + ns)) sum=$((sum + ${dur:-0}))
		awk -v g="${dur:-0}" -v w="$ns" 'BEGIN { exit !(g > 0 && g <= w) }' || bad+="wait $n: ${dur:-none} of $ns ns (in $cnt parts); "
		awk -v g="${dur:-0}" -v w="$ns" 'BEGIN { exit !(g >= 0.98 * w) }' && near=$((near + 1)) || off+="wait $n: ${dur:-none} of $ns ns (in $cnt parts); "
		[ "$states" = "$2" ] || bad+="wait $n: state '$states', want $2; "
		[ "$3" = 0 ] || [ "$tids" = "$3" ] || bad+="wait $n: woken by $wakers ($tids), want $3; "
	done < <(sed -n "s/^wait kind=$1 .*begin=\([0-9]*\) end=\([0-9]*\) ns=\([0-9]*\)/\1 \2 \3/p" "$T/truth")
	if [ -z "$bad" ] && [ "$n" -eq 4 ] && [ "$near" -ge 3 ]; then
		ok "$n waits in phase_$1: $near within 2 % of their time, none longer, state $2, waker right ($sum of $want ns)"
	else
		not_ok "$n waits in phase_$1: within 2 % of their time, none longer, state $2, waker right" "$bad$off"
	fi
}
kind_is_right sleep S 0
kind_is_right lock S "$(truth "$T/truth" holder_tid)"
kind_is_right pipe S "$(truth "$T/truth" writer_tid)"
kind_is_right vfork D 0

# A timer's wakeup comes from an interrupt: whoever it interrupted did not cause it.
is "a sleep is not blamed on the thread the timer interrupted" \
	"$(ask "$db" "SELECT count(*) FROM offcpu o JOIN thread t USING(utid) JOIN thread w ON w.utid = o.waker_utid WHERE t.tid = $tid AND w.tid NOT IN (0) AND o.dur_ns > 50000000
		AND o.stack_id IN $(through phase_sleep)")" 0
has "the waker's stack of the lock has its unlock" \
	"$(ask "$db" "SELECT DISTINCT f.name FROM offcpu o JOIN thread t USING(utid) JOIN stack_function k ON k.stack_id = o.waker_stack_id JOIN function f ON f.id = k.function_id WHERE t.tid = $tid AND o.dur_ns > 50000000")" \
	'^hold_lock$'

"$REPORT" folded "$T/w.varve" --event off-cpu --tid "$tid" >"$T/off.folded" 2>"$T/folded.err"
is "folded gives the waits" $? 0
for kind in sleep lock pipe vfork; do
	is "folded: off-CPU ns under phase_$kind are those of the rows" "$(grep ";phase_$kind;" "$T/off.folded" | awk '{ s += $NF } END { printf "%.0f", s }')" \
		"$(ask "$db" "SELECT sum(dur_ns) FROM offcpu JOIN thread USING(utid) WHERE tid = $tid AND stack_id IN $(through "phase_$kind")")"
done
test_done
