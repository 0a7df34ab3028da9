#!/bin/sh
# The program as it is typed: every form of the command line, its exit status (0 done, 1 refused, 2
# usage, 3 input, 4 storage), one JSON document on stdout with --json, and what it says when a file or
# the world is at fault.
# ctest: TIMEOUT 300
set -eu
: "${SOURCE_DIR:?}" "${BUILD_DIR:?}"

heed=$BUILD_DIR/heed
if [ ! -x "$heed" ]; then
    echo "skipped: this build has no program heed"
    exit 77
fi
PATH=$BUILD_DIR:$PATH
work=$(mktemp -d)
tmpfs=''
writer=''
clean_up() {
    if [ -n "$writer" ]; then kill "$writer" 2>/dev/null || true; fi
    if [ -n "$tmpfs" ]; then umount "$tmpfs" 2>/dev/null || true; fi
    chmod -R u+w "$work"
    rm -rf "$work"
}
trap clean_up EXIT
cd "$work"
export LC_ALL=C

if command -v python3 >/dev/null; then
    json=python3
elif command -v node >/dev/null; then
    json=node
else
    json=none
    echo "skipped: JSON on stdout is not parsed (no python3, no node)"
fi

failures=0
fail() {
    failures=$((failures + 1))
    echo "FAILED: $*"
    sed 's/^/    stdout: /' out | cut -c 1-300
    sed 's/^/    stderr: /' err | cut -c 1-300
}

# expect STATUS ARGS...: runs heed; stdout in ./out, stderr in ./err.
expect() {
    expected=$1
    shift
    status=0
    "$heed" "$@" >out 2>err </dev/null || status=$?
    if [ "$status" -ne "$expected" ]; then
        fail "heed $* gave $status, not $expected"
    fi
}

# says WORDS...: what the last command printed on stderr holds each of them.
says() {
    for words in "$@"; do
        if ! grep -qF -- "$words" err; then
            fail "stderr does not hold: $words"
        fi
    done
}

# document PATH[=VALUE]...: ./out is one JSON document that has each member, with this value.
document() {
    case $json in
    python3) python3 -c 'import json, sys
d = json.load(open("out", encoding="utf-8"))
for path in sys.argv[1:]:
    path, _, want = path.partition("=")
    x = d
    for key in path.split("."):
        x = x[int(key)] if isinstance(x, list) else x[key]
    if want and json.dumps(x) != want:
        sys.exit("%s is %s, not %s" % (path, json.dumps(x), want))' "$@" ;;
    node) node -e 'const d = JSON.parse(require("fs").readFileSync("out", "utf8"));
for (const arg of process.argv.slice(1)) {
    const at = arg.indexOf("="), path = at < 0 ? arg : arg.slice(0, at);
    let x = d;
    for (const key of path.split(".")) x = x[key];
    if (x === undefined) throw new Error(path + " is missing");
    if (at >= 0 && JSON.stringify(x) !== arg.slice(at + 1))
        throw new Error(path + " is " + JSON.stringify(x));
}' "$@" ;;
    esac
}

# json STATUS "PATH PATH=VALUE ..." ARGS...: with --json, one document that has these members.
json() {
    json_expected=$1
    json_members=$2
    shift 2
    expect "$json_expected" "$@" --json
    # shellcheck disable=SC2086
    if [ "$json" != none ] && ! document $json_members 2>parse; then
        fail "heed $* --json: $(tail -n 1 parse)"
    fi
    if grep -qE '[^0-9]0\.0*[1-9][0-9]{15,}|[1-9][0-9]*\.[0-9]{15,}' out; then
        fail "heed $* --json: a number of more than 15 digits"
    fi
}

# ── a world, step by step ──
at='--at 2026-01-05T12:00:00Z'
expect 3 status
says 'heed.world'
expect 0 init
expect 3 init
says 'heed.world' 'there is a world here already'
json 0 'world="other.world" commands' init --world other.world --preset plaza
expect 2 init --world third.world --preset nothing
says 'there is no such preset' 'plaza'
printf 'behaviour: {half_life: never}\n' >bad.yaml
expect 3 init --world third.world --rules bad.yaml
says 'bad.yaml: line 1'
expect 3 rules check bad.yaml
says 'bad.yaml: line 1' 'half_life'
[ ! -e third.world ] || fail 'a failed init leaves a world'
cat >limits.yaml <<'END'
allocation:
  constraints:
    caps: [{category: ads, max: 1}]
    groups: [{category: ads, share: 0.5}]
