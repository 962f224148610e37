# shellcheck shell=bash
# The corpus of stacks beside `perf record --call-graph dwarf` (16 KiB of stack a sample), both in the same run. perf's reading back takes
# minutes: it unwinds each sample's copy of the stack.

echo "stacks: the corpus, beside perf…"
python3 "$TESTS/system/stacks_grade.py" "$O" ${perf:+--perf} --seconds 0.7 --freq 199 >"$T/stacks" 2>&1 </dev/null
sed -n 's/^\(ok\|not ok\) [0-9]* - stack_\(.*\)/  \1 \2/p; /^# ahead/p' "$T/stacks"
v=$(grep -c '^not ok' "$T/stacks")
goal "constructs whose true chain is in fewer than 95 % of their samples: none of $(grep -cE '^(not )?ok' "$T/stacks")" "$v" "$v == 0"
v=$(sed -n 's/^# ahead of .* on \([0-9]*\) constructs.*/\1/p' "$T/stacks")
goal "constructs on which perf's dwarf stacks fail and ours do not: 15 or more" "$v" "${v:-0} >= 15"
v=$(sed -n 's/^# ahead of .* behind on \([0-9]*\)$/\1/p' "$T/stacks")
goal "constructs on which perf's are better by more than 3 points: none" "$v" "${v:-1} == 0"
