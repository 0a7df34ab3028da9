#!/bin/sh
# The report as a reader sees it: made by the program for the world plaza, in both languages, and
# opened in a real browser (tests/browser/report.test.mjs). Screenshots stay in report-test/.
# ctest: LABELS slow-asan
# ctest: TIMEOUT 300
set -eu
: "${SOURCE_DIR:?}" "${BUILD_DIR:?}"

heed=$BUILD_DIR/heed
if [ ! -x "$heed" ]; then
    echo "skipped: this build has no program heed"
    exit 77
fi
. "$SOURCE_DIR/tests/browser/prepare.sh"

work=$BUILD_DIR/report-test
rm -rf "$work"
mkdir -p "$work"
"$heed" --world "$work/heed.world" run --report "$work/en.html" >"$work/run.txt"
"$heed" --world "$work/heed.world" report --lang zh --out "$work/zh.html" >"$work/zh.txt"
grep -q 'Does the score mean what it says' "$work/en.html" # plaza learns what quality is, and shows it
grep -q '评分是否名副其实' "$work/zh.html"

grep -q 'a floor of 20% keeps' "$work/run.txt"

# A home of its own: the browser leaves nothing in the reader's.
mkdir -p "$work/home"
cd "$SOURCE_DIR/tests/browser"
HOME=$work/home CHROMIUM=$chromium REPORT_EN=$work/en.html REPORT_ZH=$work/zh.html SHOTS=$work \
    node --test report.test.mjs
