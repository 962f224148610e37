#!/usr/bin/env bash
# The recorder in a memory cgroup: 64 MiB are enough for what it does by default, and where it is killed for want of memory (which it records itself,
# among other OOM kills) what it had written is whole.
. "$(dirname "$0")/../lib.sh"
measures "$@"
test_init "$@"
needs_bpf
needs sqlite3
memory_cgroup "varve-limit-$$" 64 || skip_all "needs a memory cgroup: neither v1 nor v2 can be had here"
killed() { # OOM kills of this cgroup so far
	sed -n 's/^oom_kill //p' "$MEMCG/memory.events" "$MEMCG/memory.oom_control" 2>/dev/null | tail -n 1
}

background load "$W/split50" 600 2
load=$BG
(in_cgroup "$MEMCG" "$RECORD" -a --duration 2 -o "$T/d.varve") 2>"$T/d.err"
is "64 MiB: it records" $? 0
is "64 MiB: nobody was killed" "$(killed)" 0
is "64 MiB: the recording is whole" "$("$REPORT" verify "$T/d.varve" | tail -n 1 | sed 's/^ *//')" clean
holds "64 MiB: with samples of the load" "$(ask "$(db_of "$T/d.varve")" "SELECT count(*) FROM sample JOIN thread_v USING(utid) WHERE pid = $load") > 20"

rm -f "$T/s.varve"
for f in memory.max memory.limit_in_bytes; do [ -e "$MEMCG/$f" ] && echo $((20 << 20)) >"$MEMCG/$f"; done
(in_cgroup "$MEMCG" timeout 60 "$RECORD" -a --duration 200ms -o "$T/s.varve") 2>"$T/s.err"
rc=$?
holds "20 MiB, less than its maps take: refused, or killed" "$rc == 125 || $rc == 137"
if [ "$rc" -eq 125 ]; then
	has "it says what is needed" "$(tr '\n' ' ' <"$T/s.err")" 'ENOMEM.* hint: .* [1-9][0-9]* MiB: more memory for its cgroup'
	is "and leaves nothing behind" "$(ls "$T/s.varve" 2>/dev/null)" ""
fi
before=$(killed)
for f in memory.limit_in_bytes memory.max; do [ -e "$MEMCG/$f" ] && echo $((64 << 20)) >"$MEMCG/$f"; done

# Who shares the cgroup takes what is left. The kernel chooses the recorder, whatever its size: that is asked for.
background rec in_cgroup "$MEMCG" "$RECORD" -a -e all -F 499 -o "$T/k.varve"
rec=$BG
has_samples() { [ "$("$REPORT" verify "$T/k.varve" 2>/dev/null | awk '$1 == "SAMPLE" { print $2 }')" -ge 1 ]; }
await 60 has_samples || not_ok "the recorder writes"
echo 1000 >"/proc/$rec/oom_score_adj"
background hog in_cgroup "$MEMCG" "$W/oomhog" 56 600000
is_gone() { ! kill -0 "$rec" || grep -q '^State:.Z' "/proc/$rec/status"; }
await 60 is_gone || { not_ok "the recorder is killed"; test_done; }
wait "$rec"
is "killed for want of memory" $? 137
holds "as the kernel counts" "$(killed) > $before"
is "what it had written is whole" "$("$REPORT" verify "$T/k.varve" >"$T/verify" 2>&1; tail -n 1 "$T/verify" | sed 's/^ *//')" clean
has "and is said not to have ended on purpose" "$(cat "$T/verify")" 'did not end'
db=$(db_of "$T/k.varve")
holds "with what was written before" "$(ask "$db" "SELECT count(*) FROM sample") > 0"
test_done
