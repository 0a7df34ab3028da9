# Sourced by a test that drives a browser, with SOURCE_DIR set. Finds Chromium and brings
# playwright-core into tests/browser/node_modules from the lock file; sets `chromium`. Ends the test
# as skipped (77), with the reason, on a machine that lacks the means.

browser_skip() {
    echo "skipped: $1"
    exit 77
}

chromium=${CHROMIUM:-$(command -v chromium || command -v chromium-browser || true)}
[ -n "$chromium" ] || browser_skip "no chromium"
command -v node >/dev/null 2>&1 || browser_skip "no node"
command -v npm >/dev/null 2>&1 || browser_skip "no npm"
browser_node=$(node -p 'process.versions.node.split(".")[0]')
[ "$browser_node" -ge 18 ] || browser_skip "node $browser_node is older than 18"

# Two tests may come here at once: one installs, the other waits.
(
    cd "$SOURCE_DIR/tests/browser"
    flock 9
    if ! cmp -s package-lock.json node_modules/.installed-lock.json; then
        npm ci --no-audit --no-fund --ignore-scripts --loglevel=error
        cp package-lock.json node_modules/.installed-lock.json
    fi
) 9<"$SOURCE_DIR/tests/browser/package-lock.json"
