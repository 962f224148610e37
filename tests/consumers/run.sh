#!/usr/bin/env bash
# One recording, all outputs, read by the programs they are for: each must print the self and total of our own SQL.
#   tests/consumers/run.sh BUILD_DIR      (make check-consumers installs the programs first)
# flamegraph.pl and stackcollapse-perf.pl come from where FLAMEGRAPH says, else from where deps.sh put them; their licence is not ours, so
# they are in no commit.
. "$(dirname "$0")/../lib.sh"
test_init "$@"
needs sqlite3 jq python3 node
[ -e "$O/consumers/installed" ] || skip_all "needs the consumers: make check-consumers installs them"
export VARVE_BROWSER_DEPS=$O/browser
# some of them write below $HOME
export HOME=$T/home
mkdir -p "$HOME"
FLAMEGRAPH=${FLAMEGRAPH:-$O/consumers/FlameGraph}
FIREFOX=("$O/consumers/node_modules/node/bin/node" "$O/consumers/node_modules/.bin/pq")

# "self total name" per function, in samples; the same function of several modules together, as most readers have it
sql_table() { # database
	sqlite3 -separator ' ' "$1" "
		WITH RECURSIVE up(stack_id, node) AS (SELECT DISTINCT stack_id, stack_id FROM sample WHERE stack_id IS NOT NULL
				UNION ALL SELECT up.stack_id, s.parent_id FROM up JOIN stack s ON s.id = up.node WHERE s.parent_id IS NOT NULL),
			inc AS (SELECT DISTINCT up.stack_id, fn.name FROM up JOIN stack s ON s.id = up.node JOIN frame f ON f.id = s.frame_id JOIN function fn ON fn.id = f.function_id),
			n AS (SELECT stack_id, count(*) n FROM sample GROUP BY 1),
			leaf AS (SELECT fn.name, sum(n) n FROM n JOIN stack s ON s.id = n.stack_id JOIN frame f ON f.id = s.frame_id JOIN function fn ON fn.id = f.function_id GROUP BY 1)
		SELECT coalesce(leaf.n, 0), sum(n.n), inc.name FROM inc JOIN n USING(stack_id) LEFT JOIN leaf USING(name) GROUP BY inc.name" |
		sed 's/\x1b/\\x1b/g' | sort
}

# ---- go tool pprof: "flat flat% sum% cum cum% name" --------------------------------------------------------------
pprof_table() { # file; pprof shortens C++ names and marks inlined ones unless told not to
	go tool pprof -top -nodecount=1000000 -nodefraction=0 -symbolize=none -functions -sample_index=0 "$1" 2>/dev/null |
		sed '1,/flat%/d' | awk '{ flat = $1; cum = $4; $1 = $2 = $3 = $4 = $5 = ""; sub(/^ +/, ""); sub(/ \(inline\)$/, ""); sub(/ \(partial-inline\)$/, ""); print flat, cum, $0 }' | grep -vF ' [no stack]' | sort
}

# ---- Perfetto ------------------------------------------------------------------------------------------------------
trace_sql() { # trace, SQL…
	node "$TESTS/consumers/trace_processor.mjs" "$O/consumers/trace-processor" "$@" 2>/dev/null
}

perfetto_table() { # trace: cumulative counts of a recursive function must count a stack once, so it is recomputed from the tree
	trace_sql "$1" "INCLUDE PERFETTO MODULE linux.perf.samples; SELECT id, parent_id, name, self_count FROM linux_perf_samples_summary_tree" | python3 -c '
import collections, sys
rows = [line.rstrip("\n").split("\t") for line in sys.stdin]
node = {r[0]: r for r in rows if len(r) == 4}
own, total = collections.Counter(), collections.Counter()
for i, parent, name, count in node.values():
    own[name] += int(count)
    names, at = set(), i
    while at in node:
        names.add(node[at][2])
        at = node[at][1]
    for n in names:
        total[n] += int(count)
for n in total:
    print(own[n], total[n], n)' | sort
}

