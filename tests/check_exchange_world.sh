#!/bin/sh
# The exchange of a world as it is typed: orders, fees, part fills, cancels, replacements, halts and their reopening
# calls, orders that expire, who may do what, and every balance to the minor unit.
set -eu
. "$SOURCE_DIR/tests/cli.sh"

printf 'id,role\nann,member\nbob,member\ncyd,member\neve,economist\nmod,moderator\n' >users.csv
printf 'id,name,seller,price,stock,category\nsword,Sword,bob,5,10,arms\nshield,Shield,bob,5,10,arms\n' >goods.csv
printf 'currencies: [{code: gold, scale: 2}, {code: gem, scale: 0}]\n' >rules.yaml
now=2026-03-01T12:00:00Z
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
# holds WHO UNIT MAIN ORDERS: what somebody has, and has in orders.
holds() {
    heed_at $now ledger balance "$1"
    says out "\"purpose\": null, \"currency\": \"$2\", \"balance_minor\": $3, "
    says out "\"purpose\": \"system:orders\", \"currency\": \"$2\", \"balance_minor\": $4, "
}
heed_at $now init --rules rules.yaml
heed_at $now import users users.csv
heed_at $now import goods goods.csv
heed_at $now ledger issue ann 100
heed_at $now ledger issue cyd 100
heed_at $now ledger issue bob 20 --currency good:sword

# a market is opened once, by who keeps the world; rebates need ticks and lots without fractions
refused forbidden exchange open good:sword --as ann
refused unknown_market exchange book good:sword
refused unknown_market exchange place good:sword --side buy --price 5 --size 1 --as ann
complains 2 "so that none has a fraction" --world w exchange open good:sword --maker -500 --taker 1500
complains 2 "more than the other side pays" --world w exchange open good:sword --maker -500 --taker 400 --tick 1 --lot 20
complains 2 "within a day" --world w exchange open good:sword --opens 600 --closes 500
heed_at $now exchange open good:sword --as eve --tick 0.05 --maker 1000 --taker 2000 --call 60
says out '"phase": "continuous"'
refused exists exchange open good:sword
heed_at $now exchange open good:sword --currency gem
heed_at $now exchange markets
says out '"currency": "gold"' '"currency": "gem"' '"taker_ppm": 2000'

# an order holds what it needs; a trade pays price and fees, and lets go of the rest
heed_at $now exchange place good:sword --side sell --price 5 --size 8 --as bob
says out '"order": 1, ' '"open": true'
holds bob good:sword 12 8
heed_at $now exchange place good:sword --side buy --price 5.50 --size 3 --as ann --id a1
says out '"order": 2, ' '"filled": 3, ' '"fee_minor": 3, ' '"open": false'
# 3 x 5.00, 3 of 15.00 x 0.002; bob pays 1 of 15.00 x 0.001
holds ann gold 8497 0
holds bob good:sword 12 5
heed_at $now ledger balance bob
says out '"balance_minor": 1499, '
# the same id places once; with other terms it is refused
heed_at $now exchange place good:sword --side buy --price 5.50 --size 3 --as ann --id a1
says out '"order": 2, "repeated": true'
refused id_reused exchange place good:sword --side buy --price 5.50 --size 4 --as ann --id a1
holds ann gold 8497 0
heed_at $now exchange place good:sword --side buy --price 4 --size 1 --as cyd --id a1
says out '"order": 3, ' # each has ids of his own
holds cyd gold 9600 400

# what is to be seen of it
heed_at $now exchange book good:sword --depth 1
says out '"bids": [{"price_minor": 400, "size": 1, "orders": 1}]' '"asks": [{"price_minor": 500, "size": 5, "orders": 1}]'
heed_at $now exchange trades good:sword --each 3600
says out '"traded": 1, ' '"price_minor": 500, "size": 3, "taker": 2' '"vwap_minor": 500.0'
heed_at $now exchange orders bob --as bob
says out '"order": 1, "side": "sell"' '"left": 5'
refused forbidden exchange orders bob --as ann
heed_at $now ledger history bob --code trade
says out '"code": "trade"'

