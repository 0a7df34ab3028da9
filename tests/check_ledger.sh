#!/bin/sh
# The ledger's commands as they are typed: purposes, holds that are posted, voided or run out, corrections, limits,
# frozen and closed accounts, items, who may do what, and what is told of the past.
set -eu
. "$SOURCE_DIR/tests/cli.sh"

printf 'id,role\nann,member\nbob,member\neve,economist\nmod,moderator\n' >users.csv
printf 'id,name,seller,price\nsword,Sword,bob,5\n' >goods.csv
printf 'currencies: [{code: gold, scale: 2}, {code: gem, scale: 0}]\n' >rules.yaml
now=2026-03-01T12:00:00Z later=2026-03-01T13:00:00Z
heed_at() {
    at=$1
    shift
    expect 0 --world w --json --at "$at" "$@"
}
refused() {
    code=$1
    shift
    complains 1 "refused ($code)" --world w --at "$now" "$@"
}
expect 0 --world w --at $now init --rules rules.yaml
expect 0 --world w --at $now import users users.csv
expect 0 --world w --at $now import goods goods.csv
heed_at $now ledger issue ann 100 --id i1
says out '"transfer": 0, ' '"to_balance_minor": 10000, '

# purposes: made by who keeps the world, used by all
refused unknown_name ledger open --as ann ann --purpose savings
refused unknown_account ledger transfer ann ann 30 --to-purpose savings
heed_at $now ledger open ann --purpose savings
refused exists ledger open ann --purpose savings
heed_at $now ledger open --as bob bob --purpose savings
refused forbidden ledger open --as bob ann --purpose savings --currency gem
refused forbidden ledger open --as bob bob --purpose savings --currency gem --limit 5
refused system_account ledger open system:pool --purpose savings
heed_at $now ledger transfer ann ann 30 --to-purpose savings --code 300 --data fF01 --id t1
says out '"from_balance_minor": 7000, ' '"to_balance_minor": 3000, ' '"repeated": false'
heed_at $now ledger transfer ann ann 30 --to-purpose savings --code 300 --data ff01 --id t1
says out '"transfer": 1, ' '"repeated": true' '"from_balance_minor": 7000, '
refused id_reused ledger transfer ann ann 31 --to-purpose savings --code 300 --data ff01 --id t1
refused id_reused ledger transfer ann ann 30 --to-purpose savings --code 300 --data ff02 --id t1
refused same_account ledger transfer ann ann 1
refused not_positive ledger transfer ann bob 0
refused not_positive ledger transfer ann bob -1
complains 2 "1 to 32 hexadecimal digits" --world w ledger transfer ann bob 1 --data xyz
complains 2 "code" --world w ledger transfer ann bob 1 --code 7

# holds count against what may be paid, post in part lets go of the rest
heed_at $now ledger pending ann bob 60 --id p1
says out '"kind": "pending"' '"from_held_minor": 6000' '"from_balance_minor": 7000'
refused insufficient_funds ledger transfer ann bob 10.01
refused exceeds_pending ledger post 2 60.01
refused forbidden ledger post --as bob 2
refused forbidden ledger void --as ann 2
heed_at $now ledger post --as ann 2 12.50
says out '"amount_minor": 1250' '"from_balance_minor": 5750' '"from_held_minor": 0' '"to_balance_minor": 1250'
refused pending_posted ledger post 2
refused pending_posted ledger void 2
refused not_pending ledger post 1
refused unknown_transfer ledger post 99
heed_at $now ledger pending ann bob 5
heed_at $now ledger void --as bob 4
says out '"kind": "void"' '"from_held_minor": 0'
refused pending_voided ledger post 4
heed_at $now ledger transfer ann bob 1000 --up-to
says out '"amount_minor": 5750' '"from_balance_minor": 0'
refused insufficient_funds ledger transfer ann bob 1 --up-to

# a hold's time runs out by itself, before whatever comes next
heed_at $now ledger pending bob ann 70 --timeout 3599 --id p2
refused insufficient_funds ledger transfer bob ann 0.01
heed_at $later ledger transfer bob ann 0.01
says out '"from_held_minor": 0'
heed_at $later ledger show 7
says out '"state": "expired"' '"until": "2026-03-01T12:59:59Z"' '"chain": []'
complains 1 "refused (pending_expired)" --world w --at $later ledger post 7

# a correction takes back once, and is a transfer of its own
heed_at $later ledger reverse --as eve 1
says out '"kind": "reverse"' '"of": 1' '"from_purpose": "savings"' '"amount_minor": 3000'
complains 1 "refused (reversed_before)" --world w --at $later ledger reverse 1
complains 1 "refused (not_reversible)" --world w --at $later ledger reverse 7
complains 1 "refused (system_account)" --world w --at $later ledger reverse 0
heed_at $later ledger show 1
says out '"state": "reversed"' '"code": 300' '"data": "0000000000000000000000000000ff01"'

