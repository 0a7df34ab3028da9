#!/bin/sh
# The layout of the source is clang-format's.
# ctest: LABELS tree
set -eu
: "${SOURCE_DIR:?}"

if ! command -v clang-format >/dev/null 2>&1; then
    echo "skipped: no clang-format"
    exit 77
fi
cd "$SOURCE_DIR"
if ! find src include tests fuzz bench -type f \( -name '*.c' -o -name '*.h' \) | sort |
    xargs clang-format --style=file --dry-run -Werror; then
    echo "tools/format lays the source out"
    exit 1
fi
