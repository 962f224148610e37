#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Files that are not, or no longer, what their path says: replaced, deleted, memfd, a private mount namespace; and code without a file. Each
# spins in one function whose name is known: it must get most samples, and the other build's name none.
# RUN: beside others (records one command that runs by CPU time)
. "$(dirname "$0")/../lib.sh"
measures "$@"
test_init "$@"
needs_bpf
src=$TESTS/workloads/names
cd "$T" || exit 1
gcc -O2 -g -Wl,--build-id -o spin "$src/spin.c" && gcc -O2 -g -DOTHER -Wl,--build-id -o other "$src/spin.c" || skip_all "needs gcc"

# Runs `command…` under the recorder, and does CHANGE when it has run for a while (more than a shell that execs it has).
recorded() { # NAME CHANGE command…
	local name=$1 change=$2
	shift 2
	rm -f begun
	( await 100 at_work; eval "$change" ) &
	"$RECORD" -q -f -F 499 -e on-cpu -o "$T/$name.varve" -- sh -c 'echo $$ >begun; exec "$@"' sh "$@" >/dev/null 2>"$T/$name.err" || sed 's/^/# /' "$T/$name.err"
	wait $!
}
at_work() { has_run "$(cat begun)" 200; }
share() { # NAME FUNCTION [report's options]: its percentage of the user samples' leaves
	local name=$1 f=$2
	shift 2
	"$REPORT" folded "$T/$name.varve" "$@" 2>/dev/null | awk -v f="$f" '{ n = $NF; sub(/ [0-9]+$/, ""); k = split($0, p, ";"); leaf = p[k]; if (leaf ~ /_\[k\]$/) next;
		sub(/_\[.\]$/, "", leaf); all += n; if (leaf == f) hit += n } END { printf "%.0f", all ? 100 * hit / all : 0 }'
}
graded() { # CLAIM NAME IMAGE PATTERN TRUTH [report's options]: 95 % of the samples in the image match, and none of its names is wrong (grade.py)
	local out
	printf '%s\t%s\t%s\t%s\t%s\t\n' "$2" "$3" "$3" "$4" "$5" >rows
	rm -f graded.db
	"$REPORT" db "$T/$2.varve" -o graded.db "${@:6}" 2>db.err || sed 's/^/# /' db.err
	out=$("$src/grade.py" graded.db rows 95)
	case $out in
	ok*) ok "$1 ($(printf '%s\n' "$out" | cut -f3))" ;;
	*) not_ok "$1" "$out" ;;
	esac
}
judge() { # NAME IMAGE: right name, and not the other's, with files and without
	graded "$1: spin_here gets the samples, with its callers" "$1" "$2" ';main;spin_here$' "at $T/spin"
	is "$1: the other build's function gets none" "$(share "$1" spin_there)" 0
	graded "$1: the same without any file" "$1" "$2" ';main;spin_here$' "at $T/spin" --symfs /nonexistent
}

cp spin victim
recorded plain : ./victim 1.5
judge plain "$T/victim"
recorded replaced 'cp other new && mv new victim' ./victim 1.5
judge replaced "$T/victim"
cp -f spin victim
recorded deleted 'rm -f victim' ./victim 1.5
judge deleted "$T/victim"
recorded memfd : python3 -c 'import os, sys
fd = os.memfd_create("spin", 0)
os.write(fd, open("spin", "rb").read())
os.execve(fd, ["spin", "1.5"], os.environ)'
judge memfd /memfd:spin
recorded mount_namespace : unshare -m sh -c 'mkdir -p ns && mount -t tmpfs t ns && cp spin ns/hidden && exec ns/hidden 1.5'
judge mount_namespace "$T/ns/hidden"

# a file swapped before the report, recorded without names: no name is better than a wrong one
cp -f spin victim
"$RECORD" -q -f -F 499 -e on-cpu --symbols none -o "$T/none.varve" -- ./victim 1 >/dev/null 2>&1
cp -f other victim
is "swapped, no names recorded: no name of the other build" "$(share none spin_there)" 0
has "swapped, no names recorded: info says why" "$("$REPORT" info "$T/none.varve" 2>&1)" "build-id differs: '.*victim'"

