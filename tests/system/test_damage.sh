#!/usr/bin/env bash
# A real recording of 40 chunks and more, cut at every byte and with every bit flipped: nothing wrong is read, no chunk is lost that
# was not touched, what is lost is named. The same as the user sees it: verify, and the outputs of a damaged file.
# RUN: beside others (records what sleeps)
. "$(dirname "$0")/../lib.sh"
test_init "$@"
needs_bpf

# Few events, many chunks: each of the kinds that flow gets a chunk every two seconds.
"$RECORD" -F 49 --symbols none -o "$T/r.varve" -- sh -c 'for i in $(seq 80); do sleep 0.3; done' >/dev/null 2>"$T/rec.err"
echo "# $(stat -c %s "$T/r.varve") bytes; $(tail -n1 "$T/rec.err")"
VARVE_RECORDING="$T/r.varve" timeout 540 "$O/tests/unit/formats/test_damage" >"$T/out" 2>&1
code=$?
while read -r line; do
	case $line in
	ok*) ok "real recording: ${line#ok * - }" ;;
	not*) not_ok "real recording: ${line#not ok * - }" "$(grep '^#' "$T/out")" ;;
	esac
done <"$T/out"
is "the test of every cut and flip ran to its end" $code 0

# ---- as the user sees it ---------------------------------------------------------------------------------------------
out=$("$REPORT" verify "$T/r.varve" 2>&1)
is "verify calls the recording clean" "$? $(printf '%s\n' "$out" | tail -n1 | tr -d ' ')" "0 clean"
cp "$T/r.varve" "$T/flip.varve"
half=$(($(stat -c %s "$T/r.varve") / 2))
printf '\252\125' | dd of="$T/flip.varve" bs=1 seek=$half conv=notrunc 2>/dev/null
out=$("$REPORT" verify "$T/flip.varve" 2>&1)
is "verify of two bytes overwritten exits 3" $? 3
# (two, where the bytes are the last of one and the first of the next)
has "and says where, what and when" "$out" 'damaged: offset [0-9]+: .*[12] chunks, [0-9.]+ s to [0-9.]+ s lost'
"$REPORT" folded "$T/flip.varve" --event off-cpu >"$T/flip.folded" 2>"$T/flip.err"
is "an output of it is written, with exit 3" "$? $([ -s "$T/flip.folded" ] && echo written)" "3 written"
has "and counts what was recovered" "$(cat "$T/flip.err")" 'recovered [0-9]+ of [0-9]+ chunks'
head -c $half "$T/r.varve" >"$T/cut.varve"
out=$("$REPORT" verify "$T/cut.varve" 2>&1)
is "verify of half a recording exits 3" $? 3
has "and says that it did not end" "$out" 'did not end on purpose; readable to [0-9.]+ s'
head -c 4000 /bin/sh >"$T/elf.varve"
out=$("$REPORT" verify "$T/elf.varve" 2>&1)
is "a file that is no recording is unreadable: exit 1" $? 1
has "and is called so" "$out" 'not a varve recording'
for z in gzip xz bzip2 zstd; do
	command -v $z >/dev/null || continue
	$z -c "$T/r.varve" >"$T/r.packed" 2>/dev/null
	way=$("$REPORT" verify "$T/r.packed" 2>&1 | sed -n 's/.*hint: \([a-z]*cat\) FILE | varve-report COMMAND -$/\1/p')
	is "by $z: the hint is a way to read it" "$($way "$T/r.packed" 2>&1 | "$REPORT" verify - >/dev/null 2>&1; echo $?)" 0
done
# ---- a recorder that was killed -----------------------------------------------------------------------------------------
# The kernel's names are written every 5 s: on another host, or after a reboot, nothing else has them.
background load sh -c 'while :; do cat /proc/self/maps /proc/self/status >/dev/null; done'
load=$BG
recorder -a -F 499 -e on-cpu -o "$T/k.varve" || not_ok "the recorder starts"
named_percent() { # into $named; whether it is enough
	"$REPORT" db "$T/k.varve" -o "$T/k.db" 2>/dev/null
	named=$("$REPORT" sql "$T/k.db" "SELECT round(100.0 * sum(n * named) / sum(n), 1) FROM stack_total s JOIN stack k ON k.id = s.stack_id JOIN frame f ON f.id = k.frame_id JOIN function fn ON fn.id = f.function_id JOIN image i ON i.id = f.image_id
	WHERE s.kind = 'on-cpu' AND i.kind = 'kernel'" --format csv 2>/dev/null | tail -n 1 | tr -d '\r')
	awk -v n="${named:-0}" 'BEGIN { exit !(n >= 90) }'
}
sleep 9
await 60 named_percent
kill -KILL "$BG"
wait "$BG" 2>/dev/null
kill "$load"
named_percent
holds "after kill -9 the kernel's functions have names (% of samples: $named)" "${named:-0} >= 90"

test_done
