# shellcheck shell=bash
# Helpers of the system tests. A test file does
#   . "$(dirname "$0")/../lib.sh"; test_init "$@"
# then claims, and ends with test_done. Output is TAP; a claim names what is true, and says what was found when it is not.
# Everything lives in $T, a directory that goes away, with the processes that background() started.

# A file that measures, and so can fail because the machine had something else to do, calls measures first: where a claim fails, the whole
# file is run once more, and said to be. What counts is the second run, but that a claim which held in the first does not fail by it: two claims
# of many, each disturbed once, are no failure; a run that did not come to its end is.
measures() { # "$@" of the script
	local out rc
	[ -n "${VARVE_ATTEMPT:-}" ] && return
	out=$(mktemp -d)
	VARVE_ATTEMPT=1 bash "$0" "$@" >"$out/1" 2>&1
	rc=$?
	if [ "$rc" -ne 0 ] && [ "$rc" -ne 77 ]; then
		echo "# run again (load $(cut -d' ' -f1-2 /proc/loadavg) on $(nproc) CPUs), because in the first run:"
		grep -B 3 '^not ok' "$out/1" | grep -v '^ok' | sed 's/^not ok/not-ok/; s/^\(# \)*/#   /'
		VARVE_ATTEMPT=2 bash "$0" "$@" >"$out/2" 2>&1
		rc=$?
		either_run "$out/1" "$out/2" >"$out/both"
		mv "$out/both" "$out/1"
		[ "$rc" -eq 1 ] && grep -q '(in the first run)$' "$out/1" && ! grep -q '^not ok' "$out/1" && rc=0
	fi
	cat "$out/1"
	rm -rf "$out"
	exit "$rc"
}

# The second run's output; its claims that held in the first, where the same were made, are "ok", and said to be so.
either_run() { # first run's output, second's
	awk 'FILENAME == ARGV[1] { if (/^ok [0-9]+ /) held[$2] = 1; if (/^1\.\./) plan = $0; next }
		{ line[++n] = $0; if (/^1\.\./) same = $0 == plan }
		END { for (i = 1; i <= n; i++) {
			split(line[i], w, " ")
			if (same && line[i] ~ /^not ok / && held[w[3]]) { sub(/^not ok/, "ok", line[i]); line[i] = line[i] " (in the first run)" }
			print line[i] } }' "$1" "$2"
}

