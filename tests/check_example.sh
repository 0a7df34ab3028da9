#!/bin/sh
# examples/c/*.c compile with a bare C17 compiler and nothing but include/heed.h, link with this
# build's library, and say what their comments promise; heed.h is also good C++.
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
for example in "$SOURCE_DIR"/examples/c/*.c; do
    # shellcheck disable=SC2086
    "$cc" -std=c17 $warnings $flags -I "$SOURCE_DIR/include" -c "$example" \
        -o "$work/$(basename "$example" .c).o"
done

# says PROGRAM STATUS ARGS...: it ends with this status and prints, on stdout or stderr, each line of ./wanted.
says() {
    program=$1 expected=$2
    shift 2
    status=0
    (cd "$work" && "./$program" "$@") >"$work/said" 2>&1 || status=$?
    if [ "$status" -ne "$expected" ]; then
        echo "$program gave $status:"
        cat "$work/said"
        exit 1
    fi
    while IFS= read -r line; do
        if ! grep -q -e "$line" "$work/said"; then
            echo "$program does not say '$line':"
            cat "$work/said"
            exit 1
        fi
    done <"$work/wanted"
}

# The examples, linked as PROGRAM.hello and PROGRAM.tools.
run_examples() {
    cat >"$work/wanted" <<'END'
^heed [0-9]
^events: 3 applied, 1 duplicate$
^quality show: {.*"quality":0\.
^feed serve: {.*"content:post1"
^shop buy: {"refused":{"code":"insufficient_funds"
^shop buy: {.*"price_minor":50,
^ledger balance: {.*"account":"user:ann"
END
    says "$1.hello" 0
    printf '%s\n' reviewer,target,label ann,p1,no bob,p1,no cyd,p1,yes ann,p2,yes bob,p2,yes cyd,p2,yes \
        >"$work/labels.csv"
    awk 'BEGIN { print "user,target"
        for (u = 0; u < 9; u++) for (i = 0; i < 9; i++) if (i != u) print "u" u ",i" i }' >"$work/events.csv"
    cat >"$work/wanted" <<'END'
^quality agree: {"classes": \["no", "yes"\],.*"p1": {"label": "no",
^allocate eval: {"users": 9, "items": 9,.*{"algorithm": "popularity",.*{"algorithm": "ease", "ndcg": [01]\.
END
    says "$1.tools" 0 labels.csv events.csv
    echo "^quality agree: events.csv: line 1: .*'reviewer' is missing" >"$work/wanted"
    says "$1.tools" 1 events.csv
}

linked=0
if [ -f "$BUILD_DIR/libheed.so" ]; then
    for example in hello tools; do
        # shellcheck disable=SC2086
        "$cc" $flags "$work/$example.o" -L "$BUILD_DIR" -Wl,-rpath,"$BUILD_DIR" -lheed -o "$work/shared.$example"
    done
    run_examples shared
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
    for example in hello tools; do
        # shellcheck disable=SC2046,SC2086
        "$cc" $flags "$work/$example.o" "$BUILD_DIR/libheed.a" $(pkg-config --libs sqlite3 jansson libarchive \
            zlib libcrypto libxxhash libzstd libutf8proc yaml-0.1 openblas) -lpthread -lm -o "$work/static.$example"
    done
    run_examples static
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