# ---- addresses that nothing has called: what is before them is another function
if gcc -O2 -g -static -Wl,-e,first_instruction -o signal_entry "$src/signal_entry.c"; then
	"$RECORD" -q -f -F 499 -e on-cpu,off-cpu -o "$T/entry.varve" -- ./signal_entry 0.5 held >/dev/null 2>&1
	for without in "" "--symfs /nonexistent"; do
		# shellcheck disable=SC2086
		both=$("$REPORT" folded "$T/entry.varve" $without 2>/dev/null; "$REPORT" folded "$T/entry.varve" --event off-cpu $without 2>/dev/null)
		has "a signal's trampoline has its name${without:+, without any file}" "$both" ';own_trampoline;handler_spins '
		has "the first instruction of a program has its name${without:+, without any file}" "$both" '^signal_entry;first_instruction;.*_\[k\] '
		hasnt "neither is the function before it${without:+, without any file}" "$both" 'before_'
	done
else
	skip "a signal's trampoline and a program's first instruction have their names" "cannot be built here"
fi

# ---- JIT: names from perf maps
if command -v node >/dev/null; then
	cat >fib.js <<'JS'
function hotLoop(n) { let s = 0; for (let i = 0; i < n; i++) s = (s * 31 + i) | 0; return s; }
let x = 0; while (process.cpuUsage().user < 1500000) x ^= hotLoop(200000);
JS
	recorded node : sh -c 'echo $$ >pid; exec node --perf-basic-prof fib.js'
	rm -f "/tmp/perf-$(cat pid).map"
	graded "node --perf-basic-prof: the code it made is hotLoop, by its plain name" node //anon ';hotLoop$' unknown
	graded "node: the same without any file" node //anon ';hotLoop$' unknown --symfs /nonexistent
else
	skip "node --perf-basic-prof: hotLoop by its plain name" "no node"
fi
python=
for p in python3.13 python3.12 python3 "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.1[2-9]*/bin/python3; do
	"$p" -X perf -c 'import sys; sys.exit(not sys.is_stack_trampoline_active())' 2>/dev/null && python=$p && break
done
if [ -n "$python" ]; then
	cat >fib.py <<'PY'
import time
def hot_loop(n):
    s = 0
    for i in range(n):
        s = (s * 31 + i) & 0xffff
    return s
end = time.process_time() + 1.5
while time.process_time() < end:
    hot_loop(50000)
PY
	recorded python : sh -c 'echo $$ >pid; exec "$0" -X perf fib.py' "$python"
	rm -f "/tmp/perf-$(cat pid).map"
	holds "python -X perf: hot_loop is in the stacks by its plain name" \
		"$("$REPORT" folded "$T/python.varve" 2>/dev/null | awk '{ n = $NF; all += n } /;hot_loop(_\[j\])?;/ { hit += n } END { printf "%.0f", all ? 100 * hit / all : 0 }') >= 60"
else
	skip "python -X perf: hot_loop is in the stacks by its plain name" "no python with -X perf"
fi
if command -v java >/dev/null && command -v javac >/dev/null; then
	cat >Hot.java <<'JAVA'
public class Hot {
	static int hotLoop(int n) { int s = 0; for (int i = 0; i < n; i++) s = s * 31 + (i ^ s >>> 3); return s; }
	static long cpu() { return java.lang.management.ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime(); }
	public static void main(String[] a) { long end = cpu() + 2500000000L; int x = 0; while (cpu() < end) for (int i = 0; i < 20; i++) x ^= hotLoop(200000); System.out.println(x); }
}
JAVA
	javac Hot.java 2>/dev/null
	recorded java : sh -c 'echo $$ >pid; exec java -XX:+PreserveFramePointer -XX:+UnlockDiagnosticVMOptions -XX:+DumpPerfMapAtExit Hot'
	rm -f "/tmp/perf-$(cat pid).map"
	holds "java with a perf map: Hot.hotLoop(int) by its plain name" "$(share java 'Hot.hotLoop(int)') >= 40"
else
	skip "java with a perf map: Hot.hotLoop(int) by its plain name" "no java"
fi
test_done
