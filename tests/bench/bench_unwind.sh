# shellcheck shell=bash
# What complete stacks cost: time in the kernel for each sample of real programs, rows of the largest binaries, locked memory of a
# host that runs 300 modules, bytes a sample.

unwind_real=$TESTS/workloads/real_programs.sh
unwind_stats_were=$(cat /proc/sys/kernel/bpf_stats_enabled)
unwind_restore() { echo "$unwind_stats_were" >/proc/sys/kernel/bpf_stats_enabled; }
trap 'unwind_restore; test_cleanup' EXIT

# Nanoseconds that the recorder's sampling program (7: a perf event's) has run so far.
sampler_ns() {
	cat /proc/"$REC"/fdinfo/* 2>/dev/null | awk '/^prog_type:/ { is_sampler = $2 == 7 } /^run_time_ns:/ && is_sampler { s += $2 } END { printf "%.0f", s }'
}
monotonic_ns() { python3 -c 'import time; print(time.monotonic_ns())'; }

# Each program in turn on one CPU, with a recorder of that CPU: its samples are those of its time, with whatever else ran there then;
# the sampler's time is all of it.
unwind_programs() {
	local name ns0 t0 ns1 t1 db counts cpu=$(($(nproc) - 1))
	rec_start "$RECORD" -a -C $cpu -f -F 999 -e on-cpu,task -o "$T/u.varve" --progress never || return
	: >"$T/u.windows"
	for name in $("$unwind_real" "$W/real" list); do
		ns0=$(sampler_ns) t0=$(monotonic_ns)
		taskset -c $cpu "$unwind_real" "$W/real" "$name" >/dev/null 2>&1
		t1=$(monotonic_ns) ns1=$(sampler_ns)
		echo "$name $t0 $t1 $((ns1 - ns0))" >>"$T/u.windows"
	done
	rec_stop
	rm -f "$T/u.db"
	db=$(db_of "$T/u.varve")
	while read -r name t0 t1 ns0; do
		counts=$(ask "$db" "SELECT count(*), round(avg(k.depth + 1), 1) FROM sample s LEFT JOIN stack k ON k.id = s.stack_id, recording r
			WHERE s.ts + r.t0_mono_ns BETWEEN $t0 AND $t1")
		put unwind "$name" samples "${counts% *}"
		put unwind "$name" frames "${counts#* }"
		put unwind "$name" us/sample "$(calc "$ns0 / 1000 / ${counts% *}")"
	done <"$T/u.windows"
	put unwind all samples "$(awk '$1 == "unwind" && $3 == "samples" { s += $4 } END { print s }' "$T/fig")"
	put unwind all us/sample "$(awk -v n="$(median unwind all samples)" '{ ns += $4 } END { printf "%.3f", ns / 1000 / n }' "$T/u.windows")"
	put unwind all B/sample "$(calc "$(stat -c %s "$T/u.varve") / $(ask "$db" "SELECT count(*) FROM sample")")"
}

# How long the rows of one large file take: it is the slowest module of a recording of a program that maps it. Files already in the
# page cache: recording a host that starts from cold waits for its disk.
unwind_build() { # row, file, command…
	local row=$1 file=$2
	shift 2
	[ -e "$file" ] || return
	cat "$file" >/dev/null
	"$RECORD" -q -f -F 99 -e on-cpu,task -o "$T/b.varve" --progress never -- "$@" >/dev/null 2>&1
	rm -f "$T/b.db"
	put rows "$row" file_MiB "$(calc "$(stat -Lc %s "$file") / 1048576")"
	put rows "$row" slowest_ms "$(calc "$(ask "$(db_of "$T/b.varve")" "SELECT max(value) FROM counter WHERE name = 'varve.unwind.build_max_us'") / 1000")"
}

# A process that has the code of the host's largest 400 libraries and programs mapped and runs, so that the recorder makes their rows.
cat >"$T/maps_all.py" <<-'PY'
import mmap, os, sys, time
files = {}
for top in ("/usr/lib/x86_64-linux-gnu", "/usr/bin", "/usr/lib/llvm-14/lib", "/usr/lib/gcc", "/usr/lib/git-core"):
    for d, _, names in os.walk(top):
        for n in names:
            p = os.path.realpath(os.path.join(d, n))
            try:
                s = os.stat(p)
                if s.st_size > 8192 and open(p, "rb").read(4) == b"\x7fELF" and not p.endswith((".o", ".a", ".ko")):
                    files[s.st_ino] = (s.st_size, p)
            except OSError:
                pass
kept = []
for size, p in sorted(files.values(), reverse=True)[:400]:
    fd = os.open(p, os.O_RDONLY)
    kept.append(mmap.mmap(fd, size, mmap.MAP_PRIVATE, mmap.PROT_READ | mmap.PROT_EXEC))
    os.close(fd)
print(len(kept), flush=True)
end = time.process_time() + float(sys.argv[1])
while time.process_time() < end:
    pass
PY

unwind_host() {
	local ms
	rec_start "$RECORD" -a -f -F 99 -o "$T/h.varve" --progress never || return
	/usr/bin/python3 "$T/maps_all.py" 4 >"$T/maps.out" &
	sleep 3
	# every map once: fdinfo says what it locks
	ms=$(grep -hE '^(map_id|memlock):' /proc/"$REC"/fdinfo/* 2>/dev/null | awk '/^memlock/ { m = $2 } /^map_id/ { if (!seen[$2]++) s += m } END { printf "%.1f", s / 1048576 }')
	wait $!
	rec_stop
	rm -f "$T/h.db"
	put host "400_files_mapped" modules "$(ask "$(db_of "$T/h.varve")" "SELECT max(value) FROM counter WHERE name = 'varve.unwind.modules_built'")"
	put host "400_files_mapped" no_room "$(ask "$(db_of "$T/h.varve")" "SELECT max(value) FROM counter WHERE name = 'varve.unwind.modules_no_room'")"
	put host "400_files_mapped" rows_MiB "$(ask "$(db_of "$T/h.varve")" "SELECT max(value) / 1024 FROM counter WHERE name = 'varve.unwind.table_kb'")"
	put host "400_files_mapped" locked_MiB "$ms"
	put host "400_files_mapped" rss_MiB "$REC_RSS"
	put host "400_files_mapped" build_ms "$(ask "$(db_of "$T/h.varve")" "SELECT max(value) / 1000 FROM counter WHERE name = 'varve.unwind.build_us'")"
}

unwind_bench() {
	local worst llvm n v
	echo "unwind: real programs, rows, locked memory…"
	"$unwind_real" "$W/real" prepare
	echo 1 >/proc/sys/kernel/bpf_stats_enabled
	unwind_programs
	unwind_restore
	table unwind "Complete stacks of real programs, $REAL_SECONDS s of each, 999 Hz" us/sample frames samples B/sample
	worst=$(for n in $("$unwind_real" "$W/real" list); do echo "$(median unwind "$n" us/sample) $n"; done | sort -g | tail -n 1)
	goal "time in the kernel for a sample, stacks complete: at most 5 us on average" "$(median unwind all us/sample)" "$(median unwind all us/sample) <= 5" " us"
	goal "and of the dearest program (${worst#* }): at most 5 us" "${worst% *}" "${worst% *} <= 5" " us"
	goal "real programs at 999 Hz: at most 20 bytes a sample" "$(median unwind all B/sample)" "$(median unwind all B/sample) <= 20"
	llvm=$(ls /usr/lib/x86_64-linux-gnu/libLLVM-*.so* 2>/dev/null | head -n 1)
	unwind_build node "$(command -v node)" node -e 'while (process.cpuUsage().user < 2.5e6);'
	unwind_build libLLVM "${llvm:-none}" /usr/bin/python3 -c \
		'import ctypes, sys, time; ctypes.CDLL(sys.argv[1])
while time.process_time() < 2.5: pass' "$llvm"
	unwind_build cc1plus "$(gcc -print-prog-name=cc1plus)" "$unwind_real" "$W/real" compiler
	table rows "Rows of the largest binaries" slowest_ms file_MiB
	for n in node libLLVM cc1plus; do
		v=$(median rows $n slowest_ms)
		[ -n "$v" ] && goal "rows of $n ($(median rows $n file_MiB) MiB): made in at most 300 ms" "$v" "$v <= 300" " ms"
	done
	unwind_host
	table host "A host with many modules" modules no_room rows_MiB locked_MiB rss_MiB build_ms
	goal "$(median host 400_files_mapped modules) modules with rows, 300 or more: locked maps below 96 MiB" "$(median host 400_files_mapped locked_MiB)" \
		"$(median host 400_files_mapped locked_MiB) < 96 && $(median host 400_files_mapped modules) >= 300" " MiB"
}

export REAL_SECONDS=3 # of each program
unwind_bench
unset REAL_SECONDS
trap test_cleanup EXIT
