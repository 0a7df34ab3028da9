# What ./run and ./test share; sourced by them, not run. POSIX sh. Sets nothing but functions.
#
#   root   the checkout; set by the caller before any call
#
# Everything said goes to stderr: stdout belongs to the program.

say() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
}

die() {
    say "$*"
    exit 4
}

# quietly WHAT COMMAND...: runs COMMAND out of sight; shows what it printed if it fails.
quietly() {
    quietly_what=$1
    shift
    mkdir -p "$root/build"
    quietly_log=$(mktemp "$root/build/log.XXXXXX") || return 1
    quietly_status=0
    "$@" >"$quietly_log" 2>&1 </dev/null || quietly_status=$?
    if [ "$quietly_status" -ne 0 ]; then
        cat "$quietly_log" >&2
        say "$quietly_what failed (exit $quietly_status); its output is above"
    fi
    rm -f "$quietly_log"
    return "$quietly_status"
}

# packages_of GROUP...: the entries of tools/packages in these groups, one a line.
packages_of() {
    for packages_group in "$@"; do
        awk -v group="$packages_group" '$1 == group { print $2 }' "$root/tools/packages"
    done
}

# missing_packages GROUP...: the packages of these groups that the machine lacks, one a line.
missing_packages() {
    missing_wanted=''
    for missing_entry in $(packages_of "$@"); do
        case $missing_entry in
        *=*)
            command -v "${missing_entry#*=}" >/dev/null 2>&1 && continue
            ;;
        esac
        missing_wanted="$missing_wanted ${missing_entry%%=*}"
    done
    # shellcheck disable=SC2086  # a list of words
    missing_have=$(dpkg-query -W -f='${Package} ${db:Status-Status}\n' $missing_wanted 2>/dev/null |
        awk '$2 == "installed" { print $1 }')
    for missing_package in $missing_wanted; do
        case "
$missing_have
" in
        *"
$missing_package
"*) ;;
        *) printf '%s\n' "$missing_package" ;;
        esac
    done
}

# as_root COMMAND...: runs COMMAND as root; the caller has made sure that this can be done.
as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        env DEBIAN_FRONTEND=noninteractive "$@"
    else
        sudo env DEBIAN_FRONTEND=noninteractive "$@"
    fi
}

# set_up GROUP...: installs what is missing of these groups of tools/packages; says so if anything is.
set_up() {
    if ! command -v dpkg-query >/dev/null 2>&1 || ! command -v apt-get >/dev/null 2>&1; then
        say "this is no Debian machine; going on in the hope that the tools and libraries named in" \
            "tools/packages are here"
        return 0
    fi
    setup_missing=$(missing_packages "$@" | tr '\n' ' ')
    setup_missing=${setup_missing% }
    [ -n "$setup_missing" ] || return 0
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null 2>&1 ||
            die "these Debian packages are missing, and installing them takes root or sudo." \
                "As root: apt-get install $setup_missing"
        say "installing takes root; sudo may ask for your password"
        sudo -v || die "sudo refused. As root: apt-get install $setup_missing"
    fi
    say "installing Debian packages that are missing (tools/packages says what each is for):" \
        "$setup_missing"
    quietly "apt-get update" as_root apt-get -q -o Acquire::Retries=3 \
        -o DPkg::Lock::Timeout=300 update ||
        say "going on with the package lists that are here"
    # shellcheck disable=SC2086  # a list of words
    quietly "installing packages" as_root apt-get -q -y --no-install-recommends \
        -o Acquire::Retries=3 -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 install $setup_missing ||
        die "the packages could not be installed"
}

# configure PRESET [CMAKE ARGUMENT...]: makes build/PRESET ready, from nothing if the checkout moved.
configure() {
    configure_preset=$1
    shift
    configure_cache=$root/build/$configure_preset/CMakeCache.txt
    configure_fresh=''
    if [ -f "$configure_cache" ] &&
        ! grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$root" "$configure_cache"; then
        configure_fresh=--fresh
    fi
    # shellcheck disable=SC2086  # empty or one word
    quietly "configuring $configure_preset" \
        cmake -S "$root" --preset "$configure_preset" $configure_fresh "$@"
}

# build PRESET [TARGET...]: builds TARGETs, or everything.
build() {
    build_preset=$1
    shift
    if [ $# -gt 0 ]; then
        set -- --target "$@"
    fi
    quietly "building $build_preset" cmake --build "$root/build/$build_preset" "$@"
}
