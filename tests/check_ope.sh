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

# propensities that are wrong show in the weights: a quarter off is refused, less is told
awk -F , 'BEGIN { OFS = "," } NR > 1 { $3 = $3 / 2 } { print }' log.csv >wrong.csv
expect 1 "refused (weights_off): the weights average 2.0000, not 1 (standard error 0.0750): the log took" allocate ope --log wrong.csv --policy uniform
expect 1 "" --json allocate ope --log wrong.csv --policy uniform
says '{"refused": {"code": "weights_off", "message": "the weights average 2.0000, not 1'
awk -F , 'BEGIN { OFS = "," } NR > 1 { $3 = $3 / .8 } { print }' log.csv >wrong.csv
expect 0 "the weights average 0.8000, not 1" allocate ope --log wrong.csv --policy uniform
expect 0 "" --quiet allocate ope --log wrong.csv --policy uniform
# slots in which nothing else was possible: two of three, as a log of whole feeds has them
awk 'BEGIN { print "action,position,propensity,reward"; for (i = 0; i < 900; i++)
    print (i % 3 < 2 ? "top" i % 3 ",1,1" : substr("abcd", i / 3 % 4 + 1, 1) ",3,.25") "," i % 2 }' >feeds.csv
expect 1 "(weights_off): the weights average 0.3333, not 1" allocate ope --log feeds.csv --policy uniform
expect 1 'keep only rows where everything could be taken (`heed allocate log --explored`)' \
    allocate ope --log feeds.csv --policy uniform

# rows of one user go together: 400 rows of 40 people, each of whom always or never pays
awk 'BEGIN { print "action,propensity,reward,user"
    for (i = 0; i < 400; i++) print (i % 2 ? "a" : "b") ",.5," (i % 40 < 16) ",u" i % 40 }' >people.csv
expect 0 "" --json allocate ope --log people.csv --policy logged --estimator ips
says '"n": 400, "users": 40, "effective_sample": 400.0, '
width() { sed 's/.*"lower": \([0-9.e-]*\), "upper": \([0-9.e-]*\).*/\1 \2/' out | awk '{ print $2 - $1 }'; }
over_people=$(width)
cut -d , -f 1-3 people.csv >rows.csv
expect 0 "" --json allocate ope --log rows.csv --policy logged --estimator ips
over_rows=$(width)
# sqrt(.4 x .6 / 40) x 3.92 = .304 and a root of ten less
awk -v p="$over_people" -v r="$over_rows" 'BEGIN { exit !(p > .25 && p < .35 && r > .08 && r < .11) }' ||
    fail "intervals are $over_people over people and $over_rows over rows wide"
awk -F , 'NR == 1 || $4 ~ /u[0-9]$/' people.csv >few.csv
expect 0 "the log has 10 users, below 30" allocate ope --log few.csv --policy logged
awk -F , 'NR == 1 { print } NR > 1 { print $1 "," $2 "," $3 ",ann" }' people.csv >one.csv
expect 0 "the log has 1 users, below 30" --json allocate ope --log one.csv --policy logged
says '"lower": null'

# versions of a policy: half of the rows are v1's, which never took b and was paid twice
awk 'BEGIN { print "action,propensity,reward,user,policy"
    for (i = 0; i < 800; i++) { one = i % 2; b = !one && i % 8 == 0
        print (b ? "b" : "a") "," (one ? 1 : b ? .25 : .75) "," (one ? 2 : b) ",u" (one ? i % 40 : i % 60) "," (one ? "v1" : "v2") }
    print "a,1,0,u1," }' >versions.csv
ope="allocate ope --log versions.csv --policy"
expect 0 "" --quiet --json $ope v1 --estimator ips
says '"policy": "v1", "n": 400, "users": 20, "effective_sample": 400.0, "estimates": [{"estimator": "ips", "value": 2.0, '
expect 0 "" --json $ope v2 --estimator ips,snips
says '"policy": "v2", "n": 400, "users": 30, "effective_sample": 400.0, "estimates": [{"estimator": "ips", "value": 0.25, '
cp out v2
expect 0 "" --json $ope logged --of v2 --estimator ips,snips
sed 's/"logged"/"v2"/' out | cmp -s - v2 || fail "a version is not its rows as they were logged"
expect 0 "" --json $ope logged --estimator snips
says '"n": 801, "users": 50, '
expect 0 "" --json $ope uniform --of v2 --estimator snips
says '"effective_sample": 300.0, "estimates": [{"estimator": "snips", "value": 0.499999'
printf 'action,probability\na,1\n' >v1
expect 0 "" --quiet --json $ope v1 --estimator ips
says '"n": 400, '
expect 0 "" --quiet --json $ope ./v1 --of v1 --estimator ips
says '"policy": "./v1", "n": 400, '
expect 2 "'v2' took other rows of this log than 'v1'" $ope v2 --of v1
expect 3 "versions.csv: no row is of the policy 'v3'; the log has 2 others" $ope uniform --of v3
expect 3 "the log does not say which policy took a row: it needs the column policy" allocate ope --log log.csv --policy uniform --of v1
printf 'log:\n  columns:\n    action: {column: action}\n    propensity: {column: propensity}\n    reward: {column: reward}\n    policy: {column: user}\n' >map.yaml
expect 0 "" --quiet --json $ope u7 --map map.yaml --estimator ips --min-sample 1
says '"policy": "u7", "n": 20, '
# uniform is over all actions of the log, be the rows one version's, which never took b
expect 1 "(weights_off): the weights average 0.5000, not 1" $ope uniform --of v1
expect 0 "" --quiet --json $ope uniform --of v2
awk -F , 'NR == 1 || !($5 == "v1" && NR % 8 == 3) { print; next } { print "c,.99,2," $4 ",v1" }' versions.csv >three.csv
printf 'action,probability\na,1\nb,0\nc,0\n' >both.csv
for version in v1 v2; do # one file for both: c is v1's alone, b is v2's
    expect 0 "" --quiet --json allocate ope --log three.csv --policy both.csv --of $version --estimator snips
