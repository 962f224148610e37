#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Builds the corpus of stacks into DIR and lists its constructs there: "NAME COMMAND…" a line in DIR/list. Languages that are not installed
# are left out.
#   tests/workloads/stacks/build.sh DIR
set -eu
here=$(cd "$(dirname "$0")" && pwd)
out=$1
mkdir -p "$out"
stamp=$out/list
[ -e "$stamp" ] && [ -z "$(find "$here" -newer "$stamp" -type f)" ] && exit 0
rm -f "$stamp"
c="-std=gnu11 -w -O2 -fomit-frame-pointer -fno-optimize-sibling-calls -I$here"
cc() { ${CC:-gcc} $c "$@" "$here/st_c.c" -lpthread -ldl; }
gcc -w -O2 -fPIC -shared -fvisibility=hidden -fno-optimize-sibling-calls -DLIB=a -DLIB_PAD=64 -o "$out/libst_a.so" "$here/st_lib.c"
gcc -w -O2 -fPIC -shared -fvisibility=hidden -fno-optimize-sibling-calls -DLIB=b -DLIB_PAD=4000 -o "$out/libst_b.so" "$here/st_lib.c"
gcc -w -O2 -fPIC -shared -fvisibility=hidden -fno-optimize-sibling-calls -DLIB=c -DLIB_PAD=64 -o "$out/libst_c.so" "$here/st_lib.c"
cc -o "$out/st_c" -L"$out" -Wl,-rpath,"$out",-z,lazy -Wl,--push-state,--no-as-needed -lst_c -Wl,--pop-state
go=(env GO111MODULE=off GOCACHE="$out/go-cache" go build)
# the same code in other clothes
cc -DST_NAME='"fp-"' -fno-omit-frame-pointer -fno-asynchronous-unwind-tables -fno-unwind-tables -o "$out/st_fp"
cc -DST_NAME='"dbg-"' -g -fno-asynchronous-unwind-tables -fno-unwind-tables -o "$out/st_debugframe"
cc -DST_NAME='"static-"' -static -o "$out/st_static"
cc -DST_NAME='"spie-"' -static-pie -fPIE -o "$out/st_static_pie"
cc -DST_NAME='"nopie-"' -no-pie -fno-pie -Wl,--section-start=st_far=0x900000 -o "$out/st_nopie"
cc -DST_NAME='"nosep-"' -Wl,-z,noseparate-code -o "$out/st_noseparate"
cc -DST_NAME='"nohdr-"' -Wl,--no-eh-frame-hdr -o "$out/st_nohdr"
cc -DST_NAME='"lld-"' -fuse-ld=lld -o "$out/st_lld" # addresses are not file offsets
CC=clang cc -DST_NAME='"clang-"' -o "$out/st_clang"
cc -DST_NAME='"stripped-"' -o "$out/st_sections" && objcopy --strip-section-headers "$out/st_sections" 2>/dev/null || rm -f "$out/st_sections"
g++ -w -O2 -fomit-frame-pointer -fno-optimize-sibling-calls -I"$here" -o "$out/st_cc" "$here/st_cc.cc"
{
	for m in deep rec100 rec190 rec1000 alloca vla big48k realign tailcall noreturn sigalt sigfirst sigtimer tiny coroutine qsort \
		bsearch syscall vdso prologue asm-fp asm-sub asm-pops trampoline jit dlopen dlreuse fork shorts memfd deleted mntns \
		ra-register expression py-tramp plt munmap vfork clone; do
		echo "$m $out/st_c $m"
	done
	for b in fp debugframe static static_pie nopie noseparate nohdr lld clang; do echo "$b $out/st_$b deep"; done
	echo "segment $out/st_nopie segment"
	for m in template unwinding catch throwing virtual lambda stdsort; do echo "$m $out/st_cc $m"; done
	for rustc in /usr/bin/rustc "$(command -v rustc)"; do # Debian's, if there is one
		[ -x "$rustc" ] && "$rustc" -O -C force-frame-pointers=no -o "$out/st_rs" "$here/st_rs.rs" 2>/dev/null || continue
		for m in rust-generic rust-dyn rust-panic; do echo "$m $out/st_rs $m"; done
		break
	done
	if command -v go >/dev/null && "${go[@]}" -o "$out/st_go" "$here/st_go.go"; then
		for m in deep rec iface panic sort; do echo "go-$m $out/st_go $m"; done
	fi
	if command -v go >/dev/null && "${go[@]}" -o "$out/st_cgo" "$here/st_cgo.go"; then
		for m in cgo-call cgo-back; do echo "$m $out/st_cgo $m"; done
	fi
	[ ! -x /usr/bin/node ] || for m in deep rec sort regexp method; do
		echo "node-$m /usr/bin/node --perf-basic-prof --interpreted-frames-native-stack $here/st_node.js node-$m"
	done
	[ ! -x /usr/bin/python3 ] || for m in call sort ctypes; do echo "py-$m /usr/bin/python3 $here/st_python.py py-$m"; done
} >"$stamp.new"
mv "$stamp.new" "$stamp"
