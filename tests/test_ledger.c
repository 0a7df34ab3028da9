/* Posting: refusals and their order, idempotency, balances against a naive ledger. */
#include "ledger/ledger.h"

#include "base/error.h"
#include "base/hash.h"
#include "base/prng.h"
#include "support_books.h"
#include "support_fault.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

__extension__ typedef __int128 wide;

enum { ANN, BOB, CAM, RICH, NEW };
enum { GOLD, GEMS };
#define MAX INT64_MAX
#define LEG(from, to, amount)                                                                      \
    {                                                                                              \
        from, to, amount, GOLD, CODE_TRANSFER, LEDGER_NONE                                         \
    }
#define GEM(from, to, amount)                                                                      \
    {                                                                                              \
        from, to, amount, GEMS, CODE_TRANSFER, LEDGER_NONE                                         \
    }

static enum refusal post(struct ledger *l, uint64_t id, const struct posting *legs, size_t n)
{
    enum refusal refusal;
    assert_int_equal(ledger_post(l, 1000, 0, id, legs, n, &refusal, NULL, NULL), HEED_OK);
    return refusal;
}

static void must_post(struct ledger *l, uint64_t id, struct posting leg)
{
    assert_int_equal(post(l, id, &leg, 1), REFUSED_NOT);
}

/* Gold: ann 100, bob 50, cam was paid and has nothing. Gems: rich holds all that can be.         */
static void open_books(struct ledger *l)
{
    ledger_init(l);
    must_post(l, 1, (struct posting)LEG(HOLDER_ISSUE, ANN, 110));
    must_post(l, 0, (struct posting)LEG(HOLDER_ISSUE, BOB, 50));
    must_post(l, 0, (struct posting)LEG(ANN, CAM, 10));
    must_post(l, 0, (struct posting)LEG(CAM, HOLDER_RETIRE, 10));
    must_post(l, 0, (struct posting)GEM(HOLDER_ISSUE, RICH, MAX));
}

static int64_t held(const struct ledger *l, uint32_t holder, uint16_t currency)
{
    return ledger_balance(l, ledger_find(l, holder, currency));
}

/* ── refusals ── */

