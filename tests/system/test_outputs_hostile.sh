#!/usr/bin/env bash
# Names chosen by an enemy, in every place a recording has names (threads, processes, files, functions, sources, cgroups, hosts, reasons): every
# byte but NUL, bytes after a NUL, markup, quotes, escape codes, line ends, formulas, a symbol of 10 MB. Every output is whole and does no harm.
# RUN: beside others (records nothing)
. "$(dirname "$0")/../lib.sh"
test_init "$@"
needs sqlite3 jq python3 xmllint
cd "$T" || exit 1
"$TESTS/consumers/fixture.sh" "$T/plain.db"
python3 - plain.db evil.db <<'PY'
import shutil, sqlite3, sys
shutil.copy(sys.argv[1], sys.argv[2])
db = sqlite3.connect(sys.argv[2])
bad = [bytes(range(1, 256)), b"]]></script><svg onload=alert(1)>\xff\xfe\x00after\xe2\x80\xae&amp;", b"a;b c 7\nmain;x 9\r\n", b"\x1b]0;title\x07\x1b[31m\x9b2J",
       b"=cmd|'/c calc'!A0", b"\"'`$(reboot)\\", b"--><!--<![CDATA[<?xml ?>", b"", "‮⁦naïve☃\u2028\u2029".encode()]
texts = [("thread", "utid", "comm"), ("process", "upid", "comm"), ("process", "upid", "exe"), ("function", "id", "name"), ("function", "id", "raw_name"),
         ("image", "id", "path"), ("source_file", "id", "path"), ("cgroup", "id", "path"), ("cgroup", "id", "container_id"), ("recording", "id", "host"),
         ("oom", "id", "victim_comm"), ("loss", "id", "reason"), ("counter", "id", "name"), ("meta", "key", "value")]
k = 0
for table, key, column in texts:
    for (row,) in db.execute(f"SELECT {key} FROM {table} WHERE {column} IS NOT NULL" + (" AND key='hostname'" if table == "meta" else "")).fetchall():
        # the name and something of its own, so that two do not become one
        db.execute(f"UPDATE {table} SET {column}=CAST(? AS TEXT) WHERE {key}=?", (bad[k % len(bad)] + str(row).encode(), row))
        k += 1
db.execute("UPDATE function SET name=? WHERE id=7", ("x" * 10_000_000,))
db.execute("UPDATE thread SET comm=CAST(? AS TEXT) WHERE utid=1", (bad[0],))
db.commit()
PY
R=$REPORT
written=()
write() { # name, command…
	local name=$1 rc TIMEFORMAT='%U + %S'
	shift
	{ time timeout 300 "$R" "$@" >"$name" 2>"$name.err"; } 2>took
	rc=$?
	is "$name is written" "$rc $([ -s "$name" ] && echo something) $(head -c 200 "$name.err")" "0 something "
	holds "in seconds (of CPU time)" "$(cat took) < 20"
	written+=("$name")
}
# no byte below a space but the ends of lines; nothing that turns text around
clean() { # claim, file
	is "$1" "$(LC_ALL=C tr -d '\t\n\40-\176\200-\377' <"$2" | wc -c)" 0
}
fixed() { LC_ALL=C grep -caF -- "$2" "$1"; }

# ---- text for terminals and pipes -------------------------------------------------------------------------------------
for event in on-cpu off-cpu run-queue wakeup oom; do
	write "$event.folded" folded evil.db --event $event
	clean "$event.folded has no control character" "$event.folded"
	is "$event.folded: as many lines as the plain one, each a stack and a number" "$(grep -cE '^[^ ].* [0-9]+$|^ .* [0-9]+$' "$event.folded")" "$("$R" folded plain.db --event $event | wc -l)"
	is "$event.folded: the same sum" "$(awk '{ n += $NF } END { printf "%.0f", n }' "$event.folded")" "$("$R" folded plain.db --event $event | awk '{ n += $NF } END { printf "%.0f", n }')"
done
write offwake.folded folded evil.db --offwake --event off-cpu
clean "offwake.folded has no control character" offwake.folded
for by in function module line comm thread process cgroup recording; do
	write "top-$by" top evil.db --by $by
	clean "top-$by has no control character" "top-$by"
	is "top-$by: one line a row" "$(wc -l <"top-$by")" "$("$R" top plain.db --by $by | wc -l)"
done
write info info evil.db
clean "info has no control character" info
write page evil.db --color never
clean "the first page has no control character" page

# ---- SQL ---------------------------------------------------------------------------------------------------------------
everything="SELECT (SELECT name FROM function f WHERE f.id=t.utid+2) AS a, thread, process, exe, cgroup, host FROM thread_v t ORDER BY utid"
for format in table csv json ndjson; do
	write "sql.$format" sql evil.db "$everything" --format $format
