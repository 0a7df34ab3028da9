/* What the market rules make of a sale. */
#include "circulation/sale.h"

#include "circulation/shop_parts.h"

#include <stdio.h>

enum { PPM = 1000000 };

static struct market_party party_of(const struct catalogue *c, uint32_t holder)
{
    struct market_party p = {.party = holder < HOLDER_SYSTEM ? holder : MARKET_NOBODY};
    if (p.party != MARKET_NOBODY) {
        p.roles = c->parties[holder].role_bits;
        p.joined_ms = c->parties[holder].joined_at_ms;
    }
    return p;
}

struct sale sale_of(struct shop_desk *d, enum market_kind kind, uint16_t code, uint32_t target,
                    uint32_t seller, uint32_t buyer, int64_t unit_minor, int64_t quantity)
{
    static const struct market_rules none;
    const struct catalogue *c = d->catalogue;
    const struct good *g = catalogue_good(c, target);
    uint32_t creator = seller_of(g), class = g->category;
    /* rules that speak of another currency say nothing of it */
    const struct market_rules *rules = d->market->currency == g->currency ? d->market : &none;
    return (struct sale){
        .desk = d,
        .rules = rules,
        .good = g,
        .seller = seller,
        .buyer = buyer,
        .code = code,
        .trade = {.kind = kind,
                  .class = class == HANDLE_NONE ? STR_NONE : intern_str(&c->symbols, class),
                  .item = target,
                  .unit_minor = unit_minor,
                  .quantity = quantity,
                  .time_ms = d->time_ms,
                  .base_fee_minor = market_meter_fee(&d->shop->meter, &rules->base_fee, d->time_ms),
                  .seller = party_of(c, seller),
                  .buyer = party_of(c, buyer),
                  .creator = creator < HOLDER_SYSTEM ? creator : MARKET_NOBODY,
                  .affiliate = MARKET_NOBODY}};
}

/* The purpose of a sink, made when it is new. */
static bool sink_of(struct shop *s, const char *name, uint16_t *purpose)
{
    size_t i = 0;
    while (i < s->sinks_n && strcmp(s->sinks[i].text, name) != 0)
        i++;
    if (i == SINKS_MAX)
        return false;
    if (i == s->sinks_n)
        snprintf(s->sinks[s->sinks_n++].text, sizeof s->sinks[0].text, "%s", name);
    *purpose = (uint16_t)(PURPOSE_SINKS + i);
    return true;
}

static void add_line(struct sale *s, int64_t minor, uint32_t holder, uint16_t purpose,
                     uint16_t code, uint32_t rule)
{
    if (minor > 0 && holder != s->buyer)
        s->lines[s->lines_n++] = (struct shop_line){minor, 0, holder, purpose, code, rule};
}

/* Whose account an end of a charge is. false: there are too many sinks. */
static bool end_of(struct sale *s, struct market_end end, uint32_t *holder, uint16_t *purpose)
{
    *purpose = 0;
    switch (end.kind) {
    case MARKET_ACCOUNT: {
        const char *name = s->rules->accounts[end.account].text;
        *holder = strcmp(name, "pool") == 0   ? HOLDER_POOL
                  : strcmp(name, "shop") == 0 ? HOLDER_SHOP
                                              : HOLDER_RETIRE;
        return *holder != HOLDER_RETIRE || sink_of(s->desk->shop, name, purpose);
    }
    case MARKET_CREATOR:
        *holder = seller_of(s->good);
        return true;
    case MARKET_BUYER:
        *holder = s->buyer;
        return true;
    default:
        *holder = s->seller;
        return true;
    }
}

/* A charge of the market rules. What an account gives comes out of what it got of this sale; what
 * seller and buyer give or get is in what the decision says they do. */
static enum refusal charge(struct sale *s, const struct market_line *l)
{
    uint32_t from, to;
    uint16_t from_purpose, purpose;
    if (!end_of(s, l->from, &from, &from_purpose) || !end_of(s, l->to, &to, &purpose))
        return REFUSED_overflow;
    if (l->from.kind == MARKET_ACCOUNT) {
        uint32_t i = 0;
        while (i < s->lines_n &&
               (s->lines[i].holder != from || s->lines[i].purpose != from_purpose ||
                s->lines[i].code == s->code || s->lines[i].minor <= l->minor))
            i++;
        if (i == s->lines_n)
            return REFUSED_fee_above_trade;
        s->lines[i].minor -= l->minor;
    }
    if (l->to.kind != MARKET_SELLER && l->to.kind != MARKET_BUYER)
        add_line(s, l->minor, to, purpose, l->to.kind == MARKET_CREATOR ? CODE_ROYALTY : CODE_FEE,
                 l->line);
    return REFUSED_NOT;
}

static enum refusal charges(struct sale *s, const struct market_decision *decision)
{
    enum refusal refusal = REFUSED_NOT;
    for (int accounts = 0; accounts < 2; accounts++)
        for (uint32_t i = 0; refusal == REFUSED_NOT && i < decision->lines_n; i++)
            if ((decision->lines[i].from.kind == MARKET_ACCOUNT) == (accounts == 1))
                refusal = charge(s, &decision->lines[i]);
    return refusal;
}

enum refusal sale_price(struct sale *s, uint32_t fee_ppm)
{
    struct market_decision decision;
    struct market_trade trade = s->trade;
    int64_t fee = 0;
    bool free = trade.unit_minor == 0; /* a gift of the seller's: nothing to charge, limits count */
    if (free)
        trade.unit_minor = 1;
    market_decide(s->rules, &s->desk->shop->usage, &trade, &decision);
    s->rule = decision.rule;
    if (free &&
        (decision.refused == REFUSED_price_floor || decision.refused == REFUSED_price_distance ||
         decision.refused == REFUSED_fee_above_trade))
        decision.refused = REFUSED_NOT;
    if (decision.refused != REFUSED_NOT)
        return decision.refused;
    if (free)
        return REFUSED_NOT;
    bool fits = muldiv_i64(decision.gross_minor, fee_ppm, PPM, ROUND_DOWN, &fee);
    if (!fits || fee > decision.seller_minor)
        return fits ? REFUSED_fee_above_trade : REFUSED_overflow;
    s->seller_minor = decision.seller_minor - fee;
    add_line(s, s->seller_minor, s->seller, 0, s->code, 0);
    add_line(s, fee, HOLDER_RETIRE, 0, CODE_FEE, 0);
    enum refusal refusal = charges(s, &decision);
    for (uint32_t i = 0; refusal == REFUSED_NOT && i < s->lines_n; i++)
        if (__builtin_add_overflow(s->price_minor, s->lines[i].minor, &s->price_minor))
            refusal = REFUSED_overflow;
    s->held_ms = decision.held_ms[MARKET_HELD_PROCEEDS];
    return refusal;
}

bool sale_count(const struct sale *s)
{
    struct shop *shop = s->desk->shop;
    market_meter_add(&shop->meter, &s->rules->base_fee, s->trade.time_ms, s->trade.quantity);
    return market_usage_add(&shop->usage, s->rules, &s->trade);
}