static void each_refusal_is_the_first_that_applies(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        uint64_t id;
        size_t n;
        struct posting legs[3];
        enum refusal refusal;
    } rows[] = {
        {"an id with another amount", 1, 1, {LEG(HOLDER_ISSUE, ANN, 111)}, REFUSED_id_reused},
        {"an id with one leg more",
         1,
         2,
         {LEG(HOLDER_ISSUE, ANN, 110), LEG(HOLDER_ISSUE, ANN, 1)},
         REFUSED_id_reused},
        {"an id with no leg", 1, 0, {LEG(HOLDER_ISSUE, ANN, 110)}, REFUSED_id_reused},
        {"a known id before a negative amount", 1, 1, {LEG(ANN, BOB, -1)}, REFUSED_id_reused},
        {"a known id before too much", 1, 1, {LEG(ANN, BOB, 101)}, REFUSED_id_reused},
        {"a negative amount", 0, 1, {LEG(ANN, BOB, -1)}, REFUSED_not_positive},
        {"the most negative amount", 0, 1, {LEG(ANN, BOB, INT64_MIN)}, REFUSED_not_positive},
        {"negative before same account", 0, 1, {LEG(ANN, ANN, -1)}, REFUSED_not_positive},
        {"negative in a later leg before same account in the first",
         0,
         2,
         {LEG(ANN, ANN, 1), LEG(ANN, BOB, -1)},
         REFUSED_not_positive},
        {"negative in a later leg before too much in the first",
         0,
         2,
         {LEG(ANN, BOB, 101), LEG(ANN, BOB, -1)},
         REFUSED_not_positive},
        {"an account pays itself", 0, 1, {LEG(ANN, ANN, 1)}, REFUSED_same_account},
        {"issue pays itself", 0, 1, {LEG(HOLDER_ISSUE, HOLDER_ISSUE, 1)}, REFUSED_same_account},
        {"same account in a later leg before a system account in the first",
         0,
         2,
         {LEG(ANN, HOLDER_ISSUE, 1), LEG(BOB, BOB, 1)},
         REFUSED_same_account},
        {"same account before too much", 0, 1, {LEG(ANN, ANN, 101)}, REFUSED_same_account},
        {"issue takes nothing back", 0, 1, {LEG(ANN, HOLDER_ISSUE, 1)}, REFUSED_system_account},
        {"retire gives nothing", 0, 1, {LEG(HOLDER_RETIRE, ANN, 1)}, REFUSED_system_account},
        {"system account before too much",
         0,
         1,
         {LEG(ANN, HOLDER_ISSUE, 101)},
         REFUSED_system_account},
        {"more than is there", 0, 1, {LEG(ANN, BOB, 101)}, REFUSED_insufficient_funds},
        {"all there could be", 0, 1, {LEG(ANN, BOB, MAX)}, REFUSED_insufficient_funds},
        {"from an empty account", 0, 1, {LEG(CAM, BOB, 1)}, REFUSED_insufficient_funds},
        {"from who has no account", 0, 1, {LEG(NEW, BOB, 1)}, REFUSED_insufficient_funds},
        {"from the empty pool", 0, 1, {LEG(HOLDER_POOL, ANN, 1)}, REFUSED_insufficient_funds},
        {"in a currency not held", 0, 1, {GEM(ANN, BOB, 1)}, REFUSED_insufficient_funds},
        {"the third leg asks too much",
         0,
         3,
         {LEG(ANN, NEW, 60), LEG(BOB, NEW, 50), LEG(ANN, BOB, 41)},
         REFUSED_insufficient_funds},
        {"a leg before the one that funds it",
         0,
         2,
         {LEG(CAM, NEW, 1), LEG(ANN, CAM, 1)},
         REFUSED_insufficient_funds},
        {"more funds than overflow", 0, 1, {GEM(BOB, RICH, 1)}, REFUSED_insufficient_funds},
        {"more issued than can be counted", 0, 1, {GEM(HOLDER_ISSUE, BOB, 1)}, REFUSED_overflow},
        {"more received than can be counted",
         0,
         2,
         {GEM(RICH, BOB, 1), GEM(BOB, RICH, 1)},
         REFUSED_overflow},
        {"the first leg that cannot apply decides",
         0,
         2,
         {GEM(HOLDER_ISSUE, BOB, 1), LEG(ANN, BOB, 101)},
         REFUSED_overflow},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct ledger l;
        open_books(&l);
        struct strbuf before = saved_bytes(&LEDGER_KIND, &l);
        enum refusal refusal;
        uint32_t first = 0;
        bool repeated = true;
        assert_int_equal(ledger_post(&l, 2000, 0, rows[i].id, rows[i].legs, rows[i].n, &refusal,
                                     &first, &repeated),
                         HEED_OK);
        struct strbuf after = saved_bytes(&LEDGER_KIND, &l);
        if (refusal != rows[i].refusal || first != LEDGER_NONE || repeated ||
            !saved_equal(&before, &after)) {
            print_error("%s: expected %s, got %s%s\n", rows[i].what, refusal_code(rows[i].refusal),
                        refusal_code(refusal),
                        saved_equal(&before, &after) ? "" : ", and the ledger changed");
            fail();
        }
        assert_books(&l);
        strbuf_deinit(&before);
        strbuf_deinit(&after);
        ledger_deinit(&l);
    }
}

/* ── what is posted ── */

static void later_legs_see_earlier_ones(void **state)
{
    (void)state;
    struct ledger l;
    open_books(&l);
    const struct posting legs[] = {LEG(ANN, NEW, 100), LEG(NEW, CAM, 99), LEG(CAM, BOB, 98)};
    uint32_t first;
    enum refusal refusal;
    assert_int_equal(ledger_post(&l, 5, 7, 7, legs, 3, &refusal, &first, NULL), HEED_OK);
    assert_int_equal(refusal, REFUSED_NOT);
    assert_int_equal(first, l.transfers_n - 3);
    assert_int_equal(l.transfers[first].time_ms, 5);
    assert_int_equal(held(&l, ANN, GOLD), 0);
    assert_int_equal(held(&l, NEW, GOLD), 1);
    assert_int_equal(held(&l, CAM, GOLD), 1);
    assert_int_equal(held(&l, BOB, GOLD), 148);
    assert_books(&l);
    ledger_deinit(&l);
}

