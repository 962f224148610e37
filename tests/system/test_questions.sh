#!/usr/bin/env bash
# Every named question, asked of a recording of planted causes (tests/causes_lib.sh): a lock convoy behind a slow backend, a noisy
# neighbour in a container, a fork storm, an OOM kill, a slow disk, a crash. The answer must name the cause in the row that tells of it.
. "$(dirname "$0")/../lib.sh"
measures "$@"
test_init "$@"
needs_bpf
needs sqlite3
. "$TESTS/causes_lib.sh"

causes_prepare "$T/scene" "varve-causes-$$" || skip_all "needs cgroups: none can be made here"
recorder -a -F 499 -e all --duration 60 -o "$T/c.varve" || { not_ok "the recorder starts"; test_done; }
rec=$BG
causes_play "$T/scene" 6 2>"$T/play.err"
kill -INT "$rec"
wait "$rec"
is "the scene is recorded" $? 0
[ -n "$C_SLOW" ] || echo "# no disk can be made slow here: the disk's question is about the disk that is"
for f in "$T"/scene/*.err; do is "$(basename "$f" .err) played its part" "$(cat "$f")" ""; done
db=$T/c.db
"$REPORT" db "$T/c.varve" -o "$db" 2>"$T/db.err"
is "it is imported" "$?" 0

answer() { # question, options…
	echo "$1" >>"$T/asked"
	"$REPORT" sql "$db" -q "$@" --format csv 2>&1 | tr -d '\r'
}
names() { # claim, expected row (extended regular expression), question, options…
	local claim=$1 want=$2
	shift 2
	has "$1: $claim" "$(answer "$@")" "$want"
}
first() { # claim, expected first row, question, options…
	local claim=$1 want=$2
	shift 2
	has "$1: $claim" "$(answer "$@" | sed -n 2p)" "$want"
}
shop=$C_VICTIM box=${CAUSES_CONTAINER:0:12} n='[0-9.]+' spawnd=$(truth "$T/scene/spawnd.out" pid)

# ---- CPU
names "the neighbour's loop is among the hottest functions" "^noisy_burn,[^,]*/noisy,$n,$n,$n,$n$" hot-functions
first "the neighbour alone, from its own name" '^noisy_burn,' hot-functions --comm noisy
first "within the shop, the victim or the short processes" '^(victim_serve|stormlet_run),' hot-functions --cgroup "$shop"
names "the neighbour is a process in a container" "^[0-9]+,noisy,$C_NOISY,$n,[0-9]+,1$" process-cores
names "the container's use, beside its quota" "^$C_NOISY,0\.[0-9]*,1\.5,docker,$box,,1$" container-cores
within "container-cores: the neighbour's is the CPU time it says it had (ms)" \
	"$(answer container-cores | awk -F, -v c="$C_NOISY" -v ns="$(ask "$db" 'SELECT duration_ns FROM recording')" '$1 == c { print $2 * ns / 1e6 }')" "$(truth "$T/scene/noisy.out" cpu_ms)" 10
names "the neighbour's CPU is the busy one" "^$C_CPU,([5-9][0-9]|100)\.[0-9],[0-9]+,switches" cpu-balance --time 3.5s,
first "half way something began: the neighbour" '^noisy_burn,[0-9]+,[0-9]{3,},' compare-windows --cgroup "$C_CGROUP"
holds "compare-windows: (or nearly so, where the end was late)" "$(answer compare-windows --cgroup "$C_CGROUP" | sed -n 2p | awk -F, '{ print $3, "> 3 *", $2 }')"
first "starting processes costs more in the children" "^stormlet,[0-9]{3,},[0-9]+,$n$" tree-cost --comm spawnd
names "the daemon starts them, hundreds of times" "^$spawnd,spawnd,stormlet,[^,]*/stormlet,[0-9]{3,},$n,$n,1$" fork-storm
storm=$(answer fork-storm | sed 1d | cut -d, -f5)
is "fork-storm: as many as it says" "$(answer fork-storm | awk -F, -v p="$spawnd" '$1 == p { print $5 }')" "$(truth "$T/scene/spawnd.out" forks)"
is "fork-storm: who started most stands first" "$storm" "$(printf '%s\n' "$storm" | sort -rn)"

# ---- waiting for a CPU
names "who was on the CPU meanwhile: the neighbour" '^noisy,noisy,/.*/docker/[^,]*,[0-9]+,[0-9.]+,[0-9]{4,}.*victim waited' noisy-neighbour --comm victim --time 3.5s,
names "the shop waits for milliseconds" "^$shop,[0-9]+,$n,[0-9]{4,}\.?[0-9]*," runq-by-container
names "the victim waits, too" '^victim,[0-9]+,[0-9]+,' runq-by-process --comm victim
names "one of two: at once, or after a slice of the neighbour's" '^(1024|2048|4096),[0-9]+,[0-9]+,\*+$' runq-histogram --comm victim
# of the neighbour's two threads on one CPU one waits at any time, or both, from when they come
depth=$(answer runq-depth --cgroup "$C_NOISY" | sed 1d)
came=$(ask "$db" "SELECT CAST(min(ts) / 1e9 AS INT) FROM exec_event JOIN process USING(upid) WHERE comm = 'noisy'")
is "runq-depth: of the neighbour nobody waits for a CPU before it comes" "$(printf '%s\n' "$depth" | awk -F, -v c="$came" '$1 < c { s += $3 } END { print s + 0 }')" 0
holds "runq-depth: then one all the time" "$(printf '%s\n' "$depth" | awk -F, '$2 > m { m = $2 } END { print m + 0 }') > 0.8"
first "the neighbour wants to run all the time" "^noisy,[0-9]+,2,$n,$n,[0-9.]+,0" wall-time --comm noisy
holds "wall-time: and is kept from it half the time by itself" "$(answer wall-time --comm noisy | sed -n 2p | awk -F, '{ print $6, ">", 0.3, "*", $4 }')"
names "the victim's day: asleep, runnable, running" '^victim,[0-9]+,'"$n,$n"',Runnable,' thread-timeline --comm victim --time 4s,5s

