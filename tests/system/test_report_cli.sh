#!/usr/bin/env bash
# varve-report's command line on a recording kept in the tree: exit statuses, messages, the cache, formats, damage. No root needed.
# RUN: beside others (records nothing)
. "$(dirname "$0")/../lib.sh"
test_init "$@"
G=$TESTS/golden
cd "$T" || exit 1
cp "$G/report.varve" r.varve
R=$REPORT

run() { # args… ; sets OUT, ERR, RC
	OUT=$("$R" "$@" 2>err)
	RC=$?
	ERR=$(cat err)
}
one_line() { # claim: stderr is one line, and perhaps a hint
	is "$1" "$(grep -vc '^  hint: ' err)" 1
}

# ---- folded -----------------------------------------------------------------------------------------------------
for event in on-cpu off-cpu run-queue wakeup; do
	run folded r.varve --event "$event"
	is "folded gives the golden $event stacks" "$OUT" "$(cat "$G/report.$event.folded")"
done
is "folded needs no cache for that" "$(ls)" "err
r.varve"
is "folded reads stdin" "$("$R" folded - <r.varve)" "$(cat "$G/report.on-cpu.folded")"
run folded r.varve --comm node
is "a filter picks threads" "$OUT" "node;main;loop app.js:9_[j];LazyCompile:*tick app.js:3_[j] 40"
run folded r.varve --time 100ms,200ms --cpu 0
is "a filter picks time and CPU" "$(echo "$OUT" | awk '{n+=$NF} END {print n}')" 11
run folded r.varve --weight ns --pid 200
is "weights are ns when asked for" "$OUT" "node;main;loop app.js:9_[j];LazyCompile:*tick app.js:3_[j] 400000000"
"$R" folded r.varve | head -n 1 >/dev/null
is "a reader that goes away is no error" "${PIPESTATUS[0]}" 0
# more than a pipe holds, so that a write in the middle meets it
many="WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<100000) SELECT i, 'a text' FROM n"
cp "$G/causes.varve" c.varve
for what in "sql r.varve --format csv" "sql r.varve --format json" "sql r.varve --format table" "folded c.varve --event off-cpu" "flame c.varve --format html -o -" \
	"export c.varve --format perf-script" "export c.varve --format speedscope" "export c.varve --format firefox" "export c.varve --format perfetto"; do
	case $what in sql*) set -- "$many" ;; *) set -- ;; esac
	# shellcheck disable=SC2086
	"$R" $what "$@" 2>err | head -c 100 >/dev/null
	is "${what// ?.varve/}: nor in the middle" "${PIPESTATUS[0]}$(cat err)" 0
