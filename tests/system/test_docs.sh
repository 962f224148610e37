#!/usr/bin/env bash
# varve-report's --help, manual and completions say the same; varve-sql(5) has the whole schema; the examples work. No root needed.
# RUN: beside others (records nothing)
. "$(dirname "$0")/../lib.sh"
test_init "$@"
S=$(cd "$TESTS/.." && pwd)
R=$REPORT
MAN=$S/report/varve-report.1
PATH=$O:$PATH
cd "$T" || exit 1
cp "$TESTS/golden/report.varve" recording.varve
mapfile -t COMMANDS < <("$R" --help | sed -n '/^commands/,/^$/s/^  \([a-z]*\) .*/\1/p')

words() { tr -s ' \n' '\n' | sed '/^$/d' | sort -u; }
lines() { printf '%s\n' "$@"; }
options_of() { # command: -o and --output, a line each
	"$R" "$1" --help | sed -n '/^options/,/^examples/s/^  \(-.\)\{0,1\},\{0,1\} *\(--[a-z-]*\).*/\1 \2/p' | words
}
long() { grep '^--'; }

# ---- manual ---------------------------------------------------------------------------------------------------
is "help lists ten commands" "${#COMMANDS[@]}" 10
# --color is the first page's, which has no command
ALL=$({ for c in "${COMMANDS[@]}"; do options_of "$c"; done; echo --color; } | words)
holds "and dozens of options" "$(lines "$ALL" | wc -l) > 30"
in_man=$(grep '^\.It Fl' "$MAN" | sed 's/Fl -/\n--/g; s/Fl /\n-/g' | sed -n 's/^\(-[-a-zA-Z]*\).*/\1/p' | words)
is "the manual has each option and no other" "$(comm -3 <(lines "$in_man") <(lines "$ALL"))" ""
mentioned=$(grep -o 'Fl -[a-z-]*' "$MAN" | sed 's/Fl -/--/' | words)
is "nor names another one" "$(comm -23 <(lines "$mentioned") <(lines "$ALL"))" ""
is "the manual has each command and no other" "$(sed -n '/^\.Sh COMMANDS/,/^\.Sh OPTIONS/s/^\.It Cm \([a-z]*\).*/\1/p' "$MAN" | sort)" \
	"$(lines "${COMMANDS[@]}" | sort)"

# what the manual says a command takes: its options of the Output part, groups, and single filters
section() { sed -n "/^\\.Ss $1/,/^\\.[SE][hl]/p" "$MAN" | sed -n 's/^\.It Fl/Fl/p' | sed 's/Fl -/\n--/g' | sed -n 's/^\(--[a-z-]*\).*/\1/p'; }
own() { # command: items of the Output part whose text names it
	sed -n '/^\.Ss Output/,/^\.Ss Filters/p' "$MAN" | sed -n '/^\.It/{s/.*Fl -\([a-z-]*\).*/--\1/;h;}; /^\.Cm '"$1"' [:,]/{x;p;x;}'
}
man_of() { # command
	local item
	item=$(sed -n "/^\\.It Cm $1\\b/,/^\\.\\(It\\|El\\)/p" "$MAN" | sed '$d')
	section "All commands"
	own "$1"
	[ "$1" = verify ] || echo --output
	grep -q 'Takes filters' <<<"$item" && section Filters | grep -v offwake
	grep -q 'options on names' <<<"$item" && section Names
	sed '1d' <<<"$item" | grep -o 'Fl -[a-z-]*' | sed 's/Fl -/--/'
	sed -n '/^\.It Fl -offwake/,/^\.It Fl -where/p' "$MAN" | grep '^\.Cm' | grep -qw "$1" && echo --offwake
}
for c in "${COMMANDS[@]}"; do
	is "the manual says which options $c takes" "$(man_of "$c" | words)" "$(options_of "$c" | long)"
done

# ---- bash -----------------------------------------------------------------------------------------------------
. "$S/report/varve-report.bash"
complete_words() { # words…: what is offered for the last
	COMP_WORDS=("$R" "$@") COMP_CWORD=$#
	_varve_report 2>/dev/null
	lines "${COMPREPLY[@]}" | words
}
for c in "${COMMANDS[@]}"; do
	is "bash completes the options of $c" "$(complete_words "$c" -)" "$(options_of "$c")"
done
is "bash completes commands" "$(complete_words "" | grep -v '[.]')" "$(lines "${COMMANDS[@]}" err | grep -v err | sort)"
has "and recordings" "$(complete_words top rec)" '^recording.varve$'
is "and named questions" "$(complete_words sql recording.varve -q "")" "$("$R" sql --list | cut -d' ' -f1 | sort)"
is "and values behind =" "$(complete_words top --event = of)" off-cpu
known=$(for o in $(lines "$ALL" | long); do "$R" recording.varve "$o" 2>&1 >/dev/null | grep -q 'unknown option' || echo "$o"; done)
is "and the options where no command is named" "$(complete_words recording.varve - | long)" "$known"

# Each value that is offered is taken, and the help has no other.
try_values() { # option, value expected to be among them, command and arguments…
	local opt=$1 one=$2 v bad="" offered
	shift 2
	offered=$(complete_words "$1" "$opt" "")
	for v in $offered; do "$R" "$1" recording.varve "$opt" "$v" "${@:2}" >/dev/null 2>err || bad+="$v: $(cat err) "; done
	is "each completion of $1 $opt is taken" "$bad" ""
	has "and $one is among them" "$offered" "^$one\$"
	is "as in the help" "$("$R" "$1" --help | sed '/^examples/,$d' | grep "^ .*$opt " | sed "s/.*$opt *[A-Z]* *//; s/ (.*//; s/,/ /g; s/ or / /" | words)" "$offered"
}
try_values --event wakeup top
try_values --weight ns folded
try_values --demangle short folded
try_values --by cgroup top
try_values --format ndjson sql "SELECT 1"
try_values --format svg flame -o -
try_values --format perfetto export -o -

