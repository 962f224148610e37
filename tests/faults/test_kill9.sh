#!/usr/bin/env bash
# The recorder is killed at random moments: what it had written is readable, and the report says that the recording did not end.
. "$(dirname "$0")/../lib.sh"
measures "$@"
test_init "$@"
needs_bpf
needs sqlite3

rounds=${VARVE_KILL_ROUNDS:-6}
background load "$W/split50" 120 2
readable=0 said=0 recent=0 old=""
for ((i = 0; i < rounds; i++)); do
	rm -f "$T/k.varve" "$T/k.db"
	recorder -a -F 499 -o "$T/k.varve" || continue
	ms=$((2500 + RANDOM % 2000)) late=$(late_ns "$BG")
	sleep "$(awk "BEGIN { print $ms / 1000 }")"
	end=$(awk '{ printf "%.0f", $1 * 1e9 }' /proc/uptime)
	late=$(($(late_ns "$BG") - late))
	kill -KILL "$BG"
	wait "$BG" 2>/dev/null
	out=$("$REPORT" verify "$T/k.varve" 2>&1)
	rc=$?
	n=$(ask "$(db_of "$T/k.varve")" "SELECT count(*) FROM sample" 2>/dev/null)
	[ "$rc" -ne 1 ] && [ "${n:-0}" -gt 0 ] && readable=$((readable + 1))
	printf '%s\n' "$out" | grep -qiE 'did not end|not end cleanly|no end' && said=$((said + 1))
	last=$(ask "$(db_of "$T/k.varve")" "SELECT max(s.ts) + (SELECT value FROM meta WHERE key = 't0_mono_ns') FROM sample s" 2>/dev/null)
	# 2 s is the age at which a chunk is written; half a second for the disk; and what the recorder waited for a CPU
	if awk -v e="$end" -v l="${last:-0}" -v w="$late" 'BEGIN { exit !(e - l < 2.6e9 + w) }'; then recent=$((recent + 1)); else old+="killed at $end, last sample $last, late by $late; "; fi
done
is "kill -9 at $rounds random moments: each file is readable and has samples" "$readable" "$rounds"
is "each time the report says that the recording did not end" "$said" "$rounds"
[ "$recent" -eq "$rounds" ] && ok "never more than the last 2 s are missing" || not_ok "never more than the last 2 s are missing" "$old"
# ---- in segments: all but the last are whole, and a killed recorder is in nobody's way --------------------------------------
whole=0 files=0 good=0
for ((i = 0; i < 3; i++)); do
	rm -f "$T"/g.0*.varve
	background seg "$RECORD" -a -F 499 --rotate 1s -f -o "$T/g.varve"
	await 60 test -e "$T/g.000003.varve"
	sleep "$(awk "BEGIN { print $RANDOM / 32768 }")"
	kill -KILL "$BG"
	wait "$BG" 2>/dev/null
	last=$(find "$T" -name 'g.0*.varve' | sort | tail -n 1)
	for f in "$T"/g.0*.varve; do
		[ "$f" = "$last" ] && continue
		files=$((files + 1))
		"$REPORT" verify "$f" 2>&1 | grep -q 'did not end' || whole=$((whole + 1))
	done
	out=$("$REPORT" info "$T"/g.0*.varve 2>&1)
	[ $? -eq 0 ] && printf '%s\n' "$out" | grep -qE '^  ended +not on purpose' && printf '%s\n' "$out" | grep -qE '^  samples +[1-9]' && good=$((good + 1))
done
holds "killed in a later segment: there were some before" "$files >= 3"
is "they are whole" "$whole" "$files"
is "and with the last one a recording that did not end" "$good" 3
is "nothing is left attached or running" "$(pgrep -c -x varve-record -P $$)" 0
test_done
