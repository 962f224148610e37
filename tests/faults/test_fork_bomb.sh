#!/usr/bin/env bash
# A fork bomb in a pids cgroup, and an OOM kill in the midst of it: each process it made is recorded or counted as lost, the kill is there, and the
# recorder stays small.
. "$(dirname "$0")/../lib.sh"
measures "$@"
test_init "$@"
needs_bpf
needs sqlite3

# Either hierarchy; without one, the bomb's own limit is all there is.
pids_cgroup() { # name, limit
	local d
	for d in /sys/fs/cgroup /sys/fs/cgroup/unified /sys/fs/cgroup/pids; do
		[ "$d" = /sys/fs/cgroup/pids ] || { grep -qw pids "$d/cgroup.controllers" && echo +pids >"$d/cgroup.subtree_control"; } 2>/dev/null || continue
		mkdir -p "$d/$1" 2>/dev/null && echo "$2" >"$d/$1/pids.max" 2>/dev/null || continue
		PIDS=$d/$1
		TEST_CGROUPS+=("$PIDS")
		return
	done
	return 1
}

recorder -a -e all -o "$T/b.varve" || { not_ok "the recorder starts"; test_done; }
rec=$BG
began=$(cpu_ms "$rec") t=$(date +%s%N)
forks=${VARVE_BOMB_FORKS:-3000}
if pids_cgroup "varve-bomb-$$" 150; then
	background bomb in_cgroup "$PIDS" "$W/forkbomb" "$forks" 400
else
	background bomb "$W/forkbomb" "$forks" 150
fi
bomb=$BG
killed=0
if memory_cgroup "varve-bomb-oom-$$" 16; then
	(in_cgroup "$MEMCG" "$W/oomhog" 8 1) >"$T/hog" 2>&1
	killed=$?
fi
wait "$bomb"
echo "# $(($(cpu_ms "$rec") - began)) ms of CPU time in $((($(date +%s%N) - t) / 1000000)) ms; $(tr '\n' ' ' <"$T/bomb.out")"
rss=$(awk '/^VmHWM/ { print $2 }' "/proc/$rec/status")
kill -INT "$rec"
wait "$rec"
is "the recorder ends with 0" $? 0
holds "its memory stayed below 128 MiB" "$rss < 131072"
forks=$(truth "$T/bomb.out" forks) # the last ones may have been refused
holds "the bomb went off" "$forks > 1000"
[ -z "${PIDS:-}" ] || holds "and was refused more by its cgroup" "$(truth "$T/bomb.out" refused) > 0"
db=$(db_of "$T/b.varve")
lost() { ask "$db" "SELECT coalesce(sum(ring_full + map_full + user_dropped), 0) FROM stream_total WHERE stream IN ($1)"; }
recorded=$(ask "$db" "SELECT count(*) FROM process WHERE comm = 'forkbomb'")
gone=$(lost "'fork'")
echo "# $recorded recorded, $gone forks lost, $(lost "'exec', 'comm', 'exit'") other task events"
holds "each of its processes is recorded, or counted as lost" "$recorded + $gone >= $forks + 1"
is "seen = written + lost in each stream" "$(ask "$db" "SELECT * FROM stream_total WHERE seen <> written + ring_full + map_full + user_dropped")" ""
if [ -n "${MEMCG:-}" ]; then
	is "who grew out of its cgroup meanwhile was killed" "$killed" 137
	is "the kill is there" "$(ask "$db" "SELECT count(*) FROM oom WHERE victim_pid = $(truth "$T/hog" pid)")" 1
	is "none was lost" "$(lost "'oom'")" 0
else
	skip "an OOM kill meanwhile" "needs a memory cgroup"
fi
test_done
