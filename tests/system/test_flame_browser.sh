#!/usr/bin/env bash
# Flame graphs in headless Chromium. Needs tests/browser/deps.sh (make browser-deps); in CI it is run here.
# RUN: beside others (records nothing)
. "$(dirname "$0")/../lib.sh"
test_init "$@"
needs sqlite3 python3
has_browser || { tail -n 5 "$T/deps.log" 2>/dev/null; skip_all "needs Chromium and npm packages: make browser-deps"; }

shots=$O/browser/shots
"$TESTS/consumers/fixture.sh" "$T/fixture.db"
"$TESTS/browser/many_stacks.py" "$T/many.db" >/dev/null
# the compared recording: gc had what strlen has now
"$TESTS/consumers/fixture.sh" "$T/base.db"
sqlite3 "$T/base.db" 'UPDATE sample SET stack_id = 8 WHERE stack_id = 7'
mkdir "$T/pages"
# one stack of 120 frames, the others of a few
"$TESTS/consumers/fixture.sh" "$T/deep.db"
deep="WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 120)"
sqlite3 "$T/deep.db" "$deep INSERT INTO function(id, name, image_id) SELECT 11 + i, 'level_' || i, 1 FROM n;
	$deep INSERT INTO frame(id, function_id, image_id, rel_addr) SELECT 12 + i, 11 + i, 1, i FROM n;
	$deep INSERT INTO stack(id, parent_id, frame_id, depth) SELECT 12 + i, CASE WHEN i > 1 THEN 11 + i END, 12 + i, i - 1 FROM n;
	UPDATE sample SET stack_id = 132 WHERE stack_id = 4"
{
	"$REPORT" flame "$T/fixture.db" -o "$T/pages/page.html" &&
		"$REPORT" flame "$T/fixture.db" --chart -o "$T/pages/chart.html" &&
		"$REPORT" flame "$T/fixture.db" --diff "$T/base.db" -o "$T/pages/diff.html" &&
		"$REPORT" flame "$T/fixture.db" -o "$T/pages/on.svg" &&
		"$REPORT" flame "$T/deep.db" -o "$T/pages/deep.svg" && "$REPORT" flame "$T/deep.db" --no-icicle -o "$T/pages/upright.svg" &&
		"$REPORT" flame "$T/many.db" -o "$T/pages/many.html" &&
		"$REPORT" flame "$T/many.db" -o "$T/pages/many.svg"
} || { echo "not ok 1 - the pictures are made"; exit 1; }
VARVE_BROWSER_DEPS=$O/browser node "$TESTS/browser/flame.mjs" "$T/pages"
status=$?
rm -rf "$shots" && cp -r "$T/pages/shots" "$shots" && echo "# screenshots: $shots"
exit $status
