#!/usr/bin/env bash
# What the recorder prints: it is where it was to be, or the exit status tells; the summary is the last line, on which names that others chose do nothing
# to a terminal; and a standard descriptor that is closed is no recording.
. "$(dirname "$0")/../lib.sh"
test_init "$@"
cd "$T" || exit 1

# ---- standard output that cannot be written
for what in --help --version --list; do
	"$RECORD" $what >/dev/full 2>err
	is "$what to a full disk: 125" "$?" 125
	has "$what: and says why" "$(cat err)" '^varve-record: .*standard output.*ENOSPC'
	"$RECORD" $what >&- 2>err
	is "$what with standard output closed: 125" "$?" 125
done

needs_bpf
needs sqlite3
"$RECORD" --check >/dev/full 2>err
is "--check to a full disk: 125" "$?" 125
"$RECORD" -q --json -a --duration 100ms -o json.varve >/dev/full 2>err
is "--json to a full disk: 125" "$?" 125

"$RECORD" -q --json -o killed.varve -- sh -c 'kill -SEGV $$' >json 2>err
is "where the command died by a signal, so does the recorder" "$?" 139
has "and --json is there all the same" "$(cat json)" '"events":\{'

# ---- closed descriptors: what would be the lowest free number must not be the recording
whole() { "$REPORT" verify "$1" 2>&1 | tail -n 1 | sed 's/^ *//'; }
"$RECORD" -a --duration 100ms -o 0.varve <&- 2>err
is "standard input closed" "$? $(whole 0.varve)" "0 clean"
"$RECORD" --json -a --duration 100ms -o 1.varve >&- 2>err
is "standard output closed: nothing is printed into the recording, and that it could not be is told" "$? $(whole 1.varve)" "125 clean"
"$RECORD" -a --duration 100ms -o 2.varve 2>&-
is "standard error closed: nor is the summary" "$? $(whole 2.varve)" "0 clean"
"$RECORD" -a --duration 100ms -o 3.varve <&- >&- 2>&-
is "all closed" "$? $(whole 3.varve)" "0 clean"
timeout 60 "$RECORD" -a --duration 100ms -o - >&- 2>err
is "-o - without standard output: refused" "$?" 125
"$RECORD" -q -a --duration 100ms -o 4.varve -- sh -c 'ls -l /proc/$$/fd' <&- >fds 2>err
hasnt "the command is not given the recording" "$(cat fds)" '4\.varve'

# ---- names
evil=$'e\e]0;x\a\nvil.varve'
"$RECORD" -a --duration 100ms -o "$evil" 2>err
is "a name with control characters: it is recorded there" "$? $(whole "$evil")" "0 clean"
is "and shown on one line, with nothing below a space" "$(grep -c . err) $(tr -d '\n' <err | LC_ALL=C grep -c '[[:cntrl:]]')" "1 0"
has "as in other messages" "$(cat err)" '^\[ varve-record: .* → e\\x1b\]0;x\\x07\\x0avil\.varve \]$'
"$RECORD" -a --duration 100ms -o "$evil" 2>err
hasnt "messages show it so, too" "$(cat err)" $'[\a\e]'
has "with what is wrong" "$(cat err)" 'e\\x1b\]0;x\\x07\\x0avil\.varve. exists already'

# ---- the summary is the last line, also where events were lost and a bundle was made
background rec "$RECORD" -a -e sched -o lost.varve --bundle lost.bundle
await 60 has_begun lost.varve
kill -STOP "$BG"
"$W/storm" -n 250000 >/dev/null # more switches than the ring holds
kill -CONT "$BG"
recorder_stop
has "events were lost, and that is said" "$(cat "$T/rec.err")" 'for want of room in the rings'
has "the summary is the last line all the same" "$(tail -n 1 "$T/rec.err")" '^\[ varve-record: .* [1-9][0-9,]* lost, .* → lost\.varve \]$'
test_done
