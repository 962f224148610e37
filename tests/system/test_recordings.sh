#!/usr/bin/env bash
# Several recordings in one database: before and after, on two hosts. Clocks are aligned by wall time, everything says which recording
# it is of, and --recording picks.
. "$(dirname "$0")/../lib.sh"
measures "$@"
test_init "$@"
needs_bpf
needs sqlite3 unshare
cpu=$(($(nproc) - 1))
cd "$T" || exit 1
cp "$W/causes" victim
cp "$W/causes" noisy
n='[0-9.]+'

on_host() { # host, command…
	local host=$1
	shift
	unshare -u sh -c 'echo "$0" >/proc/sys/kernel/hostname && exec "$@"' "$host" "$@"
}
unshare -u true 2>/dev/null || skip_all "needs a UTS namespace"
record() { # name, host
	date +%s.%N >"$1.at"
	on_host "$2" "$RECORD" -a -F 499 --comm 'victim,noisy' --duration 2 -o "$1.varve" 2>"$1.err" || sed 's/^/# /' "$1.err"
	date +%s.%N >"$1.end"
}
background v "$T/victim" 250 "$cpu"
record before web-1
background n "$T/noisy" 250 "$cpu"
await 60 has_run "$BG" 100
record after web-2
R=$REPORT
"$R" db before.varve after.varve -o both.db 2>err
is "two recordings become one database" "$? $(grep -c error err)" "0 0"
s() { "$R" sql both.db --format csv "$@" 2>&1 | tr -d '\r' | sed 1d; }

# ---- which is which
has "recordings: both hosts, in order" "$(s -q recordings | cut -d, -f1,2 | tr '\n' ' ')" '^1,web-1 2,web-2 $'
start=$(s "SELECT round(start_ts/1e9,3) FROM recording WHERE id=2")
# each began after its command was given, and 2 s before that was over, or earlier
holds "the second begins as much later as the wall clock says" "$(awk -v s="$start" '{ t[NR] = $1 } END { printf "%f > %f && %f < %f", s, t[3] - (t[2] - 2), s, t[4] - 2 - t[1] }' before.at before.end after.at after.end)"
is "every event lies within its recording" \
	"$(s "SELECT count(*) FROM sample s JOIN thread_v t USING(utid) JOIN recording r ON r.id=t.recording_id WHERE s.ts NOT BETWEEN r.start_ts AND r.start_ts+r.duration_ns")" 0
is "threads know their host" "$(s "SELECT DISTINCT process, host FROM thread_v JOIN sample USING(utid) WHERE process='noisy'")" "noisy,web-2"
has "cores: the row says which recording it is of" "$(s -q process-cores)" "^[0-9]+,noisy,[^,]*,$n,$n,2$"
cores=$(s "SELECT round(sum(weight_ns) * 1.0 / duration_ns, 3) FROM sample JOIN thread_v t USING(utid) JOIN recording r ON r.id = 2 WHERE t.process = 'noisy'")
near "cores are those of the own recording" "$(s -q process-cores | awk -F, '$2 == "noisy" { print $4 }')" "$cores" 0.02
holds "of a whole recording's length" "$cores > 0"
has "before and after: the neighbour came" "$(s -q compare-recordings | head -n 1)" "^noisy_burn,0\.0,[4-9][0-9]\.[0-9]+,[4-9]"
hasnt "which a single recording does not show" "$("$R" sql before.varve -q compare-recordings --format csv | sed 1d)" noisy
is "the first page counts each by itself" "$("$R" both.db | grep -o '^web-.*samples' | sed 's/,.* \([0-9,]*\) samples/ \1/; s/,//g' | tr '\n' ' ')" \
	"$(s "SELECT r.host||' '||count(*) FROM sample JOIN thread_v t USING(utid) JOIN recording r ON r.id=t.recording_id GROUP BY r.id ORDER BY r.id" | tr '\n' ' ')"