# the examples of the helps do what they say
bad=""
cp recording.varve monday.varve && cp recording.varve tuesday.varve && cp recording.varve after.varve && cp recording.varve before.varve
while read -r line; do
	case $line in *bundle*) continue ;; esac # needs the files that were mapped
	(eval "${line/varve-report/\"\$R\"}") >/dev/null 2>err || bad+="$line: $(cat err); "
done < <(for c in "" "${COMMANDS[@]}"; do "$R" $c --help | sed '1,/^examples/d'; done | sed 's/^  //; s/ | less//')
is "the examples of the helps work" "$bad" ""

# ---- zsh: only its text; the options of all commands, as its groups are shared ------------------------------------
zsh_text=$(cat "$S/report/_varve-report")
in_zsh=$(lines "$zsh_text" | grep -oE "[{,]--?[a-zA-Z][a-z-]*|'\*?--[a-z-]+\[" | grep -oE -- '--?[a-zA-Z][a-z-]*' | words)
is "zsh completes each option and no other" "$(comm -3 <(lines "$in_zsh") <(lines "$ALL"))" ""
is "and the commands" "$(lines "$zsh_text" | sed -n "/^subcommands=(/,/^)/s/^\t'\([a-z]*\):.*/\1/p" | sort)" "$(lines "${COMMANDS[@]}" | sort)"

# ---- varve-sql(5) -----------------------------------------------------------------------------------------------
"$S/report/varve-sql.5.sh" "$S/report/schema.sql" "$S/report/questions.sql" >sql.5
"$R" db recording.varve -o x.db 2>/dev/null
for kind in table view; do
	is "varve-sql(5) has every $kind of a database, and no other" \
		"$(sed -n "s/^\\.Ss ${kind^} \\([a-z_]*\\)\$/\\1/p" sql.5 | sort)" \
		"$(ask x.db "SELECT name FROM sqlite_master WHERE type='$kind' AND name NOT LIKE 'sqlite%' ORDER BY name")"
done
is "and every column with its type" \
	"$(awk '/^\.Ss Table/ { t = $3 } /^\.Ss View|^\.Sh NAMED/ { t = "" } t && /^\.It Va/ { print t, $3, $5 }' sql.5 | sort)" \
	"$(ask x.db "SELECT m.name, c.name, c.type FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type='table' AND m.name NOT LIKE 'sqlite%'" | sort)"
is "none without a word on it" "$(awk '/^\.It Va [a-z]/ { item = $0; next } item && (!NF || /^\./) { print item } { item = "" }' sql.5)" ""
is "and every named question" "$(sed -n '/^\.Sh NAMED/,$s/^\.It Cm //p' sql.5 | sort)" "$("$R" sql --list | cut -d' ' -f1 | sort)"
bad=""
n=0
while read -r sql; do
	n=$((n + 1))
	"$R" sql x.db "$sql" >/dev/null 2>err || bad+="$sql: $(cat err)
"
done < <(sed -n 's/^\.Dl \(SELECT.*\)/\1/p' sql.5)
is "the $n examples of its views work" "$bad" ""
holds "one for each view" "$n >= $(ask x.db "SELECT count(*) FROM sqlite_master WHERE type='view'")"

# ---- examples -----------------------------------------------------------------------------------------------------
n=0
while read -r example; do
	n=$((n + 1))
	out=$(bash -c "$example" 2>&1)
	is "works: $example" "$?" 0
	hasnt "and warns of nothing" "$(printf '%s\n' "$out" | grep -v "nothing matches")" '^varve-report: ' # the recording here is a small one
done < <(sed -n 's/^\.Dl \(varve-report .*\)/\1/p' "$MAN")
holds "there are examples" "$n > 5"
has "the picture of one is there" "$(head -c 200 waits.html)" '<html'
while IFS= read -r -d '' example; do
	out=$(bash -c "$example" 2>&1)
	is "works: ${example%%$'\n'*}" "$?:$([ -n "$out" ] && echo said)" "0:said"
done < <(awk '/^\.Bd/ { on = 1; next } /^\.Ed/ { printf "%c", 0; on = 0 } on { gsub(/\\e/, "\\"); print }' sql.5)

# ---- pages ----------------------------------------------------------------------------------------------------------
for page in "$MAN" "$S/record/varve-record.1" "$S/formats/varve-format.5" sql.5; do
	is "$(basename "$page") is plain ASCII" "$(LC_ALL=C grep -c '[^ -~]' "$page")" 0
	if command -v mandoc >/dev/null; then
		is "and clean mdoc" "$(mandoc -Tlint -Wwarning "$page" 2>&1)" ""
	else
		skip "and clean mdoc" "mandoc is not installed"
	fi
done
types=$(sed -n '/^| type | | holds/,/^$/s/^| [0-9]* | \([A-Z]*\) .*/\1/p' "$S/formats/FORMAT.md")
is "varve-format(5) has each chunk type of FORMAT.md" "$(sed -n '/^\.Ss Types/,/^\.El/s/^\.It //p' "$S/formats/varve-format.5")" "$types"
test_done
