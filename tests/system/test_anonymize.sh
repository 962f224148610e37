#!/usr/bin/env bash
# --anonymize: the names of the host and of persons, and users' ids, are not in the file; what is different stays different. The same names are
# looked for in a recording without it, where they are found.
. "$(dirname "$0")/../lib.sh"
test_init "$@"
needs_bpf
needs sqlite3 strings setpriv unshare
cd "$T" || exit 1
R=$REPORT

# A host of that name, with these users, for the recorder and what it starts.
HOST=hostxyzzy DOMAIN=domainplugh.example
{ echo "qvone:x:4242:4242::/home/qvone:/bin/sh"; echo "qvtwo:x:4243:4243::/srv/qvtwo:/bin/sh"; cat /etc/passwd; } >passwd
for dir in home/qvone home/qvthree srv/qvtwo "$HOST"; do
	mkdir -p "$dir"
	cp "$(command -v bash)" "$dir/prog-qvone"
done
cat >work.sh <<'E2'
for dir in home/qvone home/qvthree srv/qvtwo hostxyzzy; do
	setpriv --reuid 4242 --clear-groups bash -c '"$@"; :' sh "$PWD/$dir/prog-qvone" -c 'for ((i = 0; i < 100000; i++)); do :; done'
done
E2
chmod -R a+rX .
record() { # options…
	rm -f s.varve s.db
	unshare -u -m bash -c 'mount --bind passwd /etc/passwd && echo "$0" >/proc/sys/kernel/hostname && exec "$@"' "$HOST.$DOMAIN" \
		"$RECORD" -q -F 999 -e all --cmdline full -o s.varve "$@" -- bash work.sh 2>rec.err
	is "recorded" "$? $(cat rec.err)" "0 "
	[ ! -e s.varve ] || "$R" db s.varve -o s.db >/dev/null 2>&1
}
BOOT=$(tr -d - </proc/sys/kernel/random/boot_id)
boot_id() { od -An -tx1 -j40 -N16 s.varve | tr -d ' \n'; }
# The database has every text of the file; its pages are not compressed.
found() { strings -n 4 s.db | grep -oiE "hostxyzzy|domainplugh|qvone|qvtwo|qvthree" | sort -u | tr '\n' ' '; }
uids() { ask s.db "SELECT count(uid) FROM process"; }

record
is "without it, names are found" "$(found)" "domainplugh hostxyzzy qvone qvthree qvtwo "
is "the boot id is there" "$(boot_id)" "$BOOT"
holds "users' ids are" "$(ask s.db "SELECT count(*) FROM process WHERE uid = 4242") >= 4"
has "the report names the host" "$("$R" info s.varve)" "host +$HOST"

record --anonymize
is "nothing of it is in the file" "$(found)" ""
is "nor is the boot id" "$(boot_id)" "$(printf '0%.0s' {1..32})"
is "nor are users' ids" "$(uids)" 0
programs=$(ask s.db "SELECT DISTINCT substr(exe, length('$T') + 1) FROM process WHERE exe LIKE '%/prog-%' ORDER BY 1" | tr '\n' ' ')
has "words stand for names, the same ones throughout" "$programs" '^/home/user1/prog-user1 /home/user[0-9]+/prog-user1 /host/prog-user1 /srv/user2/prog-user1 $'
holds "functions have names" "$(ask s.db "SELECT count(*) FROM function f JOIN image i ON i.id = f.image_id WHERE i.path LIKE '%/home/user1/prog-user1' AND f.name LIKE '%execute%'") >= 1"
out=$("$R" info s.varve)
has "the report says so" "$out" '^  anonymized +names of host and users, boot id and user ids are left out$'
hasnt "and names no host" "$out" '^  host '
record --anonymize --rotate 1s -o seg
"$R" db seg.*.varve -o s.db 2>/dev/null
is "in segments, too" "$? $(found)$(uids)" "0 0"
test_done
