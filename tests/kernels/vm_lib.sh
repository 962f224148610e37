# shellcheck shell=bash
# What the tests under qemu share (run.sh, power_loss.sh): claims as TAP, packages, what the guest has, starting it. To be sourced in the project's
# root with O (the build directory) and cache (where kernels and logs are kept, absolute) set.
n=0 bad=0

claim() { # claim, condition's status, what was found
	n=$((n + 1))
	if [ "$2" -eq 0 ]; then
		echo "ok $n - $1${3:+ ($3)}"
	else
		bad=$((bad + 1))
		echo "# found: ${3:-nothing}"
		echo "not ok $n - $1"
	fi
}
skip() {
	n=$((n + 1))
	echo "ok $n - $1 # SKIP $2"
}

# Install what only these tests need. Not having it is not a failure: then the test ends here, saying so.
need_packages() { # what it is for, packages…
	local what=$1 missing=() sudo p
	shift
	for p in "$@"; do dpkg-query -W -f='${Status}' "$p" 2>/dev/null | grep -q 'ok installed' || missing+=("$p"); done
	[ ${#missing[@]} -ne 0 ] || return 0
	echo "# installing for $what: ${missing[*]}"
	sudo=$([ "$(id -u)" -eq 0 ] || echo sudo)
	if ! { $sudo apt-get update -q && $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}"; } >"$cache/apt.log" 2>&1; then
		skip "$what" "no ${missing[*]}: $(tail -n 1 "$cache/apt.log")"
		echo "1..$n"
		exit 0
	fi
}

# An initramfs of busybox, the programs, and the libraries they name.
initramfs() { # the guest's init, the archive, programs…
	local init=$1 archive=$2 root=$cache/root f lib
	shift 2
	rm -rf "$root"
	mkdir -p "$root/bin" "$root/lib" "$root/lib64"
	cp "$(command -v busybox)" "$root/bin/busybox" || return
	cp "$init" "$root/init" && chmod 755 "$root" "$root/init"
	for f in "$@"; do
		cp "$f" "$root/bin/" || return
		for lib in $(ldd "$f" | grep -o '/[^ ]*'); do
			case $lib in
			*/ld-linux*) cp -L "$lib" "$root/lib64/" ;;
			*) cp -L "$lib" "$root/lib/" ;;
			esac
		done
	done
	strip --strip-debug "$root"/lib/* 2>/dev/null
	(cd "$root" && find . | cpio -o -H newc --quiet | gzip -1) >"$archive"
	rm -rf "$root"
	echo "# $(basename "$archive"): $(($(stat -c %s "$archive") >> 10)) KiB"
}

# Which processor a kernel of this version gets. Without cmpxchg16b, which qemu 7.2 gets wrong on a busy host (run.sh says how that shows), where
# nothing else is lost with it: 7.2 has no task storage then, as what may be allocated in any context needs it (kmalloc_nolock()).
processor() { # version
	[ "${1%%.*}" -ge 7 ] && echo max || echo max,-cx16
}

# The start of the command line of a guest: what follows are its disks. Standard output is its console.
guest() { # kernel, initramfs, processor, words for the kernel's command line
	qemu=(qemu-system-x86_64 -nodefaults -no-user-config -display none -no-reboot -machine q35 -accel "tcg,thread=multi" -cpu "$3" -smp 2 -m 1024
		-kernel "$1" -initrd "$2" -append "console=ttyS0 quiet panic=-1 oops=panic softlockup_panic=1 $4" -serial stdio)
}
