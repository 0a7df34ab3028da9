#!/bin/sh
# Auctions of a world as they are typed, of each kind, at times: proxies, extension, reserve, buying at once, commitments and
# forfeited deposits, units, retraction; what is refused; who is told what; every minor unit is accounted for.
set -eu
. "$SOURCE_DIR/tests/cli.sh"

cat >rules.yaml <<'Y'
currencies: [{code: gold, scale: 2}]
market:
  access:
    - {name: no-guests, on: auction, class: relic, buyer: {roles: creator_manager}}
  charges:
    - {name: tax, on: auction, rate: 0.10, from: seller, to: city}
    - {name: premium, on: auction, rate: 0.05, from: buyer, to: house}
    - {name: royalty, on: auction, rate: 0.20, from: seller, to: creator}
Y
printf 'id,role\nann,member\nbob,member\ncam,member\ndan,member\nsmith,member\nmod,moderator\n' >users.csv
printf 'id,name,seller,price,stock,category\nsword,Sword,smith,10,5,arms\nrelic,Relic,smith,9,,relic\n' >goods.csv
day=2026-03-01T
at() {
    when=$day$1
    shift
    expect 0 --world w --json --at "$when" "$@"
}
# refused CODE TIME ARGS...
refused() {
    code=$1 when=$day$2
    shift 2
    complains 1 "refused ($code)" --world w --at "$when" "$@"
}
# holds TIME ACCOUNT PURPOSE CURRENCY MINOR: what the account of that purpose (null: the main one) has.
holds() {
    purpose=$3
    [ "$purpose" = null ] || purpose="\"$purpose\""
    expect 0 --world w --json --at "$day$1" ledger balance "$2"
    grep -qF -- "\"purpose\": $purpose, \"currency\": \"$4\", \"balance_minor\": $5," out ||
        fail "$2 does not hold $5 $4 for $3"
}
sealed() { # AUCTION BIDDER MINOR SALT: the commitment
    part() {
        n=$(printf %s "$1" | wc -c)
        printf "\\0\\0\\0\\0\\0\\0\\0\\$(printf %o "$n")%s" "$1"
    }
    { part "$1" && part "$2" && part "$3" && part "$4"; } | sha256sum | cut -d ' ' -f 1
}
hex() { printf %s "$1" | od -An -v -tx1 | tr -d ' \n'; }

expect 0 --world w --at ${day}10:00:00Z init --rules rules.yaml
expect 0 --world w --at ${day}10:00:00Z import users users.csv
expect 0 --world w --at ${day}10:00:00Z import goods goods.csv
for user in ann bob cam dan; do at 10:00:00Z ledger issue $user 1000; done

# english: a reserve, maxima that proxies bid for, a close put off, the price and the charges that come out of it
refused forbidden 10:00:00Z auction open sword --new --closes ${day}12:00:00Z --as ann
refused insufficient_items 10:00:00Z auction open sword --closes ${day}12:00:00Z --as ann
refused bad_terms 10:00:00Z auction open sword --new --closes ${day}09:00:00Z --as smith
refused bad_terms 10:00:00Z auction open sword --new --closes ${day}12:00:00Z --units 2 --as smith
refused bad_terms 10:00:00Z auction open sword --new --kind vickrey --start 5 --closes ${day}12:00:00Z --retract-until ${day}11:00:00Z --as smith
refused not_positive 10:00:00Z auction open sword --new --kind dutch --closes ${day}12:00:00Z --as smith
complains 2 "--closes is missing" --world w --at ${day}10:00:00Z auction open sword --as smith
complains 2 "a span such as" --world w --at ${day}10:00:00Z auction open sword --new --closes ${day}12:00:00Z --extend soon --as smith
complains 2 "steps by price" --world w --at ${day}10:00:00Z auction open sword --new --closes ${day}12:00:00Z --increments 0:1,5 --as smith
at 10:00:00Z auction open sword --new --closes ${day}12:00:00Z --start 10 --reserve 30 --increments 0:1,20:2.50 --extend '5 min' \
    --latest ${day}12:06:00Z --as smith --id o1
