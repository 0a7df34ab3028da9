/* Serialised form: settings; the market's own numbers; accounts; ids of ended orders, oldest first;
 * open orders in their queues. Sums, levels and indices are made anew. */
#include "base/error.h"
#include "base/varint.h"
#include "circulation/exchange_parts.h"

enum { ACCOUNTS_MAX = 1 << 28, ORDERS_MAX = 1 << 28 };

static void sink_number(struct sink *k, int64_t v)
{
    int64_t zero = 0;
    sink_delta(k, &zero, v);
}

static int64_t source_number(struct source *k)
{
    int64_t zero = 0;
    return source_delta(k, &zero);
}

/* ── saving ── */

static void save_order(struct sink *k, const struct order *o)
{
    sink_u64(k, o->id_hi);
    sink_u64(k, o->id_lo);
    sink_u64(k, o->body);
    sink_varint(k, o->number);
    sink_varint(k, o->account);
    const uint8_t bytes[] = {o->side, o->op, o->tif, o->stp, o->post_only, o->waits};
    sink_bytes(k, bytes, sizeof bytes);
    const int64_t numbers[] = {o->left, o->shown,      o->price,     o->hold_price, o->display,
                               o->stop, o->expires_ms, o->fee_minor, o->fee_rest};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        sink_number(k, numbers[i]);
}

static void save_accounts(const struct exchange *x, struct sink *k)
{
    sink_varint(k, x->accounts_n);
    for (size_t i = 0; i < x->accounts_n; i++) {
        const struct account_row *a = &x->accounts[i];
        sink_varint(k, a->owner);
        sink_varint(k, a->asked);
        const int64_t numbers[] = {a->currency, a->items, a->position, a->window_ms};
        for (size_t j = 0; j < sizeof numbers / sizeof *numbers; j++)
            sink_number(k, numbers[j]);
    }
}

static void save_ended(const struct exchange *x, struct sink *k)
{
    sink_varint(k, x->ended_n);
    size_t at = x->ended_n < x->ended_at ? x->ended_at - x->ended_n
                                         : x->ended_at + x->set.remember - x->ended_n;
    for (size_t i = 0; i < x->ended_n; i++, at++) {
        const struct ended *e = &x->ended[at % x->set.remember];
        sink_u64(k, e->id_hi);
        sink_u64(k, e->id_lo);
        sink_varint(k, e->number);
        sink_u64(k, e->body);
    }
}

void exchange_save(const struct exchange *x, struct sink *k)
{
    const struct exchange_settings *s = &x->set;
    for (size_t i = 0; i < EXCHANGE_TICKS; i++) {
        sink_number(k, s->ticks[i].from);
        sink_number(k, s->ticks[i].tick);
        sink_number(k, s->ticks[i].lot);
    }
    const int64_t set[] = {s->maker_ppm,      s->taker_ppm,  s->auction_ppm,  s->rounding,
                           s->protection_ppm, s->static_ppm, s->dynamic_ppm,  s->slices_max,
                           s->limit_ms,       s->halt_ms,    s->call_ms,      s->closing_ms,
                           s->open_ms,        s->close_ms,   s->position_max, s->rate_ms,
                           s->rate_max,       s->remember,   s->funded};
    for (size_t i = 0; i < sizeof set / sizeof *set; i++)
        sink_number(k, set[i]);
    sink_u64(k, x->seq);
    sink_u64(k, x->number);
    sink_u64(k, (uint64_t)(x->fees >> 64));
    sink_u64(k, (uint64_t)x->fees);
    const int64_t market[] = {x->now_ms,      x->last,       x->dynamic_ref, x->static_ref,
                              x->phase,       x->after_call, x->extended,    x->phase_until,
                              x->limit_until, x->hours_next, x->hours_bell,  x->call_low,
                              x->call_high,   x->call_ref};
    for (size_t i = 0; i < sizeof market / sizeof *market; i++)
        sink_number(k, market[i]);
    save_accounts(x, k);
    save_ended(x, k);
    sink_varint(k, x->open);
    for (size_t side = 0; side < SIDES; side++)
        for (size_t i = x->sides[side].n; i-- > 0;)
            for (uint32_t slot = x->levels[x->sides[side].level[i]].head; slot != EXCHANGE_NONE;
                 slot = x->orders[slot].next)
                save_order(k, &x->orders[slot]);
}

/* ── loading ── */

