#!/usr/bin/env bash
# True stacks: the corpus of constructs, each program's known chain a contiguous part of its stacks; spinning, then blocked.
. "$(dirname "$0")/../lib.sh"
measures "$@"
test_init "$@"
needs_bpf
needs python3 g++

python3 "$TESTS/system/stacks_grade.py" "$O" --keep "$T/run" --seconds 0.6 --freq 499 >"$T/spin" 2>&1 </dev/null
python3 "$TESTS/system/stacks_grade.py" "$O" --keep "$T/run" --seconds 1.6 --freq 499 --block >"$T/block" 2>&1 </dev/null
for language in go rust node py; do
	n=$(grep -c "^$language-" "$O/tests/workloads/corpus/list")
	holds "the corpus has programs in $language" "$n >= 3"
done
# one TAP stream of two
for f in spin block; do
	grep "^# \[" "$T/$f"
	grep -qE '^1\.\.[1-9]' "$T/$f" || not_ok "the corpus was run and graded ($f)" "$(tail -n 5 "$T/$f")"
	others= # the most common stacks that are not the chain, printed before the construct they are of
	while read -r line; do
		case $line in
		'# '[0-9]*) others+=${line#\# }$'\n' ;;
		'ok '*) ok "${line#*- }" ;;
		'not ok '*) not_ok "${line#*- }" "$others" ;;
		esac
		[[ $line == \#* ]] || others=
	done <"$T/$f"
done
test_done
