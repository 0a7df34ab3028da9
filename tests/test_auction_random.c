/* Random commands at auctions of every form, against a naive twin: same refusals, same leader and
 * price, holds as they must be after each, refused commands change nothing, nothing is lost.
 * Longer: HEED_AUCTIONS=1000000. */
#include "circulation/auction.h"

#include "base/prng.h"
#include "support_auction.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { COMMANDS = 120, FUNDS = 3000, TRACE = COMMANDS };

enum act { BID, BUY, RETRACT, COMMIT, REVEAL, ADVANCE, CLOSE, WITHDRAW, ACTS };

struct step {
    enum act act;
    int64_t at, price, units;
    uint32_t who, bid;
};

/* ── the twin: a list of what stands, everything worked out anew each time ── */

struct naive_bid {
    int64_t price, units, since; /* since: which bid it was */
    uint32_t who;
    bool stands, retracted_once, revealed;
    struct sha256 commitment;
};

struct naive {
    const struct auction_terms *t;
    struct naive_bid bids[COMMANDS];
    size_t n;
    int64_t turn, closes, has[PURSE_BIDDERS], held[PURSE_BIDDERS], paid, lost;
    bool over;
};

static bool sealed(const struct naive *w)
{
    return w->t->form == AUCTION_SEALED_FIRST || w->t->form == AUCTION_SEALED_VICKREY;
}
static bool units(const struct naive *w)
{
    return w->t->form == AUCTION_UNITS_UNIFORM || w->t->form == AUCTION_UNITS_PAY_AS_BID;
}

static int64_t naive_step(const struct auction_terms *t, int64_t price)
{
    int64_t by = 0;
    for (size_t i = 0; i < t->increments_n; i++)
        if (price >= t->increments[i].from_minor)
            by = t->increments[i].by_minor;
    return by;
}

static size_t naive_leader(const struct naive *w)
{
    size_t best = SIZE_MAX;
    for (size_t i = 0; i < w->n; i++) {
        const struct naive_bid *b = &w->bids[i];
        if (!b->stands || (sealed(w) && (!b->revealed || b->price < w->t->reserve_minor)))
            continue;
        if (best == SIZE_MAX || b->price > w->bids[best].price ||
            (b->price == w->bids[best].price && b->since < w->bids[best].since))
            best = i;
    }
    return best;
}

/* The least price at which nobody else would still be bid for, found by counting up.            */
static int64_t naive_price(const struct naive *w)
{
    size_t leader = naive_leader(w);
    int64_t p = w->t->start_minor;
    if (leader == SIZE_MAX)
        return p;
    int64_t most = w->bids[leader].price;
    for (; p < most; p++) {
        bool settled = w->t->reserve_minor > most || p >= w->t->reserve_minor;
        for (size_t i = 0; i < w->n; i++)
            if (i != leader && w->bids[i].stands &&
                p < w->bids[i].price + naive_step(w->t, w->bids[i].price))
                settled = false;
        if (settled)
            break;
    }
    return p;
}

static int64_t naive_dutch(const struct naive *w, int64_t at)
{
    int64_t p = w->t->start_minor, least = w->t->reserve_minor > 1 ? w->t->reserve_minor : 1;
    for (int64_t when = w->t->opens_ms + w->t->step_ms; when <= at; when += w->t->step_ms)
        p -= w->t->step_minor;
    return p > least ? p : least;
}

static int64_t naive_need(const struct naive *w, size_t i, int64_t at)
{
    const struct naive_bid *b = &w->bids[i];
    if (w->over || !b->stands)
        return 0;
    if (sealed(w))
        return !b->revealed ? w->t->deposit_minor : naive_leader(w) == i ? b->price : 0;
    if (units(w))
        return b->price * b->units;
    return naive_leader(w) == i || at < w->t->retract_until_ms ? b->price : 0;
}

/* Takes pays[n] and forfeits from those who have them, and holds what stands; false: not enough. */
static bool naive_settle(struct naive *w, int64_t at, const int64_t *pays, bool forfeits)
{
    struct naive then = *w;
    int64_t needs[PURSE_BIDDERS] = {0};
    for (size_t i = 0; i < w->n; i++) {
        uint32_t who = w->bids[i].who;
        if (forfeits && !w->bids[i].revealed) {
            then.held[who] -= w->t->deposit_minor;
            then.lost += w->t->deposit_minor;
        }
        needs[who] += naive_need(w, i, at);
        if (pays) {
            needs[who] += pays[i];
            then.paid += pays[i];
        }
    }
    for (size_t b = 0; b < PURSE_BIDDERS; b++) {
        then.has[b] += then.held[b] - needs[b];
        then.held[b] = needs[b];
        if (then.has[b] < 0)
            return false;
    }
    for (size_t i = 0; pays && i < w->n; i++)
        then.held[w->bids[i].who] -= pays[i];
    *w = then;
    return true;
}

