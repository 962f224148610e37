#!/usr/bin/env bash
# Whom a recording holds (-p -t -u -G -C, a command), and what its exit status says.
. "$(dirname "$0")/../lib.sh"
measures "$@"
test_init "$@"
needs_bpf
needs sqlite3

cpus=$(nproc)
background a "$W/split50" 280 1
a=$BG
background b "$W/split50" 280 2
b=$BG
await 60 has_run "$a" 100 && await 60 has_run "$b" 100
b_tid=$(ls "/proc/$b/task" | grep -vx "$b" | head -n 1)

record() { # recording, pids that use 300 ms of CPU time meanwhile (","), options…: status in $RC
	local name=$1 busy=${2//,/ } p
	shift 2
	recorder -F 499 -o "$T/$name.varve" "$@"
	for p in $busy; do await 60 has_run "$p" $(($(cpu_ms "$p") + 300)); done
	recorder_stop
	RC=$?
	[ "$RC" -eq 0 ] || sed "s/^/# $name: /" "$T/rec.err"
}
pids() { ask "$(db_of "$T/$1.varve")" "SELECT DISTINCT pid FROM sample JOIN thread_v USING(utid) ORDER BY 1" | tr '\n' ' '; }
count() { ask "$(db_of "$T/$1.varve")" "SELECT count(*) FROM sample"; }

"$RECORD" -q -F 499 --duration 300ms -o "$T/d.varve" -p "$a" 2>"$T/d.err"
is "-p ends with 0 after --duration" "$?" 0
record p "$a" -p "$a"
is "-p ends with 0 after Ctrl-C" "$RC" 0
is "-p records that process alone" "$(pids p)" "$a "
holds "-p has its samples" "$(count p) > 20"
# Its child outlives it, and is its heir: when both have ended, so has the recording.
background family sh -c 'until [ -e "$1" ]; do sleep 0.05; done; "$0" 1 & exit 0' "$W/split50" "$T/go"
recorder -F 499 -o "$T/e.varve" -p "$BG,$BG" --duration 100
touch "$T/go"
wait "$BG"
is "-p ends with 0 when all of its targets have" $? 0
has "and says so" "$("$REPORT" info "$T/e.varve" 2>&1)" '^  ended +target exited$'
holds "not before their children have" "$(ask "$(db_of "$T/e.varve")" "SELECT count(*) FROM sample JOIN thread USING(utid) WHERE comm LIKE 'split50%'") > 100"
background gone "$W/split50" 1
"$RECORD" -q -o "$T/tx.varve" -t "$BG" --duration 100 2>"$T/tx.err"
is "and -t, of a thread that has ended and was not asked for" "$? $("$REPORT" info "$T/tx.varve" 2>&1 | grep -c '^  ended  *target exited$')" "0 1"
record pp "$a,$b" -p "$a,$b"
is "-p takes a list" "$(pids pp)" "$(printf '%s\n' "$a" "$b" | sort -n | tr '\n' ' ')"
record t "$b" -t "$b_tid"
is "-t records that thread alone" "$(ask "$(db_of "$T/t.varve")" "SELECT DISTINCT tid FROM sample JOIN thread USING(utid)")" "$b_tid"
record c "$a,$b" -a -C 0
is "-C 0 has samples of CPU 0 alone" "$(ask "$(db_of "$T/c.varve")" "SELECT DISTINCT cpu FROM sample")" 0
record off "$a" -p "$a" -e off-cpu
is "-e off-cpu takes no samples" "$(count off)" 0

if command -v setpriv >/dev/null; then
	uid=61234 # nobody's: what drops its privileges often becomes nobody
	cp "$W/split50" "$T/split50-user" && chmod 755 "$T/split50-user"
	background u setpriv --reuid=$uid --clear-groups "$T/split50-user" 280 1
	u=$BG
	await 60 is_named "$u" split50-user && await 60 has_run "$u" 100
	record u "$u" -u $uid
	is "-u records that user's processes" "$(pids u)" "$u "
	kill -KILL "$u"
else
	skip "-u records that user's processes" "no setpriv"
fi

# The hierarchy that tasks are told by: v1's cpu controller where there is one, else v2.
for root in /sys/fs/cgroup/cpu /sys/fs/cgroup; do
	[ -e "$root/cgroup.procs" ] && break
done
if mkdir "$root/varve-target-$$" 2>/dev/null; then
	TEST_CGROUPS+=("$root/varve-target-$$")
	background g in_cgroup "$root/varve-target-$$" "$W/split50" 280 1
	g=$BG
	await 60 is_named "$g" split50 && await 60 has_run "$g" 100
	record g "$g" -G "$root/varve-target-$$"
	is "-G records that cgroup's processes" "$(pids g)" "$g "
	record g2 "$g" -G "/varve-target-$$"
	is "-G takes the path as the kernel names it" "$(pids g2)" "$g "
	kill -KILL "$g"
else
	skip "-G records that cgroup's processes" "no cgroup hierarchy to make one in"
fi

record comm "$a,$b" -a --comm 'split50-w*'
is "--comm keeps the threads of that name" "$(ask "$(db_of "$T/comm.varve")" "SELECT DISTINCT comm FROM sample JOIN thread USING(utid)")" split50-worker
record nocomm "$a,$b" -a --no-comm 'split50*'
is "--no-comm leaves them out" "$(ask "$(db_of "$T/nocomm.varve")" "SELECT count(*) FROM sample JOIN thread USING(utid) WHERE comm LIKE 'split50%'")" 0
record all "$a,$b" -a
rec=$BG
is "-a has the samples of both programs" "$(ask "$(db_of "$T/all.varve")" "SELECT count(DISTINCT pid) FROM sample JOIN thread_v USING(utid) WHERE pid IN ($a, $b)")" 2
is "the recorder never records itself" "$(ask "$(db_of "$T/all.varve")" "SELECT (SELECT count(*) FROM sample JOIN thread_v USING(utid) WHERE pid = $rec) + (SELECT count(*) FROM offcpu JOIN thread_v USING(utid) WHERE pid = $rec)")" 0
echo "# $cpus CPUs"
kill -KILL "$a" "$b"

# ---- the command's children, and what its end gives --------------------------------------------------------------
"$RECORD" -F 499 -o "$T/tree.varve" -- sh -c "'$W/split50' 1 1; true" >"$T/tree.out" 2>"$T/tree.err"
holds "children of the command are followed" "$(ask "$(db_of "$T/tree.varve")" "SELECT count(*) FROM sample JOIN thread USING(utid) WHERE comm = 'split50-worker'") > 50"
"$RECORD" -F 499 -i -o "$T/alone.varve" -- sh -c "'$W/split50' 1 1; true" >"$T/tree.out" 2>"$T/tree.err"
is "-i follows none" "$(ask "$(db_of "$T/alone.varve")" "SELECT count(*) FROM sample JOIN thread USING(utid) WHERE comm = 'split50-worker'")" 0

command_status() { # claim, want, command…
	local claim=$1 want=$2
	shift 2
	"$RECORD" -f -o "$T/st.varve" -- "$@" >"$T/st.out" 2>"$T/st.err"
	is "$claim" $? "$want"
}
command_status "exit status 0 comes back" 0 true
command_status "exit status 42 comes back" 42 sh -c 'exit 42'
command_status "a command killed by SIGTERM: the recorder dies of it too" 143 sh -c 'kill -TERM $$'
command_status "a command killed by SIGKILL: 137" 137 sh -c 'kill -KILL $$'
command_status "a command that is not there: 127" 127 "$T/no-such-program"
has "and says so in one line" "$(cat "$T/st.err")" "no-such-program.*(ENOENT|not found)"
echo 'not a program' >"$T/plain"
command_status "a file that is not executable: 126" 126 "$T/plain"
is "one line about it" "$(wc -l <"$T/st.err")" 1
command_status "the first instruction is recorded: a command of microseconds is there" 0 true
is "with its exec" "$(ask "$(db_of "$T/st.varve")" "SELECT count(*) FROM process WHERE comm = 'true'")" 1

recorder -a -o "$T/int.varve"
sleep 1
recorder_stop
is "0 after Ctrl-C with -a" $? 0
has "the summary is perf's habit" "$(summary "$T/rec.err")" '^\[ varve-record: [0-9.]+ s, [0-9,]+ samples?, [0-9,]+ waits?, .*lost, .* → .*int\.varve \]$'
"$REPORT" verify "$T/int.varve" >"$T/verify.out" 2>&1
is "the file is whole" $? 0
# an idle host has no samples
background busy "$W/split50" 120 1
"$RECORD" -a --duration 1 -o - 2>/dev/null | "$REPORT" folded - >"$T/pipe.folded" 2>"$T/pipe.err"
kill "$BG"
holds "a recording can be piped into the report" "$(wc -l <"$T/pipe.folded") > 0"
test_done
