# shellcheck shell=bash
# The bench's own helpers; run.sh has sourced tests/lib.sh before.

# perf's tracepoints need tracefs, which is not mounted everywhere.
[ -e /sys/kernel/tracing/events ] || { mount -t tracefs tracefs /sys/kernel/tracing 2>/dev/null && TEST_MOUNTS+=(/sys/kernel/tracing); }
offcputime=$(command -v offcputime || ls /usr/sbin/offcputime 2>/dev/null)
# it compiles its program here and now, for which it needs the kernel's headers
offcputime_bcc=$([ -e /sys/kernel/kheaders.tar.xz ] || [ -e "/lib/modules/$(uname -r)/build" ] && command -v offcputime-bpfcc)
perf=$(command -v perf)
GOALS=()

# ---- figures: $T/fig holds "table row metric value", one line a round -------------------------------------------
put() { echo "$1 $2 $3 $4" >>"$T/fig"; }

median() { # table, row, metric
	awk -v t="$1" -v r="$2" -v m="$3" '$1 == t && $2 == r && $3 == m { print $4 }' "$T/fig" 2>/dev/null | sort -g |
		awk '{ v[NR] = $1 } END { if (NR) printf "%.6g", NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'
}

calc() { awk "BEGIN { printf \"%.4g\", $1 }" </dev/null 2>/dev/null; }

goal() { # text, figure, condition (awk), unit
	local verdict=missed
	if [ -z "$2" ] || [[ "$2" == *nan* ]]; then verdict="not measured"; elif awk "BEGIN { exit !($3) }" </dev/null 2>/dev/null; then verdict=met; fi
	GOALS+=("$(printf '%-74s %12s  %s' "$1" "${2:--}${4:-}" "$verdict")")
}

goals_print() {
	printf '\nGoals (medians of %d alternating rounds)\n' "$rounds"
	printf '%s\n' "${GOALS[@]}"
	printf '%d met, %d missed\n' "$(printf '%s\n' "${GOALS[@]}" | grep -c ' met$')" "$(printf '%s\n' "${GOALS[@]}" | grep -c ' missed$')"
}

table() { # table, title, metrics…: rows in the order of their first figure
	local t=$1 row m
	printf '\n%s\n%-34s' "$2" ""
	shift 2
	for m in "$@"; do printf ' %13s' "$m"; done
	printf '\n'
	for row in $(awk -v t="$t" '$1 == t && !seen[$2]++ { print $2 }' "$T/fig"); do
		printf '%-34s' "${row//_/ }"
		for m in "$@"; do printf ' %13s' "$(median "$t" "$row" "${m}" | sed 's/^$/-/')"; done
		printf '\n'
	done
}