END
expect 3 rules check limits.yaml
says 'limits.yaml: line 4, key allocation.constraints.groups[0]' 'beside caps[0]' 'at least 3 of category ads'
expect 3 init --world third.world --rules limits.yaml
cat >limits.yaml <<'END'
allocation:
  k: 2
  constraints:
    caps: [{category: ads, max: 1}]
    fresh: {share: 1, within: 1 d}
END
json 0 'ok=true' rules check limits.yaml
limits='--world limits.world --at 2026-01-05'
# shellcheck disable=SC2086
for words in 'init --rules limits.yaml' 'user add ann' 'content add a1 --creator bob --category ads' \
    'content add a2 --creator bob --category ads' 'content add n1 --creator bob --category news --created 2025-01-01' \
    'event add ann view content:a1'; do
    expect 0 $words $limits
done
# shellcheck disable=SC2086
json 0 'slots.0.target="content:a1" slots.1.target="content:n1" slots.1.reasons.4.name="caps[0]" relaxed.0.rule="fresh" relaxed.0.wanted=2 relaxed.0.got=1 relaxed.0.why' feed serve ann $limits
# shellcheck disable=SC2086
json 0 'rank=2 reasons.4.name="caps[0]"' feed explain ann content:n1 $limits

# ── several kinds in one feed ──
for kinds in 'video: 1' 'user: -0.1' 'content: 0' 'content: 0, user: 1'; do
    printf 'allocation:\n  kinds: {%s}\n' "$kinds" >kinds.yaml
    expect 3 rules check kinds.yaml
    says 'kinds.yaml: line 2, key allocation.kinds'
done
printf 'allocation:\n  k: 4\n  kinds: {content: 0.25, user: 0.25, good: 0.25, service: 0.25}\n' >kinds.yaml
json 0 'ok=true' rules check kinds.yaml
kinds='--world kinds.world --at 2026-01-05'
# shellcheck disable=SC2086
for words in 'init --rules kinds.yaml' 'user add ann' 'user add bob' 'content add b1 --creator bob' \
    'good add cup --name Cup --seller bob --price 1 --stock 3' 'service add help --name Help --price 0' \
    'event add ann view content:b1'; do
    expect 0 $words $kinds
done
# shellcheck disable=SC2086
json 0 'slots.0.target="content:b1" slots.1.target="user:bob" slots.2.target="good:cup" slots.3.target="service:help"' feed show ann $kinds
# shellcheck disable=SC2086
json 0 'slots.3.rank=4 slots.3.reasons.0.name' feed serve ann --as ann $kinds
# more slots than there is to show: how many there are
# shellcheck disable=SC2086
json 0 'warnings.0 slots.3.rank=4' feed show ann --k 9 $kinds
grep -q '"9 slots were asked for, but 4 is all that may be shown' out || fail 'the reply does not say how many there are'
# shellcheck disable=SC2086
expect 0 feed serve ann --k 5 $kinds
says '5 slots were asked for, but 4 is all'
# shellcheck disable=SC2086
json 0 'slots.3.rank=4' feed show ann --k 4 $kinds
grep -q warnings out && fail 'four of four slots are warned of'
# shellcheck disable=SC2086
json 1 'refused.code="forbidden"' feed serve ann --as bob $kinds
# shellcheck disable=SC2086
json 0 'shown=true rank=2 target="user:bob"' feed explain ann user:bob $kinds
# shellcheck disable=SC2086
expect 0 event add ann follow user:bob $kinds
# shellcheck disable=SC2086
json 0 'slots.1.target="good:cup" relaxed.0.rule="kinds.user" relaxed.0.wanted=1 relaxed.0.got=0 relaxed.0.why' feed show ann $kinds
# shellcheck disable=SC2086
json 0 'slots.0.target="service:help" relaxed.0.rule="kinds.content" relaxed.2.rule="kinds.good"' feed show bob $kinds
# shellcheck disable=SC2086
json 0 'kinds.content=1 kinds.good=1 kinds.service=1 floor.kept=true relaxed' settle --until 2026-03-01 $kinds
# shellcheck disable=SC2086
json 0 'ok=true' verify $kinds

# ── a welfare ──
for fair in some '{lambda: 2}' '{users: -1}' '{users: 3, lambda: 0.1}'; do
    printf 'allocation:\n  fair: %s\n' "$fair" >fair.yaml
    expect 3 rules check fair.yaml
    says 'fair.yaml: line 2, key allocation.fair'
