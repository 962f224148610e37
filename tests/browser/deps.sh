#!/usr/bin/env bash
# Installs what the browser tests need, into BUILD_DIR/browser: node and Chromium from Debian where they are missing, and the
# packages of package-lock.json from npm.
#   tests/browser/deps.sh BUILD_DIR
set -eu
cd "$(dirname "$0")/../.."
O=$1
mkdir -p "$O/browser"
exec 9>"$O/browser/lock"
flock 9 # two tests may ask at once
missing=()
command -v chromium >/dev/null || missing+=(chromium)
command -v node >/dev/null || missing+=(nodejs)
command -v npm >/dev/null || missing+=(npm)
sudo=
[ "$(id -u)" -eq 0 ] || sudo=sudo
if [ ${#missing[@]} -ne 0 ]; then
	printf 'varve: installing %d Debian packages: %s\n' "${#missing[@]}" "${missing[*]}"
	$sudo apt-get update -q >/dev/null
	$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}" >/dev/null
fi
if cmp -s tests/browser/package-lock.json "$O/browser/package-lock.json" && [ -e "$O/browser/installed" ]; then
	exit 0
fi
cp tests/browser/package.json tests/browser/package-lock.json "$O/browser/"
echo "varve: installing npm packages for the browser tests"
npm --prefix "$O/browser" ci --ignore-scripts --no-audit --no-fund >/dev/null 2>"$O/browser/npm.log" || {
	tail -n 5 "$O/browser/npm.log" >&2
	exit 1
}
touch "$O/browser/installed"
