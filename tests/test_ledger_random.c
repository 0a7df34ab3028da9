/* Random postings, hostile ones included, against a naive ledger. */
#include "ledger/ledger.h"

#include "base/prng.h"
#include "support_ledger.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

__extension__ typedef __int128 wide;

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
           a->unit == b->unit && a->code == b->code && a->reference == b->reference;
}

static enum refusal naive_apply(struct naive *twin, const struct posting *leg)
{
    size_t from = naive_index(leg->from), to = naive_index(leg->to), c = leg->unit;
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
        return books_held(l, from, c);
    case 2:
        return books_held(l, from, c) / 2 + 1;
    case 3:
        return books_held(l, from, c) < INT64_MAX ? books_held(l, from, c) + 1 : INT64_MAX;
    case 4:
        return INT64_MAX - (int64_t)prng_below(r, 3);
    case 5:
        return (int64_t)prng_u64(r);
    case 6:
        return prng_below(r, 4) ? INT64_MAX / 2 : INT64_MIN;
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
                          .unit = (uint16_t)prng_below(r, CURRENCIES),
                          .code = (uint16_t)(1 + prng_below(r, CODE_COUNT - 1)),
                          .reference = prng_below(r, 2) ? LEDGER_NONE : (uint32_t)prng_below(r, 4)};
    leg.amount_minor = random_amount(r, l, leg.from, (uint16_t)leg.unit);
    return leg;
}

static void assert_same(const struct ledger *l, const struct naive *twin)
{
    for (uint32_t h = 0; h < HOLDERS; h++)
        for (uint16_t c = 0; c < CURRENCIES; c++) {
            uint32_t holder = h < 6 ? h : HOLDER_SYSTEM + (h - 6);
            wide expected = twin->in[h][c] - twin->out[h][c];
            assert_true(expected == books_held(l, holder, c));
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_postings_agree_with_a_naive_ledger),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