done
printf 'allocation:\n  k: 1\n  floor: 0\n  fair: {users: -1, items: -1, lambda: 0.1}\n' >fair.yaml
fair='--world fair.world --at 2026-01-05'
# shellcheck disable=SC2086
for words in 'init --rules fair.yaml' 'user add ann' 'user add bob' 'content add b1 --creator cyd' \
    'content add b2 --creator cyd' 'event add bob like content:b2' 'event add ann view content:b1'; do
    expect 0 $words $fair
done
# shellcheck disable=SC2086
json 0 'slots.0.target="content:b2" slots.0.reasons' feed serve ann $fair
# shellcheck disable=SC2086
json 0 'slots.0.target="content:b1"' feed serve ann $fair
# shellcheck disable=SC2086
json 0 'shown=true rank=1 score reasons' feed explain ann content:b1 $fair
# shellcheck disable=SC2086
json 0 'welfare.mean_utility welfare.worst_decile welfare.gini welfare.gini_alone floor.kept=true' settle --until 2026-03-01 $fair
# shellcheck disable=SC2086
json 0 'ok=true' verify $fair
expect 0 rules default
cp out good.yaml
json 0 'ok=true' rules check good.yaml
json 0 'yaml' rules default
json 0 'yaml' rules show

mkdir data
cat >data/users.csv <<'END'
id,name
ann,Ann
bob,Bob
cyd,
END
cat >data/contents.csv <<'END'
id,creator,title,good
p1,ann,On swords,sword
p2,guild,By a guild,
END
cat >data/goods.csv <<'END'
id,name,seller,price,stock
sword,Sword,ann,4.99,3
END
printf 'id,name,price\ntour,Tour,0.50\n' >data/services.csv
cat >data/events.csv <<'END'
time,user,verb,target,amount
2026-01-01T10:00:00Z,bob,view,content:p1,
2026-01-01T10:00:05Z,bob,dwell,content:p1,30
2026-01-01T10:00:40Z,bob,like,content:p1,
2026-01-01T10:01:00Z,cyd,view,content:p2,
2026-01-01T10:01:00Z,zed,view,content:p2,
2026-01-01T10:01:00Z,cyd,stare,content:p2,
END
printf 'time,user,target,score\n2026-01-02,bob,content:p1,5\n' >data/ratings.csv
printf 'time,user,target,score,kind\n2026-01-02,cyd,content:p1,4,expert\n' >data/reviews.csv

# ── import ──
json 0 'files.0.kind="users" files.4.rows=6 files.4.applied=4 files.4.rejected=1 files.4.refused=1
    files.4.duplicate=0 files.4.path rows=15 applied=13 rejected=1 refused=1 duplicate=0 late=0 files.4.late=0 seconds' import data
says 'events.csv: line 6' 'rows were not applied'
grep -q '^"data/events.csv",6,' heed.world.rejects.csv || fail 'no rejects beside the world'
json 0 'rows=0 files.0.skipped=true' import data
json 0 'rows=3 refused=3' import users data/users.csv --again
printf 'id\ndan\n' >more.csv
printf 'id\neve\n' | gzip >more2.csv.gz
json 0 'applied=2 files.1.path="more2.csv.gz"' import users more.csv more2.csv.gz
printf 'id,role\nfay,king\ngus,member\n' >strict.csv
expect 3 import users strict.csv --strict
says 'strict.csv: line 2, column 2 (role)' 'nothing was applied'
json 3 'error' import users strict.csv --strict
expect 1 behaviour show user:gus
expect 3 import events none.csv
says 'none.csv' 'check the path'
expect 3 import events data
says 'is a directory'
expect 3 import none
says 'none'
expect 2 import people more.csv
says 'it is not a kind: users, contents'
expect 2 import
expect 3 import users none.csv more.csv
says 'none.csv'
printf 'id\nhob\n' >more3.csv
printf 'name\nhob\n' >wrong.csv
json 3 'applied=1 error.where files.0.error.where files.0.error.message files.1.error.where="none.csv"
    files.2.applied=1' import users wrong.csv none.csv more3.csv
