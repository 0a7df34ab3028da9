#!/bin/sh
# No call of a function that invites overflow, hides failure or keeps state behind the caller's
# back; and in the library none that prints, exits, or looks at the environment or the clock.
# ctest: LABELS tree
set -eu
: "${SOURCE_DIR:?}" "${BUILD_DIR:?}"

everywhere="strcpy strncpy stpcpy strcat strncat sprintf vsprintf gets scanf fscanf sscanf
    atoi atol atoll atof strtok rand srand rand_r random srandom drand48 alloca
    setjmp longjmp sigsetjmp siglongjmp mktemp tmpnam tempnam tmpfile system popen
    asctime ctime localtime gmtime"
# src/ without src/cli/. abort: heed_assert's, in src/base/.
library="exit _exit quick_exit abort printf vprintf puts putchar perror getenv secure_getenv
    time clock clock_gettime gettimeofday"
allowed="src/base/:abort"

# check TREE: prints each banned call; fails if there is one.
check() {
    (
        cd "$1"
        find src include tests fuzz bench -type f \( -name '*.c' -o -name '*.h' -o -name '*.def' \) \
            2>/dev/null | sort |
            xargs awk -v everywhere="$everywhere" -v library="$library" -v allowed="$allowed" '
            BEGIN {
                many = split(everywhere, names, " ")
                for (i = 1; i <= many; i++)
                    banned[names[i]] = 1
                many = split(library, names, " ")
                for (i = 1; i <= many; i++)
                    quiet[names[i]] = 1
                exceptions = split(allowed, exception, " ")
            }
            FNR == 1 {
                comment = 0
                in_library = FILENAME ~ /^src\// && FILENAME !~ /^src\/cli\//
            }
            # The line without its comments, strings and characters.
            {
                rest = $0
                code = ""
                while (rest != "") {
                    if (comment) {
                        at = index(rest, "*/")
                        if (at == 0)
                            break
                        rest = substr(rest, at + 2)
                        comment = 0
                        code = code " "
                    } else if (match(rest, /\/\*|\/\/|"|\047/)) {
                        code = code substr(rest, 1, RSTART - 1)
                        sign = substr(rest, RSTART, RLENGTH)
                        rest = substr(rest, RSTART + RLENGTH)
                        if (sign == "//")
                            break
                        if (sign == "/*") {
                            comment = 1
                            continue
                        }
                        while (rest != "") {
                            letter = substr(rest, 1, 1)
                            rest = substr(rest, letter == "\\" ? 3 : 2)
                            if (letter == sign)
                                break
                        }
                        code = code " "
                    } else {
                        code = code rest
                        rest = ""
                    }
                }
            }
            {
                before = ""
                while (match(code, /[A-Za-z_][A-Za-z0-9_]*[ \t]*\(/)) {
                    before = substr(before substr(code, 1, RSTART - 1), RSTART > 2 ? RSTART - 2 : 1)
                    name = substr(code, RSTART, RLENGTH - 1)
                    sub(/[ \t]+$/, "", name)
                    found = (name in banned) || (in_library && (name in quiet))
                    if (found && before ~ /(\.|->)[ \t]*$/)
                        found = 0
                    for (i = 1; i <= exceptions && found; i++) {
                        split(exception[i], side, ":")
                        if (name == side[2] && index(FILENAME, side[1]) == 1)
                            found = 0
                    }
                    if (found) {
                        print FILENAME ":" FNR ": " name " is banned"
                        bad = 1
                    }
                    code = substr(code, RSTART + RLENGTH)
                    before = "("
                }
            }
            END { exit bad }'
    )
}

work=$(mktemp -d "$BUILD_DIR/banned.XXXXXX")
trap 'rm -rf "$work"' EXIT
status=0

check "$SOURCE_DIR" || status=1

# seed FILE LINE: a tree with this one line.
seed() {
    rm -rf "$work/tree"
    mkdir -p "$work/tree/$(dirname "$1")"
    printf '%s\n' "$2" >"$work/tree/$1"
}
must_fail() {
    seed "$1" "$2"
    if check "$work/tree" >/dev/null; then
        echo "not caught in $1: $2"
        status=1
    fi
}
must_pass() {
    seed "$1" "$2"
    if ! check "$work/tree"; then
        echo "wrongly caught in $1: $2"
        status=1
    fi
}
for name in $everywhere; do
    must_fail src/cli/seed.c "    x = $name(a);"
    must_fail tests/seed.c "$name (a);"
    must_pass src/base/seed.c "    heed_$name(a); ${name}_s(b); int $name;"
done
for name in $library; do
    must_fail src/world/seed.c "    if ($name(a)) /* ( */ return;"
    must_pass src/cli/seed.c "    $name(a);"
done
must_fail include/seed.h 'static int f(char *s) { return g("a\"b", atoi(s)); }'
must_fail fuzz/seed.c "c = '\"'; strcpy(a, b); /* \" */"
must_fail bench/seed.c '/* one */ strcat(a, b); // two'
must_fail src/base/seed.c 'x = stats(1) + rand();'
must_pass src/base/seed.c '    abort();'
must_pass src/base/seed.c '    puts_nothing("strcpy(a, b)"); // strcpy(a, b)'
must_pass src/base/seed.c '    /* strcpy(a, b) */ code(1);'
must_pass src/base/seed.c "    f('\"'); g(\"\\\"strcpy(\");"
must_pass src/world/seed.c '    clock->time(x); c.time(x);'
printf '/*\nstrcpy(a, b);\n*/\nint x;\n' >"$work/tree/src/world/seed.c"
check "$work/tree" || status=1
exit "$status"
