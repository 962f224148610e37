#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Damaged ELF, DWARF, Go tables and perf maps: the report's symbolizer finishes each time, and other modules keep their names.
#   tests/system/test_names_hostile.sh BUILD_DIR        VARVE_MUTATIONS=20000 for the long run
# RUN: beside others (records nothing)
cd "$(dirname "$0")/../.." || exit 1
O=${1:-build}
src=$PWD/tests/workloads/names
dir=$(mktemp -d "${TMPDIR:-/tmp}/varve-hostile.XXXXXX")
trap 'rm -rf "$dir"' EXIT
libs="$O/libreport.a $O/libformats.a -lsqlite3 -lelf -llzma -ldeflate -lzstd -lz -lm -lpthread -l:libiberty.a"
# shellcheck disable=SC2086
if ! gcc -std=gnu11 -D_GNU_SOURCE -O1 -I. -o "$dir/mutate" "$src/mutate.c" $libs 2>"$dir/log"; then
	sed 's/^/# /' "$dir/log"
	echo "not ok 1 - the mutator builds"
	exit 1
fi
cd "$dir" || exit 1
inputs=() # whole paths: only such are looked at
add() { # NAME COMMAND…
	local name=$1
	shift
	"$@" >/dev/null 2>&1 && inputs+=("$dir/$name")
}
add gcc5 gcc -O2 -g -Wl,--build-id -I"$src" "$src/chain.c" -o gcc5
add clang4 clang -O2 -gdwarf-4 -Wl,--build-id -I"$src" "$src/chain.c" -o clang4
add split gcc -O2 -g -gsplit-dwarf -I"$src" "$src/chain.c" -o split
add zlib gcc -O2 -g -gz=zlib -I"$src" "$src/chain.c" -o zlib
add zstd objcopy --compress-debug-sections=zstd gcc5 zstd
add cxx g++ -x c++ -O2 -g -w -fpermissive -I"$src" "$src/chain.c" -o cxx
mini() { objcopy --only-keep-debug gcc5 d && objcopy -S --keep-symbol=outer d m && xz -kf m && cp gcc5 mini && strip mini && objcopy --add-section .gnu_debugdata=m.xz mini; }
add mini mini
n=${VARVE_MUTATIONS:-1000} seed=${VARVE_SEED:-1}
out=$(./mutate "$n" "$seed" "${inputs[@]}" 2>&1)
status=$?
echo "$out" | tail -n 5 | sed 's/^/# /'
[ ${#inputs[@]} -ge 5 ] && [ $status -eq 0 ] && echo "$out" | grep -q "^$n damaged files" && echo "ok 1 - $n damaged files of ${#inputs[@]} kinds cost nobody else a name" || {
	echo "not ok 1 - $n damaged files of ${#inputs[@]} kinds cost nobody else a name"
	bad=1
}
go_build() { GO111MODULE=off GOTOOLCHAIN=local GOCACHE="${GOCACHE:-${HOME:-$dir}/.cache/go-build}" go build -ldflags '-s -w -B 0x0123456789abcdef0123' -o gobin "$src/chain.go"; }
inputs=("$dir/gcc5")
add gobin go_build
if [ ${#inputs[@]} -eq 2 ]; then
	n=$((n / 10))
	out=$(./mutate "$n" $((seed + 1)) "${inputs[@]}" 2>&1)
	status=$?
	echo "$out" | tail -n 5 | sed 's/^/# /'
	[ $status -eq 0 ] && echo "ok 2 - $n damaged Go programs too" || { echo "not ok 2 - $n damaged Go programs too"; bad=1; }
else
	echo "ok 2 - damaged Go programs too # SKIP no go"
fi

# perf maps, of a bundle's unpacked form: every writer's habits, and code that is written twice
i=0
for name in 'py::Reader.lines.<locals>.<lambda>:/srv/app/read lines.py' 'LazyCompile:*hot /a b.js:10:3' 'Function:^get x /a.js:1:1' 'Builtin:ArrayMap' \
	'La/b/C;::f' 'int a.B.f(int, java.lang.String)' 'int32 [System.Private.CoreLib] A.B::f(int32)[Tier0]' 'wasm-function[3]' 'a;b c' '_ZN1a1bEv'; do
	for ((k = 0; k < 30; k++, i++)); do printf '%x %x %s\n' $((0x10000 + i * 0x40)) $((k % 7 ? 0x40 : 0x60)) "$name"; done
done >map
m=$(grep -c . map)
n=${VARVE_MUTATIONS:-1000}
out=$(./mutate "$n" $((seed + 2)) -m map "$dir/gcc5" 2>&1)
status=$?
echo "$out" | tail -n 5 | sed 's/^/# /'
[ "$m" -eq 300 ] && [ $status -eq 0 ] && [ "$(echo "$out" | sed -n 's/.*: \([0-9]*\) still.*/\1/p')" -gt $((n / 2)) ] && echo "ok 3 - $n damaged perf maps too" || { echo "not ok 3 - $n damaged perf maps too"; bad=1; }
echo "1..3"
exit ${bad:-0}
