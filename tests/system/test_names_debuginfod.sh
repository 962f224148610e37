#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# --debuginfod: debug files by build-id from a server; off unless given; a server that is wrong, slow or away costs nothing but the names.
# RUN: beside others (records one command that runs by CPU time)
. "$(dirname "$0")/../lib.sh"
test_init "$@"
needs_bpf
needs gcc strip objcopy readelf python3
ldconfig -p | grep -q 'libdebuginfod\.so\.1' || skip_all "needs libdebuginfod.so.1: not installed"
cd "$T" || exit 1
gcc -O2 -g -static -Wl,--build-id -o whole "$TESTS/workloads/names/spin.c" || skip_all "needs gcc and libc.a"
gcc -O2 -g -DOTHER -static -Wl,--build-id -o other "$TESTS/workloads/names/spin.c"
cp whole victim && strip victim
"$RECORD" -q -f -F 499 -e on-cpu --symbols none -o r.varve -- ./victim 1 >/dev/null 2>&1
id=$(readelf -n whole | sed -n 's/.*Build ID: //p')

# Serves DIR/buildid/ID/WHAT and keeps a log; WHAT.slow drips, WHAT.cut ends in the middle of its length.
cat >server.py <<'PY'
import http.server, os, sys, time
class Handler(http.server.SimpleHTTPRequestHandler):
    def do_GET(self):
        path = "." + self.path
        print(self.path, flush=True)
        if os.path.exists(path + ".slow"):
            self.send_response(200); self.send_header("Content-Length", "1000000"); self.end_headers()
            try:
                while True: self.wfile.write(b"x"); self.wfile.flush(); time.sleep(0.3)
            except OSError: return
        if os.path.exists(path + ".cut"):
            data = open(path + ".cut", "rb").read()
            self.send_response(200); self.send_header("Content-Length", str(len(data))); self.end_headers()
            self.wfile.write(data[:len(data) // 2]); return
        super().do_GET()
    def log_message(self, *a): pass
s = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
open("port", "w").write(str(s.server_port))
os.rename("port", "port.ready")
s.serve_forever()
PY
mkdir -p "www/buildid/$id"
( cd www && exec python3 ../server.py >../log 2>/dev/null ) &
TEST_PIDS+=($!)
await 60 test -e www/port.ready
export DEBUGINFOD_URLS="http://127.0.0.1:$(cat www/port.ready)" DEBUGINFOD_TIMEOUT=60 DEBUGINFOD_MAXTIME=60
unset HTTP_PROXY http_proxy ALL_PROXY all_proxy
# One case: what the server has, then the line for the victim, and whether its function is named.
try() { # CASE SHELL-COMMANDS (in the served directory of the build-id)
	rm -rf "$T/dc" "$T/cache" r.db "www/buildid/$id" && mkdir -p "www/buildid/$id" && : >log
	(cd "www/buildid/$id" && eval "$2")
	again "$1"
}
again() {
	"$REPORT" folded r.varve --debuginfod >"$1.folded" 2>"$1.err"
	is "$1: the report is written" "$?" 0
	why=$("$REPORT" info --missing r.varve --debuginfod 2>/dev/null | grep -A1 '/victim' | sed -n 's/^ *why: *//p')
	named=$(grep -c ';spin_here ' "$1.folded")
}
export DEBUGINFOD_CACHE_PATH="$T/dc"
"$REPORT" folded r.varve >plain.folded 2>/dev/null
is "without --debuginfod nothing is asked" "$(cat log)" ""
try good 'objcopy --only-keep-debug "$T/whole" debuginfo'
holds "good: spin_here has its name" "$named >= 1"
is "good: nothing is missing of it" "$why" ""
has "good: with its line" "$("$REPORT" sql r.varve --debuginfod "SELECT sf.path FROM function f JOIN source_file sf ON sf.id=f.file_id WHERE f.name='spin_here'" 2>/dev/null)" 'spin\.c'
is "good: asked once" "$(grep -c debuginfo log)" 1
again cached
holds "the second time: named" "$named >= 1"
is "and not asked again" "$(grep -c debuginfo log)" 1
try executable 'cp "$T/whole" executable'
has "an image that is here is not asked for" "$(cat log)" '/debuginfo$'
hasnt "only its debug information" "$(cat log)" '/executable$'
mv victim victim.away
try executable_gone 'cp "$T/whole" executable'
holds "where the image is gone, the whole file will do" "$named >= 1"
mv victim.away victim
try missing ''
is "not on the server: no name" "$named" 0
has "not on the server: why" "$why" '^no symbols; debuginfod: not found$'
try wrong 'objcopy --only-keep-debug "$T/other" debuginfo'
is "another build's file: no name" "$named" 0
is "nor the other build's" "$(grep -c spin_there wrong.folded)" 0
has "another build's file: why" "$why" "debuginfod: another build's file, or a broken one\$"
(cd "www/buildid/$id" && objcopy --only-keep-debug "$T/whole" debuginfo)
again mended
holds "the right one afterwards is taken" "$named >= 1"
try cut 'objcopy --only-keep-debug "$T/whole" debuginfo.cut'
is "cut short: no name" "$named" 0
has "cut short: why" "$why" 'debuginfod: '
try garbage 'head -c 100000 /dev/urandom >debuginfo'
is "garbage: no name" "$named" 0
has "garbage: why" "$why" "debuginfod: another build's file, or a broken one\$"

# ---- debug information whose other half is a dwz supplement
dwz_ready() {
	command -v dwz >/dev/null && gcc -O2 -g -DTAG=half -Wl,--build-id -o halved "$TESTS/workloads/names/spin_inline.c" && cp halved twin &&
		dwz -m common.dwz -M "$T/away/common.dwz" halved twin 2>/dev/null && objcopy --only-keep-debug halved halved.debug
}
try_dwz() { # CASE, SHELL-COMMANDS (in the served directory of the supplement)
	rm -rf "$T/dc" "$T/cache" half.db "www/buildid/$alt" && mkdir -p "www/buildid/$alt" && : >log
	(cd "www/buildid/$alt" && eval "$2")
	again_dwz "$1"
}
again_dwz() {
	"$REPORT" folded half.varve --debuginfod >"$1.folded" 2>"$1.err"
	is "$1: the report is written" "$?" 0
	why=$("$REPORT" info --missing half.varve --debuginfod 2>/dev/null | grep -A1 '/halved' | sed -n 's/^ *why: *//p')
	named=$(grep -c ';half_outer;half_middle_\[i\];half_inner_\[i\]' "$1.folded")
}
if dwz_ready; then
	alt=$(readelf -n common.dwz | sed -n 's/.*Build ID: //p') half=$(readelf -n halved | sed -n 's/.*Build ID: //p')
	"$RECORD" -q -f -F 499 -e on-cpu --symbols none -o half.varve -- ./halved 0.5 >/dev/null 2>&1
	try_dwz dwz 'cp "$T/common.dwz" debuginfo'
	holds "dwz: the supplement comes, and gives names" "$named >= 1"
	is "dwz: nothing is missing" "$why" ""
	is "dwz: it alone was asked for, once" "$(grep -ao '/buildid/[0-9a-f]*/[a-z]*' log | grep "$half\|$alt")" "/buildid/$alt/debuginfo"
	try_dwz dwz_missing ''
	is "dwz: not on the server: no names of it" "$named" 0
	has "dwz: why" "$why" "^debug information is missing: dwz supplement '.*debuginfod: not found\$"
	try_dwz dwz_wrong 'cp "$T/halved.debug" debuginfo'
	is "dwz: another build's file is not taken" "$named" 0
	has "dwz: and why" "$why" "debuginfod: another build's file, or a broken one\$"
	(cd "www/buildid/$alt" && cp "$T/common.dwz" debuginfo)
	again_dwz dwz_mended
	holds "dwz: the right one afterwards is" "$named >= 1"
	strip halved && mkdir -p "www/buildid/$half" && cp halved.debug "www/buildid/$half/debuginfo"
	try_dwz dwz_both 'cp "$T/common.dwz" debuginfo'
	holds "dwz: a debug file that came has its supplement fetched, too" "$named >= 1"
	is "dwz: nothing is missing then" "$why" ""
else
	skip "dwz: the supplement comes, and gives names" "no dwz"
fi
export DEBUGINFOD_TIMEOUT=2 DEBUGINFOD_MAXTIME=4
start=$(date +%s%N)
try slow 'touch debuginfo.slow'
is "slow: no name" "$named" 0
has "slow: why" "$why" 'debuginfod: (took too long|download failed)$'
# what drips sends a byte each 0.3 s: whole, it would take 83 hours
holds "slow: two reports in bounded time (s)" "$((($(date +%s%N) - start) / 1000000000)) <= 120"
DEBUGINFOD_URLS="http://127.0.0.1:1" && try away ''
has "no server: why" "$why" 'debuginfod: (server not reached|not found|download failed)$'
DEBUGINFOD_URLS= "$REPORT" folded r.varve --debuginfod >/dev/null 2>err
is "no servers named: an error" "$?" 1
has "with what to do" "$(cat err)" 'hint: export DEBUGINFOD_URLS='
test_done
