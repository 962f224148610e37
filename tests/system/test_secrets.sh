#!/usr/bin/env bash
# What a program was given to keep is in no recording: arguments, environment, what it holds in memory, what is in its files. And a recording is made
# where it was asked for and nowhere else, whatever lies in the way.
# RUN: beside others (judges no amounts)
. "$(dirname "$0")/../lib.sh"
test_init "$@"
needs_bpf
needs sqlite3 strings
cd "$T" || exit 1
R=$REPORT

# ---- secrets: each is one word that is nowhere else
cat >target.sh <<'E2'
secret_in_memory="hunter2-$(echo memory)"
read -r line <file
for i in $(seq 300000); do secret_in_memory+=""; done
sleep 0.2
E2
echo hunter2-file >file
record() { # options…
	rm -f s.varve s.db s.bundle
	HUNTER=hunter2-environment "$RECORD" -q -F 999 -e all --symbols all -o s.varve "$@" -- bash target.sh -p hunter2-innocent --password=hunter2-argument \
		TOKEN=hunter2-token --api-key hunter2-key https://bob:hunter2-login@host/hunter2-path "X-Customer: hunter2-customer" >/dev/null 2>rec.err
	is "recorded" "$?" 0
	"$R" db s.varve -o s.db >/dev/null 2>&1
}
# The database has every event and every text of the file; its pages are not compressed. What lies behind a text may be any letter.
found() { strings -n 6 s.db | grep -oE 'hunter2-(memory|environment|file|argument|token|key|login|path|innocent|customer)' | sort -u | tr '\n' ' '; }
record
is "nothing of it is in the recording" "$(found)" ""
holds "which has the process" "$(ask s.db "SELECT count(*) FROM process WHERE exe LIKE '%/bash'") >= 1"
is "nor in the file as it is" "$(strings -n 6 s.varve | grep -c hunter2)" 0
is "nor are its command lines" "$(ask s.db "SELECT count(*) FROM process WHERE cmdline LIKE '%target%'")" 0
record --cmdline first
is "--cmdline first: no argument" "$(found)" ""
holds "but what it is called" "$(ask s.db "SELECT count(*) FROM process WHERE cmdline = 'bash'") >= 1"
record --cmdline full
is "--cmdline full: its arguments, but those that are known to be secrets" "$(found)" "hunter2-customer hunter2-innocent hunter2-path "
is "which says where they were" "$(ask s.db "SELECT DISTINCT cmdline FROM process WHERE cmdline LIKE '%target%'")" \
	"bash target.sh -p hunter2-innocent --password=[redacted] TOKEN=[redacted] --api-key [redacted] https://[redacted]@host/hunter2-path X-Customer: hunter2-customer"
record --cmdline full --redact 'hunter2-inn?o' --redact '^x-cust'
is "--redact hides what it matches, and the values of names" "$(ask s.db "SELECT DISTINCT cmdline FROM process WHERE cmdline LIKE '%target%'")" \
	"bash target.sh -p [redacted]cent --password=[redacted] TOKEN=[redacted] --api-key [redacted] https://[redacted]@host/hunter2-path [redacted]omer: [redacted]"
is "and they are nowhere else" "$(found)" "hunter2-path "
"$RECORD" -q -o bad.varve --redact 'ab(c' --duration 100ms 2>err
is "a bad one is refused before anything else" "$? $(cat err) $(ls bad.varve 2>/dev/null)" "2 varve-record: --redact 'ab(c': Unmatched ( or \( at byte 3 "
record --bundle s.bundle
is "in a bundle, too, there is nothing of it" "$(zstd -dcq s.bundle 2>/dev/null | strings -n 6 | grep -c hunter2) $(strings -n 6 s.bundle | grep -c hunter2)" "0 0"

# ---- what lies at -o
refused() { # claim, path, options…
	local rc
	timeout 20 "$RECORD" -q -a --duration 100ms -o "$2" "${@:3}" >out 2>err
	rc=$?
	holds "$1 ($(head -n 1 err))" "$rc == 125"
}
echo precious >real
ln real hard.varve
refused "a hard link is refused" hard.varve
is "what it leads to is untouched" "$(cat real) $(stat -c %h real)" "precious 2"
"$RECORD" -q -f -a --duration 100ms -o hard.varve 2>err
is "-f replaces the name, not what it leads to" "$? $(cat real) $(stat -c %h real)" "0 precious 1"
mkfifo fifo.varve
refused "a FIFO is refused, at once" fifo.varve
refused "with -f, too" fifo.varve -f
is "it is still one" "$(stat -c %F fifo.varve)" fifo
mkdir dir.varve
refused "a directory is refused" dir.varve
refused "with -f, too" dir.varve -f
is "it is still there" "$(stat -c %F dir.varve)" directory
mknod dev.varve c 1 3 # another null
refused "a device is not replaced" dev.varve -f
is "it is still one" "$(stat -c %F dev.varve)" "character special file"
ln -s nowhere dangling.varve
refused "a link to nothing is refused" dangling.varve
is "and nothing is made there" "$(ls nowhere 2>/dev/null)" ""
# As /tmp, and another user's: what is there, and who owns the directory, may be anybody's
mkdir -m 1777 sticky && chown nobody sticky
setpriv --reuid nobody --clear-groups ln -s "$T/real" sticky/plant.varve
refused "in another user's sticky directory, too" sticky/plant.varve
"$RECORD" -q -f -a --duration 100ms -o sticky/plant.varve 2>err
is "-f replaces the link there, and nothing else" "$? $(cat real) $(stat -c '%F %U %a' sticky/plant.varve)" "0 precious regular file root 600"
setpriv --reuid nobody --clear-groups mkfifo sticky/fifo.varve
refused "a FIFO there is not waited for" sticky/fifo.varve -f
for how in "--rotate 1s" "--flight 5s"; do
	rm -f seg.*
	ln -s "$T/elsewhere" seg.000001.varve
	# shellcheck disable=SC2086
	timeout 20 "$RECORD" -q -a --duration 300ms $how -o seg >out 2>err
	is "$how never writes through a link" "$(ls elsewhere 2>/dev/null)" ""
	rm -f seg.*
	(umask 000 && "$RECORD" -q -a --duration 300ms $how -o seg 2>err)
	is "$how: readable by its owner only, whatever the umask" "$(stat -c %a seg.0*.varve | sort -u)" 600
done
test_done
