#!/bin/sh
# `heed allocate train`, `use` and `models` as they are typed: their documents, exit statuses (0 done, 1 refused,
# 2 usage, 3 input), what feeds say then, and that a copy says the same.
set -eu
. "$SOURCE_DIR/tests/cli.sh"

"$heed" --quiet init >/dev/null
expect 1 allocate train --algorithm ease
says err 'refused (too_few_acts)'
expect 0 allocate models --json
says out '{"in_use": null, "models": []}'
# 30 people, 12 posts of one maker; u likes i when (u + i * i) % 3 is not 0
awk 'BEGIN { print "id"; print "maker"; for (u = 0; u < 30; u++) print "u" u }' >users.csv
awk 'BEGIN { print "id,creator"; for (i = 0; i < 12; i++) print "c" i ",maker" }' >contents.csv
awk 'BEGIN { print "time,user,verb,target"
    for (u = 0; u < 30; u++) for (i = 0; i < 12; i++) if ((u + i * i) % 3)
        printf "2026-01-%02d,u%d,like,content:c%d\n", i + 1, u, i }' >events.csv
for kind in users contents events; do
    "$heed" --quiet import $kind $kind.csv >/dev/null
done

expect 0 allocate train --algorithm knn --json
names=$(grep -o '"[a-z_]*":' out | tr -d '":' | tr '\n' ' ')
expected="version updated_from algorithm in_use params neighbours shrink seed items users acts acts_taken acts_waiting keep numbers dropped bytes checksum trained_at "
[ "$names" = "$expected" ] || fail "names are $names"
says out '"version": 1' '"in_use": true' '"items": 12' '"users": 30' '"acts": 240'
expect 0 allocate train --algorithm ials --param factors=4 --param lambda=.01,iterations=3 --seed 7 --json
says out '"factors": 4' '"lambda": 0.01' '"iterations": 3' '"seed": 7' '"keep": null' '"dropped": null'
expect 0 allocate train --algorithm ease --keep 3 --param lambda=10 --at 2026-02-01
says out 'algorithm     ease' 'lambda      10' '2026-02-01T00:00:00Z'
expect 0 feed show u1 --algorithm relevance --k 3
says out '(ease 3)'
expect 0 allocate use 1
says out 'knn'
expect 0 feed serve u1 --algorithm relevance --k 12 --json
says out '"by": "knn", "model": 1'
expect 0 allocate models
says out 'in_use  1' knn ease ials
"$heed" --quiet content add late --creator maker >/dev/null
expect 0 feed show u1 --algorithm relevance --k 20
says out '(knn 1)' '(cosine)'
expect 0 allocate use 0 --json
says out '"in_use": null' '"algorithm": "cosine"'
expect 0 feed explain u1 content:c1 --json
says out '"by": "knn", "model": 1'

expect 1 allocate update
says err 'refused (no_model)' 'heed allocate train'
expect 2 allocate update --model 1 --param shrink=3
says err 'shrink 0 is what version 1 was trained with'
expect 0 allocate update --model 1 --json
says out '"version": 4' '"updated_from": 1' '"algorithm": "knn"' '"items": 13' '"acts_taken": 0' '"in_use": true'
expect 1 allocate update
says err 'refused (nothing_new)'
"$heed" --quiet event add --user u1 --verb like --target content:late >/dev/null
"$heed" --quiet event add --user u2 --verb like --target content:late >/dev/null
expect 0 allocate update
says out 'updated_from  4' 'acts_taken    2' 'acts          242'
expect 0 feed show u5 --algorithm relevance --k 20
says out '(knn 5)'
if grep -q '(cosine)' out; then fail "an updated model says nothing of a new content"; fi
expect 1 allocate use 9
says err 'refused (unknown_model)' 'heed allocate models'
expect 1 allocate train --algorithm knn --as u1
says err 'refused (forbidden)'
expect 0 allocate train --algorithm blend --param neighbours=5 --keep 4 --json
says out '"algorithm": "blend"' '"keep": 4' '"neighbours": 5' '"items": 13'
expect 0 feed show u5 --algorithm relevance
says out '(blend 6)'
expect 0 allocate use 5
expect 1 allocate update --as u1
says err 'refused (forbidden)'
expect 1 allocate models --as u1
expect 2 allocate train
says err '--algorithm is missing'
expect 2 allocate train --algorithm blended
says err 'knn|ease|ials|blend'
expect 2 allocate train --algorithm ease --param factors=3
says err 'they have ease.lambda'
expect 2 allocate train --algorithm ease --param lambda=nan
expect 2 allocate train --algorithm ease --keep 0
expect 2 allocate train --algorithm ease --keep 2 --keep 3
says err '--keep is given twice'
expect 2 allocate train --algorithm ease --facts x
expect 2 allocate use
expect 2 allocate use -1
expect 0 verify
"$heed" --quiet export out_dir >/dev/null
mkdir again
"$heed" --quiet --world again/w init --rules out_dir/rules.yaml >/dev/null
"$heed" --quiet --world again/w import out_dir >/dev/null
for question in "allocate models" "feed show u1" "feed show u2 --algorithm relevance"; do
    expect 0 $question --json
    cp out ours
    expect 0 $question --world again/w --json
    cmp ours out || failures=$((failures + 1))
done
expect 0 allocate train --world again/w --algorithm ease
# the files of what was learnt are listed, and said to be left aside where the world has its own
expect 0 --world again/w import out_dir
says out out_dir/models.csv out_dir/learnt.csv
says err 'heed: out_dir/models.csv was left aside: this world has models already' 'heed: out_dir/learnt.csv was left aside'
expect 0 --world again/w import out_dir --json
says out '"kind": "models"' '"kind": "learnt"' '"left_aside": "this world has models already, and keeps them"'
says out '"rows": 0, "applied": 0'
mkdir third
"$heed" --quiet --world third/w init --rules out_dir/rules.yaml >/dev/null
expect 0 --world third/w import out_dir --json
says out '"kind": "models", "rows": '
if grep -q 'left_aside\|"kind": "models", "rows": 0' out; then fail "a new world takes the models"; fi
echo "$failures failures"
[ "$failures" -eq 0 ]
