#!/bin/sh
# What a reader of the tree may count on: short files, a README in every folder of src/, no path of
# one machine, no registry's host in a lock file, no published data taken in.
# ctest: LABELS tree
set -eu
: "${SOURCE_DIR:?}" "${BUILD_DIR:?}"

longest=800
largest_kib=512

# The files that are in git or would be, one a line.
files() {
    git -C "$1" ls-files --cached --others --exclude-standard 2>/dev/null ||
        (cd "$1" && find . -type f | sed 's/^\.\///' | grep -v -E '^(\.git|build|out)/|node_modules/')
}

# check TREE [DATA]: prints what is wrong; fails if anything is.
check() {
    check_status=0
    files "$1" | while IFS= read -r name; do
        if [ -f "$1/$name" ]; then
            printf '%s\n' "$name"
        fi
    done >"$work/files"
    cd "$1"

    grep -E '\.(c|h|def|sh|mjs|js|cmake)$|^(run|test)$|^tools/|CMakeLists\.txt$' "$work/files" |
        while IFS= read -r name; do
            lines=$(wc -l <"$name")
            if [ "$lines" -gt "$longest" ]; then
                echo "$name: $lines lines; past $longest a file has two subjects"
            fi
        done >"$work/said"

    # The brackets keep these patterns from finding themselves.
    tr '\n' '\0' <"$work/files" |
        xargs -0 grep -n -I -E '(^|[^[:alnum:]_.)}])[/](work|home|root|Users)[/][[:alnum:]_.-]' |
        sed 's/^\([^:]*:[0-9]*\):.*/\1: a path of one machine/' >>"$work/said" || true

    for folder in src/*/; do
        if [ -d "$folder" ] && [ ! -f "${folder}README.md" ]; then
            echo "$folder: no README.md"
        fi
    done >>"$work/said"

    grep 'package-lock\.json$' "$work/files" | while IFS= read -r name; do
        if grep -q '"resolved"' "$name"; then
            echo "$name: names a registry's host; take the \"resolved\" lines out"
        fi
    done >>"$work/said" || true

    while IFS= read -r name; do
        find "./$name" -size "+${largest_kib}k" -printf "$name: %k KiB; past $largest_kib KiB it is data\n"
    done <"$work/files" >>"$work/said"

    # Same size, then same content: nothing of the data is hashed unless a size agrees.
    if [ -d "${2:-}" ]; then
        find "$2" -type f -size +0 -printf '%s\t%p\n' >"$work/data"
        while IFS= read -r name; do
            stat -c '%s	%n' "./$name"
        done <"$work/files" | awk -F '\t' -v data="$work/data" '
            BEGIN { while ((getline < data) > 0) of[$1] = of[$1] "\n" $2 }
            $1 in of {
                many = split(of[$1], path, "\n")
                for (i = 2; i <= many; i++)
                    print $2 "\t" path[i]
            }' | while IFS='	' read -r name path; do
            if cmp -s "$name" "$path"; then
                echo "${name#./}: a file of the data folder"
            fi
        done >>"$work/said"
    fi

    cat "$work/said"
    if [ -s "$work/said" ]; then
        check_status=1
    fi
    cd - >/dev/null
    return "$check_status"
}

work=$(mktemp -d "$BUILD_DIR/tree.XXXXXX")
trap 'rm -rf "$work"' EXIT
status=0

check "$SOURCE_DIR" "${HEED_DATA:-}" || status=1

# must_say WORD: the seeded tree must be refused with a line that holds WORD.
must_say() {
    if check "$work/seed" "$work/published" >"$work/caught"; then
        echo "not caught: $1"
        status=1
    elif ! grep -q -e "$1" "$work/caught"; then
        echo "caught without saying '$1': $(cat "$work/caught")"
        status=1
    fi
}
fresh() {
    rm -rf "$work/seed"
    mkdir -p "$work/seed/src/base"
    echo "base" >"$work/seed/src/base/README.md"
    git -C "$work/seed" init -q
}
mkdir -p "$work/published"
echo "12,3,4" >"$work/published/sales.csv"

fresh
check "$work/seed" "$work/published" || status=1
awk 'BEGIN { for (i = 0; i <= 800; i++) print "int x;" }' >"$work/seed/src/base/long.c"
must_say 801
fresh
printf 'see %s%s/x.csv\n' /home /ann >"$work/seed/notes.md"
must_say 'notes.md:1: a path'
fresh
mkdir "$work/seed/src/bare"
must_say 'src/bare/: no README'
fresh
printf '{"resolved": "x"}\n' >"$work/seed/package-lock.json"
must_say 'registry'
fresh
cp "$work/published/sales.csv" "$work/seed/renamed.txt"
must_say 'renamed.txt: a file of the data'
fresh
head -c 600000 /dev/zero >"$work/seed/blob.bin"
must_say 'blob.bin: '
exit "$status"
