#!/bin/sh
# The report of a world with trades, auctions, resales and rules with charges: its numbers are those that `exchange trades`,
# `exchange book`, `auction list`, `ledger balance` and `ledger history` say; and it says what to do where there is nothing.
set -eu
. "$SOURCE_DIR/tests/cli.sh"

cat >rules.yaml <<'Y'
currencies: [{code: gold, scale: 2}]
shop: {fee: 0.05, refund_window: 14 d}
market:
  charges:
    - {name: sales-tax, on: [shop, resale, auction], rate: 0.10, from: seller, to: city}
    - {name: royalty, on: [resale, auction], rate: 0.20, from: seller, to: creator}
    - {name: premium, on: auction, rate: 0.05, from: buyer, to: house}
Y
printf 'id,role\nann,member\nbob,member\ncyd,member\nsmith,member\neve,economist\nops,operator\n' >users.csv
printf 'id,name,seller,price,stock\nsword,Sword,smith,10,50\nmap,"Map <of> & all",smith,1.99,\n' >goods.csv
at() {
    when=2026-03-$1
    shift
    expect 0 --world w --json --at "$when" "$@"
}
# number FIELD: the first of that name in ./out.
number() { grep -o "\"$1\": -\?[0-9]*" out | head -n 1 | grep -o -- '-\?[0-9]*$'; }
# total FIELD: all of that name in ./out, summed.
total() { grep -o "\"$1\": -\?[0-9]*" out | awk '{ n += $2 } END { printf "%d\n", n }'; }
# gold MINOR: as the report writes it.
gold() { awk -v n="$1" 'BEGIN { printf "%d.%02d", n / 100, n % 100 }'; }
# row FILE WORDS...: a row of a table of the report has each of the words as a cell, in this order.
row() {
    file=$1 cells=''
    shift
    for cell in "$@"; do cells="$cells<td[^>]*>\\(<bdi>\\)\\{0,1\\}$cell\\(</bdi>\\)\\{0,1\\}</td>"; done
    grep -q -- "$cells" "$file" || {
        failures=$((failures + 1))
        echo "FAILED: $file has no row $*"
    }
}
reported() {
    expect 0 --world w --at 2026-03-09T00:00:00Z report --out en.html
    expect 0 --world w --at 2026-03-09T00:00:00Z report --lang zh --out zh.html
    cp en.html zh.html "$BUILD_DIR/report-market-test/"
}
mkdir -p "$BUILD_DIR/report-market-test"

at 01T12:00:00Z init --rules rules.yaml
at 01T12:00:00Z import users users.csv
at 01T12:00:00Z import goods goods.csv
for user in ann bob cyd; do at 01T12:00:00Z ledger issue $user 1000; done
reported
says en.html 'heed exchange open GOOD' 'heed auction open GOOD'
says zh.html 'heed exchange open 商品' 'heed auction open 商品'
! grep -q '<h2>5\.[123]' en.html || fail "an empty part has a heading"

# shop, refund, resale
at 01T12:00:00Z shop buy sword --units 4 --as ann
at 01T12:00:00Z shop buy sword --units 6 --as bob
at 01T12:00:00Z shop buy map --units 3 --as cyd
at 01T13:00:00Z shop refund 1 --units 2
at 01T14:00:00Z shop resell sword --units 2 --price 14 --as ann
at 01T15:00:00Z shop buy sword --offer 0 --units 2 --as cyd

# the exchange
at 02T09:00:00Z exchange open sword --tick 0.05 --maker 1000 --taker 2000 --as eve
at 02T09:00:00Z exchange open map --as eve
at 02T09:00:00Z ledger issue smith 40 --currency good:sword
hour=9 half=0
for trade in '10.00 3' '10.40 2' '9.80 4' '9.95 1' '10.90 5' '11.20 2' '10.70 3' '11.05 4'; do
    at 02T$(printf %02d $hour):10:00Z exchange place sword --side sell --price "${trade% *}" --size "${trade#* }" --as smith
    at 02T$(printf %02d $hour):20:00Z exchange place sword --side buy --price 12 --size "${trade#* }" --as bob
    hour=$((hour + half)) half=$((1 - half)) # two trades an hour