# ---- recorders ----------------------------------------------------------------------------------------------------
# To the nanosecond where the kernel keeps it, all threads together.
cpu_s() { cat /proc/"$1"/task/*/schedstat 2>/dev/null | awk '{ s += $1 } END { printf "%.6f", s / 1e9 }'; }

# Runs a command, with its pid in one file, and what it took of the CPU (seconds, it and whom it waited for) in another when it has ended. Not
# bash's own `times`, which counts in hundredths: a recorder takes four or five of them in all.
REC_SPAWN=$(cat <<-'PY'
	import os, resource, signal, subprocess, sys
	def children():
	    u = resource.getrusage(resource.RUSAGE_CHILDREN)
	    return u.ru_utime + u.ru_stime
	before = children()  # a python3 may have run others on its way here
	signal.signal(signal.SIGINT, lambda *a: None)  # and its default again in the command
	p = subprocess.Popen(sys.argv[3:])
	open(sys.argv[1] + '.new', 'w').write('%d\n' % p.pid)
	os.rename(sys.argv[1] + '.new', sys.argv[1])
	p.wait()
	open(sys.argv[2], 'w').write('%.6f\n' % (children() - before))
	PY
)

# Runs `command…` in the background until stopped; leaves REC (pid), REC_START_CPU (s, until it was ready), and after rec_stop: REC_RUN_CPU (s,
# while the workload ran), REC_ALL_CPU (s, from exec to exit), REC_RSS (MiB), REC_STOP (s), REC_WAKES (a second).
rec_start() { # command…
	rm -f "$T/rec.pid" "$T/rec.cpu"
	python3 -c "$REC_SPAWN" "$T/rec.pid" "$T/rec.cpu" "$@" >"$T/rec.out" 2>"$T/rec.err" </dev/null &
	REC_WAITER=$!
	for ((i = 0; i < 100; i++)); do
		[ -e "$T/rec.pid" ] && break
		sleep 0.05
	done
	REC=$(cat "$T/rec.pid") || return 1
	TEST_PIDS+=("$REC" "$REC_WAITER")
	sleep "${REC_SETTLE:-1.2}"
	[ -e "$T/rec.cpu" ] && { sed 's/^/# /' "$T/rec.err" | head -n 3; return 1; }
	REC_WAKE0=$(awk '/^voluntary/ { print $2 }' "/proc/$REC/status")
	REC_START_CPU=$(cpu_s "$REC")
	REC_T0=$(date +%s.%N)
}

rec_stop() {
	local t0
	REC_WAKES=$(awk -v a="$REC_WAKE0" -v t0="$REC_T0" -v t1="$(date +%s.%N)" '/^voluntary/ { printf "%.1f", ($2 - a) / (t1 - t0) }' "/proc/$REC/status")
	REC_RUN_CPU=$(calc "$(cpu_s "$REC") - $REC_START_CPU")
	REC_RSS=$(awk '/^VmHWM/ { printf "%.1f", $2 / 1024 }' "/proc/$REC/status")
	t0=$(date +%s.%N)
	kill -INT "$REC"
	wait "$REC_WAITER" 2>/dev/null
	REC_STOP=$(awk -v a="$t0" -v b="$(date +%s.%N)" 'BEGIN { printf "%.2f", b - a }')
	REC_ALL_CPU=$(cat "$T/rec.cpu")
}

# What a command took from first to last instruction: CPU seconds, peak memory in MiB, wall seconds.
timed() { # file for "user sys maxrss wall", command…
	local out=$1
	shift
	python3 - "$out" "$@" <<-'PY'
	import os, resource, signal, subprocess, sys, time
	t0 = time.monotonic()
	p = subprocess.Popen(sys.argv[2:])
	for s in (signal.SIGINT, signal.SIGTERM):
	    signal.signal(s, lambda n, f: p.send_signal(n))
	while True:
	    try:
	        rc = p.wait()
	        break
	    except InterruptedError:
	        pass
	wall = time.monotonic() - t0
	u = resource.getrusage(resource.RUSAGE_CHILDREN)
	open(sys.argv[1], 'w').write('%.3f %.3f %.1f %.3f\n' % (u.ru_utime, u.ru_stime, u.ru_maxrss / 1024, wall))
	sys.exit(rc & 255)
	PY
}

varve_lost() { ask "$(db_of "$1")" "SELECT coalesce(sum(lost), 0) FROM loss WHERE reason <> 'stack error'"; }
perf_lost() { "$perf" report -i "$1" --stats 2>/dev/null | awk '/LOST(_SAMPLES)? events:/ { s += $3 } END { print s + 0 }'; }

# ---- reports ------------------------------------------------------------------------------------------------------
report_timed() { # row, rows of input, command…: wall seconds, thousands of them a second, peak memory
	local row=$1 n=$2 s
	shift 2
	timed "$T/usage" "$@" >"$T/report.out" 2>"$T/report.err" || sed 's/^/# /' "$T/report.err" | head -n 2
	s=$(awk '{ print $4 }' "$T/usage")
	put report "$row" seconds "$s"
	put report "$row" k/s "$(calc "$n / $s / 1000")"
	put report "$row" rss_MiB "$(awk '{ print $3 }' "$T/usage")"
}

# Import beside what SQLite alone needs for the same rows.
report_floor() { # database, row of the import
	local rows
	eval "$("$O/tests/bench/insert_floor" "$1" "$T/floor.db" | sed 's/^/floor_/')"
	rows=$(awk "BEGIN { printf \"%.0f\", $floor_rows / $(median report "$2" seconds) }")
	printf '%s: %s rows into the tables of events; SQLite alone, many rows a statement: %s rows/s bare, %s rows/s with the indexes; 8 integers: %s rows/s\n' \
		"${2//_/ }" "$floor_rows" "$floor_bare" "$floor_indexed" "$floor_integers"
	goal "${2//_/ }: half the insert floor, same tables and indexes ($floor_indexed rows/s)" "$rows" "${rows:-0} >= 0.5 * ${floor_indexed:-9e12}" " rows/s"
	goal "${2//_/ } whole, indexes and all, beside inserts alone: half of them ($floor_bare rows/s)" "$rows" "${rows:-0} >= 0.5 * ${floor_bare:-9e12}" " rows/s"
}

# What an import does before it makes the indexes, beside inserts alone; after report_floor. The steps are those of db -v.
floor_steps() { # stderr of that import
	local s rows
	s=$(awk -F': ' '/^varve-report: (reading|finding the names for): / { s += $3 } END { print s }' "$1")
	rows=$(awk "BEGIN { printf \"%.0f\", $floor_rows / $s }")
	printf 'steps of the import:%s\n' "$(awk -F': ' '/^varve-report: [a-z ]+: [0-9.]+ s$/ { printf "%s %s %s", (n++ ? "," : ""), $2, $3 }' "$1")"
	goal "the same, all but the indexes: half of inserts alone ($floor_bare rows/s)" "$rows" "${rows:-0} >= 0.5 * ${floor_bare:-9e12}" " rows/s"
}