test_init() { # [BUILD_DIR]
	O=${1:-${VARVE_BUILD:-build}}
	TESTS=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
	case $O in /*) ;; *) O=$(cd "$TESTS/.." && pwd)/$O ;; esac
	RECORD=$O/varve-record REPORT=$O/varve-report W=$O/tests/workloads
	T=$(mktemp -d "${TMPDIR:-/tmp}/varve-system.XXXXXX")
	chmod 755 "$T" # tests also run as another user
	TEST_N=0 TEST_BAD=0 TEST_PIDS=() TEST_CGROUPS=() TEST_MOUNTS=()
	trap test_cleanup EXIT
	trap 'exit 130' INT TERM
	export LC_ALL=C XDG_CACHE_HOME="$T/cache"
	local f
	for f in "$RECORD" "$REPORT"; do
		[ -x "$f" ] || { echo "# $f is not built"; exit 1; }
	done
}

test_cleanup() {
	local p
	for p in "${TEST_PIDS[@]}"; do kill -KILL "$p" 2>/dev/null; done
	wait 2>/dev/null
	for p in "${TEST_MOUNTS[@]}"; do umount "$p" 2>/dev/null; done
	for p in "${TEST_CGROUPS[@]}"; do rmdir "$p" 2>/dev/null; done
	[ -n "${VARVE_KEEP:-}" ] && { echo "# kept: $T"; return; }
	rm -rf "$T"
}

test_done() {
	echo "1..$TEST_N"
	[ "$TEST_BAD" -eq 0 ]
	exit
}

ok() { # claim
	TEST_N=$((TEST_N + 1))
	echo "ok $TEST_N - $1"
}

not_ok() { # claim, what was found (lines)
	TEST_N=$((TEST_N + 1)) TEST_BAD=$((TEST_BAD + 1))
	[ -n "${2:-}" ] && printf '%s\n' "$2" | head -n "${VARVE_DETAIL:-12}" | sed 's/^/# /'
	echo "not ok $TEST_N - $1"
}

skip() { # claim, reason
	TEST_N=$((TEST_N + 1))
	echo "ok $TEST_N - $1 # SKIP $2"
}

skip_all() { # reason
	echo "$1"
	exit 77
}

is() { # claim, got, want
	if [ "$2" = "$3" ]; then ok "$1"; else not_ok "$1" "got '$2', want '$3'"; fi
}

has() { # claim, text, extended regular expression
	if printf '%s\n' "$2" | grep -qE -- "$3"; then ok "$1"; else not_ok "$1" "no match for '$3' in:
$2"; fi
}

hasnt() { # claim, text, extended regular expression
	if printf '%s\n' "$2" | grep -qE -- "$3"; then not_ok "$1" "'$3' is in:
$2"; else ok "$1"; fi
}

holds() { # claim, awk condition over numbers ("12 >= 0.98 * 12.1")
	if awk "BEGIN { exit !($2) }" </dev/null 2>/dev/null; then ok "$1 ($2)"; else not_ok "$1" "$2 does not hold"; fi
}

within() { # claim, got, want, percent of want
	if awk -v g="$2" -v w="$3" -v p="$4" 'BEGIN { d = g - w; if (d < 0) d = -d; exit !(g != "" && d <= w * p / 100) }'; then
		ok "$1 ($2 against $3)"
	else
		not_ok "$1" "got '$2', want $3 within $4 %"
	fi
}

near() { # claim, got, want, absolute tolerance
	if awk -v g="$2" -v w="$3" -v t="$4" 'BEGIN { d = g - w; if (d < 0) d = -d; exit !(g != "" && d <= t) }'; then
		ok "$1 ($2 against $3, ± $4)"
	else
		not_ok "$1" "got '$2', want $3 ± $4"
	fi
}

# Points by which a share of PERCENT, counted on N samples, may differ: POINTS, or 4 standard deviations where a busy machine
# left so few samples that chance alone is worth more.
share_tolerance() { # percent, n, points
	awk -v p="$1" -v n="$2" -v m="$3" 'BEGIN { t = 400 * sqrt(p / 100 * (1 - p / 100) / (n > 0 ? n : 1)); printf "%.2f", (t > m ? t : m) }'
}

# ---- what the machine must have --------------------------------------------------------------------------------

needs_root() {
	[ "$(id -u)" -eq 0 ] || skip_all "needs BPF: root (or sudo)"
}

needs_bpf() {
	local out
	needs_root
	[ -r /sys/kernel/btf/vmlinux ] || skip_all "needs BPF: this kernel has no /sys/kernel/btf/vmlinux"
	out=$("$RECORD" --check 2>&1)
	[ $? -ne 2 ] || skip_all "needs BPF: $(printf '%s\n' "$out" | grep -iE 'fail|no |cannot' | head -n 1)"
}

needs() { # programs
	local p
	for p in "$@"; do
		command -v "$p" >/dev/null || skip_all "needs $p: not installed"
	done
}

# Whether there are Chromium and the npm packages that drive it. In CI they are installed here, by the first who asks.
has_browser() {
	if [ -n "${CI:-}" ]; then
		# bounded: a slow mirror must not take the time the tests have
		timeout 400 "$TESTS/browser/deps.sh" "$O" >"$T/deps.log" 2>&1 || return
	fi
	[ -e "$O/browser/installed" ] && command -v chromium >/dev/null
}

# ---- running --------------------------------------------------------------------------------------------------

# Start in the background; its pid is in $BG, its output in $T/NAME.out and .err
background() { # name, command…
	local name=$1
	shift
	"$@" >"$T/$name.out" 2>"$T/$name.err" </dev/null &
	BG=$!
	TEST_PIDS+=("$BG")
}

# Until the command succeeds; 1 where it has not after so many seconds. They are for what hangs: let them be many.
await() { # seconds, command…
	local end=$((SECONDS + $1))
	shift
	until "$@" 2>/dev/null; do
		[ "$SECONDS" -ge "$end" ] && return 1
		sleep 0.05
	done
}

is_named() { # pid, comm: that program has begun
	[ "$(cat "/proc/$1/comm")" = "$2" ]
}

# Milliseconds of CPU time of a process so far; of all its threads.
cpu_ms() { # pid
	sed 's/.*) //' "/proc/$1/stat" | awk '{ print ($12 + $13) * 10 }'
}

has_run() { # pid, milliseconds of CPU time
	[ "$(cpu_ms "$1")" -ge "$2" ]
}

# Nanoseconds for which a process would have run so far and could not: each thread's wait for a CPU, and what the host took from all of them. By as much
# may be late what it does in time.
late_ns() { # pid
	cat /proc/stat "/proc/$1"/task/*/schedstat 2>/dev/null | awk '/^cpu / { s += $9 * 1e7; next } NF == 3 && /^[0-9]/ { s += $2 } END { printf "%.0f", s }'
}

