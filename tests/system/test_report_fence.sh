#!/usr/bin/env bash
# The report gives up, before it reads a byte of a recording, what no report needs: seen while it waits for that byte.
. "$(dirname "$0")/../lib.sh"
test_init "$@"
cd "$T" || exit 1
golden=$(find "$TESTS/golden" -name '*.varve' | sort | head -n 1)

mkfifo fifo
for what in info verify top folded; do
	background r "$REPORT" $what fifo
	exec 7>fifo # it has opened it
	is "$what: system calls are filtered, and no new privileges are to be had" "$(awk '/^Seccomp:/ { s = $2 } /^NoNewPrivs:/ { n = $2 } END { print s, n }' "/proc/$BG/status")" "2 1"
	limit=$(awk '/^Max data size/ { print $4 }' "/proc/$BG/limits")
	holds "$what: memory is limited" "$limit > 1000000 && $limit < $(awk '/^MemTotal/ { print $2 * 1024 }' /proc/meminfo)"
	cat "$golden" >&7
	exec 7>&-
	wait "$BG"
	is "$what: and the recording is read" "$?" 0
done
test_done
