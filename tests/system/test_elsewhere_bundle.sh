#!/usr/bin/env bash
# One recording read in three places: on the host; in an empty root with what it carries itself; in an empty root with a bundle. The third
# says byte for byte what the first says, the second too but for inlined functions and lines. Programs of every kind whose names lie in other
# files than themselves: debug files by build-id, .gnu_debuglink (with and without a build-id), dwz supplement, .dwp, .dwo, compressed sections, minidebuginfo,
# Go, no build-id. And files that nobody finds later: deleted, memfd, of another mount namespace.
# RUN: beside others (records one command that runs by CPU time)
. "$(dirname "$0")/../lib.sh"
measures "$@"
test_init "$@"
needs_bpf
needs sqlite3 ldd chroot gcc objcopy strip
src=$TESTS/workloads/names/spin_inline.c
mkdir -p "$T/bin"
cd "$T/bin" || exit 1

make_one() { # tag, shell commands after `gcc … -o TAG` (in its own directory), gcc's options…
	local tag=$1 after=$2
	shift 2
	mkdir -p "$tag"
	if (cd "$tag" && gcc -O2 -g -DTAG="$tag" -Wl,--build-id "$@" -o "$tag" "$src" && eval "$after") >log 2>&1; then
		TAGS+=("$tag")
	else
		skip "$tag in the recording" "cannot be built here: $(tail -n 1 log)"
	fi
}
TAGS=()
make_one plain true
make_one zlib true -gz=zlib
make_one noid true -Wl,--build-id=none
make_one static true -static
make_one link 'objcopy --only-keep-debug link link.debug && strip link && objcopy --add-gnu-debuglink=link.debug link'
make_one crc 'objcopy --only-keep-debug crc x && objcopy --remove-section=.note.gnu.build-id x x.debug && strip crc && objcopy --add-gnu-debuglink=x.debug crc'
make_one dwz 'cp dwz other && dwz -m common.dwz -M common.dwz dwz other && readelf -S dwz | grep -q gnu_debugaltlink'
make_one dwp4 'dwp -e dwp4 -o dwp4.dwp && rm -f *.dwo' -gdwarf-4 -gsplit-dwarf
make_one mini 'objcopy --only-keep-debug mini mini.debug && objcopy -S --strip-debug mini.debug small && strip -g small && xz small && strip mini && objcopy --add-section .gnu_debugdata=small.xz mini && rm mini.debug'
make_one stripped 'cp stripped unstripped && strip stripped'
[ ${#TAGS[@]} -ge 6 ] || not_ok "at least six kinds of programs are built" "${TAGS[*]}"

# ---- one recording, three places ------------------------------------------------------------------------------------
cat >"$T/run.sh" <<'SH'
for t in "$@"; do "$PWD/$t/$t" 0.4; done
SH
"$RECORD" -F 999 -e on-cpu,off-cpu -o "$T/e.varve" --bundle "$T/e.bundle" -- sh "$T/run.sh" "${TAGS[@]}" >/dev/null 2>"$T/rec.err"
is "the recording succeeds" $? 0
has "and says what is in the bundle" "$(cat "$T/rec.err")" '^\[ bundle: [0-9]+ modules, [0-9]+ files, .* → '
"$REPORT" bundle "$T/e.varve" -o "$T/e2.bundle" 2>"$T/bundle.err"
is "varve-report bundle succeeds" $? 0
is "both bundles have the same members" "$(tar tf "$T/e2.bundle" | sort)" "$(tar tf "$T/e.bundle" | sort)"
is "a bundle is private" "$(stat -c %a "$T/e.bundle" "$T/e2.bundle" | sort -u)" 600

root=$T/root
mkdir -p "$root/tmp"
copy() { mkdir -p "$root$(dirname "$1")" && cp -L "$1" "$root$1"; }
for lib in $(ldd "$REPORT" | grep -o '/[^ ]*'); do copy "$lib"; done
cp "$REPORT" "$root/varve-report"
cp "$T"/*.varve "$T"/*.bundle "$root/"
elsewhere() { XDG_CACHE_HOME=/tmp chroot "$root" /varve-report "$@"; }

names() { # database: everything that naming put in
	ask "$1" "SELECT i.kind, i.path, i.build_id, i.debug_path, i.symbols, fn.name, fn.raw_name, fn.language, sf.path, fn.line, f.rel_addr, f.line, f.inlined
		FROM frame f JOIN function fn ON fn.id = f.function_id JOIN image i ON i.id = f.image_id LEFT JOIN source_file sf ON sf.id = fn.file_id ORDER BY f.id"
}
same() { # claim, file, file
	if [ -s "$2" ] && cmp -s "$2" "$3"; then ok "$1 ($(wc -l <"$2") lines)"; else not_ok "$1" "$(wc -l <"$2") and $(wc -l <"$3") lines
$(diff "$2" "$3" | head -n 10)"; fi
}
"$REPORT" db "$T/e.varve" -o "$T/host.db" 2>/dev/null
names "$T/host.db" >"$T/names.host"
for b in e e2; do
	elsewhere db /e.varve -o "/tmp/$b.db" --symfs "/$b.bundle" 2>"$T/err"
	names "$root/tmp/$b.db" >"$T/names.$b"
	same "$b.bundle in an empty root: every frame has the host's function, file, line and debug file" "$T/names.host" "$T/names.$b"
	for event in on-cpu off-cpu; do
		"$REPORT" folded "$T/e.varve" --event $event >"$T/host" 2>/dev/null
		elsewhere folded /e.varve --event $event --symfs "/$b.bundle" >"$T/there" 2>/dev/null
		same "$b.bundle in an empty root: folded $event is the host's byte for byte" "$T/host" "$T/there"
	done
done
for event in on-cpu off-cpu; do
	"$REPORT" folded "$T/e.varve" --event $event --no-inline >"$T/host" 2>/dev/null
	elsewhere folded /e.varve --event $event >"$T/there" 2>/dev/null
	same "without a bundle: folded $event is the host's but for inlined functions" "$T/host" "$T/there"
done
elsewhere db /e.varve -o /tmp/hit.db 2>/dev/null
outermost() { ask "$1" "SELECT i.kind, i.path, i.build_id, fn.name, coalesce(fn.raw_name, ''), f.rel_addr FROM frame f JOIN function fn ON fn.id = f.function_id JOIN image i ON i.id = f.image_id WHERE NOT f.inlined ORDER BY 2, 3, f.rel_addr, 4"; }
outermost "$T/host.db" >"$T/outer.host"
outermost "$root/tmp/hit.db" >"$T/outer.hit"
same "without a bundle: each address has the host's function" "$T/outer.host" "$T/outer.hit"
is "and no line" "$(ask "$root/tmp/hit.db" "SELECT count(*) FROM frame WHERE line IS NOT NULL OR inlined")" 0

# the comparison above says nothing about what the host itself did not find
for t in "${TAGS[@]}"; do
	case $t in
	stripped) ;;
	mini) has "$t: by its name" "$(cut -d' ' -f1-99 "$T/outer.host")" "/$t [^/]*${t}_outer" ;;
	*) has "$t: its inlined function with its line" "$(cat "$T/names.e")" "/$t .*${t}_inner .* [1-9][0-9]* 1\$" ;;
	esac
done
# a function without a name is one function: all frames of it have one placeholder, by its start
start=$(nm "$T/bin/stripped/unstripped" | sed -n 's/^0*\([0-9a-f]*\) T stripped_outer$/\1/p')
for db in "$T/host.db" "$root/tmp/hit.db" "$root/tmp/e.db"; do
	is "stripped: the function that spins is one, called by its start, in ${db##*/}" \
		"$(ask "$db" "SELECT fn.name, count(DISTINCT f.rel_addr) > 1 FROM frame f JOIN function fn ON fn.id = f.function_id JOIN image i ON i.id = f.image_id WHERE i.path LIKE '%/stripped' AND f.rel_addr BETWEEN $((16#$start)) AND $((16#$start + 60)) GROUP BY 1")" \
		"[unknown stripped+0x$start] 1"
done
has "the vdso is in it" "$(cat "$T/names.e")" '^vdso \[vdso\] .*__vdso_clock_gettime'

# ---- split units: found by reading DWARF --------------------------------------------------------------------------------
split_units() { # NAME, what makes ./dwo and its .dwo files
	local name=$1
	shift
	mkdir -p "split-$name" && cd "split-$name" || exit 1
	if "$@" -gsplit-dwarf -DTAG=dwo -Wl,--build-id -o dwo "$src" 2>/dev/null && ls *.dwo >/dev/null 2>&1; then
		[ "$name" != debug ] || { objcopy --only-keep-debug dwo dwo.debug && strip dwo && objcopy --add-gnu-debuglink=dwo.debug dwo; }
		"$RECORD" -q -f -F 999 -e on-cpu -o "$root/d.varve" --bundle "$root/rec.bundle" -- ./dwo 0.3 >/dev/null 2>&1
		"$REPORT" bundle "$root/d.varve" -o "$root/rep.bundle" 2>/dev/null
		has "$name: the recorder's bundle has a split unit" "$(tar tf "$root/rec.bundle")" '^dwo/[0-9a-f]{16}\.dwo\.zst$'
		is "$name: it has what the report's has" "$(tar tf "$root/rec.bundle" | sort)" "$(tar tf "$root/rep.bundle" | sort)"
		"$REPORT" folded "$root/d.varve" >"$T/host" 2>/dev/null
		elsewhere folded /d.varve --symfs /rec.bundle >"$T/there" 2>/dev/null
		same "$name: with the recorder's bundle, folded is the host's byte for byte" "$T/host" "$T/there"
		has "$name: inlined functions are there" "$(cat "$T/there")" 'dwo_outer;dwo_middle_\[i\];dwo_inner_\[i\]'
		rm -f "$root"/{rec,rep}.bundle
	else
		skip "$name: the recorder's bundle has a split unit" "cannot be built here"
	fi
	cd .. || exit 1
}
split_units gcc5 gcc -O2 -gdwarf-5
split_units gcc4 gcc -O2 -gdwarf-4
split_units clang5 clang -O2 -gdwarf-5
split_units clang4 clang -O2 -gdwarf-4
split_units zlib gcc -O2 -g -gz=zlib
split_units debug gcc -O2 -g
if gcc -O2 -g -gsplit-dwarf -DTAG=dwo -Wl,--build-id -o dwo "$src" 2>/dev/null && ls *.dwo >/dev/null 2>&1; then
	"$RECORD" -q -F 999 -e on-cpu -o "$root/d.varve" -- ./dwo 0.5 >/dev/null 2>&1
	"$REPORT" bundle "$root/d.varve" -o "$root/d.bundle" 2>/dev/null
	has "a split unit is in the bundle" "$(tar tf "$root/d.bundle")" '^dwo/[0-9a-f]{16}\.dwo\.zst$'
	"$REPORT" folded "$root/d.varve" >"$T/host" 2>/dev/null
	elsewhere folded /d.varve --symfs /d.bundle >"$T/there" 2>/dev/null
	same "with split units: folded is the host's byte for byte" "$T/host" "$T/there"
	has "with split units: inlined functions are there" "$(cat "$T/there")" 'dwo_outer;dwo_middle_\[i\];dwo_inner_\[i\]'
else
	skip "a split unit is in the bundle" "gcc -gsplit-dwarf"
fi

# ---- files that nobody finds later -------------------------------------------------------------------------------------
inlined() { # recording, tag
	elsewhere folded "/$1.varve" --symfs "/$1.bundle" 2>/dev/null | awk -v t="$2" '{ n = $NF; if ($0 !~ t "_outer") next; all += n } $0 ~ t "_outer;" t "_middle_\\[i\\];" t "_inner_\\[i\\]" { hit += n } END { printf "%.0f", all ? 100 * hit / all : 0 }'
}
gcc -O2 -g -DTAG=gone -Wl,--build-id -o gone "$src"
record_lost() { # name, command…
	local name=$1
	shift
	"$RECORD" -q -F 999 -e on-cpu -o "$root/$name.varve" --bundle "$root/$name.bundle" -- "$@" >/dev/null 2>"$T/$name.err" || sed 's/^/# /' "$T/$name.err"
	holds "$1 of $name: inlined functions in the bundle" "$(inlined "$name" gone) >= 95"
}
cp gone victim
record_lost deleted sh -c './victim 1 & until [ "$(cat /proc/$!/comm)" = victim ]; do sleep 0.05; done; sleep 0.4; rm -f victim; wait'
if command -v python3 >/dev/null; then
	record_lost memfd python3 -c 'import os, sys
fd = os.memfd_create("spin", 0)
os.write(fd, open("gone", "rb").read())
os.execve(fd, ["spin", "1"], os.environ)'
fi
record_lost namespace unshare -m sh -c 'mkdir -p ns && mount -t tmpfs t ns && cp gone ns/hidden && exec ns/hidden 1'

# ---- perf maps: for JIT code whose names the recording does not have
python_names() { "$REPORT" folded "$root/map.varve" "$@" 2>/dev/null | awk '{ n = $NF; if (/_\[j\]|unknown jit/) all += n } /;<module>_\[j\];.*;Reader.lines_\[j\];.*;parse_\[j\];/ { hit += n } END { printf "%.0f", all ? 100 * hit / all : -1 }'; }
gcc -O2 -g -Wl,--build-id -o pymap "$TESTS/workloads/names/pymap.c"
"$RECORD" -q -f -F 999 -e on-cpu --symbols none -o "$root/map.varve" --bundle "$root/map.bundle" -- ./pymap 0.5 >pid 2>"$T/map.err"
is "a perf map: recorded" $? 0
rm -f "/tmp/perf-$(cat pid).map"
has "a perf map is in the bundle" "$(tar tf "$root/map.bundle")" '^perf-maps/[0-9]+-[0-9]+\.map\.zst$'
is "without it there are no names" "$(python_names)" 0
holds "with it JIT code has its names" "$(python_names --symfs "$root/map.bundle") >= 95"
mkdir unpacked && tar xf "$root/map.bundle" -C unpacked && unzstd -q unpacked/perf-maps/*.zst
holds "and with what it unpacks to" "$(python_names --symfs unpacked) >= 95"
mv unpacked/perf-maps/*.map "unpacked/perf-maps/$(cat pid)-1.map"
is "a map of another process of that pid names nothing" "$(python_names --symfs unpacked)" 0
if [ -x "$W/jit" ]; then # two functions at one address, one after the other
	"$RECORD" -q -f -F 999 -e on-cpu --symbols none -o "$root/twice.varve" --bundle "$root/twice.bundle" -- "$W/jit" map 1 >pid 2>/dev/null
	rm -f "/tmp/perf-$(truth pid pid).map"
	is "code that was overwritten has no name rather than a wrong one" "$("$REPORT" folded "$root/twice.varve" --symfs "$root/twice.bundle" 2>/dev/null | grep -cE 'first_code|second_code')" 0
	has "and info says why" "$("$REPORT" info "$root/twice.varve" --symfs "$root/twice.bundle" 2>/dev/null)" 'JIT code was overwritten'
fi

# ---- bundles that are none, and standard output ----------------------------------------------------------------------------
head -c 100000 "$T/e.bundle" >"$root/cut.bundle"
elsewhere folded /e.varve --symfs /cut.bundle >"$T/there" 2>"$T/err"
is "a bundle that was cut short is read" $? 0
elsewhere folded /e.varve --symfs /cut.bundle --no-inline 2>/dev/null | awk '{ n += $NF } END { print n }' >"$T/a"
is "and no sample is lost by it" "$(cat "$T/a")" "$("$REPORT" folded "$T/e.varve" 2>/dev/null | awk '{ n += $NF } END { print n }')"
"$REPORT" bundle "$T/e.varve" -o - 2>/dev/null | cmp -s - "$T/e2.bundle"
is "-o - gives the same bytes" "${PIPESTATUS[0]}${PIPESTATUS[1]}" 00
echo precious >"$T/precious"
"$REPORT" bundle "$T/e.varve" -o "$T/precious" >/dev/null 2>"$T/err"
is "another file is not replaced" "$?$(cat "$T/precious")" 1precious
"$RECORD" -q -e on-cpu --duration 1 -o "$T/x.varve" --bundle "$T/precious" 2>"$T/err"
is "nor by the recorder" "$?$(cat "$T/precious")" 125precious
is "and no recording is begun" "$(ls "$T/x.varve" 2>/dev/null)" ""
has "it says why" "$(cat "$T/err")" "precious' exists already"
test_done