done
rm -f c.varve ./*.db err
"$R" folded r.varve >/dev/full 2>err
is "a full disk is one" "$?" 1
has "and it is said" "$(cat err)" "ENOSPC"

# ---- nothing ----------------------------------------------------------------------------------------------------
for what in folded top "flame -o x.svg" "flame -o x.html"; do
	# shellcheck disable=SC2086
	run $what r.varve --comm nosuch
	is "$what: that nothing matches is said, and no error" "$RC $ERR" "0 varve-report: nothing matches: no such event in the recording, or all were filtered out"
done
run sql r.varve -q noisy-neighbour
has "a question without an answer says what it needs" "$RC $ERR" "^0 varve-report: no rows for 'noisy-neighbour': who was on the CPU .*needs -e sched"
run sql r.varve -q noisy-neighbour --format csv
is "but not where a program reads" "$RC $ERR" "0 "
rm -f x.* r.db

# ---- database, cache --------------------------------------------------------------------------------------------
run sql r.varve 'SELECT count(*) AS n FROM sample'
is "sql answers from a recording" "$OUT" " n
85"
[ -e r.db ] && ok "the import is kept beside the recording" || not_ok "the import is kept beside the recording" "$(ls)"
before=$(stat -c %i,%Y r.db)
run sql r.varve 'SELECT 1'
is "and used again" "$(stat -c %i,%Y r.db)" "$before"
is "folded from the cache is the same" "$("$R" folded r.varve)" "$(cat "$G/report.on-cpu.folded")"
is "the view gives the same lines, escapes aside" "$("$R" sql r.db --format csv "SELECT sum(samples) AS n FROM oncpu_folded" | tr -d '\r' | tail -n 1)" 85
touch -d 2001-01-01 r.varve
run sql r.varve 'SELECT 1'
[ "$(stat -c %i r.db)" != "${before%,*}" ] && ok "a changed recording is imported anew" || not_ok "a changed recording is imported anew"
rm r.db
echo "mine" >r.db
run sql r.varve 'SELECT 1'
is "a file of the user's in the cache's place is left alone" "$(cat r.db)" mine
is "and the answer comes all the same" "$RC" 0
ls "$XDG_CACHE_HOME"/varve/*.db >/dev/null 2>&1 && ok "the cache went to the cache directory" || not_ok "the cache went to the cache directory"
rm r.db
run db r.varve -o x.db
is "db makes a database" "$RC:$OUT" "0:"
has "and says what is in it" "$ERR" "85 samples, 12 waits, 3 threads → x.db"
is "it is private" "$(stat -c %a x.db)" 600
run db r.varve -o x.db
is "db replaces a database of ours" "$RC" 0
"$R" db r.varve -o - >y.db 2>/dev/null
is "db -o - writes it to a pipe" "$("$R" sql y.db --format csv 'SELECT count(*) n FROM offcpu' | tr -d '\r' | tail -n 1)" 12
echo precious >z.txt
run db r.varve -o z.txt
is "db replaces nothing else" "$RC:$(cat z.txt)" "1:precious"
has "and says so" "$ERR" "not a varve database"
mkdir limited && (ulimit -f 64; "$R" db r.varve -o limited/x.db) >/dev/null 2>&1
is "a database that could not be finished leaves nothing" "$(ls limited)" ""

(ulimit -f 1; "$R" flame r.varve -o limited/x.html) >/dev/null 2>err
is "nor does a page" "$(ls limited) $(grep -c EFBIG err)" " 1"
if [ "$(id -u)" -eq 0 ] && mkdir small && mount -t tmpfs -o size=64k none small 2>/dev/null; then
	TEST_MOUNTS+=("$T/small")
	cp r.varve small/
	head -c 60000 /dev/zero >small/fill 2>/dev/null
	is "on a full disk a recording is read all the same" "$("$R" sql small/r.varve "SELECT count(*) AS n FROM offcpu" --format csv 2>&1 | tr -d '\r' | tail -n 1)" 12
	is "and its database is not there" "$(ls small)" "fill
r.varve"
else
	skip "on a full disk a recording is read all the same" "needs root and a tmpfs"
fi
for c in "--help" "--version" "sql --list" "verify r.varve"; do
	"$R" $c >/dev/full 2>err
	is "what cannot be printed is an error: $c" "$? $(grep -c ENOSPC err)" "1 1"
done
timeout 20 "$R" info - <&- >out 2>err
is "a closed standard input is none" "$? $(grep -c EBADF err)" "1 1"
"$R" db r.varve -o closed.db >&- 2>&-
is "a database is made without a standard output as with one" "$? $("$R" sql closed.db "SELECT count(*) AS n FROM offcpu" --format csv | tr -d '\r' | tail -n 1)" "0 12"

mkfifo pipe
"$R" db pipe -o limited/y.db 2>/dev/null &
pid=$!
exec 7>pipe
head -c 2000 r.varve >&7
sleep 0.5
kill -TERM "$pid"
wait "$pid"
is "a signal in the middle of an import is obeyed, though no more comes" "$?" 143
exec 7>&-
is "and leaves nothing either" "$(ls limited)" ""

# ---- what -o does not replace -------------------------------------------------------------------------------------
cp r.varve kept.varve
cp x.db kept.db
tail -c +97 r.varve >headless.varve # an input, though no header says so
before=$(cksum kept.varve kept.db headless.varve)
spared() { # claim, words, command…
	local claim=$1 words=$2
	shift 2
	run "$@"
	has "$claim" "$RC $ERR" "^1 .*$words, not replacing it"
}
spared "folded does not replace its input" "a recording" folded kept.varve -o kept.varve
spared "nor another recording" "a recording" top r.varve -o kept.varve
spared "nor one by another name" "a recording" export r.varve --format pprof -o ./kept.varve
spared "nor an input without a header" "an input" flame headless.varve --format svg -o headless.varve
spared "nor a database" "a database" info kept.db -o kept.db
run db kept.varve -o kept.varve
is "nor does db a recording" "$RC" 1
is "all of them are as they were" "$(cksum kept.varve kept.db headless.varve)" "$before"
run db r.varve -o kept.db
is "db replaces a database" "$RC" 0

# ---- sql --------------------------------------------------------------------------------------------------------
run sql x.db -q oom-kills
is "a named question runs" "$RC" 0
run sql x.db -q hot-functions --comm node --format csv
has "and takes filters" "$OUT" "LazyCompile"
hasnt "which filter" "$OUT" "handle_mm_fault"
run sql x.db "SELECT 1" --pid 5
is "a filter the statement does not look at is refused" "$RC" 1
run sql x.db -q no-such-question
is "an unknown question is a usage error" "$RC" 2
has "with a hint" "$ERR" "hint: .*--list"
sum=$(sha256sum x.db)
for s in "DELETE FROM sample" "ATTACH '$T/n.db' AS n" "PRAGMA journal_mode=WAL" "SELECT 1; SELECT 2" "SELECT load_extension('x')" "VACUUM"; do
	run sql x.db "$s"
	is "sql refuses: $s" "$RC" 1
done
is "and the database is as it was" "$(sha256sum x.db)" "$sum"
[ -e n.db ] && not_ok "nothing was attached" || ok "nothing was attached"
if command -v python3 >/dev/null; then
	"$R" sql x.db --format json "SELECT name, 1.5 AS r, NULL AS n FROM function" | python3 -c 'import json,sys; d=json.load(sys.stdin); assert any("\x1b" in x["name"] for x in d) and d[0]["n"] is None' &&
		ok "json parses, names whole" || not_ok "json parses, names whole"
	"$R" sql x.db --format ndjson "SELECT name FROM function" | python3 -c 'import json,sys; assert all(json.loads(l) for l in sys.stdin)' &&
		ok "ndjson parses line by line" || not_ok "ndjson parses line by line"
	"$R" sql x.db --format csv "SELECT name, '=cmd()' AS f FROM function" | python3 -c 'import csv,sys; r=list(csv.reader(sys.stdin)); assert len(set(map(len,r)))==1 and r[1][1]=="'"'"'=cmd()"' &&
		ok "csv parses, formulas are disarmed" || not_ok "csv parses, formulas are disarmed"
fi
"$R" sql x.db "SELECT name FROM function" | LC_ALL=C grep -qP '[\x00-\x08\x0b-\x1f]' && not_ok "no escape code reaches the terminal" || ok "no escape code reaches the terminal"
bad=""
for q in $("$R" sql --list | awk '{print $1}'); do
	"$R" sql x.db -q "$q" >/dev/null 2>err || bad="$bad $q: $(cat err)"
done
is "every named question runs" "$bad" ""
"$R" schema | grep -q "^table sample: " && ok "schema describes the tables" || not_ok "schema describes the tables"

# ---- top, info, first page --------------------------------------------------------------------------------------
cp r.varve gaps.varve
"$R" db gaps.varve -o gaps.db --quiet
sqlite3 gaps.db "UPDATE offcpu SET stack_id=NULL, waker_stack_id=NULL WHERE ts IN (SELECT min(ts) FROM offcpu WHERE stack_id IS NOT NULL)" # as where none could be taken
for event in on-cpu off-cpu run-queue wakeup; do
	for by in function thread; do
		is "top by $by adds up to what folded has: $event" "$("$R" top gaps.db --event $event --by $by --weight samples -n 100000 | sed 1d | tr -d , | awk '{ n += $1 } END { print n + 0 }')" \
			"$("$R" folded gaps.db --event $event --weight samples | awk '{ n += $NF } END { print n + 0 }')"
	done
done
has "with those whose stack could not be taken" "$("$R" top gaps.db --event wakeup)" ' \[no stack\]$'
run top r.varve
has "top counts self and total" "$OUT" "30 +35.29% +30 +35.29% +work"
run top r.varve --by cgroup
has "top by cgroup" "$OUT" "85 100.00% +/web/app"
run info x.db
has "info names the host" "$OUT" "golden"
has "info says how stacks ended" "$OUT" "complete"
hasnt "and no counters, unless asked" "$OUT" "^counters"
"$R" db "$G/causes.varve" -o c.db --quiet
run info c.db -v
has "info -v prints every counter" "$(printf '%s\n' "$OUT" | sed -n '/^counters/,$p' | tail -n +3 | awk '{ print $1 }')" "$(ask c.db "SELECT name FROM counter LIMIT 1" | sed 's/\./\\./g')"
is "all of them" "$(printf '%s\n' "$OUT" | sed -n '/^counters/,$p' | tail -n +3 | wc -l)" "$(ask c.db "SELECT count(*) FROM (SELECT DISTINCT name, scope FROM counter)")"
sqlite3 c.db "INSERT INTO loss(recording_id,ts,stream,lost,reason) VALUES(1,5,'sample',7,'ring full')"
has "info says what a loss means" "$("$R" info c.db)" '^  ring full: the ring from the kernel was full'
rm -f c.db
run x.db
is "a file alone gives a first page" "$RC" 0
has "which names the next commands" "$OUT" "varve-report info x.db"
# an odd name is shown, and can be copied from there; escape codes are for nobody's terminal
odd=$'an "odd"\e[31m\nname'"'s.varve"
cp r.varve "$odd"
run "$odd"
is "the page of a file with an odd name has no control character" "$(printf '%s' "$OUT" | LC_ALL=C tr -d '\n\40-\176\200-\377' | wc -c)" 0
line=$(printf '%s\n' "$OUT" | sed -n 's/^  varve-report info \(.*[^ ]\)  *what was lost.*/\1/p')
is "and names it as a shell reads it" "$(eval "printf %s $line")" "$odd"
run folded "not $odd"
is "nor has what is wrong with it, in a line" "$(printf '%s\n' "$ERR" | LC_ALL=C tr -d '\n\40-\176\200-\377' | wc -c) $(printf '%s\n' "$ERR" | wc -l)" "0 1"
cp r.varve second.varve
run r.varve second.varve --quiet
has "of two inputs, both are in the next commands" "$OUT" "varve-report flame r.varve second.varve -o"

