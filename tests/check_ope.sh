#!/bin/sh
# `heed allocate ope` as it is typed: one JSON document with the names it promises, the same on any run,
# a refusal when the log cannot carry the claim, and each input at fault named with its line.
set -eu
. "$SOURCE_DIR/tests/cli.sh"

# expect STATUS WORDS ARGS...: stderr must hold WORDS, or be empty if they are.
expect() {
    expected=$1 words=$2
    shift 2
    status=0
    "$heed" "$@" >out 2>err </dev/null || status=$?
    if [ "$status" -ne "$expected" ] || { [ -z "$words" ] && [ -s err ]; } ||
        { [ -n "$words" ] && ! grep -qF -- "$words" err; }; then
        fail "heed $*: status $status, not $expected, or stderr does not hold: $words"
    fi
}

# says WORDS: ./out must hold them.
says() {
    grep -qF -- "$1" out || fail "stdout does not hold: $1"
}

# A policy that logged takes a with .8 and b with .2: 320 and 80 rows. Half of a's rows and all of b's
# have the reward 1, so uniform is worth .75 and a alone .5.
awk 'BEGIN { print "action,position,propensity,reward,x_half"
    for (i = 0; i < 400; i++) { b = i % 5 == 4
        print (b ? "b" : "a") "," (i % 3) "," (b ? .2 : .8) "," (b || i % 2) "," (i < 200) } }' >log.csv
ope="allocate ope --log log.csv --policy"
expect 0 "" --json $ope uniform
names=$(grep -o '"[a-z_]*":' out | tr -d '":' | tr '\n' ' ')
row="estimator value lower upper "
[ "$names" = "policy n effective_sample estimates $row$row$row$row" ] || fail "names are $names"
[ "$(wc -l <out)" -eq 1 ] || fail "not one document"
says '"policy": "uniform", "n": 400, "effective_sample": 256.0, '
says '{"estimator": "ips", "value": 0.75, '
says '{"estimator": "snips", "value": 0.75, '
cp out first
expect 0 "" --json $ope uniform --seed 1
cmp -s out first || fail "a second run differs"
expect 0 "" --json $ope uniform --seed 2
! cmp -s out first || fail "another seed changes nothing"

printf 'action,probability\na,1\nb,0\n' >a.csv
expect 0 "" --json $ope a.csv --estimator snips
says '"policy": "a.csv", "n": 400, "effective_sample": 320.0, "estimates": [{"estimator": "snips", "value": 0.5, '
printf 'action,position,probability\na,0,1\nb,0,0\na,1,1\nb,1,0\na,2,1\nb,2,0\n' >by.csv
expect 0 "" --json $ope by.csv --estimator dr,ips
says '"estimates": [{"estimator": "ips", "value": 0.5, '
expect 0 "" --json $ope logged
says '"n": 400, "effective_sample": 400.0, "estimates": [{"estimator": "ips", "value": 0.6, '
expect 0 "" $ope uniform
says 'effective_sample  256'

# through a mapping, compressed, without positions
printf 'log:\n  delimiter: ";"\n  columns:\n    action: {column: item}\n    propensity: {column: percent, factor: .01}\n    reward: {column: click}\n    x_half: {column: half, as: class}\n' >map.yaml
awk -F , 'BEGIN { print "click;item;percent;half" } NR > 1 { print $4 ";" $1 ";" 100 * $3 ";" ($5 ? "x" : "y") }' \
    log.csv | gzip >other.csv.gz
expect 0 "" --json allocate ope --log other.csv.gz --map map.yaml --policy uniform
says '"effective_sample": 256.0, "estimates": [{"estimator": "ips", "value": 0.75, '

# refused
expect 1 "refused (sample_too_small): the effective sample is 256.0 of 400 rows, below 257" $ope uniform --min-sample 257
[ ! -s out ] || fail "a refusal prints something"
expect 1 "" --json $ope uniform --min-sample 257
says '{"refused": {"code": "sample_too_small", "message": "the effective sample is 256.0 of 400 rows, below 257'
expect 0 "" $ope uniform --min-sample 256
head -50 log.csv >few.csv
expect 1 "is 49.0 of 49 rows, below 100: the log is too short" allocate ope --log few.csv --policy logged

