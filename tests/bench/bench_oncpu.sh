# shellcheck shell=bash
# On-CPU sampling: two busy threads, 99 and 999 Hz, for $seconds.

oncpu_figures() { # row
	put oncpu "$1" work "$(awk -v h="$(truth "$T/on.out" rounds)" -v c="$(truth "$T/on.out" cpu_ns)" 'BEGIN { print h * 1e9 / c }')"
}

oncpu_bare() { "$W/split50" "$seconds" 2 >"$T/on.out" && oncpu_figures bare; }

oncpu_with() { # row, file, count command, command…
	local row=$1 file=$2 counter=$3 n
	shift 3
	rm -f "$file"
	rec_start "$@" || return
	"$W/split50" "$seconds" 2 >"$T/on.out"
	rec_stop
	oncpu_figures "$row"
	n=$($counter "$file")
	put oncpu "$row" start_s "$REC_START_CPU"
	put oncpu "$row" run_s "$REC_RUN_CPU"
	put oncpu "$row" all_cpu_s "$REC_ALL_CPU"
	put oncpu "$row" rss_MiB "$REC_RSS"
	put oncpu "$row" stop_s "$REC_STOP"
	put oncpu "$row" samples "$n"
	put oncpu "$row" B/sample "$(calc "$(stat -c %s "$file") / ($n > 0 ? $n : 1)")"
}

count_varve() { rm -f "${1%.varve}.db"; ask "$(db_of "$1")" "SELECT count(*) FROM sample"; }
count_perf() { "$perf" report -i "$1" --stats 2>/dev/null | awk '/ SAMPLE events:/ { print $3; exit }'; }

echo "on-CPU: $rounds rounds…"
for ((round = 1; round <= rounds; round++)); do
	oncpu_bare
	for hz in 99 999; do
		oncpu_with "varve_-F_$hz" "$T/c.varve" count_varve "$RECORD" -a -f -F $hz -o "$T/c.varve" --progress never
		[ -n "$perf" ] && oncpu_with "perf_-F_${hz}_-g" "$T/c.data" count_perf "$perf" record -q -B -N -F $hz -g -a -o "$T/c.data"
	done
	oncpu_with "varve_-F_999_on-cpu_only" "$T/c.varve" count_varve "$RECORD" -a -f -F 999 -e on-cpu,task -o "$T/c.varve" --progress never
	[ -n "$perf" ] && oncpu_with "perf_-F_999_-g_-z" "$T/c.data" count_perf "$perf" record -q -B -N -F 999 -g -z -a -o "$T/c.data"
done
bare=$(median oncpu bare work)
for row in varve_-F_99 varve_-F_999 varve_-F_999_on-cpu_only perf_-F_99_-g perf_-F_999_-g perf_-F_999_-g_-z; do
	[ -n "$(median oncpu "$row" work)" ] && put oncpu "$row" slowdown "$(calc "$bare / $(median oncpu "$row" work)")"
done
table oncpu "On-CPU sampling, two busy threads" slowdown start_s run_s all_cpu_s rss_MiB samples B/sample stop_s
for hz in 99 999; do
	v=$(median oncpu varve_-F_$hz slowdown) p=$(median oncpu perf_-F_${hz}_-g slowdown)
	goal "on-CPU at $hz Hz: slowdown at most 1.05 of perf's ($p)" "$v" "${v:-9} <= 1.05 * ${p:-0}"
done
v=$(median oncpu varve_-F_999_on-cpu_only all_cpu_s) p=$(median oncpu perf_-F_999_-g all_cpu_s)
goal "on-CPU at 999 Hz, from exec to exit: recorder CPU at most 0.35 of perf's ($p s)" "$v" "${v:-9} <= 0.35 * ${p:-0}" " s"
v=$(median oncpu varve_-F_999 stop_s)
goal "from Ctrl-C to a complete file: at most 0.1 s (perf: $(median oncpu perf_-F_999_-g stop_s) s)" "$v" "${v:-9} <= 0.1" " s"
v=$(median oncpu varve_-F_999 B/sample)
goal "at most 20 bytes a sample, all included, at 999 Hz" "$v" "${v:-99} <= 20"
v=$(median oncpu varve_-F_999 rss_MiB)
goal "on-CPU: peak memory at most 64 MiB" "$v" "${v:-999} <= 64" " MiB"
