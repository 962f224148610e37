#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Programs as Debian ships them, each kept busy for about REAL_SECONDS (1.2) of CPU time with work of its own kind.
#   real_programs.sh DIR list          the names of those that are installed, one a line
#   real_programs.sh DIR NAME          run one; DIR keeps what they read (made once)
set -u
dir=$1 name=$2
end=$(awk -v s="${REAL_SECONDS:-1.2}" 'BEGIN { printf "%d", s * 100 }')
export PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C HOME=$dir GIT_CONFIG_NOSYSTEM=1

# Whether our children have used up the time; the kernel counts in hundredths.
is_over() {
	local stat
	read -r stat <"/proc/$$/stat"
	set -- ${stat##*) }
	[ $((${12} + ${13} + ${14} + ${15})) -ge "$end" ]
}
until_over() {
	while ! is_over; do "$@" || exit; done
}

# A history of 150 commits in 12 files, the same every time.
make_repository() {
	rm -rf "$dir/git.new"
	git init -q -b main "$dir/git.new" && awk 'BEGIN {
		for (c = 1; c <= 150; c++) {
			printf "commit refs/heads/main\ncommitter A <a@example.org> %d +0000\ndata 8\nchange %c\n", 1500000000 + c * 3600, 97 + c % 26
			f = c % 12
			for (i = 0; i < 40; i++)
				line[f, (c * 31 + i * 17) % 600] = "line " c * 7919 % 1000 " of " i " " c
			s = ""
			for (i = 0; i < 600; i++)
				s = s line[f, i] "\n"
			printf "M 100644 inline file%d\ndata %d\n%s\n", f, length(s), s
		}
	}' | git -C "$dir/git.new" fast-import --quiet --force && mv "$dir/git.new" "$dir/git"
}

make_source() {
	cat >"$dir/source.cc.new" <<-'CC'
	#include <algorithm>
	#include <functional>
	#include <iostream>
	#include <map>
	#include <string>
	#include <unordered_map>
	#include <vector>
	template <int N> struct chain : chain<N - 1> {
		std::map<int, std::vector<std::string>> m;
		int sum(int x) const { int r = chain<N - 1>::sum(x); for (auto &p : m) for (auto &s : p.second) r += s.size() * N; return r; }
	};
	template <> struct chain<0> { int sum(int x) const { return x; } };
	int main(int argc, char **argv)
	{
		chain<30> c;
		std::unordered_map<std::string, std::function<int(int)>> f;
		for (int i = 0; i < argc; i++)
			f[argv[i]] = [&c](int x) { return c.sum(x); };
		std::vector<std::string> v(argv, argv + argc);
		std::sort(v.begin(), v.end(), [](const auto &a, const auto &b) { return a.size() < b.size(); });
		for (auto &s : v)
			std::cout << f[s](3) << "\n";
	}
	CC
	mv "$dir/source.cc.new" "$dir/source.cc"
}

run_python3() {
	exec /usr/bin/python3 -c '
import json, re, sys, time, zlib, hashlib
words = ["w%d" % (i * 7919 % 1000) for i in range(3000)]
def tree(n): return {"a": n} if n == 0 else {"l": tree(n - 1), "r": [tree(n - 1), n]}
def parse(text): return json.loads(text)
def work(round):
    t = json.dumps(tree(7)) ; parse(t)
    text = " ".join(sorted(words, key=lambda w: (len(w), w[::-1])))
    re.sub(r"w(\d)(\d*)", lambda m: m.group(2) + m.group(1), text)
    zlib.compress(text.encode() * 8); hashlib.sha256(text.encode() * 40).digest()
    return sum(x * x for x in range(20000))
n = 0
while time.process_time() * 100 < float(sys.argv[1]): n += work(n)
' "$end"
}
run_node() {
	exec /usr/bin/node -e '
const crypto = require("crypto"), zlib = require("zlib");
const end = Number(process.argv[1]) * 1e4;
class Shape { constructor(n) { this.n = n; } area() { return this.n * this.n; } }
class Ring extends Shape { area() { return super.area() * 3.14; } }
function fib(n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }
function tree(n) { return n === 0 ? { leaf: "x".repeat(20) } : { l: tree(n - 1), r: [tree(n - 1), n] }; }
const cpu = () => { const c = process.cpuUsage(); return c.user + c.system; };
let sum = 0;
while (cpu() < end) {
	sum += fib(20);
	const text = JSON.stringify(tree(9)); JSON.parse(text);
	sum += text.replace(/x(x+)/g, (m, a) => a.length).length;
	sum += [...Array(3000).keys()].map((i) => (i % 2 ? new Ring(i) : new Shape(i))).sort((a, b) => a.area() - b.area()).length;
	sum += zlib.deflateSync(text.slice(0, 20000)).length + crypto.createHash("sha256").update(text).digest()[0];
}
' "$end"
}
run_compiler() {
	[ -e "$dir/source.cc" ] || make_source
	until_over /usr/bin/g++ -O2 -c -o "$dir/source.o" "$dir/source.cc"
}
sqlite() {
	/usr/bin/sqlite3 :memory: "CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT, c REAL); CREATE INDEX i ON t(b);
		WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 40000) INSERT INTO t SELECT x, 'name ' || (x * 7919 % 1000), x / 3.0 FROM n;
		SELECT b, count(*), avg(c), group_concat(a) FROM t GROUP BY b ORDER BY 3 DESC; SELECT max(x.c * y.c) FROM t x JOIN t y ON x.b = y.b WHERE x.a < 2000;
		SELECT sum(c) OVER (PARTITION BY b ORDER BY a) FROM t WHERE b LIKE '%7%' ORDER BY 1;" >"$dir/sqlite.out"
}
run_sqlite3() { until_over sqlite; }
run_bash() {
	exec /bin/bash -c '
	f() { local i=$1 s=; while [ $((i -= 1)) -gt 0 ]; do s+=${i%1}; [[ $s == *99* ]] && s=${s//9/}; done; echo "${#s}"; }
	declare -A a
	n=0
	while :; do
		for i in {1..300}; do a[k$((i * 7919 % 1000))]=$(( ${a[k$i]:-0} + i )); printf -v x "%s %05d" "${!a[*]}" "$i"; done
		n=$((n + $(f 300)))
		case $n in *7) set -- $x; n=$#;; esac
		read -r stat </proc/$$/stat
		set -- ${stat##*) }
		[ $((${12} + ${13} + ${14} + ${15})) -ge '"$end"' ] && exit 0
	done'
}
git_work() {
	git -C "$dir/git" log -p --stat >"$dir/git.out" && git -C "$dir/git" blame -w main -- file3 >"$dir/git.out" && git -C "$dir/git" repack -q -a -d -f
}
run_git() {
	[ -e "$dir/git" ] || make_repository || exit
	until_over git_work
}
run_openssl() {
	exec /usr/bin/openssl speed -seconds 1 -bytes 8192 sha256 rsa2048 >"$dir/openssl.out" 2>&1
}

mkdir -p "$dir"
case $name in
list)
	for n in python3 node compiler:g++ sqlite3 bash git openssl; do
		command -v "${n#*:}" >/dev/null && echo "${n%:*}"
	done
	;;
prepare)
	make_source
	[ -e "$dir/git" ] || make_repository
	;;
*) "run_$name" ;;
esac