static enum heed_status damaged(struct heed_error *err, const char *what)
{
    return error_set(err, HEED_INPUT, "exchange", "the saved market is damaged (%s)", what);
}

static enum heed_status load_settings(struct exchange_settings *s, struct source *k,
                                      struct heed_error *err)
{
    *s = (struct exchange_settings){0};
    for (size_t i = 0; i < EXCHANGE_TICKS; i++) {
        s->ticks[i].from = source_number(k);
        s->ticks[i].tick = source_number(k);
        s->ticks[i].lot = source_number(k);
    }
    int64_t v[19];
    for (size_t i = 0; i < 19; i++)
        v[i] = source_number(k);
    for (size_t i = 0; i < 19; i++)
        if ((i < 8 || i > 15) && (v[i] > INT32_MAX || v[i] < (i < 3 ? -INT32_MAX : 0)))
            return damaged(err, "settings");
    s->maker_ppm = (int32_t)v[0];
    s->taker_ppm = (int32_t)v[1];
    s->auction_ppm = (int32_t)v[2];
    uint32_t *narrow[] = {&s->rounding, &s->protection_ppm, &s->static_ppm, &s->dynamic_ppm,
                          &s->slices_max};
    for (size_t i = 0; i < 5; i++)
        *narrow[i] = (uint32_t)v[3 + i];
    int64_t *wide_ones[] = {&s->limit_ms, &s->halt_ms,  &s->call_ms,      &s->closing_ms,
                            &s->open_ms,  &s->close_ms, &s->position_max, &s->rate_ms};
    for (size_t i = 0; i < 8; i++)
        *wide_ones[i] = v[8 + i];
    s->rate_max = (uint32_t)v[16];
    s->remember = (uint32_t)v[17];
    s->funded = (uint32_t)v[18];
    return k->failed || exchange_settings_wrong(s) ? damaged(err, "settings") : HEED_OK;
}

static bool price_or_none(int64_t price)
{
    return price >= 0 && price <= EXCHANGE_PRICE_MAX;
}

static bool moment_or_none(int64_t ms, int64_t now)
{
    return ms == INT64_MAX || (ms >= now && ms <= EXCHANGE_TIME_MAX + 2 * (int64_t)DAY_MS);
}

static enum heed_status load_market(struct exchange *x, struct source *k, struct heed_error *err)
{
    x->seq = source_u64(k);
    x->number = source_u64(k);
    uint64_t fees_high = source_u64(k);
    x->fees = (wide)(int64_t)fees_high * ((wide)1 << 64) + source_u64(k);
    x->now_ms = source_number(k);
    x->last = source_number(k);
    x->dynamic_ref = source_number(k);
    x->static_ref = source_number(k);
    int64_t phase = source_number(k), after = source_number(k), extended = source_number(k);
    x->phase_until = source_number(k);
    x->limit_until = source_number(k);
    x->hours_next = source_number(k);
    int64_t bell = source_number(k);
    x->call_low = source_number(k);
    x->call_high = source_number(k);
    x->call_ref = source_number(k);
    const int64_t prices[] = {x->last,     x->dynamic_ref,   x->static_ref,
                              x->call_low, x->call_high / 2, x->call_ref};
    for (size_t i = 0; i < sizeof prices / sizeof *prices; i++)
        if (!price_or_none(prices[i]))
            return damaged(err, "a price");
    bool hours = x->set.open_ms != 0 || x->set.close_ms != 0;
    if (k->failed || phase < 0 || phase >= EXCHANGE_PHASES || after < 0 ||
        after >= EXCHANGE_PHASES || extended < 0 || extended > 1 || bell < 0 || bell > 3 ||
        (x->now_ms != INT64_MIN && (x->now_ms > EXCHANGE_TIME_MAX || x->now_ms < 0)) ||
        !moment_or_none(x->phase_until, x->now_ms) || !moment_or_none(x->limit_until, x->now_ms) ||
        !moment_or_none(x->hours_next, x->now_ms) || (!hours && x->hours_next != INT64_MAX))
        return damaged(err, "its phase");
    x->phase = (uint8_t)phase;
    x->after_call = (uint8_t)after;
    x->extended = (uint8_t)extended;
    x->hours_bell = (uint32_t)bell;
    if (x->set.dynamic_ppm > 0 && x->dynamic_ref > 0) {
        x->band_low = band_of(x->dynamic_ref, x->set.dynamic_ppm, -1);
        x->band_high = band_of(x->dynamic_ref, x->set.dynamic_ppm, 1);
    }
    return HEED_OK;
}

