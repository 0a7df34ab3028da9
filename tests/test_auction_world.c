/* Auctions of a world against a naive reckoning: after each of many random commands every account
 * is what the bids, told one by one, say it must be; what is refused changes nothing; the journal
 * replays and a snapshot brings all of it back. HEED_AUCTION_WORLDS=N runs N seeds (default 12). */
#include "support_world.h"

#include "base/prng.h"
#include "world/apply.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { PEOPLE = 6, STEPS = 500, MINUTE = 60000, FUNDS = 20000 };

static const char rules[] = "currencies: [{code: gold, scale: 2}]\n"
                            "market:\n"
                            "  charges:\n"
                            "    - {name: tax, on: auction, rate: 0.1, from: seller, to: city}\n";

struct play {
    struct world *w;
    struct prng r;
    int64_t now_ms;
    uint32_t party[PEOPLE];
    bool gone[PEOPLE];
    int64_t opened[PEOPLE]; /* pieces of the good that he made by auctions */
    uint32_t good;
    uint64_t seed, done, refused;
};

static const char *money(int64_t minor)
{
    static char text[4][32];
    static size_t at;
    at = (at + 1) % 4;
    snprintf(text[at], sizeof text[at], "%lld.%02lld", (long long)(minor / 100),
             (long long)(minor % 100));
    return text[at];
}

static const char *seconds(int64_t ms)
{
    static char text[4][32];
    static size_t at;
    at = (at + 1) % 4;
    snprintf(text[at], sizeof text[at], "%lld", (long long)(ms / 1000));
    return text[at];
}

static uint32_t below(struct play *p, uint32_t n)
{
    return (uint32_t)prng_below(&p->r, n);
}

static struct play play_new(uint64_t seed)
{
    struct play p = {.w = world_with_rules(rules), .now_ms = T0, .seed = seed};
    prng_seed(&p.r, seed);
    for (uint32_t i = 0; i < PEOPLE; i++) {
        json_decref(call_ok(p.w, "user add", "id", numbered("u", i), NULL));
        json_decref(
            call_ok(p.w, "ledger issue", "to", numbered("u", i), "amount", money(FUNDS), NULL));
        p.party[i] = world_find_user(p.w, str_of(numbered("u", i)));
    }
    json_decref(call_ok(p.w, "good add", "id", "lamp", "name", "Lamp", "seller", "u0", NULL));
    p.good = world_find_target(p.w, STR("good:lamp"));
    return p;
}

/* ── the naive reckoning ── */

static bool is_sealed(const struct auction *a)
{
    return a->terms.form == AUCTION_SEALED_FIRST || a->terms.form == AUCTION_SEALED_VICKREY;
}

/* Whether nobody who takes part is before this bid. */
static bool is_first(const struct auction *a, size_t i)
{
    const struct auction_bid *b = &a->bids[i];
    for (size_t j = 0; j < a->bids_n; j++) {
        const struct auction_bid *x = &a->bids[j];
        if (j != i && !x->retracted && (!is_sealed(a) || x->revealed) &&
            (x->price_minor > b->price_minor ||
             (x->price_minor == b->price_minor && x->order < b->order)))
            return false;
    }
    return true;
}

static int64_t naive_hold(const struct auction *a, size_t i)
{
    const struct auction_bid *b = &a->bids[i];
    if (a->state != AUCTION_OPEN || b->retracted)
        return 0;
    if (is_sealed(a) && !b->revealed)
        return a->terms.deposit_minor;
    if (is_sealed(a))
        return is_first(a, i) && b->price_minor >= a->terms.reserve_minor ? b->price_minor : 0;
    if (a->terms.form == AUCTION_ENGLISH)
        return is_first(a, i) || a->now_ms < a->terms.retract_until_ms ? b->price_minor : 0;
    return b->price_minor * b->units;
}

static int64_t balance(const struct play *p, uint32_t holder, uint32_t unit, uint16_t purpose)
{
    const struct ledger *l = &p->w->state.ledger;
    return ledger_balance(l, ledger_find_for(l, holder, unit, purpose));
}

