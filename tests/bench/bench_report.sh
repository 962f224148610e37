# shellcheck shell=bash
# From a recording to folded stacks and to SQLite, beside perf script | collapse and perf report: the same deep workload at the same high
# rate, recorded by each. All of varve's runs are cold (no names, no database cached) but where the row says so. VARVE_BENCH_SECONDS=22
# gives the 864,000 samples of the design.

collapse=$(command -v stackcollapse-perf.pl || command -v stackcollapse-perf || echo "$TESTS/bench/collapse.pl")
hz=19999
seconds=${VARVE_BENCH_SECONDS:-8}
quarter=$(((seconds + 3) / 4))

forget() { rm -rf "$T"/*.db "$XDG_CACHE_HOME"; } # what a report left for the next one

# The kernel's limits on sampling, for as long as the recordings take.
raise_rate() {
	rate_max=$(cat /proc/sys/kernel/perf_event_max_sample_rate)
	rate_percent=$(cat /proc/sys/kernel/perf_cpu_time_max_percent)
	trap 'restore_rate; test_cleanup' EXIT
	# 100: do not lower the rate because interrupts take long; only below that value can the rate be set
	echo 99 >/proc/sys/kernel/perf_cpu_time_max_percent
	[ "$rate_max" -gt "$hz" ] || echo $((hz + 1)) >/proc/sys/kernel/perf_event_max_sample_rate
}

restore_rate() {
	[ -z "${rate_max:-}" ] && return
	[ "$rate_max" = "$(cat /proc/sys/kernel/perf_event_max_sample_rate)" ] || echo "$rate_max" >/proc/sys/kernel/perf_event_max_sample_rate
	echo "$rate_percent" >/proc/sys/kernel/perf_cpu_time_max_percent
	rate_max=
}

record_deep() { # seconds, file
	"$RECORD" -a -F "$hz" -e on-cpu,task --duration "$1" -f -o "$2" --progress never 2>"$T/rec.err"
}

# Programs with much debug information, so that names are what a report of them costs.
record_programs() { # file
	(while :; do "$REPORT" info "$T/r4.varve"; python3 -c 'import json, decimal'; echo 'int main(void) { return 0; }' | gcc -g -xc -o /dev/null -; done) >/dev/null 2>&1 &
	local loop=$!
	"$RECORD" -a -F 999 -e on-cpu,task --duration 3 -f -o "$1" --progress never 2>"$T/rec.err"
	kill "$loop"
	wait "$loop" 2>/dev/null
}

report_perf() { # samples
	report_timed "perf_script" "$1" "$perf" script -i "$T/r.data" -F comm,pid,tid,time,event,ip,sym,dso
	report_timed "perf_script_|_collapse" "$1" bash -c "'$perf' script -i '$T/r.data' -F comm,pid,tid,time,event,ip,sym,dso 2>/dev/null | perl '$collapse'"
	report_timed "perf_report_-g_folded" "$1" "$perf" report -i "$T/r.data" --stdio --no-children -g folded,0,caller,count -s comm
}

echo "report: recording $seconds s at $hz Hz with each…"
"$W/deep" "$((seconds * 2 + seconds / 4 + 12))" "$(nproc)" >/dev/null & deep=$!
TEST_PIDS+=($deep)
raise_rate
record_deep "$seconds" "$T/r4.varve"
record_deep "$quarter" "$T/r1.varve"
[ -n "$perf" ] && "$perf" record -q -B -N -F "$hz" -g -a -o "$T/r.data" -- sleep "$seconds" 2>/dev/null
restore_rate
kill $deep
wait $deep 2>/dev/null
record_programs "$T/names.varve"
count_samples() { ask "$(db_of "$1")" "SELECT count(*) FROM sample"; }
nv=$(count_samples "$T/r4.varve") nv1=$(count_samples "$T/r1.varve") nn=$(count_samples "$T/names.varve")
np=$([ -n "$perf" ] && "$perf" report -i "$T/r.data" --stats 2>/dev/null | awk '/ SAMPLE events:/ { print $3; exit }')
[ "${nv:-0}" -gt 0 ] || { echo "report: nothing was recorded: $(tail -n 1 "$T/rec.err")"; return; }
echo "report: $nv samples of varve, $np of perf; $(ask "$(db_of "$T/r4.varve")" "SELECT printf('%.1f frames deep', avg(depth + 1)) FROM sample s JOIN stack k ON k.id = s.stack_id")"
for ((round = 1; round <= rounds; round++)); do
	forget
	report_timed "varve-report_db" "$nv" "$REPORT" db "$T/r4.varve" -o "$T/r4.db"
	size=$(stat -c %s "$T/r4.db")
	forget
	report_timed "varve-report_folded" "$nv" "$REPORT" folded "$T/r4.varve" --event on-cpu --weight samples
	report_timed "the_same,_names_cached" "$nv" "$REPORT" folded "$T/r4.varve" --event on-cpu --weight samples
	forget
	report_timed "a_quarter_of_the_samples" "$nv1" "$REPORT" folded "$T/r1.varve" --event on-cpu --weight samples
	forget
	report_timed "large_programs,_first" "$nn" "$REPORT" folded "$T/names.varve" --event on-cpu --weight samples
	report_timed "large_programs,_second" "$nn" "$REPORT" folded "$T/names.varve" --event on-cpu --weight samples
	[ -z "$perf" ] || report_perf "$np"
done
"$REPORT" db "$T/r4.varve" -o "$T/r4.db" 2>/dev/null
table report "Reading back ($hz Hz; collapse: $(basename "$collapse"))" seconds k/s rss_MiB
v=$(median report varve-report_folded k/s) p=$(median report 'perf_script_|_collapse' k/s)
goal "recording to folded: at least 40 times perf script | collapse ($p k/s)" "$v" "${v:-0} >= 40 * ${p:-9e9}" " k/s"
p=$(median report perf_report_-g_folded k/s)
goal "recording to folded: at least 4 times perf report -g folded ($p k/s)" "$v" "${v:-0} >= 4 * ${p:-9e9}" " k/s"
v=$(median report varve-report_folded rss_MiB) p=$(median report perf_report_-g_folded rss_MiB)
goal "recording to folded: at most 1/6 of perf report's memory ($p MiB)" "$v" "${v:-9e9} <= ${p:-0} / 6" " MiB"
p=$(median report a_quarter_of_the_samples rss_MiB)
goal "4 times the samples on the same stacks: at most 1.2 times the memory ($p MiB)" "$v" "${v:-9e9} <= 1.2 * ${p:-0}" " MiB"
v=$(median report large_programs,_second seconds) p=$(median report large_programs,_first seconds)
goal "second report on the same binaries: at most 0.3 of the first ($p s)" "$v" "${v:-9e9} <= 0.3 * ${p:-0}" " s"
v=$(median report varve-report_db seconds) p=$(median report perf_script seconds)
goal "recording to SQLite: at most 1/10 of perf script's time ($p s)" "$v" "${v:-9e9} <= ${p:-0} / 10" " s"
v=$(calc "$size / $nv")
goal "database: at most 60 bytes a sample" "$v" "${v:-999} <= 60"
report_floor "$T/r4.db" varve-report_db
