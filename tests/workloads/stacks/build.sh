#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Builds the corpus of stacks into DIR and lists its constructs there: "NAME COMMAND…" a line in DIR/list.
#   tests/workloads/stacks/build.sh DIR
set -eu
here=$(cd "$(dirname "$0")" && pwd)
out=$1
mkdir -p "$out"
stamp=$out/list
[ -e "$stamp" ] && [ -z "$(find "$here" -newer "$stamp" -type f)" ] && exit 0
rm -f "$stamp"
c="-std=gnu11 -w -O2 -fomit-frame-pointer -fno-optimize-sibling-calls -I$here"
cc() { gcc $c "$@" "$here/st_c.c" -lpthread -ldl; }
cc -o "$out/st_c"
# the same code in other clothes
cc -DST_NAME='"fp-"' -fno-omit-frame-pointer -fno-asynchronous-unwind-tables -fno-unwind-tables -o "$out/st_fp"
cc -DST_NAME='"dbg-"' -g -fno-asynchronous-unwind-tables -fno-unwind-tables -o "$out/st_debugframe"
cc -DST_NAME='"static-"' -static -o "$out/st_static"
cc -DST_NAME='"spie-"' -static-pie -fPIE -o "$out/st_static_pie"
cc -DST_NAME='"nopie-"' -no-pie -fno-pie -Wl,--section-start=st_far=0x900000 -o "$out/st_nopie"
cc -DST_NAME='"nosep-"' -Wl,-z,noseparate-code -o "$out/st_noseparate"
cc -DST_NAME='"stripped-"' -o "$out/st_sections" && objcopy --strip-section-headers "$out/st_sections" 2>/dev/null || rm -f "$out/st_sections"
gcc -w -O2 -fPIC -shared -fvisibility=hidden -fno-optimize-sibling-calls -DLIB=a -DLIB_PAD=64 -o "$out/libst_a.so" "$here/st_lib.c"
gcc -w -O2 -fPIC -shared -fvisibility=hidden -fno-optimize-sibling-calls -DLIB=b -DLIB_PAD=4000 -o "$out/libst_b.so" "$here/st_lib.c"
g++ -w -O2 -fomit-frame-pointer -fno-optimize-sibling-calls -I"$here" -o "$out/st_cc" "$here/st_cc.cc"
{
	for m in deep rec100 rec190 rec1000 alloca vla big48k realign tailcall noreturn sigalt sigfirst sigtimer tiny coroutine qsort \
		bsearch syscall vdso prologue asm-fp asm-sub asm-pops trampoline jit dlopen dlreuse fork shorts memfd deleted mntns; do
		echo "$m $out/st_c $m"
	done
	for b in fp debugframe static static_pie nopie noseparate; do echo "$b $out/st_$b deep"; done
	echo "segment $out/st_nopie segment"
	for m in template unwinding catch throwing virtual lambda stdsort; do echo "$m $out/st_cc $m"; done
	if command -v rustc >/dev/null && rustc -O -C force-frame-pointers=no -o "$out/st_rs" "$here/st_rs.rs" 2>/dev/null; then
		for m in rust-generic rust-dyn rust-panic; do echo "$m $out/st_rs $m"; done
	fi
} >"$stamp.new"
mv "$stamp.new" "$stamp"
