#!/usr/bin/env bash
# Installs the Debian packages that building, testing and measuring need, and says which. Nothing else changes.
#   tests/deps.sh [--list]
set -eu
build=(gcc libc6-dev make clang bpftool pkg-config libbpf-dev libelf-dev libdw-dev liblzma-dev libdeflate-dev libzstd-dev zlib1g-dev libsqlite3-dev libiberty-dev)
tests=(g++ libdebuginfod1 libc6-dbg dwz lld llvm bats sqlite3 python3 jq linux-perf strace gdb binutils xz-utils libxml2-utils procps util-linux perl file libcap2-bin zstd e2fsprogs mandoc golang-go rustc nodejs gdc)
all=("${build[@]}" "${tests[@]}")
[ "${1:-}" = --list ] && { printf '%s\n' "${all[@]}"; exit 0; }

missing=()
for p in "${all[@]}"; do
	dpkg-query -W -f='${Status}' "$p" 2>/dev/null | grep -q 'ok installed' || missing+=("$p")
done
[ ${#missing[@]} -eq 0 ] && exit 0

printf 'varve: installing %d Debian packages: %s\n' "${#missing[@]}" "${missing[*]}"
sudo=
if [ "$(id -u)" -ne 0 ]; then
	command -v sudo >/dev/null || { echo "varve: installing packages needs root: run as root, or install sudo" >&2; exit 1; }
	sudo=sudo
fi
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
if ! { $sudo apt-get update -q && $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
	tail -n 20 "$log" >&2
	echo "varve: apt-get could not install the packages named above (log: $log)" >&2
	exit 1
fi
rm -f "$log"
