#!/usr/bin/env bash
# A recording is carried to a machine that has none of the binaries: an empty root with varve-report and its libraries alone, without
# /proc, /sys or debug files. Names, folded stacks and SQL answers must be those of the recorded host.
. "$(dirname "$0")/../lib.sh"
measures "$@"
test_init "$@"
needs_bpf
needs sqlite3 ldd chroot

"$RECORD" -F 999 -o "$T/e.varve" -- "$W/split50" 2 >"$T/truth" 2>"$T/rec.err"
is "the recording succeeds" $? 0
"$RECORD" -o "$T/w.varve" -- "$W/waiter" 2 50 >"$T/truth2" 2>>"$T/rec.err"

root=$T/root
mkdir -p "$root/tmp"
copy() { mkdir -p "$root$(dirname "$1")" && cp -L "$1" "$root$1"; }
for lib in $(ldd "$REPORT" | grep -o '/[^ ]*'); do copy "$lib"; done
cp "$REPORT" "$root/varve-report"
cp "$T/e.varve" "$T/w.varve" "$root/"
is "the root holds the program, its libraries and the recordings, nothing else" \
	"$(cd "$root" && find . -type f | grep -vE '^\./(varve-report|[ew]\.varve|.*/(lib[^/]*|ld-linux[^/]*)\.so(\.[0-9.]+)?(-[0-9.]+so)?)$' | grep -vE '\.so')" ""

elsewhere() { XDG_CACHE_HOME=/tmp chroot "$root" /varve-report "$@"; }

same_folded() { # recording, event, comm
	"$REPORT" folded "$T/$1.varve" --event "$2" --comm "$3" --no-inline >"$T/here" 2>"$T/here.err"
	elsewhere folded "/$1.varve" --event "$2" --comm "$3" --no-inline >"$T/there" 2>"$T/there.err"
	if [ -s "$T/here" ] && cmp -s "$T/here" "$T/there"; then
		ok "$1: folded $2 of $3 is the same ($(wc -l <"$T/here") stacks)"
	else
		not_ok "$1: folded $2 of $3 is the same" "here $(wc -l <"$T/here") lines, there $(wc -l <"$T/there"); $(head -n 2 "$T/there.err")
$(diff "$T/here" "$T/there" | head -n 8)"
	fi
}
same_folded e on-cpu split50-worker
same_folded w off-cpu waiter
same_folded w wakeup waiter

elsewhere db /e.varve -o /tmp/e.db 2>"$T/db.err"
is "a database is made there" $? 0
here=$(db_of "$T/e.varve")
there=$root/tmp/e.db
has "the work's functions have their names there" "$(ask "$there" "SELECT name FROM function")" '^work_fifty$'
for q in "SELECT count(*), sum(weight_ns) FROM sample" "SELECT comm, count(*) FROM thread GROUP BY 1 ORDER BY 1" \
	"SELECT fn.name, count(*) FROM sample s JOIN stack k ON k.id = s.stack_id JOIN frame f ON f.id = k.frame_id JOIN function fn ON fn.id = f.function_id WHERE fn.name LIKE 'work_%' GROUP BY 1 ORDER BY 1" \
	"SELECT key, value FROM meta WHERE key NOT LIKE '%symbol%' AND key NOT LIKE '%import%' AND key NOT IN ('cache_key', 'names_stamp') ORDER BY 1"; do
	is "same answer: ${q:0:60}…" "$(ask "$there" "$q")" "$(ask "$here" "$q")"
done
test_done