says 'wrong.csv: line 1: the column' 'none.csv: is not there'
if grep -o '{"path": "more3[^}]*}' out | grep -q error; then fail 'a good file has an error'; fi
expect 3 import users more3.csv wrong.csv
grep -q 'wrong.csv .* wrong.csv: line 1: the column' out || fail 'the text does not say what the JSON says'
grep -q 'skipped' out || fail 'the text does not say that a file was skipped'
printf 'id\nida\n' >more4.csv
json 3 'applied=1 files.0.error.message files.0.applied=0 files.1.applied=1' import users strict.csv more4.csv --strict
expect 1 behaviour show user:gus
printf 'id\n\377\n' >"$(printf 'odd\377.csv')"
json 0 'files.0.path="odd?.csv" rejected=1' import users "$(printf 'odd\377.csv')"
expect 2 import users
says 'heed import users FILE'
expect 3 import nowhere
says 'nowhere: there is no such folder' 'heed import KIND FILE'
mkdir users
printf 'id\njan\n' >users/users.csv
json 0 'applied=1' import users
expect 2 status --at 1969-12-31
says 'between 1970 and 2105'
expect 2 status --at yesterday
says 'such as'
expect 2 shop buy sword
says '--user USER, or --as USER'
for words in 'rating add' 'feed show' 'feed serve' 'reward explain'; do
    # shellcheck disable=SC2086
    expect 2 $words
    says 'say who: --user USER, or --as USER'
done
expect 2 ledger balance
says 'say who: --account ACCOUNT, or --as USER'
expect 2 content add p9 --title Nine
says 'say who: --creator USER, or --as USER'
cat >map.yaml <<'END'
files:
  - path: people.tsv
    kind: users
    delimiter: tab
    columns: {id: {column: who}}
END
mkdir -p elsewhere
printf 'who\tage\nhal\t7\n' >elsewhere/people.tsv
json 0 'applied=1 files.0.path="people.tsv"' import --map map.yaml --data elsewhere
expect 3 import --map map.yaml
says 'people.tsv'
expect 2 import users more.csv --map map.yaml
printf 'files:\n  - path: people.tsv\n    kind: folk\n' >map.yaml
expect 3 import --map map.yaml --data elsewhere
says 'map.yaml: line 3, key files[0].kind' 'must be one of users'

# ── behaviour, quality, feeds ──
json 0 'users=9 contents=2 goods=1 services=1 events=4 verbs.dwell.events=1 verbs.dwell.amount=30 commands
    epoch world_hash money.0.currency money.0.supply_minor money.0.issued_minor money.0.retired_minor' status
json 0 'target="user:bob" events.like=1 dwell_s=30 sessions=1 active_days=1 last_seen preferences.0.target
    preferences.0.weight' behaviour show user:bob
json 0 'target="content:p1" reach=1 impressions=1 events.dwell=1 dwell_s=30 engagement.rate engagement.lower' \
    behaviour show content:p1
for by in reach dwell engagement; do
    json 0 '' behaviour top --by $by --k 1
done
expect 2 behaviour top --by fame
says 'fame'
json 0 'target="content:p1" quality parts.rating.value parts.rating.weight parts.rating.evidence' \
    quality show content:p1
for algorithm in exposure engagement quality relevance mixed; do
    json 0 "user=\"user:cyd\" algorithm=\"$algorithm\" slots" feed show cyd --k 10 --algorithm $algorithm --surface home
done
# shellcheck disable=SC2086
json 0 'slots.0.rank=1 slots.0.target slots.0.score slots.0.reasons.0.name slots.0.reasons.0.value
    slots.0.reasons.0.weight' feed serve user:cyd --k 2 $at
json 0 '' feed explain cyd content:p1
json 1 'refused.code="no_feed" refused.message' feed explain bob content:p1
json 1 'refused.code="unknown_target"' behaviour show content:none
for target in bob content: people:bob :bob; do
    expect 2 behaviour show $target
    says "'$target' is not a target such as content:17"
done
expect 2 quality show p1
expect 2 event add bob view p1
json 1 'refused.code="unknown_user"' feed show nobody