# ---- the Firefox Profiler ------------------------------------------------------------------------------------------
firefox() {
	"${FIREFOX[@]}" "$@" 2>>"$T/firefox.err"
}

firefox_table() { # file
	local threads i
	for i in 1 2 3 4 5 6 7 8; do # its daemon has half a second to start, which a busy machine does not always give
		firefox load "$1" >/dev/null && break
		sleep 2
		firefox stop --all >/dev/null
	done
	threads=$(jq -r '[range(.threads | length)] | map("t-\(.)") | join(",")' "$1")
	firefox thread functions --thread "$threads" --limit 0 --json |
		jq -r '.functions[] | "\(.selfSamples) \(.totalSamples) \(.name)"' | python3 -c '
import collections, sys
own, total = collections.Counter(), collections.Counter()
for line in sys.stdin:
    s, t, name = line.rstrip("\n").split(" ", 2)
    own[name] += int(s)
    total[name] += int(t)
for name in total:
    print(own[name], total[name], name)' | sort
	firefox stop --all >/dev/null
}

same_table() { # claim, got, want
	if [ -n "$3" ] && [ "$2" = "$3" ]; then
		ok "$1 ($(printf '%s\n' "$3" | wc -l) functions)"
	else
		not_ok "$1" "$(diff <(printf '%s\n' "$2") <(printf '%s\n' "$3") | head -n 12)"
	fi
}

# The same, but a name counts once for each declaration a stack has it from: the Firefox Profiler keeps those apart.
sql_table_by_declaration() { # database
	sqlite3 -separator ' ' "$1" "
		WITH RECURSIVE up(stack_id, node) AS (SELECT DISTINCT stack_id, stack_id FROM sample WHERE stack_id IS NOT NULL
				UNION ALL SELECT up.stack_id, s.parent_id FROM up JOIN stack s ON s.id = up.node WHERE s.parent_id IS NOT NULL),
			inc AS (SELECT DISTINCT up.stack_id, fn.name, fn.image_id, fn.file_id, fn.line FROM up JOIN stack s ON s.id = up.node JOIN frame f ON f.id = s.frame_id JOIN function fn ON fn.id = f.function_id),
			n AS (SELECT stack_id, count(*) n FROM sample GROUP BY 1),
			leaf AS (SELECT fn.name, sum(n) n FROM n JOIN stack s ON s.id = n.stack_id JOIN frame f ON f.id = s.frame_id JOIN function fn ON fn.id = f.function_id GROUP BY 1)
		SELECT coalesce(leaf.n, 0), sum(n.n), inc.name FROM inc JOIN n USING(stack_id) LEFT JOIN leaf USING(name) GROUP BY inc.name" |
		sed 's/\x1b/\\x1b/g' | sort
}