says out '"auction": 0, ' '"state": "open"' '"least_minor": 1000, ' '"repeated": false'
at 10:00:00Z auction open sword --new --closes ${day}12:00:00Z --start 10 --reserve 30 --increments 0:1,20:2.50 --extend '5 min' \
    --latest ${day}12:06:00Z --as smith --id o1
says out '"auction": 0, ' '"repeated": true'
refused id_reused 10:00:00Z auction open sword --new --closes ${day}12:00:00Z --start 11 --as smith --id o1
holds 10:00:00Z smith system:bids good:sword 1
refused own_auction 10:01:00Z auction bid 0 --amount 20 --as smith
refused below_least 10:01:00Z auction bid 0 --amount 9.99 --as ann
refused insufficient_funds 10:01:00Z auction bid 0 --amount 1000.01 --as ann
refused not_positive 10:01:00Z auction bid 0 --amount 0 --as ann
refused wrong_auction 10:01:00Z auction bid 0 --amount 20 --units 2 --as ann
refused no_buy_now 10:01:00Z auction bid 0 --buy-now --as ann
refused unknown_auction 10:01:00Z auction bid 9 --amount 20 --as ann
refused forbidden 10:01:00Z auction bid 0 --amount 20 --user bob --as ann
refused wrong_auction 10:01:00Z auction commit 0 --hash "$(sealed 0 ann 1 x)" --as ann
complains 2 "give it, or buy-now" --world w --at ${day}10:01:00Z auction bid 0 --as ann
at 10:02:00Z auction bid 0 --amount 25 --as ann --id b1
says out '"bid": 0, ' '"price_minor": 1000, ' '"leader": "user:ann"' '"reserve_minor": null, "reserve_met": false'
holds 10:02:00Z ann null gold 97500
holds 10:02:00Z ann system:bids gold 2500
at 10:03:00Z auction bid 0 --amount 25 --as ann --id b1
says out '"repeated": true'
refused id_reused 10:03:00Z auction bid 0 --amount 26 --as ann --id b1
refused id_reused 10:03:00Z ledger transfer ann bob 1 --as ann --id b1
refused not_a_raise 10:03:00Z auction bid 0 --amount 25 --as ann
at 10:04:00Z auction bid 0 --amount 40 --as bob
says out '"price_minor": 3000, ' '"least_minor": 3250, ' '"leader": "user:bob"' '"reserve_met": true'
holds 10:04:00Z ann system:bids gold 0
holds 10:04:00Z ann null gold 100000
at 10:05:00Z auction show 0 --as cam
says out '"amount_minor": null' '"bids_n": 2' '"held_minor": null'
at 10:05:00Z auction show 0 --as bob
says out '"amount_minor": 4000' '"held_minor": 4000'
refused auction_running 11:00:00Z auction close 0 --as smith
refused has_bids 11:00:00Z auction close 0 --withdraw --as smith
refused forbidden 11:00:00Z auction close 0 --withdraw --as ann
refused forbidden 11:00:00Z auction close 0 --cancel --as smith
refused retract_closed 11:00:00Z auction retract 0 --as bob
at 11:57:00Z auction bid 0 --amount 36 --as cam
says out '"price_minor": 3850, ' '"closes": "2026-03-01T12:02:00Z"'
at 12:01:00Z auction bid 0 --amount 50.01 --as cam --id c2
says out '"price_minor": 4250, ' '"leader": "user:cam"' '"closes": "2026-03-01T12:06:00Z"'
refused auction_closed 12:06:00Z auction bid 0 --amount 99 --as bob
at 12:06:00Z auction close 0 --as bob
says out '"state": "sold"' '"price_minor": 4250, ' '"leader": "user:cam"'
# 42.50 all in: 40.48 and a premium of 2.02, of the 40.48 a tax of 4.04; a royalty to himself is none
holds 12:06:00Z cam null gold 95750
holds 12:06:00Z cam system:bids gold 0
holds 12:06:00Z cam null good:sword 1
holds 12:06:00Z smith system:bids good:sword 0
at 12:06:00Z ledger history smith --code auction
says out '"amount_minor": 3644'
holds 12:06:00Z system:retire city gold 404
holds 12:06:00Z system:retire house gold 202

