#!/usr/bin/env bash
# Who may include what (README, "Where things live"): read from the compiler's .d files (made here where nothing is built yet), and from what
# the programs link.
#   tests/check_layers.sh [BUILD_DIR]
cd "$(dirname "$0")/.." || exit 1
O=${1:-build}
n=0 bad=0
claim() { # name, offending lines on stdin
	local lines
	lines=$(cat)
	n=$((n + 1))
	if [ -n "$lines" ]; then
		printf '%s\n' "$lines" | head -n 10 | sed 's/^/# /'
		echo "not ok $n - $1"
		bad=1
	else
		echo "ok $n - $1"
	fi
}
# "user: header" pairs of a folder's objects (system headers included)
pairs() {
	find "$O/$1" -maxdepth 1 -name '*.d' 2>/dev/null | while read -r d; do
		src=$1/$(basename "${d%.d}").c
		[ -e "$src" ] || continue
		sed -e 's/\\$//' "$d" | tr ' ' '\n' | grep '\.h$\|\.inc$' | grep -v ':$' | sort -u | sed "s|^|$src: |"
	done
}
if ! ls "$O"/formats/*.d >/dev/null 2>&1; then
	O=$(mktemp -d)
	trap 'rm -rf "$O"' EXIT
	mkdir -p "$O"/{formats,record,report}
	for f in {formats,record,report}/*.c; do # -MG: headers that are made by the build may be missing
		${CC:-gcc} -M -MG -std=gnu11 -D_GNU_SOURCE -I. -MF "$O/${f%.c}.d" "$f" || { echo "not ok 1 - $f can be read for what it includes"; exit 1; }
	done
fi
claim formats_includes_only_libc_and_zstd < <(pairs formats | grep -E ': (\./)?(record|report|bpf)/|sqlite3\.h|libelf|gelf\.h|elfutils|bpf/|varve\.skel')
claim record_includes_no_report_sqlite_or_dwarf < <(pairs record | grep -E ': (\./)?report/|sqlite3\.h|elfutils/|dwarf\.h|libiberty')
claim record_includes_of_bpf_only_wire < <(pairs record | grep -E ': (\./)?bpf/' | grep -vE ': (\./)?bpf/((unwind_)?wire|varve\.skel)\.h')
claim report_includes_no_record_bpf_or_libbpf < <(pairs report | grep -E ': (\./)?(record|bpf)/|/bpf/(bpf|libbpf)\.h|varve\.skel')
claim only_db_files_include_sqlite3 < <(pairs report | grep 'sqlite3\.h' | grep -vE '^report/db(_insert|_query)?\.c:')
claim only_sym_elf_includes_libdw < <(pairs report | grep -E 'elfutils/|libelf\.h|gelf\.h' | grep -v '^report/sym_elf')
claim wire_includes_nothing < <(grep -nE '#include' bpf/wire.h 2>/dev/null)
claim bpf_includes_no_user_space < <(grep -nE '#include "(formats|record|report)/' bpf/*.c bpf/*.h 2>/dev/null)
claim formats_never_prints_or_exits < <(grep -nE '\b(printf|fprintf|puts|perror|exit|abort|_exit)[ ]*\(' formats/*.c 2>/dev/null | grep -vE 'snprintf|vsnprintf|^\S+\s*(\*|//)')
[ -x "$O/varve-record" ] && claim recorder_links_neither_sqlite_nor_libdw < <(ldd "$O/varve-record" | grep -E 'sqlite|libdw')
[ -x "$O/varve-report" ] && claim report_does_not_link_libbpf < <(ldd "$O/varve-report" | grep -E 'libbpf')
echo "1..$n"
exit $bad