static enum refusal naive_open_to(const struct naive *w, const struct step *s)
{
    return s->who == w->t->seller          ? REFUSED_own_auction
           : s->at < w->t->opens_ms        ? REFUSED_not_open
           : w->over || s->at >= w->closes ? REFUSED_auction_closed
                                           : REFUSED_NOT;
}

static size_t naive_of(const struct naive *w, uint32_t who)
{
    for (size_t i = 0; i < w->n; i++)
        if (w->bids[i].who == who)
            return i;
    return SIZE_MAX;
}

static enum refusal naive_bid(struct naive *w, const struct step *s)
{
    bool english = w->t->form == AUCTION_ENGLISH, dutch = w->t->form == AUCTION_DUTCH;
    if (sealed(w))
        return REFUSED_wrong_auction;
    if (s->price <= 0 || s->units <= 0)
        return REFUSED_not_positive;
    if (s->units > 1 && !units(w))
        return REFUSED_wrong_auction;
    enum refusal r = naive_open_to(w, s);
    if (r != REFUSED_NOT)
        return r;
    size_t own = english ? naive_of(w, s->who) : SIZE_MAX, leader = naive_leader(w);
    int64_t price = naive_price(w);
    bool mine = own != SIZE_MAX && w->bids[own].stands;
    if (mine && s->price <= w->bids[own].price)
        return REFUSED_not_a_raise;
    int64_t least = english
                        ? (leader == SIZE_MAX ? w->t->start_minor : price + naive_step(w->t, price))
                    : dutch ? naive_dutch(w, s->at)
                            : 1;
    if (!(mine && own == leader) && s->price < least)
        return REFUSED_below_least;
    size_t at = own == SIZE_MAX ? w->n++ : own;
    struct naive_bid *b = &w->bids[at];
    b->who = s->who;
    b->price = dutch ? least : s->price;
    b->units = s->units;
    b->since = w->turn++;
    b->stands = true;
    if (dutch) {
        int64_t pays[COMMANDS] = {0};
        pays[at] = least;
        w->over = true;
        return naive_settle(w, s->at, pays, false) ? REFUSED_NOT : REFUSED_insufficient_funds;
    }
    if (english && w->t->extend_within_ms && w->closes - s->at <= w->t->extend_within_ms &&
        (naive_leader(w) != leader || naive_price(w) != price)) {
        int64_t later = s->at + w->t->extend_by_ms;
        later = later > w->t->closes_latest_ms ? w->t->closes_latest_ms : later;
        w->closes = later > w->closes ? later : w->closes;
    }
    return naive_settle(w, s->at, NULL, false) ? REFUSED_NOT : REFUSED_insufficient_funds;
}

static enum refusal naive_buy(struct naive *w, const struct step *s)
{
    if (w->t->form != AUCTION_ENGLISH)
        return REFUSED_wrong_auction;
    enum refusal r = naive_open_to(w, s);
    if (r != REFUSED_NOT)
        return r;
    size_t leader = naive_leader(w), own = naive_of(w, s->who);
    if (!w->t->buy_now_minor ||
        (leader != SIZE_MAX && w->bids[leader].price >= w->t->reserve_minor))
        return REFUSED_no_buy_now;
    size_t at = own == SIZE_MAX ? w->n++ : own;
    int64_t pays[COMMANDS] = {0};
    w->bids[at].who = s->who;
    w->bids[at].stands = true;
    pays[at] = w->t->buy_now_minor;
    w->over = true;
    return naive_settle(w, s->at, pays, false) ? REFUSED_NOT : REFUSED_insufficient_funds;
}

static enum refusal naive_retract(struct naive *w, const struct step *s)
{
    if (w->t->form != AUCTION_ENGLISH && !units(w))
        return REFUSED_wrong_auction;
    if (s->at < w->t->opens_ms)
        return REFUSED_not_open;
    if (w->over || s->at >= w->closes)
        return REFUSED_auction_closed;
    if (s->bid >= w->n || w->bids[s->bid].who != s->who || !w->bids[s->bid].stands)
        return REFUSED_unknown_bid;
    if (s->at >= w->t->retract_until_ms)
        return REFUSED_retract_closed;
    if (w->t->form == AUCTION_ENGLISH && w->bids[s->bid].retracted_once)
        return REFUSED_retracted_before;
    w->bids[s->bid].stands = false;
    w->bids[s->bid].retracted_once = true;
    return naive_settle(w, s->at, NULL, false) ? REFUSED_NOT : REFUSED_insufficient_funds;
}

