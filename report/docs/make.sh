#!/usr/bin/env bash
# Makes README's pictures anew: records the scene of planted causes (tests/causes_lib.sh) for 6 s, as root, and draws it. Chromium is
# needed for page.png alone (make browser-deps).
#   report/docs/make.sh BUILD_DIR [DIR]      DIR: keep recording and database there
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../../tests/lib.sh"
test_init "${1:-build}"
. "$TESTS/causes_lib.sh"
keep=${2:-$T}
causes_prepare "$T/shop" shop || exit 1
# the host is called shop-1 in its pictures
unshare -u sh -c 'echo shop-1 >/proc/sys/kernel/hostname && exec "$@"' sh "$RECORD" -a -F 499 -e all --duration 60 -f -o "$keep/recording.varve" &
recorder=$!
for ((i = 0; i < 200; i++)); do [ "$(stat -c %s "$keep/recording.varve" 2>/dev/null || echo 0)" -gt 96 ] && break; sleep 0.05; done
causes_play "$T/shop" 6 2>/dev/null
kill -INT "$recorder"
wait "$recorder" || exit 1
causes_loops_off
db=$keep/recording.db
"$REPORT" db "$keep/recording.varve" -o "$db" || exit 1
"$REPORT" flame "$db" --event off-cpu --offwake --comm 'conv-worker*' -o "$here/waits.svg"
if [ -e "$O/browser/installed" ]; then
	"$REPORT" flame "$db" --cgroup "$C_CGROUP" -o "$T/page.html"
	VARVE_BROWSER_DEPS=$O/browser node "$TESTS/browser/screenshot.mjs" "$T/page.html" "$here/page.png" 1000 470
fi
ls -l "$here"
