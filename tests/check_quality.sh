#!/bin/sh
# `heed quality agree` and `heed quality bridge` as they are typed: their documents, their text, their
# exit statuses (0 done, 2 usage, 3 input), and what they say of a file at fault. Neither needs a world.
set -eu
. "$SOURCE_DIR/tests/cli.sh"

# at_fault WORDS ARGS...: status 3, nothing but an error document on stdout, these words on stderr.
at_fault() {
    words=$1
    shift
    expect 3 quality "$@"
    says err "$words"
    [ ! -s out ] || fail "heed quality $* prints something"
    expect 3 quality "$@" --json
    says out '{"error": {"where": '
    [ "$(wc -l <out)" -eq 1 ] || fail "heed quality $* --json is not one document"
}

# ── agree ──
# Column order, further columns, blanks, quotes and labels that JSON must escape are all one.
cat >labels.csv <<'END'
label, when ,target,reviewer
no,1,p1,ann
no,1,p1,bob
 no ,1,p1,cyd
yes,2,p2,ann
yes,2,p2,bob
"no",2,p2,cyd
yes,3,"p,3",ann
yes,3,"p,3",bob
yes,3,"p,3",cyd
END
expect 0 quality agree labels.csv --json
says out '"classes": ["no", "yes"]' '"targets": {"p1": {"label": "no", "posterior": [' '"p,3": {"label": "yes"' \
    '"reviewers": {"ann": [[' '"iterations": ' '"loglik": -'
for member in classes prior loglik iterations targets reviewers; do
    says out "\"$member\": "
done
cp out first
expect 0 quality agree labels.csv --json --model dawid-skene
cmp -s out first || fail 'dawid-skene is not the default'
gzip -k labels.csv
expect 0 quality agree labels.csv.gz --json
cmp -s out first || fail 'a compressed file gives something else'
expect 0 quality agree labels.csv --json --model majority
says out '"loglik": null' '"iterations": 0' '"cyd": [[1.0, 0.0], [0.5, 0.5]]'
expect 0 quality agree labels.csv --json --model wawa
says out '"skills": {"ann": 1.0, "bob": 1.0, "cyd": 0.666666666666667}' '"p2": {"label": "yes", "posterior": [0.25, 0.75]}'
expect 0 quality agree labels.csv
says out 'dawid-skene: 9 labels by 3 reviewers of 3 targets' 'p,3' 'reviewer'
[ ! -s err ] || fail 'a connected file is warned of'
printf 'reviewer,target,label\nann,p1,no\nann,p2,yes\nbob,p3,no\nbob,p4,yes\n' >apart.csv
expect 0 quality agree apart.csv --json
says out '"warnings": ["the reviewers are not connected: they fall into 2 groups that share no target (2 of one reviewer)'
says err 'heed: the reviewers are not connected'
[ ! -e heed.world ] || fail 'it makes a world'

expect 2 quality agree
says err 'file is missing'
expect 2 quality agree labels.csv --model mean
says err "'mean' is not one of dawid-skene, majority, wawa"
expect 2 quality agree labels.csv more.csv
at_fault 'none.csv' agree none.csv
: >empty.csv
at_fault 'empty.csv: line 1: it is empty' agree empty.csv
echo 'reviewer,target,label' >none.csv
at_fault 'none.csv: the file has no label' agree none.csv
printf 'reviewer,target,vote\nann,p1,1\n' >bad.csv
at_fault "bad.csv: line 1: the column 'label' is missing; the header needs reviewer, target, label" agree bad.csv
printf 'label,target,label\n1,p1,1\n' >bad.csv
at_fault "(label): this column stands there twice" agree bad.csv
printf 'reviewer,target,label\nann,p1,1\nbob,,1\n' >bad.csv
at_fault 'bad.csv: line 3, column 2 (target): it is empty' agree bad.csv
printf 'reviewer,target,label\nann,p1,1\nbob,p1\n' >bad.csv
at_fault 'bad.csv: line 3: it has 2 fields, the header 3 columns' agree bad.csv
printf 'reviewer,target,label\nann,p1,\377\n' >bad.csv
at_fault 'bad.csv: line 2, column 8' agree bad.csv
printf 'reviewer,target,label\nann,p1,1\nann,p2,2\n' >bad.csv
at_fault 'bad.csv: all labels are by one reviewer' agree bad.csv
printf 'reviewer,target,label\nann,p1,1\nbob,p1,1\n' >bad.csv
at_fault 'bad.csv: all labels are equal' agree bad.csv
at_fault 'bad.csv: all labels are equal' agree bad.csv --model majority
printf 'reviewer,target,label\nann,p1,nan\nbob,p1,inf\n' >words.csv
expect 0 quality agree words.csv --json
says out '"classes": ["inf", "nan"]'