# ── moderation: report, queue, decision, appeal, reversal, in a world of its own ──
m='--world moderated.world'
# shellcheck disable=SC2086
{
    expect 0 init $m
    for user in ann bob cyd; do expect 0 user add $user $m; done
    expect 0 user add mod --role moderator $m
    expect 0 content add q1 --creator ann $m
    expect 0 content add q2 --creator bob $m
    json 0 'waiting=0 queue=[]' quality queue $m
    expect 0 event add bob report content:q1 $m
    expect 0 event add ann report content:q1 $m
    json 0 'waiting=1 queue.0.rank=1 queue.0.target="content:q1" queue.0.harm=0.25 queue.0.right=0.25
        queue.0.exposure=1.0 queue.0.reports=1 queue.0.known=0 queue.0.appeal=null queue.0.now="allow"
        queue.0.since' quality queue --k 5 $m
    expect 2 quality decide content:q1 remove $m
    says '--reason is missing'
    expect 2 quality decide content:q1 forbid --reason r $m
    says 'allow|limit|remove'
    json 1 'refused.code="forbidden"' quality decide content:q1 remove --reason r --as cyd $m
    json 1 'refused.code="nothing_to_appeal"' quality appeal content:q1 --reason r --as ann $m
    json 0 'target="content:q1" decision="remove" stands=true reports=1 appeal=null' \
        quality decide content:q1 remove --reason stolen --as mod $m
    json 0 'slots.0.target="content:q2"' feed show cyd $m
    json 1 'refused.code="not_owner"' quality appeal content:q1 --reason r --as bob $m
    json 0 'target="content:q1" against="remove" decided' quality appeal content:q1 --reason mine --as ann $m
    json 1 'refused.code="appealed_already"' quality appeal content:q1 --reason r --as ann $m
    json 0 'waiting=1 queue.0.reports=0 queue.0.appeal=0.25 queue.0.now="remove"' quality queue $m
    json 0 'decision="allow" appeal="reversed"' quality decide content:q1 allow --reason 'they are hers' $m
    json 0 'slots.1.rank=2' feed show cyd $m
    json 0 'history.0.act="allow" history.0.by="operator" history.0.stands=true history.1.act="appeal"
        history.1.reason="mine" history.1.appeal="reversed" history.2.by="user:mod"
        history.2.reason="stolen" history.2.time' quality history content:q1 $m
    json 0 'reports_made.upheld=0 reports_made.rejected=1 reports_made.record=0.2' quality history user:bob $m
    json 1 'refused.code="forbidden"' quality history content:q1 --as cyd $m
    json 0 'ok=true' verify $m
    expect 0 export moderated $m
    expect 0 init --world again.world
    expect 0 import moderated --world again.world
    json 0 'history.1.reason="mine"' quality history content:q1 --world again.world
    expect 3 import decisions data/users.csv --world again.world
    says 'decisions need the columns time, target, act, reason'
}

# ── settle, rewards ──
# shellcheck disable=SC2086
json 1 'refused.code="nothing_to_settle"' settle --until 2025-12-01 $at
json 0 'epoch pool_minor paid_minor payouts feeds floor.share floor.kept=true floor.min_share' settle --until 2026-01-08
epoch=$(tr ',' '\n' <out | sed -n 's/^{"epoch": //p' | head -n 1)
json 1 'refused.code' settle --until 2026-01-08
json 0 '' reward explain ann --epoch "$epoch"
expect 2 reward explain ann
says '--epoch is missing'

# ── money and the shop ──
json 0 'amount_minor=10000' ledger issue bob 100
json 0 '' ledger balance bob
json 0 '' ledger balance user:bob
json 0 'amount_minor=250 repeated=false' ledger transfer bob cyd 2.50 --id t1
json 0 'repeated=true' ledger transfer bob cyd 2.50 --id t1
json 0 'transfers.0.amount_minor=-250' ledger history bob --k 1
json 1 'refused.code="insufficient_funds"' ledger transfer cyd bob 9999
expect 2 ledger transfer bob cyd 2.505
says 'amount'
expect 2 ledger issue bob 1e3
json 0 'goods.0.price_minor listed' shop goods
json 0 'price_minor=499 purchase=0' shop buy good:sword --as bob
json 0 '' shop list good:sword --price 5.50 --stock 1
expect 2 shop list good:sword --withdraw --price 5
says 'withdraw: with it goes no price'
expect 2 shop list good:sword --withdraw --unlimited
expect 2 shop list good:sword --withdraw --stock 1
expect 2 shop list good:sword --stock 1 --unlimited
says 'it contradicts stock'
expect 2 shop list good:sword --price 0.001
says 'gold, which has 2 decimals'
expect 2 ledger issue bob 0.0001
expect 2 event add bob dwell content:p1 --amount 0.0001
says 'has more than three decimals'
expect 0 event add bob dwell content:p1 --amount 0.0010000
json 0 'refunded=true' shop refund 0
json 1 'refused.code' shop refund 0
json 1 'refused.code' shop buy good:none --as bob
json 1 'refused.code="forbidden"' ledger issue bob 1 --as bob
json 1 'refused.code="unknown_user"' import users more.csv --as nobody
json 1 'refused.code="forbidden"' import users more.csv --as bob
expect 1 settle --as bob
says 'refused (forbidden)'
[ ! -s out ] || fail 'a refusal stands on stdout'

# ── options anywhere, usage ──
expect 0 --json --world other.world status
cp out before
expect 0 status --world other.world --json
cmp -s out before || fail 'global options after the verb mean something else'
expect 0 behaviour --json show --at 2026-02-01 user:bob --quiet
expect 0 --world=other.world --at=2026-02-01 status --json
cmp -s out before || fail 'a global option with = means something else'
expect 1 settle --as=bob
for word in --at=yesterday --at= --world= --as= --json=yes --worlds=x; do
    expect 2 status $word
