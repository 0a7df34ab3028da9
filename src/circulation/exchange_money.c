/* Fees, holds and balances of an exchange.
 *
 * A fee is rounded over all trades of an order: with f the exact sum of rate x value, what has been
 * taken is R(f) after each. A buy of which `left` is open at `price` holds
 *
 *     price x left + R(f + worst x price x left) - R(f),   worst = the highest rate, or 0
 *
 * which no run of trades at that price or a better one can pass, since R never falls. */
#include "circulation/exchange_parts.h"

#include "base/error.h"

/* R of so many millionths on top of what was taken, which decides ties of half even. */
static int64_t rounded_up_from(const struct exchange *x, int64_t taken, int64_t q, int64_t rest)
{
    if (rest < 0) { /* q is towards minus infinity */
        q--;
        rest += PPM;
    }
    if (x->set.rounding == EXCHANGE_CEILING)
        return q + (rest > 0);
    if (x->set.rounding == EXCHANGE_HALF_EVEN)
        return q + (rest * 2 > PPM || (rest * 2 == PPM && ((q + taken) & 1) != 0));
    return q;
}

static int64_t rounded(const struct exchange *x, int64_t taken, int64_t millionths)
{
    return rounded_up_from(x, taken, millionths / PPM, millionths % PPM);
}

static wide rounded_wide(const struct exchange *x, int64_t taken, wide millionths)
{
    wide q = millionths / PPM;
    return rounded_up_from(x, taken, (int64_t)q, (int64_t)(millionths - q * PPM));
}

/* Of values so small, millionths fit 64 bits. */
#define SMALL (INT64_C(1) << 42)

int64_t fee_take(struct exchange *x, struct order *o, int32_t ppm, int64_t value)
{
    if (ppm == 0)
        return 0;
    int64_t fee, rest;
    if (value <= SMALL) {
        int64_t f = value * ppm + o->fee_rest;
        fee = rounded(x, o->fee_minor, f);
        rest = f - fee * PPM;
    } else {
        wide f = (wide)value * ppm + o->fee_rest;
        fee = (int64_t)rounded_wide(x, o->fee_minor, f);
        rest = (int64_t)(f - (wide)fee * PPM);
    }
    o->fee_minor += fee;
    o->fee_rest = (int32_t)rest;
    x->fees += fee;
    return fee;
}

wide hold_needed(const struct exchange *x, const struct order *o, int64_t price, int64_t size)
{
    wide value = (wide)price * size;
    if (x->worst_ppm == 0)
        return value;
    int64_t taken = o ? o->fee_minor : 0, rest = o ? o->fee_rest : 0;
    int64_t now = rounded(x, taken, rest);
    if (value <= SMALL)
        return value + rounded(x, taken, (int64_t)value * x->worst_ppm + rest) - now;
    if (value > 4 * (wide)EXCHANGE_VALUE_MAX) /* refused anyhow, and its fee would not fit */
        return value;
    return value + rounded_wide(x, taken, value * x->worst_ppm + rest) - now;
}

void money_trade(struct exchange *x, struct order *buy, struct order *sell, int64_t price,
                 int64_t size, int64_t buy_fee, int64_t sell_fee)
{
    struct account_row *b = &x->accounts[buy->account], *s = &x->accounts[sell->account];
    x->open_size -= 2 * size;
    b->open_buy -= size;
    s->open_sell -= size;
    b->position += size;
    s->position -= size;
    if (!x->set.funded)
        return;
    b->currency -= price * size + buy_fee;
    s->currency += price * size - sell_fee;
    b->items += b->items == EXCHANGE_UNLIMITED ? 0 : size;
    s->items -= s->items == EXCHANGE_UNLIMITED ? 0 : size;
}

void exchange_deltas(const struct exchange_event *e, struct exchange_delta out[2])
{
    bool buy = e->side == EXCHANGE_BUY;
    out[0] = (struct exchange_delta){.account = e->account};
    out[1] = (struct exchange_delta){.account = e->other_account};
    if (e->account != EXCHANGE_NONE)
        *(buy ? &out[0].currency_held : &out[0].items_held) = e->held;
    if (e->kind != EXCHANGE_TRADE)
        return;
    *(buy ? &out[1].items_held : &out[1].currency_held) = e->other_held;
    int64_t value = e->price * e->size, sign = buy ? 1 : -1;
    out[0].items = sign * e->size;
    out[1].items = -sign * e->size;
    out[0].currency = -sign * value - e->fee;
    out[1].currency = sign * value - e->other_fee;
    out[0].fee = e->fee;
    out[1].fee = e->other_fee;
}
