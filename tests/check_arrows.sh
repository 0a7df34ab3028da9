#!/bin/sh
# Holds the include arrows: a folder of src/ includes only the folders that its row names.
# ctest: LABELS tree
set -eu
: "${SOURCE_DIR:?}" "${BUILD_DIR:?}"

# FOLDER: what it may include besides itself. include/heed.h is open to all.
stage="base catalogue ledger"
world="$stage behaviour quality allocation consumption circulation oversight store"
arrows() {
    cat <<TABLE
base:
catalogue: base
ledger: base
behaviour: $stage
quality: $stage
allocation: $stage
consumption: $stage
circulation: $stage
oversight: $stage
store: base
text: base
world: $world
import: $world world
report: $world world
sim: $world world report
tools: base circulation quality allocation world report
cli: $world world import report sim text tools
TABLE
}

# check TREE: prints each include that goes against an arrow; fails if there is one.
check() {
    (
        cd "$1"
        arrows >"$work/arrows"
        find src include -type f \( -name '*.c' -o -name '*.h' -o -name '*.def' \) | sort |
            xargs awk -v table="$work/arrows" '
            BEGIN {
                while ((getline row < table) > 0) {
                    split(row, side, ":")
                    known[side[1]] = 1
                    many = split(side[2], names, " ")
                    for (i = 1; i <= many; i++)
                        allowed[side[1], names[i]] = 1
                }
            }
            FNR == 1 {
                many = split(FILENAME, path, "/")
                folder = path[1] == "include" ? "heed.h" : path[2]
                if (path[1] == "src" && !(folder in known) && !(folder in told)) {
                    print FILENAME ": src/" folder " has no row in tests/check_arrows.sh"
                    told[folder] = bad = 1
                }
            }
            /^[ \t]*#[ \t]*include[ \t]*["<]/ {
                name = $0
                sub(/^[^"<]*["<]/, "", name)
                sub(/[">].*$/, "", name)
                if (name ~ /^\.\.?\//) {
                    print FILENAME ":" FNR ": " name ": a path starts at src/, not at the file"
                    bad = 1
                    next
                }
                at = index(name, "/")
                if (at == 0)
                    next
                to = substr(name, 1, at - 1)
                if (!(to in known) || to == folder || (folder, to) in allowed)
                    next
                print FILENAME ":" FNR ": " folder " must not include " name
                bad = 1
            }
            END { exit bad }'
    )
}

work=$(mktemp -d "$BUILD_DIR/arrows.XXXXXX")
trap 'rm -rf "$work"' EXIT
status=0

check "$SOURCE_DIR" || status=1

# seeded FILE INCLUDE: a tree with this one include, against an arrow, must be caught.
seeded() {
    rm -rf "$work/tree"
    mkdir -p "$work/tree/include" "$work/tree/src" "$work/tree/$(dirname "$1")"
    printf '#include "heed.h"\n  # include %s\n' "$2" >"$work/tree/$1"
    if check "$work/tree" >"$work/said"; then
        echo "not caught: $1 including $2"
        status=1
    elif ! grep -q "^$1" "$work/said"; then
        echo "caught without naming $1: $(cat "$work/said")"
        status=1
    fi
}
seeded src/base/seed.c '"ledger/ledger.h"'
seeded src/base/seed.c '<world/world.h>'
seeded src/ledger/seed.h '"catalogue/catalogue.h"'
seeded src/quality/seed.c '"behaviour/behaviour.h"'
seeded src/circulation/seed.c '"world/world.h"'
seeded src/circulation/seed.c '"../ledger/ledger.h"'
seeded src/store/seed.c '"world/world.h"'
seeded src/world/seed.def '"import/import.h"'
seeded src/report/seed.c '"cli/cli.h"'
seeded src/tools/seed.c '"cli/cli.h"'
seeded src/world/seed.c '"tools/tools.h"'
seeded src/nowhere/seed.c '"base/str.h"'
seeded include/heed.h '"base/str.h"'

# And what goes along the arrows must pass.
rm -rf "$work/tree"
mkdir -p "$work/tree/include" "$work/tree/src/quality"
printf '#include "quality/quality.h"\n#include "base/str.h"\n#include <sys/types.h>\n' \
    >"$work/tree/src/quality/seed.c"
check "$work/tree" || status=1
exit "$status"
