#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Of several files of one build the first in the order of search is read: all of them are there, each has its place as the source's name, and
# one after the other is taken away. Files of another build in their places are refused, the first of them by name.
# RUN: beside others (records one command that runs by CPU time)
. "$(dirname "$0")/../lib.sh"
measures "$@"
test_init "$@"
needs_bpf
needs gcc strip objcopy xz
cd "$T" || exit 1
one=0x1111111111111111111111111111111111111111 other=0x2222222222222222222222222222222222222222
id=11/11111111111111111111111111111111111111.debug

variant() { # NAME [BUILD-ID]: the program, from a source of that name
	cp "$TESTS/workloads/names/spin.c" "$1.c" && gcc -O2 -g "-Wl,--build-id=${2:-$one}" -o "$1.whole" "$1.c" && objcopy --only-keep-debug "$1.whole" "$1.debug"
}
variant itself || skip_all "needs gcc"
strip -o victim itself.whole && objcopy --strip-debug itself.debug mini && xz -k mini
cp itself.debug link.debug && objcopy --add-gnu-debuglink=link.debug --add-section .gnu_debugdata=mini.xz victim
"$RECORD" -q -f -F 499 -e on-cpu --symbols none -o r.varve -- ./victim 0.6 >/dev/null 2>rec.err || sed 's/^/# /' rec.err

root=$T/root at=$T # where the victim was, below the root
mkdir -p "$root$at/.debug" "$root/usr/lib/debug/.build-id/11" "$root/usr/lib/debug$at" "d1/.build-id/11" "d1$at" "d2/.build-id/11" "d2$at"
candidates=()
place() { # NAME PATH [whole]: a candidate there
	variant "$1" && mkdir -p "$(dirname "$2")" && cp "$1.${3:-debug}" "$2" && candidates+=("$1 $2")
}
place by_id_in_first_dir "d1/.build-id/$id"
place by_path_and_debug_in_first_dir "d1$at/victim.debug"
place by_path_in_first_dir "d1$at/victim"
place by_name_and_debug_in_first_dir d1/victim.debug
place by_name_in_first_dir d1/victim
place by_id_in_second_dir "d2/.build-id/$id"
place at_its_path "$root$at/victim" whole
place by_id_in_system "$root/usr/lib/debug/.build-id/$id"
place by_link_and_path_in_first_dir "d1$at/link.debug"
place by_link_in_first_dir d1/link.debug
place by_link_beside "$root$at/link.debug"
place by_link_in_dot_debug "$root$at/.debug/link.debug"
place by_link_in_system "$root/usr/lib/debug$at/link.debug"
is "all candidates are there" "${#candidates[@]}" 13

seen() { # where spin_here is declared
	rm -f r.db # names that were found stay: this is about finding them
	"$REPORT" sql r.varve --format csv --symfs "$root" --debug-dir d1 --debug-dir d2 "SELECT s.path FROM function f JOIN source_file s ON s.id = f.file_id WHERE f.name = 'spin_here'" 2>/dev/null |
		tr -d '\r' | sed -n '2s|.*/\(.*\)\.c$|\1|p'
}
for c in "${candidates[@]}"; do
	is "read is the one ${c%% *}" "$(seen)" "${c%% *}"
	rm -f "${c#* }"
	[ "${c%% *}" = at_its_path ] && cp victim "${c#* }" # the image itself is needed for its link
done
rm -f r.db
is "then the program's own .gnu_debugdata" "$("$REPORT" sql r.varve --format csv --symfs "$root" "SELECT DISTINCT f.name, i.symbols, f.file_id FROM function f JOIN image i ON i.id = f.image_id WHERE f.name = 'spin_here'" 2>/dev/null |
	tr -d '\r' | tail -n 1)" "spin_here,minidebuginfo,"

# ---- other builds
variant of_another_build "$other"
for p in "d1/.build-id/$id" d2/victim.debug "$root/usr/lib/debug/.build-id/$id" "$root$at/link.debug"; do cp of_another_build.debug "$p"; done
is "files of another build are not read" "$(seen)" ''
rm -f "$root$at/victim"
why=$("$REPORT" info --missing r.varve --symfs "$root" --debug-dir d1 --debug-dir d2 2>/dev/null | sed -n '\|/victim|,$ s/^ *why:  *//p' | head -n 1)
is "and the first of them is refused by name" "$why" "build-id differs: 'd1/.build-id/$id'"

# ---- paths within a file are meant below --symfs, too: split units where they were made, a dwz supplement where it was put
below() { # CLAIM NAME FILES…: NAME is the program; the files go where they were, below the root
	local claim=$1 name=$2 f
	"$RECORD" -q -f -F 499 -e on-cpu --symbols none -o "$name.varve" -- "./$name" 0.4 >/dev/null 2>&1
	rm -rf root && for f in "${@:2}"; do mkdir -p "$root$(dirname "$at/$f")" && mv "$f" "$root$at/$f"; done
	has "$claim" "$("$REPORT" folded "$name.varve" --symfs "$root" 2>/dev/null)" ";below_outer;below_middle_\\[i\\];below_inner_\\[i\\] "
}
inline=$TESTS/workloads/names/spin_inline.c
mkdir -p elsewhere/made
if gcc -O2 -g -gsplit-dwarf -DTAG=below -Wl,--build-id -o split "$inline" -dumpdir elsewhere/made/ 2>/dev/null && [ -n "$(ls elsewhere/made/*.dwo 2>/dev/null)" ]; then
	below "a split unit is found below --symfs" split elsewhere/made/*.dwo
else
	skip "a split unit is found below --symfs" "gcc -gsplit-dwarf -dumpdir"
fi
if command -v dwz >/dev/null && gcc -O2 -g -DTAG=below -Wl,--build-id -o shared "$inline" && cp shared twin && dwz -m elsewhere/common.dwz -M "$T/elsewhere/common.dwz" shared twin 2>/dev/null; then
	below "a dwz supplement is found below --symfs" shared elsewhere/common.dwz
else
	skip "a dwz supplement is found below --symfs" "no dwz"
fi
test_done
