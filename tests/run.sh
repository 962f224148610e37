#!/usr/bin/env bash
# Runs the tests and ends with "N passed, N failed, N skipped". Every test prints TAP.
#   tests/run.sh [--unit] BUILD_DIR [PATTERN…]      only tests whose name holds one of the patterns
# A test file that exits 77 is skipped whole, its last line being the reason. With CI or VARVE_NO_SKIP set, a skip for want of
# BPF ("needs BPF …") is a failure: there the capture must really run.
# Unit tests, and files that say "# RUN: beside others (why)", run side by side, one more than there are CPUs, as some wait; then the
# others, each alone.
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

command_of() { # test's name: what runs it, into $command
	case $1 in
	san/*) command=("$O/san/tests/${1#san/}") ;;
	unit/*) command=("$O/tests/$1") ;;
	check_layers) command=(tests/check_layers.sh "$O") ;;
	*.bats) command=(bats --tap "tests/$1") ;;
	*) command=("${disturb[@]}" bash "tests/$1" "$O") ;;
	esac
}

# Runs tests, so many at a time, and tells of each in the order given.
run_all() { # at a time, names…
	local max=$1 next=0 told=0 pid rc i command
	shift
	local -a names=("$@") began=() status=() seconds=()
	local -A running=()
	while [ "$told" -lt $# ]; do
		while [ ${#running[@]} -lt "$max" ] && [ "$next" -lt $# ]; do
			command_of "${names[next]}"
			# what is begun in the background ignores Ctrl-C, and so would what it begins
			exec_timeout "${names[next]}" env --default-signal=INT,QUIT "${command[@]}" &
			running[$!]=$next began[next]=$SECONDS next=$((next + 1))
		done
		wait -n -p pid
		rc=$? i=${running[$pid]}
		unset "running[$pid]"
		status[i]=$rc seconds[i]=$((SECONDS - began[i]))
		for (( ; told < next; told++)); do
			[ -n "${status[told]:-}" ] || break
			count "${names[told]}" "${status[told]}" "$(output_of "${names[told]}")" "${seconds[told]}"
		done
	done
}

output_of() { # test's name
	echo "$log/${1//[\/ ]/_}"
}

exec_timeout() { # test's name, command…
	exec timeout -k 10 "${VARVE_TEST_TIMEOUT:-600}" "${@:2}" >"$(output_of "$1")" 2>&1 </dev/null
}

# The longest of those that run beside others come first, so that no CPU waits for the last.
alone=() beside=()
add() { # list, test's name
	local -n list=$1
	wanted "$2" && list+=("$2")
}
if [ -z "$unit_only" ]; then
	for t in tests/system/test_*.sh tests/faults/test_*.sh tests/system/*.bats; do
		[ -e "$t" ] || continue
		if grep -q '^# RUN: beside others' "$t"; then add beside "${t#tests/}"; else add alone "${t#tests/}"; fi
	done
fi
for t in tests/unit/*/test_*.c; do
	[ -e "$t" ] || continue
	t=${t#tests/} t=${t%.c}
	[ -z "$unit_only" ] && [ -x "$O/san/tests/$t" ] && add beside "san/$t"
	add beside "$t"
done
add beside check_layers

disturb=() at_once=$(($(nproc) + 1))
[ -n "${VARVE_DISTURB:-}" ] && disturb=("$O/tests/workloads/disturb") at_once=1 && export VARVE_ATTEMPT=1
trap 'kill $(jobs -p) 2>/dev/null; wait; exit 130' INT TERM
run_all "$at_once" "${beside[@]}"
run_all 1 "${alone[@]}"
[ ${#failures[@]} -ne 0 ] && printf '\nfailed: %s\noutputs: %s\n' "${failures[*]}" "$log" || rm -rf "$log"
[ $((passed + failed + skipped)) -ne 0 ] || { echo "no test is named like that: ${patterns[*]}" >&2; failed=1; }
printf '%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
[ "$failed" -eq 0 ]
