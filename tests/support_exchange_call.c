/* The price of a call auction by trying every tick. */
#include "support_exchange.h"

int64_t twin_tick(const struct exchange_tick *ticks, int64_t price, bool lot)
{
    int64_t found = 0;
    for (int i = 0; i < EXCHANGE_TICKS && ticks[i].tick; i++)
        if (ticks[i].from <= price)
            found = lot ? ticks[i].lot : ticks[i].tick;
    return found;
}

struct exchange_call twin_call_price(const struct exchange_tick *ticks,
                                     const struct exchange_call_level *levels, size_t n,
                                     int64_t market_buy, int64_t market_sell, int64_t low,
                                     int64_t high, int64_t reference)
{
    struct exchange_call best = {0};
    int64_t from = reference, to = reference, least = INT64_MAX;
    int64_t kept[4096], surplus_of[4096];
    size_t m = 0;
    for (size_t i = 0; i < n; i++) {
        from = from == 0 || levels[i].price < from ? levels[i].price : from;
        to = levels[i].price > to ? levels[i].price : to;
    }
    while (n == 0 && to > 0 && to % twin_tick(ticks, to, false) != 0)
        to++;                            /* nothing but a reference: the next tick */
    for (int pass = 0; pass < 3; pass++) /* the volume, then the surplus, then the prices */
        for (int64_t p = from; p <= to && p > 0; p++) {
            int64_t buy = market_buy, sell = market_sell;
            if (p % twin_tick(ticks, p, false) != 0 || p < low || (high && p > high))
                continue;
            for (size_t i = 0; i < n; i++) {
                buy += levels[i].price >= p ? levels[i].buy : 0;
                sell += levels[i].price <= p ? levels[i].sell : 0;
            }
            int64_t volume = buy < sell ? buy : sell;
            int64_t surplus = buy > sell ? buy - sell : sell - buy;
            if (pass == 0)
                best.volume = volume > best.volume ? volume : best.volume;
            else if (pass == 1 && volume == best.volume)
                least = surplus < least ? surplus : least;
            else if (pass == 2 && volume == best.volume && surplus == least && m < 4096) {
                surplus_of[m] = buy - sell;
                kept[m++] = p;
            }
        }
    if (best.volume == 0)
        return (struct exchange_call){0};
    size_t at = 0; /* of kept, ascending */
    if (surplus_of[m - 1] > 0) {
        at = m - 1; /* buyers are left over at all of them */
    } else if (surplus_of[0] >= 0 && !(surplus_of[0] == 0 && m == 1)) {
        size_t first = 0, last = m - 1;
        if (surplus_of[0] > 0) { /* some are left over on either side: the prices that meet */
            while (surplus_of[first + 1] > 0)
                first++;
            last = first + 1;
        }
        if (reference > 0) { /* the nearest, the lower one of two that enclose it */
            for (at = first; at < last && kept[at + 1] <= reference;)
                at++;
        } else {
            int64_t middle = kept[first] + (kept[last] - kept[first] + 1) / 2;
            for (at = first; at < last && kept[at] < middle;)
                at++;
        }
    }
    best.price = kept[at];
    best.surplus = surplus_of[at];
    return best;
}
