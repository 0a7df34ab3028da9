/* Slots of a surface sold by the click: rules, budgets, pacing, a naive twin, memory. */
#include "circulation/auction_ads.h"

#include "base/prng.h"
#include "support_auction.h"
#include "support_fault.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { SELLER, ANN, BEN, CAM, QUALITY = AUCTION_QUALITY_ONE };

struct room {
    struct ads a;
    struct test_purse p;
    struct auction_purse purse;
};

static const struct ads_terms TERMS = {.kind = AUCTION_GSP,
                                       .opens_ms = 100,
                                       .closes_ms = 1100,
                                       .click_within_ms = 50,
                                       .slots = 2,
                                       .clicks = {200, 100}};

static void room_open(struct room *r, const struct ads_terms *t)
{
    test_purse_fill(&r->p, 10000);
    r->purse = test_purse_of(&r->p);
    assert_int_equal(ads_open(&r->a, t, 0), REFUSED_NOT);
}

static void holds(const struct room *r)
{
    int64_t held[PURSE_BIDDERS] = {0}, spent = 0;
    for (size_t i = 0; i < r->a.advertisers_n; i++) {
        const struct advertiser *x = &r->a.advertisers[i];
        assert_true(x->held_minor == ads_need(&r->a, i, r->a.now_ms));
        assert_true(x->spent_minor + x->promised_minor <= x->budget_minor);
        assert_true(x->promised_minor >= 0 && x->spent_minor >= 0);
        held[x->bidder] += x->held_minor;
        spent += x->spent_minor;
    }
    for (size_t i = 0; i < PURSE_BIDDERS; i++)
        assert_true(r->p.held[i] == held[i] && r->p.has[i] >= 0);
    assert_true(r->p.paid == spent);
    assert_true(test_purse_sum(&r->p) == 10000 * PURSE_BIDDERS);
}

static void gives(const struct room *r, const char *what, enum heed_status status, enum refusal got,
                  enum refusal expected)
{
    if (status != HEED_OK || got != expected)
        fail_msg("%s: expected '%s', got '%s' (%d)", what, refusal_code(expected),
                 refusal_code(got), (int)status);
    holds(r);
}

static void enters(struct room *r, int64_t at, uint32_t who, int64_t price, uint32_t quality,
                   int64_t budget, enum refusal expected)
{
    enum refusal got;
    enum heed_status s = ads_enter(&r->a, &r->purse, at, who, price, quality, budget, &got);
    gives(r, "enter", s, got, expected);
}

static void leaves(struct room *r, int64_t at, uint32_t who, enum refusal expected)
{
    enum refusal got;
    enum heed_status s = ads_leave(&r->a, &r->purse, at, who, &got);
    gives(r, "leave", s, got, expected);
}

static uint64_t serves(struct room *r, int64_t at, const struct ads_showing **showing,
                       enum refusal expected)
{
    enum refusal got;
    uint64_t number;
    enum heed_status s = ads_serve(&r->a, &r->purse, at, &number, showing, &got);
    gives(r, "serve", s, got, expected);
    return number;
}

static void clicks(struct room *r, int64_t at, uint64_t number, uint32_t slot,
                   enum refusal expected)
{
    enum refusal got;
    enum heed_status s = ads_click(&r->a, &r->purse, at, number, slot, &got);
    gives(r, "click", s, got, expected);
}

static void advances(struct room *r, int64_t at)
{
    enum refusal got;
    enum heed_status s = ads_advance(&r->a, &r->purse, at, &got);
    gives(r, "advance", s, got, REFUSED_NOT);
}

/* Edelman, Ostrovsky, Schwarz (2007), section II: 10, 4, 2 for 200 and 100 clicks: by GSP 4 and 2 a
 * click, by VCG 600 of 200 and 200 of 100 clicks, 3 and 2 each.                                 */
