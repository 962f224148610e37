#!/usr/bin/env bash
# Gets Debian's cloud kernels, one per suite, into a cache directory: NAME/vmlinuz. Nothing is installed and the system's own
# package lists stay as they are (apt gets its own state, cache and sources).
#   tests/kernels/fetch.sh CACHE_DIR SUITE…
# Prints one line a suite: "SUITE VERSION PATH_OF_VMLINUZ", or "SUITE - reason".
set -u
cache=$1
shift
mirror=${VARVE_DEBIAN_MIRROR:-http://deb.debian.org/debian}
mkdir -p "$cache" || exit 1

# apt with nothing of the host's but its keys
suite_apt() { # suite, tool, arguments…
	local root=$cache/apt-$1 tool=$2
	shift 2
	"$tool" -o Dir::Etc::sourcelist="$root/sources.list" -o Dir::Etc::sourceparts=/dev/null -o Dir::Etc::preferencesparts=/dev/null \
		-o Dir::State="$root/state" -o Dir::Cache="$root/cache" -o Dir::State::status="$root/status" \
		-o Acquire::Languages=none -o Acquire::Check-Valid-Until=false -o Acquire::Retries=2 -o APT::Sandbox::User=root "$@"
}

suite_update() { # suite
	local root=$cache/apt-$1
	mkdir -p "$root/state/lists/partial" "$root/cache/archives/partial" && : >"$root/status" || return
	echo "deb [arch=amd64 signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $1 main" >"$root/sources.list"
	suite_apt "$1" apt-get -q update >"$root/update.log" 2>&1 && ! grep -q '^[EW]: .*Failed to fetch' "$root/update.log"
}

# The packages that hold the newest cloud kernel of the suite: linux-image-VERSION, and where Debian split it, linux-binary-VERSION.
suite_packages() { # suite
	local image
	image=$(suite_apt "$1" apt-cache depends linux-image-cloud-amd64 2>/dev/null | sed -n 's/^ *Depends: \(linux-image-[^ ]*\).*/\1/p' | head -n 1)
	[ -n "$image" ] || return 1
	echo "$image"
	suite_apt "$1" apt-cache depends "$image" 2>/dev/null | sed -n 's/^ *Depends: \(linux-binary-[^ ]*\).*/\1/p'
}

suite_fetch() { # suite
	local dir=$cache/$1 root=$cache/apt-$1 packages p kernel
	if [ -s "$dir/version" ] && [ -s "$dir/vmlinuz" ]; then
		echo "$1 $(cat "$dir/version") $dir/vmlinuz"
		return
	fi
	suite_update "$1" || { echo "$1 - the mirror has no $1: $(tail -n 1 "$root/update.log")"; return; }
	packages=$(suite_packages "$1") || { echo "$1 - no linux-image-cloud-amd64 in it"; return; }
	mkdir -p "$dir/deb" && cd "$dir/deb" || return
	for p in $packages; do
		suite_apt "$1" apt-get -q download "$p" >"$root/download.log" 2>&1 || { echo "$1 - download of $p: $(tail -n 1 "$root/download.log")"; return; }
	done
	for p in *.deb; do
		dpkg -x "$p" "$dir/root" || { echo "$1 - unpacking $p failed"; return; }
	done
	kernel=$(ls "$dir"/root/boot/vmlinuz-* "$dir"/root/usr/lib/modules/*/vmlinuz 2>/dev/null | head -n 1)
	[ -n "$kernel" ] || { echo "$1 - no vmlinuz in $packages"; return; }
	cp "$kernel" "$dir/vmlinuz" && echo "$packages" | sed -n '1s/^linux-image-//p' >"$dir/version"
	rm -rf "$dir/root" "$dir/deb" "$root"
	echo "$1 $(cat "$dir/version") $dir/vmlinuz"
}

for suite in "$@"; do
	(suite_fetch "$suite")
done
