#!/usr/bin/env bash
# Where a user stack cannot be walked because it is not there yet or no more, the recording says so; every wait has its user half.
. "$(dirname "$0")/../lib.sh"
measures "$@"
test_init "$@"
needs_bpf
needs sqlite3

"$RECORD" -q -F 999 --off-cpu-thresh 0 -o "$T/n.varve" -- "$W/newborn" 100 >"$T/n.out" 2>&1
is "the workload was recorded" "$?" 0
db=$(db_of "$T/n.varve")

# SQL: the ends of the stacks of a table's rows that pass through a kernel function
ends_through() { # table, function
	ask "$db" "SELECT e.name, count(*) FROM $1 a JOIN stack k ON k.id = a.stack_id JOIN stack_end e ON e.id = k.end_id WHERE a.stack_id IN $(through "$2") GROUP BY 1 ORDER BY 2 DESC"
}

# ---- what the unwinder did, in a recording of less than a second, too -----------------------------------------------------
"$RECORD" -q -o "$T/short.varve" -- /bin/true
short=$(db_of "$T/short.varve")
holds "a recording of some milliseconds says how many stacks were walked" "$(ask "$short" "SELECT coalesce(max(value), -1) FROM counter WHERE name = 'varve.unwind.stacks'") >= 0"

# ---- a process that has given up its memory ---------------------------------------------------------------------------
gone=$(ends_through sample __mmput)
has "samples of processes giving up their memory say that it is gone" "$gone" '^memory gone [0-9]+$'
hasnt "none of them says that it was not readable" "$gone" 'stack not readable'

# ---- waits --------------------------------------------------------------------------------------------------------------
waits=$(ask "$db" "SELECT count(*) FROM offcpu WHERE stack_id IS NOT NULL")
end_cnt() { ask "$db" "SELECT count(*) FROM offcpu a JOIN stack k ON k.id = a.stack_id JOIN stack_end e ON e.id = k.end_id WHERE e.name = '$1'"; }
holds "there were 1,000 waits" "$waits >= 1000"
# But for those whose interrupt on the way to user mode is lost on another CPU's.
holds "waits that end on the way out of a system call, or in one that does not return, have their user half" "$(end_cnt 'not taken') <= 0.001 * $waits"
holds "99 % of the waits reach their thread's root" "$(end_cnt complete) + $(end_cnt 'memory gone') >= 0.99 * $waits"

# preempted in user mode by who fills a pipe and sleeps again, never coming to user mode: nothing of the thread's has been touched then
if [ "$(nproc)" -ge 2 ]; then
	"$RECORD" -q -e off-cpu,task --off-cpu-thresh 20us -o "$T/r.varve" -- "$W/refill" 1000 >"$T/r.out" 2>&1
	rdb=$(db_of "$T/r.varve")
	read -r refills untaken < <(ask "$rdb" "SELECT count(*), sum(e.name = 'not taken') FROM offcpu a JOIN thread t USING(utid) JOIN stack k ON k.id = a.stack_id JOIN stack_end e ON e.id = k.end_id
		WHERE t.tid = $(truth "$T/r.out" tid) AND a.state = 'R'")
	holds "who is preempted by a thread that stays in the kernel has the user half of its waits ($untaken of $refills lack it)" "$refills >= 50 && $untaken <= 0.02 * $refills"
fi

# a thread before its first instruction: the wait between its creation and its first turn
born=$(ask "$db" "SELECT e.name, count(*) FROM offcpu a JOIN stack k ON k.id = a.stack_id JOIN stack_end e ON e.id = k.end_id JOIN frame f ON f.id = k.frame_id JOIN function fn ON fn.id = f.function_id
	JOIN thread t ON t.utid = a.utid WHERE fn.name LIKE '%ret_from_fork%' OR fn.name LIKE '%switch_to_asm%' GROUP BY 1 ORDER BY 2 DESC")
has "the first wait of a new thread is complete" "$born" '^complete [1-9][0-9]+$'
hasnt "and nothing else" "$born" '^(no|bad|stack|not)'
test_done
