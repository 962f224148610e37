#!/usr/bin/env bash
# A recording in segments: nothing is lost or told twice where one ends, each can be read alone and elsewhere, what is kept stays within its
# limit, and limits on size and space end a recording in good order.
. "$(dirname "$0")/../lib.sh"
measures "$@"
test_init "$@"
needs_bpf
needs sqlite3 ldd chroot
cd "$T" || exit 1
R=$REPORT
one() { # recording…, SELECT
	"$R" sql "${@:1:$#-1}" --format csv "${!#}" 2>>sql.err | tr -d '\r' | sed 1d
}
total_of() { du -cb "$1".*.varve 2>/dev/null | tail -n 1 | cut -f 1; }

# ---- switches: the kernel's own count, over all segments -----------------------------------------------------------------
"$RECORD" -e all --rotate 1s -o s.varve -- "$W/schedtruth" 3500 3500 2600 >truth 2>rec.err
is "a command's exit status comes back" $? 0
n=$(find . -name 's.0*.varve' | wc -l)
last=$(printf 's.%06d' "$n")
holds "there are segments" "$n >= 5"
has "the summary names the last, and how many there are" "$(cat rec.err)" "→ ${last/./\\.}\.varve and $((n - 1)) before it \]"
is "the lock is gone" "$(ls s.lock 2>&1 | grep -c '^s.lock')" 0
"$R" db s.0*.varve -o s.db 2>db.err
t0=$(ask s.db "SELECT value FROM meta WHERE key = 't0_mono_ns'")
bad=""
while read -r line; do
	eval "$(printf '%s\n' "$line" | tr ' ' '\n' | grep -E '^(name|tid|read|voluntary|involuntary)=[A-Za-z0-9-]*$')"
	got=$(ask s.db "SELECT count(*) FROM sched_slice JOIN thread USING(utid) WHERE tid = $tid AND sched_slice.ts + dur_ns <= $read - $t0")
	[ "$got" -eq $((voluntary + involuntary)) ] || bad+="$name: $got, the kernel says $((voluntary + involuntary)); "
done < <(grep '^thread ' truth)
is "each thread's switches over $n segments are those the kernel counted" "$bad" ""
is "each stream: seen = written + lost, and in the files is what was written" \
	"$(ask s.db "SELECT stream, seen, written, ring_full + map_full + user_dropped, imported FROM stream_total WHERE seen <> written + ring_full + map_full + user_dropped OR imported <> written")" ""
holds "of a stream that has many" "$(ask s.db "SELECT seen FROM stream_total WHERE stream = 'switch'") > 10000"
is "nothing was lost" "$(lost_in s.db)" ""
sum=0 alone=""
for f in s.0*.varve; do
	read -r seen written lost imported < <(one "$f" "SELECT seen||' '||written||' '||(ring_full+map_full+user_dropped)||' '||imported FROM stream_total WHERE stream = 'switch'")
	sum=$((sum + ${imported:-0}))
	[ "${seen:-x}" = $((written + lost)) ] && [ "$written" = "$imported" ] || alone+="$f: $seen $written $lost $imported; "
	"$R" verify "$f" >verify.out 2>&1 || alone+="$f: $(tail -n 1 verify.out); "
done
is "each segment alone: the same, and it is clean" "$alone" ""
is "their sum is the whole" "$sum" "$(ask s.db "SELECT imported FROM stream_total WHERE stream = 'switch'")"
is "the threads' accounts close over all of it" "$(ask s.db "SELECT comm, wall_ns FROM thread_account JOIN thread USING(utid)
	WHERE comm LIKE 'st-%' AND abs(running_ns + runq_ns + blocked_ns - wall_ns) > 0.01 * wall_ns")" ""

# ---- any order, joined, one missing ---------------------------------------------------------------------------------------
cat s.0*.varve >joined.varve
mapfile -t shuffled < <(ls s.0*.varve | sort -r)
question="SELECT count(*), sum(dur_ns), min(ts) FROM sched_slice"
is "given in another order: the same" "$(one "${shuffled[@]}" "$question")" "$(one s.0*.varve "$question")"
is "joined: the same" "$(one joined.varve "$question")" "$(one s.0*.varve "$question")"
is "folded: the same" "$("$R" folded joined.varve --event off-cpu | md5sum)" "$("$R" folded "${shuffled[@]}" --event off-cpu | md5sum)"
has "info: which segments" "$("$R" info s.0*.varve 2>&1)" "^  segments +0-$((n - 1))$"
out=$("$R" info s.000001.varve s.000002.varve "$last.varve" 2>&1)
is "a segment that is missing is no damage" $? 0
has "but said" "$out" "$((n - 3)) segments between those given are not here"
has "with its time" "$out" "recording +segments: 2 to $((n - 2)) are not here +1 .* [0-9.]+ +[0-9.]+"
cat s.000001.varve s.000003.varve >gap.varve
has "joined as well" "$("$R" info gap.varve 2>&1)" 'segments: 1 to 1 are not here'