static void clicks_cost_what_is_published(void **state)
{
    (void)state;
    for (int k = 0; k < 2; k++) {
        struct ads_terms t = TERMS;
        struct room r;
        const struct ads_showing *s;
        t.kind = k ? AUCTION_POSITION_VCG : AUCTION_GSP;
        room_open(&r, &t);
        enters(&r, 50, CAM, 2, QUALITY, 1000, REFUSED_NOT);
        enters(&r, 50, ANN, 10, QUALITY, 1000, REFUSED_NOT);
        enters(&r, 50, BEN, 4, QUALITY, 1000, REFUSED_NOT);
        uint64_t number = serves(&r, 100, &s, REFUSED_NOT);
        assert_int_equal(s->n, 2);
        assert_int_equal(r.a.advertisers[s->slots[0].advertiser].bidder, ANN);
        assert_int_equal(r.a.advertisers[s->slots[1].advertiser].bidder, BEN);
        clicks(&r, 110, number, 0, REFUSED_NOT);
        assert_int_equal(r.p.paid, k ? 3 : 4);
        clicks(&r, 111, number, 1, REFUSED_NOT);
        assert_int_equal(r.p.paid, k ? 5 : 6);
        ads_deinit(&r.a);
    }
}

static void a_click_is_paid_once_and_in_time(void **state)
{
    (void)state;
    struct room r;
    const struct ads_showing *s;
    room_open(&r, &TERMS);
    enters(&r, 50, ANN, 10, QUALITY, 1000, REFUSED_NOT);
    enters(&r, 50, BEN, 8, QUALITY, 1000, REFUSED_NOT);
    serves(&r, 99, &s, REFUSED_not_open);
    uint64_t one = serves(&r, 100, &s, REFUSED_NOT), two = serves(&r, 120, &s, REFUSED_NOT);
    clicks(&r, 130, one, 2, REFUSED_unknown_showing);
    clicks(&r, 130, two + 1, 0, REFUSED_unknown_showing);
    clicks(&r, 149, one, 0, REFUSED_NOT);
    clicks(&r, 149, one, 0, REFUSED_clicked_before);
    clicks(&r, 150, one, 1, REFUSED_unknown_showing); /* its time has passed */
    clicks(&r, 150, two, 0, REFUSED_NOT);
    assert_int_equal(r.p.paid, 16);
    advances(&r, 200);
    assert_int_equal(r.a.advertisers[0].promised_minor, 0);
    ads_deinit(&r.a);
}

static void a_budget_is_never_passed(void **state)
{
    (void)state;
    struct room r;
    const struct ads_showing *s;
    room_open(&r, &TERMS);
    enters(&r, 50, ANN, 10, QUALITY, 25, REFUSED_NOT);
    enters(&r, 50, BEN, 10, QUALITY, 1000, REFUSED_NOT);
    uint64_t one = serves(&r, 100, &s, REFUSED_NOT);
    serves(&r, 101, &s, REFUSED_NOT);
    serves(&r, 102, &s, REFUSED_NOT); /* 20 are promised, 5 are left: not enough for 10 */
    assert_int_equal(s->n, 1);
    clicks(&r, 103, one, 0, REFUSED_NOT);
    enters(&r, 104, ANN, 10, QUALITY, 19, REFUSED_budget_spent);
    enters(&r, 104, ANN, 10, QUALITY, 20, REFUSED_NOT);
    advances(&r, 160); /* what was promised and not clicked is there again */
    serves(&r, 160, &s, REFUSED_NOT);
    assert_int_equal(s->n, 2);
    enters(&r, 161, CAM, 1, QUALITY, 10001, REFUSED_insufficient_funds);
    ads_deinit(&r.a);
}

