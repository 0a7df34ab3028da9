/* Random transfers by account, hostile ones included, against a naive ledger that keeps a list and
 * adds it up anew for every question. */
#include "ledger/ledger.h"

#include "base/prng.h"
#include "support_books.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

__extension__ typedef __int128 wide;

enum { ACCOUNTS = 9, CHAIN = 4, MOST = 3000, IDS = 40 };

struct row {
    struct transfer_ask ask; /* accounts and amount filled in; amount as asked in `wanted` */
    int64_t wanted, time_ms;
    enum transfer_state state;
};

struct naive {
    struct account accounts[ACCOUNTS]; /* flags, limits, holders, units alone */
    struct row rows[MOST];
    size_t n;
};

static wide moved(const struct naive *x, uint32_t account, int side, bool held)
{
    wide sum = 0;
    for (size_t i = 0; i < x->n; i++) {
        const struct row *r = &x->rows[i];
        if ((side ? r->ask.credit : r->ask.debit) != account)
            continue;
        bool pending = r->ask.kind == TRANSFER_PENDING;
        bool moves = r->ask.kind == TRANSFER_MOVE || r->ask.kind == TRANSFER_POST ||
                     r->ask.kind == TRANSFER_REVERSE;
        if (held ? pending && r->state == STATE_STANDS : moves)
            sum += r->ask.amount_minor;
    }
    return sum;
}

static wide out_of(const struct naive *x, uint32_t a)
{
    return moved(x, a, 0, false) + moved(x, a, 0, true);
}
static wide into(const struct naive *x, uint32_t a)
{
    return moved(x, a, 1, false) + moved(x, a, 1, true);
}

static bool ends(const struct transfer_ask *a)
{
    return a->kind == TRANSFER_POST || a->kind == TRANSFER_VOID || a->kind == TRANSFER_REVERSE;
}

static void complete(const struct naive *x, struct transfer_ask *a)
{
    if (!ends(a) || a->of >= x->n)
        return;
    const struct transfer_ask *of = &x->rows[a->of].ask;
    bool back = a->kind == TRANSFER_REVERSE;
    a->debit = back ? of->credit : of->debit;
    a->credit = back ? of->debit : of->credit;
    if (a->kind != TRANSFER_POST || a->amount_minor == TRANSFER_ALL)
        a->amount_minor = of->amount_minor;
}

static int64_t clip(int64_t amount, wide most)
{
    return most <= 0 ? 0 : most < amount ? (int64_t)most : amount;
}

/* All that speaks against it; the least is the answer.                                           */
static enum refusal naive_check(const struct naive *x, struct transfer_ask *a, bool id_used)
{
    bool no[REFUSED_COUNT] = {false};
    if (ends(a) && a->of >= x->n)
        return REFUSED_unknown_transfer;
    if (a->debit >= ACCOUNTS || a->credit >= ACCOUNTS)
        return REFUSED_unknown_account;
    const struct account *d = &x->accounts[a->debit], *c = &x->accounts[a->credit];
    no[REFUSED_id_reused] = id_used;
    no[REFUSED_not_positive] = a->amount_minor <= 0;
    no[REFUSED_same_account] = a->debit == a->credit;
    no[REFUSED_system_account] = c->holder == HOLDER_ISSUE || d->holder == HOLDER_RETIRE;
    no[REFUSED_unit_mismatch] = d->unit != c->unit;
    no[REFUSED_account_closed] = (d->flags | c->flags) & ACCOUNT_CLOSED;
    no[REFUSED_account_frozen] = d->flags & ACCOUNT_FROZEN && a->kind != TRANSFER_VOID;
    const struct row *of = ends(a) ? &x->rows[a->of] : NULL;
    if (of && a->kind == TRANSFER_REVERSE) {
        bool moves = of->ask.kind == TRANSFER_MOVE || of->ask.kind == TRANSFER_POST;
        no[REFUSED_not_reversible] = !moves;
        no[REFUSED_reversed_before] = moves && of->state == STATE_REVERSED;
    } else if (of) {
        bool pending = of->ask.kind == TRANSFER_PENDING;
        no[REFUSED_not_pending] = !pending;
        no[REFUSED_pending_posted] = pending && of->state == STATE_POSTED;
        no[REFUSED_pending_voided] = pending && of->state == STATE_VOIDED;
        no[REFUSED_pending_expired] = pending && of->state == STATE_EXPIRED;
        no[REFUSED_exceeds_pending] = a->amount_minor > of->ask.amount_minor;
    }
    bool any = false;
    for (int r = 1; r < REFUSED_COUNT; r++)
        any = any || no[r];
    if (!any && a->kind != TRANSFER_VOID) { /* balances */
        wide freed = a->kind == TRANSFER_POST ? of->ask.amount_minor : 0;
        wide can_pay = moved(x, a->debit, 1, false) + d->credit_limit - out_of(x, a->debit) + freed;
        wide can_take = moved(x, a->credit, 0, false) - into(x, a->credit) + freed;
        int64_t asked = a->amount_minor;
        bool short_of_pay = a->flags & TRANSFER_BALANCING_DEBIT && clip(asked, can_pay) == 0;
        if (a->flags & TRANSFER_BALANCING_DEBIT)
            a->amount_minor = clip(a->amount_minor, can_pay);
        if (a->flags & TRANSFER_BALANCING_CREDIT)
            a->amount_minor = clip(a->amount_minor, can_take);
        if (a->amount_minor == 0)
            return short_of_pay ? REFUSED_insufficient_funds : REFUSED_exceeds_debits;
        no[REFUSED_insufficient_funds] =
            d->flags & ACCOUNT_DEBITS_WITHIN_CREDITS && a->amount_minor > can_pay;
        no[REFUSED_exceeds_debits] =
            c->flags & ACCOUNT_CREDITS_WITHIN_DEBITS && a->amount_minor > can_take;
        no[REFUSED_overflow] = out_of(x, a->debit) - freed + a->amount_minor > INT64_MAX ||
                               into(x, a->credit) - freed + a->amount_minor > INT64_MAX;
    }
    for (int r = 1; r < REFUSED_COUNT; r++)
        if (no[r])
            return (enum refusal)r;
    return REFUSED_NOT;
}