# ---- damage -----------------------------------------------------------------------------------------------------
run verify r.varve
is "verify: a clean recording is clean" "$RC" 0
size=$(stat -c %s r.varve)
cp r.varve cut.varve && truncate -s $((size - 700)) cut.varve
run verify cut.varve
is "verify: a cut one is damaged" "$RC" 3
cp r.varve hurt.varve
printf '\377\377\377\377' | dd of=hurt.varve bs=1 seek=$((size / 2)) conv=notrunc 2>/dev/null
run verify hurt.varve
is "verify: a hurt one is damaged" "$RC" 3
has "verify: the loss has a place and a reason" "$OUT" "damaged: offset [0-9]+: "
run folded hurt.varve
is "folded says damaged, having written what there is" "$RC:$([ -n "$OUT" ] && echo text)" "3:text"
has "and how much that is" "$ERR" "recovered [0-9]+ of [0-9]+ chunks"
run sql hurt.varve "SELECT count(*) > 0 AS lost FROM loss WHERE reason LIKE 'damage:%'"
is "the database knows of it" "$RC:$(echo "$OUT" | tail -n 1 | tr -d ' ')" "3:1"
run sql hurt.varve "SELECT 1"
is "also when it comes from the cache" "$RC" 3
head -c 3000 /dev/urandom >noise
run folded noise
is "what is no recording is an error" "$RC" 1
one_line "in one line"
run verify noise
is "verify: unreadable" "$RC" 1
: >empty
run folded empty
is "an empty file too" "$RC" 1
run folded /no/such/file
is "and one that is not there" "$RC" 1
has "which is named" "$ERR" "'/no/such/file'|/no/such/file"
printf 'SQLite format 3\0garbage' >other.db
run top other.db
is "a database that is not ours is an error" "$RC" 1
one_line "in one line, too"

