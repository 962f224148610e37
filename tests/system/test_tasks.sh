#!/usr/bin/env bash
# Processes as they come and go: how each ended, a storm of short ones, one pid that runs many programs, a pid used again.
. "$(dirname "$0")/../lib.sh"
measures "$@"
test_init "$@"
needs_bpf
needs sqlite3

# ---- endings --------------------------------------------------------------------------------------------------------
"$RECORD" -o "$T/x.varve" -- "$W/exits" >"$T/truth" 2>"$T/rec.err"
is "the command's exit status comes back" $? 0
db=$(db_of "$T/x.varve")
while read -r comm pid code signal; do
	is "$comm ended so in the recording" "$(ask "$db" "SELECT comm, coalesce(exit_code, 0), coalesce(exit_signal, 0) FROM process WHERE pid = $pid")" "$comm $code $signal"
done < <(sed -n 's/^child comm=\(\S*\) pid=\([0-9]*\) code=\([0-9]*\) signal=\([0-9]*\)/\1 \2 \3 \4/p' "$T/truth")
is "each is a child of the program" "$(ask "$db" "SELECT count(*) FROM process c JOIN process p ON p.upid = c.parent_upid WHERE p.comm = 'exits' AND (c.comm LIKE 'exit-%' OR c.comm LIKE 'sig-%')")" 8

# ---- a storm of processes that live 10 ms ------------------------------------------------------------------------------
"$RECORD" -F 999 -o "$T/f.varve" -- "$W/forkstorm" 400 10 4 exec >"$T/truth" 2>"$T/rec.err"
db=$(db_of "$T/f.varve")
is "every child of the storm is a process row" "$(ask "$db" "SELECT count(*) FROM process WHERE comm = 'fork-child'")" 400
is "every one of its execs is there" "$(ask "$db" "SELECT count(*) FROM exec_event e JOIN process p USING(upid) WHERE p.comm = 'fork-child'")" 400
for code in 0 1 6; do
	is "as many ended with $code as the program says" "$(ask "$db" "SELECT count(*) FROM process WHERE comm = 'fork-child' AND exit_code = $code")" "$(truth "$T/truth" "code$code")"
