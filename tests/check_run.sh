#!/bin/sh
# ./run as it is typed, but for the building: a world of other data is kept under a name of its own,
# and --world and --report of the caller's are taken in both spellings.
set -eu
: "${SOURCE_DIR:?}" "${BUILD_DIR:?}"

if [ ! -x "$BUILD_DIR/heed" ]; then
    echo "skipped: this build has no program heed"
    exit 77
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/tree/tools" "$work/tree/build/release" "$work/a" "$work/b" "$work/c"
cp "$SOURCE_DIR/run" "$work/tree/run"
ln -s "$BUILD_DIR/heed" "$work/tree/build/release/heed"
cat >"$work/tree/tools/setup.sh" <<'END'
say() { echo "$*" >&2; }
set_up() { :; }
configure() { :; }
build() { :; }
END
for name in a b c; do
    printf 'id\n%s\n' "$name" >"$work/$name/users.csv"
done
cd "$work/tree"

failures=0
fail() {
    failures=$((failures + 1))
    echo "FAILED: $*"
    sed 's/^/    /' "$work/err"
}
# run ARGS...: ./run, what it says in err.
run() {
    ./run "$@" >"$work/out" 2>"$work/err" </dev/null || fail "./run $* ended with $?"
}
# holds WORLD USER: whether that user is in it.
holds() {
    "$BUILD_DIR/heed" behaviour show "user:$2" --world "$1" >"$work/out" 2>&1 ||
        fail "$1 does not hold $2"
}

run --data ../a
run --data ../a
[ ! -e out/previous-1.world ] || fail 'the same data make a second world'
run --data ../b
grep -qF 'kept as out/previous-1.world' "$work/err" || fail 'it does not say where the world went'
run --data ../c
grep -qF 'kept as out/previous-2.world' "$work/err" || fail 'it does not say where the world went'
holds out/previous-1.world a
holds out/previous-2.world b
holds out/heed.world c
run --data ../c --world="$work/own.world" --report="$work/own.html"
run --world="$work/own2.world" --data ../b --report "$work/own2.html"
holds "$work/own.world" c
holds "$work/own2.world" b
[ -s "$work/own.html" ] && [ -s "$work/own2.html" ] || fail 'no report where it was asked for'
[ ! -e out/previous-3.world ] || fail 'a world elsewhere moves the one in out'

echo "$failures failures"
[ "$failures" -eq 0 ]