static void an_account_holds_all_that_can_be_counted_and_no_more(void **state)
{
    (void)state;
    struct ledger l;
    open_books(&l);
    must_post(&l, 0, (struct posting)GEM(RICH, BOB, MAX));
    assert_int_equal(held(&l, BOB, GEMS), MAX);
    assert_int_equal(post(&l, 0, &(struct posting)GEM(BOB, RICH, MAX), 1), REFUSED_overflow);
    must_post(&l, 0, (struct posting)GEM(BOB, HOLDER_RETIRE, MAX));
    struct ledger_totals t = ledger_totals(&l, GEMS);
    assert_int_equal(t.issued_minor, MAX);
    assert_int_equal(t.retired_minor, MAX);
    assert_int_equal(t.supply_minor, 0);
    assert_books(&l);
    ledger_deinit(&l);
}

static void zero_amounts_leave_no_transfer(void **state)
{
    (void)state;
    struct ledger l;
    open_books(&l);
    struct strbuf before = saved_bytes(&LEDGER_KIND, &l);
    assert_int_equal(post(&l, 0, &(struct posting)LEG(ANN, NEW, 0), 1), REFUSED_NOT);
    struct strbuf after = saved_bytes(&LEDGER_KIND, &l);
    assert_true(saved_equal(&before, &after));

    const struct posting legs[] = {LEG(ANN, NEW, 0), LEG(ANN, BOB, 1), LEG(NEW, BOB, 0)};
    size_t n = l.transfers_n;
    assert_int_equal(post(&l, 9, legs, 3), REFUSED_NOT);
    assert_int_equal(l.transfers_n, n + 1);
    assert_int_equal(ledger_find(&l, NEW, GOLD), LEDGER_NONE);
    strbuf_deinit(&before);
    strbuf_deinit(&after);
    ledger_deinit(&l);
}

/* ── idempotency ── */

static void the_same_id_and_body_move_money_once_whenever_they_come(void **state)
{
    (void)state;
    struct ledger l;
    open_books(&l);
    const struct posting legs[] = {LEG(ANN, BOB, 60), LEG(BOB, CAM, 5)};
    uint32_t first, again;
    bool repeated;
    enum refusal refusal;
    assert_int_equal(ledger_post(&l, 1, 3, 4, legs, 2, &refusal, &first, &repeated), HEED_OK);
    assert_false(repeated);
    must_post(&l, 0, (struct posting)LEG(ANN, BOB, 40));
    struct strbuf before = saved_bytes(&LEDGER_KIND, &l);
    assert_int_equal(ledger_post(&l, 99, 3, 4, legs, 2, &refusal, &again, &repeated), HEED_OK);
    struct strbuf after = saved_bytes(&LEDGER_KIND, &l);
    assert_int_equal(refusal, REFUSED_NOT);
    assert_true(repeated);
    assert_int_equal(again, first);
    assert_true(saved_equal(&before, &after));
    strbuf_deinit(&before);
    strbuf_deinit(&after);
    ledger_deinit(&l);
}

static void every_part_of_the_body_counts(void **state)
{
    (void)state;
    static const struct posting body = {ANN, BOB, 10, GOLD, CODE_TRANSFER, 3};
    static const struct posting others[] = {
        {CAM, BOB, 10, GOLD, CODE_TRANSFER, 3}, {ANN, CAM, 10, GOLD, CODE_TRANSFER, 3},
        {ANN, BOB, 11, GOLD, CODE_TRANSFER, 3}, {ANN, BOB, 10, GEMS, CODE_TRANSFER, 3},
        {ANN, BOB, 10, GOLD, CODE_SALE, 3},     {ANN, BOB, 10, GOLD, CODE_TRANSFER, 4},
    };
    struct ledger l;
    open_books(&l);
    must_post(&l, 70, body);
    must_post(&l, 71, (struct posting)LEG(ANN, BOB, 1));
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_int_equal(post(&l, 70, &others[i], 1), REFUSED_id_reused);
    assert_int_equal(post(&l, 70, (struct posting[]){body, body}, 2), REFUSED_id_reused);
    must_post(&l, 70, body);
    assert_int_equal(held(&l, BOB, GOLD), 61);
    ledger_deinit(&l);
}