static enum heed_status load_accounts(struct exchange *x, struct source *k, struct heed_error *err)
{
    size_t n = source_varint(k, ACCOUNTS_MAX);
    for (size_t i = 0; i < n && !k->failed; i++) {
        uint32_t owner = (uint32_t)source_varint(k, UINT32_MAX);
        uint32_t asked = (uint32_t)source_varint(k, UINT32_MAX);
        int64_t v[4];
        for (size_t j = 0; j < 4; j++)
            v[j] = source_number(k);
        if (k->failed || v[2] > EXCHANGE_VALUE_MAX || v[2] < -EXCHANGE_VALUE_MAX ||
            (!x->set.funded && (v[0] != 0 || v[1] != EXCHANGE_UNLIMITED)) || v[0] < 0 || v[1] < 0)
            return damaged(err, "an account");
        uint32_t account = exchange_account(x, owner, v[0], v[1]);
        if (account == EXCHANGE_NONE)
            return x->currency_all + v[0] > EXCHANGE_VALUE_MAX ||
                           (v[1] != EXCHANGE_UNLIMITED && x->items_all + v[1] > EXCHANGE_VALUE_MAX)
                       ? damaged(err, "balances")
                       : error_nomem(err);
        x->accounts[account].asked = asked;
        x->accounts[account].position = v[2];
        x->accounts[account].window_ms = v[3];
    }
    return k->failed ? damaged(err, "accounts") : HEED_OK;
}

static enum heed_status load_ended(struct exchange *x, struct source *k, struct heed_error *err)
{
    size_t n = source_varint(k, x->set.remember);
    for (size_t i = 0; i < n && !k->failed; i++) {
        struct ended e = {.id_hi = source_u64(k), .id_lo = source_u64(k)};
        e.number = source_varint(k, x->number);
        e.body = source_u64(k);
        if (ids_find(x, e.id_hi, e.id_lo) != EXCHANGE_NONE)
            return damaged(err, "an id twice");
        if (!ids_remember(x, &e))
            return error_nomem(err);
    }
    return k->failed ? damaged(err, "ended orders") : HEED_OK;
}

static bool could_be(const struct exchange *x, const struct order *o)
{
    bool stop = o->op == EXCHANGE_STOP || o->op == EXCHANGE_STOP_LIMIT;
    bool market = o->op == EXCHANGE_MARKET && (o->price == MARKET_BUY || o->price == MARKET_SELL);
    int64_t shown = o->waits ? 0 : o->display > 0 && o->display < o->left ? o->display : o->left;
    if (o->side > EXCHANGE_SELL || o->op > EXCHANGE_STOP_LIMIT || o->tif > EXCHANGE_GTT ||
        o->stp >= EXCHANGE_STPS || o->post_only > 1 || o->waits > 1 || (o->waits && !stop) ||
        (o->op == EXCHANGE_STOP && !o->waits))
        return false;
    if (o->left <= 0 || o->left > EXCHANGE_SIZE_MAX || o->shown < (o->waits ? 0 : 1) ||
        o->shown > shown || o->display < 0 || o->display > EXCHANGE_SIZE_MAX || o->stop < 0 ||
        o->stop > EXCHANGE_PRICE_MAX || (stop && o->stop == 0) ||
        (o->waits ? o->price < 1 : !market && o->price < 1) ||
        (!market && o->price > EXCHANGE_PRICE_MAX) ||
        (market && (o->price == MARKET_BUY) != (o->side == EXCHANGE_BUY)) || o->hold_price < 0 ||
        o->hold_price > 2 * EXCHANGE_PRICE_MAX)
        return false;
    if ((o->tif == EXCHANGE_GTT ? o->expires_ms <= x->now_ms : o->expires_ms != 0) ||
        o->expires_ms > INT64_MAX / 2 || o->fee_rest >= PPM || o->fee_rest <= -PPM ||
        o->fee_minor > EXCHANGE_VALUE_MAX || o->fee_minor < -EXCHANGE_VALUE_MAX)
        return false;
    bool limited = o->op == EXCHANGE_LIMIT || o->op == EXCHANGE_STOP_LIMIT;
    if (limited && o->price != o->hold_price)
        return false;
    uint32_t most = x->set.slices_max ? x->set.slices_max : SLICES_MAX;
    return o->account < x->accounts_n && o->number > 0 && o->number <= x->number &&
           !(o->display > 0 && (o->left - 1) / o->display + 1 > 2 * (int64_t)most) &&
           hold_needed(x, o, o->hold_price, o->left) <= 2 * (wide)EXCHANGE_VALUE_MAX;
}

