#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# One program, built and dressed in every way debug information comes in: the chain of functions, files and lines at known places must
# be the true one, and where nothing is known no name must be given. Then all of them are sampled: at least 95 % of each one's samples must have
# the expected chain, and no frame a name that is not its own.
#   tests/system/test_names.sh BUILD_DIR
# RUN: beside others (records one command that runs by CPU time)
cd "$(dirname "$0")/../.." || exit 1
O=${1:-build}
src=$PWD/tests/workloads/names
dir=$(mktemp -d "${TMPDIR:-/tmp}/varve-names.XXXXXX")
trap 'rm -rf "$dir"' EXIT
n=0 bad=0
line() { grep -n "/\* $1 \*/" "$src/$2" | cut -d: -f1; }
leaf=$(line LEAF chain_leaf.h) middle=$(line MIDDLE chain.c) outer=$(line OUTER chain.c) plain=$(line PLAIN chain.c) second=$(line SECOND chain.c)

if ! gcc -std=gnu11 -D_GNU_SOURCE -O1 -I. -g -o "$dir/resolve" "$src/resolve.c" "$O/libreport.a" "$O/libformats.a" \
	-lsqlite3 -lelf -llzma -ldeflate -lzstd -lz -lm -lpthread -l:libiberty.a 2>"$dir/log"; then
	sed 's/^/# /' "$dir/log"
	echo "not ok 1 - the resolver builds"
	exit 1
fi

# The chains as "name file:line" per frame, a "-" between addresses.
ask() { # FILE ADDRESSES [resolve's options]
	local file=$1 addrs=$2
	shift 2
	"$dir/resolve" "$file" "$@" <"$addrs" 2>"$dir/stats" | awk 'NF == 0 { print "-"; next } odd { n = split($0, p, "/"); split(p[n], q, ":"); print name, q[1] ":" q[2]; odd = 0; next } { name = $0; odd = 1 }'
}
full="leaf chain_leaf.h:$leaf
middle chain.c:$middle
outer chain.c:$outer
-
plain chain.c:$plain
-"
names_only="outer ??:0
-
plain ??:0
-"
lines_only="outer chain_leaf.h:$leaf
-
plain chain.c:$plain
-"
nothing="?? ??:0
-
?? ??:0
-"
verdict() { # name, wanted, got
	n=$((n + 1))
	if [ "$2" = "$3" ]; then
		echo "ok $n - $1"
	else
		bad=1
		echo "# wanted:" && echo "$2" | sed 's/^/#   /'
		echo "# got:" && echo "$3" | sed 's/^/#   /'
		echo "# $(cat "$dir/stats")"
		echo "not ok $n - $1"
	fi
}
skip() { n=$((n + 1)); echo "ok $n - $1 # SKIP $2"; }
# To be sampled at the end: NAME, PROGRAM, the chain wanted, and as grade.py has it, what is true. Run as PROGRAM [ARGUMENT] SECONDS.
sampled() { # NAME PROGRAM PATTERN TRUTH INLINES [ARGUMENT [IMAGE]]
	[ -e "$2" ] || return
	printf '%s\t%s\t%s\t%s\t%s\t%s\n' "$1" "$2" "${7:-$2}" "$3" "$4" "$5" >>"$dir/rows"
	printf '%q %s %s\n' "$2" "${6:-}" 0.25 >>"$dir/run.sh"
}
sampled_chain() { # NAME WANTED
	local pattern='(^|;)outer$'
	case $2 in
	"$full"*) pattern=';outer;middle;leaf$' ;;
	"$nothing") pattern=- ;;
	esac
	sampled "$1" "$dir/$1/chain" "$pattern" "at $dir/$1/chain.true" leaf,middle
}
# Build in its own folder NAME with the compiler command given; the program is ./chain there, its addresses ./addrs.
build() { # NAME COMMAND…
	local name=$1
	shift
	mkdir -p "$dir/$name" && cd "$dir/$name" || exit 1
	if ! "$@" -I"$src" -Wl,--build-id=sha1 -o chain >log 2>&1 || ! ./chain >addrs || ! cp chain chain.true; then
		sed 's/^/# /' log | head -n 5
		cd "$OLDPWD" || exit 1
		return 1
	fi
	cd "$OLDPWD" || exit 1
}
check() { # NAME WANTED COMMAND…
	local name=$1 want=$2
	shift 2
	if build "$name" "$@"; then
		verdict "$name" "$want" "$(ask "$dir/$name/chain" "$dir/$name/addrs")"
		sampled_chain "$name" "$want"
	elif [ "$1" = gcc ]; then
		verdict "$name" "a program" "$(tail -n1 "$dir/$name/log")"
	else
		skip "$name" "cannot be built here"
	fi
}
C="$src/chain.c"
for v in 2 3 4 5; do
	check "gcc_dwarf$v" "$full" gcc -O2 -gdwarf-$v "$C"
	check "clang_dwarf$v" "$full" clang -O2 -gdwarf-$v "$C"