# refusals change nothing
refused forbidden exchange place good:sword --user bob --side buy --price 5 --size 1 --as ann
refused insufficient_funds exchange place good:sword --side buy --price 85 --size 1 --as ann
refused insufficient_items exchange place good:sword --side sell --price 5 --size 4 --as ann
refused price_off_tick exchange place good:sword --side buy --price 5.01 --size 1 --as ann
refused would_take exchange place good:sword --side buy --price 5 --size 1 --post-only --as ann
refused order_conflict exchange place good:sword --side buy --price 5 --size 1 --tif ioc --for 60 --as ann
refused not_positive exchange place good:sword --side buy --price 5 --size 0 --as ann
refused not_positive exchange place good:sword --side buy --size 1 --as ann
refused not_your_order exchange cancel good:sword 1 --as ann
refused not_your_order exchange replace good:sword 1 --size 1 --as ann
refused unknown_order exchange cancel good:sword 2 --as ann
refused unknown_order exchange cancel good:sword --as ann
refused forbidden exchange cancel good:sword --user bob --as ann
complains 2 "say who" --world w exchange cancel good:sword
heed_at $now ledger freeze ann
refused account_frozen exchange place good:sword --side buy --price 4 --size 1 --as ann
heed_at $now ledger freeze ann --thaw
holds ann gold 8497 0

# immediate orders, and own orders that do not meet
heed_at $now exchange place good:sword --side buy --price 5 --size 9 --tif fok --as ann
says out '"filled": 0, ' '"reason": "not_whole"'
heed_at $now exchange place good:sword --side sell --price 4 --size 1 --as bob # takes cyd's at 4.00
says out '"filled": 1, '
heed_at $now exchange place good:sword --side buy --price 5 --size 1 --as bob
says out '"filled": 0, ' '"reason": "self_trade"'
heed_at $now exchange place good:sword --side buy --type market --price 6 --size 2 --as cyd
says out '"filled": 2, '
holds cyd gold 8598 0

# a smaller size keeps its place, another price does not; what is not needed comes back
heed_at $now exchange replace good:sword 1 --size 2 --as bob
says out '"left": 2, ' '"reason": "kept"'
holds bob good:sword 12 2
heed_at $now exchange replace good:sword 1 --price 6 --as bob
says out '"left": 2, ' '"price_minor": 600'
heed_at $now exchange cancel good:sword 1 --as bob
says out '"reason": "asked"'
holds bob good:sword 14 0

# an order for a time is gone after it, before whatever is asked then
heed_at $now exchange place good:sword --side buy --price 4 --size 5 --for 60 --as ann
holds ann gold 6493 2004
now=2026-03-01T12:01:00Z
heed_at $now ledger issue cyd 1
holds ann gold 8497 0

# a halt takes no orders and lets them be cancelled; the call after it finds one price
heed_at $now exchange place good:sword --side buy --price 4 --size 1 --as ann
refused forbidden exchange halt good:sword --as ann
heed_at $now exchange halt good:sword --for 60 --as mod
refused exists exchange halt good:sword --as mod
refused market_halted exchange place good:sword --side buy --price 4 --size 1 --as ann
heed_at $now exchange cancel good:sword --as ann
holds ann gold 8497 0
now=2026-03-01T12:02:00Z # its end: a call of 60 s
heed_at $now exchange place good:sword --side buy --price 5.20 --size 4 --as ann
says out '"phase": "call"' '"filled": 0, '
refused market_in_call exchange place good:sword --side buy --price 4 --size 1 --tif ioc --as ann
heed_at $now exchange place good:sword --side sell --price 5 --size 6 --as bob
says out '"phase": "call"' '"filled": 0, '
now=2026-03-01T12:03:00Z # sellers are left over: their price, 5.00; no fee in calls is asked for here
heed_at $now ledger issue cyd 1
holds ann gold 6497 0
holds bob good:sword 8 2
heed_at $now exchange book good:sword
says out '"phase": "continuous"' '"last_minor": 500, '
heed_at $now exchange call good:sword --as eve
heed_at $now exchange place good:sword --side buy --price 5 --size 1 --as ann
heed_at $now exchange resume good:sword --as eve
says out '"phase": "continuous"' '"event": "trade"'
holds bob good:sword 8 1

# market rules and moderation bar orders, and name the rule
printf 'market: {prices: [{name: dear-arms, class: arms, floor: 4}], access: [{name: no-gifts, class: gift, forbidden: true}]}\n' >market.yaml
heed_at $now rules propose market.yaml --as eve
heed_at $now user add ops --role operator
heed_at $now rules approve 1 --as ops
heed_at $now exchange place good:sword --side buy --price 4 --size 1 --as ann
refused price_floor exchange place good:sword --side buy --price 3.95 --size 1 --as ann
says err dear-arms
heed_at $now exchange open good:shield
heed_at $now quality decide good:shield --decision remove --reason "copied" --as mod
refused not_eligible exchange place good:shield --side buy --price 5 --size 1 --as ann

# nothing was lost: what was paid to bob and the fees are what ann and cyd paid
heed_at $now user erase ann
heed_at $now exchange book good:sword
says out '"orders": 1'
expect 0 --world w --json verify
says out '"ok": true'
[ "$failures" -eq 0 ]
