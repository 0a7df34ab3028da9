#!/bin/sh
# examples/c/hello.c compiles with a bare C17 compiler and nothing but include/heed.h, links with this
# build's library, and says what its comments promise; heed.h is also good C++.
set -eu
: "${SOURCE_DIR:?}" "${BUILD_DIR:?}"

# the build's own compiler and flags, so that a sanitized library finds its runtime
cc=$(sed -n 's/^CMAKE_C_COMPILER:[A-Z]*=//p' "$BUILD_DIR/CMakeCache.txt")
flags=$(sed -n 's/^CMAKE_C_FLAGS:[A-Z]*=//p' "$BUILD_DIR/CMakeCache.txt")
if ! command -v "$cc" >/dev/null 2>&1; then
    echo "skipped: no C compiler named $cc"
    exit 77
fi
work=$(mktemp -d "$BUILD_DIR/example.XXXXXX")
trap 'rm -rf "$work"' EXIT

warnings="-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror"
# shellcheck disable=SC2086
"$cc" -std=c17 $warnings $flags -I "$SOURCE_DIR/include" -c "$SOURCE_DIR/examples/c/hello.c" \
    -o "$work/hello.o"

# says PROGRAM: what the program prints, line by line where it matters.
says() {
    if ! "$work/$1" >"$work/$1.txt" 2>"$work/$1.err"; then
        echo "$1 failed:"
        cat "$work/$1.txt" "$work/$1.err"
        exit 1
    fi
    for line in '^heed [0-9]' '^events: 3 applied, 1 duplicate$' '^quality show: {.*"quality":0\.' \
        '^feed serve: {.*"content:post1"' '^shop buy: {"refused":{"code":"insufficient_funds"' \
        '^shop buy: {.*"price_minor":50,' '^ledger balance: {.*"account":"user:ann"'; do
        if ! grep -q -e "$line" "$work/$1.txt"; then
            echo "$1 does not say '$line':"
            cat "$work/$1.txt"
            exit 1
        fi
    done
}

linked=0
if [ -f "$BUILD_DIR/libheed.so" ]; then
    # shellcheck disable=SC2086
    "$cc" $flags "$work/hello.o" -L "$BUILD_DIR" -Wl,-rpath,"$BUILD_DIR" -lheed -o "$work/shared"
    says shared
    # nothing but the public functions may be seen from outside
    if command -v nm >/dev/null 2>&1; then
        nm -D --defined-only "$BUILD_DIR/libheed.so" | awk '$2 ~ /[TDBR]/ { print $3 }' |
            grep -v -e '^heed_' -e '^_' >"$work/seen" || true
        if [ -s "$work/seen" ] && [ -z "$flags" ]; then
            echo "libheed.so shows more than heed.h names:"
            cat "$work/seen"
            exit 1
        fi
    fi
    linked=1
fi
if [ -f "$BUILD_DIR/libheed.a" ] && command -v pkg-config >/dev/null 2>&1; then
    # shellcheck disable=SC2046,SC2086
    "$cc" $flags "$work/hello.o" "$BUILD_DIR/libheed.a" $(pkg-config --libs sqlite3 jansson libarchive \
        zlib libcrypto libxxhash libzstd libutf8proc yaml-0.1 openblas) -lpthread -lm -o "$work/static"
    says static
    linked=1
fi
if [ "$linked" -eq 0 ]; then
    echo "skipped: this build has no library yet"
    exit 77
fi
cxx=${CXX:-c++}
if command -v "$cxx" >/dev/null 2>&1; then
    echo '#include <heed.h>' >"$work/as.cc"
    "$cxx" -Wall -Wextra -Wpedantic -Werror -I "$SOURCE_DIR/include" -fsyntax-only "$work/as.cc"
fi