done
printf 'action,probability\na,.5\nb,.5\n' >b.csv
expect 3 "b.csv: line 3, column 1 (action): none of the rows of 'v1' took 'b', so" $ope b.csv --of v1
printf 'action,probability\na,1\nnowhere,0\n' >p.csv
expect 0 "" --quiet --json $ope ./p.csv --of v1 --estimator ips
printf 'action,probability\na,.5\nb,.25\nnowhere,.25\n' >p.csv
expect 3 "line 4, column 1 (action): the log has no action 'nowhere'" $ope p.csv
# the log may be a pipe, and what is wrong in another version's rows is not looked at
for policy in v2 "logged --of v2"; do
    # shellcheck disable=SC2086
    "$heed" --json allocate ope --log /dev/stdin --policy $policy --estimator ips,snips <versions.csv | sed 's/"logged"/"v2"/' | cmp -s - v2 ||
        fail "$policy: a pipe is read otherwise"
    awk -F , 'BEGIN { OFS = "," } $5 == "v1" { $2 = 7; $3 = "much" } { print }' versions.csv >other.csv
    # shellcheck disable=SC2086
    "$heed" --json allocate ope --log other.csv --policy $policy --estimator ips,snips | sed 's/"logged"/"v2"/' | cmp -s - v2 ||
        fail "$policy: another version's propensity counts"
done
expect 3 "other.csv: line 3, column 2 (propensity): the propensity is 7" allocate ope --log other.csv --policy uniform
expect 3 "other.csv: line 3, column 2 (propensity): the propensity is 7" allocate ope --log other.csv --policy v1
expect 3 "other.csv: line 3, column 2 (propensity): the propensity is 7" allocate ope --log other.csv --policy both.csv
ope="allocate ope --log log.csv --policy"

# what a world's feeds showed: the slots that chance had, and not those whose outcome is open
printf 'allocation: {k: 3, floor: 0, explore: {method: thompson, epsilon: 0}}\n' >rules.yaml
expect 3 "key allocation.explore.epsilon: thompson needs an epsilon above 0, such as 0.05" rules check rules.yaml
expect 3 "key allocation.explore.epsilon: thompson needs" --world w init --rules rules.yaml
[ ! -e w ] || fail "a world of refused rules is made"
printf 'allocation: {k: 3, floor: 0, explore: {method: thompson}}\n' >rules.yaml
expect 0 "" --world w init --rules rules.yaml
{ printf 'id\n'; seq -f 'u%.0f' 4; } >users.csv
{ printf 'id,creator\n'; seq -f 'c%.0f,u1' 5; } >contents.csv
expect 0 "" --world w import users users.csv
expect 0 "" --world w import contents contents.csv
for at in 01:00 02:00; do
    for user in u2 u3 u4; do
        expect 0 "" --world w --at 2026-01-01T$at:00Z feed serve $user
    done
done
expect 0 "" --world w --json --at 2026-01-01T03:00:00Z allocate log slots.csv
says '{"log": "slots.csv", "rows": 9, "open": 9}'
expect 0 "" --world w --json --at 2026-01-01T03:00:00Z allocate log slots.csv --explored
says '"rows": 3, "open": 3}'
expect 0 "" --world w --json --at 2026-01-01T03:00:00Z allocate log slots.csv --explored --within 3600
says '"rows": 6, "open": 0}'
[ "$(grep -c '",3,0\.' slots.csv)" -eq 6 ] || fail "not the last slots, with propensities: $(cat slots.csv)"
expect 2 "within" --world w allocate log slots.csv --within 0
expect 0 "" --world plain init
expect 0 "no slot of any feed went to chance" --world plain allocate log slots.csv --explored

# usage
expect 2 "--policy is missing" allocate ope --log log.csv
expect 2 "--log is missing" allocate ope --policy uniform
expect 2 "'best' is neither a file, nor uniform or logged, nor a policy that the log names" $ope best
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
