#!/usr/bin/env bash
# flame: the command, and files that are valid and harmless whatever the names are. (How they behave: test_flame_browser.sh.)
# RUN: beside others (records nothing)
. "$(dirname "$0")/../lib.sh"
test_init "$@"
needs sqlite3 xmllint python3

db=$T/fixture.db
"$TESTS/consumers/fixture.sh" "$db"

cp "$db" "$T/noloss.db"
sqlite3 "$T/noloss.db" 'DELETE FROM loss'

"$REPORT" flame "$db" -o "$T/on.svg" 2>"$T/err"
is "an SVG is written" $? 0
is "it is well-formed XML" "$(xmllint --noout "$T/on.svg" 2>&1)" ""
is "a title for each frame: 16 in the tree, all, and the lost" "$(grep -c '<title>' "$T/on.svg")" \
	"$(($("$REPORT" folded "$db" | sed 's/ [0-9]*$//' | awk -F';' '{ p = ""; for (i = 1; i <= NF; i++) { p = p ";" $i; if (!(p in seen)) { seen[p]; n++ } } } END { print n }') + 2))"
"$REPORT" flame "$db" -o "$T/again.svg"
is "the same input gives the same bytes" "$(cmp "$T/on.svg" "$T/again.svg" && echo same)" same
"$REPORT" flame "$db" -o - --format svg >"$T/stdout.svg"
is "-o - is the standard output" "$(cmp "$T/on.svg" "$T/stdout.svg" && echo same)" same
"$REPORT" flame "$db" --event off-cpu -o "$T/off.svg"
has "waits by their time" "$(cat "$T/off.svg")" 'all \(605\.00 ms, 100\.00%\)'
# every event draws what folded prints
for event in on-cpu off-cpu "off-cpu --offwake" run-queue wakeup oom; do
	for weight in samples ns; do
		[ "$event $weight" = "oom ns" ] && continue
		# shellcheck disable=SC2086
		sum=$("$REPORT" folded "$db" --event $event --weight $weight 2>/dev/null | awk '{ n += $NF } END { printf "%.0f", n }')
		# shellcheck disable=SC2086
		"$REPORT" flame "$T/noloss.db" --event $event --weight $weight -o "$T/event.svg"
		is "--event $event by $weight: as much as folded" "$(sed -n 's/.*data-s="0" data-t="\([0-9]*\)" data-d="0".*/\1/p' "$T/event.svg")" "$sum"
	done
done
"$REPORT" flame "$db" --event off-cpu --weight samples -o "$T/off-n.svg"
has "or by their number" "$(cat "$T/off-n.svg")" 'all \(12 waits, 100\.00%\)'
"$REPORT" flame "$db" --comm 'pool*' -o "$T/pool.svg"
has "filters hold" "$(cat "$T/pool.svg")" 'all \(25 samples, 100\.00%\)'
"$REPORT" flame "$db" --chart -o "$T/chart.svg"
is "a flame chart as SVG" "$(xmllint --noout "$T/chart.svg" 2>&1)" ""
holds "in time order a function comes back" "$(grep -c '<title>strlen ' "$T/chart.svg") > $(grep -c '<title>strlen ' "$T/on.svg")"
"$REPORT" flame "$db" --callers -o "$T/callers.svg"
is "turned round: as much in all" "$(grep -c 'all (100 samples, 100.00%)\|all (.* samples, 100.00%)' "$T/callers.svg")" 1
# a function is one frame next to the root, and as wide there as its self time
for f in strlen gc parse:json; do
	self=$("$REPORT" sql "$db" --format csv "SELECT self_samples FROM oncpu_function WHERE function='$f'" | tail -n 1 | tr -d "\r")
	has "$f stands next to the root, as wide as its own samples ($self)" "$(grep "data-d=\"1\"" "$T/callers.svg")" "<title>$f [^ ]* \\($self samples"
done
"$REPORT" flame "$db" --icicle -o "$T/icicle.svg"
has "an icicle has the root at the top" "$(grep -A1 'data-icicle="1"' "$T/icicle.svg" | tail -n 1)" '<title>all .*y="74"'

out=$("$REPORT" flame "$db" --callers -o "$T/page.html" 2>&1)
has "--callers for a page: an error that says where it is" "$? $out" '^2 .*of an SVG'

"$REPORT" flame "$db" -o "$T/page.html"
is "a page is written" $? 0
is "it ends two scripts: its data and its program" "$(grep -o '</script' "$T/page.html" | wc -l)" 2
is "its data is JSON" "$(sed -n 's/.*id="data">\(.*\)<\/script>/\1/p' "$T/page.html" | python3 -c 'import json, sys; print(len(json.load(sys.stdin)["views"]))')" 6
hasnt "it links to nothing" "$(cat "$T/page.html")" '(src|href)=|@import|url\('

# every byte a name can hold, and a symbol of 10 MB
python3 - "$db" "$T/evil.db" <<'PY'
import shutil, sqlite3, sys
shutil.copy(sys.argv[1], sys.argv[2])
db = sqlite3.connect(sys.argv[2])
db.execute("UPDATE thread SET comm = CAST(? AS TEXT) WHERE utid = 1", (bytes(range(1, 256)),))
db.execute("UPDATE function SET name = ? WHERE id = 5", ("x" * 10_000_000,))
db.execute("UPDATE function SET name = CAST(? AS TEXT) WHERE id = 3", (b"]]></script><svg onload=alert(1)>\xff\xfe\x00\xe2\x80\xae&amp;",))
db.commit()
PY
"$REPORT" flame "$T/evil.db" -o "$T/evil.svg" && "$REPORT" flame "$T/evil.db" -o "$T/evil.html"
is "hostile names: both are written" $? 0
is "hostile names: the SVG is well-formed" "$(xmllint --huge --noout "$T/evil.svg" 2>&1)" ""
is "hostile names: the page ends two scripts" "$(grep -o '</script' "$T/evil.html" | wc -l)" 2
is "hostile names: no byte below a space but newline and tab" "$(LC_ALL=C tr -d '\t\n\40-\377' <"$T/evil.svg" | wc -c) $(LC_ALL=C tr -d '\t\n\40-\377' <"$T/evil.html" | wc -c)" "0 0"

# what goes wrong
"$REPORT" flame "$db" >"$T/out" 2>"$T/err"
is "no format: a usage error" "$? $(wc -c <"$T/out")" "2 0"
has "that says what to give" "$(cat "$T/err")" 'hint: give -o FILE.html or -o FILE.svg'
"$REPORT" flame "$db" -o "$T/nowhere/x.svg" 2>"$T/err"
is "a directory that is not there: an error" $? 1
has "that names the file" "$(cat "$T/err")" "nowhere/x.svg.*ENOENT"
[ -e /dev/full ] && { "$REPORT" flame "$db" -o - --format html >/dev/full 2>"$T/err"; is "a full disk is an error" $? 1; }
test_done