# ---- waits: one that spans two segments is told once ------------------------------------------------------------------------
"$RECORD" -e all --off-cpu-thresh 0 --rotate 1s -o w.varve -- "$W/waiter" 16 100 >truth 2>rec.err
"$R" db w.0*.varve -o w.db 2>db.err
tid=$(truth truth waiter_tid) t0=$(ask w.db "SELECT value FROM meta WHERE key = 't0_mono_ns'")
# How much of a stretch the rows of a table cover.
covered() { # table, begin, end
	echo "SELECT coalesce(sum(min(w.ts + w.dur_ns, $3) - max(w.ts, $2)), 0) FROM $1 w JOIN thread USING(utid) WHERE tid = $tid AND w.ts < $3 AND w.ts + w.dur_ns > $2"
}
bad="" cnt=0
while read -r kind begin end ns; do
	cnt=$((cnt + 1)) least=0
	case $kind in sleep | vfork) least=100e6 ;; esac # the others' may have begun without them
	# a thread waits or runs: told once, both make up the stretch; a wait told twice, or a half of it, does not
	read -r waits runs < <(ask w.db "SELECT ($(covered offcpu $((begin - t0)) $((end - t0)))), ($(covered sched_slice $((begin - t0)) $((end - t0))))")
	awk "BEGIN { exit !($waits > 0.98 * $least && ($waits + $runs) / $ns > 0.98 && ($waits + $runs) / $ns < 1.02) }" || bad+="$kind of $ns ns at $begin: $waits of waits, $runs running; "
done < <(sed -n 's/^wait kind=\([a-z]*\) .*begin=\([0-9]*\) end=\([0-9]*\) ns=\([0-9]*\)/\1 \2 \3 \4/p' truth)
is "each of $cnt waits over $(find . -name 'w.0*.varve' | wc -l) segments is there once" "$bad" ""
holds "and they were the many that were made" "$cnt == 64"

# ---- each segment names its own, where nothing else is ----------------------------------------------------------------------
"$RECORD" -F 999 --rotate 1s --keep 3 -o n.varve -- "$W/split50" 7 >truth 2>rec.err
is "--keep 3: three complete ones and the last are left" "$(ls n.0*.varve | wc -l)" 4
root=$T/root
mkdir -p "$root/tmp"
for lib in $(ldd "$REPORT" | grep -o '/[^ ]*'); do mkdir -p "$root$(dirname "$lib")" && cp -L "$lib" "$root$lib"; done
cp "$REPORT" "$root/varve-report"
cp n.0*.varve "$root/"
bad="" named=0
for f in n.0*.varve; do
	XDG_CACHE_HOME=/tmp chroot "$root" /varve-report folded "/$f" --comm split50-worker >there 2>there.err
	# the last one may be over before the program runs again
	[ "$(one "$f" "SELECT count(*) FROM sample JOIN thread USING(utid) WHERE comm = 'split50-worker'")" -gt 20 ] || continue
	named=$((named + 1))
	grep -q ';work_[a-z]*' there || bad+="$f: $(head -n 2 there there.err); "
	XDG_CACHE_HOME=/tmp chroot "$root" /varve-report info "/$f" --min-named 99 >info.out 2>&1 || bad+="$f: less than 99 % of its frames have names; "
done
is "in an empty root each of them alone has its names" "$bad" ""
holds "of the complete ones at the least two" "$named >= 2"
share=$("$R" folded n.0*.varve --comm split50-worker | leaf_share work_fifty)
near "and together the truth" "$share" 50 "$(share_tolerance 50 "$("$R" folded n.0*.varve --comm split50-worker | awk '{ s += $NF } END { print s }')" 2)"

# ---- what is kept -------------------------------------------------------------------------------------------------------
background rec "$RECORD" -e all --rotate 256K --keep 1M -o k.varve -- "$W/storm" -n 2000000
most=0 largest=0 looks=0
while kill -0 "$BG" 2>/dev/null; do
	find . -name 'k.0*.varve' -printf '%f %s\n' 2>/dev/null | sort | head -n -1 >>sizes # but of the last, which is being written
	read -r sum big < <(find . -name 'k.0*.varve' -printf '%s\n' 2>/dev/null | awk '{ s += $1; if ($1 > m) m = $1 } END { print s + 0, m + 0 }')
	[ "$sum" -gt "$most" ] && most=$sum
	[ "$big" -gt "$largest" ] && largest=$big
	looks=$((looks + 1))
	sleep 0.05
