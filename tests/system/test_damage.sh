#!/usr/bin/env bash
# A real recording of 40 chunks and more, cut at every byte and with every bit flipped: nothing wrong is read, no chunk is lost that
# was not touched, what is lost is named. The same as the user sees it: verify, and the outputs of a damaged file.
. "$(dirname "$0")/../lib.sh"
test_init "$@"
needs_bpf

# Few events, many chunks: each of the kinds that flow gets a chunk every two seconds.
"$RECORD" -F 49 --symbols none -o "$T/r.varve" -- sh -c 'for i in $(seq 80); do sleep 0.3; done' >/dev/null 2>"$T/rec.err"
echo "# $(stat -c %s "$T/r.varve") bytes; $(tail -n1 "$T/rec.err")"
VARVE_RECORDING="$T/r.varve" timeout 280 "$O/tests/unit/formats/test_damage" >"$T/out" 2>&1
code=$?
while read -r line; do
	case $line in
	ok*) ok "real recording: ${line#ok * - }" ;;
	not*) not_ok "real recording: ${line#not ok * - }" "$(grep '^#' "$T/out")" ;;
	esac
done <"$T/out"
is "the test of every cut and flip ran to its end" $code 0
test_done