static size_t naive_find(const struct naive *x, const struct transfer_ask *a)
{
    for (size_t i = 0; i < x->n; i++)
        if (x->rows[i].ask.id_hi == a->id_hi && x->rows[i].ask.id_lo == a->id_lo)
            return i;
    return SIZE_MAX;
}

static bool same(const struct row *r, struct transfer_ask a)
{
    struct transfer_ask b = r->ask;
    bool balancing = a.flags & (TRANSFER_BALANCING_DEBIT | TRANSFER_BALANCING_CREDIT);
    if (balancing && a.amount_minor >= b.amount_minor)
        a.amount_minor = b.amount_minor;
    return memcmp(&a, &b, sizeof a) == 0;
}

static void naive_chain(struct naive *x, int64_t now, const struct transfer_ask *asks, size_t n,
                        struct transfer_answer *answers)
{
    size_t begin = x->n, before = (asks->id_hi | asks->id_lo) ? naive_find(x, asks) : SIZE_MAX;
    if (before != SIZE_MAX) {
        bool all = before + n <= x->n;
        for (size_t i = 0; i < n && all; i++) {
            struct transfer_ask a = asks[i];
            complete(x, &a);
            all = same(&x->rows[before + i], a);
        }
        for (size_t i = 0; i < n && all; i++)
            answers[i] = (struct transfer_answer){REFUSED_NOT, (uint32_t)(before + i), true};
        if (all)
            return;
    }
    for (size_t i = 0; i < n; i++) {
        struct transfer_ask a = asks[i];
        complete(x, &a);
        bool named = a.id_hi | a.id_lo;
        bool with_the_last = i > 0 && a.id_hi == asks[i - 1].id_hi && a.id_lo == asks[i - 1].id_lo;
        bool used = named && !with_the_last && naive_find(x, &a) != SIZE_MAX;
        /* of what it ends, only what was there before the chain */
        if (ends(&a) && a.of >= begin)
            a.of = (uint32_t)x->n;
        enum refusal refusal = naive_check(x, &a, used);
        if (refusal != REFUSED_NOT) {
            while (x->n > begin) {
                const struct transfer_ask *u = &x->rows[--x->n].ask;
                if (ends(u))
                    x->rows[u->of].state = STATE_STANDS;
            }
            for (size_t j = 0; j < n; j++)
                answers[j] =
                    (struct transfer_answer){j == i ? refusal : REFUSED_linked, LEDGER_NONE, false};
            return;
        }
        if (ends(&a))
            x->rows[a.of].state = a.kind == TRANSFER_POST   ? STATE_POSTED
                                  : a.kind == TRANSFER_VOID ? STATE_VOIDED
                                                            : STATE_REVERSED;
        x->rows[x->n] = (struct row){a, asks[i].amount_minor, now, STATE_STANDS};
        answers[i] = (struct transfer_answer){REFUSED_NOT, (uint32_t)x->n++, false};
    }
}