done
check gcc_dwarf64 "$full" gcc -O2 -gdwarf-5 -gdwarf64 "$C"
check gcc_O3_types_section "$full" gcc -O3 -g -fdebug-types-section "$C"
check gcc_g1 "$full" gcc -O2 -g1 "$C"
check clang_line_tables_only "$full" clang -O2 -gline-tables-only "$C"
check gcc_sections_gc "$full" gcc -O2 -g -ffunction-sections -Wl,--gc-sections "$C"
check gcc_static "$full" gcc -O2 -g -static "$C"
check gcc_static_pie "$full" gcc -O2 -g -static-pie "$C"
check gcc_no_pie "$full" gcc -O2 -g -no-pie "$C"
check gcc_code_in_first_segment "$full" gcc -O2 -g -Wl,-z,noseparate-code "$C"
check lld_vaddr_is_not_offset "$full" clang -O2 -g -fuse-ld=lld "$C"
check lld_icf "$full" clang -O2 -g -fuse-ld=lld -ffunction-sections -Wl,--icf=all "$C"
check gcc_lto_across_units "$full" gcc -O2 -g -flto -DLEAF_ELSEWHERE "$C" "$src/chain_leaf.c"
check clang_lto_across_units "$full" clang -O2 -g -flto -fuse-ld=lld -DLEAF_ELSEWHERE "$C" "$src/chain_leaf.c"
check gcc_zlib_sections "$full" gcc -O2 -g -gz=zlib "$C"
check gcc_zlib_gnu_sections "$full" gcc -O2 -g -gz=zlib-gnu "$C"
check gcc_no_debug_info "$names_only" gcc -O2 "$C"
check gcc_stripped "$nothing" gcc -O2 -g -s "$C"
for c in gcc clang; do
	for v in 4 5; do
		check "${c}_split_dwarf$v" "$full" $c -O2 -gdwarf-$v -gsplit-dwarf "$C"
	done
done

