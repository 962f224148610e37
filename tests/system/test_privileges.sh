#!/usr/bin/env bash
# While it records, the recorder has the capabilities that recording takes and no others, whatever it was given; the command it started has all
# that its user has. Nothing that root could do stops working: segments and snapshots in another user's directory, a bundle, names, what is begun and taken back.
# RUN: beside others (judges no amounts)
. "$(dirname "$0")/../lib.sh"
test_init "$@"
needs_bpf
needs sqlite3
[ "$(id -u)" -eq 0 ] || skip_all "needs root, to have something to give up"
cd "$T" || exit 1
chmod 755 "$T"
R=$REPORT
one() { ask "$(db_of "$1")" "$2"; }

status_of() { sed -n "s/^$2:[[:space:]]*//p" "/proc/$1/status"; }
# Capabilities by number (linux/capability.h), of those that this shell has, as /proc shows them.
set_of() { # numbers…
	local n all=0
	for n in "$@"; do all=$((all | 1 << n)); done
	printf '%016x' $((all & 0x$(status_of $$ CapPrm)))
}
# Its file is there a moment before the last of them is given up.
kept() { # claim, pid, numbers…
	local claim=$1 pid=$2 want
	shift 2
	want="$(set_of "$@") $(set_of "$@")"
	has_them() { [ "$(status_of "$pid" CapEff) $(status_of "$pid" CapPrm)" = "$want" ]; }
	await 60 has_them
	is "$claim" "$(status_of "$pid" CapEff) $(status_of "$pid" CapPrm)" "$want"
}
had=$(status_of $$ CapPrm)
recording=(2 14 19 34 38 39 40) # dac_read_search ipc_lock sys_ptrace syslog perfmon bpf checkpoint_restore
[ "$(cat /proc/sys/kernel/perf_event_paranoid)" -gt 2 ] && recording+=(21)
# CAP_BPF and the like are root's, unless somebody took them away: then sys_admin stands for them
[ $((0x$had >> 38 & 7)) -eq 7 ] || recording+=(21)
seccomp=$(grep -c '^Seccomp:' /proc/self/status)
[ "$seccomp" -eq 1 ] || recording+=(5 6 7)

# ---- the whole host ----------------------------------------------------------------------------------------------------
background load "$W/split50" 250 1
load=$BG
recorder -a -F 199 -o a.varve || not_ok "the recorder starts"
rec=$BG
kept "recording the host, it has these capabilities and no others" "$rec" "${recording[@]}"
is "none to pass on" "$(status_of $rec CapInh) $(status_of $rec CapAmb)" "0000000000000000 0000000000000000"
is "exec gives it no new ones" "$(status_of $rec NoNewPrivs)" 1
[ "$seccomp" -eq 1 ] && is "and a filter of system calls" "$(status_of $rec Seccomp)" 2
await 60 has_run "$load" $(($(cpu_ms "$load") + 300))
recorder_stop
is "it ends as ever" $? 0
holds "with nothing said of rights" "$(grep -c 'rights' rec.err) == 0"
holds "with the names of a program" "$("$R" folded a.varve --event on-cpu --comm 'split50*' --symfs /nonexistent | grep -c ';one_round;work_') >= 1"

# ---- a command --------------------------------------------------------------------------------------------------------
cat >command.sh <<'E2'
cat /proc/self/status >status.command
setpriv --reuid 65534 --regid 65534 --clear-groups true && echo became >became
exec setpriv --reuid 65534 --regid 65534 --clear-groups sleep 60
E2
recorder -q -o c.varve -- sh command.sh || not_ok "the recorder starts"
rec=$BG
await 60 test -s became
same() { grep -E '^(Cap|NoNewPrivs|Seccomp:)' "$1"; }
is "the command has all that its user has" "$(same status.command)" "$(same /proc/self/status)"
is "and may become somebody else" "$(cat became)" became
kept "of whom the recorder keeps the right to end it" "$rec" "${recording[@]}" 5
await 60 pgrep -u 65534 -P "$rec" -x sleep >pgrep.out
sleeper=$(pgrep -u 65534 -P "$rec" -x sleep)
kill -TERM "$rec"
wait "$rec"
holds "and does" "$([ -n "$sleeper" ] && ! kill -0 "$sleeper" 2>/dev/null && echo 1 || echo 0)"

# ---- another user's directory, where only root's rights lead ------------------------------------------------------------
mkdir other && chown 65534:65534 other && chmod 700 other
"$RECORD" -q -o other/x.varve -- no-such-program 2>x.err
is "a command that cannot be run" $? 127
is "leaves no file there" "$(ls other)" ""
recorder -q -a -F 199 -o other/p.varve || not_ok "the recorder starts"
kept "for one file the right to write everywhere is not kept" "$BG" "${recording[@]}"
recorder_stop
is "which is whole" "$? $("$R" verify other/p.varve | tail -n 1 | tr -d ' ')" "0 clean"
rm -f other/*

background rec "$RECORD" -q -a -F 199 --rotate 1s --keep 2 -o other/s.varve
rec=$BG
await 60 test -e other/s.000004.varve
kept "for segments it is" "$rec" "${recording[@]}" 1 3
recorder_stop
is "segments come and go" "$?" 0
holds "as ever" "$(ls other/s.0*.varve | wc -l) == 3"
is "each whole" "$("$R" verify other/s.0*.varve | grep -c '^  clean$')" 3
is "the lock is gone" "$(ls other | grep -c lock)" 0
rm -f other/*

background rec "$RECORD" -q -a -F 199 --flight 10s -o other/f
rec=$BG
await 60 test -e other/f.lock
snapshot() { kill -USR2 "$rec" 2>/dev/null && sleep 0.2 && [ -s other/f.000001.varve ]; }
await 60 snapshot
is "a snapshot can be taken" $? 0
recorder_stop
is "and another at the end" "$? $("$R" verify other/f.0*.varve | grep -c '^  clean$')" "0 $(ls other/f.0*.varve | wc -l)"
rm -f other/*

"$RECORD" -q -F 199 --bundle other/b.bundle -o other/b.varve -- "$W/split50" 1 1 >/dev/null 2>b.err
is "a bundle is made" "$? $([ -s other/b.bundle ] && echo there) $(cat b.err)" "0 there "

# ---- in a directory of its own, it needs none of that ----------------------------------------------------------------------
background rec "$RECORD" -q -a -F 199 --rotate 1s --keep 2 -o own.varve
rec=$BG
await 60 test -e own.000004.varve
kept "segments in its own directory take no more than one file" "$rec" "${recording[@]}"
recorder_stop
is "and come and go" "$? $(ls own.0*.varve | wc -l)" "0 3"
test_done
