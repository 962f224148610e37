#!/usr/bin/env bash
# On-CPU truth: a program whose work is split 50/30/20 comes back as 50/30/20, started by the recorder and seen system-wide.
. "$(dirname "$0")/../lib.sh"
measures "$@"
test_init "$@"
needs_bpf
needs sqlite3

shares_are_right() { # how it was recorded, folded file, fewest samples
	local n f want
	n=$(awk '{ n += $NF } END { print n + 0 }' "$2")
	holds "$1: the samples are there" "$n > ${3:-100}"
	for f in fifty:50 thirty:30 twenty:20; do
		want=${f#*:} f=work_${f%:*}
		near "$1: $f has its share of $n samples" "$(leaf_share "$f" <"$2")" "$want" "$(share_tolerance "$want" "$n" 3)"
	done
	is "$1: every sample of the work lies under its thread function" \
		"$(grep -E ';work_(fifty|thirty|twenty) ' "$2" | grep -cv ';worker_run;one_round;work_')" 0
}

"$RECORD" -F 999 -e on-cpu,task -o "$T/cmd.varve" -- "$W/split50" 3 >"$T/truth" 2>"$T/rec.err"
is "the command's exit status comes back" $? 0
"$REPORT" folded "$T/cmd.varve" --event on-cpu --weight samples --comm split50-worker >"$T/cmd.folded" 2>"$T/folded.err"
is "folded succeeds" $? 0
# no timer ticks while the host has the CPU
cpu_ns=$(($(truth "$T/truth" cpu_ns) - $(truth "$T/truth" stolen_ns)))
shares_are_right command "$T/cmd.folded" "$(awk -v ns="$cpu_ns" 'BEGIN { printf "%.0f", 0.9 * 999 * ns / 1e9 }')"

# CPU time: samples times their weight against what the kernel's clock says the threads used
db=$(db_of "$T/cmd.varve")
within "the samples' weight is the CPU time the workers used" \
	"$(ask "$db" "SELECT sum(weight_ns) FROM sample JOIN thread USING(utid) WHERE thread.comm = 'split50-worker'")" "$cpu_ns" 8
is "both workers were sampled" "$(ask "$db" "SELECT count(DISTINCT utid) FROM sample JOIN thread USING(utid) WHERE thread.comm = 'split50-worker'")" 2

background load "$W/split50" 120
"$RECORD" -a -F 999 --duration 3 -o "$T/all.varve" 2>"$T/rec.err"
is "a system-wide recording ends with 0" $? 0
kill "$BG"
"$REPORT" folded "$T/all.varve" --event on-cpu --weight samples --comm split50-worker >"$T/all.folded" 2>"$T/folded.err"
shares_are_right system-wide "$T/all.folded"
is "the same input and flags give the same bytes" "$("$REPORT" folded "$T/all.varve" --event on-cpu --weight samples --comm split50-worker 2>/dev/null | cksum)" "$(cksum <"$T/all.folded")"

size=$(stat -c %s "$T/all.varve")
n=$(ask "$(db_of "$T/all.varve")" "SELECT count(*) FROM sample")
echo "# $size bytes for $n samples (system-wide, with waits and symbols): $((size / (n > 0 ? n : 1))) bytes a sample"
test_done