compare() { # what, database
	local want d=$T/$1
	mkdir -p "$d"
	want=$(sql_table "$2")
	"$REPORT" export "$2" -o "$d/a.pb.gz" && "$REPORT" export "$2" -o "$d/a.pftrace" && "$REPORT" export "$2" -o "$d/a.firefox.json" &&
		"$REPORT" export "$2" -o "$d/a.speedscope.json" && "$REPORT" export "$2" -o "$d/a.perf.txt" ||
		not_ok "$1: everything is written"
	same_table "$1: go tool pprof prints the table of our SQL" "$(pprof_table "$d/a.pb.gz")" "$want"
	same_table "$1: Perfetto's trace processor prints it too" "$(perfetto_table "$d/a.pftrace")" "$want"
	same_table "$1: and the Firefox Profiler" "$(firefox_table "$d/a.firefox.json")" "$(sql_table_by_declaration "$2")"
	is "$1: go tool pprof counts every sample" "$(go tool pprof -raw "$d/a.pb.gz" 2>/dev/null | awk '/^Samples:/ { s = 1; getline; next } /^Locations/ { s = 0 } s && /^ +[0-9]+ +[0-9]+:/ { n += $1 } END { print n }')" \
		"$(sqlite3 "$2" 'SELECT count(*) FROM sample')"
	is "$1: Perfetto finds no error, and the losses that are ours" \
		"$(trace_sql "$d/a.pftrace" "SELECT name, sum(value) FROM stats WHERE severity IN ('error','data_loss') AND value > 0 GROUP BY 1")" \
		"$(sqlite3 -separator '	' "$2" "SELECT 'perf_cpu_lost_records', sum(lost) FROM loss WHERE stream = 'sample' AND reason <> 'stack error' HAVING sum(lost) > 0")"
	# Perfetto's own SQL on the kernel's events against our views. Not of the recorder itself: the kernel hides some of its
	# switches, which our tables then leave unknown, and Perfetto fills the gap with the state before it.
	is "$1: Perfetto recomputes the time each thread was runnable before its slices" \
		"$(trace_sql "$d/a.pftrace" "SELECT t.tid, sum(s.dur) FROM thread_state s JOIN thread t USING(utid) WHERE s.state IN ('R', 'R+') AND s.dur > 0 AND t.tid > 0 AND t.name <> 'varve-record' AND
			EXISTS(SELECT 1 FROM thread_state n WHERE n.utid = s.utid AND n.ts = s.ts + s.dur AND n.state = 'Running') GROUP BY 1 ORDER BY 1")" \
		"$(sqlite3 -separator '	' "$2" "SELECT t.tid, sum(s.runq_ns) FROM sched_slice s JOIN thread t USING(utid) WHERE s.runq_ns > 0 AND t.tid > 0 AND t.comm <> 'varve-record' GROUP BY 1 ORDER BY 1")"
	is "$1: and the time it ran" \
		"$(trace_sql "$d/a.pftrace" "SELECT t.tid, sum(s.dur) FROM thread_state s JOIN thread t USING(utid) WHERE s.state = 'Running' AND s.dur > 0 AND t.tid > 0 AND t.name <> 'varve-record' GROUP BY 1 ORDER BY 1")" \
		"$(sqlite3 -separator '	' "$2" "SELECT t.tid, sum(s.dur_ns) FROM sched_slice s JOIN thread t USING(utid) WHERE t.tid > 0 AND t.comm <> 'varve-record' AND s.end_state IS NOT NULL GROUP BY 1 ORDER BY 1")"
	is "$1: and every wait, with its state" \
		"$(trace_sql "$d/a.pftrace" "SELECT name, count(*), sum(dur) FROM slice WHERE depth = 0 AND name IN ('Sleeping','Uninterruptible','Preempted','Idle','Stopped','Waiting') GROUP BY 1 ORDER BY 1")" \
		"$(sqlite3 -separator '	' "$2" "SELECT CASE state WHEN 'S' THEN 'Sleeping' WHEN 'D' THEN 'Uninterruptible' WHEN 'R' THEN 'Preempted' WHEN 'I' THEN 'Idle' WHEN 'T' THEN 'Stopped' ELSE 'Waiting' END, count(*), sum(dur_ns) FROM offcpu GROUP BY 1 ORDER BY 1")"
	same_table "$1: speedscope in a browser prints it, in time" \
		"$(node "$TESTS/consumers/speedscope.mjs" "$O/browser/node_modules/speedscope/dist/release" "$d/a.speedscope.json" "$(printf '%s\n' "$want" | wc -l)" | grep -v ' \[no stack\]$' | sort)" \
		"$(speedscope_want "$2")"
	flamegraphs "$1" "$2" "$d"
}