done
says 'there is no option --worlds=x'
expect 2 status --quiet=1
says '--quiet takes no value'
expect 2 status --at yesterday
says '--at needs a time'
expect 2 status --world
says '--world needs a value'
expect 2 nonsense
says "there is no command 'nonsense'"
expect 2
expect 2 feed show
says 'say who: --user USER'
expect 2 feed show bob --k 0
expect 2 feed show bob --k many
expect 2 feed show bob ann
says 'one word too many'
expect 2 feed show bob --colour red
says 'there is no option --colour'
expect 2 feed show bob --k 1 --k 2
says 'given twice'
expect 0 help
grep -q 'heed' out || fail 'help says nothing'
expect 0 help feed show
grep -q -- '--algorithm' out || fail 'help of a verb lacks its options'
expect 0 feed show --help
json 0 'version usage global.0 commands.0.command commands.0.arguments commands.0.example' help
json 0 'version commands' --help
json 0 'kind="query" arguments.0.name="user" arguments.0.required=true' help feed show
json 0 'arguments.1.name="k" arguments.1.value="N" arguments.1.positional=false' feed show --help
json 0 'commands.0.arguments.2.name="stock"' help shop
json 0 'commands.2.arguments.0.name="purchase"' shop --help
json 0 'version' version
json 2 'error.message' help nonsense
json 2 'error.message' shop
json 2 'error.message'
expect 0 --version

# ── time comes from the caller: the same commands, the same world ──
for w in one two; do
    expect 0 init --world $w.world --at 2026-01-01
    expect 0 import goods data/goods.csv --world $w.world --at 2026-01-02
    expect 0 ledger issue system:pool 5 --world $w.world --at 2026-01-03
    expect 0 status --json --world $w.world
    sed 's/.*"world_hash": "\([0-9a-f]*\)".*/\1/' out >$w.hash
done
cmp -s one.hash two.hash || fail 'the same commands give two worlds'

# ── verify, export, report, run ──
expect 2 report --out one.world
says 'one.world: it belongs to a world; name another file'
expect 2 report --out one.world-wal
if grep -q html one.world-wal 2>/dev/null; then fail 'a report lies beside a world'; fi
printf 'id\na b \n\n' >mine.csv
cp mine.csv mine.before
for rejects in mine.csv ./mine.csv one.world one.world.lock; do
    expect 2 import users mine.csv --rejects $rejects
    says "$rejects: "
done
cmp -s mine.csv mine.before || fail 'bad rows were appended to the file they came from'
json 0 'ok=true' verify --world one.world
json 0 'ok=true commands world_hash chain_head money.0.currency money.0.sum_minor=0' verify
json 0 'exported="copy"' export copy
for kind in users contents goods services events ratings reviews decisions learnt; do
    [ -s copy/$kind.csv ] || fail "export wrote no $kind.csv"
done
expect 2 export copy
says 'copy: it is not empty' '--force'
cp copy/users.csv before.csv
echo mine >copy/users.csv
expect 2 export copy
[ "$(cat copy/users.csv)" = mine ] || fail 'a refused export writes'
expect 0 export copy --force
cmp -s copy/users.csv before.csv || fail '--force does not write over'
mkdir empty
expect 0 export empty
expect 4 export bad.yaml
says 'bad.yaml: it is a file' 'name another'
expect 4 export none/at/all
says 'must be there'
expect 4 generate bad.yaml
says 'bad.yaml: it is a file'
for path in . copy copy/; do
    expect 2 report --out $path
    says 'it is a folder; name a file in it' 'report.html'
done
expect 2 run --data data --world run3.world --report copy
says 'it is a folder'
[ ! -e run3.world ] || fail 'a report that cannot be written is found after the work'
expect 4 report --out none/at/report.html
says 'must be there'
for words in 'export' 'generate' 'import' 'import users' 'run --data' 'run --report' 'report --out' \
    'init --rules' 'rules check' 'import --map' 'import users more.csv --rejects' 'status --world' \
    'status --as'; do
    # shellcheck disable=SC2086
    expect 2 $words ''
    says 'empty'
done
expect 0 init --world copy.world --rules copy/rules.yaml
json 0 'rejected=0 refused=0' import copy --world copy.world
for question in 'behaviour show user:bob' 'behaviour show content:p1' 'quality show content:p1' 'feed show bob'; do
    # shellcheck disable=SC2086
    expect 0 $question --json
    cp out before
    # shellcheck disable=SC2086
    expect 0 $question --json --world copy.world
    cmp -s out before || fail "the copy answers otherwise: $question"
