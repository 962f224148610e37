# shellcheck shell=bash
# Names for 20,000 distinct addresses of large programs with debug information, inlines included, each tool in a process of its own: first
# time, and from the index cache. CPU seconds (user and system), as the machine may be busy with other things; wall_…: s by the clock.
# start_s: of starting the program and reading the addresses, which no report does: again_net is the second time as a share of the first
# with it taken off both, again_gross as they were measured.
sym_resolve=$T/resolve
cd "$TESTS/.." || exit 1
# shellcheck disable=SC2086
gcc -std=gnu11 -D_GNU_SOURCE -O2 -I. -o "$sym_resolve" tests/workloads/names/resolve.c "$O/libreport.a" "$O/libformats.a" \
	-lsqlite3 -lelf -llzma -ldeflate -lzstd -lz -lm -lpthread -l:libiberty.a

sym_debug_of() { # FILE: the file with its DWARF
	local id
	id=$(readelf -n "$1" 2>/dev/null | sed -n 's/.*Build ID: //p')
	if [ -e "/usr/lib/debug/.build-id/${id:0:2}/${id:2}.debug" ]; then
		echo "/usr/lib/debug/.build-id/${id:0:2}/${id:2}.debug"
	elif readelf -SW "$1" | grep -q debug_info; then
		echo "$1"
	fi
}

sym_addresses() { # FILE: 20,000 addresses in .text
	readelf -SW "$1" | awk -v n=20000 'BEGIN { srand(1) } $0 ~ / \.text / { sub(/.*\.text/, ""); a = $2; s = $4; cmd = "printf \"%d %d\" 0x" a " 0x" s; cmd | getline r; split(r, v, " ");
		for (i = 0; i < n; i++) printf "0x%x\n", v[1] + int(rand() * v[2]); exit }'
}

# The mean of some turns: what is timed is cut to ms, and some of it takes but a few.
sym_time() { # row, metric, turns, command… (@N: the turn)
	local row=$1 metric=$2 turns=$3 i out TIMEFORMAT='%U %S %R'
	shift 3
	out=$( { time for ((i = 0; i < turns; i++)); do "${@//@N/$i}" <"$T/addresses" >/dev/null 2>/dev/null; done; } 2>&1)
	put symbolize "$row" "$metric" "$(awk -v n="$turns" '{ print ($1 + $2) / n }' <<<"$out")"
	put symbolize "$row" "wall_${metric%_s}" "$(awk -v n="$turns" '{ print $3 / n }' <<<"$out")"
}

sym_inputs=()
for f in "$(readlink -f /lib/x86_64-linux-gnu/libc.so.6)" /usr/bin/python3.11 /usr/bin/node "$O/varve-report"; do
	[ -e "$f" ] && [ -n "$(sym_debug_of "$f")" ] && sym_inputs+=("$f")
done
echo "symbolize: $rounds rounds of ${#sym_inputs[@]} programs…"
for f in "${sym_inputs[@]}"; do
	row=$(basename "$f") debug=$(sym_debug_of "$f")
	sym_addresses "$f" >"$T/addresses"
	for ((round = 1; round <= rounds; round++)); do
		rm -rf "$T"/symcache*
		sym_time "$row" varve_s 5 "$sym_resolve" "$f" -s -c "$T/symcache@N"
		sym_time "$row" again_s 5 "$sym_resolve" "$f" -s -c "$T/symcache@N"
		sym_time "$row" start_s 5 "$sym_resolve" "$f" -0
		put symbolize "$row" rss_MiB "$("$sym_resolve" "$f" -s <"$T/addresses" 2>&1 >/dev/null | sed -n 's/.*rss \([0-9]*\) MiB/\1/p')"
		command -v llvm-symbolizer >/dev/null && sym_time "$row" llvm_s 3 llvm-symbolizer --obj="$debug" --inlines
		[ "$round" -eq 1 ] && command -v eu-addr2line >/dev/null && sym_time "$row" eu_s 1 timeout 300 eu-addr2line -f -i -e "$f"
	done
	v=$(median symbolize "$row" varve_s) p=$(median symbolize "$row" llvm_s)
	[ -n "$p" ] && put symbolize "$row" of_llvm "$(calc "$v / $p")" && goal "symbolize $row: CPU at most 1/3 of llvm-symbolizer's" "$(calc "$v / $p")" "$v <= $p / 3"
	p=$(median symbolize "$row" eu_s)
	[ -n "$p" ] && goal "symbolize $row: CPU at most 1/30 of eu-addr2line's" "$(calc "$v / $p")" "$v <= $p / 30"
	p=$(median symbolize "$row" again_s) s=$(median symbolize "$row" start_s)
	put symbolize "$row" again_gross "$(calc "$p / $v")"
	put symbolize "$row" again_net "$(calc "($p - $s) / ($v - $s)")"
	goal "symbolize $row: a second time at most 0.3 of the first (start taken off)" "$(calc "($p - $s) / ($v - $s)")" "$p - $s <= ($v - $s) * 0.3"
done
table symbolize "20,000 addresses with inlines (CPU s; rss of the report, not of its workers)" varve_s llvm_s of_llvm eu_s again_s start_s again_gross again_net rss_MiB
table symbolize "The same by the clock (s)" wall_varve wall_llvm wall_again wall_start
