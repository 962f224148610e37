#!/usr/bin/env bash
# The named questions on a recording kept in the tree (tests/golden/make_causes.sh: planted causes, recorded in a guest): answers byte by
# byte, each question with each filter, each format. No root needed.
# RUN: beside others (records nothing)
. "$(dirname "$0")/../lib.sh"
test_init "$@"
needs jq python3
G=$TESTS/golden
cd "$T" || exit 1

"$G/make_causes.sh" --print "$O" >got 2>err
is "every question is answered" "$? $(cat err)" "0 "
section() { sed -n "/^== $1\$/,/^== /p" "$2" | grep -v '^=='; }
for q in $("$REPORT" sql --list | cut -d' ' -f1); do
	if [ "$(section "$q" got)" = "$(section "$q" "$G/causes.answers")" ]; then
		ok "$q: the golden answer"
	else
		not_ok "$q: the golden answer" "$(diff <(section "$q" got) <(section "$q" "$G/causes.answers"))"
	fi
done
is "and no other" "$(grep '^==' got | sort)" "$(grep '^==' "$G/causes.answers" | sort)"
# whoever makes the answers anew must still get these
names() { has "$1 names $2" "$(section "$1" "$G/causes.answers")" "$3"; }
names hot-functions "the neighbour's loop" '^noisy_burn,/srv/shop/bin/noisy,'
names container-cores "the container" '^/shop/docker/5ca1ab1e.*,1\.5,docker,5ca1ab1e0ddb'
names where-waits "the lock" '^convoy,S,,.*pthread_mutex_lock < convoy_update_table'
names wakeup-chain "the slow backend" '^2,.*conv-backend.*backend_miss'
names noisy-neighbour "the neighbour" '^noisy,noisy,/shop/docker/.*victim waited'
names fork-storm "who forks" '^[0-9]+,spawnd,stormlet,/srv/shop/bin/stormlet,'
names disk-waits "who writes" '^slowdisk,submit_bio_wait,.*disk_commit < slowdisk'
names oom-kills "victim and limit" ',memhog,[0-9]+,memcg,/shop/batch,64,64,'
names oom-path "the path" ';main;hog_grow;hog_touch;'
names exits "the crash" ',crasher,/srv/shop/bin/crasher,,11,'

# ---- filters --------------------------------------------------------------------------------------------------------
mkdir names
"$REPORT" db "$G/causes.varve" -o c.db --symfs "$T/names" --quiet
R() { "$REPORT" sql c.db "$@" --quiet; }
pid=$(R "SELECT pid FROM process WHERE comm='convoy'" --format csv | tail -n 1 | tr -d '\r')
bad=""
for q in $("$REPORT" sql --list | cut -d' ' -f1); do
	for filter in "--pid $pid" "--comm conv-worker*" "--cgroup /shop/web" "--time 3s,6s" "--recording shop-1"; do
		set -f
		# shellcheck disable=SC2086
		R -q "$q" $filter --format csv >"$q.csv" 2>err || bad="$bad $q $filter: $(cat err)"
		set +f
	done
	R -q "$q" --comm nobody-of-this-name --format ndjson >"$q.none" 2>err || bad="$bad $q: $(cat err)"
done
is "every question takes every filter" "$bad" ""
cut -d, -f2 <(R -q process-cores --pid "$pid" --format csv | sed 1d) >got
is "--pid leaves that process" "$(sort -u got)" convoy
is "--comm leaves threads of that name" "$(R -q waits-on-whom --comm 'conv-worker*' --format csv | sed 1d | cut -d, -f2 | sed 's/[0-9]$//' | sort -u)" "conv-worker-"
is "--cgroup leaves that cgroup and what is below" "$(R -q runq-by-container --cgroup /shop/web --format csv | sed 1d | cut -d, -f1)" /shop/web
is "--time leaves that time" "$(R -q runq-depth --time 3s,5s --format csv | sed 1d | cut -d, -f1 | tr '\n' ' ')" "3 4 "
is "wall-time with --time: each thread has that time" "$(R -q wall-time --comm victim --time 3s,5s --format csv | sed 1d | cut -d, -f1,3,4)" "victim,1,2.0"
# whom nobody asked about has no rows, but for what is of the recording as a whole
is "a filter that takes nobody leaves nothing" "$(for f in *.none; do [ -s "$f" ] && echo "${f%.none}"; done | grep -vx 'trust' | tr '\n' ' ')" ""

# ---- formats ---------------------------------------------------------------------------------------------------------
bad=""
for q in $("$REPORT" sql --list | cut -d' ' -f1); do
	rows=$(R -q "$q" --format csv | python3 -c 'import csv,sys; print(len(list(csv.reader(sys.stdin))) - 1)')
	json=$(R -q "$q" --format json | jq length) ndjson=$(R -q "$q" --format ndjson | jq -s length) table=$(R -q "$q" --format table | sed 1d | wc -l)
	[ "$rows $rows $rows" = "$json $ndjson $table" ] || bad="$bad $q: $rows csv, $json json, $ndjson ndjson, $table table;"
done
is "table, CSV, JSON and NDJSON have the same rows" "$bad" ""
is "and the same values" "$(R -q process-cores --format json | jq -c '.[0]')" "$(R -q process-cores --format ndjson | head -n 1)"
is "the questions are in the database too" "$(R 'SELECT count(*) FROM question' --format csv | tail -n 1 | tr -d '\r')" "$("$REPORT" sql --list | wc -l)"
test_done
