#!/bin/sh
# Makes NotoSansCJKsc-Regular-gb2312.otf, the font of the labels that inference/annotate.py writes on photos.
# Needs Debian or Ubuntu (apt-get download, dpkg), python3 and pyftsubset (pip install fonttools==4.68.0).
# Run it anywhere; it writes beside itself and nowhere else. The same inputs give the same bytes.
set -eu

package='fonts-noto-cjk=1:20220127+repack1-1'
source_sha256=b76b0433203017ca80401b2ee0dd69350349871c4b19d504c34dbdd80541690a
font_number=2  # in the collection: 0 JP, 1 KR, 2 SC, 3 TC, 4 HK

here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT
cd "$work"

apt-get download "$package"
dpkg -x fonts-noto-cjk_*.deb .
source=usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc
echo "$source_sha256  $source" | sha256sum --check --quiet

# ASCII, Latin-1 and all of GB 2312: 6763 Chinese characters (levels 1 and 2), punctuation, Greek, Cyrillic, kana.
python3 - >characters.txt <<'PYTHON'
gb2312 = (bytes((row, cell)) for row in range(0xA1, 0xF8) for cell in range(0xA1, 0xFF))
latin = (chr(code) for code in (*range(0x20, 0x7F), *range(0xA0, 0x100)))
characters = {*latin, *(pair.decode("gb2312", "ignore") for pair in gb2312)} - {""}
print("".join(sorted(characters)), end="")
PYTHON

PYTHONIOENCODING=utf-8 pyftsubset "$source" --font-number="$font_number" --text-file=characters.txt \
  --layout-features=kern --no-hinting --no-glyph-names --notdef-outline --name-IDs=0,1,2,3,4,5,6,13,14 \
  --output-file="$here/NotoSansCJKsc-Regular-gb2312.otf"
sha256sum "$here/NotoSansCJKsc-Regular-gb2312.otf"
