#!/usr/bin/env bash
# Boots Debian's kernels under qemu without acceleration, each with cgroup v2 and again with v1; the guest (init) loads, records,
# forces an OOM kill and reads the recording back. Prints TAP and a table. Ends green, saying so, where qemu or the mirror cannot be had.
#   tests/kernels/run.sh [BUILD_DIR [SUITE…]]        VARVE_KERNEL_CACHE: where kernels are kept (BUILD_DIR/kernels)
#   VARVE_VM_CHECK=1: only varve-record --check on each kernel, in a quarter of a minute: what its verifier says of the programs
set -u
cd "$(dirname "$0")/../.." || exit 1
O=${1:-build}
shift
suites=("$@")
[ ${#suites[@]} -eq 0 ] && suites=(bullseye bookworm trixie sid)
cache=${VARVE_KERNEL_CACHE:-$O/kernels}
mkdir -p "$cache" || exit 1
cache=$(cd "$cache" && pwd)
seconds=${VARVE_VM_SECONDS:-240}
. tests/kernels/vm_lib.sh
need_packages "the kernel matrix" qemu-system-x86 busybox-static cpio

boot() { # kernel, cgroup version, log, processor
	local qemu
	guest "$1" "$cache/initramfs.gz" "$4" "varve=$2"
	timeout -k 5 "$seconds" "${qemu[@]}" </dev/null 2>&1 | tr -d '\r' >"$3"
}

# Guests of qemu 7.2 die now and then on a busy host, before varve has run, too. Without cmpxchg16b nearly never: with it 6.12 died in 11 of 26 boots
# beside other work (double fault in __kmalloc, 1 to 8 s after power-on), without it in none of 12. Seen besides, on 7.2 twice in one run: an int3 of the
# kernel's own text patching, in switch_fpu_return() where a tracepoint is switched off, taken for a stranger's, with the patched code already in memory:
# a CPU ran what the emulator had translated before. So a guest whose kernel died is started again. What we do to a kernel it dies of each time.
TRIES=5
boot_until_done() { # name, kernel, cgroup version, log
	local try died
	for ((try = 1; try <= TRIES; try++)); do
		boot "$2" "$3" "$4" "$(processor "$1")"
		[ -n "$(value "$4" done)" ] && return
		died=$(grep -m 1 -oE '(Oops|BUG|Kernel panic|rcu: INFO|soft lockup).*' "$4") || return
		echo "# $1, cgroup $3, try $try: the guest's kernel died: $died ($(grep -m 1 -o 'RIP: .*' "$4"))"
		cp "$4" "${4%.log}.try$try"
	done
}

value() { sed -n "s/^RESULT $2 //p" "$1" | head -n 1; }

judge_load() { # name, log
	claim "$1: --check says that recording works" "$([ "$(value "$2" check)" = 0 ] || [ "$(value "$2" check)" = 1 ]; echo $?)" "exit $(value "$2" check)"
	claim "$1: nothing is lost at idle" "$([ "$(value "$2" idle_lost)" = 0 ]; echo $?)" "$(value "$2" idle_lost) lost"
	local cpu
	for cpu in 0 1; do
		local rate
		rate=$(value "$2" "samples_per_s $cpu")
		claim "$1: at least 80 of 99 samples a second on busy CPU $cpu" "$(awk -v r="${rate:-0}" 'BEGIN { print((r >= 80) ? 0 : 1) }')" "$rate"
	done
	claim "$1: the samples have names" "$([ "$(value "$2" named)" -ge 1 ] 2>/dev/null; echo $?)" "$(value "$2" named) stacks"
	claim "$1: waits have stacks" "$([ "$(value "$2" waits)" -ge 1 ] 2>/dev/null; echo $?)" "$(value "$2" waits) waits"
}

judge_hotplug() { # name, log
	if [ -n "$(value "$2" hotplug_skip)" ]; then
		skip "$1: CPU hotplug" "$(value "$2" hotplug_skip)"
		return
	fi
	local back
	back=$(sed -n 's/^RESULT plug_back_s //p' "$2" | tr '\n' ' ')
	claim "$1: a CPU off at the start, off for 2 s, for 0.2 s and again is sampled within 2 s of its return" \
		"$(echo "$back" | awk 'NF != 4 { exit 1 } { for (i = 1; i <= 4; i++) if ($i == "" || $i > 2.0) exit 1 }'; echo $?)" "$back s"
	claim "$1: by a recorder that kept what recording takes, and no more" "$([ "$(value "$2" plug_caps)" = 000001c400084004 ]; echo $?)" "$(value "$2" plug_caps)"
	claim "$1: that it was away is in the file" "$([ "$(value "$2" plug_told)" -ge 2 ] 2>/dev/null; echo $?)" "$(value "$2" plug_told) rows"
	claim "$1: the recording over hotplug is whole" "$([ "$(value "$2" plug_verify)" = 0 ]; echo $?)"
}

judge_clock() { # name, log
	claim "$1: a wall clock that is set 10 years ahead, and back, is in the file, each within a second" "$([ "$(value "$2" clock_jumps)" = "3650.0 -3650.0" ]; echo $?)" "$(value "$2" clock_jumps) days; $(value "$2" clock_status)"
	claim "$1: and moves no event" "$([ "$(value "$2" clock_outside)" = 0 ] && [ "$(value "$2" clock_seconds)" -lt 100 ]; echo $?)" "$(value "$2" clock_outside) samples outside of $(value "$2" clock_seconds) s"
}

judge_oom() { # name, log, cgroup version
	if [ -n "$(value "$2" oom_skip)" ]; then
		skip "$1: an OOM kill under cgroup $3" "$(value "$2" oom_skip)"
		return
	fi
	claim "$1: the OOM kill under cgroup $3 is one row with its victim" "$([ "$(value "$2" oom_rows)" = 1 ]; echo $?)" "$(value "$2" oom_rows) rows, the hog ended with $(value "$2" hog_status)"
	claim "$1: its scope, cgroup and limit" "$([ "$(value "$2" oom_scope)" = "memcg /hog $((48 << 20))" ]; echo $?)" "$(value "$2" oom_scope)"
	claim "$1: its anonymous memory" "$(awk -v a="$(value "$2" oom_anon_kb)" 'BEGIN { print((a > 35000 && a < 49200) ? 0 : 1) }')" "$(value "$2" oom_anon_kb) KiB"
	claim "$1: its allocating stack" "$([ "$(value "$2" oom_stack)" -ge 1 ] 2>/dev/null; echo $?)"
	claim "$1: the largest tasks before it" "$([ "$(value "$2" oom_tasks)" -ge 1 ] 2>/dev/null; echo $?)" "$(value "$2" oom_tasks) tasks"
	claim "$1: the recording is whole" "$([ "$(value "$2" verify)" = 0 ]; echo $?)" "verify exits $(value "$2" verify)"
}

initramfs tests/kernels/init "$cache/initramfs.gz" "$O/varve-record" "$O/varve-report" "$O/tests/workloads/split50" "$O/tests/workloads/oomhog" ||
	{ claim "the initramfs is made" 1; echo "1..$n"; exit 1; }
while read -r suite version kernel; do
	if [ "$version" = - ]; then
		skip "kernel of $suite" "$kernel"
		continue
	fi
	if [ -n "${VARVE_VM_CHECK:-}" ]; then
		boot "$kernel" check "$cache/$suite-check.log" "$(processor "$version")"
		sed "s/^/# $version: /" "$cache/$suite-check.log"
		continue
	fi
	for cg in v2 v1; do
		log=$cache/$suite-$cg.log
		start=$SECONDS
		boot_until_done "$version" "$kernel" "$cg" "$log"
		if [ -z "$(value "$log" done)" ]; then
			claim "$version ($suite), cgroup $cg: boots and runs to its end within $seconds s" 1 "$(grep -v '^$' "$log" | tail -n 3 | tr '\n' '|')"
			grep '^RESULT\|^#' "$log" | tail -n 12 | sed 's/^/# /'
			continue
		fi
		claim "$version ($suite), cgroup $cg: boots and runs to its end" 0 "$((SECONDS - start)) s"
		[ "$cg" = v2 ] && judge_load "$version" "$log" && judge_hotplug "$version" "$log"
		[ "$cg" = v1 ] && judge_clock "$version" "$log"
		judge_oom "$version" "$log" "$cg"
		claim "$version: the kernel had nothing to complain of" "$(grep -qE '^# dmesg: .*(BUG|WARNING|Oops|INFO)' "$log"; echo $((! $?)))" "$(grep -m1 '^# dmesg' "$log")"
		[ "$bad" -ne 0 ] && grep '^#' "$log" | head -n 20
	done
done < <(tests/kernels/fetch.sh "$cache" "${suites[@]}")
echo "1..$n"
echo "# kernel logs: $cache"
[ "$bad" -eq 0 ]
