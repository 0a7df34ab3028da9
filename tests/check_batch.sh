#!/bin/sh
# `heed allocate batch` and `heed allocate online` as they are typed: one JSON document with the names it promises, the floor kept, the same on
# any run, and each input at fault named with its remedy.
set -eu
. "$SOURCE_DIR/tests/cli.sh"

# 30 users, 12 items; user u takes item i when (u + i * i) % 3 is not 0
awk 'BEGIN { print "user,target"
    for (u = 0; u < 30; u++) for (i = 0; i < 12; i++) if ((u + i * i) % 3)
        printf "u%d,i%d\n", u, i }' >events.csv
batch="--quiet --json allocate batch --events events.csv --split every-5th --algorithm ease --param lambda=2 --k 3"
for fair in none users=-1,items=-1,lambda=.01; do
    for floor in "" "--floor .2"; do
        # shellcheck disable=SC2086
        "$heed" $batch --fair $fair $floor --iterations 20 >out
        names=$(grep -o '"[a-z_]*":' out | tr -d '":' | tr '\n' ' ')
        wanted="objective gap ndcg ndcg_kept gini exposed min_exposure worst_decile mean_utility floor share feasible kept cost seconds warnings "
        [ "$names" = "$wanted" ] || fail "$fair $floor: names are $names"
        grep -q '"feasible": *true, *"kept": *true' out || fail "$fair $floor: $(cat out)"
        sed 's/"seconds.*//' out >first
        # shellcheck disable=SC2086
        "$heed" $batch --fair $fair $floor --iterations 20 | sed 's/"seconds.*//' >second
        cmp -s first second || fail "$fair $floor: a second run differs"
    done
done

online="--quiet --json allocate online --events events.csv --split every-5th --algorithm ease --param lambda=2 --k 3 --seed 3"
for fair in none users=-1,items=-1,lambda=.01; do
    # shellcheck disable=SC2086
    "$heed" $online --fair $fair --floor .2 --passes 2 --against 20 >out
    names=$(grep -o '"[a-z_]*":' out | tr -d '":' | tr '\n' ' ')
    wanted="objective gap ndcg ndcg_kept gini exposed min_exposure worst_decile mean_utility floor share feasible kept cost seconds gain_kept warnings "
    [ "$names" = "$wanted" ] || fail "online $fair: names are $names"
    grep -q '"feasible": *true, *"kept": *true' out || fail "online $fair: $(cat out)"
    sed 's/"seconds": [^,]*//' out >first
    # shellcheck disable=SC2086
    "$heed" $online --fair $fair --floor .2 --passes 2 --against 20 | sed 's/"seconds": [^,]*//' >second
    cmp -s first second || fail "online $fair: a second run differs"
done
awk 'BEGIN { print "user,target"
    for (u = 0; u < 40; u++) for (i = 0; i < 30; i++) if ((u * 7 + i * i * 3) % 11 < 6 - i / 6)
        printf "u%d,i%d\n", u, i }' >skewed.csv
# a gap is a proof: none without the batch to compare with; the floor's cost is in the document
expect 0 --json allocate online --algorithm ease --events skewed.csv --k 3 --floor .3
says out '"gap": null'
says err "the floor costs"
grep -q '"cost": 0\.[0-9]*[1-9]' out || fail "online: no cost of the floor"
expect 0 --json allocate online --algorithm ease --events skewed.csv --k 3 --floor .3 --against 50
grep -q '"gap": 0\.[0-9]*[1-9]' out || fail "online: no gap to the batch"
expect 0 --json allocate batch --algorithm ease --events skewed.csv --k 3 --floor .3
grep -q '"cost": 0\.[0-9]*[1-9]' out || fail "batch: no cost of the floor"
expect 0 --json allocate batch --algorithm random --events events.csv --k 12 --floor .00001
grep -q '"gini": -\|"cost": -\|costs -' out err && fail "less than nothing"
# however little the items count for, one pass leaves none with nothing, and a floor has a cost
for fair in users=0,items=0,lambda=.001 users=-1,items=0,lambda=.0001 users=.5,items=-1,lambda=.001; do
    expect 0 --json allocate online --algorithm ease --events skewed.csv --k 3 --fair $fair --against 50 --floor .1
    grep -q null out && fail "$fair: $(cat out)"
    grep -Eq '"cost": 0\.0*[1-9]' out || fail "$fair: the floor is said to cost nothing: $(cat out)"
    grep -Eq '"gain_kept": (0\.9[5-9]|1\.)' out || fail "$fair: $(cat out)"