static void naive_expire(struct naive *x, int64_t now)
{
    for (;;) {
        size_t soonest = SIZE_MAX;
        for (size_t i = 0; i < x->n; i++) {
            const struct row *r = &x->rows[i];
            int64_t end = r->time_ms + (int64_t)r->ask.timeout_s * 1000;
            if (r->ask.kind != TRANSFER_PENDING || r->ask.timeout_s == 0 ||
                r->state != STATE_STANDS || end > now)
                continue;
            const struct row *s = soonest == SIZE_MAX ? NULL : &x->rows[soonest];
            if (!s || end < s->time_ms + (int64_t)s->ask.timeout_s * 1000)
                soonest = i;
        }
        if (soonest == SIZE_MAX)
            return;
        struct row *r = &x->rows[soonest];
        struct transfer_ask a = {.amount_minor = r->ask.amount_minor,
                                 .debit = r->ask.debit,
                                 .credit = r->ask.credit,
                                 .of = (uint32_t)soonest,
                                 .reference = r->ask.reference,
                                 .code = r->ask.code,
                                 .kind = TRANSFER_EXPIRE};
        r->state = STATE_EXPIRED;
        x->rows[x->n++] = (struct row){a, a.amount_minor,
                                       r->time_ms + (int64_t)r->ask.timeout_s * 1000, STATE_STANDS};
    }
}

/* ── random asks ── */

static int64_t random_amount(struct prng *r, const struct ledger *l, uint32_t debit)
{
    int64_t available = debit < l->accounts_n ? ledger_available(l, debit) : 7;
    switch (prng_below(r, 14)) {
    case 0:
        return 0;
    case 1:
        return available;
    case 2:
        return available < INT64_MAX ? available + 1 : INT64_MAX;
    case 3:
        return prng_below(r, 6) ? 5 : INT64_MAX - (int64_t)prng_below(r, 3);
    case 4:
        return prng_below(r, 3) ? 3 : -1 - (int64_t)prng_below(r, 5);
    default:
        return 1 + (int64_t)prng_below(r, 60);
    }
}

static struct transfer_ask random_ask(struct prng *r, const struct ledger *l)
{
    static const uint8_t kinds[] = {TRANSFER_MOVE,    TRANSFER_MOVE, TRANSFER_PENDING,
                                    TRANSFER_PENDING, TRANSFER_POST, TRANSFER_VOID,
                                    TRANSFER_REVERSE};
    struct transfer_ask a;
    memset(&a, 0, sizeof a);
    uint64_t id = prng_below(r, 3) ? 0 : 1 + prng_below(r, IDS);
    a.id_hi = id % 3;
    a.id_lo = id;
    a.data_lo = prng_below(r, 5) == 0;
    a.kind = kinds[prng_below(r, sizeof kinds)];
    a.code = (uint16_t)(1 + prng_below(r, 3));
    a.reference = LEDGER_NONE;
    a.debit = (uint32_t)prng_below(r, prng_below(r, 20) ? ACCOUNTS : ACCOUNTS + 1);
    a.credit = (uint32_t)prng_below(r, ACCOUNTS);
    a.of = LEDGER_NONE;
    a.amount_minor = random_amount(r, l, a.debit);
    if (a.kind == TRANSFER_PENDING)
        a.timeout_s = (uint32_t)prng_below(r, 3) * 20;
    if (ends(&a)) {
        uint64_t back = 1 + prng_below(r, 12);
        a.of = prng_below(r, 40) == 0 || back > l->transfers_n ? (uint32_t)l->transfers_n + 1
                                                               : (uint32_t)(l->transfers_n - back);
        a.debit = a.credit = LEDGER_NONE;
        if (a.kind == TRANSFER_POST)
            a.amount_minor = prng_below(r, 3) ? TRANSFER_ALL : a.amount_minor;
        else
            a.amount_minor = 0;
    } else if (prng_below(r, 6) == 0) {
        a.flags =
            (uint8_t)(prng_below(r, 2) ? TRANSFER_BALANCING_DEBIT : TRANSFER_BALANCING_CREDIT);
    }
    return a;
}

