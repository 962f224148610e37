#!/usr/bin/env bash
# Recording without being root: the capabilities that README names are enough, and fewer are refused with a hint.
. "$(dirname "$0")/../lib.sh"
measures "$@"
test_init "$@"
needs_bpf
needs sqlite3 setcap setpriv

# Where the recorder's hint and README's list come from must be the same.
caps=$(grep -oE 'cap_bpf[a-z_,]*=ep' "$TESTS/../README.md" | head -n 1)
chmod 755 "$T"
cp "$RECORD" "$T/varve-record" && mkdir "$T/out" && chmod 777 "$T/out"
if ! setcap "$caps" "$T/varve-record" 2>"$T/setcap.err"; then
	skip "a recording as another user" "no file capabilities here: $(head -n 1 "$T/setcap.err")"
	test_done
fi
if [ "$(cat /proc/sys/kernel/perf_event_paranoid)" -gt 2 ]; then
	skip "a recording as another user" "kernel.perf_event_paranoid is above 2: sampling wants cap_sys_admin"
	test_done
fi
nobody() { (cd "$T/out" && setpriv --reuid 65534 --regid 65534 --clear-groups "$@"); }

nobody "$T/varve-record" --check >"$T/check" 2>&1
holds "--check finds nothing that cannot be had" "$? <= 1"
background busy "$W/split50" 250 # root's own process, of another user than the recorder's
busy=$BG
background n sh -c 'cd "$0" && exec setpriv --reuid 65534 --regid 65534 --clear-groups "$@"' "$T/out" "$T/varve-record" -q -F 499 -o n.varve
await 60 begun_or_gone "$T/out/n.varve" "$BG"
await 60 has_run "$busy" $(($(cpu_ms "$busy") + 600))
recorder_stop
is "another user records the host" "$?" 0
db=$(db_of "$T/out/n.varve")
all=$(ask "$db" "SELECT count(*) FROM sample JOIN thread USING(utid) WHERE comm LIKE 'split50%'")
whole=$(ask "$db" "SELECT count(*) FROM sample s JOIN thread USING(utid) JOIN stack k ON k.id = s.stack_id JOIN stack_end e ON e.id = k.end_id WHERE comm LIKE 'split50%' AND e.name = 'complete'")
holds "root's process has samples with whole stacks ($whole of $all)" "$all >= 100 && $whole >= 0.98 * $all"
holds "waits are there, with kernel functions by name" "$(ask "$db" "SELECT count(*) FROM offcpu WHERE stack_id IN $(through do_syscall_64)") >= 1"

setcap cap_perfmon=ep "$T/varve-record"
nobody "$T/varve-record" -q -o few.varve --duration 1 2>"$T/err"
is "too few of them are an error" "$?" 125
has "that names what to do" "$(cat "$T/err")" "hint: run as root, or: sudo setcap $caps"
is "nothing is left behind" "$(ls "$T/out" | grep -c few)" 0
test_done
