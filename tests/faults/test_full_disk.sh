#!/usr/bin/env bash
# The disk runs full, or gives errors: the recording ends on a whole chunk, says why, and the program being recorded goes on.
. "$(dirname "$0")/../lib.sh"
test_init "$@"
needs_bpf
needs sqlite3

mkdir "$T/small"
mount -t tmpfs -o size=512k none "$T/small" 2>/dev/null || skip_all "needs a tmpfs: mount is refused"
TEST_MOUNTS+=("$T/small")
background rec "$RECORD" -e all -F 999 -o "$T/small/s.varve" -- "$W/storm" -n 500000
timeout 120 tail --pid="$BG" -f /dev/null
wait "$BG"
rc=$?
has "a full disk is said, with the file" "$(cat "$T/rec.err")" 's\.varve.*(ENOSPC|[Nn]o space|disk.*full)'
has "the program was left to end by itself" "$(cat "$T/rec.out")" '^handovers='
is "the exit status tells that the recording is not whole" "$rc" 125
cp "$T/small/s.varve" "$T/s.varve"
"$REPORT" verify "$T/s.varve" >"$T/verify.out" 2>&1
rc=$?
is "what was written is whole: no torn chunk" "$rc" 0
db=$(db_of "$T/s.varve")
holds "and holds events" "$(ask "$db" "SELECT count(*) FROM sched_slice") > 1000"
has "the recording ends with the reason" "$("$REPORT" info "$T/s.varve" 2>&1)" '(ENOSPC|[Nn]o space|disk full|full disk)'

# ---- in segments ---------------------------------------------------------------------------------------------------------
rm -f "$T"/small/*
mount -o remount,size=1m "$T/small"
"$RECORD" -e all -F 999 --rotate 256K -o "$T/small/g.varve" -- "$W/storm" -n 1000000 >"$T/rec.out" 2>"$T/rec.err"
is "segments on a full disk: the exit status tells that the recording is not whole" $? 125
has "the program was left to end by itself" "$(cat "$T/rec.out")" '^handovers='
cp "$T"/small/g.0*.varve "$T/"
holds "there are several" "$(find "$T" -maxdepth 1 -name 'g.0*.varve' | wc -l) >= 2"
is "each is whole" "$("$REPORT" verify "$T"/g.0*.varve | grep -c '^  clean$')" "$(find "$T" -maxdepth 1 -name 'g.0*.varve' | wc -l)"
has "and the last says why it ended" "$("$REPORT" info "$T"/g.0*.varve 2>&1)" '(ENOSPC|[Nn]o space|disk full|full disk)'

rm -f "$T"/small/* "$T"/g.0*.varve
"$RECORD" -e all -F 999 --rotate 256K --keep 1h -o "$T/small/k.varve" -- "$W/storm" -n 1000000 >"$T/rec.out" 2>"$T/rec.err"
is "where some may be deleted, the oldest go and recording goes on" $? 0
cp "$T"/small/k.0*.varve "$T/"
has "to its end" "$("$REPORT" info "$T"/k.0*.varve 2>&1)" '^  ended +target exited$'
holds "many were made" "$(find "$T" -maxdepth 1 -name 'k.0*.varve' | sort | tail -n 1 | grep -o '[1-9][0-9]*\.varve' | cut -d. -f1) > 5"
is "what is left is whole" "$("$REPORT" verify "$T"/k.0*.varve | grep -c '^  clean$')" "$(find "$T" -maxdepth 1 -name 'k.0*.varve' | wc -l)"

# ---- one write fails with EIO --------------------------------------------------------------------------------------------
if command -v strace >/dev/null; then
	for call in pwritev writev write pwrite64; do calls=${calls:+$calls,}$call; done
	strace -f -qq -o "$T/strace" -P "$T/io.varve" -e trace="$calls" -e inject="$calls":error=EIO:when=3 \
		"$RECORD" -F 999 -o "$T/io.varve" --sync 0 -- "$W/split50" 2.5 >"$T/io.out" 2>"$T/io.err"
	grep -q INJECTED "$T/strace" && has "an I/O error is said, with the file" "$(cat "$T/io.err")" 'io\.varve.*EIO' || skip "an I/O error is said, with the file" "no write was hit"
	"$REPORT" verify "$T/io.varve" >"$T/verify.out" 2>&1
	holds "and no torn chunk is left" "$? == 0 || $? == 3"
	hasnt "verify finds no broken checksum" "$(cat "$T/verify.out")" 'checksum'
	has "the program went on" "$(cat "$T/io.out")" '^rounds='
else
	skip "an I/O error is said, with the file" "no strace"
fi
test_done
