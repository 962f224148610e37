#!/usr/bin/env bash
# Beginning and end of a recording: what it costs, how long it says it is, what targets leave out, and the kernel's names.
. "$(dirname "$0")/../lib.sh"
test_init "$@"
needs_bpf
measures "$@"

# ---- durations: the recording counts from when sampling is on, to its end -------------------------------------------
for d in 0.5 500ms 1.25s; do
	want=$(case $d in 1.25s) echo 1250000000 ;; *) echo 500000000 ;; esac)
	for ((i = 0; i < 8; i++)); do # it may end later where the machine stands still, not every time
		rm -f "$T/d.db"
		out=$("$RECORD" -a -F 499 --duration "$d" -f -o "$T/d.varve" 2>&1)
		rc=$?
		took=$(ask "$(db_of "$T/d.varve")" 'SELECT duration_ns FROM recording')
		[ "$rc" -eq 0 ] && [ "${took:-0}" -gt $((want + 60000000)) ] || break
	done
	is "--duration $d is taken" "$rc" 0
	near "and lasts so long" "$took" "$want" 60000000
done
for d in 0.0 . 1. .5 1.5.5 1.x; do
	out=$("$RECORD" -a --duration "$d" -f -o "$T/bad.varve" 2>&1)
	is "--duration $d is refused" "$?" 2
done
background spin "$W/split50" 120 1
for ((i = 0; i < 8; i++)); do # nor does it run in the first and the last moment each time
	rm -f "$T/spin.db"
	"$RECORD" -p "$BG" -F 999 --duration 1 -e on-cpu,task -f -o "$T/spin.varve" 2>"$T/spin.err"
	db=$(db_of "$T/spin.varve")
	read -r first last < <(ask "$db" 'SELECT min(ts), duration_ns - max(ts) FROM sample, recording')
	[ "${first:-0}" -ge 60000000 ] || [ "${last:-0}" -ge 60000000 ] || break
done
holds "the first sample of a busy thread is at the recording's beginning" "${first:-1e9} < 60e6"
holds "the last one at its end" "${last:-1e9} < 60e6"

# ---- targets: only they, and who has to do with them ------------------------------------------------------------------
is "with -p the file speaks of that process only" "$(ask "$db" "SELECT group_concat(DISTINCT pid) FROM process WHERE pid <> 0")" "$BG"
kill "$BG"
background sleeper sleep 60
"$RECORD" -p "$BG" --duration 0.5 -f -o "$T/sleep.varve" 2>"$T/sleep.err"
holds "of a process that sleeps little is written" "$(stat -c %s "$T/sleep.varve") < 6000"
"$RECORD" -e on-cpu,task -F 999 -f -o "$T/cmd.varve" -- sh -c "'$W/split50' 1 1" >"$T/cmd.out" 2>"$T/cmd.err"
holds "a command's child has its stacks" "$("$REPORT" folded "$T/cmd.varve" --comm split50-worker 2>/dev/null | grep -c 'one_round;work_') >= 3"
for root in /sys/fs/cgroup/cpu /sys/fs/cgroup/unified /sys/fs/cgroup; do
	[ -e "$root/cgroup.procs" ] && break
done
if mkdir "$root/varve-late-$$" 2>/dev/null; then
	TEST_CGROUPS+=("$root/varve-late-$$")
	background late "$W/split50" 120 1
	late=$BG
	recorder -G "/varve-late-$$" -e on-cpu,task -F 999 -f -o "$T/late.varve"
	echo "$late" >"$root/varve-late-$$/cgroup.procs"
	await 60 has_run "$late" $(($(cpu_ms "$late") + 500))
	recorder_stop
	holds "a process that moves into the cgroup has its stacks" "$("$REPORT" folded "$T/late.varve" --comm split50-worker 2>/dev/null | grep -c 'one_round;work_') >= 3"
	kill "$late"
	wait "$late" 2>/dev/null
else
	skip "a process that moves into the cgroup has its stacks" "no cgroup hierarchy to make one in"
fi

# ---- names of kernel functions are those of /proc/kallsyms ----------------------------------------------------------
"$RECORD" -a -e all --duration 1 -f -o "$T/k.varve" 2>"$T/k.err"
kdb=$(db_of "$T/k.varve")
text=$(awk '$3 == "_text" { print $1; exit }' /proc/kallsyms)
ask "$kdb" "SELECT DISTINCT fr.rel_addr, coalesce(fn.raw_name, fn.name) FROM frame fr JOIN function fn ON fn.id = fr.function_id JOIN image i ON i.id = fr.image_id
	WHERE i.kind = 'kernel' AND fn.named" >"$T/k.names" 2>&1
awk '$2 ~ /[tTwW]/ && $3 !~ /^__(pfx|cfi)_/ { print $1, $3 }' /proc/kallsyms >"$T/kallsyms"
python3 - "$text" "$T/kallsyms" "$T/k.names" >"$T/k.wrong" <<'PY'
import bisect, sys
text = int(sys.argv[1], 16)
names = {}
for line in open(sys.argv[2]):
    a, n = line.split()
    names.setdefault(int(a, 16), set()).add(n)
starts = sorted(names)
n = 0
for line in open(sys.argv[3]):
    off, name = line.split()
    n += 1
    # the leaf's address is the very pc, a caller's the return address
    at = [starts[bisect.bisect_right(starts, text + int(off) - d) - 1] for d in (0, 1)]
    if not any(name in names[a] for a in at):
        print(line.strip(), [names[a] for a in at])
print('checked', n)
PY
holds "kernel functions were named" "$(sed -n 's/^checked //p' "$T/k.wrong") >= 20"
is "each as /proc/kallsyms has it" "$(grep -vc '^checked' "$T/k.wrong")" 0
test_done