done
# drawn: a dot for each pass, the batch's line beside it
expect 0 --json allocate online --algorithm ease --events skewed.csv --k 3 --fair users=-1,items=-1,lambda=.1 --passes 4 --against 30 --plot gain.svg
[ "$(grep -c '<circle' gain.svg)" -eq 4 ] || fail "online: $(grep -c '<circle' gain.svg) dots for 4 passes"
[ "$(grep -c 'class="line second" d="M.*L' gain.svg)" -eq 1 ] || fail "online: no line of the batch"
tail -n 1 gain.svg | grep -q '^</svg>$' || fail "online: the drawing does not end"
expect 0 --json allocate batch --algorithm ease --events skewed.csv --k 3 --fair users=-1,items=-1,lambda=.1 --iterations 30 --floor .1 --plot gain.svg
[ "$(grep -o 'class="line first" d="[^"]*"' gain.svg | head -n 1 | grep -o 'L' | wc -l)" -eq 29 ] || fail "batch: not 30 points"
cp skewed.csv kept.csv
for option in out plot; do
    complains 2 "is the file that --events names" allocate batch --algorithm ease --events skewed.csv --k 3 --$option ./skewed.csv
done
complains 2 "is the file that --" allocate batch --algorithm ease --events skewed.csv --k 3 --out new.csv --plot new.csv
cmp -s skewed.csv kept.csv || fail "the events were written over"
complains 2 "needs --against N" allocate online --algorithm ease --events skewed.csv --k 3 --plot gain.svg
complains 2 "is a folder" allocate batch --algorithm ease --events skewed.csv --k 3 --plot .
# the policy as a file: each user gets what lists of 3 give, no item less than the floor, nothing that he has
for how in batch online; do
    expect 0 --json allocate $how --algorithm ease --events skewed.csv --k 3 --floor .3 --out policy.csv
    says out '"policy": {"file": "policy.csv", "rows": '"$(($(wc -l <policy.csv) - 1))}"
    awk -F, 'NR == FNR { if (NR > 1) had[$1, $2] = ++n[$1] % 5; next }
        FNR == 1 { if ($0 != "user,item,exposure") bad = "header"; next }
        had[$1, $2] { bad = "what the user has" }
        $1 == user && $3 > last { bad = "the order" }
        { user = $1; last = $3; by_user[$1] += $3; by_item[$2] += $3; all += $3 }
        END { ranks = 1 + 1 / (log(3) / log(2)) + 1 / 2
            for (u in by_user) if (by_user[u] < ranks - 1e-4 || by_user[u] > ranks + 1e-4) bad = "user " u
            for (i = 0; i < 30; i++) if (by_item["i" i] < .3 * all / 30 * (1 - 1e-4)) bad = "item i" i
            if (bad) { print bad; exit 1 } }' skewed.csv policy.csv >wrong || fail "$how --out: $(cat wrong)"
done
cp policy.csv before.csv
complains 3 "catalogue" allocate batch --algorithm ease --events skewed.csv --k 31 --out policy.csv
cmp -s policy.csv before.csv || fail "a failed run spoils the file"
complains 2 "" allocate batch --algorithm ease --events skewed.csv --k 3 --out .
complains 4 "" allocate batch --algorithm ease --events skewed.csv --k 3 --out nowhere/policy.csv
complains 3 "give --floor" allocate online --algorithm ease --events events.csv --floor 1.5
complains 2 "takes one here" allocate online --events events.csv --algorithm ease,knn
complains 2 "such as users=-1" allocate online --events events.csv --algorithm ease --fair fairly

batch="allocate batch --algorithm ease --events"
complains 0 "the floor costs" $batch events.csv --floor .3 --k 3
complains 2 "--events is missing" allocate batch --algorithm ease
complains 2 "takes one here" allocate batch --events events.csv --algorithm ease,knn
complains 2 "such as users=-1" $batch events.csv --fair fairly
complains 2 "lambda takes a number from 0 to 1" $batch events.csv --fair lambda=2
complains 2 "not '-1'" $batch events.csv --floor -1
complains 2 "not 'nan'" $batch events.csv --floor nan
complains 3 "give --floor" $batch events.csv --floor 1.5
complains 3 "catalogue of 12 items" $batch events.csv --k 13
complains 3 "singular at lambda 0" $batch events.csv --param lambda=0
awk 'BEGIN { print "user,target"; for (i = 0; i < 5; i++) print "u,i" i }' >all.csv
complains 0 "4 items are in every user's history" --json allocate batch --algorithm popularity --k 1 --events all.csv
says out '"warnings": ["4 items are in every'
expect 0 --quiet --json allocate batch --algorithm popularity --k 1 --events all.csv
says out '"warnings": ["4 items are in every'
[ -s err ] && fail "--quiet says something"
printf 'user,target,time\na,x,2026-01-01\na,x,2026-01-02\n' >one.csv
complains 3 "two are needed" $batch one.csv
[ "$failures" -eq 0 ]
