/* What people of plaza do with what they earned. */
#include "sim/plaza.h"

#include "world/apply.h"

#include <stdlib.h>

struct wish {
    int64_t weight;
    uint32_t target;
};

static int by_weight(const void *a, const void *b)
{
    const struct wish *x = a, *y = b;
    if (x->weight != y->weight)
        return x->weight < y->weight ? 1 : -1;
    return x->target < y->target ? -1 : x->target > y->target;
}

struct trade {
    struct world *w;
    struct wish *wishes;
    size_t cap;
    int64_t time_ms;
    int64_t purchases, spent_minor, fees_minor;
};

/* Goods a person cares for, most first; *n of them. Being in the cart weighs heavily already. */
static bool wishes_of(struct trade *t, uint32_t user, size_t *n)
{
    const struct behaviour *b = &t->w->state.behaviour;
    int64_t half_life_ms = t->w->state.rules.behaviour.half_life_ms;
    const struct user_stats *u = behaviour_user(b, user);
    *n = 0;
    for (uint32_t i = u ? u->head : HANDLE_NONE; i != HANDLE_NONE; i = b->pairs[i].next) {
        const struct pair *p = &b->pairs[i];
        if (target_kind(p->target) != TARGET_GOOD || p->weight_micro <= 0)
            continue;
        if (!array_grow(&t->wishes, &t->cap, *n + 1, sizeof *t->wishes))
            return false;
        int64_t age_ms = b->latest_ms - (int64_t)p->time_s * 1000;
        t->wishes[*n] =
            (struct wish){behaviour_decay(p->weight_micro, age_ms, half_life_ms), p->target};
        ++*n;
    }
    if (*n)
        qsort(t->wishes, *n, sizeof *t->wishes, by_weight);
    return true;
}

static enum heed_status buy(struct trade *t, uint32_t user, uint32_t target, struct heed_error *err)
{
    struct call call = {.command = COMMAND_shop_buy, .actor = user, .time_ms = t->time_ms};
    for (int i = 0; i < CALL_INTS; i++)
        call.i[i] = CALL_ABSENT;
    call.i[0] = target;
    call.i[1] = user;
    struct outcome o = {0};
    enum heed_status status = world_apply(t->w, &call, &o, err);
    if (status != HEED_OK || o.refusal != REFUSED_NOT)
        return status; /* sold out, say: there are other goods */
    const struct purchase *p = &t->w->state.shop.purchases[o.handle];
    t->purchases++;
    t->spent_minor += p->price_minor;
    t->fees_minor += p->fee_minor;
    return HEED_OK;
}

static enum heed_status shop_for(struct trade *t, uint32_t user, struct heed_error *err)
{
    const struct state *s = &t->w->state;
    size_t n = 0;
    if (!wishes_of(t, user, &n))
        return error_nomem(err);
    for (size_t i = 0; i < n; i++) {
        const struct good *g = catalogue_good(&s->catalogue, t->wishes[i].target);
        int64_t balance = ledger_balance(&s->ledger, ledger_find(&s->ledger, user, g->currency));
        if (g->price_minor < 0 || balance < g->price_minor)
            continue;
        enum heed_status status = buy(t, user, t->wishes[i].target, err);
        if (status != HEED_OK)
            return status;
    }
    return HEED_OK;
}

enum heed_status plaza_trade(struct world *w, json_t **traded, struct heed_error *err)
{
    const struct state *s = &w->state;
    const struct consumption *c = &s->consumption;
    struct trade t = {.w = w, .time_ms = world_now(w)};
    enum heed_status status = HEED_OK;
    *traded = NULL;
    if (c->settlements_n) { /* the day after the last that was paid */
        int64_t paid_ms = (c->settled_through + 1) * s->rules.consumption.epoch_ms;
        t.time_ms = paid_ms > t.time_ms ? paid_ms : t.time_ms;
    }
    for (uint32_t i = 0; status == HEED_OK && s->shop.purchases_n == (size_t)t.purchases &&
                         i < s->catalogue.parties_n;
         i++) {
        const struct party *p = &s->catalogue.parties[i];
        if (p->flags & PARTY_USER && !(p->flags & PARTY_ERASED))
            status = shop_for(&t, i, err);
    }
    free(t.wishes);
    status = world_guard(w, status);
    if (status == HEED_OK)
        status = world_commit(w, err);
    if (status != HEED_OK)
        return status;
    return reply_pack(traded, err, "{s:I,s:I,s:I}", "purchases", (json_int_t)t.purchases,
                      "spent_minor", (json_int_t)t.spent_minor, "fees_minor",
                      (json_int_t)t.fees_minor);
}
