#!/usr/bin/env bash
# Brings Preact and htm through npm into static/vendor: `inference/pages/vendor.sh`. The modules are the packages'
# own, byte for byte, but for two edits that a page without import maps needs: a bare "preact" becomes
# "./preact.js", and the pointers to source maps go.
set -euo pipefail
PREACT=11.2.0
HTM=3.1.1
here=$(cd "$(dirname "$0")" && pwd)/static/vendor
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm pack --silent "preact@$PREACT" "htm@$HTM" >/dev/null
mkdir preact htm
tar -xzf "preact-$PREACT.tgz" -C preact --strip-components=1
tar -xzf "htm-$HTM.tgz" -C htm --strip-components=1
for pair in preact/dist/preact.mjs:preact preact/hooks/dist/hooks.mjs:hooks htm/dist/htm.module.js:htm; do
  sed -e 's#from"preact"#from"./preact.js"#g' -e '/^\/\/# sourceMappingURL=/d' "${pair%%:*}" > "$here/${pair##*:}.js"
done
cp preact/LICENSE "$here/LICENSE.preact.txt"
cp htm/LICENSE "$here/LICENSE.htm.txt"