done
expect 0 report --out report.html
grep -q '<svg' report.html || fail 'the report draws nothing'
expect 0 report --lang zh --out report.zh.html
# what is no regular file is written into and stays; a link stays and its target is replaced
mkdir linked
echo old >linked/target.html
ln -s linked/target.html link.html
ln -s linked/later.html dangling.html
mkfifo pipe.html pipe2.html
for link in link dangling; do
    expect 0 report --out $link.html
    [ -L $link.html ] || fail 'a report replaces a link'
done
cmp -s linked/target.html report.html && cmp -s linked/later.html report.html ||
    fail 'a report does not go where the link leads'
timeout 20 cat pipe.html >piped.html &
expect 0 report --out pipe.html
wait $! || true
[ -p pipe.html ] || fail 'a report replaces a pipe'
cmp -s piped.html report.html || fail 'a report does not go through a pipe'
timeout 20 cat pipe2.html >piped2.html &
expect 0 run --data data --world piped.world --report pipe2.html --at 2026-02-01
wait $! || true
[ -p pipe2.html ] && grep -q '<svg' piped2.html || fail 'run replaces the pipe of its report'
if ls ./*.part linked/*.part 2>/dev/null; then fail 'a report leaves a file aside'; fi
expect 2 report --lang fr
json 0 'import.applied=13 settled.epoch report="run.html"' run --data data --world run.world --report run.html
json 0 'import.rows=0' run --data data --world run.world --report run.html
# a run that fails at once leaves no world, unless it was there
mkdir hollow
printf 'files: 7\n' >bad.map
for words in '--data nowhere' '--data hollow' '--map nowhere.yaml' '--map bad.map' '--report none/at/r.html' \
    '--data data --report copy' '--seed x' '--rules nowhere.yaml'; do
    status=0
    # shellcheck disable=SC2086
    "$heed" run --world run2.world $words >out 2>err </dev/null || status=$?
    [ "$status" -ge 2 ] || fail "heed run $words gave $status"
    if ls run2.world* 2>/dev/null; then fail "heed run $words leaves a world"; fi
done
expect 0 init --world run2.world
expect 3 run --data nowhere --world run2.world
expect 0 status --world run2.world
# two plazas do not mix, nor one with other people's data
expect 0 run --seed 5 --world seed.world
expect 0 status --json --world seed.world
cp out before
cp seed.world.plaza/truth.csv truth.before
for words in '' '--seed 6'; do
    # shellcheck disable=SC2086
    expect 2 run --world seed.world $words
    says 'not of seed' 'another --world'
done
expect 0 status --json --world seed.world
cmp -s out before || fail 'a refused run changes the world'
cmp -s seed.world.plaza/truth.csv truth.before || fail 'a refused run generates over the plaza'
json 0 'import.rows=0' run --seed 5 --world seed.world
expect 2 run --world copy.world
says 'data of its own' '--data or --map'
# an epoch is settled when it has ended by the caller's time, and nobody records acts ahead of it
day=$(sed -n '2s/T.*//p' data/events.csv)
json 0 'import.refused=1 settled.refused.code="nothing_to_settle"' run --data data --world open.world --at "${day}T23:59:00Z"
says 'ends at'
json 0 'import.rows=0 settled.epoch' run --data data --world open.world --at 2026-12-31
json 0 'import.refused=7 import.applied=7' run --data data --world early.world --at 2001-01-01
json 1 'refused.code="time_ahead"' event add ann view content:p1 --time 2026-01-05 --at 2026-01-03T23:00:00Z
expect 0 user erase bob
json 1 'refused.code' behaviour show user:bob
json 0 'ok=true' verify

# ── a result that cannot be written is not a result ──
if [ -c /dev/full ]; then
    for words in 'rules default' 'rules default --json' status help version; do
        status=0
        # shellcheck disable=SC2086
        "$heed" $words >/dev/full 2>err </dev/null || status=$?
        : >out
        [ "$status" -eq 4 ] || fail "heed $words on a full device gave $status, not 4"
        says 'cannot be written'
    done
else
    echo "skipped: a result on a full device (no /dev/full)"
fi

