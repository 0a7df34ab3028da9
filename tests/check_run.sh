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

# rules are a new world's: others than it has are refused, and nothing is done
printf 'allocation: {k: 3}\n' >"$work/own.yaml"
printf 'allocation: {k: 4}\n' >"$work/other.yaml"
heed_run() {
    "$BUILD_DIR/heed" run --world "$work/ruled.world" "$@" >"$work/out" 2>"$work/err"
}
for again in 1 2; do
    heed_run --data ../a --rules "$work/own.yaml" || fail "heed run --rules, time $again"
done
heed_run --data ../b --rules "$work/other.yaml" && fail 'other rules are taken, or passed over'
grep -qF 'is there already, with other rules' "$work/err" || fail 'it does not say that the world has other rules'
heed_run --data ../b --preset plaza && fail 'another preset is taken, or passed over'
"$BUILD_DIR/heed" behaviour show user:b --world "$work/ruled.world" >"$work/out" 2>&1 && fail 'it was imported all the same'
heed_run --data ../b || fail 'a second run without --rules'

echo "$failures failures"
[ "$failures" -eq 0 ]
