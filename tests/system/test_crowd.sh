#!/usr/bin/env bash
# Ten thousand threads at once: no task event is lost, samples go to the right process, memory stays bounded.
. "$(dirname "$0")/../lib.sh"
measures "$@"
test_init "$@"
needs_bpf
needs sqlite3
if [ "$(ulimit -u)" != unlimited ] && [ "$(ulimit -u)" -lt 12000 ]; then skip_all "needs 10,000 threads: ulimit -u is $(ulimit -u)"; fi

recorder -a -F 499 -o "$T/c.varve" || { not_ok "the recorder starts"; test_done; }
rec=$BG
"$W/threads10k" 10000 100 >"$T/truth" 2>&1
is "the program ran" $? 0
sleep 0.5
rss=$(awk '/^VmHWM/ { print $2 }' "/proc/$rec/status")
kill -INT "$rec"
wait "$rec"
is "the recorder ends with 0" $? 0
db=$(db_of "$T/c.varve")
pid=$(truth "$T/truth" pid)
is "every thread is a row" "$(ask "$db" "SELECT count(*) FROM thread_v WHERE pid = $pid AND thread = 'crowd'")" 10000
is "no task or OOM event was lost" "$(ask "$db" "SELECT coalesce(sum(lost), 0) FROM loss WHERE stream IN ('task', 'fork', 'exec', 'comm', 'exit', 'mapping', 'oom')")" 0
burn="s.stack_id IN $(through crowd_burn)"
n=$(ask "$db" "SELECT count(*) FROM sample s WHERE $burn")
mine=$(ask "$db" "SELECT count(*) FROM sample s JOIN thread_v USING(utid) WHERE pid = $pid AND $burn")
holds "at least 99.9 % of the crowd's samples have its pid" "$mine >= 0.999 * $n && $n > 100"
holds "peak memory is at most 128 MiB" "$rss <= 131072"
test_done
