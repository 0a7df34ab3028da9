#!/bin/sh
# plaza as `heed run` makes it, from nothing and from a folder: its people trade, once, not ahead of time, and what
# docs/circulation.md shows of its market is what a reader sees.
# ctest: LABELS slow-asan
# ctest: TIMEOUT 600
set -eu
. "$SOURCE_DIR/tests/cli.sh"

# from nothing; what it says, in both languages
expect 0 run --world a.world --quiet
says out 'Traded' 'in the shop' 'on 3 markets' 'auctions sold' 'fees and taxes'
mv out first
expect 0 --json --world a.world exchange markets
cp out markets
expect 0 --json --world a.world status
cp out status
expect 0 --json --world a.world verify
says out '"ok": true'

# a second run changes nothing
expect 0 run --world a.world --json
says out '"traded": null'
expect 0 --json --world a.world status
cmp -s out status || fail 'a second run changes the world'

# from a folder, on whatever day that is after it: the same world
expect 0 generate plaza.d
expect 0 run --data plaza.d --preset plaza --world b.world --lang zh --at 2026-02-01
says out '交易' '个市场成交' '费用与税'
expect 0 --json --world b.world verify
hash=$(sed -n 's/.*"world_hash": "\([0-9a-f]*\)".*/\1/p' out)
expect 0 --json --world a.world verify
says out "\"world_hash\": \"${hash:?}\""
expect 0 run --data plaza.d --world b.world --json
says out '"traded": null'
expect 0 --json --world b.world verify
says out "\"world_hash\": \"$hash\""

# not ahead of the caller's time, and not before what was paid
expect 0 run --data plaza.d --preset plaza --world c.world --at 2026-01-16T12:00:00Z --json
says out '"traded": null'
says err 'people trade until 2026-01-24T00:00:00Z'
expect 0 run --data plaza.d --world c.world --at 2026-01-24 --json
says out '"traded": {"purchases":'
expect 0 --json --world c.world exchange trades g335 --k 1
says out '"time": "2026-01-23T'

# what is shown in the docs
sed -n '/^## A market to walk through/,/^## /p' "$SOURCE_DIR/docs/circulation.md" |
    sed -n 's/^    //p' >shown
[ -s shown ] || fail 'docs/circulation.md shows no market'
awk '/^\$ /{ n++ } n { print > ("part" n) }' shown
parts=0
for part in part*; do
    parts=$((parts + 1))
    command=$(sed -n '1s/^\$ heed //p' "$part")
    # shellcheck disable=SC2086
    expect 0 --world a.world $command
    # the docs leave lines out, and blanks at ends of lines
    sed 's/ *$//' out >got
    sed -n '2,$p' "$part" | sed 's/ *$//; /^\.\.\.$/d; /^$/d' | while IFS= read -r line; do
        grep -qxF -- "$line" got || echo "$line"
    done >missing
    [ ! -s missing ] || fail "$command does not print: $(head -1 missing)"
done
[ "$parts" -ge 5 ] || fail 'the walk has lost its commands'

[ "$failures" -eq 0 ]