# ---- waiting for others
first "the convoy stands at its lock" '^convoy,S,,[0-9]+,[0-9.]+,[0-9.]+,futex[a-z_]*,"?.*pthread_mutex_lock < convoy_update_table < worker_run' where-waits --comm 'conv-worker*'
names "also on the whole host" '^convoy,S,,.*convoy_update_table' where-waits
# three of the four stand at the lock at any time, one at the backend: which pair of them comes first is up to the scheduler
whom=$(answer waits-on-whom --comm 'conv-worker*')
has "waits-on-whom: the workers wait for each other" "$whom" '^convoy,conv-worker-[1-4],S,convoy,conv-worker-[1-4],'
has "waits-on-whom: and for the backend" "$whom" '^convoy,conv-worker-[1-4],S,convoy,conv-backend,'
blocked_on() { printf '%s\n' "$whom" | awk -F, -v waker="$1" '$2 ~ /^conv-worker/ && $5 ~ waker { ms += $7 } END { print ms + 0 }'; }
holds "waits-on-whom: most of the time for each other" "$(blocked_on ^conv-worker) > 1.5 * $(blocked_on ^conv-backend)"
names "wakeups go around among the workers" '^conv-worker-[1-4],[0-9]+,convoy,[0-9]+,|^conv-worker-[1-4],[0-9]+,conv-worker' who-wakes-whom --comm 'conv*'
chain=$(answer wakeup-chain --comm 'conv-worker*')
has "wakeup-chain: it begins at the lock" "$chain" '^0,.*,convoy,conv-worker-[1-4],.*convoy_update_table'
has "wakeup-chain: goes by the worker that asks under the lock" "$chain" '^[1-9],.*,convoy,conv-worker-[1-4],.*convoy_ask_backend.*,conv-backend$'
has "wakeup-chain: and ends in the backend's slow case" "$chain" '^[1-9],.*,convoy,conv-backend,.*backend_(hit|miss)'
names "the waits are for a lock" '^convoy,lock \(futex\),[0-9]{2,}' waits-through --comm 'conv-worker*'
humps=$(answer wait-histogram --comm conv-backend)
has "wait-histogram: rows are a state, from, to, how many, a bar" "$humps" '^S,1024,2048,[0-9]+,\*+'
# (from 1024 us on: where it has to wait for a CPU, too, they are longer than that)
read -r ms between twenty < <(printf '%s\n' "$humps" | awk -F, '$1 == "S" { n[$2] = $4 } END { print n[1024] + n[2048] + n[4096], n[8192] + 0, n[16384] + n[32768] }')
holds "wait-histogram: the backend has a hump at its millisecond" "$ms >= 100"
holds "wait-histogram: and one at twenty" "$twenty >= 10"
holds "wait-histogram: with a valley between" "$between < $ms && $between < $twenty"

# ---- disk and memory
first "the slow disk's writer, and the function that writes" '^slowdisk,[a-z_]+,.*disk_commit < slowdisk < main' disk-waits --cgroup "$shop"
if [ -n "$C_SLOW" ]; then
	within "disk-waits: as long as the program says" "$(answer disk-waits --comm slowdisk | grep disk_commit | awk -F, '{ s += $(NF - 2) } END { print s }')" \
		"$(truth "$T/scene/slowdisk.out" in_commit_ms)" 15
fi
if [ -n "${MEMCG:-}" ]; then
	names "the hog was killed for its cgroup's limit" "memhog,[0-9]+,memcg,$MEMCG_PATH,[0-9]+,64," oom-kills
	names "the hog held the memory" '^[0-9]+,[0-9.]+,memhog,[0-9]+,0,[4-6][0-9]\..*,1$' oom-memory
	names "by the path that grows it" '^[0-9]+,memhog,memhog,memhog,_start;.*main;hog_grow;hog_touch;.*_\[k\]' oom-path
	names "it touched memory until it died" '^[0-9]+,memhog,hog_touch < ' oom-victim-cpu
	names "its end" '^[0-9.]+,[0-9]+,memhog,[^,]*/memhog,,9,OOM kill,' exits
	[ -e /proc/pressure/memory ] && names "anonymous memory moved by the hog's" '^mem.anon_kb,host,,' memory-pressure || echo memory-pressure >>"$T/asked"
else
	skip "the OOM kill" "no memory cgroup here"
	printf '%s\n' oom-kills oom-memory oom-path oom-victim-cpu memory-pressure >>"$T/asked"
fi
names "the crash, by its signal" '^[0-9.]+,[0-9]+,crasher,[^,]*/crasher,,11,,' exits

# ---- the recording itself
first "one recording of this host" "^1,$(uname -n)," recordings
is "compare-recordings: nothing to compare it with" "$(answer compare-recordings | sed 1d)" ""
names "most stacks are complete" '^samples with stack end: complete,[0-9]{3,},' trust
hasnt "trust: no sample was lost" "$(answer trust)" '^lost: sample'

is "no question was left out" "$("$REPORT" sql --list | cut -d' ' -f1 | sort)" "$(sort -u "$T/asked")"
causes_loops_off
test_done
