#!/bin/sh
# `heed allocate ope` on the Open Bandit Dataset gives the numbers computed there by other means: uniform
# over the K actions of the log, w = (1/K)/propensity, IPS = mean(w r), SNIPS = sum(w r)/sum(w), effective
# sample = (sum w)^2/sum w^2.
#
# Needs the data folder: HEED_DATA, or ../shared/data beside the repository; skipped without.
set -eu
. "$SOURCE_DIR/tests/cli.sh"
data=${HEED_DATA:-$SOURCE_DIR/../shared/data}/open_bandit
if [ ! -d "$data" ]; then
    echo "skipped: no data set open_bandit in $data"
    exit 77
fi

# judge STATUS LOG ARGS...
judge() {
    expected=$1 log=$2
    shift 2
    expect "$expected" --quiet --json allocate ope --log "$data/$log/${log#*/}.csv.gz" \
        --map "$SOURCE_DIR/examples/open_bandit/map.yaml" "$@"
}

# is NAME EXPECTED WITHIN: effective_sample, or an estimator's value
is() {
    pattern="\"estimator\": \"$1\", \"value\": "
    [ "$1" != effective_sample ] || pattern='"effective_sample": '
    got=$(sed -n "s/.*$pattern\([-0-9.e]*\).*/\1/p" out)
    if ! awk -v got="$got" -v expected="$2" -v within="$3" 'BEGIN {
            exit !(got != "" && got >= expected - within && got <= expected + within) }'; then
        fail "$log: $1 is '$got', not $2"
    fi
}

judge 0 bts/men --policy uniform
is effective_sample 656 .5
is ips .0030086 .00000005
is snips .0031894 .00000005
# the policy that really was uniform, on the same site in the same week: 46 clicks of 10,000
judge 0 random/men --policy uniform
is effective_sample 10000 .0001
is ips .0046 .0000001
is snips .0046 .0000001
judge 0 bts/men --policy logged
is ips .0069 .0000001

judge 1 bts/women --policy uniform
grep -q '"refused".*the effective sample is 2\.1 of 10000 rows, below 100' out ||
    fail "bts/women is not refused for what it is"
judge 0 bts/women --policy uniform --min-sample 2
[ "$failures" -eq 0 ]
