#!/usr/bin/env bash
# The recorder stands still under load: its rings run full. What is lost is counted, to the event, with its time range, and
# recording goes on afterwards.
. "$(dirname "$0")/../lib.sh"
measures "$@"
test_init "$@"
needs_bpf
needs sqlite3

recorder -e all -o "$T/o.varve" -a || { not_ok "the recorder starts"; test_done; }
rec=$BG
"$W/storm" 0.3 >"$T/truth1"
kill -STOP "$rec"
stopped=$(awk '{ printf "%.0f", $1 * 1e9 }' /proc/uptime)
# As many switches as no ring of ours holds; and processes meanwhile, whose events must not be among the lost
"$W/storm" -n 500000 >"$T/truth2"
"$W/forkstorm" 100 5 4 exec >"$T/truth3"
kill -CONT "$rec"
# Drained is what it found once it mostly waits again.
waits() { awk '/^voluntary/ { print $2 }' "/proc/$rec/status"; }
has_drained() {
	local ran waited
	ran=$(cpu_ms "$rec") waited=$(waits)
	sleep 0.3
	[ $(($(cpu_ms "$rec") - ran)) -le 60 ] && [ "$(waits)" -gt "$waited" ]
}
await 100 has_drained
drained=$(awk '{ printf "%.0f", $1 * 1e9 }' /proc/uptime)
"$W/storm" -n 20000 >"$T/truth4"
sleep 0.2
kill -INT "$rec"
wait "$rec"
is "the recorder ends with 0" $? 0
has "its last line says that events were lost" "$(cat "$T/rec.err")" '[1-9][0-9,]* lost'
db=$(db_of "$T/o.varve")
t0=$(ask "$db" "SELECT value FROM meta WHERE key = 't0_mono_ns'")
lost=$(ask "$db" "SELECT coalesce(sum(lost), 0) FROM loss WHERE stream = 'switch'")
holds "switches were lost" "$lost > 100000"
is "the reason is named" "$(ask "$db" "SELECT DISTINCT reason FROM loss WHERE stream = 'switch'")" "ring full"
is "the loss lies within the standstill" "$(ask "$db" "SELECT count(*) FROM loss WHERE stream = 'switch' AND lost > 0 AND (ts + dur_ns + $t0 > $drained + 20000000 OR ts + dur_ns + $t0 < $stopped - 20000000)")" 0
lost_tasks=$(ask "$db" "SELECT coalesce(sum(lost), 0) FROM loss WHERE stream IN ('task', 'fork', 'exec', 'comm', 'exit', 'oom')")
others=$(ask "$db" "SELECT count(*) FROM process WHERE start_ts > $stopped - $t0 AND comm <> 'fork-child'")
if [ "$lost_tasks" -gt 0 ] && [ "$others" -gt 500 ]; then
	skip "no task or OOM event was lost, every process of the standstill is there" "others began $others processes and more meanwhile: their events fill the ring, too"
else
	is "no task or OOM event was lost" "$lost_tasks" 0
	is "every process of the standstill is there" "$(ask "$db" "SELECT count(*) FROM process c JOIN process p ON p.upid = c.parent_upid WHERE c.comm = 'fork-child' AND p.pid = $(truth "$T/truth3" pid)")" 100
fi
# The storm's own switches, known from the kernel's counters, are recorded or counted as lost; the others on the machine make the
# lost ones more, never fewer.
pids=$(truth "$T/truth1" pid),$(truth "$T/truth2" pid),$(truth "$T/truth4" pid)
got=$(ask "$db" "SELECT count(*) FROM sched_slice JOIN thread_v USING(utid) WHERE pid IN ($pids) AND thread LIKE 'storm-p%'")
want=$(($(truth "$T/truth1" switches) + $(truth "$T/truth2" switches) + $(truth "$T/truth4" switches)))
holds "storm's switches recorded + all lost >= storm's switches counted" "$got + $lost >= $want - 20"
pid=$(truth "$T/truth4" pid)
near "after the standstill every switch is recorded again" \
	"$(ask "$db" "SELECT count(*) FROM sched_slice JOIN thread_v USING(utid) WHERE pid = $pid AND thread LIKE 'storm-p%'")" "$(truth "$T/truth4" switches)" 6
info=$("$REPORT" info "$T/o.varve" 2>&1)
has "info tells of the loss and why" "$info" '[Ll]ost.*|ring full'
has "info has the reason" "$info" 'ring full'
# seen = written + lost, for each stream: read from the recording's own totals and checked against the rows
is "seen = written + lost in every stream" "$(ask "$db" "SELECT name FROM sqlite_master WHERE name = 'stream_total'" | grep -q . && ask "$db" \
	"SELECT stream FROM stream_total WHERE seen <> written + ring_full + map_full + user_dropped")" ""
test_done
