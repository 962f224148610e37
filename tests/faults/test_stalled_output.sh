#!/usr/bin/env bash
# What the recording is written to takes nothing for a while: a reader of the pipe that stands still, a frozen file system. Both at once, each with a
# recorder of its own. Memory is bounded, what is lost meanwhile is counted and has its time, and recording goes on afterwards.
. "$(dirname "$0")/../lib.sh"
measures "$@"
test_init "$@"
needs_bpf
needs sqlite3

mkdir "$T/disk"
thaw() { fsfreeze -u "$T/disk" 2>/dev/null; }
trap 'thaw; test_cleanup' EXIT
frozen="" status="" rss=()
why="needs a loop device with ext4 that fsfreeze freezes"
truncate -s 64M "$T/image"
if mkfs.ext4 -q -F "$T/image" 2>/dev/null && mount -o loop "$T/image" "$T/disk" 2>/dev/null; then
	TEST_MOUNTS+=("$T/disk")
	fsfreeze -f "$T/disk" 2>/dev/null && thaw && frozen=1
fi

mkfifo "$T/pipe"
background reader sh -c "exec cat '$T/pipe' >'$T/p.varve'"
reader=$BG
background p sh -c "exec '$RECORD' -e on-cpu,sched,task,oom -a -o - >'$T/pipe'"
declare -A rec=([p]=$BG)
if [ -n "$frozen" ]; then
	recorder -e on-cpu,sched,task,oom -a -o "$T/disk/d.varve"
	rec[d]=$BG
	mv "$T/rec.err" "$T/d.err"
fi
await 60 has_begun "$T/p.varve" || { not_ok "the recorders begin"; test_done; }

# In which system call is it? write 1, poll 7, ppoll 271, pwrite64 18, fallocate 285; epoll_wait 232, epoll_pwait 281.
is_in() { # recorder, calls
	grep -qE "^($2) " "/proc/${rec[$1]}/syscall"
}
waits() { awk '/^voluntary/ { print $2 }' "/proc/${rec[$1]}/status"; }
is_idle() { # recorder, waits so far: it has come round its loop some times
	is_in "$1" '232|281' && [ "$(waits "$1")" -ge $(($2 + 5)) ]
}
clock() { awk '{ printf "%.0f", $1 * 1e9 }' /proc/uptime; }

"$W/storm" -n 20000 >"$T/truth1"
for r in "${!rec[@]}"; do await 60 is_idle "$r" "$(waits "$r")"; done
kill -STOP "$reader"
[ -z "$frozen" ] || fsfreeze -f "$T/disk"
stalled=$(clock)
"$W/storm" -n 300000 >"$T/truth2" # more switches than all rings and the pipe hold
stuck=
for r in "${!rec[@]}"; do await 60 is_in "$r" '1|7|271|18|285' && stuck+="$r"; done # it has a CPU, sooner or later, and gets no further
kill -CONT "$reader"
thaw
released=$(clock)
for r in "${!rec[@]}"; do await 100 is_idle "$r" "$(waits "$r")"; done
"$W/storm" -n 20000 >"$T/truth3"
for r in "${!rec[@]}"; do
	rss[${#rss[@]}]="$r $(awk '/^VmHWM/ { print $2 }' "/proc/${rec[$r]}/status")"
	kill -INT "${rec[$r]}"
	wait "${rec[$r]}"
	status+="$r$? "
done
wait "$reader"
[ -z "$frozen" ] || mv "$T/disk/d.varve" "$T/d.varve"

switches_of() { # pid of a storm: in $db
	ask "$db" "SELECT count(*) FROM sched_slice JOIN thread_v USING(utid) WHERE pid = $1 AND thread LIKE 'storm-p%'"
}
check() { # recorder, what stood still
	local db t0 lost got want
	case $stuck in *$1*) ok "$2: the recorder hangs in its write meanwhile" ;; *) not_ok "$2: the recorder hangs in its write meanwhile" "it hung: '$stuck'" ;; esac
	has "$2: it ends well" "$status" "$1"'0 '
	holds "$2: its memory stays below 128 MiB" "$(printf '%s\n' "${rss[@]}" | awk -v r="$1" '$1 == r { print $2 }') < 131072"
	is "$2: the recording is whole" "$("$REPORT" verify "$T/$1.varve" 2>&1 | tail -n 1 | sed 's/^ *//')" clean
	db=$(db_of "$T/$1.varve")
	t0=$(ask "$db" "SELECT value FROM meta WHERE key = 't0_mono_ns'")
	lost=$(ask "$db" "SELECT coalesce(sum(lost), 0) FROM loss WHERE stream = 'switch' AND reason = 'ring full' AND ts + $t0 < $released AND ts + dur_ns + $t0 > $stalled")
	holds "$2: switches of that time were lost, and the recording says when" "$lost > 50000"
	is "$2: none at another time" "$(ask "$db" "SELECT coalesce(sum(lost), 0) - $lost FROM loss WHERE stream = 'switch'")" 0
	is "$2: seen = written + lost in each stream" "$(ask "$db" "SELECT * FROM stream_total WHERE seen <> written + ring_full + map_full + user_dropped")" ""
	got=$(($(switches_of "$(truth "$T/truth1" pid)") + $(switches_of "$(truth "$T/truth2" pid)") + $(switches_of "$(truth "$T/truth3" pid)")))
	want=$(($(truth "$T/truth1" switches) + $(truth "$T/truth2" switches) + $(truth "$T/truth3" switches)))
	holds "$2: the storms' switches are recorded or lost" "$got + $lost >= $want - 20"
	near "$2: afterwards it goes on, with every switch" "$(switches_of "$(truth "$T/truth3" pid)")" "$(truth "$T/truth3" switches)" 6
}
check p "a reader stands still"
if [ -n "$frozen" ]; then check d "a disk stands still"; else skip "a disk stands still" "$why"; fi
test_done
