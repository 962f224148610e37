# shellcheck shell=bash
# The switch storm: pinned futex ping-pong, 22 user frames, for $seconds.

storm_bare() { "$W/storm" "$seconds" 0 >"$T/storm.out"; }

storm_figures() { # row
	local w
	w=$(awk -v h="$(truth "$T/storm.out" handovers)" -v c="$(truth "$T/storm.out" cpu_ns)" 'BEGIN { print h * 1e9 / c }')
	put storm "$1" work "$w"
	put storm "$1" per_s "$(truth "$T/storm.out" per_second)"
}

storm_with() { # row, file or -, command…
	local row=$1 file=$2
	shift 2
	rm -f "$file"
	rec_start "$@" || return
	"$W/storm" "$seconds" 0 >"$T/storm.out"
	rec_stop
	storm_figures "$row"
	put storm "$row" start_s "$REC_START_CPU"
	put storm "$row" run_s "$REC_RUN_CPU"
	put storm "$row" all_cpu_s "$REC_ALL_CPU"
	put storm "$row" rss_MiB "$REC_RSS"
	put storm "$row" wakes/s "$REC_WAKES"
	put storm "$row" stop_s "$REC_STOP"
	[ "$file" = - ] || put storm "$row" B/switch "$(calc "$(stat -c %s "$file") / $(truth "$T/storm.out" switches)")"
}

echo "storm: $rounds rounds…"
for ((round = 1; round <= rounds; round++)); do
	storm_bare && storm_figures bare
	storm_with varve "$T/s.varve" "$RECORD" -a -f -o "$T/s.varve" --progress never && put storm varve lost "$(rm -f "$T/s.db"; varve_lost "$T/s.varve")"
	[ -n "$perf" ] && storm_with perf_switch_-g "$T/s.data" "$perf" record -q -B -N -m 2048 -e sched:sched_switch -g -a -o "$T/s.data" &&
		put storm perf_switch_-g lost "$(perf_lost "$T/s.data")"
	storm_bare && storm_figures bare
	storm_with varve_threshold_0 "$T/z.varve" "$RECORD" -a -f -e off-cpu,task --off-cpu-thresh 0 -o "$T/z.varve" --progress never &&
		put storm varve_threshold_0 lost "$(rm -f "$T/z.db"; varve_lost "$T/z.varve")"
	storm_with varve_-e_all "$T/a.varve" "$RECORD" -a -f -e all -o "$T/a.varve" --progress never && put storm varve_-e_all lost "$(rm -f "$T/a.db"; varve_lost "$T/a.varve")"
	[ -n "$offcputime" ] && storm_with offcputime - "$offcputime" -M 99999999 60
	[ -n "$offcputime_bcc" ] && REC_SETTLE=5 storm_with offcputime-bpfcc - "$offcputime_bcc" 60
	rm -f "$T"/s.data "$T"/*.varve "$T"/*.db
done
bare=$(median storm bare work)
for row in varve perf_switch_-g varve_threshold_0 varve_-e_all offcputime offcputime-bpfcc; do
	[ -n "$(median storm "$row" work)" ] && put storm "$row" slowdown "$(calc "$bare / $(median storm "$row" work)")"
done
table storm "Context-switch storm" per_s slowdown start_s run_s all_cpu_s rss_MiB B/switch lost wakes/s stop_s
s=$(median storm varve slowdown) p=$(median storm perf_switch_-g slowdown)
goal "storm, defaults: slowdown at most 1.35" "$s" "${s:-9} <= 1.35"
z=$(median storm varve_threshold_0 slowdown)
goal "storm, threshold 0: (slowdown - 1) at most 0.8 of perf's ($p)" "$z" "${z:-9} - 1 <= 0.8 * (${p:-0} - 1)"
v=$(median storm varve all_cpu_s) c=$(median storm perf_switch_-g all_cpu_s)
goal "storm, from exec to exit: recorder CPU at most 0.35 of perf's ($c s)" "$v" "${v:-9} <= 0.35 * ${c:-0}" " s"
v=$(median storm varve lost)
goal "storm: no event lost" "$v" "${v:-1} == 0"
v=$(median storm varve_-e_all lost)
goal "storm, every switch an event: none lost" "$v" "${v:-1} == 0"
v=$(median storm varve_-e_all B/switch)
goal "storm, every switch an event: at most 3.7 bytes a switch" "$v" "${v:-99} <= 3.7"
v=$(median storm varve rss_MiB)
goal "storm: peak memory at most 64 MiB" "$v" "${v:-999} <= 64" " MiB"
v=$(median storm varve wakes/s)
goal "storm: at most 25 wakeups a second" "$v" "${v:-999} <= 25.5"