static enum refusal naive_commit(struct naive *w, const struct step *s)
{
    if (!sealed(w))
        return REFUSED_wrong_auction;
    enum refusal r = naive_open_to(w, s);
    if (r == REFUSED_NOT && naive_of(w, s->who) != SIZE_MAX)
        r = REFUSED_slot_taken;
    if (r != REFUSED_NOT)
        return r;
    w->bids[w->n++] =
        (struct naive_bid){.who = s->who, .stands = true, .since = w->turn++, .units = s->price};
    return naive_settle(w, s->at, NULL, false) ? REFUSED_NOT : REFUSED_insufficient_funds;
}

static enum refusal naive_reveal(struct naive *w, const struct step *s)
{
    size_t own = naive_of(w, s->who);
    if (!sealed(w))
        return REFUSED_wrong_auction;
    if (s->price <= 0)
        return REFUSED_not_positive;
    if (s->at < w->closes)
        return REFUSED_reveal_not_yet;
    if (w->over || s->at >= w->t->reveal_until_ms)
        return REFUSED_auction_closed;
    if (own == SIZE_MAX)
        return REFUSED_not_committed;
    if (w->bids[own].revealed)
        return REFUSED_revealed_before;
    if (w->bids[own].units != s->price) /* what was committed */
        return REFUSED_commitment_mismatch;
    w->bids[own].price = s->price;
    w->bids[own].revealed = true;
    return naive_settle(w, s->at, NULL, false) ? REFUSED_NOT : REFUSED_insufficient_funds;
}

/* The end, by clearing what stands as one auction.                                              */
static void naive_end(struct naive *w, int64_t at)
{
    int64_t pays[COMMANDS] = {0};
    struct clear_bid bids[COMMANDS];
    size_t of[COMMANDS], n = 0, leader = naive_leader(w);
    if (w->t->form == AUCTION_ENGLISH) {
        if (leader != SIZE_MAX && w->bids[leader].price >= w->t->reserve_minor)
            pays[leader] = naive_price(w);
    } else if (w->t->form != AUCTION_DUTCH) {
        for (size_t i = 0; i < w->n; i++)
            if (w->bids[i].stands && (!sealed(w) || w->bids[i].revealed)) {
                of[n] = i;
                bids[n++] = (struct clear_bid){.price_minor = w->bids[i].price,
                                               .units = sealed(w) ? 1 : w->bids[i].units,
                                               .bidder = (uint32_t)i};
            }
        static const enum auction_kind kinds[AUCTION_FORMS] = {
            0, 0, AUCTION_FIRST_PRICE, AUCTION_VICKREY, AUCTION_UNIFORM, AUCTION_PAY_AS_BID};
        const struct clear_market m = {.kind = kinds[w->t->form],
                                       .price_rule = w->t->price_rule,
                                       .reserve_minor = w->t->reserve_minor,
                                       .units = w->t->units,
                                       .bids = bids,
                                       .bids_n = n,
                                       .bidders_n = (uint32_t)w->n};
        struct clear_result out;
        enum refusal refusal;
        assert_int_equal(auction_clear(&m, &out, &refusal), HEED_OK);
        assert_int_equal(refusal, REFUSED_NOT);
        for (size_t k = 0; k < out.n; k++)
            pays[out.winners[k].bidder] = out.winners[k].pays_minor;
        (void)of;
        clear_result_deinit(&out);
    }
    w->over = true;
    assert_true(naive_settle(w, at, pays, sealed(w)));
}

static enum refusal naive_time(struct naive *w, const struct step *s)
{
    int64_t end = sealed(w) ? w->t->reveal_until_ms : w->closes;
    if (s->act == WITHDRAW) {
        if (w->over || s->at >= end)
            return REFUSED_auction_closed;
        for (size_t i = 0; i < w->n; i++)
            if (w->bids[i].stands)
                return REFUSED_has_bids;
        w->over = true;
        return REFUSED_NOT;
    }
    if (s->act == CLOSE && (w->over || s->at < end))
        return w->over ? REFUSED_auction_closed : REFUSED_auction_running;
    if (!w->over && s->at >= end)
        naive_end(w, s->at);
    else if (!w->over)
        assert_true(naive_settle(w, s->at, NULL, false));
    return REFUSED_NOT;
}

