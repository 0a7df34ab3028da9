/* People of plaza in the shop: they buy what they put in a cart or liked, and offer again what they
 * do not keep. */
#include "sim/plaza_market.h"

#include <stdlib.h>

enum { WISHES = 12 };

static int by_weight(const void *a, const void *b)
{
    const struct wish *x = a, *y = b;
    if (x->weight != y->weight)
        return x->weight < y->weight ? 1 : -1;
    return x->target < y->target ? -1 : x->target > y->target;
}

/* Goods a person cares for and has none of, most first; *n of them. Being in the cart weighs
 * heavily already. */
static bool wishes_of(struct market *m, uint32_t person, size_t *n)
{
    const struct behaviour *b = &m->w->state.behaviour;
    int64_t half_life_ms = m->w->state.rules.behaviour.half_life_ms;
    const struct user_stats *u = behaviour_user(b, person);
    *n = 0;
    for (uint32_t i = u ? u->head : HANDLE_NONE; i != HANDLE_NONE; i = b->pairs[i].next) {
        const struct pair *p = &b->pairs[i];
        if (target_kind(p->target) != TARGET_GOOD || p->weight_micro <= 0 ||
            market_pieces(m, person, p->target) > 0)
            continue;
        if (!array_grow(&m->wishes, &m->wishes_cap, *n + 1, sizeof *m->wishes))
            return false;
        int64_t age_ms = b->latest_ms - (int64_t)p->time_s * 1000;
        m->wishes[*n] =
            (struct wish){behaviour_decay(p->weight_micro, age_ms, half_life_ms), p->target};
        ++*n;
    }
    if (*n)
        qsort(m->wishes, *n, sizeof *m->wishes, by_weight);
    return true;
}

/* The cheapest of what others offer again; SHOP_NONE: nobody does. */
static uint32_t cheapest_offer(const struct market *m, uint32_t person, uint32_t target)
{
    const struct shop *s = &m->w->state.shop;
    uint32_t best = SHOP_NONE;
    for (uint32_t i = 0; i < s->offers_n; i++) {
        const struct offer *x = &s->offers[i];
        if (x->target == target && x->units > 0 && x->seller != person &&
            (best == SHOP_NONE || x->price_minor < s->offers[best].price_minor))
            best = i;
    }
    return best;
}

/* Buys one where it is cheapest, if it is worth that to him and `left` is enough; *left shrinks. */
static enum heed_status buy(struct market *m, uint32_t person, uint32_t target, int64_t *left,
                            struct heed_error *err)
{
    const struct state *s = &m->w->state;
    const struct good *g = catalogue_good(&s->catalogue, target);
    if (g->currency != m->currency || g->price_minor <= 0 || g->seller == person)
        return HEED_OK;
    uint32_t offer = cheapest_offer(m, person, target);
    int64_t price = g->listed && g->stock != 0 ? g->price_minor : INT64_MAX;
    if (offer != SHOP_NONE && s->shop.offers[offer].price_minor < price)
        price = s->shop.offers[offer].price_minor;
    else
        offer = SHOP_NONE;
    if (price > *left || price > market_opinion(m, person, target))
        return HEED_OK;
    struct words a = {0};
    json_t *reply = NULL;
    words_target(m, &a, "good", target);
    if (offer != SHOP_NONE)
        words_number(&a, "offer", offer);
    enum heed_status status = market_send(m, COMMAND_shop_buy, person, &a, &reply, err);
    if (reply)
        *left -= price;
    json_decref(reply);
    return status;
}

enum heed_status shop_visit(struct market *m, uint32_t person, struct heed_error *err)
{
    size_t n = 0;
    if (!wishes_of(m, person, &n))
        return error_nomem(err);
    struct wish wishes[WISHES];
    n = n < WISHES ? n : WISHES; /* buying may look at wishes again */
    if (n)
        memcpy(wishes, m->wishes, n * sizeof *wishes);
    int64_t money = market_money(m, person), left = m->purse[person] * 2 / 5;
    left = left < money ? left : money;
    enum heed_status status = HEED_OK;
    for (size_t i = 0; status == HEED_OK && i < n && left > 0; i++)
        status = buy(m, person, wishes[i].target, &left, err);
    return status;
}

enum heed_status shop_offer_again(struct market *m, uint32_t person, uint32_t target,
                                  struct heed_error *err)
{
    const struct good *g = catalogue_good(&m->w->state.catalogue, target);
    if (market_pieces(m, person, target) == 0)
        return HEED_OK;
    /* below what the shop asks, where it has any */
    int64_t price = market_price(market_opinion(m, person, target), 100);
    if (g->listed && g->stock != 0 && price > market_price(g->price_minor, 95))
        price = market_price(g->price_minor, 95);
    struct words a = {0};
    words_target(m, &a, "good", target);
    words_money(m, &a, "price", price);
    return market_send(m, COMMAND_shop_resell, person, &a, NULL, err);
}

/* Everybody comes twice a week or so; of what was bought the day before a sixth is offered again.
 */
enum heed_status shop_morning(struct market *m, int64_t day_ms, struct heed_error *err)
{
    const struct shop *s = &m->w->state.shop;
    enum heed_status status = HEED_OK;
    for (uint32_t i = 0; status == HEED_OK && i < m->people_n; i++)
        if (plaza_chance(&m->r, 2.0 / PLAZA_MARKET_DAYS))
            status = market_plan(m, market_between(m, day_ms + 7 * HOUR_MS, day_ms + 23 * HOUR_MS),
                                 ACT_VISIT, 0, m->people[i], err);
    for (; status == HEED_OK && m->bought_before < s->purchases_n; m->bought_before++) {
        const struct purchase *p = &s->purchases[m->bought_before];
        if (plaza_chance(&m->r, 1.0 / 6) && !market_traded(m, p->target))
            status = market_plan(m, market_between(m, day_ms + 8 * HOUR_MS, day_ms + 22 * HOUR_MS),
                                 ACT_RESELL, p->target, p->recipient, err);
    }
    return status;
}