static void open_accounts(struct ledger *l, struct naive *x)
{
    static const struct {
        uint32_t holder, unit;
        uint16_t purpose, flags;
        int64_t limit;
    } rows[ACCOUNTS] = {
        {HOLDER_ISSUE, 0, 0, 0, 0},
        {HOLDER_RETIRE, 0, 0, ACCOUNT_DEBITS_WITHIN_CREDITS, 0},
        {1, 0, 0, ACCOUNT_DEBITS_WITHIN_CREDITS, 0},
        {1, 0, 5, ACCOUNT_DEBITS_WITHIN_CREDITS, 0},
        {2, 0, 0, ACCOUNT_DEBITS_WITHIN_CREDITS, 50},
        {3, 0, 0, ACCOUNT_CREDITS_WITHIN_DEBITS, 0},
        {4, 0, 0, 0, 0},
        {HOLDER_ISSUE, UNITS_OF_MONEY + 7, 0, 0, 0},
        {1, UNITS_OF_MONEY + 7, 0, ACCOUNT_DEBITS_WITHIN_CREDITS, 0},
    };
    for (uint32_t i = 0; i < ACCOUNTS; i++) {
        assert_int_equal(ledger_open_for(l, rows[i].holder, rows[i].unit, rows[i].purpose,
                                         rows[i].flags, rows[i].limit),
                         i);
        x->accounts[i] = l->accounts[i];
    }
}

/* Freezes, thaws, lends or closes; the twin follows what the ledger says. */
static void change_account(struct prng *r, struct ledger *l, struct naive *x)
{
    uint32_t a = (uint32_t)prng_below(r, ACCOUNTS);
    bool system = x->accounts[a].holder >= HOLDER_SYSTEM;
    wide used = out_of(x, a) - moved(x, a, 1, false);
    int64_t limit = (int64_t)prng_below(r, 80) - 5;
    bool closed = x->accounts[a].flags & ACCOUNT_CLOSED;
    switch (prng_below(r, 3)) {
    case 0:
        assert_int_equal(ledger_freeze(l, a, prng_below(r, 4) == 0), system ? REFUSED_system_account
                                                                     : closed
                                                                         ? REFUSED_account_closed
                                                                         : REFUSED_NOT);
        break;
    case 1:
        assert_int_equal(ledger_limit(l, a, limit),
                         limit < 0 ? REFUSED_not_positive
                         : system  ? REFUSED_system_account
                         : closed  ? REFUSED_account_closed
                         : x->accounts[a].flags & ACCOUNT_DEBITS_WITHIN_CREDITS && used > limit
                             ? REFUSED_insufficient_funds
                             : REFUSED_NOT);
        break;
    default:
        if (prng_below(r, 40) == 0) {
            bool busy = moved(x, a, 0, false) != moved(x, a, 1, false) ||
                        moved(x, a, 0, true) != 0 || moved(x, a, 1, true) != 0;
            assert_int_equal(ledger_close(l, a), system   ? REFUSED_system_account
                                                 : closed ? REFUSED_account_closed
                                                 : busy   ? REFUSED_account_in_use
                                                          : REFUSED_NOT);
        }
    }
    x->accounts[a].flags = l->accounts[a].flags;
    x->accounts[a].credit_limit = l->accounts[a].credit_limit;
}

static void assert_same(const struct ledger *l, const struct naive *x)
{
    assert_int_equal(l->transfers_n, x->n);
    for (uint32_t a = 0; a < ACCOUNTS; a++) {
        assert_true(l->accounts[a].debits == moved(x, a, 0, false));
        assert_true(l->accounts[a].credits == moved(x, a, 1, false));
        assert_true(l->accounts[a].debits_pending == moved(x, a, 0, true));
        assert_true(l->accounts[a].credits_pending == moved(x, a, 1, true));
    }
    for (size_t i = 0; i < x->n; i++)
        assert_int_equal(l->transfers[i].state, x->rows[i].state);
}

