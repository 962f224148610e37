# shellcheck shell=bash
# From a recording to folded stacks and to SQLite, beside perf script | collapse and perf report: the same workload at the same rate,
# recorded by each.

collapse=$(command -v stackcollapse-perf.pl || command -v stackcollapse-perf || echo "$TESTS/bench/collapse.pl")

report_timed() { # row, samples, command…: wall seconds, samples a second, peak memory
	local row=$1 n=$2 t0 s rss
	shift 2
	t0=$(date +%s.%N)
	timed "$T/usage" "$@" >"$T/report.out" 2>"$T/report.err" || sed 's/^/# /' "$T/report.err" | head -n 2
	s=$(awk -v a="$t0" -v b="$(date +%s.%N)" 'BEGIN { printf "%.3f", b - a }')
	rss=$(awk '{ print $3 }' "$T/usage")
	put report "$row" seconds "$s"
	put report "$row" k/s "$(calc "$n / $s / 1000")"
	put report "$row" rss_MiB "$rss"
}

hz=$(cat /proc/sys/kernel/perf_event_max_sample_rate)
hz=$((hz >= 5000 ? 4999 : hz - 1))
seconds=${VARVE_BENCH_SECONDS:-12}
echo "report: recording $seconds s at $hz Hz with each…"
"$W/mixed" "$((seconds * 2 + 8))" "$T" >/dev/null & mixed=$!
"$W/split50" "$((seconds * 2 + 8))" 2 >/dev/null & split=$!
TEST_PIDS+=($mixed $split)
"$RECORD" -a -F "$hz" -e on-cpu,task --duration "$seconds" -f -o "$T/r.varve" --progress never 2>"$T/rec.err"
[ -n "$perf" ] && "$perf" record -q -B -N -F "$hz" -g -a -o "$T/r.data" -- sleep "$seconds" 2>/dev/null
kill $mixed $split
wait $mixed $split 2>/dev/null
nv=$(count_samples() { rm -f "$T/r.db"; ask "$(db_of "$T/r.varve")" "SELECT count(*) FROM sample"; }; count_samples)
np=$("$perf" report -i "$T/r.data" --stats 2>/dev/null | awk '/ SAMPLE events:/ { print $3; exit }')
[ "${nv:-0}" -gt 0 ] || { echo "report: nothing was recorded: $(tail -n 1 "$T/rec.err")"; return; }
echo "report: $nv samples of varve, $np of perf"
for ((round = 1; round <= rounds; round++)); do
	rm -rf "$T/r.db" "$XDG_CACHE_HOME"
	report_timed "varve-report_db" "$nv" "$REPORT" db "$T/r.varve" -o "$T/r.db"
	size=$(stat -c %s "$T/r.db")
	rm -rf "$T/r.db" "$XDG_CACHE_HOME"
	report_timed "varve-report_folded" "$nv" "$REPORT" folded "$T/r.varve" --event on-cpu --weight samples
	rm -f "$T/r.db"
	report_timed "varve-report_folded,_names_cached" "$nv" "$REPORT" folded "$T/r.varve" --event on-cpu --weight samples
	[ -z "$perf" ] && continue
	report_timed "perf_script" "$np" "$perf" script -i "$T/r.data" -F comm,pid,tid,time,event,ip,sym,dso
	report_timed "perf_script_|_collapse" "$np" bash -c "'$perf' script -i '$T/r.data' -F comm,pid,tid,time,event,ip,sym,dso 2>/dev/null | perl '$collapse'"
	report_timed "perf_report_-g_folded" "$np" "$perf" report -i "$T/r.data" --stdio --no-children -g folded,0,caller,count -s comm
done
eval "$("$O/tests/bench/insert_floor" "$T/floor.db" 2000000 | sed 's/^/floor_/')"
table report "Reading back ($hz Hz; collapse: $(basename "$collapse"))" seconds k/s rss_MiB
echo "SQLite insert floor: $floor_single rows/s, $floor_multi rows/s with 16 rows a statement; database: $(calc "$size / $nv") bytes a sample"
v=$(median report varve-report_folded k/s) p=$(median report 'perf_script_|_collapse' k/s)
goal "recording to folded: at least 40 times perf script | collapse ($p k/s)" "$v" "${v:-0} >= 40 * ${p:-9e9}" " k/s"
p=$(median report perf_report_-g_folded k/s)
goal "recording to folded: at least 4 times perf report -g folded ($p k/s)" "$v" "${v:-0} >= 4 * ${p:-9e9}" " k/s"
v=$(median report varve-report_folded rss_MiB) p=$(median report perf_report_-g_folded rss_MiB)
goal "recording to folded: at most 1/6 of perf report's memory ($p MiB)" "$v" "${v:-9e9} <= ${p:-0} / 6" " MiB"
v=$(median report varve-report_db seconds) p=$(median report perf_script seconds)
goal "recording to SQLite: at most 1/10 of perf script's time ($p s)" "$v" "${v:-9e9} <= ${p:-0} / 10" " s"
v=$(median report varve-report_db k/s)
goal "recording to SQLite: at least half the multi-row insert floor" "$v" "${v:-0} >= 0.5 * ${floor_multi:-9e12} / 1000" " k/s"
v=$(calc "$size / $nv")
goal "database: at most 60 bytes a sample" "$v" "${v:-999} <= 60"