done
is "no task or OOM event was lost" "$(ask "$db" "SELECT coalesce(sum(lost), 0) FROM loss WHERE stream IN ('task', 'fork', 'exec', 'comm', 'exit', 'mapping', 'oom')")" 0
n=$(ask "$db" "SELECT count(*) FROM sample JOIN thread USING(utid) WHERE thread.comm = 'fork-child'")
holds "children of 10 ms are sampled" "$n > 0.5 * 0.999 * $(truth "$T/truth" cpu_ns) / 1e6 && $n > 100"
good=$(ask "$db" "SELECT count(*) FROM sample s JOIN thread t USING(utid) WHERE t.comm = 'fork-child'
	AND s.stack_id IN $(through child_burn)")
all=$(ask "$db" "SELECT count(*) FROM sample s JOIN thread t USING(utid) JOIN stack k ON k.id = s.stack_id JOIN frame f ON f.id = k.frame_id JOIN image i ON i.id = f.image_id
	WHERE t.comm = 'fork-child' AND i.path LIKE '%/forkstorm'")
holds "their samples have names although they are gone ($good in child_burn, $all with the program's leaf)" "$good >= 0.95 * $all && $all > 100"

# ---- without task events ------------------------------------------------------------------------------------------------
"$RECORD" -q -F 999 -e on-cpu -o "$T/n.varve" -- sh -c "'$W/forkstorm' 20 10 2 exec; :" >/dev/null 2>"$T/rec.err"
db=$(db_of "$T/n.varve")
is "-e on-cpu: whoever was sampled has a program, a user and a parent" "$(ask "$db" "SELECT comm, exe, uid, ppid FROM process WHERE pid > 0 AND (coalesce(exe, '') = '' OR uid IS NULL OR ppid IS NULL)
	AND upid IN (SELECT upid FROM thread JOIN sample USING(utid)) AND comm <> 'varve-record'")" ""
is "and the command is what it became" "$(ask "$db" "SELECT DISTINCT p.comm, p.exe LIKE '%/sh' FROM process p JOIN process c ON c.parent_upid = p.upid WHERE c.comm = 'forkstorm'")" "sh 1"
is "but nobody's end is told" "$(ask "$db" "SELECT count(exit_ts) FROM process")" 0

# ---- one pid, many programs ---------------------------------------------------------------------------------------------
"$RECORD" -F 1999 -o "$T/e.varve" -- "$W/execloop" 200 3 "$W/execloop" "$W/execloop_b" >"$T/truth" 2>"$T/rec.err"
db=$(db_of "$T/e.varve")
is "one process ran them all" "$(ask "$db" "SELECT count(*) FROM process WHERE pid = $(truth "$T/truth" pid)")" 1
is "its 201 execs are there" "$(ask "$db" "SELECT count(*) FROM exec_event JOIN process USING(upid) WHERE pid = $(truth "$T/truth" pid)")" 201
count_leaf() { # condition
	ask "$db" "SELECT count(*) FROM sample s JOIN stack k ON k.id = s.stack_id JOIN frame f ON f.id = k.frame_id JOIN function fn ON fn.id = f.function_id
		JOIN image i ON i.id = f.image_id WHERE i.path LIKE '%/execloop%' AND ($1)"
}
holds "both programs were sampled" "$(count_leaf "fn.name = 'life_a'") > 100 && $(count_leaf "fn.name = 'life_b'") > 100"
right=$(count_leaf "(fn.name = 'life_a' AND i.path LIKE '%/execloop') OR (fn.name = 'life_b' AND i.path LIKE '%/execloop_b')")
wrong=$(count_leaf "(fn.name = 'life_b' AND i.path LIKE '%/execloop') OR (fn.name = 'life_a' AND i.path LIKE '%/execloop_b') OR fn.name = 'stranger_b' OR fn.name LIKE '[unknown%'")
holds "at most one frame in a thousand is in the wrong image" "$wrong <= 0.001 * $right"

# ---- a pid used again ----------------------------------------------------------------------------------------------------
# The next pid can be chosen: the same one runs execloop, ends, and runs execloop_b.
if [ -w /proc/sys/kernel/ns_last_pid ]; then
	cat >"$T/reuse.sh" <<-'EOS'
	# Runs the command, its last argument but as pid $1; tries until no one else took it.
	want=$1; shift
	for try in 1 2 3 4 5 6 7 8 9 10; do
		echo $((want - 1)) >/proc/sys/kernel/ns_last_pid
		"$@" >/dev/null &
		got=$!
		wait $got
		[ "$got" = "$want" ] && exit 0
	done
	exit 1
	EOS
	free=$(($(cat /proc/sys/kernel/pid_max) - 777))
	cat >"$T/pair.sh" <<-EOS
	for i in 1 2 3 4 5 6 7 8 9 10; do
		sh "$T/reuse.sh" $free "$W/execloop" 0 8 a b && sh "$T/reuse.sh" $free "$W/execloop_b" 0 8 a b && echo pair
	done
	EOS
	"$RECORD" -F 1999 -o "$T/r.varve" -- sh "$T/pair.sh" >"$T/pairs" 2>"$T/rec.err"
	db=$(db_of "$T/r.varve")
	pairs=$(grep -c pair "$T/pairs")
	if [ "$pairs" -ge 3 ]; then
		holds "pid $free was used $((2 * pairs)) times or more: as many processes, each with its exec and exit" "$(ask "$db" "SELECT count(*) FROM process WHERE pid = $free AND exec_ts IS NOT NULL AND exit_ts IS NOT NULL") >= $((2 * pairs))"
		right=$(count_leaf "(fn.name = 'life_a' AND i.path LIKE '%/execloop') OR (fn.name = 'life_b' AND i.path LIKE '%/execloop_b')")
		wrong=$(count_leaf "(fn.name = 'life_b' AND i.path LIKE '%/execloop') OR (fn.name = 'life_a' AND i.path LIKE '%/execloop_b') OR fn.name IN ('stranger_b')")
		holds "no stack was given the dead process's mappings ($right right)" "$wrong == 0 && $right > 20"
	else
		skip "pid $free was used again" "others took the pid: only $pairs pairs"
	fi
else
	skip "a pid used again" "no /proc/sys/kernel/ns_last_pid"
fi
test_done
