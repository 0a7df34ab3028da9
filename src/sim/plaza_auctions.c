/* People of plaza in auctions: creators sell what they make for them, buyers what they bought. */
#include "sim/plaza_market.h"

#include <stdio.h>

enum { ENGLISH_A_DAY = 5, VICKREY_A_DAY = 2 };

/* ── what is sold ── */

/* A good of much attention, sold by its maker; or, again, one that somebody bought. */
static bool choose_thing(struct market *m, bool again, struct sale *x)
{
    const struct state *s = &m->w->state;
    enum { TRIES = 20 };
    uint32_t sought = m->ranked_n < PLAZA_SOUGHT ? m->ranked_n : PLAZA_SOUGHT;
    x->made = !again;
    if (!again) {
        x->target = m->ranked[prng_below(&m->r, sought)];
        x->seller = catalogue_good(&s->catalogue, x->target)->seller;
        return true;
    }
    for (int i = 0; i < TRIES && s->shop.purchases_n > 0; i++) {
        const struct purchase *p = &s->shop.purchases[prng_below(&m->r, s->shop.purchases_n)];
        x->target = p->target;
        x->seller = p->recipient;
        if (p->currency == m->currency && market_pieces(m, p->recipient, p->target) > 0)
            return true;
    }
    return false;
}

static enum heed_status plan_bids(struct market *m, uint32_t sale, uint32_t bids,
                                  struct heed_error *err)
{
    const struct sale *x = &m->sales[sale];
    int64_t late = x->closes_ms - HOUR_MS / 6;
    enum heed_status status = HEED_OK;
    for (uint32_t i = 0; status == HEED_OK && i < bids; i++) {
        bool snipes = x->form == AUCTION_ENGLISH && plaza_chance(&m->r, 0.3);
        int64_t at = market_between(m, snipes ? late : x->opens_ms + 60000, x->closes_ms);
        status = market_plan(m, at, ACT_BID, sale, HANDLE_NONE, err);
    }
    return status;
}

static enum heed_status plan_sale(struct market *m, const struct sale *x, uint32_t bids,
                                  struct heed_error *err)
{
    if (!array_grow(&m->sales, &m->sales_cap, m->sales_n + 1, sizeof *m->sales))
        return error_nomem(err);
    uint32_t sale = (uint32_t)m->sales_n++;
    m->sales[sale] = *x;
    m->sales[sale].number = -1;
    enum heed_status status = market_plan(m, x->opens_ms, ACT_OPEN, sale, HANDLE_NONE, err);
    return status == HEED_OK ? plan_bids(m, sale, bids, err) : status;
}

/* All begin and end on one day, in the afternoon at the latest what is revealed. */
enum heed_status auctions_morning(struct market *m, int64_t day_ms, struct heed_error *err)
{
    enum heed_status status = HEED_OK;
    int64_t day = (day_ms - m->start_ms) / DAY_MS;
    for (int i = 0; status == HEED_OK && m->ranked_n > 0 && i < ENGLISH_A_DAY; i++) {
        struct sale x = {.form = AUCTION_ENGLISH, .units = 1};
        x.opens_ms = market_between(m, day_ms + 8 * HOUR_MS, day_ms + 12 * HOUR_MS);
        x.closes_ms = market_between(m, day_ms + 18 * HOUR_MS, day_ms + 21 * HOUR_MS);
        if (choose_thing(m, day > 0 && i % 2 == 1, &x))
            status = plan_sale(m, &x, 4 + (uint32_t)prng_below(&m->r, 12), err);
    }
    for (int i = 0; status == HEED_OK && m->ranked_n > 0 && i < VICKREY_A_DAY; i++) {
        struct sale x = {.form = AUCTION_SEALED_VICKREY, .units = 1};
        x.opens_ms = day_ms + 9 * HOUR_MS;
        x.closes_ms = day_ms + 17 * HOUR_MS;
        x.reveal_until_ms = x.closes_ms + 3 * HOUR_MS;
        if (choose_thing(m, false, &x))
            status = plan_sale(m, &x, 4 + (uint32_t)prng_below(&m->r, 8), err);
    }
    if (status == HEED_OK && m->traded_n > 0 && day % 2 == 0) { /* many of what is traded */
        struct sale x = {.form = AUCTION_UNITS_UNIFORM, .made = true};
        x.target = m->traded[(uint64_t)day / 2 % m->traded_n];
        x.seller = catalogue_good(&m->w->state.catalogue, x.target)->seller;
        x.units = 20 + (int64_t)prng_below(&m->r, 20);
        x.opens_ms = day_ms + 10 * HOUR_MS;
        x.closes_ms = day_ms + 16 * HOUR_MS;
        status = plan_sale(m, &x, 2 * (uint32_t)x.units, err);
    }
    return status;
}