static void equal(const struct play *p, const char *what, uint32_t person, int64_t is,
                  int64_t should)
{
    if (is != should)
        fail_msg("seed %llu, after %llu commands: u%u has %lld %s, not %lld",
                 (unsigned long long)p->seed, (unsigned long long)p->done, person, (long long)is,
                 what, (long long)should);
}

/* Every account, from all bids there ever were. */
static void check_accounts(const struct play *p)
{
    const struct auctions *s = &p->w->state.auctions;
    const uint32_t unit = item_unit(p->good);
    int64_t taxes = 0;
    for (uint32_t person = 0; person < PEOPLE; person++) {
        uint32_t me = p->party[person];
        int64_t has = FUNDS, held = 0, aside = 0, owns = p->opened[person];
        for (size_t i = 0; i < s->lots_n; i++) {
            const struct auction *a = &s->lots[i].auction;
            int64_t sold = 0;
            bool mine = a->terms.seller == me;
            for (size_t j = 0; j < a->bids_n; j++) {
                const struct auction_bid *b = &a->bids[j];
                int64_t tax = b->paid_minor / 10, pays = b->paid_minor + b->forfeited_minor;
                sold += b->won_units;
                if (b->bidder == me) {
                    has -= pays + naive_hold(a, j);
                    held += naive_hold(a, j);
                    owns += b->won_units;
                }
                if (mine) {
                    has += pays - tax;
                    taxes += tax;
                }
            }
            if (mine && a->state == AUCTION_OPEN)
                aside += a->terms.units;
            if (mine)
                owns -= a->state == AUCTION_OPEN ? a->terms.units
                        : s->lots[i].made        ? a->terms.units /* made for it, sold or gone */
                                                 : sold;
        }
        equal(p, "gold", person, balance(p, me, 0, 0), has);
        equal(p, "gold for bids", person, balance(p, me, 0, PURPOSE_BIDS), held);
        equal(p, "pieces", person, balance(p, me, unit, 0), owns);
        equal(p, "pieces for sale", person, balance(p, me, unit, PURPOSE_BIDS), aside);
    }
    equal(p, "taxes", 0, balance(p, HOLDER_RETIRE, 0, PURPOSE_SINKS), taxes);
}

/* Who won and what he paid, of the kinds where the bids alone say it. */
static void check_winner(const struct play *p, const struct auction *a)
{
    int64_t second = 0, best = 0, won = 0;
    for (size_t i = 0; i < a->bids_n; i++) {
        const struct auction_bid *b = &a->bids[i];
        bool in = !b->retracted && (!is_sealed(a) || b->revealed);
        won += b->won_units;
        if (b->won_units > 0 && b->paid_minor > b->price_minor * b->won_units)
            fail_msg("seed %llu: who won pays more than he bid", (unsigned long long)p->seed);
        if (in && b->price_minor > best) {
            second = best;
            best = b->price_minor;
        } else if (in && b->price_minor > second) {
            second = b->price_minor;
        }
    }
    assert_true(won <= a->terms.units && (won > 0) == (a->state == AUCTION_SOLD));
    for (size_t i = 0; is_sealed(a) && won > 0 && i < a->bids_n; i++) {
        const struct auction_bid *b = &a->bids[i];
        int64_t least = second > a->terms.reserve_minor ? second : a->terms.reserve_minor;
        if (b->won_units == 0)
            continue;
        assert_true(is_first(a, i) && best >= a->terms.reserve_minor);
        assert_int_equal(b->paid_minor, a->terms.form == AUCTION_SEALED_FIRST ? best : least);
    }
}

/* ── random commands ── */

static const char *person_of(struct play *p)
{
    return numbered("u", below(p, PEOPLE));
}

static const char *lot_of(struct play *p)
{
    size_t n = p->w->state.auctions.lots_n;
    return numbered("",
                    n == 0 || below(p, 30) == 0 ? n : n - 1 - below(p, n < 6 ? (uint32_t)n : 6));
}

/* Mostly the newest that takes sealed bids. */
static const char *sealed_lot(struct play *p)
{
    const struct auctions *s = &p->w->state.auctions;
    for (size_t i = s->lots_n; i-- > 0 && below(p, 5) > 0;)
        if (is_sealed(&s->lots[i].auction) && s->lots[i].auction.state == AUCTION_OPEN)
            return numbered("", i);
    return lot_of(p);
}