static void even_pacing_makes_money_last(void **state)
{
    (void)state;
    for (int even = 0; even < 2; even++) {
        struct ads_terms t = TERMS;
        struct room r;
        const struct ads_showing *s;
        int64_t last = 0, half = 0;
        t.pacing = even ? ADS_EVEN : ADS_AT_ONCE;
        t.reserve_minor = 10;
        room_open(&r, &t);
        enters(&r, 50, ANN, 10, QUALITY, 200, REFUSED_NOT);
        for (int64_t at = 100; at < 1100; at++) {
            uint64_t number = serves(&r, at, &s, REFUSED_NOT);
            if (s->n > 0) {
                clicks(&r, at, number, 0, REFUSED_NOT);
                last = at;
                half += at < 600 ? 10 : 0;
            }
        }
        /* 20 clicks at 10; evenly: the k-th at k/20 of the period, the last as it would end */
        assert_int_equal(r.p.paid, even ? 190 : 200);
        assert_int_equal(half, even ? 90 : 200);
        assert_int_equal(last, even ? 100 + 950 : 119);
        advances(&r, 1100);
        assert_int_equal(r.p.held[ANN], 0);
        ads_deinit(&r.a);
    }
}

static void who_leaves_pays_for_what_may_still_be_clicked(void **state)
{
    (void)state;
    struct room r;
    const struct ads_showing *s;
    room_open(&r, &TERMS);
    enters(&r, 50, SELLER, 10, QUALITY, 100, REFUSED_own_auction);
    enters(&r, 50, ANN, 10, QUALITY, 100, REFUSED_NOT);
    enters(&r, 50, BEN, 7, QUALITY, 100, REFUSED_NOT);
    uint64_t one = serves(&r, 100, &s, REFUSED_NOT);
    leaves(&r, 101, CAM, REFUSED_unknown_bid);
    leaves(&r, 101, ANN, REFUSED_NOT);
    leaves(&r, 101, ANN, REFUSED_unknown_bid);
    assert_int_equal(r.p.held[ANN], 7);
    clicks(&r, 102, one, 0, REFUSED_NOT);
    assert_int_equal(r.p.held[ANN], 0);
    serves(&r, 103, &s, REFUSED_NOT);
    assert_int_equal(s->n, 1); /* ben alone, at the reserve of 0 */
    assert_int_equal(s->slots[0].price_minor, 0);
    uint64_t last = serves(&r, 1099, &s, REFUSED_NOT);
    serves(&r, 1100, &s, REFUSED_auction_closed);
    enters(&r, 1100, CAM, 7, QUALITY, 100, REFUSED_auction_closed);
    leaves(&r, 1100, BEN, REFUSED_auction_closed);
    clicks(&r, 1148, last, 0, REFUSED_NOT); /* shown before the close */
    advances(&r, 1150);
    assert_int_equal(r.p.held[BEN], 0);
    ads_deinit(&r.a);
}

static void terms_and_entries_are_checked(void **state)
{
    (void)state;
    struct ads_terms t[10];
    static const enum refusal expected[10] = {
        REFUSED_bad_terms,    REFUSED_bad_terms,    REFUSED_bad_terms,    REFUSED_bad_terms,
        REFUSED_bad_terms,    REFUSED_not_positive, REFUSED_not_positive, REFUSED_not_positive,
        REFUSED_not_positive, REFUSED_bad_terms};
    for (size_t i = 0; i < 10; i++)
        t[i] = TERMS;
    t[0].kind = AUCTION_VCG;
    t[1].closes_ms = 100;
    t[2].slots = 0;
    t[3].slots = ADS_SLOTS_MAX + 1;
    t[4].clicks[1] = 201;
    t[5].clicks[1] = 0;
    t[6].clicks[0] = ADS_CLICKS_MAX + 1;
    t[7].reserve_minor = -1;
    t[8].click_within_ms = 0;
    t[9].pacing = (enum ads_pacing)2;
    for (size_t i = 0; i < 10; i++) {
        struct ads a;
        enum refusal got = ads_open(&a, &t[i], 0);
        if (got != expected[i])
            fail_msg("row %zu: expected '%s', got '%s'", i, refusal_code(expected[i]),
                     refusal_code(got));
    }
    struct room r;
    room_open(&r, &TERMS);
    enters(&r, 50, ANN, 0, QUALITY, 100, REFUSED_not_positive);
    enters(&r, 50, ANN, 1, 0, 100, REFUSED_not_positive);
    enters(&r, 50, ANN, 1, QUALITY, 0, REFUSED_not_positive);
    enters(&r, 50, ANN, 1, AUCTION_QUALITY_MAX + 1, 1, REFUSED_not_positive);
    ads_deinit(&r.a);
}

