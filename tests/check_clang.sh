#!/bin/sh
# Every C file also compiles without a warning with clang: the build's own command lines, its
# compiler replaced.
# ctest: LABELS tree
# ctest: TIMEOUT 600
set -eu
: "${BUILD_DIR:?}"

if ! command -v clang >/dev/null 2>&1; then
    echo "skipped: no clang"
    exit 77
fi
work=$(mktemp -d "$BUILD_DIR/clang.XXXXXX")
trap 'rm -rf "$work"' EXIT

# One command line a file: `… cc FLAGS -o OBJECT -c FILE` becomes `clang FLAGS -fsyntax-only FILE`.
sed -n 's/^ *"command": "\(.*\)",\{0,1\}$/\1/p' "$BUILD_DIR/compile_commands.json" |
    sed -e 's/\\\(.\)/\1/g' -e 's/ -o [^ ]* -c / -fsyntax-only /' \
        -e 's/^\([^ ]*ccache \)\{0,1\}[^ ]* /clang /' >"$work/commands"
if ! grep -q -e '-fsyntax-only' "$work/commands"; then
    echo "no command line found in compile_commands.json"
    exit 1
fi
cd "$BUILD_DIR"
tr '\n' '\0' <"$work/commands" | xargs -0 -n 1 -P "$(nproc)" sh -c
