#!/usr/bin/env bash
# Stack pointers and unwind information that lie: nothing crashes or hangs, and no stack that is not true passes for a complete one.
. "$(dirname "$0")/../lib.sh"
measures "$@"
test_init "$@"
needs_bpf
needs sqlite3 readelf gcc python3

# "samples, their shortest and longest number of user frames, complete ones" of those with the leaf function
stacks_of() { # recording, leaf function
	ask "$(db_of "$1")" "SELECT count(*), min(k.depth + 1), max(k.depth + 1), total(e.name = 'complete') FROM sample s JOIN stack k ON k.id = s.stack_id JOIN stack_end e ON e.id = k.end_id
		JOIN frame f ON f.id = k.frame_id JOIN function n ON n.id = f.function_id WHERE n.name = '$2'"
}
ends_of() {
	ask "$(db_of "$1")" "SELECT group_concat(name) FROM (SELECT DISTINCT e.name FROM sample s JOIN stack k ON k.id = s.stack_id JOIN stack_end e ON e.id = k.end_id
		JOIN frame f ON f.id = k.frame_id JOIN function n ON n.id = f.function_id WHERE n.name = '$2' ORDER BY 1)"
}

# The program in one of its modes, in the background ($MODE): everything is mapped, and it waits for go().
hold() { # NAME, mode, its argument
	mkfifo "$T/$1.go"
	"$W/hostile_stacks" "${@:2}" <"$T/$1.go" >"$T/$1.out" 2>&1 &
	MODE=$!
	TEST_PIDS+=("$MODE")
	exec 7>"$T/$1.go"
	await 100 grep -q mapped "$T/$1.out"
}
go() { # its exit status
	echo >&7
	exec 7>&-
	wait "$MODE"
}

# It runs a moment as it should, and the recorder has looked at that often enough to know what is mapped in it.
meet() { # NAME
	local waited
	echo >&7
	await 100 grep -q met "$T/$1.out"
	waits() { awk '/^voluntary/ { print $2 }' "/proc/$BG/status"; }
	waited=$(waits)
	has_looked() { [ "$(waits)" -ge $((waited + 5)) ]; }
	await 100 has_looked
}

lies() { # mode, leaf function, fewest frames, most frames, how it ends
	local n least most complete
	hold "$1" "$1"
	recorder -q -p "$MODE" -F 999 -e on-cpu,task -o "$T/$1.varve"
	meet "$1"
	go
	is "$1: the program ends well" "$?" 0
	recorder_stop
	is "$1: so does the recorder" "$?" 0
	read -r n least most complete < <(stacks_of "$T/$1.varve" "$2")
	holds "$1: samples were taken" "${n:-0} >= 50"
	is "$1: they say how they ended" "$(ends_of "$T/$1.varve" "$2")" "$5"
	holds "$1: none passes for complete" "${complete:-1} == 0"
	holds "$1: $3 to $4 frames" "${least:-0} >= $3 && ${most:-9999} <= $4"
}

lies unmapped spin_truthful 1 1 'stack not readable'
lies kernel spin_truthful 1 1 'stack not readable'
lies wild spin_truthful 1 1 'no mapping'
lies still spin_still 1 2 'bad frame'
lies down spin_down 1 1 'bad frame'
lies circle spin_circle 2 2 'bad frame'
lies climb spin_truthful 512 512 'truncated'

# ---- a module rewritten while it is mapped: its code stays, its unwind information becomes another's, noise, or nothing -----------------
gcc -w -O2 -fPIC -shared -fvisibility=hidden -fno-optimize-sibling-calls -DLIB=a -DLIB_PAD=64 -o "$T/good.so" "$TESTS/workloads/stacks/st_lib.c"
gcc -w -O2 -fPIC -shared -fvisibility=hidden -fno-optimize-sibling-calls -DLIB=a -DLIB_PAD=4000 -o "$T/other.so" "$TESTS/workloads/stacks/st_lib.c"

rewrite() { # library, how
	python3 - "$1" "$2" "$T/other.so" <<-'PY'
	import random, subprocess, sys
	def section(path):
	    for line in subprocess.run(["readelf", "-SW", path], capture_output=True, text=True).stdout.splitlines():
	        w = line.replace("[ ", "[").split()
	        if len(w) > 5 and w[1] == ".eh_frame":
	            return int(w[4], 16), int(w[5], 16)
	off, sz = section(sys.argv[1])
	if sys.argv[2] == "noise":
	    new = random.Random(1).randbytes(sz)
	elif sys.argv[2] == "nothing":
	    new = bytes(sz)
	else:
	    o, n = section(sys.argv[3])
	    new = open(sys.argv[3], "rb").read()[o:o + n][:sz]
	with open(sys.argv[1], "r+b") as f: # in place: the mapping sees it
	    f.seek(off)
	    f.write(new)
	PY
}

# Every sample in the callback is the true chain, or says that it is not whole.
true_or_cut() { # claim, recording
	local n bad
	read -r n bad < <(ask "$(db_of "$2")" "WITH s AS MATERIALIZED (SELECT k.id, e.name ended, x.folded FROM sample s JOIN stack k ON k.id = s.stack_id JOIN stack_end e ON e.id = k.end_id JOIN stack_text x ON x.stack_id = k.id)
		SELECT count(*), total(ended = 'complete' AND folded NOT GLOB '*main;run_lib*;lib_a_outer*;lib_a_inner*;on_fire*') FROM s WHERE folded GLOB '*on_fire*'")
	holds "$1: samples were taken" "${n:-0} >= 100"
	holds "$1: each is the true chain or says how it was cut" "${bad:-1} == 0"
}

for how in another noise nothing; do
	for when in before after; do
		cp "$T/good.so" "$T/$how.so"
		hold "$how.$when" lib "$T/$how.so"
		[ $when = before ] && rewrite "$T/$how.so" $how
		recorder -q -a -F 499 -e on-cpu,task -o "$T/$how-$when.varve"
		[ $when = after ] && rewrite "$T/$how.so" $how
		go
		is "$how, $when recording began: the program ends well" "$?" 0
		recorder_stop
		is "$how, $when: so does the recorder" "$?" 0
		true_or_cut "$how, $when" "$T/$how-$when.varve"
	done
done
test_done
