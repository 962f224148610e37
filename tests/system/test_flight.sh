#!/usr/bin/env bash
# The flight recorder: the last seconds stay in memory, and become a file when somebody asks, when something happens, and at the end.
. "$(dirname "$0")/../lib.sh"
measures "$@"
test_init "$@"
needs_bpf
needs sqlite3 ldd chroot
cd "$T" || exit 1
R=$REPORT
flight() { # NAME, options…: a recorder in the background that has begun ($BG, NAME.err)
	local name=$1
	shift
	background "$name" "$RECORD" -o "$name" "$@"
	await 60 is_on "$BG" "$name"
	sleep 0.5
}
is_on() { # pid, NAME
	ls -l "/proc/$1/fd" | grep -q 'anon_inode:bpf' && [ -e "$2.lock" ]
}
is_whole() { # file: there and complete (its END is written last, in one piece with the rest)
	[ -e "$1" ] && "$R" verify "$1" >verify.out 2>&1 && ! grep -q 'did not end' verify.out
}
one() { # recording…, SELECT
	"$R" sql "${@:1:$#-1}" --format csv "${!#}" 2>>sql.err | tr -d '\r' | sed 1d
}
stop() { # pid: Ctrl-C; its exit status
	kill -INT "$1" 2>/dev/null
	wait "$1"
}

# ---- by signal ------------------------------------------------------------------------------------------------------------
background load "$W/split50" 120 1
flight f -F 499 --flight 4s -p "$BG"
rec=$BG
sleep 3
late=$(late_ns "$rec")
sleep 5
is "nothing is written before it is asked for" "$(ls f.*varve 2>/dev/null)" ""
kill -USR2 "$rec"
await 60 is_whole f.000001.varve
is "SIGUSR2 makes a file" $? 0
is "readable by its owner only" "$(stat -c %a f.000001.varve)" 600
kill -0 "$rec" 2>/dev/null
is "and recording goes on" $? 0
"$R" db f.000001.varve -o f1.db 2>db.err
late=$(($(late_ns "$rec") - late))
# the busy thread may not have run just at the beginning or the end of it, nor the recorder when it was asked
read -r span gap < <(ask f1.db "SELECT (max(ts) - min(ts)) / 1e9, max(gap) / 1e9 FROM (SELECT ts, ts - lag(ts) OVER (ORDER BY ts) AS gap FROM sample)")
holds "it holds the last 4 s, and not much more" "$span + 2 * $gap >= 3.9 && $gap < 2 && $span < 5.8 + $late / 1e9"
has "it says why" "$("$R" info f.000001.varve 2>&1)" '^  ended +snapshot, goes on$'
is "and what for" "$(one f.000001.varve "SELECT text FROM mark")" "snapshot: SIGUSR2"
is "its totals are whole" "$(ask f1.db "SELECT stream FROM stream_total WHERE seen <> written + ring_full + map_full + user_dropped OR imported <> written")" ""
n=$("$R" folded f.000001.varve | awk '{ s += $NF } END { print s + 0 }')
near "what it says is true" "$("$R" folded f.000001.varve | leaf_share work_fifty)" 50 "$(share_tolerance 50 "$n" 2)"
root=$T/root
mkdir -p "$root/tmp"
for lib in $(ldd "$REPORT" | grep -o '/[^ ]*'); do mkdir -p "$root$(dirname "$lib")" && cp -L "$lib" "$root$lib"; done
cp "$REPORT" "$root/varve-report"
cp f.000001.varve "$root/"
XDG_CACHE_HOME=/tmp chroot "$root" /varve-report info /f.000001.varve --min-named 99 >info.out 2>&1
is "with names, where nothing else is" $? 0
sleep 1.5
kill -USR2 "$rec"
await 60 is_whole f.000002.varve
cp f.000002.varve "$root/"
XDG_CACHE_HOME=/tmp chroot "$root" /varve-report info /f.000002.varve --min-named 99 >info.out 2>&1
is "a second one has its own names" $? 0
both=$(one f.000001.varve f.000002.varve "SELECT count(*), count(DISTINCT ts) FROM sample")
is "together, what is in both counts once" "${both%,*}" "${both#*,}"
holds "and they are more than either" "${both%,*} > $(one f.000002.varve "SELECT count(*) FROM sample") && ${both%,*} > $n"
stop "$rec"
is "Ctrl-C ends it with 0" $? 0
has "its summary names the last snapshot" "$(summary f.err)" '→ f\.000003\.varve and 2 before it \]'
has "what was kept at the end is there too" "$("$R" info f.000003.varve 2>&1)" '^  ended +stopped by the user$'
kill "${TEST_PIDS[0]}" 2>/dev/null