# sold again by who won it: 20 % to who made it; below the reserve it comes back
at 13:00:00Z auction open sword --closes ${day}14:00:00Z --reserve 100 --as cam
refused insufficient_items 13:00:00Z auction open sword --closes ${day}14:00:00Z --as cam
at 13:01:00Z auction bid 1 --amount 99.99 --as dan
holds 13:01:00Z cam system:bids good:sword 1
at 14:00:00Z auction show 1
says out '"state": "closing"'
at 14:00:00Z auction close 1
says out '"state": "unsold"'
holds 14:00:00Z cam null good:sword 1
holds 14:00:00Z dan null gold 100000
at 14:00:00Z auction open sword --closes ${day}15:00:00Z --buy-now 60 --as cam
at 14:01:00Z auction bid 2 --buy-now --as dan --id now
says out '"state": "sold"' '"price_minor": 6000, '
at 14:01:00Z auction bid 2 --buy-now --as dan --id now
says out '"repeated": true'
refused auction_closed 14:01:00Z auction bid 2 --buy-now --as ann
holds 14:01:00Z dan null gold 94000
holds 14:01:00Z dan null good:sword 1
at 14:01:00Z ledger history smith --code royalty
says out '"amount_minor": 1143'

# dutch: the price falls, who takes it has it
at 14:10:00Z auction open sword --new --kind dutch --start 50 --step 5 --every '10 min' --reserve 20 --closes ${day}16:00:00Z --as smith
refused below_least 14:29:59Z auction bid 3 --amount 44.99 --as ann
at 14:30:00Z auction bid 3 --amount 44.99 --as ann
says out '"state": "sold"' '"price_minor": 4000, '
holds 14:30:00Z ann null gold 96000

# vickrey: committed, revealed; the second price; a deposit that is forfeit goes to the seller
salt=0123456789abcdef0123456789abcdef
at 15:00:00Z auction open sword --new --kind vickrey --reserve 10 --deposit 7.50 --closes ${day}16:00:00Z --reveal-until ${day}17:00:00Z --as smith
refused wrong_auction 15:01:00Z auction bid 4 --amount 20 --as ann
complains 2 "64 hexadecimal digits" --world w --at ${day}15:01:00Z auction commit 4 --hash 12 --as ann
at 15:01:00Z auction commit 4 --hash "$(sealed 4 ann 8000 $salt)" --as ann --id s1
at 15:01:00Z auction commit 4 --hash "$(sealed 4 ann 8000 $salt)" --as ann --id s1
says out '"repeated": true'
refused slot_taken 15:01:00Z auction commit 4 --hash "$(sealed 4 ann 8000 $salt)" --as ann
at 15:01:00Z auction commit 4 --hash "$(sealed 4 bob 5500 $salt)" --as bob
at 15:01:00Z auction commit 4 --hash "$(sealed 4 dan 9900 $salt)" --as dan
holds 15:01:00Z ann system:bids gold 750
refused reveal_not_yet 15:59:59Z auction reveal 4 --amount 80 --salt "$(hex $salt)" --as ann
refused auction_closed 16:00:00Z auction commit 4 --hash "$(sealed 4 cam 1 $salt)" --as cam
refused commitment_mismatch 16:01:00Z auction reveal 4 --amount 79 --salt "$(hex $salt)" --as ann
refused not_committed 16:01:00Z auction reveal 4 --amount 79 --salt "$(hex $salt)" --as cam
at 16:01:00Z auction reveal 4 --amount 80 --salt "$(hex $salt)" --as ann --id r1
at 16:01:00Z auction reveal 4 --amount 80 --salt "$(hex $salt)" --as ann --id r1
says out '"repeated": true' '"state": "revealing"'
refused revealed_before 16:01:00Z auction reveal 4 --amount 80 --salt "$(hex $salt)" --as ann
holds 16:01:00Z ann system:bids gold 8000
at 16:02:00Z auction reveal 4 --amount 55 --salt "$(hex $salt)" --as bob
holds 16:02:00Z bob system:bids gold 0
refused auction_closed 17:00:00Z auction reveal 4 --amount 99 --salt "$(hex $salt)" --as dan
at 17:00:00Z auction show 4
says out '"state": "sold"' '"price_minor": 5500, ' '"leader": "user:ann"' '"state": "forfeit"' '"forfeited_minor": 750'
holds 17:00:00Z ann null gold 90500
holds 17:00:00Z bob null gold 100000
holds 17:00:00Z dan null gold 93250

