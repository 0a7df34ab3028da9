/* People of plaza on the exchange: what draws most attention is traded there by item, each order at
 * its owner's opinion. */
#include "sim/plaza_market.h"

#include <stdlib.h>

enum {
    OPENS_H = 9,
    CLOSES_H = 17,
    CALL_MS = HOUR_MS / 2, /* orders are gathered so long before the opening */
    CREATOR_PIECES = 150,
};

enum heed_status exchange_begin(struct market *m, int64_t time_ms, struct heed_error *err)
{
    const struct catalogue *c = &m->w->state.catalogue;
    enum heed_status status = HEED_OK;
    m->now_ms = time_ms;
    for (uint32_t i = 0; i < m->ranked_n && m->traded_n < PLAZA_MARKETS; i++) {
        const struct good *g = catalogue_good(c, m->ranked[i]);
        if (g->price_minor >= 200) /* a tick is then small against it */
            m->traded[m->traded_n++] = m->ranked[i];
    }
    for (uint32_t i = 0; status == HEED_OK && i < m->traded_n; i++) {
        struct words a = {0}, b = {0};
        words_target(m, &a, "good", m->traded[i]);
        words_money(m, &a, "tick", 5);
        words_number(&a, "maker", 5000);
        words_number(&a, "taker", 10000);
        words_number(&a, "auction", 5000);
        words_number(&a, "protection", 200000);
        words_number(&a, "call", CALL_MS / 1000);
        words_number(&a, "opens", OPENS_H * 60);
        words_number(&a, "closes", CLOSES_H * 60);
        status = market_send(m, COMMAND_exchange_open, HANDLE_NONE, &a, NULL, err);
        /* what its maker has made for it */
        words_user(m, &b, "to", catalogue_good(c, m->traded[i])->seller);
        words_number(&b, "amount", CREATOR_PIECES);
        words_target(m, &b, "currency", m->traded[i]);
        if (status == HEED_OK)
            status = market_send(m, COMMAND_ledger_issue, HANDLE_NONE, &b, NULL, err);
    }
    return status;
}

enum heed_status exchange_morning(struct market *m, int64_t day_ms, struct heed_error *err)
{
    int64_t opens = day_ms + OPENS_H * HOUR_MS, closes = day_ms + CLOSES_H * HOUR_MS;
    uint32_t orders = m->people_n / 12 < 150 ? m->people_n / 12 + 10 : 160;
    enum heed_status status = HEED_OK;
    for (uint32_t k = 0; k < m->traded_n; k++) {
        m->holders_n[k] = 0;
        for (uint32_t i = 0; i < m->people_n; i++)
            if (market_pieces(m, m->people[i], m->traded[k]) > 0)
                m->holders[k][m->holders_n[k]++] = m->people[i];
        for (uint32_t i = 0; status == HEED_OK && i < orders; i++) {
            bool call = i < orders / 5;
            int64_t at =
                call ? market_between(m, opens - CALL_MS, opens) : market_between(m, opens, closes);
            enum plaza_act act = !call && plaza_chance(&m->r, 0.15) ? ACT_RECALL : ACT_ORDER;
            status = market_plan(m, at, act, k, HANDLE_NONE, err);
        }
    }
    return status;
}

/* Who sells: the maker in one of three, else somebody who had some this morning. */
static uint32_t seller_of(struct market *m, uint32_t k)
{
    enum { TRIES = 10 };
    uint32_t maker = catalogue_good(&m->w->state.catalogue, m->traded[k])->seller;
    if (plaza_chance(&m->r, 1.0 / 3) && market_pieces(m, maker, m->traded[k]) > 0)
        return maker;
    for (int i = 0; i < TRIES && m->holders_n[k] > 0; i++) {
        uint32_t person = m->holders[k][prng_below(&m->r, m->holders_n[k])];
        if (market_pieces(m, person, m->traded[k]) > 0)
            return person;
    }
    return HANDLE_NONE;
}

static enum heed_status place(struct market *m, uint32_t k, uint32_t person, bool sells,
                              int64_t opinion, struct heed_error *err)
{
    uint32_t target = m->traded[k];
    bool maker = person == catalogue_good(&m->w->state.catalogue, target)->seller;
    bool call = m->now_ms % DAY_MS < OPENS_H * HOUR_MS;
    double kind = prng_double(&m->r);
    int64_t size = 1 + (int64_t)prng_below(&m->r, 3);
    int64_t most = sells ? market_pieces(m, person, target) : market_money(m, person) / 4 / opinion;
    size = sells && maker ? size + 3 : size;
    size = size < most ? size : most;
    struct words a = {0};
    words_target(m, &a, "good", target);
    words_text(&a, "side", sells ? "sell" : "buy");
    words_number(&a, "size", size);
    if (!call && kind < 0.08) { /* at once, and not much worse than he thinks right */
        words_text(&a, "type", "market");
        words_money(m, &a, "price", market_price(opinion, sells ? 90 : 110));
    } else {
        words_money(m, &a, "price", market_price(opinion, 100));
        if (!call && kind < 0.14)
            words_text(&a, "tif", "ioc");
        else if (kind < 0.34)
            words_number(&a, "for", 3600 * (1 + (int64_t)prng_below(&m->r, 24)));
        else if (sells && maker && size > 2)
            words_number(&a, "display", 2);
    }
    json_t *reply = NULL;
    enum heed_status status = market_send(m, COMMAND_exchange_place, person, &a, &reply, err);
    if (status == HEED_OK && json_is_true(json_object_get(reply, "open"))) {
        if (array_grow(&m->resting, &m->resting_cap, m->resting_n + 1, sizeof *m->resting))
            m->resting[m->resting_n++] =
                (struct resting){json_integer_value(json_object_get(reply, "order")), k, person};
        else
            status = error_nomem(err);
    }
    json_decref(reply);
    return status;
}

enum heed_status exchange_order(struct market *m, uint32_t market, struct heed_error *err)
{
    uint32_t target = m->traded[market];
    bool sells = plaza_chance(&m->r, 0.5);
    uint32_t person = sells ? seller_of(m, market) : HANDLE_NONE;
    if (person == HANDLE_NONE) {
        sells = false;
        person = market_payer(m, market_fair(m, target));
    }
    if (person == HANDLE_NONE)
        return HEED_OK;
    int64_t mood = 97 + (int64_t)prng_below(&m->r, 7);
    bool maker = person == catalogue_good(&m->w->state.catalogue, target)->seller;
    int64_t worth = maker ? market_fair(m, target) : market_opinion(m, person, target);
    int64_t opinion = market_price(worth, mood);
    if (!sells && market_money(m, person) / 4 < opinion)
        return HEED_OK;
    return place(m, market, person, sells, opinion, err);
}

/* Somebody thinks better of an order that still stands, if one does. */
enum heed_status exchange_recall(struct market *m, struct heed_error *err)
{
    while (m->resting_n > 0) {
        size_t at = (size_t)prng_below(&m->r, m->resting_n);
        struct resting x = m->resting[at];
        uint32_t target = m->traded[x.market];
        size_t venue = venues_find(&m->w->state.venues, target, m->currency);
        struct exchange_order order;
        m->resting[at] = m->resting[--m->resting_n];
        if (!exchange_find(m->w->state.venues.list[venue].x, 0, (uint64_t)x.number, &order))
            continue; /* filled, or its time is over */
        struct words a = {0};
        words_target(m, &a, "good", target);
        words_number(&a, "order", x.number);
        return market_send(m, COMMAND_exchange_cancel, x.person, &a, NULL, err);
    }
    return HEED_OK;
}
