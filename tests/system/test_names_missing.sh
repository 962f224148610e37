#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# What has no name says why, and what would mend it; and doing that mends it. Recorded without names, so that only files can give them.
. "$(dirname "$0")/../lib.sh"
measures "$@"
test_init "$@"
needs_bpf
needs gcc strip objcopy readelf
src=$TESTS/workloads/names
cd "$T" || exit 1

record() { # NAME command…
	"$RECORD" -q -f -F 499 -e on-cpu --symbols none -o "$T/$1.varve" -- "${@:2}" >/dev/null 2>"$T/$1.err" || sed 's/^/# /' "$T/$1.err"
}
# Rows of `info --missing`: "IMAGE|why|mend", for the image whose path ends in the word given.
missing() { # NAME IMAGE [options]
	"$REPORT" info --missing "$T/$1.varve" "${@:3}" 2>/dev/null | awk -v want="$2" '/^ *[0-9.]+%/ { path = $3; lack = $1; next }
		/^ *why: / { sub(/^ *why: */, ""); why = $0; next } /^ *mend: / { sub(/^ *mend: */, ""); n = length(path) - length(want) + 1;
		if (n > 0 && substr(path, n) == want) print lack "|" why "|" $0 }'
}
id_path() { # FILE: xx/yyy.debug
	readelf -n "$1" | sed -n 's/.*Build ID: \(..\)\(.*\)/\1\/\2.debug/p'
}
# The share of frames on the CPU that have names, and the exit status of wanting 99 %. How many are the kernel's is luck: they have theirs.
cp /proc/kallsyms kallsyms # of this very boot
named() { "$REPORT" info --missing "$T/$1.varve" --kallsyms kallsyms "${@:2}" 2>/dev/null | sed -n 's/^names, on CPU: \([0-9.]*\)%.*/\1/p'; }
wanting() { "$REPORT" info "$T/$1.varve" --min-named 99 --kallsyms kallsyms "${@:2}" >/dev/null 2>"$T/wanting.err"; echo $?; }

# ---- stripped; then with its debug file
gcc -O2 -g -static -Wl,--build-id -o whole "$src/spin.c" || skip_all "needs gcc and libc.a"
cp whole victim && strip victim
debug=$(id_path victim)
record stripped ./victim 1
has "stripped: why" "$(missing stripped victim)" '^[0-9.]+%\|no symbols\|'
has "stripped: its debug file would mend it" "$(missing stripped victim)" "\\|$debug\$"
is "stripped: no name is made up" "$("$REPORT" folded stripped.varve 2>/dev/null | grep -c 'spin_here')" 0
is "stripped: exit status below --min-named" "$(wanting stripped)" 4
has "and it says so" "$(cat wanting.err)" 'of the frames on CPU have names, less than --min-named 99$'
mkdir -p "debug/.build-id/${debug%/*}" && objcopy --only-keep-debug whole "debug/.build-id/$debug"
holds "with the file where it says, all has names" "$(named stripped --debug-dir debug) >= 99"
is "and the exit status is 0" "$(wanting stripped --debug-dir debug)" 0
is "nothing is missing of it then" "$(missing stripped victim --debug-dir debug)" ""
has "the function is there" "$("$REPORT" folded stripped.varve --debug-dir debug 2>/dev/null)" ';spin_here '
"$REPORT" db stripped.varve -o s.db --min-named 99 2>/dev/null
is "db has the same exit status" "$?" 4
is "and wrote its database" "$(ask s.db "SELECT unnamed_reason FROM image WHERE path LIKE '%/victim'")" "no symbols"
"$REPORT" db stripped.varve -o s.db --min-named 99 --kallsyms kallsyms --debug-dir debug 2>/dev/null
is "or 0" "$?" 0
"$REPORT" info stripped.varve --min-named 101 >/dev/null 2>err
is "a percentage beyond 100 is a usage error" "$?" 2

# ---- a debug file that comes after the first look is noticed, wherever it may come
late() { # WHERE PATH [options]
	local n
	rm -f stripped.db && n=$(named stripped "${@:3}") && mkdir -p "$(dirname "$2")"
	objcopy --only-keep-debug whole "$2"
	holds "a debug file that came later is noticed: $1" "$(named stripped "${@:3}") > $n"
	rm -f "$2"
}
strip -o victim whole && objcopy --only-keep-debug whole victim.debug && objcopy --add-gnu-debuglink=victim.debug victim && rm -f victim.debug
late "by build-id" "late/.build-id/$debug" --debug-dir late
late "by its name" late/victim.debug --debug-dir late
late "by its path" "late$T/victim.debug" --debug-dir late
late "beside the program" victim.debug
late "in .debug" .debug/victim.debug

# ---- debug information in two files, one of them missing
halves() { # NAME, what is missing; its record was made
	has "$1: says which file is missing" "$(missing "$1" "/$1")" "\\|debug information is missing: $2\\|that file\$"
}
inline=$TESTS/workloads/names/spin_inline.c
if command -v dwz >/dev/null && gcc -O2 -g -DTAG=half -Wl,--build-id -o dwz "$inline" && cp dwz twin && dwz -m common.dwz -M "$T/common.dwz" dwz twin 2>/dev/null; then
	id=$(id_path common.dwz)
	record dwz ./dwz 0.5
	mkdir -p "debug/.build-id/${id%/*}" && mv common.dwz "debug/.build-id/$id"
	halves dwz "dwz supplement '$T/common.dwz' \\($id\\)"
	cp "debug/.build-id/$id" common.dwz
	is "a supplement that comes later is noticed" "$(missing dwz /dwz)" ""
	has "and gives names" "$("$REPORT" folded dwz.varve 2>/dev/null)" ';half_outer;half_middle_\[i\];half_inner_\[i\]'
	is "by build-id in a --debug-dir it is found" "$(missing dwz /dwz --debug-dir debug)" ""
	has "and gives names" "$("$REPORT" folded dwz.varve --debug-dir debug 2>/dev/null)" ';half_outer;half_middle_\[i\];half_inner_\[i\]'
