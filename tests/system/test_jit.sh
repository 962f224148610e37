#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Code made at run time, and overwritten by other code at the same address: samples from before keep the name of before. By perf map and by jitdump, of a
# process that has ended by the time names are read.
# RUN: beside others (records one command that runs by CPU time)
. "$(dirname "$0")/../lib.sh"
measures "$@"
test_init "$@"
needs_bpf
[ -x "$W/jit" ] || skip_all "needs the workload jit"
cd "$T" || exit 1

share() { # recording, function: percent of all samples in JIT code
	"$REPORT" folded "$1" --symfs /nonexistent 2>/dev/null | awk -v f="$2" '/_\[j\]/ { n = $NF; all += n; if (index($0, ";" f "_[j]")) hit += n } END { printf "%.1f", all ? 100 * hit / all : 0 }'
}
samples() { "$REPORT" folded "$1" 2>/dev/null | awk '/_\[j\]|unknown jit/ { n += $NF } END { print n + 0 }'; }

for which in hit all; do
	"$RECORD" -q -f -F 499 -e on-cpu --symbols $which -o map.varve -- "$W/jit" map 4 >out 2>err
	is "perf map, $which: recorded" $? 0
	rm -f "/tmp/perf-$(truth out pid).map"
	n=$(samples map.varve)
	holds "perf map, $which: there are samples of its 4 s" "$n >= 500"
	near "perf map, $which: the first code's half" "$(share map.varve first_code)" 50 "$(share_tolerance 50 "$n" 6)"
	near "perf map, $which: the second code's half, at the same address" "$(share map.varve second_code)" 50 "$(share_tolerance 50 "$n" 6)"
done
"$RECORD" -q -f -F 499 -e on-cpu -o dump.varve -- "$W/jit" dump 4 >out 2>err
is "jitdump: recorded" $? 0
rm -f jit-*.dump
n=$(samples dump.varve)
holds "jitdump: there are samples of its 6 s" "$n >= 800"
near "jitdump: the first code's third" "$(share dump.varve first_code)" 33.3 "$(share_tolerance 33 "$n" 5)"
near "jitdump: the second code's two thirds, where it was loaded and where it was moved" "$(share dump.varve second_code)" 66.7 "$(share_tolerance 67 "$n" 5)"
is "jitdump: the names' source is told" "$("$REPORT" sql dump.varve "SELECT DISTINCT symbols FROM image WHERE kind = 'jit' AND symbols <> 'none'" --format csv 2>/dev/null | tail -n 1 | tr -d '\r')" jitdump

# a map of an earlier process of that pid, and one that belongs to somebody else, name nothing
cat >plant.sh <<'SH'
echo "1000 7fffffff0000 planted" >"/tmp/perf-$$.map"
awk 'BEGIN { for (a = 4096; a < 140737488355328; a += 268435456) { printf "%x 10000000 planted\n", a } }' >>"/tmp/perf-$$.map"
case $1 in
old) touch -d 2001-01-01 "/tmp/perf-$$.map" ;;
other) chown 1234 "/tmp/perf-$$.map" ;;
open) chmod 666 "/tmp/perf-$$.map" ;;
esac
echo $$ >pid
exec "$2" dump 1
SH
for plant in old other open; do
	"$RECORD" -q -f -F 499 -e on-cpu -o plant.varve -- sh plant.sh $plant "$W/jit" >/dev/null 2>&1
	rm -f jit-*.dump "/tmp/perf-$(cat pid).map"
	is "a planted map ($plant) names nothing" "$("$REPORT" folded plant.varve 2>/dev/null | grep -c planted)" 0
done
test_done