# A recorder in the background, back when it records ($BG its pid, $T/rec.err what it says): the first keyframe is in the file then,
# and that is written when every probe is on.
recorder() { # options…, with -o FILE among them
	local i file=""
	for ((i = 1; i <= $#; i++)); do [ "${!i}" = -o ] && { i=$((i + 1)); file=${!i}; }; done
	rm -f "$file"
	background rec "$RECORD" "$@"
	await 60 begun_or_gone "$file" "$BG" || echo "# recorder: not recording after 60 s"
	kill -0 "$BG" 2>/dev/null || sed 's/^/# recorder: /' "$T/rec.err"
	has_begun "$file"
}

has_begun() { # recording: more than the file's header is in it
	[ "$(stat -c %s "$1" 2>/dev/null || echo 0)" -gt 96 ]
}

begun_or_gone() { # recording, pid of its recorder
	has_begun "$1" || ! kill -0 "$2" 2>/dev/null
}

# The line that says what there is now. (Others follow it where something was lost.)
summary() { # what the recorder said
	grep '^\[ varve-record: ' "$1" | tail -n 1
}

# What a recording lost for want of anything, a line each; "" is nothing. Not: the wakeup that an interrupt caused just while the hook told of another
# one on that CPU, which is counted as "scratch busy"; on any machine, now and then.
lost_in() { # database
	ask "$1" "SELECT stream, reason, sum(lost) FROM loss WHERE reason NOT IN ('stack error', 'scratch busy') GROUP BY 1, 2"
}

recorder_stop() { # SIGINT and wait; its exit status
	kill -INT "$BG" 2>/dev/null
	wait "$BG"
}

# The value of a truth line "key=value".
truth() { # file, key
	sed -n "s/^$2=//p" "$1" | head -n 1
}

# The sum of a key over the lines that match.
truth_sum() { # file, key, line pattern
	grep -E -- "$3" "$1" | tr ' ' '\n' | sed -n "s/^$2=//p" | awk '{ s += $1 } END { printf "%.0f", s }'
}

# The database of a recording, made once: prints its path.
db_of() { # recording
	local db=${1%.varve}.db
	[ -e "$db" ] || "$REPORT" db "$1" -o "$db" >"$T/db.out" 2>"$T/db.err" || { sed 's/^/# db: /' "$T/db.err" >&2; }
	echo "$db"
}

# Ask by SQLite's own shell, so that a mistake of ours in `sql` cannot hide one in the data.
ask() { # database, SELECT
	sqlite3 -readonly -separator ' ' "$1" "$2"
}

# SQL: the stacks that pass through a function (far quicker than the view stack_function, which closes over all of them).
through() { # function
	echo "(WITH RECURSIVE hit(id) AS (SELECT s.id FROM stack s JOIN frame f ON f.id = s.frame_id JOIN function fn ON fn.id = f.function_id WHERE fn.name = '$1'
		UNION SELECT s.id FROM stack s JOIN hit ON s.parent_id = hit.id) SELECT id FROM hit)"
}

# Self time share in percent of the leaf function in folded stacks on stdin.
leaf_share() { # function
	awk -v f="$1" '{ n = $NF; sub(/ [0-9]+$/, ""); k = split($0, a, ";"); leaf = a[k]; sub(/_\[[kijw]\]$/, "", leaf); t += n; if (leaf == f) s += n }
		END { printf "%.3f", t ? 100 * s / t : 0 }'
}

# ---- memory cgroups -------------------------------------------------------------------------------------------

# Makes a memory cgroup with this limit, v2 where memory is there, else v1: sets MEMCG (directory) and MEMCG_PATH (as the kernel
# names it). Returns 1 where neither can be had.
memory_cgroup() { # name, limit in MiB
	local v2
	for v2 in /sys/fs/cgroup /sys/fs/cgroup/unified; do
		if grep -qw memory "$v2/cgroup.controllers" 2>/dev/null; then
			echo +memory >"$v2/cgroup.subtree_control" 2>/dev/null
			mkdir -p "$v2/$1" 2>/dev/null && [ -e "$v2/$1/memory.max" ] || continue
			echo $(($2 << 20)) >"$v2/$1/memory.max"
			echo 0 >"$v2/$1/memory.swap.max" 2>/dev/null # a limit is to end in a kill, not in swap
			MEMCG=$v2/$1 MEMCG_PATH=/$1
			TEST_CGROUPS+=("$MEMCG")
			return 0
		fi
	done
	[ -d /sys/fs/cgroup/memory ] && mkdir -p "/sys/fs/cgroup/memory/$1" 2>/dev/null || return 1
	echo $(($2 << 20)) >"/sys/fs/cgroup/memory/$1/memory.limit_in_bytes" || return 1
	echo 0 >"/sys/fs/cgroup/memory/$1/memory.swappiness" 2>/dev/null
	MEMCG=/sys/fs/cgroup/memory/$1 MEMCG_PATH=/$1
	TEST_CGROUPS+=("$MEMCG")
}

in_cgroup() { # cgroup directory, command… (replaces the shell: for a subshell, or background())
	local dir=$1
	shift
	exec sh -c 'echo $$ >"$0/cgroup.procs" && exec "$@"' "$dir" "$@"
}
