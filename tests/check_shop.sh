#!/bin/sh
# The shop as it is typed: taxes, royalties and limits of the market rules, escrow until delivery, gifts, refunds in part,
# resale, reservations that run out; every minor unit is accounted for.
set -eu
. "$SOURCE_DIR/tests/cli.sh"

cat >rules.yaml <<'Y'
currencies: [{code: gold, scale: 2}]
shop: {fee: 0.05, refund_window: 14 d, escrow: 7 d}
market:
  limits:
    - {name: three-a-day, on: shop, units: 3, window: 1 d}
  charges:
    - {name: sales-tax, on: [shop, resale], rate: 0.10, from: seller, to: city}
    - {name: royalty, on: resale, rate: 0.20, from: seller, to: creator}
Y
printf 'id,role\nann,member\nbob,member\ncam,member\nsmith,member\n' >users.csv
printf 'id,name,seller,price,stock\nsword,Sword,smith,10,5\nmap,Map,smith,1.99,\n' >goods.csv
now=2026-03-01T12:00:00Z
at() {
    when=$1
    shift
    expect 0 --world w --json --at "$when" "$@"
}
refused() {
    code=$1
    shift
    complains 1 "refused ($code)" --world w --at "$now" "$@"
}
# holds ACCOUNT PURPOSE MINOR: what the account of that purpose (null: the main one) has of gold.
holds() {
    expect 0 --world w --json --at "$now" ledger balance "$1"
    purpose=$2
    [ "$purpose" = null ] || purpose="\"$purpose\""
    grep -qF -- "\"purpose\": $purpose, \"currency\": \"gold\", \"balance_minor\": $3," out ||
        fail "$1 does not hold $3 for $2"
}
expect 0 --world w --at $now init --rules rules.yaml
expect 0 --world w --at $now import users users.csv
expect 0 --world w --at $now import goods goods.csv
for user in ann bob cam; do at $now ledger issue $user 100; done

# what is offered is what an account holds
at $now ledger balance smith
says out '"purpose": "system:offers", "currency": "good:sword", "balance_minor": 5'
at $now shop list sword --stock 4 --as smith
at $now ledger balance smith
says out '"purpose": "system:offers", "currency": "good:sword", "balance_minor": 4'

# a purchase waits in escrow: 10.00 = 8.50 to the seller, .50 fee, 1.00 tax
at $now shop buy sword --as ann --id b1
says out '"purchase": 0, ' '"state": "escrow"' '"price_minor": 1000, "fee_minor": 150, "proceeds_minor": 850' \
    '"purpose": "city", "amount_minor": 100, "refunded_minor": 0, "rule_line": 7'
holds ann system:escrow 1000
holds ann null 9000
holds smith null 0
at $now shop buy sword --as ann --id b1
says out '"purchase": 0, ' '"repeated": true'
refused id_reused shop buy sword --as ann --units 2 --id b1
refused forbidden shop deliver --as bob 0
at $now shop deliver --as ann 0
says out '"state": "released"'
holds smith null 850
holds ann system:escrow 0
refused already_delivered shop deliver 0
refused made_elsewhere ledger reverse 6

# limits of the rules name the rule
refused trade_limit shop buy map --as ann --units 3
expect 1 --world w --json --at $now shop buy map --as ann --units 3
says out '"rule": "three-a-day"'
at 2026-03-02T12:00:00Z shop buy map --as ann --units 3
says out '"price_minor": 597, "fee_minor": 88, "proceeds_minor": 509'
at 2026-03-02T12:00:00Z ledger balance ann
says out '"currency": "good:map", "balance_minor": 3'
now=2026-03-02T13:00:00Z

# a refund in part gives back its share, all parts together the price; pieces go back
at $now shop refund 1 --units 1 --id r1
says out '"back_minor": 197' '"refunded_units": 1'
at $now shop refund 1 --units 1 --id r1
says out '"repeated": true' '"refunded_units": 1'
refused exceeds_purchase shop refund 1 --units 3
at $now shop refund 1
says out '"back_minor": 400' '"refunded": true'
refused already_refunded shop refund 1
holds ann null 9000
at $now ledger balance ann
says out '"currency": "good:map", "balance_minor": 0'

# what is gone cannot come back
at $now shop buy sword --as bob --for cam
says out '"user": "user:bob", "for": "user:cam"'
at $now ledger transfer cam ann 1 --currency good:sword --as cam
refused item_gone shop refund 2
at $now ledger transfer ann cam 1 --currency good:sword --as ann
now=2026-03-09T13:00:00Z
refused already_delivered shop deliver 2
holds bob system:escrow 0
holds smith null 1700