static void a_named_posting_of_nothing_is_remembered(void **state)
{
    (void)state;
    struct ledger l;
    open_books(&l);
    const struct posting legs[] = {LEG(ANN, BOB, 0), LEG(ANN, CAM, 0)};
    uint32_t first, again;
    bool repeated;
    enum refusal refusal;
    assert_int_equal(ledger_post(&l, 1, 0, 8, legs, 2, &refusal, &first, NULL), HEED_OK);
    assert_int_equal(l.transfers[first].amount_minor, 0);
    assert_int_equal(first, l.transfers_n - 1);
    assert_int_equal(ledger_post(&l, 1, 0, 8, legs, 2, &refusal, &again, &repeated), HEED_OK);
    assert_true(repeated);
    assert_int_equal(first, again);
    assert_int_equal(post(&l, 8, &(struct posting)LEG(ANN, BOB, 1), 1), REFUSED_id_reused);
    assert_round_trip(&LEDGER_KIND, &l);
    ledger_deinit(&l);
}

/* A refused posting leaves its id free.                                                         */
static void a_refused_id_can_be_used_again(void **state)
{
    (void)state;
    struct ledger l;
    open_books(&l);
    assert_int_equal(post(&l, 5, &(struct posting)LEG(NEW, BOB, 5), 1), REFUSED_insufficient_funds);
    must_post(&l, 0, (struct posting)LEG(ANN, NEW, 5));
    must_post(&l, 5, (struct posting)LEG(NEW, BOB, 5));
    assert_int_equal(held(&l, BOB, GOLD), 55);
    ledger_deinit(&l);
}

/* Ids chosen so that the table's keys are equal, as an attacker would.                           */
static void ids_with_one_mix_stay_apart(void **state)
{
    (void)state;
    const uint64_t golden = 0x9e3779b97f4a7c15u;
    struct ledger l;
    open_books(&l);
    for (int turn = 0; turn < 2; turn++)
        for (uint64_t hi = 0; hi < 40; hi++) {
            struct posting leg = LEG(HOLDER_ISSUE, BOB, (int64_t)hi + 1);
            uint64_t lo = hash_u64(hi + golden) ^ 12345 ^ (hi % 4);
            enum refusal refusal;
            bool repeated;
            assert_int_equal(ledger_post(&l, 0, hi, lo, &leg, 1, &refusal, NULL, &repeated),
                             HEED_OK);
            assert_int_equal(refusal, REFUSED_NOT);
            assert_int_equal(repeated, turn);
        }
    assert_int_equal(held(&l, BOB, GOLD), 50 + 40 * 41 / 2);
    assert_round_trip(&LEDGER_KIND, &l);
    ledger_deinit(&l);
}

/* ── names ── */