static const char *price_of(struct play *p)
{
    return money(100 * (1 + below(p, 30)));
}

static enum heed_status open_one(struct play *p, json_t **reply)
{
    int64_t closes = p->now_ms + MINUTE * (5 + below(p, 60));
    const char *retract = below(p, 2) ? seconds(closes - MINUTE * 4) : NULL;
    const char *who = below(p, 3) ? "u0" : person_of(p), *made = below(p, 4) ? "1" : "0";
    const char *reserve = below(p, 2) ? "5" : "0";
    switch (below(p, 6)) {
    case 0:
    case 1:
        return call_as(p->w, who, p->now_ms, reply, "auction open", "good", "lamp", "closes",
                       seconds(closes), "new", made, "reserve", reserve, "start", "1", "step",
                       "0.5", "buy-now", "25", "extend", "3 min", retract ? "retract-until" : NULL,
                       retract, NULL);
    case 2:
        return call_as(p->w, who, p->now_ms, reply, "auction open", "good", "lamp", "closes",
                       seconds(closes), "new", made, "kind", "dutch", "start", "30", "step", "1",
                       "reserve", reserve, NULL);
    case 3:
        return call_as(p->w, who, p->now_ms, reply, "auction open", "good", "lamp", "closes",
                       seconds(closes), "new", made, "kind",
                       below(p, 2) ? "vickrey" : "first_price", "deposit", "2", "reserve", reserve,
                       "reveal-until", seconds(closes + MINUTE * 30), NULL);
    default:
        return call_as(p->w, who, p->now_ms, reply, "auction open", "good", "lamp", "closes",
                       seconds(closes), "new", made, "kind", below(p, 2) ? "uniform" : "pay_as_bid",
                       "units", "4", "reserve", reserve, retract ? "retract-until" : NULL, retract,
                       NULL);
    }
}

static const char salt[] = "3030303030303030303030303030303030303030303030303030303030303030";

static enum heed_status commit_one(struct play *p, json_t **reply)
{
    uint8_t bytes[AUCTION_SALT];
    char hex[65];
    const char *lot = sealed_lot(p), *who = person_of(p);
    memset(bytes, '0', sizeof bytes);
    sha256_hex(auction_commitment(str_of(lot), str_of(who), 100 * (1 + below(p, 30)), bytes), hex);
    return call_as(p->w, who, p->now_ms, reply, "auction commit", "auction", lot, "hash", hex,
                   NULL);
}

/* Tries amounts until one is that which was committed. */
static enum heed_status reveal_one(struct play *p, json_t **reply)
{
    const char *lot = sealed_lot(p), *who = person_of(p);
    enum heed_status status = HEED_REFUSED;
    for (int64_t amount = 1; amount <= 30 && status == HEED_REFUSED; amount++) {
        json_decref(*reply);
        *reply = NULL;
        status = call_as(p->w, who, p->now_ms, reply, "auction reveal", "auction", lot, "amount",
                         money(100 * amount), "salt", salt, NULL);
    }
    return status;
}

static enum heed_status erase_one(struct play *p, json_t **reply)
{
    uint32_t who = below(p, PEOPLE);
    if (p->done < STEPS / 2 || below(p, 4))
        return HEED_REFUSED;
    enum heed_status status =
        call_as(p->w, NULL, p->now_ms, reply, "user erase", "user", numbered("u", who), NULL);
    p->gone[who] = true;
    return status;
}

static enum heed_status bid_one(struct play *p, json_t **reply)
{
    const char *lot = lot_of(p), *who = person_of(p), *price = price_of(p);
    if (below(p, 12) == 0)
        return call_as(p->w, who, p->now_ms, reply, "auction bid", "auction", lot, "buy-now", "1",
                       NULL);
    if (below(p, 3) == 0)
        return call_as(p->w, who, p->now_ms, reply, "auction bid", "auction", lot, "amount", price,
                       "units", numbered("", 1 + below(p, 3)), NULL);
    return call_as(p->w, who, p->now_ms, reply, "auction bid", "auction", lot, "amount", price,
                   NULL);
}

