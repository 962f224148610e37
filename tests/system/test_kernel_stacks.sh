#!/usr/bin/env bash
# Kernel stacks that are remembered (waits below 50 us are recorded) are those that are walked (they are not): of a thread that waits in four
# ways in turn, by the same instruction, and of who wakes it.
. "$(dirname "$0")/../lib.sh"
measures "$@"
test_init "$@"
needs_bpf
needs sqlite3

# The distinct kernel parts of the waits of 100 us or more, each behind the kind of wait, and of their wakers: with a mark behind those that are more than
# one in 20 of their kind. That a lock in the kernel was held just then happens in one recording and not in the other: but what is common in one is there in both.
marked() { awk '{ n = $NF; sub(/ [0-9]+$/, ""); split($0, a, ";"); cnt[$0] += n; all[a[1]] += n } END { for (s in cnt) { split(s, a, ";"); print s (cnt[s] >= 0.05 * all[a[1]] ? " common" : "") } }' | sort; }
lacking() { # kind, recording, the other: what is common in the one and not at all in the other
	grep "^$1;.* common$" "$T/$2" | sed 's/ common$//' | grep -vxFf <(sed 's/ common$//' "$T/$3")
}
stacks_of() { # recording
	local tid
	tid=$(truth "$T/ks.out" tid)
	"$REPORT" folded "$1" --event off-cpu --tid "$tid" --state S --weight samples --where 'dur_ns > 100000' >"$T/folded" 2>>"$T/err"
	sed -n 's/^.*;\(ks_[a-z]*\);/\1;/; /^ks_/p' "$T/folded" | marked
	"$REPORT" folded "$1" --event off-cpu --offwake --tid "$tid" --state S --weight samples --where 'dur_ns > 100000' >"$T/folded" 2>>"$T/err"
	sed -n 's/^.*;\(ks_[a-z]*\);.*;partner_\[w\];/\1 by partner;/; /^ks_[a-z]* by/p' "$T/folded" | marked
}
known() { ask "$(db_of "$1")" "SELECT coalesce(max(value), 0) FROM counter WHERE name = 'varve.unwind.kernel_stacks_known'"; }

"$RECORD" -q -e off-cpu,task --off-cpu-thresh 60us -o "$T/walked.varve" -- "$W/kstacks" >"$T/ks.out" 2>"$T/err"
is "recorded, all walked" "$?" 0
stacks_of "$T/walked.varve" >"$T/walked"
n=$(known "$T/walked.varve")
holds "none was known" "${n:-1} == 0"
"$RECORD" -q -e off-cpu,task --off-cpu-thresh 40us -o "$T/known.varve" -- "$W/kstacks" >"$T/ks.out" 2>"$T/err"
is "recorded, those remembered not walked" "$?" 0
stacks_of "$T/known.varve" >"$T/known"
n=$(known "$T/known.varve")
holds "half of the 7,000 of waits and wakers or more were known" "${n:-0} >= 3500"
for kind in sleep pipe poll futex; do
	holds "there are kernel stacks of ks_$kind" "$(grep -c "^ks_$kind;.* common$" "$T/walked") >= 1 && $(grep -c "^ks_$kind;.* common$" "$T/known") >= 1"
	is "ks_$kind: known as walked" "$(lacking "ks_$kind" known walked)$(lacking "ks_$kind" walked known)" ""
done
for kind in pipe poll futex; do
	holds "there are wakers of ks_$kind" "$(grep -c "^ks_$kind by partner;.* common$" "$T/walked") >= 1 && $(grep -c "^ks_$kind by partner;.* common$" "$T/known") >= 1"
	is "who wakes ks_$kind: known as walked" "$(lacking "ks_$kind by partner" known walked)$(lacking "ks_$kind by partner" walked known)" ""
done
test_done
