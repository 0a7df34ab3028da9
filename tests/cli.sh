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
