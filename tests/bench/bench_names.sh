# shellcheck shell=bash
# Names beside llvm-symbolizer's: 10,000 random addresses of each of several large programs with debug information (tests/workloads/names/compare.py
# says what its kinds are, and has the table of what was found). Debian's libc6-dbg, python3.11-dbg and nodejs as far as they are installed;
# binutils (gold, whose debug files are dwz'ed) and librados with their -dbg packages are fetched and unpacked, not installed (150 MB, kept in BUILD_DIR/names).
# VARVE_NAMES_FILES names more of them, with FILE:DIR where their debug files lie below DIR/.build-id.
# Last, what a report needs for a kernel with debug information (590 MB), or another large file, if VARVE_BENCH_VMLINUX=FILE names one.
names_dir=$(readlink -m "$O")/names
names_resolve=$T/resolve-names
cd "$TESTS/.." || exit 1
gcc -std=gnu11 -D_GNU_SOURCE -O2 -I. -o "$names_resolve" tests/workloads/names/resolve.c "$O/libreport.a" "$O/libformats.a" \
	-lsqlite3 -lelf -llzma -ldeflate -lzstd -lz -lm -lpthread -l:libiberty.a

names_fetch() { # package…
	local p
	mkdir -p "$names_dir/root"
	for p in "$@"; do
		[ -e "$names_dir/$p.done" ] && continue
		(cd "$names_dir" && apt-get download "$p" >/dev/null 2>&1 && dpkg-deb -x "$p"_*.deb root && rm -f "$p"_*.deb && touch "$p.done") ||
			echo "names: no package $p, left out"
	done
}

names_debug_of() { # FILE: the file with its DWARF, else itself
	local id d
	id=$(readelf -n "$1" 2>/dev/null | sed -n 's/.*Build ID: //p')
	for d in ${2:+"$2"} "$names_dir/root/usr/lib/debug" /usr/lib/debug; do
		[ -e "$d/.build-id/${id:0:2}/${id:2}.debug" ] && { echo "$d/.build-id/${id:0:2}/${id:2}.debug"; return; }
	done
	echo "$1"
}

names_installed() { # package, end of the file's name: where Debian put it
	readlink -f "$(dpkg -L "$1" 2>/dev/null | grep -m1 "$2\$")"
}

names_fetch binutils-x86-64-linux-gnu binutils-x86-64-linux-gnu-dbg librados2 librados2-dbg
for f in "$(names_installed libc6 /libc.so.6)" "$(names_installed python3.11-minimal /bin/python3.11)" "$(names_installed nodejs /bin/node)" \
	"$names_dir"/root/usr/bin/*-ld.gold "$names_dir"/root/usr/lib/*/{librados.so.2.0.0,ceph/libceph-common.so.2} ${VARVE_NAMES_FILES:-}; do
	names_root=
	case $f in *:*) names_root=${f#*:} f=${f%%:*} ;; esac
	[ -f "$f" ] || continue
	printf '\n%s (debug information: %s)\n' "$f" "$(names_debug_of "$f" "$names_root")"
	python3 tests/workloads/names/compare.py "$names_resolve" "$f" "$(names_debug_of "$f" "$names_root")" 10000 -d "$names_dir/root/usr/lib/debug" ${names_root:+-d "$names_root"} >"$T/names.out"
	names_code=$?
	cat "$T/names.out"
	goal "names $(basename "$f"): chain, file and line of llvm-symbolizer on 99.5 %" \
		"$(awk '/ %$/ && ($1 ~ /^depth/ || $1 ~ /^file/) { n += $(NF - 2) } END { printf "%.2f", 100 - n / 100 }' "$T/names.out")" "$names_code == 0" " %"
done

if [ -e "${VARVE_BENCH_VMLINUX:-}" ]; then
	readelf -SW "$VARVE_BENCH_VMLINUX" | awk '$0 ~ / \.text / { sub(/.*\.text/, ""); print $2, $4 }' |
		python3 -c 'import random; a, s = (int(x, 16) for x in input().split()); random.seed(1)
for _ in range(20000): print(hex(a + random.randrange(s)))' >"$T/vmlinux.addresses"
	timed "$T/vmlinux.usage" bash -c '"$0" "$1" -s <"$2"' "$names_resolve" "$VARVE_BENCH_VMLINUX" "$T/vmlinux.addresses"
	read -r names_user names_sys names_rss _ <"$T/vmlinux.usage"
	printf '\n%s: %s bytes, %s + %s s CPU, largest process %s MiB\n' "$VARVE_BENCH_VMLINUX" "$(stat -Lc %s "$VARVE_BENCH_VMLINUX")" "$names_user" "$names_sys" "$names_rss"
	goal "names $(basename "$VARVE_BENCH_VMLINUX"): peak memory below the file's size" "$names_rss" "$names_rss * 1048576 <= $(stat -Lc %s "$VARVE_BENCH_VMLINUX")" " MiB"
fi
