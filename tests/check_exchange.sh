#!/bin/sh
# `heed exchange replay` as it is typed: events and summary, hostile lines refused by line and reason, and
# a LOBSTER day, made up here and the real one where the data is.
set -eu
. "$SOURCE_DIR/tests/cli.sh"

event() { # event N WORDS...: line N of ./out holds them
    line=$(sed -n "$1p" out)
    shift
    for words in "$@"; do
        case $line in
        *"$words"*) ;;
        *) fail "line '$line' does not hold: $words" ;;
        esac
    done
}

cat >orders.jsonl <<'ORDERS'
{"op":"limit","id":"1","account":"ann","side":"buy","price":100,"size":5,"tif":"gtc"}
{"op":"limit","id":"2","account":"bob","side":"sell","price":99,"size":3}
{"op":"limit","id":"2","account":"bob","side":"sell","price":99,"size":3}
{"op":"limit","id":"2","account":"bob","side":"sell","price":98,"size":3}
{"op":"limit","id":"3","account":"bob","side":"sell","price":99,"size":0}
{"op":"limit","id":"4","account":"bob","side":"sell","price":99,"price":98,"size":3}
{"op":"cancel","id":"77"}
{"op":"trade","id":"5"}
not json
{"op":"limit","id":"6","account":"bob","side":"sell","price":1000000000000,"size":1000000000000}
{"op":"limit","id":"7","account":"bob","side":"sell","price":9.5,"size":1}
{"op":"limit","id":"8","account":"bob","price":9,"size":1}
{"op":"market","id":"9","account":"bob","side":"sell","size":10}
{"op":"auction_close"}
{"op":"auction_open"}
{"op":"limit","id":"10","account":"cy","side":"sell","price":101,"size":4}
{"op":"limit","id":"11","account":"dan","side":"buy","price":103,"size":6}
{"op":"auction_close"}
{"op":"limit","id":"12","account":"dan","side":"buy","price":90,"size":4,"tif":"gtt","expires":50,"time":10}
{"op":"replace","id":"12","size":3}
{"op":"time","time":60}
ORDERS
expect 0 exchange replay orders.jsonl --events
[ "$(grep -c . out)" -eq 25 ] || fail "$(grep -c . out) lines and not 25"
event 1 '"event": "accepted"' '"id": "1"' '"price": 100' '"size": 5'
event 3 '"event": "trade"' '"maker": "1", "taker": "2", "price": 100, "size": 3'
event 4 '"accepted"' '"reason": "repeated"'
event 5 '"rejected"' '"reason": "id_reused"' '"line": 4'
event 6 '"reason": "not_positive"'
event 7 '"reason": "bad_line", "line": 6' 'the key stands twice'
event 8 '"reason": "unknown_order"'
event 9 'there is no op \"trade\"'
event 10 '"line": 9'
event 11 '"reason": "overflow"'
event 12 'whole number'
event 13 'needs \"side\"'
event 15 '"maker": "1", "taker": "9", "price": 100, "size": 2'
event 16 '"cancelled", "id": "9"' '"size": 8' '"reason": "unfilled"'
event 17 '"reason": "market_not_in_call"'
event 21 '"phase": "continuous", "price": 103, "size": 4, "surplus": 2'
event 22 '"maker": "10", "taker": "11", "price": 103, "size": 4'
event 24 '"reason": "replaced_in_place"'
event 25 '"expired", "id": "12"' '"time": 50'
says err '"messages": 21, "trades": 3, "executed": 9, ' '"rejected": 10, ' 'orders.jsonl, line 6: the key stands twice'

# with balances: nobody spends what he does not have
cat >funds.jsonl <<'ORDERS'
{"op":"settings","taker_ppm":10000,"rounding":"ceiling"}
{"op":"account","id":"ann","balance":105}
{"op":"account","id":"bob","balance":0,"items":2}
{"op":"limit","id":"1","account":"ann","side":"buy","price":52,"size":2}
{"op":"limit","id":"2","account":"ann","side":"buy","price":51,"size":2}
{"op":"limit","id":"3","account":"bob","side":"sell","price":52,"size":3}
{"op":"limit","id":"4","account":"cy","side":"buy","price":1,"size":1}
ORDERS
expect 0 exchange replay funds.jsonl --events
event 1 '"reason": "insufficient_funds"' # 104 and a fee of 2
event 2 '"accepted", "id": "2"'
event 3 '"reason": "insufficient_items"'
event 4 '"reason": "unknown_account"'

# a day of three messages: an order, one that is executed, one that is hidden
cat >messages.csv <<'DAY'
34200.1,1,11,100,10000,1
34200.2,1,12,50,10100,-1
34200.3,4,12,20,10100,-1
34200.4,5,0,7,10050,1
DAY
cat >book.csv <<'DAY'
9999999999,0,10000,100
10100,50,10000,100
10100,30,10000,100
10100,30,10000,100
DAY
expect 0 --json exchange replay --format lobster messages.csv --book book.csv
says out '"messages": 4, "trades": 1, "executed": 20, "hidden_executed": 7, "rejected": 0, "checked": 3, "exact": 3, ' \
    '"best_bid": 10000, "best_ask": 10100}'
expect 0 --json exchange replay --format lobster messages.csv --match
says out '"trades": 1, "executed": 20, "hidden_executed": 7, "rejected": 0, "checked": 0, "exact": 0, '
sed 's/10100,30/10100,31/' book.csv >other.csv
expect 0 --json exchange replay --format lobster messages.csv --book other.csv
says out '"checked": 3, "exact": 2, '
head -3 book.csv >short.csv
expect 3 exchange replay --format lobster messages.csv --book short.csv
says err 'short.csv, line 3: the book ends before the messages do'
echo 'time,type' >headed.csv
expect 3 exchange replay --format lobster headed.csv
says err 'headed.csv, line 1: column 1 is no whole number'
expect 3 exchange replay --format lobster book.csv
says err 'it has 4 columns and not 6'
expect 2 exchange replay --book book.csv orders.jsonl
says err '--format lobster'
expect 3 exchange replay nowhere.jsonl
says err nowhere.jsonl

day=${HEED_DATA:-}/lobster/LOBSTER_SampleFile_AMZN_2012-06-21_5.zip
if [ -f "$day" ]; then
    of=$day/AMZN_2012-06-21_34200000_57600000
    expect 0 --json exchange replay --format lobster "${of}_message_5.csv" --book "${of}_orderbook_5.csv"
    says out '"messages": 155935, "trades": 8974, "executed": 613248, "hidden_executed": 197507, "rejected": 0, "checked": 155934, "exact": 155934, '
else
    echo "HEED_DATA has no LOBSTER day: that part is skipped"
fi
[ "$failures" -eq 0 ]
