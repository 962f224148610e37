#!/usr/bin/env bash
# Flame graphs in headless Chromium. Needs tests/browser/deps.sh (make browser-deps); in CI it is run here.
. "$(dirname "$0")/../lib.sh"
test_init "$@"
needs sqlite3 python3
if [ -n "${CI:-}" ]; then
	# bounded: a slow mirror must not take the time the tests have
	timeout 600 "$TESTS/browser/deps.sh" "$O" >"$T/deps.log" 2>&1 || { tail -n 5 "$T/deps.log"; skip_all "needs Chromium and npm packages: they could not be installed"; }
fi
[ -e "$O/browser/installed" ] && command -v chromium >/dev/null || skip_all "needs Chromium and npm packages: make browser-deps"

shots=$O/browser/shots
"$TESTS/consumers/fixture.sh" "$T/fixture.db"
"$TESTS/browser/many_stacks.py" "$T/many.db" >/dev/null
# the compared recording: gc had what strlen has now
"$TESTS/consumers/fixture.sh" "$T/base.db"
sqlite3 "$T/base.db" 'UPDATE sample SET stack_id = 8 WHERE stack_id = 7'
mkdir "$T/pages"
{
	"$REPORT" flame "$T/fixture.db" -o "$T/pages/page.html" &&
		"$REPORT" flame "$T/fixture.db" --chart -o "$T/pages/chart.html" &&
		"$REPORT" flame "$T/fixture.db" --diff "$T/base.db" -o "$T/pages/diff.html" &&
		"$REPORT" flame "$T/fixture.db" -o "$T/pages/on.svg" &&
		"$REPORT" flame "$T/many.db" -o "$T/pages/many.html" &&
		"$REPORT" flame "$T/many.db" -o "$T/pages/many.svg"
} || { echo "not ok 1 - the pictures are made"; exit 1; }
VARVE_BROWSER_DEPS=$O/browser node "$TESTS/browser/flame.mjs" "$T/pages"
status=$?
rm -rf "$shots" && cp -r "$T/pages/shots" "$shots" && echo "# screenshots: $shots"
exit $status
