# shellcheck shell=bash
# Short-lived processes: 600 forks with exec, two at a time.

forks_run() { # row
	"$W/forkstorm" 600 0.01 2 exec >"$T/forks.out" || return
	put forks "$1" seconds "$(truth "$T/forks.out" seconds)"
	put forks "$1" us/process "$(calc "$(truth "$T/forks.out" cpu_ns) / 600000")"
}

forks_with() { # row, command…
	local row=$1
	shift
	rec_start "$@" || return
	forks_run "$row"
	rec_stop
	put forks "$row" cpu_s "$REC_RUN_CPU"
	put forks "$row" all_cpu_s "$REC_ALL_CPU"
	put forks "$row" rss_MiB "$REC_RSS"
}

echo "forks: $rounds rounds…"
for ((round = 1; round <= rounds; round++)); do
	forks_run bare
	forks_with varve_-F_999 "$RECORD" -a -f -F 999 -o "$T/f.varve" --progress never
	[ -n "$perf" ] && forks_with perf_-F_999_-g "$perf" record -q -B -N -F 999 -g -a -o "$T/f.data"
	rm -f "$T/f.db"
	put forks varve_-F_999 children "$(ask "$(db_of "$T/f.varve")" "SELECT count(*) FROM process WHERE comm = 'fork-child'")"
	put forks varve_-F_999 lost "$(ask "$(db_of "$T/f.varve")" "SELECT coalesce(sum(lost), 0) FROM loss WHERE reason <> 'stack error'")"
done
for row in varve_-F_999 perf_-F_999_-g; do
	[ -n "$(median forks "$row" us/process)" ] && put forks "$row" slowdown "$(calc "$(median forks "$row" us/process) / $(median forks bare us/process)")"
done
table forks "Fork and exec storm, 600 processes (their own CPU time)" us/process seconds slowdown cpu_s all_cpu_s rss_MiB children lost
v=$(median forks varve_-F_999 slowdown) p=$(median forks perf_-F_999_-g slowdown)
goal "fork storm: slowdown at most perf's ($p)" "$v" "${v:-9} <= ${p:-0} * 1.01"
v=$(median forks varve_-F_999 children)
goal "fork storm: every one of 600 processes recorded" "$v" "${v:-0} == 600"