# ── bridge ──
# Two sides of eight; notes b* both find good, x* and y* one side only, z* nobody.
awk 'BEGIN { print "user,note,rating"
    for (u = 0; u < 16; u++) for (n = 0; n < 6; n++) {
        print "u" u ",b" n "," ((u + n) % 11 != 0)
        print "u" u ",x" n "," (u % 2 == 0)
        print "u" u ",y" n "," (u % 2 == 1)
        print "u" u ",z" n "," ((u + n) % 13 == 0) } }' >ratings.csv
expect 0 quality bridge ratings.csv --json
for member in mu notes users loss iterations; do
    says out "\"$member\": "
done
[ "$(tr '}' '\n' <out | grep -c '"b.*"status": "helpful"')" -eq 6 ] || fail 'not every b is helpful'
[ "$(tr '}' '\n' <out | grep -c '"[xyz].*"status": "helpful"')" -eq 0 ] || fail 'a one-sided note is helpful'
cp out first
expect 0 quality bridge ratings.csv --json --seed 1
cmp -s out first || fail 'the same seed gives something else'
sed '1s/.*/rater,target,rating/; s/,1$/,HELPFUL/; s/,0$/,NOT_HELPFUL/' ratings.csv >words.csv
expect 0 quality bridge words.csv --json
cmp -s out first || fail 'words give something else than numbers'
expect 0 quality bridge ratings.csv
says out '384 ratings by 16 users of 24 notes' 'helpful' 'intercept'
[ ! -s err ] || fail 'connected raters are warned of'
sed 1d ratings.csv | sed 's/^u/v/; s/,\([bxyz]\)/,other\1/' | cat ratings.csv - >apart.csv
expect 0 quality bridge apart.csv --json
says out '"warnings": ["the raters are not connected: they fall into 2 groups that share no note (0 of one rater)'
says err 'heed: the raters are not connected'
printf 'new,b0,1\nnew,fresh,.5\n' | cat ratings.csv - >more.csv
expect 0 quality bridge more.csv --json --min-of-user 10 --min-of-note 5
says out '"fresh": {"intercept": null, "factor": null, "status": "needs_more_ratings", "ratings": 1}' \
    '"new": {"intercept": null, "factor": null}'

expect 2 quality bridge
expect 2 quality bridge ratings.csv --seed x
says err 'seed'
expect 2 quality bridge ratings.csv --min-of-user 0
at_fault 'no.csv' bridge no.csv
at_fault "labels.csv: line 1: the column 'rating' is missing; the header needs user, note, rating" bridge labels.csv
for rating in 1.01 -.1 nan inf 0x1 1e 1e999 '1 0' helpful; do
    printf 'user,note,rating\nann,n1,1\nbob,n1,%s\n' "$rating" >bad.csv
    at_fault "bad.csv: line 3, column 3 (rating): '$rating' is not a rating" bridge bad.csv
done
printf 'user,note,rating\nann,n1,1\nann,n2,0\n' >bad.csv
at_fault 'bad.csv: all that can be fitted are by one user' bridge bad.csv
printf 'user,note,rating\nann,n1,1\nbob,n2,1\n' >bad.csv
at_fault 'bad.csv: all that can be fitted are equal' bridge bad.csv
at_fault 'ratings.csv: there are none to fit' bridge ratings.csv --min-of-user 100
printf 'user,note,rating\n' >bad.csv
at_fault 'bad.csv: there are none to fit' bridge bad.csv

# ── fit ──
# In a world: nothing to learn from is refused (1), what was not learnt cannot be shown.
"$heed" --quiet init >/dev/null
expect 1 quality fit
says err 'too few targets have been judged to learn from'
expect 1 quality calibration
says err 'use `heed quality fit` first'
expect 2 quality fit --outcome luck
says err 'expert'
expect 2 quality fit --facts x
i=0
echo 'id,creator' >contents.csv
echo 'time,user,target,score,kind' >reviews.csv
echo id >users.csv
while [ $i -lt 80 ]; do
    i=$((i + 1))
    echo "u$i" >>users.csv
    echo "c$i,u$((i % 8 + 1))" >>contents.csv
    for k in 11 12; do
        echo "2026-01-01,u$((k + 8)),content:c$i,$((1 + (i % 8 + (i * k) % 3) / 3)),expert" >>reviews.csv
    done
done
"$heed" --quiet import users users.csv >/dev/null
"$heed" --quiet import contents contents.csv >/dev/null
"$heed" --quiet import reviews reviews.csv >/dev/null
expect 0 quality fit --json
says out '"outcome": "expert"' '"targets": 80' '"reliability": ['
mv out learnt
expect 0 quality calibration --json
cmp -s out learnt || fail "calibration shows something else than fit said"
expect 0 quality show content:c1
says out interval creator
"$heed" verify >/dev/null || fail "verify"

echo "$failures failures"
[ "$failures" -eq 0 ]
