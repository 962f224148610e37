#!/usr/bin/env bash
# A recorder that runs for weeks: programs, files, libraries, threads and control groups that came and went leave nothing behind in it once they
# are over and told, while what it has told stays right. What is judged are the sizes of its tables, which it records itself.
. "$(dirname "$0")/../lib.sh"
measures "$@"
test_init "$@"
needs_bpf
needs sqlite3
cd "$T" || exit 1
R=$REPORT
COUNT=1200 # of processes (twice), libraries, threads
one() { # recording, SELECT
	"$R" sql "$1" --format csv "$2" 2>>sql.err | tr -d '\r' | sed 1d
}
sizes() { # recording, first|last: NAME=VALUE of each table
	local way=max
	[ "$2" = first ] && way=min
	one "$1" "SELECT substr(name, 7)||'='||CAST(value AS INT) FROM counter WHERE scope = 'varve' AND id IN (SELECT $way(id) FROM counter WHERE scope = 'varve' GROUP BY name)"
}
of() { # sizes, NAME
	sed -n "s/^$2=//p" <<<"$1"
}
complete() { # the newest segment that has its end
	find . -name 's.0*.varve' | sort | tail -n 2 | head -n 1
}
cg=$(for d in /sys/fs/cgroup/cpu /sys/fs/cgroup /sys/fs/cgroup/unified; do mkdir "$d/varve-weeks.$$" 2>/dev/null && [ -e "$d/varve-weeks.$$/cgroup.procs" ] && echo "$d/varve-weeks.$$" && break; done)
[ -n "$cg" ] && TEST_CGROUPS+=("$cg")

background rec "$RECORD" -a -F 499 --rotate 2s -o s
rec=$BG
await 60 test -e s.000002.varve
fds=$(ls "/proc/$rec/fd" | wc -l)
mkdir work
"$W/weeks" "$COUNT" work ${cg:+"$cg"} >truth 2>weeks.err
is "what weeks bring is made" "$? $(grep -c "=$COUNT$" truth)" "0 4"
busy=$(find . -name 's.0*.varve' | sort | tail -n 1) # the workload's last seconds are in it, or in the one before
before=$(sizes s.000001.varve first)
bound() { # NAME: what it may have in the end: what it had, and some hundred for what else this machine does
	echo "$(of "$before" "$1") + 300"
}
is_over() { # whether each table is within its bound
	local n now
	now=$(sizes "$(complete)" last)
	for n in modules modules_of_writer files_held cgroups unwind.modules; do
		[ "$(of "$now" $n)" -le $(($(bound $n))) ] || return 1
	done
}
# ended tasks are kept for 10 s, a removed control group for 10 s after a segment's begin
for ((i = 0; i < 30; i++)); do
	sleep 2
	is_over && break
done
after=$(sizes "$(complete)" last)
fds_after=$(ls "/proc/$rec/fd" | wc -l)
kill -INT "$rec"
wait "$rec"
is "the recorder ends well" $? 0
full=$(for f in s.0*.varve; do of "$(sizes "$f" last)" modules; done | sort -n | tail -n 1)
holds "it knew many modules at once" "$full > 500"
for n in modules modules_of_writer files_held cgroups unwind.modules; do
	holds "$n: gone in the end" "$(of "$after" $n) <= $(bound $n)"
done
holds "so are the descriptors" "$fds_after <= $fds + 300"
holds "the frames that are to be named are those of one segment" "$(of "$after" frames_to_name) < 20000"
is "nothing was lost in the unwinder's tables" "$(of "$after" unwind.modules_no_room) $(of "$after" unwind.updates_failed)" "0 0"

# ---- and what it told is right --------------------------------------------------------------------------------------------
# each file is a copy of the same program: with its own name, where it is another's there is another build's
"$R" db "$busy" -o busy.db 2>db.err || cat db.err
is "each of the programs' frames is in what such a program maps" "$(ask busy.db "
	WITH RECURSIVE up(id) AS (SELECT stack_id FROM sample JOIN thread_v USING(utid) WHERE thread = 'weeks-child' UNION SELECT parent_id FROM stack JOIN up USING(id) WHERE parent_id IS NOT NULL)
	SELECT DISTINCT kind, path FROM stack JOIN up USING(id) JOIN frame f ON f.id = frame_id JOIN image i ON i.id = f.image_id
	WHERE kind = 'elf' AND path NOT GLOB '*weeks-[0-9]*' AND path NOT GLOB '*/weeks' AND path NOT GLOB '*/libc*' AND path NOT GLOB '*/ld-*'" 2>&1 | head -n 5)" ""
"$R" folded s.0*.varve | grep -E ';thread_main;.*(left|right)' >threads.folded
holds "stacks of what lives on are there" "$(wc -l <threads.folded) > 0"
is "and all of each has names" "$(grep -cE 'unknown|weeks\+0x' threads.folded)" 0
is "every segment is whole" "$("$R" verify s.0*.varve | grep -c '^  clean$')" "$(find . -name 's.0*.varve' | wc -l)"
test_done