static enum refusal naive_do(struct naive *w, const struct step *s)
{
    static enum refusal (*const acts[ACTS])(struct naive *, const struct step *) = {
        naive_bid,    naive_buy,  naive_retract, naive_commit,
        naive_reveal, naive_time, naive_time,    naive_time};
    struct naive then = *w;
    enum refusal r = acts[s->act](&then, s);
    if (r == REFUSED_NOT)
        *w = then;
    return r;
}

/* ── the auction itself ── */

static struct sha256 hash_of(int64_t amount, uint32_t who)
{
    uint8_t salt[AUCTION_SALT] = {(uint8_t)who};
    char name[8];
    snprintf(name, sizeof name, "b%u", who);
    return auction_commitment(STR("x"), str_of(name), amount, salt);
}

static enum refusal real_do(struct auction *a, const struct auction_purse *purse,
                            const struct step *s)
{
    enum refusal r = REFUSED_NOT;
    enum heed_status status = HEED_OK;
    uint32_t bid;
    struct sha256 h = hash_of(s->price, s->who);
    switch (s->act) {
    case BID:
        status = auction_bid(a, purse, s->at, s->who, s->price, s->units, &bid, &r);
        break;
    case BUY:
        status = auction_buy_now(a, purse, s->at, s->who, &bid, &r);
        break;
    case RETRACT:
        status = auction_retract(a, purse, s->at, s->who, s->bid, &r);
        break;
    case COMMIT:
        status = auction_commit(a, purse, s->at, s->who, &h, &bid, &r);
        break;
    case REVEAL:
        status = auction_reveal(a, purse, s->at, s->who, s->price, &h, &r);
        break;
    case ADVANCE:
        status = auction_advance(a, purse, s->at, &r);
        break;
    case CLOSE:
        status = auction_close(a, purse, s->at, &r);
        break;
    default:
        status = auction_withdraw(a, purse, s->at, &r);
        break;
    }
    assert_int_equal(status, HEED_OK);
    return r;
}

static struct auction_terms random_terms(struct prng *g)
{
    struct auction_terms t = english_terms();
    t.form = (enum auction_form)prng_below(g, AUCTION_FORMS + 2);
    if (t.form >= AUCTION_FORMS)
        t.form = AUCTION_ENGLISH;
    t.reserve_minor = prng_below(g, 2) ? 0 : 1 + (int64_t)prng_below(g, 120);
    if (t.form == AUCTION_ENGLISH) {
        t.buy_now_minor = prng_below(g, 3) ? 0 : 120 + (int64_t)prng_below(g, 50);
        if (prng_below(g, 2)) {
            t.extend_within_ms = 1 + (int64_t)prng_below(g, 300);
            t.extend_by_ms = 1 + (int64_t)prng_below(g, 300);
            t.closes_latest_ms = 1000 + (int64_t)prng_below(g, 400);
        }
        t.retract_until_ms = prng_below(g, 2) ? 0 : 100 + (int64_t)prng_below(g, 900);
        return t;
    }
    t.increments_n = 0;
    t.start_minor = 0;
    if (t.form == AUCTION_DUTCH) {
        t.start_minor = 120 + (int64_t)prng_below(g, 300);
        t.step_minor = 1 + (int64_t)prng_below(g, 9);
        t.step_ms = 1 + (int64_t)prng_below(g, 20);
    } else if (t.form == AUCTION_SEALED_FIRST || t.form == AUCTION_SEALED_VICKREY) {
        t.closes_ms = 500;
        t.reveal_until_ms = 1000;
        t.deposit_minor = (int64_t)prng_below(g, 60);
    } else {
        t.units = 1 + (int64_t)prng_below(g, 30);
        t.retract_until_ms = prng_below(g, 2) ? 0 : 100 + (int64_t)prng_below(g, 900);
        if (t.form == AUCTION_UNITS_UNIFORM && prng_below(g, 2))
            t.price_rule = AUCTION_HIGHEST_REJECTED;
    }
    return t;
}

