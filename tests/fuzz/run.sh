#!/usr/bin/env bash
# Runs each fuzz target for FUZZ_SECONDS (60), from its seeds in tests/fuzz/corpus/TARGET, and says what it did.
#   tests/fuzz/run.sh [BUILD_DIR] [TARGET]
# What is found along the way is kept in BUILD_DIR/fuzz/corpus/TARGET, and is where the next run starts; a crash is kept in
# BUILD_DIR/fuzz/crash-TARGET-… and its command printed. Ends with "N passed, N failed, N skipped".
set -u
cd "$(dirname "$0")/../.." || exit 1
O=${1:-build}
only=${2:-}
seconds=${FUZZ_SECONDS:-60}
passed=0 failed=0
for bin in "$O"/fuzz/fuzz_*; do
	name=$(basename "$bin")
	[ -x "$bin" ] && [ -f "$bin" ] || continue
	[ -n "$only" ] && [ "$name" != "$only" ] && continue
	mkdir -p "$O/fuzz/corpus/$name"
	seeds=()
	[ -d "tests/fuzz/corpus/$name" ] && seeds=("tests/fuzz/corpus/$name")
	log=$O/fuzz/$name.log
	# 256 MiB, 10 s for one input: a slow or hungry input is a fault like a crash.
	"$bin" -max_total_time="$seconds" -rss_limit_mb=512 -malloc_limit_mb=256 -timeout=10 -max_len=65536 -print_final_stats=1 \
		-artifact_prefix="$O/fuzz/crash-$name-" "$O/fuzz/corpus/$name" "${seeds[@]}" >"$log" 2>&1
	code=$?
	runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
	rss=$(sed -n 's/^stat::peak_rss_mb: *//p' "$log")
	if [ $code -eq 0 ] && [ "${runs:-0}" -gt 0 ]; then
		passed=$((passed + 1))
		printf '%-24s %s runs in %s s, %s MiB\n' "$name" "$runs" "$seconds" "$rss"
	else
		failed=$((failed + 1))
		printf '%-24s FAILED (exit %d)\n' "$name" "$code"
		grep -E 'ERROR|SUMMARY|Test unit written' "$log" | head -n 5 | sed 's/^/    /'
		tail -n 3 "$log" | sed 's/^/    /'
	fi
done
printf '%d passed, %d failed, 0 skipped\n' "$passed" "$failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