done
at 03T09:00:00Z exchange place sword --side sell --price 10.50 --size 1 --as bob
at 03T09:00:00Z exchange place sword --side buy --price 10.50 --size 1 --as ann
for order in 'sell 11.50 4 smith' 'sell 11.80 3 smith' 'sell 12.40 6 bob' 'sell 99 1 bob' 'buy 10.60 3 cyd' 'buy 10.20 5 ann' 'buy 9.50 7 cyd'; do
    set -- $order
    at 03T10:00:00Z exchange place sword --side $1 --price $2 --size $3 --as $4
done

# auctions
salt=30313233343536373839616263646566303132333435363738396162636465
salt=${salt}66
sealed() {
    part() { printf "\\0\\0\\0\\0\\0\\0\\0\\$(printf %o ${#1})%s" "$1"; }
    { part "$1" && part "$2" && part "$3" && part 0123456789abcdef0123456789abcdef; } | sha256sum | cut -d ' ' -f 1
}
at 04T10:00:00Z auction open sword --new --start 10 --reserve 20 --closes 2026-03-04T12:00:00Z --as smith
at 04T10:01:00Z auction bid 0 --amount 22 --as ann
at 04T10:02:00Z auction bid 0 --amount 45 --as bob
at 04T10:03:00Z auction bid 0 --amount 31 --as cyd
at 04T10:00:00Z auction open sword --closes 2026-03-04T12:00:00Z --reserve 90 --as ann
at 04T10:04:00Z auction bid 1 --amount 50 --as cyd
at 04T12:00:00Z auction open sword --kind first_price --reserve 5 --deposit 4 --closes 2026-03-04T13:00:00Z --reveal-until 2026-03-04T14:00:00Z --as bob
at 04T12:01:00Z auction commit 2 --hash "$(sealed 2 ann 1500)" --as ann
at 04T12:01:00Z auction commit 2 --hash "$(sealed 2 cyd 1800)" --as cyd
at 04T13:01:00Z auction reveal 2 --amount 15 --salt $salt --as ann
at 04T12:00:00Z auction open sword --new --kind uniform --units 5 --reserve 2 --closes 2026-03-04T15:00:00Z --as smith
at 04T14:01:00Z auction bid 3 --amount 9 --units 3 --as ann
at 04T14:01:00Z auction bid 3 --amount 8 --units 2 --as bob
at 04T14:01:00Z auction bid 3 --amount 7 --units 2 --as cyd
at 05T00:00:00Z auction open map --new --reserve 3.33 --closes 2026-03-20T15:00:00Z --as smith
at 05T00:01:00Z auction bid 4 --amount 77.77 --as bob
reported

# prices: the candles are the bars, VWAP and volume those of one bar over all
at 09T00:00:00Z exchange trades sword --k 100 --each 31536000
trades=$(number traded) volume=$(number volume)
vwap=$(grep -o '"vwap_minor": [0-9.]*' out | awk '{ printf "%.3f", $2 / 100 }')
grep -q "VWAP $vwap over $volume pieces in $trades trades" en.html || fail "no VWAP $vwap of $volume pieces in $trades trades"
at 09T00:00:00Z exchange trades sword --k 100 --each 3600
grep -o '"open_minor": [^}]*' out | sed 's/"[a-z_]*": //g; s/,//g' >bars
[ "$(wc -l <bars)" -eq 5 ] || fail "not five bars"
while read -r open high low close volume trades _; do
    row en.html "$(gold "$open")" "$(gold "$high")" "$(gold "$low")" "$(gold "$close")" "$volume" "$trades"
done <bars

# the book: each level that is drawn, and the spread
at 09T00:00:00Z exchange book sword
grep -o '"price_minor": [0-9]*, "size": [0-9]*' out | sed 's/"[a-z_]*": //g; s/,//' >book
[ "$(wc -l <book)" -eq 7 ] || fail "not seven levels"
sum=0
while read -r price size; do
    sum=$((sum + size))
    [ "$price" -ne 1150 ] || sum=$size
    [ "$price" -eq 9900 ] || row en.html "$(gold "$price")" "$size" "$sum"
done <book
says en.html 'Best bid 10.60, best ask 11.50: a spread of 0.90, 8.1% of their middle.' '0 pieces bid, 1 asked'

