#!/usr/bin/env bash
# Whatever is wrong is said in one line with what, where and, where the user can act, a hint; the exit code is cli.md's; nothing that was
# there is overwritten.
# RUN: beside others (what it records is not looked at)
. "$(dirname "$0")/../lib.sh"
test_init "$@"

# claim, wanted status, words of the message, command…: the message is one line, perhaps with a hint below.
refused() {
	local claim=$1 want=$2 words=$3 rc out
	shift 3
	out=$(timeout 90 "$@" 2>&1 >"$T/stdout" </dev/null)
	rc=$?
	if [ "$rc" -ne "$want" ]; then
		not_ok "$claim" "exit status $rc, want $want; it said: $out"
	elif [ "$(printf '%s\n' "$out" | grep -cv '^ *hint: ')" -ne 1 ] || [ "$(printf '%s\n' "$out" | wc -l)" -gt 2 ]; then
		not_ok "$claim" "not one line (and a hint): $out"
	elif ! printf '%s\n' "$out" | head -n 1 | grep -qE "^varve-(record|report): .*$words"; then
		not_ok "$claim" "no '$words' in: $out"
	elif [ -s "$T/stdout" ]; then
		not_ok "$claim" "it wrote to stdout: $(head -c 200 "$T/stdout")"
	else
		ok "$claim"
	fi
}

cd "$T" || exit 1
# ---- the recorder's command line: no privilege needed to be told ----------------------------------------------------
refused "recorder: an unknown option names the nearest" 2 "frq" "$RECORD" --frq 99
has "with the nearest option" "$("$RECORD" --frq 99 2>&1)" '\-\-freq'
refused "recorder: a frequency of 0" 2 "0" "$RECORD" -F 0 -a --duration 1
refused "recorder: a frequency that is no number" 2 "ninety" "$RECORD" -F ninety -a
refused "recorder: an unknown event" 2 "teapot" "$RECORD" -e on-cpu,teapot -a
refused "recorder: a pid that is no number" 2 "12x" "$RECORD" -p 12x
refused "recorder: a user that does not exist" 2 "no-such-user" "$RECORD" -u no-such-user
refused "recorder: a duration without sense" 2 "soon" "$RECORD" -a --duration soon
refused "recorder: a flag of perf that means something else here is not taken" 2 "-c" "$RECORD" -c 1000 -a
is "recorder: nothing was written by any of these" "$(ls -A "$T" | grep -c varve)" 0

# ---- the report -----------------------------------------------------------------------------------------------------
refused "report: an unknown command" 2 "fodled" "$REPORT" fodled x.varve
refused "report: an unknown option" 2 "wieght" "$REPORT" folded x.varve --wieght ns
refused "report: a file that is not there" 1 "nowhere.varve.*ENOENT" "$REPORT" folded nowhere.varve
printf 'PERFILE2 and some more bytes that are not ours, at all, to be sure of it, and then some to fill a header' >perf.data
refused "report: not a recording" 1 "perf.data" "$REPORT" folded perf.data
: >empty.varve
refused "report: an empty file" 1 "empty.varve" "$REPORT" folded empty.varve
mkdir dir.varve
refused "report: a directory" 1 "dir.varve" "$REPORT" folded dir.varve
if command -v sqlite3 >/dev/null; then
	sqlite3 foreign.db 'CREATE TABLE t(x); INSERT INTO t VALUES(1)'
	before=$(cksum foreign.db)
	refused "report: a database that is not ours" 1 "foreign.db" "$REPORT" sql foreign.db 'SELECT 1'
	refused "report: db never writes over a database that is not ours" 1 "" "$REPORT" db perf.data -o foreign.db
	is "the foreign database is untouched" "$(cksum foreign.db)" "$before"
	sqlite3 newer.db 'PRAGMA application_id = 0x76617276; PRAGMA user_version = 9999; CREATE TABLE meta(key TEXT PRIMARY KEY, value)'
	refused "report: a database of a newer version" 1 "newer|9999" "$REPORT" sql newer.db 'SELECT 1'
fi
# an import holds signals back while its file is half written: 124 is an end by the first of them, 137 by the one that cannot be held back
mkfifo silent.varve
timeout -s TERM -k 20 1 "$REPORT" info /dev/zero >/dev/null 2>&1
is "report: SIGTERM ends the reading of what has no end and no recording in it" $? 124
timeout -s TERM -k 20 1 "$REPORT" info silent.varve >/dev/null 2>&1
is "report: and of a pipe that nobody writes to" $? 124
exec 7<>silent.varve
timeout -s TERM -k 20 1 "$REPORT" info - <&7 >/dev/null 2>&1
is "report: and of one that says nothing" $? 124
exec 7<&-

[ "$(id -u)" -eq 0 ] || { skip "what needs the recorder to run" "needs BPF: root"; test_done; }
needs_bpf
background load "$W/split50" 250 1
"$RECORD" -a -F 199 --duration 1 -o good.varve >/dev/null 2>"$T/good.err"
is "a recording to damage" $? 0

