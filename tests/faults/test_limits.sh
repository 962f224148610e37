#!/usr/bin/env bash
# Limits around the recorder: few file descriptors, a reader that goes away, no room for the output's name. Never a hang, never a
# silent success.
. "$(dirname "$0")/../lib.sh"
test_init "$@"
needs_bpf

for n in 8 16 32 64; do
	out=$(timeout 90 bash -c "ulimit -n $n; exec '$RECORD' -a --duration 1 -f -o '$T/fd.varve'" 2>&1)
	rc=$?
	if [ "$rc" -eq 0 ]; then
		"$REPORT" verify "$T/fd.varve" >/dev/null 2>&1 && ok "ulimit -n $n: a whole recording all the same" || not_ok "ulimit -n $n: a whole recording all the same" "$out"
	elif [ "$rc" -eq 125 ]; then
		has "ulimit -n $n: refused, with the limit, what is needed and the fix" "$(echo "$out" | tr '\n' ' ')" "only $n files .*EMFILE.* needs [0-9]+ +hint: ulimit -n [0-9]+"
	else
		not_ok "ulimit -n $n: recorded or refused" "exit status $rc: $out"
	fi
done
out=$({ timeout 90 "$RECORD" -a --duration 5 -e all -o - 2>"$T/pipe.err"; echo "status $?" >&2; } 2>"$T/status" | head -c 1000 >/dev/null)
is "a reader that goes away ends the recording with 0" "$(cat "$T/status")" "status 0"
has "and is said" "$(cat "$T/pipe.err")" 'reader|EPIPE'
(ulimit -l 0 && timeout 90 "$RECORD" -a --duration 500ms -f -o "$T/ml.varve") >"$T/ml.out" 2>&1
rc=$?
holds "RLIMIT_MEMLOCK 0: recorded, or refused with 125" "$rc == 0 || $rc == 125"
is "a terminal is not flooded with binary" "$(script -qec "'$RECORD' -a --duration 200ms -o -" /dev/null 2>/dev/null | grep -c 'VRV')" 0
test_done
