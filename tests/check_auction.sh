#!/bin/sh
# `heed auction clear` and `replay` as they are typed: the issue's published answers, and every input at fault
# refused with its place.
set -eu
. "$SOURCE_DIR/tests/cli.sh"

# clears JSON WORDS: prints WORDS; refuses STATUS WORDS JSON.
clears() {
    printf '%s' "$1" >a.json
    expect 0 --json auction clear a.json
    says out "$2"
}
refuses() {
    printf '%s' "$3" >a.json
    complains "$1" "$2" --json auction clear a.json
}
exceeds() {
    printf '%s' "$2" >a.json
    expect 1 --json auction clear a.json
    says out "{\"refused\": {\"code\": \"$1\""
}

clears '{"kind":"uniform","units":100,"bids":[{"bidder":"a","price":45,"units":60},{"bidder":"b","price":60,"units":40},{"bidder":"c","price":35,"units":30}]}' \
    '{"winners": [{"bidder": "a", "units": 60, "pays": 2700}, {"bidder": "b", "units": 40, "pays": 1800}], "revenue": 4500, "welfare": 5100}'
clears '{"kind":"vcg","items":["apple 1","apple 2"],"bids":[{"bidder":"a","price":5,"package":["apple 1"]},{"bidder":"a","price":5,"package":["apple 2"]},{"bidder":"b","price":2,"package":["apple 1"]},{"bidder":"b","price":2,"package":["apple 2"]},{"bidder":"c","price":6,"package":["apple 1","apple 2"]}]}' \
    '{"winners": [{"bidder": "a", "package": ["apple 1"], "pays": 4}, {"bidder": "b", "package": ["apple 2"], "pays": 1}], "revenue": 5, "welfare": 7}'
clears '{"kind":"vcg","units":2,"bids":[{"bidder":"a","price":5,"units":1},{"bidder":"b","price":2,"units":1},{"bidder":"c","price":3,"units":2}]}' \
    '{"winners": [{"bidder": "a", "units": 1, "pays": 4}, {"bidder": "b", "units": 1, "pays": 1}], "revenue": 5, "welfare": 7}'
clears '{"kind":"gsp","clicks":[200,100],"bids":[{"bidder":"a","price":10},{"bidder":"b","price":4},{"bidder":"c","price":2}]}' \
    '{"winners": [{"bidder": "a", "slot": 1, "pays": 800}, {"bidder": "b", "slot": 2, "pays": 200}], "revenue": 1000, "welfare": 2400}'
clears '{"kind":"vickrey","reserve":60,"bids":[{"bidder":"a","price":70},{"bidder":"b","price":50}]}' \
    '{"winners": [{"bidder": "a", "units": 1, "pays": 60}], "revenue": 60, "welfare": 70}'
clears '{"kind":"first_price","items":["lamp"],"bids":[{"bidder":"a","price":7}]}' '"package": ["lamp"], "pays": 7'
clears '{"kind":"pay_as_bid","units":1,"bids":[]}' '{"winners": [], "revenue": 0, "welfare": 0}'
expect 0 auction clear a.json

# bounds and sums: refused, with a code
many=$(seq -s, -f '"i%.0f"' 21)
exceeds "too_large_to_clear" "{\"kind\":\"vcg\",\"items\":[$many],\"bids\":[{\"bidder\":\"a\",\"price\":1,\"package\":[\"i21\"]}]}"
says out "20 items, 30 bidders"
many=$(seq -s, -f '{"bidder":"b%.0f","price":1,"package":["x"]}' 31)
exceeds "too_large_to_clear" "{\"kind\":\"vcg\",\"items\":[\"x\"],\"bids\":[$many]}"
exceeds "overflow" '{"kind":"uniform","units":2,"bids":[{"bidder":"a","price":9223372036854775807,"units":1},{"bidder":"b","price":1,"units":1}]}'

