# shellcheck shell=bash
# The scene of planted causes (tests/workloads/causes.c), for tests and pictures: source after lib.sh, test_init done.
#   causes_prepare DIR NAME    programs under their parts' names into DIR/bin, cgroups below /NAME, a slow disk; sets
#                              C_CGROUP C_NOISY C_VICTIM (as the kernel names them), C_ROOT (the hierarchy), C_DISK (the file or
#                              device), C_SLOW (what makes it slow), C_CPU
#   causes_play DIR SECONDS    starts the parts, and is back when they have ended: noisy from the middle on, a crash after
#                              a third, an OOM kill after about a half. What they print goes to DIR/PART.out

CAUSES_CONTAINER=5ca1ab1e0ddba11feedfacedeadbea75ca1ab1e0ddba11feedfacedeadbea7ca

causes_prepare() { # directory, name
	local part
	TEST_LOOPS=()
	mkdir -p "$1/bin"
	for part in convoy victim noisy spawnd stormlet slowdisk crasher; do cp "$W/causes" "$1/bin/$part"; done
	cp "$W/oomhog" "$1/bin/memhog"
	C_CPU=$(($(nproc) - 1))
	for C_ROOT in /sys/fs/cgroup/cpu /sys/fs/cgroup; do
		[ -e "$C_ROOT/cgroup.procs" ] && break
	done
	[ "$C_ROOT" = /sys/fs/cgroup ] && echo +cpu >"$C_ROOT/cgroup.subtree_control" 2>/dev/null
	C_CGROUP=/$2 C_VICTIM=/$2/shop C_NOISY=/$2/docker/$CAUSES_CONTAINER
	mkdir -p "$C_ROOT$C_VICTIM" "$C_ROOT$C_NOISY" || return 1
	TEST_CGROUPS+=("$C_ROOT$C_NOISY" "$C_ROOT/$2/docker" "$C_ROOT$C_VICTIM" "$C_ROOT/$2")
	if [ "$C_ROOT" = /sys/fs/cgroup ]; then
		echo "+cpu" >"$C_ROOT/$2/cgroup.subtree_control" 2>/dev/null && echo +cpu >"$C_ROOT/$2/docker/cgroup.subtree_control" 2>/dev/null
		echo "150000 100000" >"$C_ROOT$C_NOISY/cpu.max" 2>/dev/null
	else
		echo 150000 >"$C_ROOT$C_NOISY/cpu.cfs_quota_us" 2>/dev/null
	fi
	memory_cgroup "$2-memory" 64
	causes_disk "$1" "$2-io"
}

# A disk of 200 writes a second: a loop device, throttled by cgroup v1's blkio or v2's io controller. Where neither can be had, the file
# is beside the others, and its disk as slow as it is.
causes_disk() { # directory, name
	local loop limit io
	C_DISK=$1/slow.img C_SLOW="" C_IO=""
	truncate -s 4M "$C_DISK"
	for io in /sys/fs/cgroup/blkio /sys/fs/cgroup; do
		[ "$io" = /sys/fs/cgroup ] && { grep -qw io "$io/cgroup.controllers" 2>/dev/null && echo +io >"$io/cgroup.subtree_control" 2>/dev/null || continue; }
		loop=$(losetup -f --show "$C_DISK" 2>/dev/null) || return 0
		TEST_LOOPS+=("$loop")
		mkdir "$io/$2" 2>/dev/null && TEST_CGROUPS+=("$io/$2")
		limit=$(cat "/sys/block/${loop#/dev/}/dev" 2>/dev/null) || return 0
		if echo "$limit 200" >"$io/$2/blkio.throttle.write_iops_device" 2>/dev/null || echo "$limit wiops=200" >"$io/$2/io.max" 2>/dev/null; then
			C_DISK=$loop C_IO=$io/$2 C_SLOW="200 writes a second on $loop"
			return 0
		fi
	done
}

causes_loops_off() {
	local loop
	for loop in "${TEST_LOOPS[@]}"; do losetup -d "$loop" 2>/dev/null; done
}

causes_start() { # directory, part, cgroup path, more cgroup directories separated by spaces, arguments…
	local dir=$1 part=$2 groups="$C_ROOT$3 $4"
	shift 4
	(
		for g in $groups; do echo "$BASHPID" >"$g/cgroup.procs" || exit 1; done
		exec "$dir/bin/$part" "$@"
	) >"$dir/$part.out" 2>"$dir/$part.err" &
	TEST_PIDS+=($!)
	C_PIDS+=($!)
}

causes_play() { # directory, seconds
	local half third
	half=$(awk "BEGIN { print $2 / 2 }") third=$(awk "BEGIN { print $2 / 3 }")
	C_PIDS=()
	causes_start "$1" convoy "$C_VICTIM" "" "$2"
	causes_start "$1" victim "$C_VICTIM" "" "$2" "$C_CPU"
	causes_start "$1" spawnd "$C_VICTIM" "" "$2"
	causes_start "$1" slowdisk "$C_VICTIM" "$C_IO" "$2" "$C_DISK"
	causes_start "$1" crasher "$C_VICTIM" "" "$third"
	[ -n "${MEMCG:-}" ] && causes_start "$1" memhog "$C_VICTIM" "$MEMCG" 40 "$(awk "BEGIN { print $half * 1000 }")" 4
	sleep "$half"
	causes_start "$1" noisy "$C_NOISY" "" "$half" "$C_CPU"
	wait "${C_PIDS[@]}" 2>/dev/null
}
