#!/usr/bin/env bash
# export: every format is written, is valid, and gives each function the self and total of our own SQL. (The tools they are
# for: tests/consumers/run.sh, make check-consumers.)
# RUN: beside others (records nothing)
. "$(dirname "$0")/../lib.sh"
test_init "$@"
needs sqlite3 jq python3

db=$T/fixture.db
"$TESTS/consumers/fixture.sh" "$db"
# "self total name" of each function, in samples; control characters as the exports show them
want=$(sqlite3 -separator ' ' "$db" 'SELECT self_samples,total_samples,function FROM oncpu_function' | sed 's/\x1b/\\x1b/g' | LC_ALL=C sort)

for format in pprof:pb.gz speedscope:speedscope.json perfetto:pftrace firefox:firefox.json perf-script:perf.txt; do
	"$REPORT" export "$db" --format "${format%%:*}" -o "$T/a.${format#*:}" 2>"$T/err"
	is "${format%%:*} is written" "$? $(cat "$T/err")" "0 "
	"$REPORT" export "$db" -o "$T/b.${format#*:}"
	is "${format%%:*} is known by the name of the file, and is the same again" "$(cmp "$T/a.${format#*:}" "$T/b.${format#*:}" && echo same)" same
done

# one reader for all: stacks as lists of names, leaf first, with a count; then self and total, each function once a stack
self_total() {
	python3 -c '
import collections, json, sys
own, total = collections.Counter(), collections.Counter()
for line in sys.stdin:
    count, stack = json.loads(line)
    if stack:
        own[stack[0]] += count
        for name in set(stack):
            total[name] += count
for name in total:
    print(own[name], total[name], name)' | LC_ALL=C sort
}

is "speedscope: self and total of our SQL" "$(jq -c '. as $d | .profiles[0] | [.samples, .weights] | transpose[] |
	[.[1] / 10000000, (.[0] | reverse | map($d.shared.frames[.].name) | map(select(. != "[no stack]")))]' "$T/a.speedscope.json" | self_total)" "$want"
is "speedscope: the threads in time order add up to the same" "$(jq '[.profiles[] | select(.name | startswith("On-CPU") and (contains("all threads") | not)) | .endValue] | add' "$T/a.speedscope.json")" 1050000000
is "firefox: self and total of our SQL" "$(jq -c '.threads[] | . as $t | .samples.stack[] | [1, (if . == null then [] else [recurse($t.stackTable.prefix[.]; . != null)] |
	map($t.stringArray[$t.funcTable.name[$t.frameTable.func[$t.stackTable.frame[.]]]]) end)]' "$T/a.firefox.json" | self_total)" "$want"
is "perf-script: self and total of our SQL" "$(python3 -c '
import json, re, sys
for event in sys.stdin.read().split("\n\n"):
    frames = event.split("\n\t")[1:]
    if event.strip():
        print(json.dumps([1, [re.sub(r"^ *[0-9a-f]+ (.*) \([^()]*\)$", r"\1", f) for f in frames]]))' <"$T/a.perf.txt" | self_total)" "$want"

"$REPORT" export "$db" --format perf-script --event off-cpu -o - | awk '/ off-cpu:$/ { n++; ns += $(NF - 1) } END { print n, ns }' >"$T/waits"
is "waits: their number and time" "$(cat "$T/waits")" "$(sqlite3 -separator ' ' "$db" 'SELECT count(*), sum(dur_ns) FROM offcpu')"
"$REPORT" export "$db" --format perf-script --comm 'pool*' --time 0,0.5s -o - | grep -c ' cpu-clock:$' >"$T/n"
is "filters hold" "$(cat "$T/n")" "$(sqlite3 "$db" 'SELECT count(*) FROM sample WHERE utid = 2 AND ts < 500000000')"

if [ -e "$O/browser/installed" ]; then
	schema=$O/browser/node_modules/speedscope/dist/release/file-format-schema.json
	is "speedscope: valid by its own schema" "$(VARVE_BROWSER_DEPS=$O/browser node "$TESTS/browser/schema.mjs" "$schema" "$T/a.speedscope.json")" valid
	jq 'del(.profiles[0].weights)' "$T/a.speedscope.json" >"$T/broken.json"
	has "speedscope: and the schema does refuse a broken one" "$(VARVE_BROWSER_DEPS=$O/browser node "$TESTS/browser/schema.mjs" "$schema" "$T/broken.json")" '^invalid'
else
	skip "speedscope: valid by its own schema" "needs npm packages: make browser-deps"
fi

"$REPORT" export "$db" --format nonsense -o "$T/x" 2>"$T/err"
is "an unknown format is a usage error" "$? $([ -e "$T/x" ] && echo written)" "2 "
has "that lists the formats" "$(cat "$T/err")" 'pprof, speedscope, perfetto, firefox or perf-script'
test_done
