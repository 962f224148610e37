#!/usr/bin/env bash
# --snapshot-on psi-mem>PCT: where the host stalls for want of memory (a program whose cgroup is too small for it), what is in memory is written, and
# says why.
. "$(dirname "$0")/../lib.sh"
test_init "$@"
needs_bpf
needs sqlite3
[ -r /proc/pressure/memory ] || skip_all "needs /proc/pressure/memory: this kernel tells no pressure"
memory_cgroup "varve-psi-$$" 24 || skip_all "needs a memory cgroup: neither v1 nor v2 can be had here"

pressure() { sed -n 's/^some avg10=\([0-9.]*\).*/\1/p' /proc/pressure/memory; }
is_above() { awk -v p="$(pressure)" -v than="$1" 'BEGIN { exit !(p > than) }'; }

thrash=
background flight "$RECORD" -a --flight 30s --snapshot-on 'psi-mem>0.5' -o "$T/f"
flight=$BG
await 60 test -e "$T/f.lock" || { not_ok "the recorder begins"; test_done; }
for i in 1 2 3; do # of each alone it is some 1 %, most of its time goes to reading
	background "thrash$i" in_cgroup "$MEMCG" "$W/thrash" "$T/file$i" 32
	thrash+=" $BG"
done
await 30 is_above 0.7 || skip_all "needs memory pressure: a program that thrashes in 24 MiB made $(pressure) % of it"
await 60 test -e "$T/f.000001.varve" && ok "with it, there is" || not_ok "with it, there is" "pressure: $(pressure)"
# shellcheck disable=SC2086
kill -KILL $thrash
kill -INT "$flight"
wait "$flight"
is "the recorder ends with 0" $? 0
is "the snapshot is whole" "$("$REPORT" verify "$T/f.000001.varve" 2>&1 | tail -n 1 | sed 's/^ *//')" clean
has "it says why it was written" "$("$REPORT" sql "$T/f.000001.varve" 'SELECT text FROM mark' 2>&1)" 'pressure|psi'
test_done