static void names_and_numbers_agree(void **state)
{
    (void)state;
    static const struct {
        uint32_t holder;
        const char *name;
    } rows[] = {{HOLDER_ISSUE, "system:issue"},
                {HOLDER_RETIRE, "system:retire"},
                {HOLDER_POOL, "system:pool"},
                {HOLDER_SHOP, "system:shop"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_string_equal(holder_system_name(rows[i].holder), rows[i].name);
        assert_int_equal(holder_of_system_name(str_of(rows[i].name)), rows[i].holder);
    }
    assert_null(holder_system_name(0));
    assert_null(holder_system_name(HOLDER_SYSTEM_END));
    assert_int_equal(holder_of_system_name(STR("system:bank")), UINT32_MAX);
    for (int code = 1; code < CODE_COUNT; code++)
        assert_true(transfer_code_name((enum transfer_code)code)[0] != '\0');
    assert_string_equal(transfer_code_name(CODE_REWARD_CREATOR), "reward_creator");
    assert_string_equal(transfer_code_name((enum transfer_code)0), "");
    assert_string_equal(transfer_code_name(CODE_COUNT), "");
}

/* ── a naive ledger ── */

enum { HOLDERS = 10, CURRENCIES = 4, LEGS = 5, IDS = 60 };

struct naive {
    wide in[HOLDERS][CURRENCIES], out[HOLDERS][CURRENCIES];
    struct {
        bool used;
        size_t n;
        struct posting legs[LEGS]; /* without zeros, unless all were */
    } ids[IDS];
};

static size_t naive_index(uint32_t holder)
{
    return holder < HOLDER_SYSTEM ? holder : 6 + (holder - HOLDER_SYSTEM);
}

static bool naive_same(const struct posting *a, const struct posting *b)
{
    return a->from == b->from && a->to == b->to && a->amount_minor == b->amount_minor &&
           a->currency == b->currency && a->code == b->code && a->reference == b->reference;
}

static enum refusal naive_apply(struct naive *twin, const struct posting *leg)
{
    size_t from = naive_index(leg->from), to = naive_index(leg->to), c = leg->currency;
    wide left = twin->in[from][c] - twin->out[from][c] - leg->amount_minor;
    if (left < 0 && leg->from != HOLDER_ISSUE)
        return REFUSED_insufficient_funds;
    twin->out[from][c] += leg->amount_minor;
    twin->in[to][c] += leg->amount_minor;
    if (twin->out[from][c] > INT64_MAX || twin->in[to][c] > INT64_MAX)
        return REFUSED_overflow;
    return REFUSED_NOT;
}

static enum refusal naive_post(struct naive *twin, size_t id, const struct posting *legs, size_t n,
                               bool *repeated)
{
    struct posting moving[LEGS];
    size_t m = 0;
    for (size_t i = 0; i < n; i++)
        if (legs[i].amount_minor != 0)
            moving[m++] = legs[i];
    if (m == 0 && n > 0)
        moving[m++] = legs[0];
    *repeated = false;
    if (id > 0 && twin->ids[id].used) {
        *repeated = m == twin->ids[id].n;
        for (size_t i = 0; i < m && *repeated; i++)
            *repeated = naive_same(&moving[i], &twin->ids[id].legs[i]);
        return *repeated ? REFUSED_NOT : REFUSED_id_reused;
    }
    for (size_t i = 0; i < n; i++)
        if (legs[i].amount_minor < 0)
            return REFUSED_not_positive;
    for (size_t i = 0; i < n; i++)
        if (legs[i].from == legs[i].to)
            return REFUSED_same_account;
    for (size_t i = 0; i < n; i++)
        if (legs[i].to == HOLDER_ISSUE || legs[i].from == HOLDER_RETIRE)
            return REFUSED_system_account;
    struct naive after = *twin;
    for (size_t i = 0; i < m; i++) {
        enum refusal refusal = naive_apply(&after, &moving[i]);
        if (refusal != REFUSED_NOT)
            return refusal;
    }
    if (id > 0 && m > 0) {
        after.ids[id].used = true;
        after.ids[id].n = m;
        for (size_t i = 0; i < m; i++)
            after.ids[id].legs[i] = moving[i];
    }
    *twin = after;
    return REFUSED_NOT;
}

static uint32_t random_holder(struct prng *r)
{
    uint64_t pick = prng_below(r, 14);
    if (pick < 6)
        return (uint32_t)pick;
    return pick < 10 ? HOLDER_SYSTEM + (uint32_t)(pick - 6) : (uint32_t)(pick % 3);
}

/* Currency 0 sees every hostile amount at once, the others seldom, so that they live on.        */
static int64_t random_amount(struct prng *r, const struct ledger *l, uint32_t from, uint16_t c)
{
    switch (prng_below(r, c == GOLD ? 12 : 60)) {
    case 0:
        return 0;
    case 1:
        return held(l, from, c);
    case 2:
        return held(l, from, c) / 2 + 1;
    case 3:
        return held(l, from, c) < MAX ? held(l, from, c) + 1 : MAX;
    case 4:
        return MAX - (int64_t)prng_below(r, 3);
    case 5:
        return (int64_t)prng_u64(r);
    case 6:
        return prng_below(r, 4) ? MAX / 2 : INT64_MIN;
    case 7:
        return prng_below(r, 3) ? (int64_t)(prng_u64(r) >> 2) : -1;
    default:
        return 1 + (int64_t)prng_below(r, 1000);
    }
}

static struct posting random_leg(struct prng *r, const struct ledger *l)
{
    struct posting leg = {.from = prng_below(r, 5) ? random_holder(r) : HOLDER_ISSUE,
                          .to = random_holder(r),
                          .currency = (uint16_t)prng_below(r, CURRENCIES),
                          .code = (uint16_t)(1 + prng_below(r, CODE_COUNT - 1)),
                          .reference = prng_below(r, 2) ? LEDGER_NONE : (uint32_t)prng_below(r, 4)};
    leg.amount_minor = random_amount(r, l, leg.from, leg.currency);
    return leg;
}

static void assert_same(const struct ledger *l, const struct naive *twin)
{
    for (uint32_t h = 0; h < HOLDERS; h++)
        for (uint16_t c = 0; c < CURRENCIES; c++) {
            uint32_t holder = h < 6 ? h : HOLDER_SYSTEM + (h - 6);
            wide expected = twin->in[h][c] - twin->out[h][c];
            assert_true(expected == held(l, holder, c));
        }
}

/* The parts of an id that stands for n: neighbours and equal halves on purpose.                  */
static uint64_t id_hi(size_t n)
{
    return n % 3 == 0 ? 0 : n % 7;
}
static uint64_t id_lo(size_t n)
{
    return n;
}

static void run_against_naive(uint64_t seed, int steps, size_t *seen, size_t *repeats)
{
    struct prng r;
    prng_seed(&r, seed);
    struct ledger l;
    ledger_init(&l);
    static struct naive twin;
    twin = (struct naive){0};
    struct strbuf before = saved_bytes(&LEDGER_KIND, &l);
    for (int step = 0; step < steps; step++) {
        struct posting legs[LEGS];
        size_t id = prng_below(&r, 2) ? (size_t)prng_below(&r, IDS) : 0;
        size_t n = (size_t)prng_below(&r, prng_below(&r, 3) ? 3 : LEGS + 1);
        for (size_t i = 0; i < n; i++)
            legs[i] = random_leg(&r, &l);
        if (id > 0 && twin.ids[id].used && prng_below(&r, 2)) { /* say it again */
            n = twin.ids[id].n;
            memcpy(legs, twin.ids[id].legs, sizeof legs);
        }
        bool repeated, expect_repeated;
        enum refusal refusal, expected = naive_post(&twin, id, legs, n, &expect_repeated);
        uint32_t first, end = (uint32_t)l.transfers_n;
        assert_int_equal(ledger_post(&l, step, id ? id_hi(id) : 0, id ? id_lo(id) : 0, legs, n,
                                     &refusal, &first, &repeated),
                         HEED_OK);
        struct strbuf after = saved_bytes(&LEDGER_KIND, &l);
        bool unmoved = l.transfers_n == end;
        if (refusal != expected || repeated != expect_repeated ||
            ((refusal != REFUSED_NOT || repeated || unmoved) && !saved_equal(&before, &after))) {
            print_error("seed %llu step %d: expected %s%s, got %s%s\n", (unsigned long long)seed,
                        step, refusal_code(expected), expect_repeated ? " repeated" : "",
                        refusal_code(refusal), repeated ? " repeated" : "");
            fail();
        }
        if (!repeated)
            assert_int_equal(first, unmoved ? LEDGER_NONE : end);
        else
            assert_true(first < end && l.transfers[first].id_lo == id_lo(id));
        assert_same(&l, &twin);
        assert_books(&l);
        seen[refusal]++;
        *repeats += repeated;
        strbuf_deinit(&before);
        before = after;
    }
    strbuf_deinit(&before);
    assert_round_trip(&LEDGER_KIND, &l);
    ledger_deinit(&l);
}

static void random_postings_agree_with_a_naive_ledger(void **state)
{
    (void)state;
    size_t seen[REFUSED_COUNT] = {0}, repeats = 0;
    for (uint64_t seed = 1; seed <= 60; seed++)
        run_against_naive(seed, 400, seen, &repeats);
    /* Of 24000 steps none of these starves.                                                      */
    static const enum refusal all[] = {
        REFUSED_NOT,          REFUSED_id_reused,      REFUSED_not_positive,
        REFUSED_same_account, REFUSED_system_account, REFUSED_insufficient_funds,
        REFUSED_overflow};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        assert_true(seen[all[i]] >= 200);
    assert_true(repeats >= 200);
}

/* ── saved ── */

static void fill_small(struct ledger *l)
{
    open_books(l);
    const struct posting legs[] = {LEG(ANN, BOB, 60),
                                   LEG(BOB, HOLDER_POOL, 5),
                                   {HOLDER_POOL, CAM, 5, GOLD, CODE_REWARD_USER, 300}};
    assert_int_equal(post(l, 77, legs, 3), REFUSED_NOT);
    assert_int_equal(post(l, 78, &(struct posting)LEG(ANN, CAM, 0), 1), REFUSED_NOT);
    assert_true(ledger_open(l, NEW, GEMS) != LEDGER_NONE);
}

static void a_damaged_save_is_found_or_harmless(void **state)
{
    (void)state;
    struct ledger l;
    fill_small(&l);
    assert_round_trip(&LEDGER_KIND, &l);
    assert_damage_is_found_or_harmless(&LEDGER_KIND, &l);
    ledger_deinit(&l);
}

static void a_loaded_ledger_goes_on_as_the_saved_one(void **state)
{
    (void)state;
    struct ledger a, b;
    fill_small(&a);
    struct strbuf bytes = saved_bytes(&LEDGER_KIND, &a);
    size_t used;
    assert_int_equal(saved_load(&LEDGER_KIND, &b, bytes.p, bytes.n, &used, NULL), HEED_OK);
    for (int64_t i = 0; i < 50; i++) {
        const struct posting legs[] = {LEG(HOLDER_ISSUE, NEW, i), LEG(ANN, BOB, i % 4)};
        uint64_t id = 60 + (uint64_t)i;
        assert_int_equal(post(&a, id, legs, 2), post(&b, id, legs, 2));
    }
    struct strbuf end_a = saved_bytes(&LEDGER_KIND, &a), end_b = saved_bytes(&LEDGER_KIND, &b);
    assert_true(saved_equal(&end_a, &end_b));
    strbuf_deinit(&bytes);
    strbuf_deinit(&end_a);
    strbuf_deinit(&end_b);
    ledger_deinit(&a);
    ledger_deinit(&b);
}

/* Each row spoils a ledger in memory as no posting could, and saves it.                          */
static void spend_too_early(struct ledger *l)
{
    l->transfers[2].amount_minor = 111;
}
static void swap_currency(struct ledger *l)
{
    l->accounts[l->transfers[0].credit].currency = 9;
}
static void pay_itself(struct ledger *l)
{
    l->transfers[2].credit = l->transfers[2].debit;
}
static void no_account(struct ledger *l)
{
    l->transfers[2].credit = (uint32_t)l->accounts_n;
}
static void nobody(struct ledger *l)
{
    l->accounts[1].holder = HOLDER_SYSTEM_END;
}
static void twice(struct ledger *l)
{
    l->accounts[2].holder = l->accounts[1].holder;
}
static void no_code(struct ledger *l)
{
    l->transfers[1].code = 0;
}
static void unknown_code(struct ledger *l)
{
    l->transfers[1].code = CODE_COUNT;
}
static void zero_unnamed(struct ledger *l)
{
    l->transfers[1].amount_minor = 0;
}
static void zero_in_named(struct ledger *l)
{
    l->transfers[7].amount_minor = 0;
}
static void negative(struct ledger *l)
{
    l->transfers[0].amount_minor = -110;
}
static void one_id_twice(struct ledger *l)
{
    l->transfers[5].id_lo = l->transfers[6].id_lo = l->transfers[7].id_lo = 1;
}
static void issue_takes_back(struct ledger *l)
{
    l->transfers[2].credit = ledger_find(l, HOLDER_ISSUE, GOLD);
}

static void what_no_posting_could_make_does_not_load(void **state)
{
    (void)state;
    static void (*const rows[])(struct ledger *) = {
        spend_too_early, swap_currency, pay_itself,      no_account,   nobody,
        twice,           no_code,       unknown_code,    zero_unnamed, zero_in_named,
        negative,        one_id_twice,  issue_takes_back};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct ledger l, loaded;
        fill_small(&l);
        rows[i](&l);
        struct strbuf bytes = saved_bytes(&LEDGER_KIND, &l);
        struct heed_error err = {0};
        size_t used;
        enum heed_status status = saved_load(&LEDGER_KIND, &loaded, bytes.p, bytes.n, &used, &err);
        if (status != HEED_INPUT) {
            print_error("row %zu: expected HEED_INPUT, got %d\n", i, (int)status);
            fail();
        }
        assert_int_equal(loaded.accounts_n + loaded.transfers_n, 0);
        strbuf_deinit(&bytes);
        ledger_deinit(&loaded);
        ledger_deinit(&l);
    }
}

