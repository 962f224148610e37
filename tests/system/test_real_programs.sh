#!/usr/bin/env bash
# Programs as Debian ships them, without frame pointers: nearly every user stack reaches its thread's root, and every other says why not.
# Prints, for each, the samples, the mean depth, and where the incomplete ones ended.   VARVE_REAL="node git" tries those alone.
. "$(dirname "$0")/../lib.sh"
measures "$@"
test_init "$@"
needs_bpf
needs sqlite3 awk

programs=$W/real # kept from run to run: a repository, a source
real=$TESTS/workloads/real_programs.sh
"$real" "$programs" prepare || exit 1

# SQL: every sample of user code, with how its stack ended. A stack without user frames (a process not yet or no longer with memory of
# its own) has no root to reach.
user_samples() {
	cat <<-'SQL'
	WITH RECURSIVE used AS MATERIALIZED (SELECT stack_id, count(*) n FROM sample WHERE stack_id IS NOT NULL GROUP BY 1),
		root(leaf, at) AS (SELECT stack_id, stack_id FROM used
			UNION ALL SELECT leaf, s.parent_id FROM root JOIN stack s ON s.id = at WHERE s.parent_id IS NOT NULL),
		user_stack AS MATERIALIZED (SELECT u.stack_id, u.n, l.end_id, l.depth, f.rel_addr, i.path, fn.name AS function, i.kind IN ('kernel', 'module', 'bpf') AS is_bare
			FROM root r JOIN stack s ON s.id = r.at AND s.parent_id IS NULL JOIN used u ON u.stack_id = r.leaf JOIN stack l ON l.id = r.leaf
			JOIN frame f ON f.id = s.frame_id JOIN image i ON i.id = f.image_id JOIN function fn ON fn.id = f.function_id)
	SQL
}

printf '# %-10s %8s %9s %7s %6s\n' program samples complete share depth
for name in $("$real" "$programs" list); do
	[ -z "${VARVE_REAL:-}" ] || [[ " $VARVE_REAL " == *" $name "* ]] || continue
	"$RECORD" -q -F 999 -e on-cpu,task -o "$T/$name.varve" -- "$real" "$programs" "$name" >"$T/$name.out" 2>"$T/$name.err"
	is "$name ran and was recorded" "$?" 0
	sed 's/^/#   /' "$T/$name.err" | head -n 5
	db=$(db_of "$T/$name.varve")
	read -r n complete depth < <(ask "$db" "$(user_samples) SELECT sum(n), sum(n * (end_id = 0)), sum(n * (depth + 1)) / sum(n) FROM user_stack")
	bare=$(ask "$db" "SELECT count(*) FROM sample WHERE stack_id IS NULL")
	printf '# %-10s %8s %9s %6s%% %6s   %s without any stack\n' "$name" "$n" "$complete" "$(awk -v a="$complete" -v b="$n" 'BEGIN { printf "%.2f", 100 * a / b }')" "$depth" "$bare"
	ask "$db" "$(user_samples) SELECT '#     ', sum(n), e.name, CASE is_bare WHEN 1 THEN 'no user frame' ELSE 'below' END, function, path, printf('0x%x', rel_addr) FROM user_stack JOIN stack_end e ON e.id = end_id
		WHERE end_id <> 0 OR is_bare GROUP BY 3, 5, 6, 7 ORDER BY 2 DESC LIMIT ${VARVE_DETAIL:-8}"
	holds "$name: 500 samples or more of user code" "${n:-0} >= 500"
	holds "$name: at least 98 % of user stacks reach the thread's root" "${complete:-0} >= 0.98 * ${n:-1}"
	is "$name: every other has its reason" "$(ask "$db" "$(user_samples) SELECT count(*) FROM user_stack LEFT JOIN stack_end e ON e.id = end_id WHERE e.name IS NULL OR e.name IN ('unknown', 'not taken')")" 0
	holds "$name: no sample without any stack" "${bare:-1} <= 0.001 * ${n:-0}"
done
test_done