# ---- dressed afterwards
dress() { # NAME WANTED OPTIONS-OF-RESOLVE SHELL-COMMANDS   (in a folder with a fresh -g program)
	local name=$1 want=$2 opts=$3
	build "$name" gcc -O2 -g "$C" || { skip "$name" "cannot be built here"; return; }
	if ! (cd "$dir/$name" && eval "$4") >"$dir/$name/log" 2>&1; then
		skip "$name" "$(tail -n1 "$dir/$name/log")"
		return
	fi
	# shellcheck disable=SC2086
	verdict "$name" "$want" "$(cd "$dir/$name" && ask "$dir/$name/chain" addrs $opts)"
	sampled_chain "$name" "$want"
}
id_path='id=$(readelf -n chain | sed -n "s/.*Build ID: //p"); d=$PWD/debug/.build-id/${id:0:2}; mkdir -p $d; objcopy --only-keep-debug chain $d/${id:2}.debug && strip chain'
dress zstd_sections "$full" "" 'objcopy --compress-debug-sections=zstd chain && readelf -t chain | grep -q ZSTD'
dress build_id_dir "$full" "-d debug" "$id_path"
dress debug_dir_without_the_file "$nothing" "-d debug" 'strip chain; mkdir debug'
dress debug_file_of_another_build "$nothing" "-d debug" 'strip chain; mkdir debug; gcc -O1 -g -I'"$src $C"' -Wl,--build-id=sha1 -o debug/chain.debug'
dress debuglink_beside "$full" "" 'objcopy --only-keep-debug chain chain.debug && strip chain && objcopy --add-gnu-debuglink=chain.debug chain'
dress debuglink_in_dot_debug "$full" "" 'mkdir .debug && objcopy --only-keep-debug chain .debug/chain.debug && strip chain && objcopy --add-gnu-debuglink=.debug/chain.debug chain'
dress debuglink_by_crc_alone "$full" "" 'objcopy --only-keep-debug chain x && objcopy --remove-section=.note.gnu.build-id x x.debug && strip chain && objcopy --add-gnu-debuglink=x.debug chain'
dress debuglink_with_a_wrong_crc "$nothing" "" 'objcopy --only-keep-debug chain x && objcopy --remove-section=.note.gnu.build-id x x.debug && strip chain && objcopy --add-gnu-debuglink=x.debug chain && printf x >>x.debug'
dress minidebuginfo "$names_only" "" 'objcopy --only-keep-debug chain d && objcopy -S --remove-section=.gnu_debugdata --keep-symbol=outer --keep-symbol=plain d mini && strip chain && xz -k mini && objcopy --add-section .gnu_debugdata=mini.xz chain'
dress dwz_supplement "$full" "" 'cp chain other && dwz -m common.dwz -M common.dwz chain other && readelf -S chain | grep -q gnu_debugaltlink'
dress dwz_alone "$full" "" 'dwz chain'
if [ -e "$dir/dwz_supplement/common.dwz" ] && mv "$dir/dwz_supplement/common.dwz" "$dir/away"; then
	ask "$dir/dwz_supplement/chain" "$dir/dwz_supplement/addrs" -c "$dir/dwz_cache" >/dev/null
	mv "$dir/away" "$dir/dwz_supplement/common.dwz"
	verdict a_supplement_that_came_later_is_noticed "$full" "$(ask "$dir/dwz_supplement/chain" "$dir/dwz_supplement/addrs" -c "$dir/dwz_cache")"
fi
dress debug_dir_with_a_symbol_table_only "$full" "-d first -d debug" "$id_path"'; mkdir -p first/.build-id/${id:0:2} && strip -g -o first/.build-id/${id:0:2}/${id:2}.debug $d/${id:2}.debug'
dress symtab_only "$names_only" "" 'strip -g chain'