/* ── memory runs out ── */

enum { CROWD = 24 };

static void crowd(struct posting legs[CROWD])
{
    for (uint32_t i = 0; i < CROWD; i++)
        legs[i] = (struct posting){
            i % 2 ? i : HOLDER_ISSUE, 100 + i, i % 2 ? 0 : 7 + i, GEMS + 1, CODE_ISSUE, i};
}

/* `fill` postings before, so that every table is somewhere about to grow.                       */
static void crowd_books(struct ledger *l, uint64_t fill)
{
    open_books(l);
    for (uint64_t i = 0; i < fill; i++)
        must_post(l, 1000 + i, (struct posting)LEG(HOLDER_ISSUE, (uint32_t)(200 + i), 1));
}

static long sweep_posting(uint64_t fill)
{
    struct posting legs[CROWD];
    crowd(legs);
    for (long n = 1;; n++) {
        struct ledger l;
        enum refusal refusal;
        uint32_t first;
        crowd_books(&l, fill);
        struct strbuf before = saved_bytes(&LEDGER_KIND, &l);
        fault_fail_at(n);
        enum heed_status status = ledger_post(&l, 1, 0, 5, legs, CROWD, &refusal, &first, NULL);
        fault_off();
        struct strbuf after = saved_bytes(&LEDGER_KIND, &l);
        assert_int_equal(status, fault_fired() ? HEED_NOMEM : HEED_OK);
        assert_int_equal(saved_equal(&before, &after), fault_fired());
        assert_int_equal(first == LEDGER_NONE, fault_fired());
        assert_books(&l);
        assert_int_equal(post(&l, 5, legs, CROWD), REFUSED_NOT);
        assert_int_equal(held(&l, 102, GEMS + 1), 9);
        assert_books(&l);
        strbuf_deinit(&before);
        strbuf_deinit(&after);
        ledger_deinit(&l);
        if (!fault_fired())
            return n;
    }
}