"$R" db r.varve -o piped.db -v 2>piped.err
hasnt "no percentage where nobody looks" "$(cat piped.err)" '%|reading r.varve'
has "-v: but how long it took" "$(cat piped.err)" '^varve-report: reading: [0-9]+\.[0-9]{3} s$'

# ---- on a terminal ------------------------------------------------------------------------------------------------
if command -v script >/dev/null; then
	rm -rf r.db "$XDG_CACHE_HOME/varve"
	unset NO_COLOR
	TERM=xterm script -qec "'$R' r.varve" /dev/null </dev/null >tty.out 2>&1
	has "an import says what it is doing" "$(tr '\r' '\n' <tty.out)" "varve-report: +(reading|finding the names for) r.varve"
	has "and how far it is" "$(tr '\r' '\n' <tty.out)" "^varve-report: +[0-9]+%"
	has "and the line is wiped" "$(tr '\r' '\n' <tty.out | tr -d '\033')" '^\[K'
	wide="SELECT 1 AS n, printf('%.*c', 100, 'x') AS text, 22 AS m UNION ALL SELECT 2, 'short', 3"
	on_tty() { # columns, statement
		TERM=xterm script -qec "stty cols $1; '$R' sql r.varve \"$2\"" /dev/null </dev/null 2>&1 | tr -d '\r'
	}
	is "a row is a line of the terminal: texts are cut" "$(on_tty 60 "$wide" | sed -n 2p)" "1 $(printf '%.54s' "$(printf 'x%.0s' {1..100})")… 22"
	is "where that is not enough each column is a line" "$(on_tty 12 "$wide" | sed -n '2p;4,6p')" "text  $(printf 'x%.0s' {1..100})

   n  2
