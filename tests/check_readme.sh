#!/bin/sh
# The commands of both READMEs do what they say, in a new folder with the program on PATH.
set -eu
: "${SOURCE_DIR:?}" "${BUILD_DIR:?}"
if [ ! -x "$BUILD_DIR/heed" ]; then
    echo "skipped: this build has no program heed"
    exit 77
fi
PATH=$BUILD_DIR:$PATH
for readme in README.md README.zh-CN.md; do
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    cd "$work"
    # the indented block that begins with `heed init`; epoch N is the one that was settled
    sed -n '/^    heed init /,/^$/p' "$SOURCE_DIR/$readme" | sed 's/^    //; s/ *#.*//' >commands
    [ "$(grep -c '^heed ' commands)" -ge 12 ] || { echo "$readme: the block of commands is gone"; exit 1; }
    epoch=0
    while IFS= read -r line; do
        case $line in
        *'--epoch N'*) line=$(printf '%s' "$line" | sed "s/--epoch N/--epoch $epoch/") ;;
        'heed shop buy'*) heed ledger issue bob 10 >/dev/null ;;
        esac
        [ -n "$line" ] || continue
        if ! eval "$line" >output 2>&1; then
            echo "$readme: $line"
            cat output
            exit 1
        fi
        case $line in
        'heed settle'*) epoch=$(awk '$1 == "epoch" { print $2; exit }' output) ;;
        esac
    done <commands
    cd /
    rm -rf "$work"
done