static void save_kind(const void *x, struct sink *k)
{
    ads_save(x, k);
}
static enum heed_status load_kind(void *x, struct source *k, struct heed_error *err)
{
    return ads_load(x, k, err);
}
static void deinit_kind(void *x)
{
    ads_deinit(x);
}
static void check_kind(const void *x)
{
    const struct ads *a = x;
    for (size_t i = 0; i < a->advertisers_n; i++)
        assert_true(a->advertisers[i].held_minor == ads_need(a, i, a->now_ms));
}
static const struct saved_kind KIND = {sizeof(struct ads), save_kind, load_kind, deinit_kind,
                                       check_kind};

/* ── a naive twin under random commands ── */

enum { COMMANDS = 400, SHOWN_MAX = COMMANDS };
struct naive_slot {
    uint32_t who;
    int64_t price, time;
    bool clicked;
};
struct naive {
    bool there[PURSE_BIDDERS], in[PURSE_BIDDERS];
    int64_t price[PURSE_BIDDERS], quality[PURSE_BIDDERS], budget[PURSE_BIDDERS],
        spent[PURSE_BIDDERS];
    uint32_t order[PURSE_BIDDERS]; /* by entry */
    size_t n, shown;
    struct naive_slot slots[SHOWN_MAX][2];
    size_t filled[SHOWN_MAX];
    uint64_t number[SHOWN_MAX];
};

static int64_t naive_promised(const struct naive *w, uint32_t who, int64_t now)
{
    int64_t sum = 0;
    for (size_t i = 0; i < w->shown; i++)
        for (size_t s = 0; s < w->filled[i]; s++)
            if (w->slots[i][s].who == who && !w->slots[i][s].clicked &&
                w->slots[i][s].time + 50 > now)
                sum += w->slots[i][s].price;
    return sum;
}

/* The least whole price at which `who` keeps slot s: tried one after the other.                  */
static int64_t naive_gsp(const struct naive *w, const uint32_t *rank, size_t n, size_t s,
                         int64_t reserve)
{
    int64_t p = reserve;
    while (s + 1 < n && p * w->quality[rank[s]] < w->price[rank[s + 1]] * w->quality[rank[s + 1]])
        p++;
    return p;
}

static void naive_serve(struct naive *w, const struct ads_terms *t, int64_t now, uint64_t number)
{
    uint32_t rank[PURSE_BIDDERS];
    size_t n = 0;
    bool used[PURSE_BIDDERS] = {false};
    for (;;) {
        size_t best = SIZE_MAX;
        for (size_t i = 0; i < w->n; i++) {
            uint32_t b = w->order[i];
            int64_t next = w->spent[b] + w->price[b];
            if (used[b] || !w->in[b] || w->price[b] < t->reserve_minor ||
                next + naive_promised(w, b, now) > w->budget[b] ||
                (t->pacing == ADS_EVEN && next * 1000 > w->budget[b] * (now - 100)))
                continue;
            if (best == SIZE_MAX || w->price[b] * w->quality[b] > w->price[best] * w->quality[best])
                best = b;
        }
        if (best == SIZE_MAX)
            break;
        used[best] = true;
        rank[n++] = (uint32_t)best;
    }
    if (n == 0)
        return;
    w->filled[w->shown] = n < 2 ? n : 2;
    w->number[w->shown] = number;
    for (size_t s = 0; s < w->filled[w->shown]; s++)
        w->slots[w->shown][s] =
            (struct naive_slot){rank[s], naive_gsp(w, rank, n, s, t->reserve_minor), now, false};
    w->shown++;
}