# "self total name" as speedscope shows it: time, each function (name, file and line) by itself
speedscope_want() { # database
	sqlite3 -separator '	' "$1" "
		WITH RECURSIVE up(stack_id, node) AS (SELECT DISTINCT stack_id, stack_id FROM sample WHERE stack_id IS NOT NULL
				UNION ALL SELECT up.stack_id, s.parent_id FROM up JOIN stack s ON s.id = up.node WHERE s.parent_id IS NOT NULL),
			fn AS MATERIALIZED (SELECT f.id, fn.name, coalesce(sf.path, i.path) AS file, CASE WHEN sf.path IS NOT NULL THEN coalesce(fn.line, 0) ELSE 0 END AS line
				FROM frame f JOIN function fn ON fn.id = f.function_id JOIN image i ON i.id = fn.image_id LEFT JOIN source_file sf ON sf.id = fn.file_id),
			inc AS (SELECT DISTINCT up.stack_id, fn.name, fn.file, fn.line FROM up JOIN stack s ON s.id = up.node JOIN fn ON fn.id = s.frame_id),
			n AS (SELECT stack_id, sum(weight_ns) n FROM sample GROUP BY 1),
			leaf AS (SELECT fn.name, fn.file, fn.line, sum(n) n FROM n JOIN stack s ON s.id = n.stack_id JOIN fn ON fn.id = s.frame_id GROUP BY 1, 2, 3)
		SELECT coalesce(leaf.n, 0), sum(n.n), inc.name FROM inc JOIN n USING(stack_id) LEFT JOIN leaf USING(name, file, line) GROUP BY inc.name, inc.file, inc.line" |
		python3 -c '
import sys
def shown(ns):
    s = ns * 1e-9
    return f"{s:.2f}s" if s >= 1 else f"{s / .001:.2f}ms" if s / .001 >= 1 else f"{s / 1e-6:.2f}µs" if s / 1e-6 >= 1 else f"{s / 1e-9:.2f}ns"
for line in sys.stdin:
    own, total, name = line.rstrip("\n").split("\t", 2)
    print(shown(int(own)), shown(int(total)), name.replace("\x1b", "\\x1b"))' | sort
}

flamegraphs() { # what, database, directory
	local f
	if [ ! -x "$FLAMEGRAPH/flamegraph.pl" ]; then
		skip "$1: flamegraph.pl reads our folded stacks" "it is in no Debian package: FLAMEGRAPH may name a clone of github.com/brendangregg/FlameGraph"
		return
	fi
	"$REPORT" folded "$2" >"$3/a.folded"
	"$FLAMEGRAPH/flamegraph.pl" --color=java --minwidth=0 "$3/a.folded" >"$3/theirs.svg" 2>"$3/err"
	is "$1: flamegraph.pl reads our folded stacks without a complaint" "$? $(cat "$3/err")" "0 "
	"$REPORT" flame "$2" -o "$3/ours.svg"
	# titles are "name (n samples, p%)": theirs carry marks, ours modules, by which it also parts equal names; so by name
	by_name() {
		grep -o '<title>[^<]*</title>' "$1" | sed -E "s/<.?title>//g; s/_\[[kijw]\] \(/ (/; s/ \[[^]]*\]+ \(/ (/; s/; self [^)]*//; s/&#39;/'/g; s/;&quot;/:\&quot;/" | grep -v '^all (\|^\[lost' |
			sed -E 's/^(.*) \(([0-9,]+) samples, [0-9.]+%\)$/\2 \1/' | awk '{ n = $1; gsub(/,/, "", n); $1 = ""; sum[$0] += n } END { for (name in sum) print sum[name] name }' | sort
	}
	same_table "$1: flamegraph.pl and ours draw each function equally wide" "$(by_name "$3/ours.svg")" "$(by_name "$3/theirs.svg")"
	"$FLAMEGRAPH/stackcollapse-perf.pl" --kernel "$3/a.perf.txt" 2>/dev/null >"$3/perf.folded"
	is "$1: stackcollapse-perf.pl finds all the CPU time in our perf-script text" "$(awk '{ n += $NF } END { printf "%.0f", n }' "$3/perf.folded")" \
		"$(sqlite3 "$2" 'SELECT sum(weight_ns) FROM sample')"
}

"$TESTS/consumers/fixture.sh" "$T/fixture.db"
compare fixture "$T/fixture.db"
if [ "$(id -u)" -eq 0 ] && [ -x "$W/mixed" ] && "$RECORD" -a -F 499 -e all --duration 3 -q -o "$T/real.varve" 2>"$T/rec.err" & then
	recorder=$!
	"$W/mixed" 3 >/dev/null 2>&1
	wait "$recorder"
	"$REPORT" db "$T/real.varve" -o "$T/real.db" -q 2>/dev/null && compare recording "$T/real.db"
fi
test_done