# ---- by what happens ------------------------------------------------------------------------------------------------------
background w "$RECORD" -o w --flight 10s --snapshot-on 'off-cpu>1s' --tail 1s -- sh -c 'for i in 1 2 3 4; do sleep 0.2; done; sleep 1.3; sleep 0.8; sleep 0.9'
late=$(late_ns "$BG")
await 60 test -e w.000001.varve
late=$(($(late_ns "$BG") - late))
wait "$BG"
has "it says what it was" "$(one w.000001.varve "SELECT text FROM mark")" '^snapshot: off-cpu [1-9][0-9]*\.[0-9]+ s of (sleep|sh) \([0-9]+\)$'
# where the machine stood still a second there may be more waits of that length
waits=$(one w.0*.varve "SELECT count(*) FROM offcpu WHERE dur_ns > 1000000000")
made=$(find . -name 'w.0*.varve' | wc -l)
holds "off-cpu>1s: one snapshot, and the one at the end" "$made >= 2 && ($made == 2 || $made <= $waits)"
tail=$(one w.000001.varve "SELECT (SELECT duration_ns FROM recording) - min(ts + dur_ns) FROM offcpu WHERE dur_ns > 1000000000")
holds "--tail 1s: it goes on for a second behind the wait" "${tail:-0} > 950000000 && ${tail:-0} < 1800000000 + $late"
happened=$(one w.000001.varve "SELECT min(ts + dur_ns) FROM offcpu WHERE dur_ns > 1000000000")
sleeps() { one "$@" "SELECT count(*) FROM offcpu JOIN thread USING(utid) WHERE comm = 'sleep' AND dur_ns > 190000000 AND ts + dur_ns <= ${happened:-0}"; }
is "what came before is in it" "$(sleeps w.000001.varve)" "$(sleeps w.0*.varve)"
holds "the sleeps of 0.2 s, where nothing stood still" "$(sleeps w.000001.varve) >= ($waits > 2 ? 1 : 4)"
"$RECORD" -o q --flight 10s --snapshot-on 'run-queue>1ms' -- "$W/schedtruth" 50 50 400 >truth 2>rec.err
has "run-queue>1ms" "$(one q.000001.varve "SELECT text FROM mark")" '^snapshot: run-queue [0-9]+\.[0-9]+ s of '
"$RECORD" -o x --flight 10s --snapshot-on 'exit!=0' -- sh -c 'true; sleep 0.5; sh -c "sleep 0.2; exit 3"; sleep 1' 2>rec.err
has "exit!=0" "$(one x.000001.varve "SELECT text FROM mark")" '^snapshot: exit with status 3 of sh \([0-9]+\)$'
"$RECORD" -o y --flight 10s --snapshot-on 'exit!=0,oom,off-cpu>5s,run-queue>5s' -- sh -c 'true; sleep 0.5; true' 2>rec.err
is "nothing happened: only the one at the end" "$(ls y.0*.varve)" "y.000001.varve"
"$RECORD" -o z --flight 4s --snapshot-on 'off-cpu>20ms' --keep 2 -- "$W/waiter" 20 100 >truth 2>rec.err
made=$(ls z.0*.varve | tail -n 1 | grep -o '[1-9][0-9]*\.varve')
took=$(awk -F'[= ]' '/^wait/ { if (!b) b = $7 } /^end_ns/ { e = $2 } END { print (e - b) / 1e9 }' truth)
holds "a trigger that never ends makes one snapshot in half of what is kept" "${made%.varve} >= $took / 2 - 1 && ${made%.varve} <= $took / 2 + 3"
is "--keep 2: two, and the last" "$(ls z.0*.varve | wc -l)" 3

