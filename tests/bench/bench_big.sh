# shellcheck shell=bash
# A day's worth in one file: 5 million samples and 10 million switches with their wakeups and waits, of a synthetic host (big_recording.c).
# VARVE_BENCH_SAMPLES makes it smaller; there are twice as many switches.

big_samples=${VARVE_BENCH_SAMPLES:-5000000}

big_questions() { # FILE [FILTER…]: ms of each named question, slowest first, into FILE
	local q t0 to=$1
	shift
	for q in $("$REPORT" sql "$T/big.db" 'SELECT name FROM question ORDER BY name' --format csv | tail -n +2 | tr -d '\r'); do
		t0=$(date +%s%N)
		"$REPORT" sql "$T/big.db" -q "$q" "$@" >/dev/null 2>"$T/q.err" || sed "s/^/# $q: /" "$T/q.err" >&2
		echo "$q $((($(date +%s%N) - t0) / 1000000))"
	done | sort -k 2nr >"$to"
	printf '\nThe slowest questions%s (ms):' "${*:+ with $*}"
	head -n 6 "$to" | awk '{ printf "%s %s %s", (NR > 1 ? "," : ""), $1, $2 } END { print "" }'
}

echo "big: writing $big_samples samples and $((2 * big_samples)) switches…"
"$O/tests/bench/big_recording" "$T/big.varve" "$big_samples" $((2 * big_samples))
"$O/tests/bench/big_recording" "$T/quarter.varve" $((big_samples / 4)) $((big_samples / 2)) >/dev/null
rm -rf "$T"/*.db "$XDG_CACHE_HOME"
report_timed "big_recording_to_SQLite" $((3 * big_samples)) "$REPORT" db "$T/big.varve" -v -o "$T/big.db"
cp "$T/report.err" "$T/big.steps"
report_timed "a_quarter_of_it_to_SQLite" $((3 * big_samples / 4)) "$REPORT" db "$T/quarter.varve" -o "$T/quarter.db"
report_timed "its_page" "$big_samples" "$REPORT" flame "$T/big.db" -o "$T/big.html"
mv "$T/big.varve" "$T/alone.varve" # no database beside it
report_timed "its_folded_stacks" "$big_samples" "$REPORT" folded "$T/alone.varve" --event on-cpu --weight samples
table report "A large recording ($(stat -c %s "$T/alone.varve") bytes, page $(stat -c %s "$T/big.html") bytes; k/s: thousands of samples and switches)" seconds k/s rss_MiB
big_questions "$T/questions"
# a few seconds, the last ones, all but the first, all but both ends; every thread, all threads but some, one process
filters=("--time 5s,10s" "--time -12s," "--time 1s," "--time 5s,75s" "--comm worker*" "--comm *[0-7]" "--pid 1000")
set -f
for i in "${!filters[@]}"; do
	# shellcheck disable=SC2086
	big_questions "$T/with-$i" ${filters[i]}
done
set +f
ask "$T/big.db" "SELECT 'bytes a row: ' || group_concat(what || ' ' || round(1.0 * bytes / n, 1), ', ') FROM
	(SELECT 'sample' AS what, sum(pgsize) AS bytes, (SELECT count(*) FROM sample) AS n FROM dbstat WHERE name IN ('sample', 'sample_thread')
	UNION ALL SELECT 'wait', sum(pgsize), (SELECT count(*) FROM offcpu) FROM dbstat WHERE name IN ('offcpu', 'offcpu_thread')
	UNION ALL SELECT 'slice', sum(pgsize), (SELECT count(*) FROM sched_slice) FROM dbstat WHERE name IN ('sched_slice'))"
v=$(ask "$T/big.db" "SELECT round(1.0 * (SELECT sum(pgsize) FROM dbstat WHERE name NOT IN ('offcpu', 'offcpu_thread', 'sched_slice', 'migration')) / count(*), 1) FROM sample")
goal "large: at most 60 bytes a sample, index, stacks and names included" "$v" "${v:-999} <= 60"
v=$(awk '{ if ($2 > m) m = $2 } END { print m / 1000 }' "$T/questions")
goal "large: every named question in 2 s ($(head -n 1 "$T/questions" | cut -d' ' -f1))" "$v" "${v:-999} <= 2" " s"
for i in "${!filters[@]}"; do
	v=$(awk '{ if ($2 > m) m = $2 } END { print m / 1000 }' "$T/with-$i")
	goal "large: every named question with ${filters[i]} in 2 s ($(awk '$2 > 2000 { n++ } END { print n + 0 }' "$T/with-$i") not; $(head -n 1 "$T/with-$i" | cut -d' ' -f1))" "$v" "${v:-999} <= 2" " s"
done
v=$(median report big_recording_to_SQLite rss_MiB) p=$(median report a_quarter_of_it_to_SQLite rss_MiB)
goal "large: 4 times the events at most 1.2 times the memory ($p MiB)" "$v" "${v:-9e9} <= 1.2 * ${p:-0}" " MiB"
report_floor "$T/big.db" big_recording_to_SQLite
floor_steps "$T/big.steps"