# input at fault: where, and what to do
refuses 3 "a.json: line 1, column" '{"kind":"vcg",'
refuses 3 "duplicate object key" '{"kind":"vickrey","reserve":1,"reserve":2,"bids":[]}'
refuses 3 "duplicate object key" '{"kind":"vickrey","bids":[{"bidder":"a","price":1,"price":2}]}'
refuses 3 "too big integer" '{"kind":"vickrey","bids":[{"bidder":"a","price":9223372036854775808}]}'
refuses 3 "a.json: kind: it is missing; it is one of" '{"bids":[]}'
refuses 3 "a.json: kind: there is no such kind" '{"kind":"english","bids":[]}'
refuses 3 "a.json: resrve: there is no such member here" '{"kind":"vickrey","resrve":1,"bids":[]}'
refuses 3 "a.json: bids: it is missing" '{"kind":"vickrey"}'
refuses 3 "a.json: units: it is missing" '{"kind":"uniform","bids":[]}'
refuses 3 "a.json: units: it is 0; it must be at least 1" '{"kind":"uniform","units":0,"bids":[]}'
refuses 3 "a.json: units: vickrey sells one thing" '{"kind":"vickrey","units":2,"bids":[]}'
refuses 3 "a.json: items: both items and units" '{"kind":"vcg","units":2,"items":["x"],"bids":[]}'
refuses 3 "a.json: items[1]: 'x' is named twice" '{"kind":"vcg","items":["x","x"],"bids":[]}'
refuses 3 "a.json: reserve: it is -1; it must be at least 0" '{"kind":"vickrey","reserve":-1,"bids":[]}'
refuses 3 "a.json: price_rule: it is of uniform alone" '{"kind":"vickrey","price_rule":"highest_rejected","bids":[]}'
refuses 3 "a.json: clicks: gsp sells slots" '{"kind":"gsp","bids":[]}'
refuses 3 "a.json: clicks[1]: it is more than the slot above" '{"kind":"gsp","clicks":[1,2],"bids":[]}'
refuses 3 "a.json: bids[0]: it must be an object" '{"kind":"vickrey","bids":[7]}'
refuses 3 "a.json: bids[0].bidder: it is missing" '{"kind":"vickrey","bids":[{"price":1}]}'
refuses 3 "a.json: bids[1].price: it is missing" '{"kind":"vickrey","bids":[{"bidder":"a","price":1},{"bidder":"b"}]}'
refuses 3 "a.json: bids[0].price: it is 0; it must be at least 1" '{"kind":"vickrey","bids":[{"bidder":"a","price":0}]}'
refuses 3 "a.json: bids[0].price: it must be a whole number" '{"kind":"vickrey","bids":[{"bidder":"a","price":1.5}]}'
refuses 3 "a.json: bids[0].units: it is missing" '{"kind":"uniform","units":2,"bids":[{"bidder":"a","price":1}]}'
refuses 3 "a.json: bids[0].units: it is -3" '{"kind":"uniform","units":2,"bids":[{"bidder":"a","price":1,"units":-3}]}'
refuses 3 "a.json: bids[0]: price times units is more" '{"kind":"uniform","units":2,"bids":[{"bidder":"a","price":9223372036854775807,"units":2}]}'
refuses 3 "a.json: bids[0].package: it is missing" '{"kind":"vcg","items":["x"],"bids":[{"bidder":"a","price":1}]}'
refuses 3 "a.json: bids[0].package: it must be a list of one item or more" '{"kind":"vcg","items":["x"],"bids":[{"bidder":"a","price":1,"package":[]}]}'
refuses 3 "a.json: bids[0].package[0]: 'y' is none of the items" '{"kind":"vcg","items":["x"],"bids":[{"bidder":"a","price":1,"package":["y"]}]}'
refuses 3 "a.json: bids[0].package[1]: 'x' is in the package twice" '{"kind":"vcg","items":["x"],"bids":[{"bidder":"a","price":1,"package":["x","x"]}]}'
refuses 3 "a.json: bids[0].units: there is no such member here" '{"kind":"vcg","items":["x"],"bids":[{"bidder":"a","price":1,"package":["x"],"units":1}]}'
refuses 3 "a.json: bids[1].bidder: 'a' has a bid already" '{"kind":"gsp","clicks":[1],"bids":[{"bidder":"a","price":1},{"bidder":"a","price":2}]}'
refuses 3 "a.json: bids[0].quality: it must be a number above 0" '{"kind":"gsp","clicks":[1],"bids":[{"bidder":"a","price":1,"quality":0}]}'
complains 3 "none.json" auction clear none.json
complains 2 "file" auction clear

# replay: two bids a round, the second-highest and an increment
printf 'auctionid,bid,bidtime,bidder,price,openbid\n1,10,0.5,a,6.00,1\n1,5.50,.6,b,6.00,1\n2,3,1,a,9,1\n' >bids.csv
expect 0 --json auction replay bids.csv
says out '{"auctions": 2, "bids": 3, "bidders": 2, "closing_is_highest": 0' '"exact": 1' \
    '"auction": "1", "bids": 2, "price": "6.00", "highest_bid": "10.00", "model_price": "6.00"' \
    'the record lacks bids'
bad() {
    printf 'auctionid,bid,bidtime,bidder,price\n1,10,0.5,a,6\n%s\n' "$2" >bids.csv
    complains 3 "$1" auction replay bids.csv
}
bad "bids.csv: line 3, column 2 (bid): it must be an amount of at least 0.01" '1,0,.6,b,6'
bad "bids.csv: line 3, column 2 (bid)" '1,-4,.6,b,6'
bad "bids.csv: line 3, column 2 (bid)" '1,1e400,.6,b,6'
bad "bids.csv: line 3, column 3 (bidtime): it must be days" '1,7,-1,b,6'
bad "bids.csv: line 3, column 5 (price): the price is not what an earlier row" '1,7,.7,b,8'
bad "bids.csv: line 3" '1,7,.7'
printf 'auctionid,bid\n' >bids.csv
complains 3 "bids.csv" auction replay bids.csv
printf 'auctionid,bid,bidtime,bidder,price\n' >bids.csv
complains 3 "it has no bids" auction replay bids.csv

# Jank and Shmueli's record of eBay, where the data is at hand
if [ -n "${HEED_DATA:-}" ] && [ -f "$HEED_DATA/ebay_auctions/auction.csv" ]; then
    expect 0 --json auction replay "$HEED_DATA/ebay_auctions/auction.csv"
    says out '{"auctions": 628, "bids": 10681, "bidders": 3388, "closing_is_highest": 626, "model": {"accepted": 10616,' \
        '"exact": 594, "within_increment": 1, "apart": 33}' \
        '"price": "255.00", "highest_bid": "5.00", "model_price": "0.01"' \
        '"price": "238.00", "highest_bid": "255.00", "model_price": "255.00"'
fi
[ "$failures" -eq 0 ]