static bool order_read(struct order *o, struct source *k)
{
    uint8_t bytes[6];
    int64_t v[9];
    o->id_hi = source_u64(k);
    o->id_lo = source_u64(k);
    o->body = source_u64(k);
    o->number = source_varint(k, UINT64_MAX);
    o->account = (uint32_t)source_varint(k, UINT32_MAX);
    source_bytes(k, bytes, sizeof bytes);
    for (size_t i = 0; i < 9; i++)
        v[i] = source_number(k);
    if (k->failed || v[8] >= PPM || v[8] <= -PPM)
        return false;
    o->side = bytes[0];
    o->op = bytes[1];
    o->tif = bytes[2];
    o->stp = bytes[3];
    o->post_only = bytes[4];
    o->waits = bytes[5];
    o->left = v[0];
    o->shown = v[1];
    o->price = v[2];
    o->hold_price = v[3];
    o->display = v[4];
    o->stop = v[5];
    o->expires_ms = v[6];
    o->fee_minor = v[7];
    o->fee_rest = (int32_t)v[8];
    return true;
}

/* Whether an order comes where it would be saved. */
static bool in_turn(const struct order *o, size_t *side, int64_t *price)
{
    size_t its = side_of(o);
    int64_t at = o->waits ? o->stop : o->price;
    bool falls = its == SIDE_BIDS || its == SIDE_STOP_SELLS;
    bool ok = its > *side || (its == *side && (falls ? at <= *price : at >= *price));
    *side = its;
    *price = at;
    return ok;
}

static enum heed_status load_order(struct exchange *x, struct source *k, size_t *side,
                                   int64_t *price, struct heed_error *err)
{
    struct order o = {.prev = EXCHANGE_NONE,
                      .next = EXCHANGE_NONE,
                      .level = EXCHANGE_NONE,
                      .heap_at = EXCHANGE_NONE,
                      .live = 1};
    if (!order_read(&o, k) || !could_be(x, &o) || !in_turn(&o, side, price))
        return damaged(err, "an order that could not be there");
    if (ids_find(x, o.id_hi, o.id_lo) != EXCHANGE_NONE)
        return damaged(err, "an id twice");
    struct account_row *a = &x->accounts[o.account];
    wide held = (wide)a->currency_held + hold_needed(x, &o, o.hold_price, o.left);
    if ((o.side == EXCHANGE_BUY && held > 2 * (wide)EXCHANGE_VALUE_MAX) ||
        x->open_size > EXCHANGE_VALUE_MAX - o.left)
        return damaged(err, "more held than can be");
    if (!book_grow(x, x->open + 1) || !ids_reserve(x))
        return error_nomem(err);
    uint32_t slot = book_slot(x);
    x->orders[slot] = o;
    struct order *kept = &x->orders[slot];
    kept->owner = a->owner;
    kept->weight = order_weight(x, kept);
    x->weight += kept->weight;
    ids_add(x, slot);
    book_add(x, slot);
    if (o.tif == EXCHANGE_GTT)
        heap_add(x, slot);
    x->open++;
    x->markets += o.op == EXCHANGE_MARKET;
    a->orders++;
    order_hold_size(x, kept, o.left);
    hold_set(x, kept);
    return HEED_OK;
}

/* What the parts say together: nothing crosses where it cannot, holds are covered. */
static const char *adds_up(const struct exchange *x)
{
    const struct level *bid = best_level(x, SIDE_BIDS), *ask = best_level(x, SIDE_ASKS);
    bool calling = x->phase == EXCHANGE_CALL || x->phase == EXCHANGE_HALT;
    if (!calling && bid && ask && bid->price >= ask->price)
        return "a book that crosses";
    if (!calling && x->markets > 0)
        return "market orders that wait for nothing";
    for (size_t i = 0; i < x->accounts_n; i++) {
        const struct account_row *a = &x->accounts[i];
        if (x->set.funded && (a->currency_held > a->currency ||
                              (a->items != EXCHANGE_UNLIMITED && a->items_held > a->items)))
            return "more held than there is";
    }
    return NULL;
}