static void a_posting_without_memory_changes_nothing(void **state)
{
    (void)state;
    long failures = 0;
    for (uint64_t fill = 0; fill < 30; fill++)
        failures += sweep_posting(fill) - 1;
    assert_true(failures >= 60);
}

static void a_load_without_memory_leaves_nothing(void **state)
{
    (void)state;
    struct ledger l;
    crowd_books(&l, 30);
    struct strbuf bytes = saved_bytes(&LEDGER_KIND, &l);
    long n = 1;
    for (;; n++) {
        struct ledger loaded;
        struct heed_error err = {0};
        size_t used;
        fault_fail_at(n);
        enum heed_status status = saved_load(&LEDGER_KIND, &loaded, bytes.p, bytes.n, &used, &err);
        fault_off();
        assert_int_equal(status, fault_fired() ? HEED_NOMEM : HEED_OK);
        assert_int_equal(err.status, status);
        assert_int_equal(loaded.transfers_n, fault_fired() ? 0 : l.transfers_n);
        ledger_deinit(&loaded);
        if (!fault_fired())
            break;
    }
    assert_true(n > 4);
    strbuf_deinit(&bytes);
    ledger_deinit(&l);
}

static int memory_returns(void **state)
{
    (void)state;
    fault_off();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_refusal_is_the_first_that_applies),
        cmocka_unit_test(later_legs_see_earlier_ones),
        cmocka_unit_test(an_account_holds_all_that_can_be_counted_and_no_more),
        cmocka_unit_test(zero_amounts_leave_no_transfer),
        cmocka_unit_test(the_same_id_and_body_move_money_once_whenever_they_come),
        cmocka_unit_test(every_part_of_the_body_counts),
        cmocka_unit_test(a_named_posting_of_nothing_is_remembered),
        cmocka_unit_test(a_refused_id_can_be_used_again),
        cmocka_unit_test(ids_with_one_mix_stay_apart),
        cmocka_unit_test(names_and_numbers_agree),
        cmocka_unit_test(random_postings_agree_with_a_naive_ledger),
        cmocka_unit_test(a_damaged_save_is_found_or_harmless),
        cmocka_unit_test(a_loaded_ledger_goes_on_as_the_saved_one),
        cmocka_unit_test(what_no_posting_could_make_does_not_load),
        cmocka_unit_test_teardown(a_posting_without_memory_changes_nothing, memory_returns),
        cmocka_unit_test_teardown(a_load_without_memory_leaves_nothing, memory_returns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