static struct step random_step(struct prng *g, const struct auction *a, int64_t *now,
                               int64_t *drawn)
{
    static const enum act often[] = {BID,    BID,    BID,    BID,    BUY,     RETRACT, COMMIT,
                                     COMMIT, REVEAL, REVEAL, REVEAL, ADVANCE, CLOSE,   WITHDRAW};
    struct step s = {.act = often[prng_below(g, sizeof often / sizeof *often)]};
    *now += (int64_t)prng_below(g, prng_below(g, 10) ? 12 : 60);
    s.at = *now;
    s.who = (uint32_t)prng_below(g, PURSE_BIDDERS);
    s.price = prng_below(g, 40) ? 1 + (int64_t)prng_below(g, 250) : 0;
    if (a->price_minor > 0 && prng_below(g, 2)) /* about the price that stands */
        s.price = a->price_minor - 3 + (int64_t)prng_below(g, 9);
    s.units = prng_below(g, 20) ? 1 : (int64_t)prng_below(g, 9);
    s.bid = (uint32_t)prng_below(g, a->bids_n + 1);
    if (s.bid < a->bids_n && prng_below(g, 8))
        s.who = a->bids[s.bid].bidder;
    if (s.act == COMMIT)
        drawn[s.who] = drawn[s.who] ? drawn[s.who] : s.price;
    if ((s.act == COMMIT || (s.act == REVEAL && prng_below(g, 6))) && drawn[s.who])
        s.price = drawn[s.who];
    return s;
}

static void compare(const struct auction *a, const struct naive *w, const struct test_purse *p,
                    uint64_t seed, int i)
{
    bool same = p->paid == w->paid && p->forfeited == w->lost && a->closes_ms == w->closes &&
                (a->state != AUCTION_OPEN) == w->over;
    for (size_t b = 0; b < PURSE_BIDDERS; b++)
        same = same && p->has[b] == w->has[b] && p->held[b] == w->held[b];
    if (same && a->state == AUCTION_OPEN && a->terms.form == AUCTION_ENGLISH)
        same = a->price_minor == naive_price(w);
    if (!same)
        fail_msg("seed %llu, command %d, %s: paid %lld and %lld, price %lld and %lld",
                 (unsigned long long)seed, i, auction_form_name(a->terms.form), (long long)p->paid,
                 (long long)w->paid, (long long)a->price_minor, (long long)naive_price(w));
}

static void random_run(uint64_t seed, size_t *done)
{
    struct prng g;
    struct auction a;
    struct test_purse p;
    struct auction_purse purse = test_purse_of(&p);
    int64_t now = 50, drawn[PURSE_BIDDERS] = {0};
    prng_seed(&g, seed);
    const struct auction_terms t = random_terms(&g);
    struct naive w = {.t = &t, .closes = t.closes_ms};
    test_purse_fill(&p, FUNDS);
    for (size_t b = 0; b < PURSE_BIDDERS; b++)
        w.has[b] = FUNDS;
    assert_int_equal(auction_open(&a, &t, 0), REFUSED_NOT);
    for (int i = 0; i < COMMANDS; i++) {
        struct step s = random_step(&g, &a, &now, drawn);
        struct strbuf before = saved_bytes(&AUCTION_KIND, &a);
        struct test_purse was = p;
        enum refusal got = real_do(&a, &purse, &s), expected = naive_do(&w, &s);
        struct strbuf after = saved_bytes(&AUCTION_KIND, &a);
        if (got != expected)
            fail_msg("seed %llu, command %d (%d at %lld): expected '%s', got '%s'",
                     (unsigned long long)seed, i, (int)s.act, (long long)s.at,
                     refusal_code(expected), refusal_code(got));
        if (got != REFUSED_NOT)
            assert_true(saved_equal(&before, &after) && memcmp(&was, &p, sizeof p) == 0);
        else
            done[s.act]++;
        assert_auction_holds(&a, &p);
        assert_int_equal(test_purse_sum(&p), FUNDS * PURSE_BIDDERS);
        compare(&a, &w, &p, seed, i);
        strbuf_deinit(&before);
        strbuf_deinit(&after);
    }
    assert_round_trip(&AUCTION_KIND, &a);
    enum refusal refusal;
    assert_int_equal(auction_advance(&a, &purse, 9999, &refusal), HEED_OK);
    for (size_t b = 0; b < PURSE_BIDDERS; b++)
        assert_int_equal(p.held[b], 0);
    auction_deinit(&a);
}

static void random_commands_agree_with_a_naive_auction(void **state)
{
    (void)state;
    const char *more = getenv("HEED_AUCTIONS");
    uint64_t runs = more ? strtoull(more, NULL, 10) / COMMANDS : 600;
    size_t done[ACTS] = {0};
    for (uint64_t seed = 1; seed <= runs; seed++)
        random_run(seed, done);
    for (int k = 0; k < ACTS; k++) /* each was done, not only refused */
        if (done[k] == 0)
            fail_msg("no command of kind %d succeeded", k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_commands_agree_with_a_naive_auction),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