done
clean "a table has no control character" sql.table
is "a table has one line a row" "$(wc -l <sql.table)" 4
is "JSON keeps names whole, also behind a NUL" "$(python3 -c '
import json
rows = json.load(open("sql.json"))
print(sum("\0after" in (r["a"] or "") for r in rows), len(rows))')" "1 3"
is "NDJSON is one document a line" "$(jq -c . sql.ndjson | wc -l)" 3
is "CSV has its columns, formulas disarmed" "$(python3 -c '
import csv
rows = list(csv.reader(open("sql.csv", newline="", errors="surrogateescape")))
print(len(rows), {len(r) for r in rows}, any(c.startswith(("=", "+", "@")) for r in rows for c in r))')" "4 {6} False"
bad=""
for q in $("$R" sql --list | cut -d' ' -f1); do
	timeout 60 "$R" sql evil.db -q "$q" >q.out 2>q.err || bad="$bad $q: $(cat q.err)"
	[ "$(LC_ALL=C tr -d '\t\n\40-\176\200-\377' <q.out | wc -c)" = 0 ] || bad="$bad $q: control characters"
done
is "every named question runs, and shows no control character" "$bad" ""

# ---- pictures ------------------------------------------------------------------------------------------------------------
write evil.svg flame evil.db --format svg -o -
is "the SVG is well-formed" "$(xmllint --huge --noout evil.svg 2>&1)" ""
is "the SVG has one script: its own" "$(grep -c '<script' evil.svg) $(xmllint --huge --xpath 'count(//*[local-name()="script"])' evil.svg)" "1 1"
write evil.html flame evil.db --format html -o -
is "the page ends two scripts: its data and its program" "$(grep -o '</script' evil.html | wc -l)" 2
is "the page's data is JSON" "$(sed -n 's/.*id="data">\(.*\)<\/script>/\1/p' evil.html | python3 -c 'import json, sys; print(len(json.load(sys.stdin)["views"]))')" 6
write evil-diff.html flame evil.db --diff plain.db --format html -o -
write evil-chart.html flame evil.db --chart --format html -o -
for f in evil.svg evil.html evil-diff.html evil-chart.html; do clean "$f has no control character" $f; done
hasnt "no event handler out of a name" "$(grep -aoE '<svg onload|<b onload|<img' evil.svg evil.html evil-diff.html evil-chart.html)" .
if has_browser; then
	VARVE_BROWSER_DEPS=$O/browser node "$TESTS/browser/harmless.mjs" "$T"/evil{.svg,.html,-diff.html,-chart.html} >browser.out 2>&1
	for f in evil.svg evil.html evil-diff.html evil-chart.html; do
		is "$f in Chromium: no dialog, no request, no error" "$(grep -aF "$T/$f " browser.out || tail -n 3 browser.out)" "$T/$f dialogs 0 requests 0 problems 0"
	done
else
	skip "the pictures in Chromium" "needs Chromium and npm packages: make browser-deps"
fi

# ---- exports --------------------------------------------------------------------------------------------------------------
for format in pprof speedscope perfetto firefox perf-script; do
	write "evil.$format" export evil.db --format $format -o -
done
is "speedscope: JSON, with all the time" "$(jq '.profiles[0].endValue' evil.speedscope)" 1050000000
is "firefox: JSON, with all the samples" "$(jq '[.threads[].samples.stack | length] | add' evil.firefox)" 105
clean "perf-script text has no control character" evil.perf-script
is "perf-script text has an event for each sample" "$(grep -acE ' cpu-clock:$' evil.perf-script)" 105
is "pprof: gzip of protobuf whose strings are UTF-8" "$(python3 - <<'PY'
import gzip
data = gzip.open("evil.pprof").read()
def varint(i):
    n = s = 0
    while True:
        n |= (data[i] & 127) << s
        s += 7
        i += 1
        if data[i - 1] < 128:
            return n, i
i = samples = 0
while i < len(data):
    key, i = varint(i)
    if key & 7 == 0:
        _, i = varint(i)
        continue
    assert key & 7 == 2, key
    size, i = varint(i)
    if key >> 3 == 2:
        samples += 1
    if key >> 3 == 6:
        data[i:i + size].decode()
    i += size
print(i == len(data), samples > 0)
PY
)" "True True"
if command -v go >/dev/null; then
	is "pprof: go tool pprof reads it" "$(HOME=$T go tool pprof -raw evil.pprof 2>/dev/null | awk '/^Samples:/ { s = 1; getline; next } /^Locations/ { s = 0 } s && /^ +[0-9]+ +[0-9]+:/ { n += $1 } END { print n }')" 105
fi
if [ -e "$O/consumers/trace-processor/trace_processor.wasm" ]; then
	is "perfetto: the trace processor reads it" "$(node "$TESTS/consumers/trace_processor.mjs" "$O/consumers/trace-processor" evil.perfetto "SELECT count(*) FROM perf_sample" 2>/dev/null)" 105
fi
test_done