enum heed_status exchange_load(struct exchange **out, struct source *k, struct heed_error *err)
{
    struct exchange_settings s;
    *out = NULL;
    enum heed_status status = load_settings(&s, k, err);
    if (status != HEED_OK)
        return status;
    struct exchange *x = exchange_new(&s);
    if (!x)
        return error_nomem(err);
    status = load_market(x, k, err);
    if (status == HEED_OK)
        status = load_accounts(x, k, err);
    if (status == HEED_OK)
        status = load_ended(x, k, err);
    size_t n = status == HEED_OK ? source_varint(k, ORDERS_MAX) : 0;
    size_t side = 0;
    int64_t price = INT64_MAX;
    for (size_t i = 0; i < n && status == HEED_OK; i++)
        status = load_order(x, k, &side, &price, err);
    if (status == HEED_OK && k->failed)
        status = damaged(err, "orders");
    const char *wrong = status == HEED_OK ? adds_up(x) : NULL;
    if (wrong)
        status = damaged(err, wrong);
    x->currency_all += x->fees;
    if (status == HEED_OK)
        *out = x;
    else
        exchange_free(x);
    return status;
}

/* ── whether all of it agrees ── */

static const char *level_broken(const struct exchange *x, uint32_t level, size_t side)
{
    const struct level *l = &x->levels[level];
    int64_t left = 0, shown = 0;
    uint32_t n = 0, prev = EXCHANGE_NONE;
    for (uint32_t i = l->head; i != EXCHANGE_NONE; prev = i, i = x->orders[i].next, n++) {
        const struct order *o = &x->orders[i];
        if (!o->live || o->prev != prev || o->level != level || side_of(o) != side ||
            (o->waits ? o->stop : o->price) != l->price)
            return "a queue";
        int64_t need =
            o->side == EXCHANGE_SELL ? o->left : (int64_t)hold_needed(x, o, o->hold_price, o->left);
        if (o->left <= 0 || o->held != need || (!o->waits && (o->shown <= 0 || o->shown > o->left)))
            return "an order";
        if ((o->tif == EXCHANGE_GTT) != (o->heap_at != EXCHANGE_NONE) ||
            ids_find(x, o->id_hi, o->id_lo) != i)
            return "an order's place";
        left += o->left;
        shown += o->shown;
    }
    return n == 0 || n != l->orders || left != l->left || shown != l->shown || l->tail != prev
               ? "a level"
               : NULL;
}

struct sums {
    int64_t currency, items, buy, sell;
    uint32_t orders;
};

static void sum_up(const struct exchange *x, uint32_t account, struct sums *s)
{
    for (uint32_t i = 0; i < x->orders_n; i++) {
        const struct order *o = &x->orders[i];
        if (!o->live || o->account != account)
            continue;
        s->orders++;
        *(o->side == EXCHANGE_BUY ? &s->currency : &s->items) += o->held;
        *(o->side == EXCHANGE_BUY ? &s->buy : &s->sell) += o->left;
    }
}

const char *exchange_broken(const struct exchange *x)
{
    size_t n = 0;
    uint64_t weight = 0;
    for (size_t side = 0; side < SIDES; side++)
        for (size_t i = 0; i < x->sides[side].n; i++) {
            const char *wrong = level_broken(x, x->sides[side].level[i], side);
            if (wrong)
                return wrong;
            if (i > 0 && x->sides[side].key[i - 1] >= x->sides[side].key[i])
                return "the order of levels";
            n += x->levels[x->sides[side].level[i]].orders;
        }
    wide currency = 0, items = 0;
    int64_t positions = 0;
    for (uint32_t i = 0; i < x->accounts_n; i++) {
        const struct account_row *a = &x->accounts[i];
        struct sums s = {0};
        sum_up(x, i, &s);
        if (s.currency != a->currency_held || s.items != a->items_held || s.buy != a->open_buy ||
            s.sell != a->open_sell || s.orders != a->orders)
            return "what an account holds";
        currency += a->currency;
        items += a->items == EXCHANGE_UNLIMITED ? 0 : a->items;
        positions += a->position;
    }
    for (uint32_t i = 0; i < x->orders_n; i++)
        weight += x->orders[i].live ? x->orders[i].weight : 0;
    if (positions != 0 || (x->set.funded && currency + x->fees != x->currency_all))
        return "currency or positions that do not add up";
    (void)items;
    const char *wrong = adds_up(x);
    return wrong ? wrong : n != x->open || weight != x->weight ? "the number of orders" : NULL;
}