package() { # NAME COMPILER-FLAGS… : the .dwo files packed into chain.dwp, then removed
	local name=$1 tool=$2
	shift 2
	if ! build "$name" "$@" || ! (cd "$dir/$name" && $tool -e chain -o chain.dwp) >"$dir/$name/log" 2>&1; then
		skip "$name" "$(tail -n1 "$dir/$name/log")"
		return
	fi
	rm -f "$dir/$name"/*.dwo
	verdict "$name" "$full" "$(ask "$dir/$name/chain" "$dir/$name/addrs")"
	sampled_chain "$name" "$full"
}
package gcc_dwp4 dwp gcc -O2 -gdwarf-4 -gsplit-dwarf "$C"
package clang_dwp5 llvm-dwp clang -O2 -gdwarf-5 -gsplit-dwarf "$C"
package clang_dwp4 llvm-dwp clang -O2 -gdwarf-4 -gsplit-dwarf "$C"
if build dwp_of_debug_file gcc -O2 -gdwarf-4 -gsplit-dwarf "$C" && (cd "$dir/dwp_of_debug_file" && dwp -e chain -o chain.dwp && rm -f ./*.dwo && eval "$id_path") >"$dir/log" 2>&1; then
	verdict a_package_lies_beside_the_program_of_the_debug_file "$full" "$(cd "$dir/dwp_of_debug_file" && ask "$PWD/chain" addrs -d debug)"
else
	skip a_package_lies_beside_the_program_of_the_debug_file "cannot be built here"
fi
if build dwo_missing gcc -O2 -g -gsplit-dwarf "$C"; then
	rm -f "$dir"/dwo_missing/*.dwo
	verdict split_without_its_dwo_has_lines_but_no_inlines "$lines_only" "$(ask "$dir/dwo_missing/chain" "$dir/dwo_missing/addrs")"
	sampled_chain dwo_missing "$lines_only"
fi

# ---- Go: from DWARF, and stripped from its own table
gofull() { # LEAF MIDDLE OUTER NAME PLAIN
	printf 'main.leaf chain.go:%s\nmain.middle chain.go:%s\nmain.outer chain.go:%s\n-\n%s chain.go:%s\n-' "$@"
}
go_case() { # NAME FLAGS…
	local name=$1
	shift
	mkdir -p "$dir/$name"
	if ! (cd "$dir/$name" && GO111MODULE=off GOTOOLCHAIN=local GOCACHE="${GOCACHE:-${HOME:-$dir}/.cache/go-build}" "${GO:-go}" build "$@" -o chain "$src/chain.go" && ./chain >addrs) >"$dir/$name/log" 2>&1; then
		skip "$name" "$(tail -n1 "$dir/$name/log")"
		return
	fi
	verdict "$name" "$(gofull "$(line LEAF chain.go)" "$(line MIDDLE chain.go)" "$(line OUTER chain.go)" "X" "$(line PLAIN chain.go)")" \
		"$(ask "$dir/$name/chain" "$dir/$name/addrs" | sed 's/^main\.(\*box\[[^]]*\])\.plain/X/')"
	# the stripped ones have the functions of the one that is not
	sampled "$name" "$dir/$name/chain" 'main.spinOuter;main.spinMiddle;main.spinLeaf$' "of $dir/go_dwarf/chain" '*'
}
go_case go_dwarf
go_case go_stripped -ldflags '-s -w'
go_case go_stripped_pie -buildmode=pie -ldflags '-s -w'

# ---- Rust: both manglings
rust_case() { # NAME FLAGS…
	local name=$1 want
	shift
	mkdir -p "$dir/$name"
	if ! (cd "$dir/$name" && RUSTC_BOOTSTRAP=1 rustc --crate-name chain -O -g "$@" -C link-arg=-Wl,--build-id -o chain "$src/chain.rs" && ./chain >addrs) >"$dir/$name/log" 2>&1; then
		skip "$name" "$(tail -n1 "$dir/$name/log")"
		return
	fi
	want="chain::leaf chain.rs:$(line LEAF chain.rs)
chain::middle chain.rs:$(line MIDDLE chain.rs)
chain::outer chain.rs:$(line OUTER chain.rs)
-
<chain::Holder<T> as chain::Plain>::plain chain.rs:$(line PLAIN chain.rs)
-"
	verdict "$name" "$want" "$(ask "$dir/$name/chain" "$dir/$name/addrs" | sed 's/Holder<u32>/Holder<T>/')"
	sampled "$name" "$dir/$name/chain" 'chain::outer;chain::middle;chain::leaf$' "at $dir/$name/chain" '*'
}
rust_case rust_legacy -C symbol-mangling-version=legacy -Z unstable-options
rust_case rust_v0 -C symbol-mangling-version=v0

# ---- D
mkdir -p "$dir/d"
if (cd "$dir/d" && gdc -O2 -g -Wl,--build-id=sha1 -o chain "$src/chain.d" && ./chain >addrs) >"$dir/d/log" 2>&1; then
	verdict d "chain.leaf(int) chain.d:$(line LEAF chain.d)
chain.middle(int) chain.d:$(line MIDDLE chain.d)
chain.outer(int) chain.d:$(line OUTER chain.d)
-
chain.Box!(int).Box.plain() chain.d:$(line PLAIN chain.d)
-" "$(ask "$dir/d/chain" "$dir/d/addrs")"
	sampled d "$dir/d/chain" 'chain.outer\(int\);chain.middle\(int\);chain.leaf\(int\)$' "at $dir/d/chain" '*'
	cp "$dir/d/chain" "$dir/d/stripped" && strip -g "$dir/d/stripped"
	sampled d_without_debug_info "$dir/d/stripped" ';chain.outer\(int\)$' "at $dir/d/chain" ''
else
	skip d "$(tail -n1 "$dir/d/log")"
fi

# ---- two executable segments: .text2 far from .text
if build two_segments gcc -O2 -g -DSECOND_TEXT -Wl,--section-start=.text2=0x4000000 -no-pie "$C"; then
	want="$full
second chain.c:$second
-"
	verdict two_executable_segments "$want" "$(ask "$dir/two_segments/chain" "$dir/two_segments/addrs")"
	sampled two_executable_segments "$dir/two_segments/chain" '(^|;)second$' "at $dir/two_segments/chain" leaf,middle
else
	skip two_executable_segments "cannot be built here"
fi
# ---- without a build-id the content stands in
if mkdir -p "$dir/no_build_id" && (cd "$dir/no_build_id" && gcc -O2 -g -I"$src" "$C" -Wl,--build-id=none -o chain && ./chain >addrs) 2>"$dir/log"; then
	verdict no_build_id "$full" "$(ask "$dir/no_build_id/chain" "$dir/no_build_id/addrs")"
	cp "$dir/no_build_id/chain" "$dir/no_build_id/chain.true"
	sampled_chain no_build_id "$full"
else
	skip no_build_id "cannot be built here"
fi

# ---- a file larger than what a worker may use of memory: it is mapped, and what is not looked at is not read
if build large gcc -O2 -g "$C" && "$src/enlarge.py" "$dir/large/chain" 1200; then
	cp "$dir/large/chain" "$dir/large/chain.true"
	verdict larger_than_a_workers_memory "$full" "$(ask "$dir/large/chain" "$dir/large/addrs")"
	verdict "and its worker needs little of it" yes "$(sed -n 's/.*worker \([0-9]*\) MiB.*/\1/p' "$dir/stats" | awk '{ print $1 < 100 ? "yes" : $1 " MiB" }')"
	rm -rf "$dir/large"
else
	skip larger_than_a_workers_memory "cannot be built here"
fi

# ---- symbols that mislead, without DWARF: IFUNC, aliases, assembly without a size, a cold part, a PLT slot
odd=$dir/odd
if gcc -O2 -fcf-protection=none -freorder-blocks-and-partition -Wl,--build-id=sha1 -o "$odd" "$src/odd.c" 2>"$dir/log"; then
	odd_name() { # CLAIM ADDRESS WANTED
		echo "$2" >"$dir/odd.addr"
		verdict "$1" "$3 ??:0
-" "$(ask "$odd" "$dir/odd.addr")"
	}
	at() { nm "$odd" | awk -v f="$1" '$3 == f { print "0x" $1 }'; }
	plus() { printf '0x%x' $(($1 + $2)); }
	odd_name zero_size_assembly_reaches_to_the_next_symbol "$(plus "$(at asm_without_size)" 2)" asm_without_size
	odd_name and_no_further "$(at after_asm)" after_asm
	odd_name an_ifunc_does_not_name_its_resolver "$(at ifunc_name)" choose
	odd_name nor_its_target "$(plus "$(at the_implementation)" 1)" the_implementation
	odd_name of_aliases_the_global_one_without_underscores "$(at weak_alias)" plain_alias
	[ -n "$(at with_cold_part.cold)" ] && odd_name a_cold_part_has_its_functions_name "$(plus "$(at with_cold_part.cold)" 1)" with_cold_part
	slot=$(objdump -d "$odd" | sed -n 's/^0*\([0-9a-f]*\) <fprintf@plt>:/0x\1/p; s/^0*\([0-9a-f]*\) <abort@plt>:/0x\1/p' | head -n1)
	[ -n "$slot" ] && odd_name a_plt_slot_is_called_after_its_target "$slot" "$(objdump -d "$odd" | sed -n 's/^[0-9a-f]* <\(\(fprintf\|abort\)@plt\)>:/\1/p' | head -n1)"
	odd_sampled() { # ARGUMENT FUNCTION
		cp "$odd" "$odd.$1"
		sampled "$2" "$odd.$1" "(^|;)$2\$" "at $odd.$1" '' "$1"
	}
	odd_sampled asm asm_without_size
	odd_sampled ifunc the_implementation
	odd_sampled alias plain_alias
	odd_sampled cold with_cold_part
	if gcc -O2 -g -freorder-blocks-and-partition -Wl,--build-id=sha1 -o "$odd" "$src/odd.c" 2>"$dir/log" && [ -n "$(at with_cold_part.cold)" ]; then
		plus "$(at with_cold_part.cold)" 1 >"$dir/odd.addr"
		verdict ranges_that_are_not_contiguous "with_cold_part odd.c" "$(ask "$odd" "$dir/odd.addr" | sed 's/:[0-9]*$//; 1q')"
	fi
else
	skip symbols_that_mislead "cannot be built here"
fi

# ---- code that no file holds: the vdso, and what a runtime made and wrote into a perf map as CPython's -X perf does
for name in vdso pymap; do
	if ! gcc -O2 -g -Wl,--build-id=sha1 -o "$dir/$name" "$src/$name.c" 2>"$dir/log" || ! out=$("$dir/$name" 0); then
		skip "$name" "${out:-$(tail -n1 "$dir/log")}"
		rm -f "$dir/$name"
	fi
	[ "$name" = pymap ] && rm -f "/tmp/perf-${out##* }.map"
done
sampled vdso "$dir/vdso" ';main;ask_the_time;__vdso_clock_gettime$' "at $dir/vdso" '' '' '[vdso]'
sampled pymap "$dir/pymap" ';<module>;eval_frame;Reader.lines;eval_frame;Reader.lines.<locals>.<lambda>;eval_frame;parse;eval_frame$' "at $dir/pymap" ''

# ---- all of them, sampled
graded() { # WHAT DATABASE ROWS
	while IFS=$'\t' read -r is name what; do
		case $is in
		ok) n=$((n + 1)) && echo "ok $n - $1, $name: $what" ;;
		not) n=$((n + 1)) bad=1 && echo "not ok $n - $1, $name: $what" ;;
		*) echo "$is $name $what" ;;
		esac
	done < <("$src/grade.py" "$2" "$3" 95)
}
export XDG_CACHE_HOME=$dir/cache
if [ "$(id -u)" -ne 0 ] || ! "$O/varve-record" -q -f -F 997 -e on-cpu -o "$dir/all.varve" -- sh "$dir/run.sh" >"$dir/pids" 2>"$dir/log"; then
	skip "every program, sampled" "$(tail -n1 "$dir/log") (needs BPF: root)"
