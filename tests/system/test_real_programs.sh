#!/usr/bin/env bash
# Programs as Debian ships them, without frame pointers: nearly every user stack, running and waiting, reaches its thread's root, and every
# other says why not. Prints for each how many there were, their mean depth, and where the incomplete ones ended.   VARVE_REAL="node git" tries those alone.
. "$(dirname "$0")/../lib.sh"
measures "$@"
test_init "$@"
needs_bpf
needs sqlite3 awk

programs=$W/real # kept from run to run: a repository, a source
real=$TESTS/workloads/real_programs.sh
"$real" "$programs" prepare || exit 1

# SQL: the stacks of user threads in a table (sample, offcpu), with how they ended. One of a process that had given up its memory (exit) or was
# getting a new one (exec) has no root left to reach: it is printed apart.
user_stacks() { # table
	cat <<-SQL
	WITH RECURSIVE used AS MATERIALIZED (SELECT stack_id, count(*) n FROM $1 JOIN thread USING(utid) WHERE stack_id IS NOT NULL AND NOT is_kernel GROUP BY 1),
		root(leaf, at) AS (SELECT stack_id, stack_id FROM used
			UNION ALL SELECT leaf, s.parent_id FROM root JOIN stack s ON s.id = at WHERE s.parent_id IS NOT NULL),
		user_stack AS MATERIALIZED (SELECT u.stack_id, u.n, e.name AS ended, e.name = 'memory gone' AS is_gone, l.depth, f.rel_addr, i.path, fn.name AS function
			FROM root r JOIN stack s ON s.id = r.at AND s.parent_id IS NULL JOIN used u ON u.stack_id = r.leaf JOIN stack l ON l.id = r.leaf
			JOIN frame f ON f.id = s.frame_id JOIN image i ON i.id = f.image_id JOIN function fn ON fn.id = f.function_id
			LEFT JOIN stack_end e ON e.id = l.end_id)
	SQL
}

grade() { # program, what, table, fewest, per cent
	local n complete gone depth bare
	read -r n complete gone depth < <(ask "$db" "$(user_stacks "$3") SELECT total(n * NOT is_gone), total(n * (ended = 'complete')), total(n * is_gone),
		CAST(total(n * (depth + 1)) / max(total(n), 1) AS INT) FROM user_stack" | sed 's/\.0\b//g')
	bare=$(ask "$db" "SELECT count(*) FROM $3 JOIN thread USING(utid) WHERE stack_id IS NULL AND NOT is_kernel")
	printf '# %-10s %-8s %7s %9s %6s%% %6s %6s\n' "$1" "$2" "$n" "$complete" "$(awk -v a="$complete" -v b="$n" 'BEGIN { printf "%.2f", b ? 100 * a / b : 0 }')" "$depth" "$gone"
	ask "$db" "$(user_stacks "$3") SELECT '#     ', sum(n), ended, 'below', function, path, printf('0x%x', rel_addr) FROM user_stack
		WHERE ended IS NOT 'complete' AND is_gone IS NOT 1 GROUP BY 3, 5, 6, 7 ORDER BY 2 DESC LIMIT ${VARVE_DETAIL:-8}"
	[ "$n" -ge "$4" ] || { [ "$3" = offcpu ] || not_ok "$1: $4 $2 or more" "$n"; return; }
	ok "$1: $4 $2 or more"
	holds "$1: at least $5 % of the stacks of its $2 reach the thread's root" "$complete >= $5 / 100 * $n"
	is "$1: each other of its $2 has a reason" "$(ask "$db" "$(user_stacks "$3") SELECT count(*) FROM user_stack WHERE ended IS NULL OR ended = 'unknown'")" 0
	holds "$1: none of its $2 is without any stack" "$bare <= 0.001 * $n"
}

printf '# %-10s %-8s %7s %9s %7s %6s %6s\n' program "" stacks complete share depth gone
for name in $("$real" "$programs" list); do
	[ -z "${VARVE_REAL:-}" ] || [[ " $VARVE_REAL " == *" $name "* ]] || continue
	"$RECORD" -q -F 999 -e on-cpu,off-cpu,task -o "$T/$name.varve" -- "$real" "$programs" "$name" >"$T/$name.out" 2>"$T/$name.err"
	is "$name ran and was recorded" "$?" 0
	sed 's/^/#   /' "$T/$name.err" | head -n 5
	db=$(db_of "$T/$name.varve")
	grade "$name" samples sample 500 98
	grade "$name" waits offcpu 100 98
done
test_done
