#!/usr/bin/env bash
# The tests' own rule for claims that a busy machine can make fail (tests/lib.sh, measures): twice the same is a failure, once each is not.
. "$(dirname "$0")/../lib.sh"
test_init "$@"
lib=$TESTS/lib.sh

# A test of three claims, those which fail in its first run and in its second; then what `end` says.
made() { # name, first, second, [end]
	cat >"$T/$1.sh" <<-END
		. "$lib"
		measures "\$@"
		test_init "\$@"
		bad=" $2 "
		[ "\$VARVE_ATTEMPT" = 2 ] && bad=" $3 "
		for i in 1 2 3; do
			case \$bad in *" \$i "*) is "claim \$i" no yes ;; *) ok "claim \$i" ;; esac
		done
		${4:-test_done}
	END
	(unset VARVE_ATTEMPT; bash "$T/$1.sh" "$O") >"$T/$1.out" 2>&1
	echo $?
}
marks() { grep -oE '^(not )?ok [0-9]+' "$T/$1.out" | tr '\n' ','; }

is "all hold: one run" "$(made holds "" "1 2 3") $(marks holds)" "0 ok 1,ok 2,ok 3,"
is "one that failed holds in the second run" "$(made again 2 "") $(marks again)" "0 ok 1,ok 2,ok 3,"
has "which is said, with why" "$(cat "$T/again.out")" "^#   got 'no', want 'yes'"
is "the same fails twice: a failure" "$(made twice 2 2) $(marks twice)" "1 ok 1,not ok 2,ok 3,"
is "one each: none" "$(made each 2 3) $(marks each)" "0 ok 1,ok 2,ok 3,"
has "which is said, too" "$(cat "$T/each.out")" '^ok 3 - claim 3 \(in the first run\)$'
is "one each and one twice: a failure" "$(made more "1 2" "2 3") $(marks more)" "1 ok 1,not ok 2,ok 3,"
is "a second run that dies is a failure" "$(made dies 2 3 '[ "$VARVE_ATTEMPT" = 1 ] && test_done; exit 3') $(marks dies)" "3 ok 1,ok 2,not ok 3,"
is "one that makes other claims is, too" "$(made other 2 3 'not_ok "a claim more, of run $VARVE_ATTEMPT"; [ "$VARVE_ATTEMPT" = 2 ] && ok "and one"; test_done') $(marks other)" "1 ok 1,ok 2,not ok 3,not ok 4,ok 5,"
test_done