else
	while read -r p; do rm -f "/tmp/perf-$p.map"; done < <(grep -x '[0-9]*' "$dir/pids")
	debug_dirs=()
	for d in "$dir"/*/debug; do debug_dirs+=(--debug-dir "$d"); done
	"$O/varve-report" db "$dir/all.varve" -o "$dir/all.db" "${debug_dirs[@]}" 2>"$dir/log" || sed 's/^/# /' "$dir/log"
	graded sampled "$dir/all.db" "$dir/rows"
	# where there is no file at all, what was recorded says the same
	"$O/varve-report" db "$dir/all.varve" -o "$dir/empty.db" --symfs "$dir/cache" 2>"$dir/log" || sed 's/^/# /' "$dir/log"
	grep -E '^(vdso|pymap|gcc_no_debug_info|gcc_stripped|asm_without_size)	' "$dir/rows" >"$dir/rows.empty"
	graded "in an empty root" "$dir/empty.db" "$dir/rows.empty"
	verdict "python's names are clean, with language and file" "4 python /srv/app/read lines.py" \
		"$(sqlite3 -separator ' ' "$dir/all.db" "SELECT count(DISTINCT name), language, path FROM function JOIN source_file s ON s.id = file_id WHERE language = 'python' AND name NOT LIKE '%:%' GROUP BY 2, 3")"
fi

# ---- 10,000 addresses of a large library beside llvm-symbolizer (compare.py says what differs and why)
libc=$(readlink -f /lib/x86_64-linux-gnu/libc.so.6)
id=$(readelf -n "$libc" 2>/dev/null | sed -n 's/.*Build ID: //p')
debug=/usr/lib/debug/.build-id/${id:0:2}/${id:2}.debug
for f in "$libc:$debug" "$dir/resolve:$dir/resolve"; do
	name=like_llvm_symbolizer_$(basename "${f%%:*}")
	if ! command -v llvm-symbolizer >/dev/null || [ ! -e "${f#*:}" ]; then
		skip "$name" "no llvm-symbolizer or no debug file"
	else
		n=$((n + 1))
		"$src/compare.py" "$dir/resolve" "${f%%:*}" "${f#*:}" >"$dir/compare.out" 2>&1 && echo "ok $n - $name" || { sed 's/^/# /' "$dir/compare.out"; echo "not ok $n - $name"; bad=1; }
	fi
done
echo "1..$n"
exit $bad