static void step(struct play *p)
{
    json_t *reply = NULL;
    struct auctions *s = &p->w->state.auctions;
    size_t lots = s->lots_n;
    p->now_ms += below(p, 2 * MINUTE);
    /* what is due comes first, so that a refused command can be seen to change nothing */
    assert_int_equal(call_as(p->w, NULL, p->now_ms, NULL, "ledger issue", "to", "system:pool",
                             "amount", "1", NULL),
                     HEED_OK);
    struct sha256 before = hash_of(p->w), after;
    enum heed_status status;
    switch (below(p, 16)) {
    case 0:
    case 1:
        status = open_one(p, &reply);
        break;
    case 2:
    case 3:
        status = commit_one(p, &reply);
        break;
    case 4:
    case 5:
    case 6:
        status = reveal_one(p, &reply);
        break;
    case 7:
        status = call_as(p->w, person_of(p), p->now_ms, &reply, "auction retract", "auction",
                         lot_of(p), NULL);
        break;
    case 8:
        status = call_as(p->w, below(p, 2) ? NULL : person_of(p), p->now_ms, &reply,
                         "auction close", "auction", lot_of(p), below(p, 2) ? "withdraw" : "cancel",
                         below(p, 4) ? "0" : "1", NULL);
        break;
    case 9:
        status = erase_one(p, &reply);
        break;
    default:
        status = bid_one(p, &reply);
    }
    assert_true(status == HEED_OK || status == HEED_REFUSED);
    after = hash_of(p->w);
    if (status == HEED_REFUSED && !sha256_eq(before, after))
        fail_msg("seed %llu: a refused command changed the world", (unsigned long long)p->seed);
    for (uint32_t i = 0; i < PEOPLE && s->lots_n > lots; i++)
        if (s->lots[lots].auction.terms.seller == p->party[i] && s->lots[lots].made)
            p->opened[i] += s->lots[lots].auction.terms.units;
    p->refused += status == HEED_REFUSED;
    p->done++;
    json_decref(reply);
}

static void accounts_are_what_bids_need(void **unused)
{
    (void)unused;
    const char *asked = getenv("HEED_AUCTION_WORLDS");
    uint64_t seeds = asked ? strtoull(asked, NULL, 10) : 12, sold[AUCTION_FORMS] = {0}, forfeit = 0;
    for (uint64_t seed = 1; seed <= seeds; seed++) {
        struct play p = play_new(seed);
        for (int i = 0; i < STEPS; i++) {
            step(&p);
            check_accounts(&p);
        }
        p.now_ms += 2 * DAY;
        call_as(p.w, NULL, p.now_ms, NULL, "ledger issue", "to", "system:pool", "amount", "1",
                NULL);
        check_accounts(&p);
        const struct auctions *s = &p.w->state.auctions;
        assert_int_equal(s->running_n, 0);
        for (size_t i = 0; i < s->lots_n; i++) {
            const struct auction *a = &s->lots[i].auction;
            check_winner(&p, a);
            sold[a->terms.form] += a->state == AUCTION_SOLD;
            for (size_t j = 0; j < a->bids_n; j++)
                forfeit += a->bids[j].forfeited_minor > 0;
        }
        world_close(restored_from(p.w));
        assert_verified(p.w);
        world_close(p.w);
    }
    for (int form = 0; form < AUCTION_FORMS; form++) /* each kind came to a sale */
        if (sold[form] < seeds / 4)
            fail_msg("only %llu of kind %s were sold", (unsigned long long)sold[form],
                     auction_form_name((enum auction_form)form));
    assert_true(forfeit >= seeds / 4);
}