# ---- OOM --------------------------------------------------------------------------------------------------------------------
if memory_cgroup "varve-flight-$$" 64; then
	flight o -a -F 499 --flight 20s --snapshot-on oom
	rec=$BG
	{ (in_cgroup "$MEMCG" "$W/oomhog" 40 3000 4) >truth 2>&1; } 2>/dev/null
	await 60 is_whole o.000001.varve
	is "an OOM kill makes a snapshot while recording goes on" "$? $(kill -0 "$rec" 2>/dev/null && echo alive)" "0 alive"
	pid=$(truth truth pid)
	"$R" db o.000001.varve -o o.db 2>db.err
	has "it says whose" "$(one o.000001.varve "SELECT text FROM mark")" "^snapshot: OOM kill of oomhog \\($pid\\)"
	has "it has the kill, with the allocating stack" "$(ask o.db "SELECT folded FROM oom JOIN stack_text USING(stack_id) WHERE victim_pid = $pid")" 'main;hog_grow;hog_touch'
	holds "and the largest tasks before it" "$(ask o.db "SELECT count(*) FROM oom_task k JOIN oom o ON o.id = k.oom_id WHERE o.victim_pid = $pid") >= 3"
	holds "and the seconds before: the hog's rest" "$(ask o.db "SELECT coalesce(max(dur_ns), 0) FROM offcpu JOIN thread USING(utid) WHERE comm = 'oomhog'") > 2500000000"
	holds "and memory over time" "$(ask o.db "SELECT count(DISTINCT ts) FROM counter WHERE name LIKE 'mem%'") >= 3"
	stop "$rec"
else
	skip "an OOM kill makes a snapshot" "needs a memory cgroup"
fi

# ---- memory -----------------------------------------------------------------------------------------------------------------
seconds=${VARVE_FLIGHT_SECONDS:-16}
background load "$W/storm" $((seconds * 4))
flight m -p "$BG" -e all --flight 4M # -a: whatever else begins on the machine is remembered, too
rec=$BG
rss() { sed -n 's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$rec/status"; }
full=0
for ((i = 0; i < 6; i++)); do # what grows without end does so in each half; a machine that stands still has them full later
	half=$full
	sleep $((seconds / 2))
	full=$(rss)
	[ "$half" -gt 0 ] && [ $((full * 100)) -le $((half * 105 + 102400)) ] && break
done
holds "resident memory does not grow once 4 MiB are full (KiB after $((i * seconds / 2)) s and $((seconds / 2)) s more)" "$full <= 1.05 * $half + 1024"
holds "and is what a recorder has anyway, and these" "$full < 65536"
kill -USR2 "$rec"
await 60 is_whole m.000001.varve
holds "a snapshot is as large" "$(stat -c %s m.000001.varve) < 4194304 + 1048576 && $(stat -c %s m.000001.varve) > 2500000"

# ---- what goes wrong ----------------------------------------------------------------------------------------------------------
out=$("$RECORD" --flight 10s -o m -p $$ --duration 1 2>&1)
is "a second recorder of the same name exits with 2" "$?" 2
kill -KILL "$rec"
{ wait "$rec"; } 2>/dev/null
is "kill -9: what was in memory is gone, the snapshot is not" "$(ls m.0*.varve) $("$R" verify m.000001.varve | tail -n 1)" "m.000001.varve   clean"
mkdir small
if mount -t tmpfs -o size=64k none small 2>/dev/null; then
	TEST_MOUNTS+=("$T/small")
	background s "$RECORD" -o small/s -a -F 499 --flight 10s --symbols all
	rec=$BG
	await 60 is_on "$rec" small/s
	sleep 1
	kill -USR2 "$rec"
	await 60 test -e small/s.000001.varve
	given_up() { ! ls -l "/proc/$rec/fd" | grep -q 's\.000001\.varve'; }
	await 60 given_up
	kill -0 "$rec" 2>/dev/null
	is "a snapshot that does not fit ends nothing" $? 0
	mount -o remount,size=64m small
	stop "$rec"
	is "and the next one may" "$? $("$R" verify small/s.000002.varve | tail -n 1)" "0   clean"
	has "which is said in the end" "$(cat s.err)" "snapshot '.*s.000001.varve': ENOSPC .*continuing without it"
else
	skip "a snapshot that does not fit ends nothing" "mount is refused"
fi
test_done