# uniform: three pieces, two bidders; what is left goes out of the world with what was made for it
at 17:00:00Z auction open sword --new --kind uniform --units 5 --reserve 2 --closes ${day}18:00:00Z --retract-until ${day}17:30:00Z --as smith
holds 17:00:00Z smith system:bids good:sword 5
at 17:01:00Z auction bid 5 --amount 4 --units 2 --as ann
at 17:01:00Z auction bid 5 --amount 3.50 --units 2 --as bob
at 17:01:00Z auction bid 5 --amount 9 --units 4 --as dan
at 17:02:00Z auction retract 5 --as dan
refused unknown_bid 17:02:00Z auction retract 5 --as dan
refused unknown_bid 17:02:00Z auction retract 5 --bid 0 --as dan
holds 17:02:00Z ann system:bids gold 800
at 18:00:00Z auction close 5
says out '"state": "sold"' '"price_minor": 350, '
holds 18:00:00Z ann null gold 89800
holds 18:00:00Z bob null gold 99300
holds 18:00:00Z dan null gold 93250
holds 18:00:00Z smith system:bids good:sword 0
holds 18:00:00Z bob null good:sword 2
at 18:00:00Z ledger history system:retire --currency good:sword
says out '"amount_minor": 1'

# pay as bid, with the price rule that is another kind's
refused bad_terms 18:00:00Z auction open sword --new --kind pay_as_bid --units 3 --price-rule highest_rejected --closes ${day}19:00:00Z --as smith
at 18:00:00Z auction open sword --new --kind pay_as_bid --units 3 --closes ${day}19:00:00Z --as smith
at 18:01:00Z auction bid 6 --amount 4 --units 2 --as ann
at 18:01:00Z auction bid 6 --amount 3 --units 2 --as bob
at 19:00:00Z auction close 6
at 19:00:00Z auction show 6
says out '"paid_minor": 800' '"paid_minor": 300' '"won_units": 1'

# who the market rules do not let buy does not bid; who is gone neither bids nor sells, and has his money back
at 19:00:00Z auction open relic --new --closes ${day}20:00:00Z --as smith
complains 1 "no-guests" --world w --at ${day}19:01:00Z auction bid 7 --amount 5 --as ann
at 19:01:00Z auction open sword --closes ${day}20:00:00Z --as bob
at 19:01:00Z auction bid 8 --amount 50 --as ann
at 19:01:00Z auction bid 8 --amount 60 --as dan
at 19:02:00Z user erase dan
at 19:02:00Z auction show 8
says out '"bidder": null' '"state": "retracted"' '"leader": null'
at 19:03:00Z auction bid 8 --amount 5 --as ann
at 19:04:00Z user erase bob
at 19:04:00Z auction show 8
says out '"state": "unsold"' '"seller": null'
holds 19:04:00Z ann system:bids gold 0

# what moderation removes is not sold any more
at 19:05:00Z auction open sword --new --closes ${day}20:00:00Z --as smith
at 19:05:00Z auction bid 9 --amount 5 --as ann
at 19:06:00Z quality decide good:sword remove --reason sharp --as mod
refused not_eligible 19:07:00Z auction bid 9 --amount 7 --as cam
refused not_eligible 19:07:00Z auction open sword --new --closes ${day}20:00:00Z --as smith
at 20:00:00Z auction close 9
says out '"state": "unsold"'
holds 20:00:00Z ann system:bids gold 0

# the operator ends one before its time
at 20:00:00Z auction open relic --new --closes ${day}21:00:00Z --as smith
at 20:00:00Z auction close 10 --cancel
says out '"state": "unsold"'
refused auction_closed 20:00:00Z auction close 10 --cancel
at 20:00:00Z auction list --good relic
says out '"auctions_n": 2' '"auction": 10' '"auction": 7'
at 20:00:00Z auction list --open
says out '"auctions_n": 0'

expect 0 --world w --json verify
says out '"ok": true' '"sum_minor": 0'
[ "$failures" -eq 0 ]