# ── a limit on the size of files is a full disk ──
expect 0 generate plaza.d --seed 5
for words in '' '--data plaza.d'; do
    (
        if [ -z "$words" ]; then ulimit -f 300; else ulimit -f 3000; fi
        status=0
        # shellcheck disable=SC2086
        "$heed" run --world limit.world $words >out 2>err </dev/null || status=$?
        [ "$status" -eq 4 ]
    ) || fail 'a file as large as may be does not end with 4'
    says 'limit.world'
    if [ -z "$words" ] && [ -e limit.world ]; then fail 'a run that did nothing leaves a world'; fi
done
json 0 'ok=true' verify --world limit.world

# ── nobody gives himself a role ──
expect 0 user add shop --role client
json 0 'user="user:ivy2"' user add ivy2 --as shop
json 1 'refused.code="forbidden"' user add evil --role operator --as shop
printf 'id,role\nevil,operator\njane,member\n' >evil.csv
json 0 'applied=1 refused=1' import users evil.csv --as shop
says 'evil.csv: line 2, column 2 (role)'
expect 1 behaviour show user:evil

# ── worlds that are not there, not ours, from later, in use ──
printf 'not a world at all, but a text\n' >text.world
head -c 8192 /dev/zero >zero.world
for w in text zero; do
    expect 3 status --world $w.world
    says "$w.world"
    expect 3 import data --world $w.world
    [ "$json" = none ] || json 3 'error' status --world $w.world
done
expect 3 status --world data
expect 4 init --world nowhere/at/all.world
says 'nowhere/at/all.world'
if command -v sqlite3 >/dev/null; then
    cp one.world later.world
    sqlite3 later.world 'PRAGMA user_version' >version
    sqlite3 later.world "PRAGMA user_version = $(($(cat version) + 1))"
    status=0
    "$heed" status --world later.world >out 2>err || status=$?
    [ "$status" -ge 3 ] || fail 'a world of a later version is opened'
    says 'newer'
    expect 3 verify --world later.world
    says 'newer heed' 'install that version'
    if grep -q backup err; then fail 'a backup cannot help with a world of a newer heed'; fi
else
    echo "skipped: a world of a newer version (no sqlite3)"
fi
# The first writer waits for its input from a pipe that nobody has written to.
mkfifo slow.csv
"$heed" import users slow.csv >slow.out 2>slow.err &
writer=$!
sleep 1
expect 4 user add ivy
says "$writer"
expect 0 status
expect 0 behaviour show user:ann
expect 0 export copy2
kill "$writer"
wait "$writer" 2>/dev/null || true
writer=''
expect 0 user add ivy

# ── permissions and a full disk ──
# Root may read and write anything, so an ordinary user asks in its stead.
ordinary=''
if [ "$(id -u)" -eq 0 ]; then
    ordinary='setpriv --reuid=65534 --regid=65534 --clear-groups'
fi
# refused STATUS ARGS...: expect, as the ordinary user.
refused() {
    expected=$1
    shift
    status=0
    $ordinary "$heed" "$@" >out 2>err </dev/null || status=$?
    if [ "$status" -ne "$expected" ]; then
        fail "heed $* as an ordinary user gave $status, not $expected"
    fi
}
if [ -n "$ordinary" ] && ! $ordinary "$heed" version >/dev/null 2>&1; then
    echo "skipped: no permission to read or write (no ordinary user can run this build)"
else
    chmod 755 "$work"
    mkdir shut
    cp one.world shut/one.world
    cp more.csv shut/more.csv
    cp one.world shut/closed.world
    chmod 0 shut/more.csv shut/closed.world
    if [ -n "$ordinary" ]; then
        chown -R 65534:65534 shut
    fi
    refused 3 --world shut/one.world import users shut/more.csv
    says 'no permission' 'more.csv'
    refused 4 --world shut/closed.world status
    says 'no permission'
    chmod 555 shut
    rm -f shut/one.world.lock 2>/dev/null || true
    refused 4 --world shut/new.world init
    says 'shut'
    chmod 755 shut
fi
if [ "$(id -u)" -eq 0 ]; then
    mkdir full
    if mount -t tmpfs -o size=300k tmpfs full 2>/dev/null; then
        tmpfs=$work/full
        expect 0 init --world full/heed.world
        expect 0 user add ann --world full/heed.world
        awk 'BEGIN { print "id,name"; for (i = 0; i < 20000; i++) printf "u%d,%d\n", i, i * 7919 % 100003 }' >many.csv
        expect 4 import users many.csv --world full/heed.world
        says 'full'
        expect 0 verify --world full/heed.world
        umount full
        tmpfs=''
    else
        echo "skipped: a full disk (no tmpfs can be mounted)"
    fi
else
    echo "skipped: a full disk (only root can mount one)"
fi

echo "$failures failures"
[ "$failures" -eq 0 ]
