# Sourced by checks of the program as it is typed: $heed, a folder of their own to work in, and fail.
# What was run last leaves ./out and ./err; a check ends with [ "$failures" -eq 0 ].
: "${SOURCE_DIR:?}" "${BUILD_DIR:?}"
heed=$BUILD_DIR/heed
if [ ! -x "$heed" ]; then
    echo "skipped: this build has no program heed"
    exit 77
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
: >out
: >err
export LC_ALL=C

failures=0
fail() {
    failures=$((failures + 1))
    echo "FAILED: $*"
    sed 's/^/    stdout: /' out | cut -c 1-300
    sed 's/^/    stderr: /' err | cut -c 1-300
}

# expect STATUS ARGS...: runs heed.
expect() {
    expected=$1
    shift
    status=0
    "$heed" "$@" >out 2>err </dev/null || status=$?
    [ "$status" -eq "$expected" ] || fail "heed $* gave $status, not $expected"
}

# says FILE WORDS...: ./out or ./err holds each of them.
says() {
    file=$1
    shift
    for words in "$@"; do
        grep -qF -- "$words" "$file" || fail "$file does not hold: $words"
    done
}

# complains STATUS WORDS ARGS...: as expect, and stderr holds WORDS.
complains() {
    expected=$1 complaint=$2
    shift 2
    expect "$expected" "$@"
    says err "$complaint"
}
