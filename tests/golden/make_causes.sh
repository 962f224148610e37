#!/usr/bin/env bash
# Makes tests/golden/causes.varve anew: the scene of planted causes (tests/workloads/causes.c) recorded in a guest of its own, so that
# nothing of the machine it is made on is in it, and the answers to every named question beside it (causes.answers).
#   tests/golden/make_causes.sh BUILD_DIR VMLINUZ LOOP_KO      (a Debian cloud kernel and its loop module)
#   tests/golden/make_causes.sh --answers BUILD_DIR            only the answers, after a change of the questions
#   tests/golden/make_causes.sh --print BUILD_DIR              the answers on stdout, for the test that compares them
# The format is append-only: an old recording should never need to be made anew.
set -eu
golden=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$golden/../.." && pwd)

answers() { # varve-report: every question of the golden recording, as CSV, its names from the recording alone
	local report=$1 q work
	work=$(mktemp -d)
	"$report" db "$golden/causes.varve" -o "$work/c.db" --symfs "$work" --quiet
	for q in $("$report" sql --list | cut -d' ' -f1); do
		echo "== $q"
		"$report" sql "$work/c.db" -q "$q" --format csv | tr -d '\r'
	done
	rm -rf "$work"
}
case $1 in
--answers)
	answers "$2/varve-report" >"$golden/causes.answers"
	exit
	;;
--print)
	answers "$2/varve-report"
	exit
	;;
esac

O=$1 kernel=$2 loop=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root
mkdir -p "$root/bin" "$root/lib" "$root/lib64" "$root/srv/shop/bin"
cp "$(command -v busybox)" "$root/bin/busybox"
cp "$loop" "$root/lib/loop.ko"
for part in convoy victim noisy spawnd stormlet slowdisk crasher; do cp "$O/tests/workloads/causes" "$root/srv/shop/bin/$part"; done
cp "$O/tests/workloads/oomhog" "$root/srv/shop/bin/memhog"
cp "$O/varve-record" "$root/bin/"
for f in "$O/varve-record" "$O/tests/workloads/causes"; do
	for lib in $(ldd "$f" | grep -o '/[^ ]*'); do
		case $lib in
		*/ld-linux*) cp -L "$lib" "$root/lib64/" ;;
		*) cp -L "$lib" "$root/lib/" ;;
		esac
	done
done
cat >"$root/init" <<'GUEST'
#!/bin/busybox sh
/bin/busybox mkdir -p /proc /sys /dev /tmp /sys/fs/cgroup /usr/bin
/bin/busybox --install -s /bin
export PATH=/bin LD_LIBRARY_PATH=/lib
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mount -t tmpfs tmp /tmp
mount -t cgroup2 cgroup2 /sys/fs/cgroup
hostname shop-1
exec 2>&1
box=/shop/docker/5ca1ab1e0ddba11feedfacedeadbea75ca1ab1e0ddba11feedfacedeadbea7ca
cd /sys/fs/cgroup
echo "+cpu +memory +io" >cgroup.subtree_control
mkdir -p shop/docker shop/web shop/batch
echo "+cpu +memory +io" >shop/cgroup.subtree_control
echo "+cpu" >shop/docker/cgroup.subtree_control
mkdir -p ".$box"
echo "150000 100000" >".$box/cpu.max"
echo $((64 << 20)) >shop/batch/memory.max
insmod /lib/loop.ko
truncate -s 4M /tmp/slow.img
loop=$(losetup -f)
losetup "$loop" /tmp/slow.img
echo "$(cat "/sys/block/${loop#/dev/}/dev") wiops=200" >shop/web/io.max
cd /srv/shop
start() { # cgroup, part, arguments…
	dir=/sys/fs/cgroup$1
	part=$2
	shift 2
	sh -c 'echo $$ >"$0/cgroup.procs"; exec "$@"' "$dir" "/srv/shop/bin/$part" "$@" >"/tmp/$part.out" 2>&1 &
}
varve-record -a -F 199 -e all --no-comm 'varve-record' -z 19 --duration 60 -o /tmp/c.varve &
rec=$!
i=0
while [ "$(stat -c %s /tmp/c.varve 2>/dev/null || echo 0)" -le 96 ] && [ $i -lt 600 ]; do sleep 0.1; i=$((i + 1)); done
start /shop/web convoy 8
start /shop/web victim 8 1
start /shop/web spawnd 8
start /shop/web slowdisk 8 "$loop"
start /shop/web crasher 2.7
start /shop/batch memhog 40 4000 4
sleep 4
start "$box" noisy 4 1
sleep 4.5
kill -INT $rec
wait $rec
for f in /tmp/*.out; do sed "s|^|# $f: |" "$f"; done
echo "BEGIN RECORDING"
base64 /tmp/c.varve
echo "END RECORDING"
sync
poweroff -f
GUEST
chmod 755 "$root" "$root/init"
(cd "$root" && find . | cpio -o -H newc --quiet | gzip -1) >"$work/initramfs.gz"
accel=tcg,thread=multi
[ -n "${VARVE_KVM:-}" ] && accel=kvm
log=${VARVE_GUEST_LOG:-$work/log}
timeout -k 5 300 qemu-system-x86_64 -nodefaults -no-user-config -display none -no-reboot -machine q35 -accel "$accel" -cpu max -smp 2 -m 1024 \
	-kernel "$kernel" -initrd "$work/initramfs.gz" -append "console=ttyS0 quiet panic=-1" -serial stdio </dev/null | tr -d '\r' >"$log"
sed -n '/^BEGIN RECORDING/,/^END RECORDING/p' "$log" | sed '1d;$d' | base64 -d >"$work/c.varve"
sed '/^BEGIN RECORDING/,$d' "$log" | tail -n 30
"$O/varve-report" verify "$work/c.varve"
cp "$work/c.varve" "$golden/causes.varve"
answers "$O/varve-report" >"$golden/causes.answers"