static void run(uint64_t seed, size_t *seen)
{
    static struct naive twin;
    struct prng r;
    struct ledger l;
    int64_t now = 0;
    prng_seed(&r, seed);
    ledger_init(&l);
    twin.n = 0;
    open_accounts(&l, &twin);
    struct strbuf before = saved_bytes(&LEDGER_KIND, &l);
    while (twin.n + CHAIN + 30 < MOST && now < 400000) {
        struct transfer_ask asks[CHAIN];
        struct transfer_answer got[CHAIN], expected[CHAIN];
        size_t n = prng_below(&r, 3) ? 1 : 1 + prng_below(&r, CHAIN);
        if (prng_below(&r, 6) == 0)
            change_account(&r, &l, &twin);
        now += (int64_t)prng_below(&r, 4) * 500;
        assert_int_equal(ledger_expire(&l, now), HEED_OK);
        naive_expire(&twin, now);
        strbuf_deinit(&before);
        before = saved_bytes(&LEDGER_KIND, &l);
        for (size_t i = 0; i < n; i++) {
            asks[i] = random_ask(&r, &l);
            asks[i].flags |= i + 1 < n ? TRANSFER_LINKED : 0;
        }
        if (prng_below(&r, 5) == 0 && twin.n > 0) { /* say something again */
            size_t at = prng_below(&r, twin.n);
            struct transfer_ask again = twin.rows[at].ask;
            again.amount_minor = twin.rows[at].wanted;
            if (again.kind != TRANSFER_EXPIRE && !(again.flags & TRANSFER_LINKED)) {
                asks[0] = again;
                n = 1;
            }
        }
        assert_int_equal(ledger_apply(&l, now, asks, n, NULL, got), HEED_OK);
        naive_chain(&twin, now, asks, n, expected);
        bool moved_any = false;
        for (size_t i = 0; i < n; i++) {
            if (got[i].refusal != expected[i].refusal || got[i].transfer != expected[i].transfer ||
                got[i].repeated != expected[i].repeated)
                fail_msg("seed %llu, ask %zu of %zu at %lld: expected %s%s, got %s%s",
                         (unsigned long long)seed, i, n, (long long)now,
                         refusal_code(expected[i].refusal), expected[i].repeated ? " again" : "",
                         refusal_code(got[i].refusal), got[i].repeated ? " again" : "");
            moved_any = moved_any || (got[i].refusal == REFUSED_NOT && !got[i].repeated);
            seen[got[i].refusal]++;
        }
        if (!moved_any) {
            struct strbuf after = saved_bytes(&LEDGER_KIND, &l);
            assert_true(saved_equal(&before, &after));
            strbuf_deinit(&after);
        }
        assert_same(&l, &twin);
    }
    assert_books(&l);
    for (uint32_t a = 0; a < ACCOUNTS; a++) {
        struct moment m = ledger_as_of(&l, a, now);
        assert_int_equal(m.balance, ledger_balance(&l, a));
        assert_int_equal(m.debits_pending, l.accounts[a].debits_pending);
    }
    assert_round_trip(&LEDGER_KIND, &l);
    strbuf_deinit(&before);
    ledger_deinit(&l);
}

static void random_transfers_agree_with_a_naive_ledger(void **state)
{
    (void)state;
    size_t seen[REFUSED_COUNT] = {0};
    const char *rounds = getenv("HEED_TRANSFERS"); /* asks, at least so many */
    uint64_t wanted = rounds ? strtoull(rounds, NULL, 10) : 20000, asked = 0;
    for (uint64_t seed = 1; asked < wanted; seed++) {
        run(seed, seen);
        asked = 0;
        for (int i = 0; i < REFUSED_COUNT; i++)
            asked += seen[i];
    }
    print_message("%llu asks\n", (unsigned long long)asked);
    static const enum refusal all[] = {
        REFUSED_NOT,
        REFUSED_unknown_account,
        REFUSED_unknown_transfer,
        REFUSED_id_reused,
        REFUSED_not_positive,
        REFUSED_same_account,
        REFUSED_system_account,
        REFUSED_unit_mismatch,
        REFUSED_account_frozen,
        REFUSED_not_pending,
        REFUSED_pending_posted,
        REFUSED_pending_voided,
        REFUSED_pending_expired,
        REFUSED_exceeds_pending,
        REFUSED_not_reversible,
        REFUSED_reversed_before,
        REFUSED_insufficient_funds,
        REFUSED_exceeds_debits,
        REFUSED_overflow,
        REFUSED_linked,
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (seen[all[i]] < 10)
            fail_msg("%s came up %zu times", refusal_code(all[i]), seen[all[i]]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_transfers_agree_with_a_naive_ledger),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
