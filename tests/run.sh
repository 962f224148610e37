#!/usr/bin/env bash
# Runs the tests and ends with "N passed, N failed, N skipped". Every test prints TAP.
#   tests/run.sh [--unit] BUILD_DIR [PATTERN…]      only tests whose name holds one of the patterns
# A test file that exits 77 is skipped whole, its last line being the reason. With CI or VARVE_NO_SKIP set, a skip for want of
# BPF ("needs BPF …") is a failure: there the capture must really run.
# With VARVE_DISTURB the system and fault tests run below tests/workloads/disturb, which lets them have little of the machine, and none is run again.
set -u
cd "$(dirname "$0")/.." || exit 1
unit_only=
[ "${1:-}" = --unit ] && { unit_only=1; shift; }
O=${1:-build}
patterns=("${@:2}")
export VARVE_BUILD="$O"
log=$(mktemp -d "${TMPDIR:-/tmp}/varve-tests.XXXXXX")
passed=0 failed=0 skipped=0
failures=()

count() { # name, exit status, output file, seconds
	local p f s planned
	p=$(grep -cE '^ok ' "$3")
	s=$(grep -cE '^ok .*# [Ss][Kk][Ii][Pp]' "$3")
	f=$(grep -cE '^not ok ' "$3")
	planned=$(sed -n 's/^1\.\.\([0-9]*\).*/\1/p' "$3" | tail -n1)
	p=$((p - s))
	if [ "$2" -eq 77 ]; then
		s=$((s + 1))
		[ -n "${CI:-}${VARVE_NO_SKIP:-}" ] && grep -q 'needs BPF' "$3" && { s=$((s - 1)); f=$((f + 1)); }
	elif [ "$2" -ne 0 ] && [ "$f" -eq 0 ]; then
		f=1 # crashed, was killed, or failed without saying which test
	elif [ "$2" -eq 0 ] && [ $((p + s + f)) -eq 0 ]; then
		f=1 # a test file that tests nothing
	elif [ -n "$planned" ] && [ "$planned" -ne $((p + s + f)) ]; then
		f=$((f + 1))
	fi
	if [ -n "${CI:-}${VARVE_NO_SKIP:-}" ] && [ "$2" -ne 77 ]; then
		local b
		b=$(grep -E '^ok .*# [Ss][Kk][Ii][Pp]' "$3" | grep -c 'needs BPF')
		s=$((s - b)) f=$((f + b))
	fi
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
	if [ "$f" -ne 0 ]; then
		failures+=("$1")
		printf '%-52s %3d passed, %d FAILED (exit %d, %ds)\n' "$1" "$p" "$f" "$2" "$4"
		grep -vE '^ok ' "$3" | tail -n 40 | sed 's/^/    /'
	else
		printf '%-52s %3d passed%s (%ds)\n' "$1" "$p" "$([ "$s" -ne 0 ] && printf ', %d skipped' "$s")" "$4"
		[ "$s" -ne 0 ] && grep -E '# [Ss][Kk][Ii][Pp]|^# |needs' "$3" | head -n 3 | sed 's/^/    /'
		grep -E '^# run again|^#   |\(in the first run\)$' "$3" | head -n 12 | sed 's/^/    /'
	fi
}

wanted() { # name
	local p
	[ ${#patterns[@]} -eq 0 ] && return
	for p in "${patterns[@]}"; do
		[[ $1 == *$p* ]] && return
	done
	return 1
}

run() { # name, command…
	local name=$1 out start
	shift
	wanted "$name" || return
	out="$log/$(echo "$name" | tr '/ ' '__')"
	start=$SECONDS
	timeout -k 10 "${VARVE_TEST_TIMEOUT:-600}" "$@" >"$out" 2>&1 </dev/null
	count "$name" $? "$out" $((SECONDS - start))
}

for t in tests/unit/*/test_*.c; do
	[ -e "$t" ] || continue
	t=${t#tests/}
	run "${t%.c}" "$O/tests/${t%.c}"
	[ -z "$unit_only" ] && [ -x "$O/san/tests/${t%.c}" ] && run "san/${t%.c}" "$O/san/tests/${t%.c}"
done
run check_layers tests/check_layers.sh "$O"
disturb=()
[ -n "${VARVE_DISTURB:-}" ] && disturb=("$O/tests/workloads/disturb") && export VARVE_ATTEMPT=1
if [ -z "$unit_only" ]; then
	for t in tests/system/test_*.sh tests/faults/test_*.sh; do
		[ -e "$t" ] && run "${t#tests/}" "${disturb[@]}" bash "$t" "$O"
	done
	for t in tests/system/*.bats; do
		[ -e "$t" ] && run "${t#tests/}" bats --tap "$t"
	done
fi
[ ${#failures[@]} -ne 0 ] && printf '\nfailed: %s\noutputs: %s\n' "${failures[*]}" "$log" || rm -rf "$log"
[ $((passed + failed + skipped)) -ne 0 ] || { echo "no test is named like that: ${patterns[*]}" >&2; failed=1; }
printf '%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
[ "$failed" -eq 0 ]