# ---- newer formats: the file header's major version at 8, incompat flags at 16, and the header's CRC at 92 -------------
patched() { # file, offset, byte (decimal): the header's checksum made right again
	cp good.varve "$1"
	python3 - "$1" "$2" "$3" <<-'PY'
	import sys
	def crc32c(data):
	    crc = 0xffffffff
	    for b in data:
	        crc ^= b
	        for _ in range(8):
	            crc = (crc >> 1) ^ (0x82f63b78 if crc & 1 else 0)
	    return crc ^ 0xffffffff
	path, off, value = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
	data = bytearray(open(path, 'rb').read())
	assert crc32c(data[:92]) == int.from_bytes(data[92:96], 'little'), 'header checksum is not where format.md has it'
	data[off] = value
	data[92:96] = crc32c(data[:92]).to_bytes(4, 'little')
	open(path, 'wb').write(data)
	PY
}
if patched major.varve 8 2 && patched flag.varve 19 128; then
	refused "report: a newer major version" 1 "major.varve.*(newer|version)" "$REPORT" folded major.varve
	refused "report: an unknown incompatible flag, by its number" 1 "flag.varve.*(flag|0x80000000|incompat)" "$REPORT" folded flag.varve
else
	not_ok "the file header is where format.md has it"
fi

# ---- SQL that wants to write ------------------------------------------------------------------------------------------
"$REPORT" db good.varve -o good.db >/dev/null 2>&1
before=$(cksum good.db)
refused "sql refuses to write" 1 "" "$REPORT" sql good.db 'DELETE FROM sample'
refused "sql refuses ATTACH" 1 "" "$REPORT" sql good.db "ATTACH '$T/stolen.db' AS x"
refused "sql says what is wrong with a statement" 1 "nonsense" "$REPORT" sql good.db 'SELECT nonsense FROM sample'
is "the database is untouched" "$(cksum good.db)" "$before"

# ---- outputs that are in the way ---------------------------------------------------------------------------------------
echo precious >keep.varve
refused "an existing -o file is refused without --force" 125 "keep.varve.*(EEXIST|exists)" "$RECORD" -a --duration 1 -o keep.varve
is "and left as it was" "$(cat keep.varve)" precious
echo secret >target && ln -s target link.varve
refused "a symbolic link at -o is refused" 125 "link.varve" "$RECORD" -a --duration 1 -o link.varve
refused "and with --force the link goes, not its target" 125 "" "$RECORD" -a --duration 1 -o nowhere/x.varve
"$RECORD" -f -a --duration 200ms -o link.varve >/dev/null 2>&1
is "--force never writes through a link" "$(cat target)" secret
(umask 000 && "$RECORD" -a --duration 200ms -o mode.varve >/dev/null 2>&1)
is "a recording is private whatever the umask" "$(stat -c %a mode.varve 2>/dev/null)" 600
"$RECORD" -a --duration 200ms >/dev/null 2>&1 && echo first >recording.varve.mark && "$RECORD" -a --duration 200ms >/dev/null 2>&1
is "the default file's elder becomes .old" "$(ls recording.varve recording.varve.old 2>/dev/null | wc -l)" 2

# ---- impossible targets -------------------------------------------------------------------------------------------------
refused "a pid that does not exist" 125 "4194303" "$RECORD" -p 4194303 --duration 1 -o t1.varve
refused "a thread that does not exist" 125 "4194303" "$RECORD" -t 4194303 --duration 1 -o t2.varve
refused "a cgroup that does not exist" 125 "no/such/group" "$RECORD" -G /no/such/group --duration 1 -o t3.varve
refused "a CPU that does not exist" 125 "4000" "$RECORD" -a -C 4000 --duration 1 -o t4.varve
is "no file is left by a recording that never began" "$(ls t?.varve 2>/dev/null | wc -l)" 0

# ---- privilege and kernel -----------------------------------------------------------------------------------------------
if command -v setpriv >/dev/null && id nobody >/dev/null 2>&1; then
	cp "$RECORD" "$T/rec" && chmod 755 "$T/rec" && mkdir "$T/open" && chmod 777 "$T/open"
	refused "without privilege it says which and how to get it" 125 "(EPERM|privilege|CAP_|root)" \
		setpriv --reuid=nobody --clear-groups --inh-caps=-all "$T/rec" -a --duration 1 -o "$T/open/x.varve"
	has "with a hint" "$(setpriv --reuid=nobody --clear-groups --inh-caps=-all "$T/rec" -a --duration 1 -o "$T/open/x.varve" 2>&1)" 'hint: '
	setpriv --reuid=nobody --clear-groups --inh-caps=-all "$T/rec" --check >"$T/check.out" 2>&1
	is "--check says unusable with 2" $? 2
	is "and leaves no file" "$(ls "$T/open")" ""
else
	skip "without privilege it says which and how to get it" "no setpriv or no user nobody"
fi
if unshare -m true 2>/dev/null; then
	refused "a kernel without BTF is named" 125 "BTF|btf" unshare -m sh -c "mount -t tmpfs none /sys/kernel/btf 2>/dev/null || mount --bind '$T/open' /sys/kernel/btf; exec '$RECORD' -a --duration 1 -o '$T/nobtf.varve'"
else
	skip "a kernel without BTF is named" "no mount namespace"
fi
"$RECORD" --check >"$T/check.out" 2>&1
rc=$?
holds "--check ends with 0 or 1 where recording works" "$rc <= 1"
has "--check names what it tried" "$(cat "$T/check.out")" 'BTF|perf'
test_done