# ---- joined, and given twice
cat before.varve after.varve >joined.varve
"$R" folded before.varve after.varve | LC_ALL=C sort >two.folded
"$R" folded joined.varve 2>err | LC_ALL=C sort >joined.folded
is "recordings joined by cat are read as two, and nothing is damaged" "$(cmp two.folded joined.folded 2>&1; cat err)" ""
"$R" info before.varve after.varve >two.info
is "info says the same of them" "$("$R" info - <joined.varve | diff - two.info)" ""
has "each of them in a line of its own" "$(cat two.info)" '^ +2 +web-2 .* UTC +[0-9.]+ .*duration reached$'
is "verify looks at both" "$("$R" verify joined.varve | grep -c '^  clean$')" 2
"$R" info before.varve >one.info
cp before.varve copy.varve
is "a recording given twice is one" "$("$R" info before.varve copy.varve 2>err | diff - one.info)" ""
has "which is said" "$(cat err)" "'copy.varve' holds nothing that the inputs before it have not"
facts="SELECT group_concat(value) FROM meta WHERE key IN('chunks','bytes')"
is "nor is it larger" "$("$R" sql before.varve copy.varve --format csv "$facts" 2>/dev/null)" "$("$R" sql before.varve --format csv "$facts")"
is "joined to itself as well" "$(cat before.varve copy.varve | "$R" info - 2>/dev/null | diff - one.info)" ""
cat before.varve after.varve before.varve >again.varve
"$R" info again.varve >again.info 2>err
has "one that goes on behind another is not read again" "$? $(diff again.info two.info | grep '^>') $(cat err)" '^3 .*1 damaged stretch, '

# ---- --recording
is "sql: by host" "$(s -q process-cores --recording web-2 | cut -d, -f2,6 | sort -u | tr '\n' ' ')" "noisy,2 victim,2 "
is "sql: by number" "$(s -q process-cores --recording 1 | cut -d, -f2,6 | tr '\n' ' ')" "victim,1 "
sum() { awk '{ n += $NF } END { print n + 0 }'; }
all=$("$R" folded both.db | sum) one=$("$R" folded both.db --recording web-1 | sum) two=$("$R" folded both.db --recording 2 | sum)
is "folded: the parts add up to the whole" "$((one + two))" "$all"
is "folded: also straight from the recordings" "$("$R" folded before.varve after.varve --recording 'web-2' | sum)" "$two"
hasnt "folded: the first has no neighbour" "$("$R" folded both.db --recording 1)" noisy
has "top: by recording" "$("$R" top both.db --by recording)" "web-2 +recording 2"
has "top: of one" "$("$R" top both.db --recording web-1 | sed -n 2,99p)" 'victim_serve'
hasnt "top: not the other's" "$("$R" top both.db --recording web-1)" 'noisy_burn'
"$R" export both.db --recording web-1 -o one.perf.txt
is "export: of one" "$(grep -c ' cpu-clock:$' one.perf.txt)" "$one"
"$R" flame both.db --recording web-2 -o two.svg
has "flame: of one" "$(cat two.svg)" "noisy_burn"
has "flame: whose samples are all" "$(grep -o '<title>all[^<]*' two.svg)" "\($(printf '%s' "$two" | sed ':a;s/\B[0-9]\{3\}\>/,&/;ta') samples"
"$R" flame both.db -o both.html
has "flame: a page holds both hosts to choose from" "$(cat both.html)" '"recordings":\["web-1","web-2"\]'
"$R" flame after.varve --diff before.varve -o diff.svg
has "flame --diff: what came is named with its growth" "$(grep -o '<title>noisy_burn[^<]*' diff.svg | head -n 1)" 'before 0\.00%, \+[4-9][0-9]\.'
if [ -e "$O/browser/installed" ] && command -v chromium >/dev/null; then
	VARVE_BROWSER_DEPS=$O/browser node "$TESTS/browser/recordings.mjs" "$T/both.html" "$T/recordings.png" >page.out 2>&1
	is "flame: choosing a recording in the page leaves its time alone" "$(cat page.out)" "$(s "SELECT sum(weight_ns) FROM sample") $(s "SELECT sum(weight_ns) FROM sample JOIN thread_v USING(utid) WHERE recording_id=1")"
	mkdir -p "$O/browser/shots" && cp recordings.png "$O/browser/shots/" 2>/dev/null
else
	skip "flame: choosing a recording in the page leaves its time alone" "needs Chromium and npm packages: make browser-deps"
fi
test_done