enum heed_status auctions_open_sale(struct market *m, uint32_t sale, struct heed_error *err)
{
    struct sale *x = &m->sales[sale];
    int64_t fair = market_fair(m, x->target), reserve = 60 + (int64_t)prng_below(&m->r, 60);
    struct words a = {0};
    json_t *reply = NULL;
    words_target(m, &a, "good", x->target);
    words_text(&a, "kind", auction_form_name(x->form));
    words_time(&a, "closes", x->closes_ms);
    words_money(m, &a, "reserve", market_price(fair, x->units > 1 ? 70 : reserve));
    if (x->made)
        words_text(&a, "new", "true");
    if (x->form == AUCTION_ENGLISH) {
        words_money(m, &a, "start", market_price(fair, 30));
        words_text(&a, "increments", "0:0.05,2:0.10,5:0.25,10:0.50");
        words_text(&a, "extend", "5 min");
    } else if (x->form == AUCTION_SEALED_VICKREY) {
        words_money(m, &a, "deposit", market_price(fair, 10));
        words_time(&a, "reveal-until", x->reveal_until_ms);
    } else {
        words_number(&a, "units", x->units);
    }
    enum heed_status status = market_send(m, COMMAND_auction_open, x->seller, &a, &reply, err);
    if (reply)
        x->number = json_integer_value(json_object_get(reply, "auction"));
    json_decref(reply);
    return status;
}

/* ── bids ── */

static void hex_of(const uint8_t *bytes, size_t n, char *out)
{
    for (size_t i = 0; i < n; i++)
        snprintf(out + 2 * i, 3, "%02x", bytes[i]);
}

/* Who commits reveals later, but one in twelve, who forfeits his deposit. */
static enum heed_status commit(struct market *m, uint32_t sale, uint32_t person, int64_t amount,
                               struct heed_error *err)
{
    const struct sale *x = &m->sales[sale];
    if (!array_grow(&m->sealed, &m->sealed_cap, m->sealed_n + 1, sizeof *m->sealed))
        return error_nomem(err);
    struct sealed *s = &m->sealed[m->sealed_n];
    *s = (struct sealed){.amount_minor = amount, .sale = sale, .person = person};
    for (size_t i = 0; i < sizeof s->salt; i++)
        s->salt[i] = (uint8_t)prng_below(&m->r, 256);
    char number[32], hash[65];
    snprintf(number, sizeof number, "%lld", (long long)x->number);
    struct sha256 h =
        auction_commitment(str_of(number), world_party_id(m->w, person), amount, s->salt);
    hex_of(h.b, sizeof h.b, hash);
    struct words a = {0};
    json_t *reply = NULL;
    words_number(&a, "auction", x->number);
    words_text(&a, "hash", hash);
    enum heed_status status = market_send(m, COMMAND_auction_commit, person, &a, &reply, err);
    bool taken = reply != NULL;
    json_decref(reply);
    if (status != HEED_OK || !taken)
        return status;
    uint32_t sealed = (uint32_t)m->sealed_n++;
    if (plaza_chance(&m->r, 1.0 / 12))
        return HEED_OK;
    return market_plan(m, market_between(m, x->closes_ms + 60000, x->reveal_until_ms), ACT_REVEAL,
                       sealed, person, err);
}

enum heed_status auctions_bid_in(struct market *m, uint32_t sale, struct heed_error *err)
{
    const struct sale *x = &m->sales[sale];
    uint32_t person = market_payer(m, market_fair(m, x->target));
    if (x->number < 0 || person == HANDLE_NONE || person == x->seller)
        return HEED_OK;
    int64_t amount = market_price(market_opinion(m, person, x->target), 100);
    int64_t most = market_money(m, person) / 3;
    const struct auction *now = &m->w->state.auctions.lots[x->number].auction;
    bool outbid = x->form == AUCTION_ENGLISH && amount <= now->price_minor;
    if (amount > most || outbid)
        return HEED_OK;
    if (x->form == AUCTION_SEALED_VICKREY)
        return commit(m, sale, person, amount, err);
    int64_t units = x->form == AUCTION_UNITS_UNIFORM ? 1 + (int64_t)prng_below(&m->r, 3) : 1;
    struct words a = {0};
    words_number(&a, "auction", x->number);
    words_money(m, &a, "amount", amount);
    if (x->form == AUCTION_UNITS_UNIFORM)
        words_number(&a, "units", units < most / amount ? units : most / amount);
    return market_send(m, COMMAND_auction_bid, person, &a, NULL, err);
}

enum heed_status auctions_reveal_bid(struct market *m, uint32_t sealed, struct heed_error *err)
{
    const struct sealed *s = &m->sealed[sealed];
    char salt[2 * AUCTION_SALT + 1];
    struct words a = {0};
    hex_of(s->salt, sizeof s->salt, salt);
    words_number(&a, "auction", m->sales[s->sale].number);
    words_money(m, &a, "amount", s->amount_minor);
    words_text(&a, "salt", salt);
    return market_send(m, COMMAND_auction_reveal, s->person, &a, NULL, err);
}