done
wait "$BG"
last=$(ls k.0*.varve | tail -n 1 | grep -o '[1-9][0-9]*\.varve')
holds "--keep 1M: many segments came and went (made, left)" "${last%.varve} > $(ls k.0*.varve | wc -l)"
holds "never more than the limit and one segment, in $looks looks" "$most <= 1048576 + $largest && $looks > 10"
# What is in the rings when it is full, and what comes while its names are read, is in it as well: on a machine with much to do, up to a megabyte; and what is open is taken for a third of its bytes, which is more than storms take.
half=$(sort -u sizes | awk '{ print $2 }' | sort -n | awk '{ s[NR] = $1 } END { print s[int((NR + 1) / 2)] }')
holds "segments are about as large as was asked" "${half:-0} > 60000 && ${half:-0} < 700000"
has "what is left is read, and says that it is not all" "$("$R" info k.0*.varve 2>&1)" '^  segments +[1-9][0-9]*-'
is "and is whole" "$("$R" verify k.0*.varve | grep -c '^  clean$')" "$(ls k.0*.varve | wc -l)"

# ---- one recorder at a time; numbers go on ------------------------------------------------------------------------------
rm -f l.*
background first "$RECORD" --rotate 1m -o l.varve -p $$
await 60 has_begun l.000001.varve
out=$("$RECORD" --rotate 1m -o l -p $$ --duration 1 2>&1)
is "a second recorder of the same segments exits with 2" $? 2
has "and says why" "$out" "another recorder writes these segments"
kill -KILL "$BG"
wait "$BG" 2>/dev/null
"$RECORD" --rotate 1m -o l.varve -p $$ --duration 1 2>rec.err
is "a recorder that was killed is in nobody's way" $? 0
is "and its file stays" "$(ls l.0*.varve | tr '\n' ' ')" "l.000001.varve l.000002.varve "
is "two recorders, two recordings" "$(one l.0*.varve "SELECT count(*) FROM recording")" 2
"$RECORD" --rotate 1m -f -o l.varve -p $$ --duration 1 2>rec.err
is "-f begins anew" "$(ls l.0*.varve | tr '\n' ' ')" "l.000001.varve "

# ---- limits ----------------------------------------------------------------------------------------------------------------
"$RECORD" -e all --off-cpu-thresh 0 --max-size 1M -o m.varve -- "$W/storm" -n 1000000 >storm.out 2>rec.err
is "--max-size: the exit status is the command's" $? 0
has "which went on to its end" "$(cat storm.out)" '^handovers='
has "and is said" "$(cat rec.err)" 'max-size is reached'
size=$(stat -c %s m.varve)
holds "the file has at most that" "$size <= 1048576 && $size > 600000"
has "and says why it ended" "$("$R" info m.varve 2>&1)" '^  ended +size reached$'
holds "with names" "$("$R" folded m.varve --event off-cpu | grep -c 'futex_\|;main') > 0"
"$RECORD" -e all --rotate 256K --max-size 1M -o ms.varve -- "$W/storm" -n 1000000 >storm.out 2>rec.err
holds "--max-size counts all segments" "$(total_of ms) <= 1048576 && $(total_of ms) > 600000"
mkdir small
if mount -t tmpfs -o size=8m none small 2>/dev/null; then
	TEST_MOUNTS+=("$T/small")
	"$RECORD" -e all --min-free 7M -o small/f.varve -- "$W/storm" -n 1000000 >storm.out 2>rec.err
	is "--min-free: the exit status is the command's" $? 0
	has "and it is said" "$(cat rec.err)" 'less left than --min-free'
	holds "so much is left, but for the last pieces" "$(df --output=avail -B1 small | tail -n 1) > 6200000"
	cp small/f.varve f.varve
	has "the file says why it ended" "$("$R" info f.varve 2>&1)" '^  ended +little space left$'
	rm -f small/*
	"$RECORD" -e all --min-free 6500K --rotate 256K --keep 100 -o small/g.varve -- "$W/storm" -n 2000000 >storm.out 2>rec.err
	cp small/g.0*.varve .
	has "with --keep, the oldest go instead" "$("$R" info g.0*.varve 2>&1)" '^  ended +target exited$'
	holds "of many" "$(ls g.0*.varve | tail -n 1 | grep -o '[1-9][0-9]*\.varve' | cut -d. -f1) > $(ls g.0*.varve | wc -l)"
else
	skip "--min-free" "mount is refused"
fi

# ---- refused ---------------------------------------------------------------------------------------------------------------
out=$("$RECORD" --rotate 10M -o - -p $$ 2>&1 >/dev/null)
is "segments into a pipe are refused" "$? $(printf '%s' "$out" | grep -c -- '-o -')" "2 1"
out=$("$RECORD" --rotate 10M --keep 12M -p $$ 2>&1)
is "and a limit that has no room for two" "$?" 2
test_done