static void compare(const struct room *r, const struct naive *w, uint64_t seed, int step)
{
    for (size_t i = 0; i < r->a.advertisers_n; i++) {
        const struct advertiser *x = &r->a.advertisers[i];
        if (x->spent_minor != w->spent[x->bidder] ||
            x->promised_minor != naive_promised(w, x->bidder, r->a.now_ms))
            fail_msg("seed %llu, command %d: bidder %u has spent %lld, promised %lld",
                     (unsigned long long)seed, step, x->bidder, (long long)x->spent_minor,
                     (long long)x->promised_minor);
    }
}

static void random_run(uint64_t seed)
{
    struct prng g;
    struct ads_terms t = TERMS;
    struct room r;
    static struct naive w;
    int64_t now = 0;
    prng_seed(&g, seed);
    w = (struct naive){0};
    t.pacing = seed % 2 ? ADS_EVEN : ADS_AT_ONCE;
    t.reserve_minor = (int64_t)prng_below(&g, 4);
    room_open(&r, &t);
    for (int i = 0; i < COMMANDS; i++) {
        enum refusal got;
        enum heed_status status;
        const struct ads_showing *s;
        uint32_t who = (uint32_t)prng_below(&g, PURSE_BIDDERS);
        struct strbuf before, after;
        int64_t was = r.a.now_ms;
        now += (int64_t)prng_below(&g, 7);
        before = saved_bytes(&KIND, &r.a);
        uint64_t number, what = prng_below(&g, 10);
        if (what < 2) {
            int64_t price = 1 + (int64_t)prng_below(&g, 20),
                    budget = 1 + (int64_t)prng_below(&g, 300);
            uint32_t quality = 1 + (uint32_t)prng_below(&g, 2000);
            status = ads_enter(&r.a, &r.purse, now, who, price, quality, budget, &got);
            if (got == REFUSED_NOT) {
                if (!w.there[who])
                    w.order[w.n++] = who;
                w.there[who] = w.in[who] = true;
                w.price[who] = price, w.quality[who] = quality, w.budget[who] = budget;
            }
        } else if (what < 3) {
            status = ads_leave(&r.a, &r.purse, now, who, &got);
            assert_int_equal(got == REFUSED_NOT, now < 1100 && w.in[who]);
            if (got == REFUSED_NOT)
                w.in[who] = false;
        } else if (what < 6) {
            status = ads_serve(&r.a, &r.purse, now, &number, &s, &got);
            size_t shown = w.shown;
            if (got == REFUSED_NOT)
                naive_serve(&w, &t, now, number);
            assert_int_equal(number != UINT64_MAX, w.shown > shown);
            for (size_t k = 0; w.shown > shown && k < w.filled[shown]; k++)
                assert_true(r.a.advertisers[s->slots[k].advertiser].bidder ==
                                w.slots[shown][k].who &&
                            s->slots[k].price_minor == w.slots[shown][k].price);
        } else if (what < 9 && w.shown > 0) {
            size_t at = w.shown - 1 - (size_t)prng_below(&g, w.shown < 9 ? w.shown : 9);
            uint32_t slot = (uint32_t)prng_below(&g, 2);
            struct naive_slot *x = &w.slots[at][slot];
            bool open = slot < w.filled[at] && x->time + 50 > now;
            status = ads_click(&r.a, &r.purse, now, w.number[at], slot, &got);
            assert_int_equal(got, !open        ? REFUSED_unknown_showing
                                  : x->clicked ? REFUSED_clicked_before
                                               : REFUSED_NOT);
            if (got == REFUSED_NOT) {
                x->clicked = true;
                w.spent[x->who] += x->price;
            }
        } else {
            status = ads_advance(&r.a, &r.purse, now, &got);
        }
        assert_int_equal(status, HEED_OK);
        after = saved_bytes(&KIND, &r.a);
        if (got != REFUSED_NOT)
            assert_true(saved_equal(&before, &after) && was == r.a.now_ms);
        strbuf_deinit(&before);
        strbuf_deinit(&after);
        holds(&r);
        compare(&r, &w, seed, i);
    }
    enum refusal got;
    assert_int_equal(ads_advance(&r.a, &r.purse, 5000, &got), HEED_OK);
    holds(&r);
    for (size_t i = 0; i < PURSE_BIDDERS; i++)
        assert_int_equal(r.p.held[i], 0);
    ads_deinit(&r.a);
}