# bounds and limits
heed_at $later ledger limit bob --amount 10
says out '"limit_minor": 1000' '"available_minor": 7999'
heed_at $later ledger pending bob ann 75
complains 1 "refused (insufficient_funds)" --world w --at $later ledger transfer bob ann 5
complains 1 "refused (insufficient_funds)" --world w --at $later ledger limit bob --amount 1
heed_at $later ledger open eve --bounds credits --purpose savings
complains 1 "refused (exceeds_debits)" --world w --at $later ledger transfer ann eve 1 --to-purpose savings
complains 1 "refused (forbidden)" --world w --at $later ledger limit --as mod bob --amount 1

# frozen accounts pay nothing and are paid; closed ones neither
heed_at $later ledger freeze --as mod ann
says out '"frozen": true' '"available_minor": 0'
complains 1 "refused (account_frozen)" --world w --at $later ledger transfer ann bob 1
heed_at $later ledger issue ann 1
heed_at $later ledger freeze ann --thaw
heed_at $later ledger transfer ann bob 1
heed_at $later ledger close ann --purpose savings
says out '"closed": true'
complains 1 "refused (account_closed)" --world w --at $later ledger transfer ann ann 1 --to-purpose savings
heed_at $later ledger transfer bob bob 1 --to-purpose savings
complains 1 "refused (account_in_use)" --world w --at $later ledger close bob --purpose savings
complains 2 "purpose" --world w --at $later ledger close bob

# items are money of another unit
heed_at $later ledger issue bob 3 --currency good:sword
heed_at $later ledger transfer bob ann 2 --currency good:sword
says out '"currency": "good:sword"' '"from_balance_minor": 1' '"to_balance_minor": 2'
complains 2 "a whole number of pieces" --world w --at $later ledger transfer bob ann 0.5 --currency good:sword
complains 1 "refused (insufficient_funds)" --world w --at $later ledger transfer bob ann 2 --currency good:sword
complains 1 "refused (unknown_target)" --world w --at $later ledger transfer bob ann 2 --currency good:axe
complains 1 "refused (unknown_currency)" --world w --at $later ledger transfer bob ann 2 --currency silver
heed_at $later ledger balance ann
says out '"currency": "good:sword", "balance_minor": 2'

# the past, and filters
heed_at $later ledger balance ann --as-of 2026-03-01T12:30:00Z
says out '"currency": "gold", "balance_minor": 0' '"currency": "good:sword", "balance_minor": 0'
heed_at $later ledger history ann --kind reverse
[ "$(grep -o '"transfer":' out | wc -l)" -eq 1 ] || fail "not one reversal"
heed_at $later ledger history ann --caller-code 300
[ "$(grep -o '"transfer":' out | wc -l)" -eq 1 ] || fail "not one transfer of code 300"
heed_at $later ledger history ann --other bob --until 2026-03-01T12:30:00Z --k 2
[ "$(grep -o '"transfer":' out | wc -l)" -eq 2 ] || fail "not two transfers"
heed_at $later ledger history ann --code issue --before 5
says out '"transfer": 0, '
[ "$(grep -o '"transfer":' out | wc -l)" -eq 1 ] || fail "not one issue before transfer 5"
complains 1 "refused (forbidden)" --world w --at $later ledger show --as ann 15
heed_at $later ledger show --as ann 0

# what a purchase moved is the shop's to undo
heed_at $later ledger issue ann 5
heed_at $later shop buy sword --user ann
heed_at $later ledger history ann --code sale
sale=$(grep -o '"transfer": [0-9]*' out | cut -d ' ' -f 2)
complains 1 "refused (made_elsewhere)" --world w --at $later ledger reverse "$sale"

expect 0 --world w --json verify
# a file of transfers: chains whole or not at all, each line once, a file again changes nothing
cat >many.csv <<'END'
kind,id,from,to,amount,currency,timeout,of,chain
transfer,f1,ann,bob,1,,,,
pending,f2,ann,bob,2,,3600,,
post,f3,,,0.50,,,f2,
transfer,f4,ann,bob,1,,,,c
transfer,f5,bob,ann,999999,,,,c
transfer,f6,ann,nobody,1,,,,
END
heed_at $later ledger apply many.csv
says out '"line":2,"id":"f1","result":"applied"' '"id":"f3","result":"applied"' '"id":"f4","result":"linked"' \
    '"id":"f5","result":"insufficient_funds"' '"id":"f6","result":"unknown_account"' \
    '"lines":6,"applied":3,"repeated":0,"refused":3,"refused_before":0'
heed_at $later ledger apply many.csv
says out '"id":"f1","result":"repeated"' '"id":"f4","result":"refused_before"' '"applied":0,"repeated":3,"refused":0,"refused_before":3'
expect 0 --world w --at $later ledger apply many.csv --again
says out 'insufficient_funds'
sed 's/,0.50,/,0.505,/' many.csv >bad.csv
complains 3 'line 4, column 5 (amount)' --world w --at $later ledger apply bad.csv
complains 1 'only operators and clients' --world w --at $later --as bob ledger apply many.csv

[ "$failures" -eq 0 ]
