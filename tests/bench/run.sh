#!/usr/bin/env bash
# varve beside perf and the BPF tools that are installed, in alternating runs with the bare workload, and each goal with the figure
# that was measured and whether it was met.
#   tests/bench/run.sh [BUILD_DIR [storm] [oncpu] [forks] [unwind] [report] [symbolize]]      VARVE_BENCH_ROUNDS=3 VARVE_BENCH_SECONDS=8
# `names` (six programs beside llvm-symbolizer: fetches packages), `stacks`, the corpus beside perf's dwarf stacks, and `big` run only when asked for: perf script takes minutes; a recording of 5 million samples and 10 million switches needs 2 GB and some minutes.
# Slowdown is bare work per CPU second over recorded work per CPU second of the workload's own threads: it holds on a machine that is
# busy with other things too. start_s is the recorder's CPU before the workload began, run_s while it ran, all_cpu_s from exec to exit. perf runs without its
# build-id pass (-B -N), which is in its favour: perf 6.1 aborts in it on ELF files with long build-ids. Medians over the rounds; every figure of one table comes from the same run.
set -u
. "$(dirname "$0")/../lib.sh"
test_init "${1:-build}"
[ $# -gt 0 ] && shift
parts=${*:-storm oncpu forks unwind report symbolize}
rounds=${VARVE_BENCH_ROUNDS:-3}
seconds=${VARVE_BENCH_SECONDS:-8} # of each storm and on-CPU run: what a recorder costs to start must not be all it costs
[ "$(id -u)" -eq 0 ] || { echo "bench: needs root"; exit 1; }
. "$(dirname "$0")/bench_lib.sh"
for part in storm oncpu forks unwind stacks report symbolize names big; do
	[[ " $parts " == *" $part "* ]] && . "$(dirname "$0")/bench_$part.sh"
done
goals_print