# resale: the creator has a fifth, and the city its tenth
refused own_stock shop resell sword --price 1 --as smith
refused insufficient_items shop resell sword --price 20 --units 2 --as cam
at $now shop resell sword --price 20 --as cam --id o1
says out '"offer": 0'
at $now shop resell sword --price 20 --as cam --id o1
says out '"offer": 0' '"repeated": true'
refused insufficient_funds ledger transfer cam ann 1 --currency good:sword
at $now shop offers --good sword
says out '"offered": 1' '"seller": "user:cam"' '"price_minor": 2000'
refused same_account shop buy sword --offer 0 --as cam
refused unknown_offer shop buy map --offer 0 --as ann
at $now shop buy sword --offer 0 --as ann
says out '"offer": 0, "coupon": null, "state": "escrow"' '"for": "royalty", "to": "user:smith"' '"amount_minor": 400'
refused out_of_stock shop buy sword --offer 0 --as bob
at $now shop deliver 3 --as ann
holds smith null 2100
holds cam null 11300

# what is put aside is nobody else's, and comes back in time
at $now shop list sword --stock 1 --as smith
at $now shop reserve sword --as bob --timeout 600 --id v1
says out '"reservation": 0' '"price_minor": 1000'
refused out_of_stock shop buy sword --as ann
refused unknown_reservation shop buy sword --reservation 0 --as ann
at $now shop list sword --price 12 --as smith
at 2026-03-09T13:09:59Z shop buy sword --reservation 0 --as bob
says out '"price_minor": 1000'
complains 1 "refused (pending_posted)" --world w --at 2026-03-09T13:09:59Z shop buy sword --reservation 0 --as bob
at $now shop list sword --stock 1 --as smith
at $now shop reserve sword --as ann --timeout 600
at $now shop unreserve 1 --as ann
at $now shop reserve sword --as ann --timeout 600
at 2026-03-09T13:10:00Z shop goods
at 2026-03-09T13:10:01Z shop buy sword --as cam
now=2026-03-09T13:10:01Z
refused pending_expired shop buy sword --reservation 2 --as ann
at $now shop purchases cam
says out '"purchase": 5, ' '"purchase": 2, '

# coupons: of the price of one, never below nothing; so often, so long, by their seller
refused forbidden shop coupon map SPRING --off 0.2 --as ann
refused not_positive shop coupon map SPRING --as smith
at $now shop coupon map SPRING --off 0.2 --minus 0.30 --uses 2 --each 1 --valid 39000 --as smith
says out '"off_ppm": 200000, "minus_minor": 30'
refused exists shop coupon sword SPRING --off 0.5 --as smith
refused unknown_coupon shop buy map --as ann --coupon spring
refused unknown_coupon shop buy sword --as ann --coupon SPRING
at $now shop buy map --as ann --coupon SPRING --units 2 --id k1
says out '"price_minor": 260' '"coupon": 0'
at $now shop buy map --as ann --coupon SPRING --units 2 --id k1
says out '"repeated": true'
refused id_reused shop buy map --as ann --units 2 --id k1
refused coupon_over shop buy map --as ann --coupon SPRING
complains 1 "refused (coupon_over)" --world w --at 2026-03-10T00:00:01Z shop buy map --as bob --coupon SPRING
now=2026-03-09T13:20:00Z
at $now shop buy map --as bob --coupon SPRING
refused coupon_over shop buy map --as cam --coupon SPRING
at $now shop coupon map GIFT --minus 5 --as smith
at $now shop buy map --as cam --coupon GIFT
says out '"price_minor": 0' '"state": "paid"'

# a bundle: all parts or none, its price to the last minor unit, back once and whole
now=2026-03-12T00:00:00Z
at $now ledger issue cam 20
at $now shop list sword --stock 4 --as smith
at $now good add kit --name Kit --seller smith --price 9
refused forbidden shop bundle kit sword --as ann
at $now shop bundle kit sword --as smith
at $now shop bundle kit map --units 2 --as smith
says out '"parts": [{"good": "good:sword", "units": 1}, {"good": "good:map", "units": 2}]'
refused bundle_counted shop list kit --stock 4 --as smith
refused not_a_part shop bundle kit kit --as smith
at $now ledger balance cam
cp out cam-had
at $now shop buy kit --as cam --id kit1
says out '"good": "good:sword", "units": 1, "currency": "gold", "price_minor": 676' \
    '"good": "good:map", "units": 2, "currency": "gold", "price_minor": 224' '"bundle": "good:kit"'
bought=$(sed -n 's/^{"purchase": \([0-9]*\),.*/\1/p' out)
refused trade_limit shop buy kit --as cam
refused bundle_whole shop refund "$bought" --units 1
at $now shop refund "$((bought + 1))"
says out '"back_minor": 900'
refused already_refunded shop refund "$bought"
at $now ledger balance cam
[ "$(sed 's/.*"balance_minor": \([0-9]*\), "balances.*/\1/' cam-had)" = \
    "$(sed 's/.*"balance_minor": \([0-9]*\), "balances.*/\1/' out)" ] || fail "cam has not what cam had"

# escrow ends by itself, before whatever comes next
now=2026-03-20T00:00:00Z
at $now ledger issue ann 1
holds cam system:escrow 0
holds bob system:escrow 0

expect 0 --world w --json verify
[ "$failures" -eq 0 ]