/* A winner who may not buy any more is passed over: of units by the next bids, else nobody wins. */
static void rules_of_the_close_bind(void **unused)
{
    (void)unused;
    struct world *w = world_with_rules(
        "currencies: [{code: gold, scale: 2}]\n"
        "market: {limits: [{name: few, on: [shop, auction], units: 2, window: 30 d}]}\n");
    for (uint32_t i = 0; i < 3; i++) {
        json_decref(call_ok(w, "user add", "id", numbered("u", i), NULL));
        json_decref(call_ok(w, "ledger issue", "to", numbered("u", i), "amount", "100", NULL));
    }
    json_decref(
        call_ok(w, "good add", "id", "lamp", "name", "Lamp", "seller", "u0", "price", "1", NULL));
    json_decref(call_ok(w, "auction open", "good", "lamp", "user", "u0", "new", "1", "kind",
                        "uniform", "units", "2", "closes", "2026-01-01T01:00:00Z", NULL));
    json_decref(call_ok(w, "auction open", "good", "lamp", "user", "u0", "new", "1", "closes",
                        "2026-01-01T01:00:00Z", NULL));
    call_refused(w, "trade_limit", "auction bid", "auction", "0", "user", "u1", "amount", "9",
                 "units", "3", NULL);
    json_decref(
        call_ok(w, "auction bid", "auction", "0", "user", "u1", "amount", "9", "units", "2", NULL));
    json_decref(
        call_ok(w, "auction bid", "auction", "0", "user", "u2", "amount", "4", "units", "1", NULL));
    json_decref(call_ok(w, "auction bid", "auction", "1", "user", "u2", "amount", "7", NULL));
    json_decref(call_ok(w, "auction bid", "auction", "1", "user", "u1", "amount", "8", NULL));
    json_decref(call_ok(w, "shop buy", "good", "lamp", "user", "u1", NULL));
    json_decref(call_ok(w, "shop buy", "good", "lamp", "user", "u1", NULL));
    json_t *reply = NULL;
    assert_int_equal(call_as(w, NULL, T0 + DAY, &reply, "auction close", "auction", "0", NULL),
                     HEED_OK);
    json_decref(reply);
    const struct lot *lots = w->state.auctions.lots;
    assert_true(lots[0].auction.bids[0].retracted);
    assert_int_equal(lots[0].auction.bids[1].won_units, 1);
    assert_int_equal(lots[0].auction.bids[1].paid_minor, 400);
    assert_int_equal(lots[1].auction.state, AUCTION_UNSOLD);
    const struct ledger *l = &w->state.ledger;
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(
            ledger_balance(l, ledger_find_for(l, world_find_user(w, str_of(numbered("u", i))), 0,
                                              PURPOSE_BIDS)),
            0);
    assert_verified(w);
    world_close(w);
}

/* An end that cannot be paid, since an account takes no more, waits a day and is tried again. */
static void an_end_that_cannot_be_paid_waits(void **unused)
{
    (void)unused;
    struct world *w = world_with_rules("currencies: [{code: gold}, {code: gem, scale: 2}]\n");
    json_decref(call_ok(w, "user add", "id", "ann", NULL));
    json_decref(call_ok(w, "user add", "id", "bob", NULL));
    json_decref(
        call_ok(w, "ledger open", "account", "ann", "currency", "gem", "bounds", "credits", NULL));
    json_decref(call_ok(w, "ledger issue", "to", "bob", "amount", "100", "currency", "gem", NULL));
    json_decref(call_ok(w, "good add", "id", "lamp", "name", "Lamp", "seller", "ann", "currency",
                        "gem", NULL));
    json_decref(call_ok(w, "auction open", "good", "lamp", "user", "ann", "new", "1", "closes",
                        "2026-01-01T01:00:00Z", NULL));
    call_refused(w, "own_auction", "auction bid", "auction", "0", "user", "ann", "amount", "1",
                 NULL);
    json_decref(call_ok(w, "auction bid", "auction", "0", "user", "bob", "amount", "7", NULL));
    for (int day = 1; day <= 3; day++) {
        json_t *reply = NULL;
        if (day == 3) /* she owes some: now there is room */
            assert_int_equal(call_as(w, NULL, T0 + 2 * DAY + 1, NULL, "ledger transfer", "from",
                                     "ann", "to", "bob", "amount", "50", "currency", "gem", NULL),
                             HEED_OK);
        assert_int_equal(call_as(w, NULL, T0 + day * DAY + DAY / 2, &reply, "auction close",
                                 "auction", "0", NULL),
                         HEED_OK);
        assert_string_equal(json_string_value(json_object_get(reply, "state")),
                            day < 3 ? "closing" : "sold");
        json_decref(reply);
        assert_verified(w);
    }
    world_close(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accounts_are_what_bids_need),
        cmocka_unit_test(rules_of_the_close_bind),
        cmocka_unit_test(an_end_that_cannot_be_paid_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