static void random_commands_agree_with_a_naive_sale(void **state)
{
    (void)state;
    const char *more = getenv("HEED_AUCTIONS");
    uint64_t runs = more ? strtoull(more, NULL, 10) / COMMANDS : 100;
    for (uint64_t seed = 1; seed <= runs; seed++)
        random_run(seed);
}

/* ── saved, and short of memory ── */

static void lively(struct room *r)
{
    const struct ads_showing *s;
    room_open(r, &TERMS);
    enters(r, 50, ANN, 10, QUALITY, 100, REFUSED_NOT);
    enters(r, 50, BEN, 7, QUALITY / 2, 100, REFUSED_NOT);
    serves(r, 100, &s, REFUSED_NOT);
    uint64_t two = serves(r, 130, &s, REFUSED_NOT);
    clicks(r, 140, two, 0, REFUSED_NOT);
    leaves(r, 141, BEN, REFUSED_NOT);
}

static bool nothing_there(const void *loaded)
{
    const struct ads *a = loaded;
    return !a->advertisers && !a->showings;
}

static void what_is_saved_loads_or_says_that_it_is_damaged(void **state)
{
    (void)state;
    struct room r;
    lively(&r);
    assert_round_trip(&KIND, &r.a);
    assert_damage_is_found_or_harmless(&KIND, &r.a);
    assert_true(assert_load_says_when_memory_is_out(&KIND, &r.a, nothing_there) > 0);
    ads_deinit(&r.a);
}

static enum heed_status command(struct room *r, int k, enum refusal *refusal)
{
    uint64_t number;
    const struct ads_showing *s;
    switch (k) {
    case 0:
        return ads_enter(&r->a, &r->purse, 160, CAM, 5, QUALITY, 50, refusal);
    case 1:
        return ads_leave(&r->a, &r->purse, 160, ANN, refusal);
    case 2:
        return ads_serve(&r->a, &r->purse, 160, &number, &s, refusal);
    case 3:
        return ads_click(&r->a, &r->purse, 160, 1, 1, refusal);
    default:
        return ads_advance(&r->a, &r->purse, 1200, refusal);
    }
}

static void short_of_memory_nothing_changes(void **state)
{
    (void)state;
    for (int k = 0; k < 5; k++)
        for (long n = 1;; n++) {
            struct room r;
            enum refusal refusal;
            lively(&r);
            r.a.advertisers_cap = r.a.advertisers_n; /* so that one more needs memory */
            r.a.showings_cap = r.a.showings_n;
            free(r.a.spare);
            r.a.spare = NULL;
            r.a.spare_cap = 0;
            struct strbuf before = saved_bytes(&KIND, &r.a);
            fault_fail_at(n);
            enum heed_status status = command(&r, k, &refusal);
            fault_off();
            assert_int_equal(status, fault_fired() ? HEED_NOMEM : HEED_OK);
            struct strbuf after = saved_bytes(&KIND, &r.a);
            assert_true(status == HEED_OK || saved_equal(&before, &after));
            holds(&r);
            strbuf_deinit(&before);
            strbuf_deinit(&after);
            ads_deinit(&r.a);
            if (!fault_fired())
                break;
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clicks_cost_what_is_published),
        cmocka_unit_test(a_click_is_paid_once_and_in_time),
        cmocka_unit_test(a_budget_is_never_passed),
        cmocka_unit_test(even_pacing_makes_money_last),
        cmocka_unit_test(who_leaves_pays_for_what_may_still_be_clicked),
        cmocka_unit_test(terms_and_entries_are_checked),
        cmocka_unit_test(random_commands_agree_with_a_naive_sale),
        cmocka_unit_test_teardown(what_is_saved_loads_or_says_that_it_is_damaged, memory_returns),
        cmocka_unit_test_teardown(short_of_memory_nothing_changes, memory_returns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
