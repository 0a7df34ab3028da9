#!/bin/sh
# `heed allocate eval` as it is typed: one JSON document with the names it promises, the same on any run,
# and each input at fault named with its remedy.
set -eu
. "$SOURCE_DIR/tests/cli.sh"

# 30 users, 12 items; user u takes item i when (u + i * i) % 3 is not 0; day i
awk 'BEGIN { print "time,user,verb,target,amount"
    for (u = 0; u < 30; u++) for (i = 0; i < 12; i++) if ((u + i * i) % 3)
        printf "2026-01-%02d,u%d,dwell,i%d,%d\n", i + 1, u, i, u + i }' >events.csv
for split in every-5th time leave-one-out cold-items; do
    "$heed" --quiet --json allocate eval --events events.csv --split $split --k 3 \
        --algorithm random,popularity,knn,ease,ials,blend --param ease.lambda=2 --param ials.factors=4 >out
    names=$(sed 's/, "warnings.*/}/' out | grep -o '"[a-z_]*":' | tr -d '":' | tr '\n' ' ')
    row="algorithm ndcg recall precision map mrr coverage gini min_exposure train_s users_per_s "
    if [ "$names" != "users items train test results $row$row$row$row$row$row" ]; then
        fail "$split: names are $names"
    fi
    sed 's/"train_s[^}]*//g' out >first
    "$heed" --quiet --json allocate eval --events events.csv --split $split --k 3 \
        --algorithm random,popularity,knn,ease,ials,blend --param ease.lambda=2,ials.factors=4 |
        sed 's/"train_s[^}]*//g' >second
    if ! cmp -s first second; then
        fail "$split: a second run differs"
        cat first second
    fi
done

eval="allocate eval --algorithm ease --events"
printf 'id,name\ni1,one\ni2,"two, too"\nelsewhere,x\n' >items.csv
complains 0 "" $eval events.csv --items items.csv --k 3
complains 0 "" allocate eval --algorithm blend --events events.csv --items items.csv --k 3
printf 'id,name\nelsewhere,x\n' >nothing.csv
complains 0 "--items names none of the items of --events" --json $eval events.csv --items nothing.csv --k 3
says out '"--items names none'
rm nothing.csv
grep -q '"users_per_s": 0\.0' out && fail "no time passed"
# reports are no wishes; goods are no contents
awk 'BEGIN { print "user,verb,target"
    for (u = 0; u < 30; u++) for (i = 0; i < 12; i++) {
        print "u" u "," (i == u % 12 ? "report" : "like") ",content:i" i
        print "u" u ",view,good:i" i } }' >mixed.csv
complains 0 "several kinds (content, good)" --json $eval mixed.csv --k 3
complains 0 "30 pairs of user and target" --json $eval mixed.csv --kind content --k 3
says out '"users": 30, "items": 12, "train": 270, "test": 60' '"warnings": ["30 pairs'
expect 0 --json $eval mixed.csv --kind content --verbs like,report --k 3
says out '"items": 12, "train": 300, "test": 60'
grep -q warnings out && fail "nothing to warn of"
complains 3 "it has report, like" $eval mixed.csv --kind content --verbs view
complains 3 "it has content, good" $eval mixed.csv --kind user
grep -v like mixed.csv >reports.csv
complains 3 "30 pairs of user and target speak against" $eval reports.csv --kind content
complains 2 "--events is missing" allocate eval --algorithm ease
complains 2 "no 'best'; there are random" allocate eval --events events.csv --algorithm best
complains 2 "leave-one-out, cold-items, not 'half'" $eval events.csv --split half
complains 2 "none of these algorithms has 'alpha'" $eval events.csv --param alpha=1
complains 2 "not 'nan'" $eval events.csv --param lambda=nan
complains 3 "catalogue of 12 items" $eval events.csv --k 13
complains 3 "singular at lambda 0" $eval events.csv --param lambda=0 --k 3
complains 3 "singular at lambda 0" allocate eval --algorithm blend --events events.csv --param lambda=0 --k 3
complains 3 "nothing.csv" $eval nothing.csv
bad() { printf 'user,target,amount\n%s\n' "$1" >bad.csv; }
bad 'ann,x,nan' && complains 3 "bad.csv: line 2, column 3 (amount)" $eval bad.csv
bad 'ann,x,inf' && complains 3 "bad.csv: line 2, column 3 (amount)" $eval bad.csv
bad 'ann,x,-1' && complains 3 "bad.csv: line 2, column 3 (amount)" $eval bad.csv
bad 'ann,,1' && complains 3 "bad.csv: line 2, column 2 (target)" $eval bad.csv
bad 'ann,x' && complains 3 "it has 2 fields, the header 3 columns" $eval bad.csv
bad 'ann,x,1' && complains 3 "two are needed" $eval bad.csv
printf 'user,target\nann,x\nbob,y\n' >bad.csv; complains 3 "users with five items" $eval bad.csv
bad 'ann,x,1' && complains 3 "column time" $eval bad.csv --split time
printf 'user,item\nann,x\n' >bad.csv && complains 3 "the column 'target' is missing" $eval bad.csv
printf 'user,target\n' >bad.csv && complains 3 "has no rows" $eval bad.csv
: >bad.csv && complains 3 "it is empty; the header needs user and target" $eval bad.csv
printf 'id,name\ni1,a\ni1,b\n' >items.csv && complains 3 "i1 is there twice" $eval events.csv --items items.csv
[ "$failures" -eq 0 ]