# propensities that are wrong show in the weights
awk -F , 'BEGIN { OFS = "," } NR > 1 { $3 = $3 / 2 } { print }' log.csv >wrong.csv
expect 0 "the weights average 2.0000, not 1" allocate ope --log wrong.csv --policy uniform
expect 0 "" --quiet allocate ope --log wrong.csv --policy uniform

# usage
expect 2 "--policy is missing" allocate ope --log log.csv
expect 2 "--log is missing" allocate ope --policy uniform
expect 2 "'best' is neither a file nor one of uniform, logged" $ope best
expect 2 "'mrr' is not one of ips, snips, dm, dr" $ope uniform --estimator ips,mrr
expect 2 "'' is not one of" $ope uniform --estimator ips,
expect 2 "min-sample" $ope uniform --min-sample 0
expect 2 "seed" $ope uniform --seed x

# input at fault
expect 3 "none.csv" allocate ope --log none.csv --policy uniform
expect 3 "./none.csv" $ope ./none.csv
expect 3 "none.yaml" $ope uniform --map none.yaml
expect 3 "key files: there is no such key here; the keys are log" $ope uniform --map "$SOURCE_DIR/examples/steam/map.yaml"
bad() { printf 'action,propensity,reward\na,.5,1\n%s\n' "$1" >bad.csv; }
bad 'a,0,1' && expect 3 "bad.csv: line 3, column 2 (propensity): the propensity is 0" allocate ope --log bad.csv --policy uniform
bad 'a,-1,1' && expect 3 "bad.csv: line 3, column 2 (propensity)" allocate ope --log bad.csv --policy uniform
bad 'a,1.01,1' && expect 3 "bad.csv: line 3, column 2 (propensity)" allocate ope --log bad.csv --policy uniform
bad 'a,NaN,1' && expect 3 "bad.csv: line 3, column 2 (propensity)" allocate ope --log bad.csv --policy uniform
bad 'a,.5,won' && expect 3 "bad.csv: line 3, column 3 (reward)" allocate ope --log bad.csv --policy uniform
bad 'a,1e-320,1' && expect 3 "bad.csv: line 3, column 2 (propensity)" allocate ope --log bad.csv --policy uniform
# a log without a reward has no interval, and says so
awk 'BEGIN { print "action,propensity,reward"; for (i = 0; i < 300; i++) print (i % 2 ? "a" : "b") ",.5,0" }' >unpaid.csv
expect 0 "mean may still be up to 0.01 with 95 %" allocate ope --log unpaid.csv --policy uniform --estimator ips,snips
expect 0 "no row of the log has a reward" allocate ope --log unpaid.csv --policy uniform --json
says '"lower": null, "upper": null'
says '"warnings": ["no row of the log has a reward'
printf 'action,propensity,reward\n' >bad.csv && expect 3 "has no rows" allocate ope --log bad.csv --policy uniform
: >bad.csv && expect 3 "it is empty" allocate ope --log bad.csv --policy uniform
printf 'action,probability\na,.5\nb,.4\n' >p.csv && expect 3 "sum to 0.9, not to 1" $ope p.csv
printf 'action,probability\na,.5\nc,.5\n' >p.csv && expect 3 "p.csv: line 3, column 1 (action): the log has no action 'c'" $ope p.csv
printf 'action,probability\na,1\n' >p.csv && expect 3 "does not name the action 'b'" $ope p.csv
printf 'action,position,probability\na,0,1\nb,0,0\n' >p.csv && expect 3 "at position '1'" $ope p.csv
status=0
"$heed" --json $ope p.csv >out 2>err || status=$?
[ "$status" -eq 3 ] || fail "status $status"
says '{"error": {"where": "p.csv"'
[ "$failures" -eq 0 ]
