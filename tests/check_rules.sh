#!/bin/sh
# docs/rules.md: each command of its worked market gives what stands there; the tools on market rules
# say what is at fault and where, in text and as one JSON document.
set -eu
. "${SOURCE_DIR:?}/tests/cli.sh"
cp "$SOURCE_DIR"/examples/market/* .

# The blocks that begin with `$ heed`, each into cmd.N and want.N.
awk '
    /^    \$ heed/ { n++; print substr($0, 7) >("cmd." n); blank = ""; on = 1; printf "" >("want." n); next }
    on && /^$/ { blank = blank "\n"; next }
    on && /^    / { printf "%s%s\n", blank, substr($0, 5) >("want." n); blank = ""; next }
    { on = 0 }
    END { print n > "count" }' "$SOURCE_DIR/docs/rules.md"
PATH=$BUILD_DIR:$PATH
count=$(cat count)
[ "$count" -ge 10 ] || fail "docs/rules.md has only $count worked commands"
i=1
while [ "$i" -le "$count" ]; do
    sh "cmd.$i" >got 2>&1 </dev/null || true
    sed 's/ *$//' got >got.trimmed
    if ! diff "want.$i" got.trimmed >difference; then
        fail "docs/rules.md: $(cat "cmd.$i")"
        cat difference
    fi
    i=$((i + 1))
done

# check
expect 0 rules check market.yaml
says out 'ok' 'market.yaml'
[ ! -s err ] || fail 'market.yaml is warned of'
expect 0 rules check preset:osrs
sed 's/floor: 0.05/{floor: 5, ceiling: 1}/; s/name: least/name: least\n      class: x/' market.yaml >broken.yaml
expect 3 rules check broken.yaml
says err 'broken.yaml: line'
sed 's/floor: 0.05/floor: 5\n      ceiling: 1/; s/{from: 10, to: 100, rate: 0.04}/{from: 20, to: 90, rate: 0.04}/' market.yaml >wrong.yaml
expect 0 rules check wrong.yaml
says err 'line 16, least: its floor of 5.00 is above its ceiling of 1.00' \
    'sales-tax: its bands leave a gap: nothing is charged from 10.00 up to 20.00' 'from 90.00 up to 100.00'
expect 0 --json rules check wrong.yaml
says out '"ok": true' '"warnings": ['
printf 'market:\n  charges:\n    - {name: tax, from: seller, to: sink, rate: 5}\n' >bad.yaml
expect 3 rules check bad.yaml
says err 'bad.yaml: line 3, key market.charges[0].rate' 'a share between 0 and 1'
expect 3 rules check none.yaml
expect 2 rules check preset:none
says err 'there is no such preset' 'osrs'

# quote
expect 0 --json rules quote market.yaml --on shop --price 50 --quantity 4
says out '"seller_gets": "190.20"' '"rule": "sales-tax"' '"amount": "9.80"'
expect 1 --json rules quote market.yaml --on shop --price 50 --quantity 0
says out '"code": "not_positive"'
expect 1 --json rules quote market.yaml --on shop --price 50 --quantity -1
says out '"code": "not_positive"'
expect 1 --json rules quote market.yaml --on shop --price 92233720368547758.07 --quantity 2
says out '"code": "overflow"'
expect 1 --json rules quote market.yaml --on exchange --class ore --price 1 --quantity 1 --traded 1000
says out '"code": "trade_limit"' '"rule": "no-corner"' '"line": 22'
expect 2 rules quote market.yaml --on bazaar --price 1
says err 'shop, resale, exchange'
expect 2 rules quote market.yaml --price 1.001
says err 'up to 2 decimals'
expect 2 rules quote market.yaml --price 1 --seller skill
says err 'K=V'
expect 2 rules quote market.yaml --price 1 --seller role=king
says err 'not a role'
expect 2 rules quote market.yaml --price 1 --buyer age=old
says err 'not a whole number'
expect 2 rules quote market.yaml

# diff
expect 0 --json rules diff market.yaml market.yaml
says out '"rules_changed": 0' '"trades_changed": 0'
expect 0 --json rules diff market.yaml proposed.yaml --rows 0
says out '"rule": "maker-rebate"' '"change": "removed"' '"trades": []'
expect 3 rules diff market.yaml preset:osrs
says err 'decimals'
printf 'on,price,quantity\nshop,1,1\nmoon,1,1\n' >trades.bad
expect 3 rules diff market.yaml proposed.yaml --trades trades.bad
says err 'trades.bad' 'line 3' 'shop, resale'
printf 'on,price\nshop,1\n' >trades.bad
expect 3 rules diff market.yaml proposed.yaml --trades trades.bad
says err 'quantity'

# a preset is a whole world
expect 0 rules default --preset eve
cp out eve.yaml
expect 0 --world eve.world init --rules eve.yaml
expect 0 --world osrs.world init --preset osrs
expect 0 --world osrs.world verify

# versions in a world: two people, an effective time, and what was in force when
expect 0 --world w init
expect 0 --world w user add cat
expect 0 --world w user add ann --role economist
expect 0 --world w user add bob --role operator
expect 1 --json --world w rules propose market.yaml
says out '"unnamed"'
expect 1 --json --world w --as cat rules propose market.yaml
says out '"forbidden"'
expect 3 --world w --as ann rules propose bad.yaml
says err 'bad.yaml: line 3, key market.charges[0].rate'
expect 3 --world w --as ann rules propose preset.none
expect 0 --json --world w --as ann --at 2026-01-01 rules propose market.yaml --effective 2026-02-01
says out '"version": 1' '"state": "proposed"'
expect 0 --json --world w --as ann --at 2026-01-01 rules propose proposed.yaml
says out '"version": 2'
expect 1 --json --world w --as ann --at 2026-01-02 rules approve 1
says out '"own_proposal"'
expect 1 --json --world w --as bob --at 2026-01-02 rules approve 7
says out '"unknown_rules"'
expect 0 --json --world w --as bob --at 2026-01-02 rules approve 1
says out '"state": "approved"' '"effective": "2026-02-01T00:00:00Z"'
expect 0 --json --world w --as bob --at 2026-01-03 rules approve 2
says out '"state": "active"' '"effective": "2026-01-03T00:00:00Z"'
expect 1 --json --world w --as bob --at 2026-01-03 rules approve 2
says out '"rules_approved"'
expect 1 --json --world w --as ann --at 2026-01-04 rules withdraw 2
says out '"rules_in_force"'
expect 0 --json --world w --at 2026-01-02T12:00:00Z rules history
says out '"in_force": null'
expect 0 --json --world w --at 2026-01-31 rules history
says out '"in_force": 2' '"proposed_by": "user:ann"' '"approved_by": "user:bob"'
expect 0 --json --world w --at 2026-02-01 rules history
says out '"in_force": 1' '"superseded"'
expect 0 --world w rules history 1
cmp -s out market.yaml || fail 'rules history 1 is not the text that was proposed'
expect 1 --json --world w rules history 3
says out '"unknown_rules"'
expect 0 --json --world w --as ann --at 2026-01-20 rules withdraw 1
says out '"withdrawn"'
expect 1 --json --world w --as bob --at 2026-01-20 rules approve 1
says out '"rules_withdrawn"'
expect 0 --json --world w --at 2026-02-01 rules history
says out '"in_force": 2'
expect 0 --world w verify

[ "$failures" -eq 0 ]
