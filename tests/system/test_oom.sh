#!/usr/bin/env bash
# A process OOM-killed in a memory cgroup is one row: victim, cgroup, limit, memory by kind, the allocating stack with names, and
# the largest tasks of a snapshot taken before.
. "$(dirname "$0")/../lib.sh"
measures "$@"
test_init "$@"
needs_bpf
needs sqlite3
memory_cgroup "varve-oom-$$" 64 || skip_all "needs a memory cgroup: neither v1 nor v2 can be had here"

# The hog rests at 40 MiB long enough for a snapshot of the largest tasks to see it.
recorder -a -F 99 --duration 120 -o "$T/o.varve" || { not_ok "the recorder starts"; test_done; }
rec=$BG
(in_cgroup "$MEMCG" "$W/oomhog" 40 4000 4) >"$T/truth" 2>&1
is "the hog was killed" $? 137
kill -INT "$rec"
wait "$rec"
is "the recorder ends with 0 after Ctrl-C" $? 0
has "its summary tells of the kill" "$(summary "$T/rec.err")" '1 OOM kill'

db=$(db_of "$T/o.varve")
pid=$(truth "$T/truth" pid)
is "the hog's kill is one row" "$(ask "$db" "SELECT count(*) FROM oom WHERE victim_pid = $pid")" 1
row() { ask "$db" "SELECT $1 FROM oom LEFT JOIN cgroup g ON g.id = oom.cgroup_id WHERE victim_pid = $pid"; }
is "victim's name" "$(row victim_comm)" oomhog
is "scope" "$(row scope)" memcg
is "cgroup" "$(row g.path)" "$MEMCG_PATH"
is "limit" "$(row limit_bytes)" $((64 << 20))
holds "usage is at the limit" "$(row 'coalesce(usage_bytes, 0)') >= 0.97 * $((64 << 20))"
holds "anonymous memory fills what shared memory left" "$(row 'coalesce(anon_rss_kb, 0)') > 55000 && $(row 'coalesce(anon_rss_kb, 0)') < 65536"
# The kernel counts pages per CPU, and adds 32 or twice the CPUs at a time to the sum that it tells.
batch=$(nproc) && batch=$((batch > 16 ? 2 * batch : 32))
near "shared memory in KiB" "$(row shmem_rss_kb)" "$(truth "$T/truth" shmem_kb)" $((4 * batch * $(nproc)))
holds "page tables" "$(row 'coalesce(pgtables_kb, 0)') > 50"
is "oom_score_adj" "$(row oom_score_adj)" 0
is "the allocating thread is the hog itself" "$(ask "$db" "SELECT t.tid FROM oom JOIN thread t ON t.utid = trigger_utid WHERE victim_pid = $pid")" "$pid"
is "the victim's process row says how it ended" "$(ask "$db" "SELECT exit_signal FROM process WHERE upid = (SELECT victim_upid FROM oom WHERE victim_pid = $pid)")" 9
folded=$(ask "$db" "SELECT folded FROM oom JOIN stack_text USING(stack_id) WHERE victim_pid = $pid")
has "the allocating stack leads from main to the page fault, with names" "$folded" 'main;hog_grow;hog_touch;.*(fault|charge).*oom'
hasnt "no frame of it is without a name" "$folded" '\[unknown|0x[0-9a-f]{6}'
holds "the snapshot of the largest tasks was taken before" "$(ask "$db" "SELECT count(*) FROM oom_task k JOIN oom o ON o.id = k.oom_id WHERE o.victim_pid = $pid") >= 3"
rss=$(ask "$db" "SELECT coalesce(max(k.rss_kb), 0) FROM oom_task k JOIN oom o ON o.id = k.oom_id WHERE o.victim_pid = $pid AND k.pid = $pid")
# or a little later: what was looked at while it was being killed has all that the limit allows, and its files' pages
holds "the hog is in it with the memory it had while it rested (40 MiB and 4 shared), or more: $rss KiB" "$rss > 43000 && $rss < 72000"

has "folded --event oom gives the allocating stack" "$("$REPORT" folded "$T/o.varve" --event oom 2>&1)" '^oomhog;.*hog_touch'
holds "memory over time is recorded" "$(ask "$db" "SELECT count(DISTINCT ts) FROM counter WHERE name LIKE 'mem%'") >= 2"
holds "pressure over time is recorded" "$([ -e /proc/pressure/memory ] && ask "$db" "SELECT count(DISTINCT ts) FROM counter WHERE name LIKE 'psi.%'" || echo 2) >= 2"
test_done