# fees: each sink has what the rows to it say
at 09T00:00:00Z ledger balance system:retire
sink() { grep -o "\"purpose\": \"$1\", \"currency\": \"gold\", \"balance_minor\": [0-9]*" out | grep -o '[0-9]*$'; }
# refunds are made anew, so the city's account keeps what was given back: 2.00 of the purchase of six
cells=$(grep -o '<tr><td><bdi>\(sales-tax\|premium\)</bdi>.*' en.html | sed 's/<[^>]*>/ /g')
sum() { echo "$cells" | awk -v sink="$1" '$4 == sink { n += $6 + $8 } END { printf "%.2f", n }'; }
[ "$(sum city)" = "$(gold "$(sink city)")" ] || fail "city has $(sink city), the report says $(sum city)"
[ "$(sum house)" = "$(gold "$(sink house)")" ] || fail "house has $(sink house), the report says $(sum house)"
row en.html sales-tax 5 shop city 3 8.59 0.00 2.00
row en.html shop.fee – shop retired 3 4.29 0.00 1.00
row en.html royalty 6 resale creators 1 5.60 0.00 0.00
at 09T00:00:00Z ledger history system:retire --code fee --k 1000 # of the account without a name
fees=$(total amount_minor)
exchange=$(grep -o '<tr><td><bdi>the market.*' en.html | sed 's/<[^>]*>/ /g' | grep -o '[0-9]*\.[0-9]*' | head -n 1)
rest=$(grep -o '<tr><td><bdi>shop.fee</bdi>.*' en.html | sed 's/<[^>]*>/ /g' | awk '{ n += $6 + $8 } END { printf "%.2f", n }')
[ "$(awk -v a="$exchange" -v b="$rest" 'BEGIN { printf "%.0f", (a + b) * 100 }')" -eq "$fees" ] ||
    fail "all fees are $fees, the report says $exchange and $rest"

# earnings: what came to smith by sales, trades, auctions and royalties, less refunds
at 09T00:00:00Z ledger balance smith
smith=$(grep -o '"purpose": null, "currency": "gold", "balance_minor": [0-9]*' out | grep -o '[0-9]*$')
grep -o '<tr><td><bdi>user:smith</bdi>.*' en.html | sed 's/<[^>]*>/ /g' | grep -q " $(gold "$smith") *gold" ||
    fail "smith earned $(gold "$smith"), the report says otherwise"

# auctions: the rows are those of the list
at 09T00:00:00Z auction list --k 100
says out '"auctions_n": 5'
says en.html 'Auctions: 5. Sold: 3. Running: 1. Bids: 10.'
at 09T00:00:00Z auction show 0
row en.html English sold '1 / 1' 20.00 3 user:bob "$(gold "$(number price_minor)")" "$(gold "$(number price_minor)") gold" –
at 09T00:00:00Z auction show 3
paid=$(total paid_minor)
row en.html 'uniform price' sold '5 / 5' 2.00 3 '2 bidders' "$(gold $((paid / 5)))" "$(gold "$paid") gold" –
row en.html 'first price' sold '1 / 1' 5.00 2 user:ann 15.00 '15.00 gold' 4.00
# of what runs neither the reserve nor anybody's maximum is told; nor what the winner of 0 would have paid
row en.html English running '0 / 1' – 1 – – '0.00 gold' –
for hidden in 77.77 3.33; do ! grep -q ">$hidden<" en.html || fail "$hidden is told"; done

says zh.html '5.1 交易所' '5.2 拍卖' '5.3 费用与收益' 首价密封
! grep -q '<of>' en.html || fail "a title is no markup"

# a new version of the rules: what each took stands under its own name
printf 'market: {charges: [{name: levy, on: shop, rate: 0.50, from: seller, to: city}]}\n' >market.yaml
at 10T00:00:00Z rules propose market.yaml --as eve
at 10T00:00:00Z rules approve 1 --as ops
at 10T00:00:00Z shop buy map --as ann
reported
row en.html levy 1 shop city 1 0.99 0.00 0.00
row en.html sales-tax 5 shop city 3 8.59 0.00 2.00
expect 0 --world w --json verify
says out '"ok": true'

# the names of who is erased are gone
at 11T00:00:00Z user erase bob
reported
! grep -q 'user:bob' en.html || fail "an erased person is named"

[ "$failures" -eq 0 ]