else
	skip "dwz: says which file is missing" "no dwz"
fi
if gcc -O2 -g -gsplit-dwarf -DTAG=half -Wl,--build-id -o split "$inline" 2>/dev/null; then
	record split ./split 0.5
	mkdir -p away && mv ./*.dwo away
	halves split "1 split unit, first '.*\\.dwo'"
	for half in away/*.dwo; do cp "$inline" "${half##*/}"; done
	halves split "1 split unit, first '.*\\.dwo'"
	mv away/*.dwo .
	is "split: that file, come later, is noticed, and nothing is missing" "$(missing split /split)" ""
else
	skip "split: says which file is missing" "gcc -gsplit-dwarf"
fi

# ---- the package that has the file, as the recorded host's dpkg knows it
mkdir -p "root/$T" root/var/lib/dpkg/info && cp victim "root/$T/victim"
printf '/.\n%s/victim\n' "$T" >root/var/lib/dpkg/info/spinner:amd64.list
printf '/.\n%s/victim2\n/x%s/victim\n' "$T" "$T" >root/var/lib/dpkg/info/another.list
has "the package is named" "$(missing stripped victim --symfs "$T/root")" '\|spinner-dbgsym \(or spinner-dbg\), or '

# ---- replaced, gone
cp whole victim && record gone ./victim 0.5
rm -f victim
has "no file: why" "$(missing gone victim)" '\|no file\|'
gcc -O2 -g -DOTHER -static -Wl,--build-id -o victim "$src/spin.c"
has "another build in its place: why" "$(missing gone victim)" "\\|build-id differs: '$T/victim'\\|"
cp whole victim
is "the file back: nothing is missing" "$(missing gone victim)" ""
gcc -O2 -static -Wl,--build-id=none -s -o noid "$src/spin.c" && record noid ./noid 0.5
has "without a build-id, stripped: why" "$(missing noid noid)" '\|no symbols\|next time the program unstripped: '
if command -v go >/dev/null; then
	mkdir -p cgo && cat >cgo/main.go <<'GO'
package main

/*
static volatile unsigned long sink;
static __attribute__((noinline)) void c_spins(unsigned long n) { for (unsigned long i = 0; i < n; i++) sink += i; }
*/
import "C"

func main() { C.c_spins(300000000) }
GO
	(cd cgo && GO111MODULE=off GOTOOLCHAIN=local GOCACHE="${GOCACHE:-${HOME:-$T}/.cache/go-build}" CGO_ENABLED=1 go build -ldflags '-s -w' -o ../cgobin main.go) 2>go.err || sed 's/^/# /' go.err
	record cgo ./cgobin
	has "stripped Go: of what cgo put in, why, and its debug file would mend it" "$(missing cgo cgobin)" "\|no symbols but Go's\|$(id_path cgobin)\$"
else
	skip "stripped Go: of what cgo put in, why" "no go"
fi

# ---- code without a file
cat >jit.c <<'C'
#include <string.h>
#include <sys/mman.h>
#include <time.h>
/* loop: dec rdi; jnz loop; ret */
static const unsigned char code[] = {0x48, 0xff, 0xcf, 0x75, 0xfb, 0xc3};
int main(void)
{
	char *p = mmap(0, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	clock_t end = clock() + CLOCKS_PER_SEC / 2;

	memcpy(p, code, sizeof(code));
	while (clock() < end)
		((void (*)(long))p)(1000000);
	return 0;
}
C
gcc -O2 -g -o jit jit.c && record jit ./jit
has "JIT code: why" "$(missing jit //anon)" '\|JIT code without a perf map\|next time a perf map'
# ---- the kernel, where it hides its addresses
restrict=$(sysctl -n kernel.kptr_restrict)
trap 'sysctl -q kernel.kptr_restrict=$restrict; test_cleanup' EXIT
sysctl -q kernel.kptr_restrict=2
"$RECORD" -f -F 997 -e on-cpu -o hidden.varve -- dd if=/dev/zero of=/dev/null bs=1M count=8000 status=none >/dev/null 2>hidden.err
sysctl -q "kernel.kptr_restrict=$restrict"
trap test_cleanup EXIT
has "kptr_restrict: the recorder says so" "$(cat hidden.err)" 'hides addresses'
has "kptr_restrict: info says why" "$(missing hidden '[kernel]')" '\|kernel addresses were hidden \(kptr_restrict\)\|--kallsyms FILE'
has "kptr_restrict: they are the kernel's frames" "$("$REPORT" folded hidden.varve 2>/dev/null)" ';\[unknown kernel\]_\[k\] '
is "kptr_restrict: no other image takes them" "$(missing hidden '[unknown]')" ''
hasnt "kptr_restrict: no address gets out" "$("$REPORT" sql hidden.varve 'SELECT printf("%x", rel_addr) FROM frame' 2>/dev/null)" '^ *ffffffff'
has "kptr_restrict: kallsyms of that boot mends it" "$("$REPORT" folded hidden.varve --kallsyms kallsyms 2>/dev/null)" ';vfs_read_\[k\];'

"$REPORT" info --missing "$TESTS/golden/report.varve" >golden.out 2>&1
is "info --missing of a recording made elsewhere works" "$?" 0
test_done
