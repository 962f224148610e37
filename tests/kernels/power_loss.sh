#!/usr/bin/env bash
# Power loss: a guest under qemu records to an ext4 disk under load, and its power goes at a random moment (SIGKILL for qemu). Then the disk's journal is
# replayed and the recording read. What the recorder was told is synced has to be there, every byte, in chunks with nothing wrong; after it, at
# most a torn tail, which the reader names. Every other round writes segments. What a disk's own cache loses is not tried: qemu's disk is a file of
# the host, which lives on.
#   tests/kernels/power_loss.sh [BUILD_DIR [ROUNDS]]        VARVE_KERNEL_CACHE: where kernels are kept (BUILD_DIR/kernels)
set -u
cd "$(dirname "$0")/../.." || exit 1
O=${1:-build} rounds=${2:-25}
cache=${VARVE_KERNEL_CACHE:-$O/kernels}
mkdir -p "$cache" || exit 1
cache=$(cd "$cache" && pwd)
. tests/kernels/vm_lib.sh
need_packages "power loss" qemu-system-x86 busybox-static cpio strace e2fsprogs python3
W=$cache/power
rm -rf "$W"
mkdir -p "$W/dump"

read -r _ version kernel < <(tests/kernels/fetch.sh "$cache" bookworm)
[ "$version" != - ] || { skip "power loss" "kernel of bookworm: $kernel"; echo "1..$n"; exit 0; }
initramfs tests/kernels/init_power_loss "$cache/initramfs-power.gz" "$O/varve-record" "$O/tests/workloads/split50" "$(command -v strace)" ||
	{ claim "the initramfs is made" 1; echo "1..$n"; exit 1; }

# Runs a guest until its power goes, up to 4 s after the first sync. Status 1: it never came so far.
lose_power() { # words for the kernel's command line
	local qemu pid i
	truncate -s 0 "$W/disk.img" && truncate -s 64M "$W/disk.img" && mkfs.ext4 -q -F "$W/disk.img" || return
	guest "$kernel" "$cache/initramfs-power.gz" "$(processor "$version")" "$1"
	"${qemu[@]}" -drive file="$W/disk.img",if=none,id=d,format=raw,cache=writeback -device nvme,drive=d,serial=1 </dev/null >"$W/console" 2>&1 &
	pid=$!
	for ((i = 0; i < 900; i++)); do
		grep -qa '^fsync.*= 0' "$W/console" && break
		kill -0 $pid 2>/dev/null || break
		sleep 0.1
	done
	sleep "$((RANDOM % 4)).$((RANDOM % 1000))"
	kill -KILL $pid 2>/dev/null
	wait $pid 2>/dev/null
	tr -d '\r' <"$W/console" >"$W/log"
	grep -qa '^fsync.*= 0' "$W/log"
}

# What a file has to show for what was synced of it. Prints what is wrong.
judge_file() { # name, bytes synced
	local name=$1 f=$W/dump/$1 report
	rm -f "$f"
	debugfs -R "dump /$name $f" "$W/disk.img" >/dev/null 2>&1
	[ "$(stat -c %s "$f" 2>/dev/null || echo -1)" -ge "$2" ] || { echo "$name: $2 bytes were synced, $(stat -c %s "$f" 2>/dev/null || echo none) are there"; return; }
	[ "$2" -gt 0 ] || return
	bytes=$((bytes + $2))
	head -c "$2" "$f" >"$f.synced"
	report=$("$O/varve-report" verify "$f.synced" --json 2>&1)
	[[ $report == *'"damage":[]'*'"clean":true'* ]] || { echo "$name: of the synced part verify says $report"; return; }
	"$O/varve-report" verify "$f" --json >"$W/verify" 2>&1
	case $? in
	0) ;;
	3) torn=$((torn + 1)) ;;
	*) echo "$name: verify says $(head -c 300 "$W/verify")" ;;
	esac
}

judge() { # words; leaves $wrong, $bytes and $torn
	local name synced
	wrong='' bytes=0 torn=0
	e2fsck -fy "$W/disk.img" >"$W/fsck" 2>&1
	[ $? -le 1 ] || { wrong="e2fsck: $(tail -n 1 "$W/fsck")"; return; }
	while read -r name synced; do
		judge_file "$name" "$synced" >>"$W/wrong"
	done < <(tests/kernels/power_loss.py "$W/log")
	wrong=$(cat "$W/wrong")
	[ "$bytes" -gt 0 ] || wrong="nothing was synced: $(tail -n 2 "$W/log")"
}

total=0 tails=0
for ((round = 1; round <= rounds; round++)); do
	mode=$((round % 2 ? 0 : 1))
	words=$([ $mode = 1 ] && echo segments || echo one)
	: >"$W/wrong"
	lose_power "$words" || lose_power "$words" || { # emulated guests die now and then by themselves
		claim "round $round ($words): the guest recorded" 1 "$(grep -a . "$W/log" | tail -n 3 | tr '\n' '|')"
		continue
	}
	judge
	total=$((total + bytes)) tails=$((tails + torn))
	claim "round $round ($words): all that was synced is there and whole" "$([ -z "$wrong" ]; echo $?)" "${wrong:-$bytes bytes}"
	[ -z "$wrong" ] || cp "$W/log" "$W/round$round.log"
done
echo "1..$n"
echo "# $rounds rounds, $total bytes synced, $tails files with a torn tail"
rm -f "$W/disk.img"
[ "$bad" -eq 0 ]
