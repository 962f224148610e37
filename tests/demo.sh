#!/usr/bin/env bash
# What varve is for, in one go: records this host for 5 s while a mixed workload runs and a process is OOM-killed in a memory cgroup,
# reports it, and shows the answers. Files stay in a directory that is printed.
#   tests/demo.sh [BUILD_DIR [OUTPUT_DIR]]
set -u
here=$(cd "$(dirname "$0")/.." && pwd)
O=${1:-$here/build}
case $O in /*) ;; *) O=$PWD/$O ;; esac
W=$O/tests/workloads
out=${2:-$(mktemp -d "${TMPDIR:-/tmp}/varve-demo.XXXXXX")}
pids=() cgroup=""
if [ "$(id -u)" -ne 0 ]; then
	command -v sudo >/dev/null || { echo "demo: recording needs root: run as root, or install sudo" >&2; exit 1; }
	exec sudo "$0" "$O" "$out"
fi
mkdir -p "$out" && cd "$out" || exit 1

leave() {
	local p
	for p in "${pids[@]}"; do kill -KILL "$p" 2>/dev/null; done
	wait 2>/dev/null
	[ -n "$cgroup" ] && rmdir "$cgroup" 2>/dev/null
}
trap leave EXIT
trap 'exit 130' INT TERM

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then bold=$'\e[1m' dim=$'\e[2m' off=$'\e[0m'; else bold="" dim="" off=""; fi
title() { printf '\n%s%s%s\n' "$bold" "$1" "$off"; }
shown() { printf '%s$ %s%s\n' "$dim" "$1" "$off"; }
die() { echo "demo: $*" >&2; exit 1; }

# Limits the hog to 64 MiB: under cgroup v2 where memory is there, else v1.
make_cgroup() {
	local root name=varve-demo-$$
	for root in /sys/fs/cgroup /sys/fs/cgroup/unified; do
		grep -qw memory "$root/cgroup.controllers" 2>/dev/null || continue
		echo +memory >"$root/cgroup.subtree_control" 2>/dev/null
		mkdir "$root/$name" 2>/dev/null && [ -e "$root/$name/memory.max" ] || continue
		echo $((64 << 20)) >"$root/$name/memory.max" && cgroup=$root/$name && return
	done
	mkdir "/sys/fs/cgroup/memory/$name" 2>/dev/null || return 1
	cgroup=/sys/fs/cgroup/memory/$name
	echo $((64 << 20)) >"$cgroup/memory.limit_in_bytes"
}

title "Recording this host for 5 s: CPU, locks, pipes, disk, short processes, and one process out of memory"
"$W/mixed" 6.5 "$out" >workload.txt 2>&1 &
pids+=($!)
if make_cgroup; then
	(sleep 1.5 && exec sh -c 'echo $$ >"$0/cgroup.procs" && exec "$@"' "$cgroup" "$W/oomhog" 32 3000 4) >oomhog.txt 2>&1 &
	pids+=($!)
	disown # its end is meant to be violent: no job notice
else
	echo "(no memory cgroup can be made here: the OOM kill is left out)"
fi
sleep 0.3
shown "varve-record -a -F 999 --duration 5 -o demo.varve"
"$O/varve-record" -a -F 999 --duration 5 -f -o demo.varve || die "recording failed"
{ wait; } 2>/dev/null
pids=()

title "Reporting it"
shown "varve-report db demo.varve -o demo.db"
"$O/varve-report" db demo.varve -o demo.db || die "no database"
for event in on-cpu off-cpu run-queue wakeup oom; do
	"$O/varve-report" folded demo.db --event $event >"$event.folded" 2>"$event.err" || { sed 's/^/  /' "$event.err"; }
	[ -s "$event.err" ] || rm -f "$event.err"
	[ -s "$event.folded" ] || rm -f "$event.folded"
done

query() { "$O/varve-report" sql demo.db "$1"; }
app="t.process = 'mixed'"

title "Where the CPU time went (top functions of the workload, self time)"
query "SELECT fn.name AS function, printf('%.0f', sum(s.weight_ns) / 1e6) AS cpu_ms, printf('%.1f %%', 100.0 * sum(s.weight_ns) / (SELECT sum(weight_ns) FROM sample)) AS of_all, group_concat(DISTINCT t.thread) AS threads
	FROM sample s JOIN thread_v t USING(utid) JOIN stack k ON k.id = s.stack_id JOIN frame f ON f.id = k.frame_id JOIN function fn ON fn.id = f.function_id
	WHERE $app GROUP BY fn.id ORDER BY sum(s.weight_ns) DESC LIMIT 8"

# The innermost function of the program itself says more of a wait than the kernel's schedule() at its leaf.
title "Where it waited (by the workload's own function, state and waker)"
query "WITH RECURSIVE up(id, node, hop) AS (SELECT DISTINCT stack_id, stack_id, 0 FROM offcpu JOIN thread_v t USING(utid) WHERE $app AND stack_id IS NOT NULL
	UNION ALL SELECT up.id, s.parent_id, hop + 1 FROM up JOIN stack s ON s.id = up.node WHERE s.parent_id IS NOT NULL),
	own AS (SELECT up.id, fn.name, min(hop) FROM up JOIN stack s ON s.id = up.node JOIN frame f ON f.id = s.frame_id JOIN function fn ON fn.id = f.function_id JOIN image i ON i.id = f.image_id
		WHERE i.path LIKE '%/mixed' AND fn.name NOT LIKE 'sleep_ns%' AND fn.name NOT LIKE '%@plt' GROUP BY up.id)
	SELECT own.name AS function, t.thread AS thread, o.state AS state, count(*) AS waits, printf('%.0f', sum(o.dur_ns) / 1e6) AS total_ms, printf('%.1f', max(o.dur_ns) / 1e6) AS max_ms, coalesce((SELECT w.comm FROM thread w WHERE w.utid = o.waker_utid), '(timer or device)') AS woken_by
	FROM offcpu o JOIN own ON own.id = o.stack_id JOIN thread_v t USING(utid) GROUP BY 1, 2, 3, 7 HAVING sum(o.dur_ns) > 20000000 ORDER BY sum(o.dur_ns) DESC LIMIT 10"

title "How long ready threads waited for a CPU (run-queue latency, whole host)"
query "SELECT CASE WHEN from_us >= 1000 THEN printf('%5d ms', from_us / 1000) ELSE printf('%5d us', from_us) END AS at_least, count, bar FROM runq_histogram ORDER BY slot"

title "Processes that came and went"
query "SELECT comm, count(*) AS started, sum(exit_ts IS NOT NULL) AS ended, sum(coalesce(exit_code, 0) <> 0) AS with_error, sum(coalesce(exit_signal, 0) <> 0) AS by_signal FROM process WHERE start_ts > 0 GROUP BY comm ORDER BY 2 DESC LIMIT 6"

title "Killed for want of memory"
query "SELECT wall, victim_comm AS victim, victim_pid AS pid, scope, cgroup, limit_bytes >> 20 AS limit_mib, anon_rss_kb >> 10 AS anon_mib, shmem_rss_kb >> 10 AS shmem_mib, oom_score_adj AS adj FROM oom_report"
printf '\nThe allocation that did it, root first ([k]: kernel):\n'
query "SELECT folded FROM oom JOIN stack_text USING(stack_id) LIMIT 1" | sed 1d | sed 's/;/ > /g; s/_\[k\]/[k]/g' | fold -s -w 108 | sed 's/^/  /'
printf '\nThe largest tasks in the last snapshot before it:\n'
query "SELECT comm, pid, rss_mib, note FROM (SELECT k.comm, k.pid, k.rss_kb >> 10 AS rss_mib, CASE WHEN k.pid = o.victim_pid THEN 'victim' ELSE '' END AS note, k.pid = o.victim_pid AS first, k.rss_kb
	FROM oom_task k JOIN oom o ON o.id = k.oom_id ORDER BY first DESC, k.rss_kb DESC LIMIT 5)"

title "Can it be trusted?"
query "SELECT * FROM quality"

title "The files"
for f in demo.varve demo.db *.folded; do
	[ -e "$f" ] && printf '  %-58s %10s\n' "$out/$f" "$(numfmt --to=iec --suffix=B "$(stat -c %s "$f")")"
done
printf '\n  next:  %s %s/demo.varve\n         %s flame %s/demo.varve -o demo.html\n         %s sql --list\n' "$O/varve-report" "$out" "$O/varve-report" "$out" "$O/varve-report"