text  short"
	is "as it is where a single row would be cut" "$(on_tty 60 "${wide%UNION*}" | tail -n 2)" "text  $(printf 'x%.0s' {1..100})
   m  22"
	is "where no terminal is nothing is cut" "$("$R" sql r.varve "$wide" | sed -n 2p)" "1  $(printf 'x%.0s' {1..100})  22"
	top=$(TERM=xterm script -qec "stty cols 66; '$R' top r.varve" /dev/null </dev/null 2>&1 | tr -d '\r')
	has "top: rows are lines, too" "$top" '%  LazyCompile:\*t…  //anon$'
	has "what does not fit loses a path's directories" "$top" '…  app$'
	has "what does is whole" "$top" '%  work  /usr/bin/app$'
	has "titles are bold" "$(tr -d '\033' <tty.out)" '\[1mnext\[0m'
	rm -rf "$XDG_CACHE_HOME" ./*.db
	TERM=xterm script -qec "'$R' db r.varve -o p.db" /dev/null </dev/null >tty.out 2>&1
	has "on a terminal progress is shown, up to all of it" "$(tr '\r' '\n' <tty.out)" '^varve-report: 100%'
	has "and what it is of" "$(tr '\r' '\n' <tty.out)" '^varve-report: +reading r.varve'
	is "in the end the line is gone" "$(tr -d '\r' <tty.out | tr '\033' '\n' | grep -a . | tail -n 1)" "[Kvarve-report: 85 samples, 12 waits, 3 threads → p.db"
	rm -rf "$XDG_CACHE_HOME" ./*.db
	TERM=xterm script -qec "'$R' db r.varve -o p.db --progress never" /dev/null </dev/null >tty.out 2>&1
	is "--progress never: nothing of it, there neither" "$?:$(tr -d '\r' <tty.out)" "0:varve-report: 85 samples, 12 waits, 3 threads → p.db"
	NO_COLOR=1 TERM=xterm script -qec "'$R' r.varve" /dev/null </dev/null >tty.out 2>&1
	hasnt "but not with NO_COLOR" "$(tr -d '\033' <tty.out)" '\[1m'
fi
run r.varve
hasnt "a pipe gets neither" "$OUT$ERR" "$(printf '\033')|reading"
run r.varve --color always
has "unless told to" "$(printf '%s' "$OUT" | tr -d '\033')" '\[1mnext'
run r.varve --color sometimes
is "--color takes three words" "$RC" 2
rm -rf "$XDG_CACHE_HOME" ./*.db
run db r.varve -o p.db --progress auto
is "--progress auto: nothing of it in a pipe" "$RC:$ERR" "0:varve-report: 85 samples, 12 waits, 3 threads → p.db"
run db r.varve -o p.db --progress always
is "--progress takes two words" "$RC:$(head -n 1 err)" "2:varve-report: --progress: 'always' is not auto or never"
rm -f p.db
run r.varve --comm node
hasnt "the first page takes filters" "$OUT" 'app +100'

# ---- usage ------------------------------------------------------------------------------------------------------
run folded r.varve --evnt off-cpu
is "an unknown option is a usage error" "$RC" 2
has "with the nearest one" "$ERR" "the nearest is --event"
run foldd r.varve
is "an unknown command is one" "$RC" 2
run folded
is "and no input" "$RC" 2
run --help
is "help goes to stdout" "$RC:$(echo "$OUT" | head -n 1 | cut -c 1-19)" "0:usage: varve-report"
run --version
has "so does the version" "$OUT" "^varve-report [0-9]"
test_done
