/* An exchange's life, its commands, and what is to be seen of it. A command is checked, then room
 * is made for all that it can cause, then it is done: nothing can fail any more. */
#include "circulation/exchange_parts.h"

#include "base/error.h"
#include "base/hash.h"
#include "base/str.h"

#include <stdlib.h>

/* ── settings ── */

struct exchange_settings exchange_defaults(void)
{
    return (struct exchange_settings){.ticks = {{0, 1, 1}},
                                      .limit_ms = 15000,
                                      .call_ms = 300000,
                                      .slices_max = SLICES_MAX,
                                      .remember = 16384};
}

static const char *ticks_wrong(const struct exchange_tick *t)
{
    if (t[0].from != 0 || t[0].tick <= 0)
        return "the first tick must hold from price 0 on";
    for (size_t i = 0; i < EXCHANGE_TICKS && t[i].tick != 0; i++) {
        if (t[i].tick < 0 || t[i].tick > EXCHANGE_PRICE_MAX || t[i].lot <= 0 ||
            t[i].lot > EXCHANGE_SIZE_MAX)
            return "ticks and lots must be 1 or more";
        if (i > 0 && (t[i].from <= t[i - 1].from || t[i].from > EXCHANGE_PRICE_MAX))
            return "ticks must be told from the lowest price up";
        if (i > 0 && (t[i].from % t[i - 1].tick != 0 || t[i].from % t[i].tick != 0))
            return "a tick must begin at a price that is a multiple of it and of the tick before";
    }
    return NULL;
}

static const char *hours_wrong(const struct exchange_settings *s)
{
    if (s->open_ms == 0 && s->close_ms == 0)
        return NULL;
    if (s->open_ms >= s->close_ms || s->open_ms < s->call_ms ||
        s->close_ms + s->closing_ms > DAY_MS)
        return "the calls and the hours between them must lie within a day";
    return NULL;
}

const char *exchange_settings_wrong(const struct exchange_settings *s)
{
    const char *wrong = ticks_wrong(s->ticks);
    if (wrong)
        return wrong;
    const int64_t most = 500000;
    if (s->maker_ppm < -most || s->maker_ppm > most || s->taker_ppm < -most ||
        s->taker_ppm > most || s->auction_ppm < 0 || s->auction_ppm > most)
        return "fees must lie between -500000 and 500000 parts per million, in auctions from 0";
    if (s->maker_ppm + s->taker_ppm < 0)
        return "a rebate must not be more than the other side pays";
    if (s->rounding > EXCHANGE_HALF_EVEN)
        return "rounding must be floor, ceiling or half_even";
    if (s->static_ppm > PPM || s->dynamic_ppm > PPM || s->protection_ppm > PPM)
        return "bands and protection must be 1000000 parts per million at most";
    if (s->slices_max > 100000)
        return "an order must not be shown in more than 100000 parts";
    const int64_t times[] = {s->limit_ms, s->halt_ms,  s->call_ms, s->closing_ms,
                             s->open_ms,  s->close_ms, s->rate_ms};
    for (size_t i = 0; i < sizeof times / sizeof *times; i++)
        if (times[i] < 0 || times[i] > DAY_MS)
            return "times must be 0 to 86400000 milliseconds";
    if (s->position_max < 0 || s->position_max > EXCHANGE_VALUE_MAX)
        return "the position limit must be 0 or more";
    if (s->rate_max > INT32_MAX)
        return "orders in a time must be 2147483647 at most";
    if (s->remember > 1 << 24 || s->funded > 1)
        return "ids to remember must be 16777216 at most";
    return hours_wrong(s);
}

/* ── life ── */

struct exchange *exchange_new(const struct exchange_settings *s)
{
    struct exchange *x = calloc(1, sizeof *x);
    if (!x)
        return NULL;
    x->set = *s;
    x->plain_ticks = s->ticks[1].tick == 0 && s->ticks[0].tick == 1 && s->ticks[0].lot == 1;
    x->no_fees = s->maker_ppm == 0 && s->taker_ppm == 0 && s->auction_ppm == 0;
    const int32_t rates[] = {s->maker_ppm, s->taker_ppm, s->auction_ppm};
    for (size_t i = 0; i < 3; i++)
        if (rates[i] > (int32_t)x->worst_ppm)
            x->worst_ppm = (uint32_t)rates[i];
    x->orders_free = x->levels_free = EXCHANGE_NONE;
    x->now_ms = INT64_MIN;
    x->phase_until = x->limit_until = x->hours_next = INT64_MAX;
    x->band_high = INT64_MAX;
    x->ended = s->remember ? malloc(s->remember * sizeof *x->ended) : NULL;
    if ((s->remember && !x->ended) || !book_grow(x, 1) || !ids_reserve(x)) {
        exchange_free(x);
        return NULL;
    }
    return x;
}

void exchange_free(struct exchange *x)
{
    if (!x)
        return;
    for (size_t s = 0; s < SIDES; s++) {
        free(x->sides[s].key);
        free(x->sides[s].level);
    }
    free(x->orders);
    free(x->levels);
    free(x->heap);
    free(x->scratch);
    free(x->ids.slot);
    free(x->ended);
    free(x->accounts);
    free(x);
}

uint32_t exchange_account(struct exchange *x, uint32_t owner, int64_t currency, int64_t items)
{
    bool counted = items != EXCHANGE_UNLIMITED;
    if (!x->set.funded) {
        currency = 0;
        items = EXCHANGE_UNLIMITED;
        counted = false;
    }
    if (currency < 0 || items < 0 || x->currency_all + currency > EXCHANGE_VALUE_MAX ||
        (counted && x->items_all + items > EXCHANGE_VALUE_MAX) || x->accounts_n >= IDS_ENDED ||
        !array_grow(&x->accounts, &x->accounts_cap, x->accounts_n + 1, sizeof *x->accounts))
        return EXCHANGE_NONE;
    x->currency_all += currency;
    x->items_all += counted ? items : 0;
    x->accounts[x->accounts_n] =
        (struct account_row){.currency = currency, .items = items, .owner = owner};
    return (uint32_t)x->accounts_n++;
}

void exchange_unaccount(struct exchange *x)
{
    heed_assert(x->accounts_n > 0 && x->accounts[x->accounts_n - 1].orders == 0);
    const struct account_row *a = &x->accounts[--x->accounts_n];
    x->currency_all -= a->currency;
    x->items_all -= a->items != EXCHANGE_UNLIMITED ? a->items : 0;
}

/* ── events ── */

void exchange_out_deinit(struct exchange_out *out)
{
    free(out->events);
    *out = (struct exchange_out){0};
}

bool out_reserve(struct exchange *x, struct exchange_out *out, uint64_t weight)
{
    enum { OF_ITSELF = 16 };
    size_t need = out->n + x->weight + weight + OF_ITSELF;
    return need <= out->cap || array_grow(&out->events, &out->cap, need, sizeof *out->events);
}

/* Each time it is all shown it can end a trade; it can be cancelled; a stop order also arrives. */
uint32_t order_weight(const struct exchange *x, const struct order *o)
{
    (void)x;
    int64_t slices = o->display > 0 && o->display < o->left ? (o->left - 1) / o->display + 1 : 1;
    return (uint32_t)slices + (o->waits ? 5 : 2);
}

/* ── commands ── */

static void count_asked(struct exchange *x, struct account_row *a)
{
    if (x->set.rate_ms == 0)
        return;
    if (a->asked == 0 || x->now_ms - a->window_ms >= x->set.rate_ms) {
        a->window_ms = x->now_ms;
        a->asked = 0;
    }
    a->asked++;
}

static void to_work(struct exchange *x, uint32_t slot, struct exchange_out *out)
{
    struct order *o = &x->orders[slot];
    if (!o->waits) {
        order_enter(x, slot, out);
        return;
    }
    out->events[out->n - 1].flags |= EXCHANGE_WAITS;
    book_add(x, slot);
    if (o->tif == EXCHANGE_GTT)
        heap_add(x, slot);
}

static uint64_t place(struct exchange *x, const struct exchange_ask *a, uint64_t body,
                      const struct plan *p, struct exchange_out *out)
{
    uint32_t slot = book_slot(x);
    struct order *o = &x->orders[slot];
    struct account_row *r = &x->accounts[a->account];
    o->left = a->size;
    o->shown = o->held = 0;
    o->price = p->limit;
    o->hold_price = p->hold_price;
    o->prev = o->next = o->level = o->heap_at = EXCHANGE_NONE;
    o->account = a->account;
    o->owner = r->owner;
    o->side = a->side;
    o->op = a->op;
    o->tif = a->tif;
    o->stp = a->stp;
    o->id_hi = a->id_hi;
    o->id_lo = a->id_lo;
    o->number = ++x->number;
    o->body = body;
    o->display = a->display;
    o->stop = a->stop;
    o->expires_ms = a->expires_ms;
    o->fee_minor = 0;
    o->fee_rest = 0;
    o->post_only = a->post_only;
    o->waits = a->op == EXCHANGE_STOP || a->op == EXCHANGE_STOP_LIMIT;
    o->live = 1;
    o->reserved = 0;
    o->weight = order_weight(x, o);
    x->weight += o->weight;
    ids_add(x, slot);
    x->open++;
    x->markets += o->op == EXCHANGE_MARKET;
    r->orders++;
    count_asked(x, r);
    order_hold_size(x, o, o->left);
    struct exchange_event *e = event_of(x, out, EXCHANGE_ACCEPTED, o);
    e->size = o->left;
    e->held = hold_set(x, o);
    to_work(x, slot, out);
    return x->number;
}

static void replace(struct exchange *x, const struct exchange_ask *a, const struct plan *p,
                    struct exchange_out *out)
{
    struct order *o = &x->orders[p->slot];
    bool keeps = p->limit == o->price && a->size <= o->left && a->display == 0 &&
                 (a->stop == 0 || a->stop == o->stop);
    count_asked(x, &x->accounts[o->account]);
    bool seen = in_book(o);
    if (keeps) {
        struct level *l = &x->levels[o->level];
        int64_t shown = o->shown < a->size ? o->shown : a->size;
        l->left -= o->left - a->size;
        l->shown -= o->shown - shown;
        o->shown = shown;
    } else {
        book_take_out(x, p->slot);
        if (o->heap_at != EXCHANGE_NONE)
            heap_remove(x, p->slot);
        o->price = p->limit;
        o->hold_price = p->hold_price;
        o->stop = a->stop ? a->stop : o->stop;
        o->display = a->display ? a->display : o->display;
        o->shown = 0;
    }
    order_hold_size(x, o, a->size - o->left);
    o->left = a->size;
    x->weight -= o->weight;
    o->weight = order_weight(x, o);
    x->weight += o->weight;
    struct exchange_event *e = event_of(x, out, EXCHANGE_REPLACED, o);
    e->size = o->left;
    e->held = hold_set(x, o);
    e->reason = keeps ? EXCHANGE_KEPT : EXCHANGE_ASKED;
    e->flags = seen ? EXCHANGE_WAS_SEEN : 0;
    if (keeps)
        e->flags |= o->waits ? EXCHANGE_WAITS : EXCHANGE_RESTS;
    else
        to_work(x, p->slot, out);
}

static void cancel_all(struct exchange *x, const struct exchange_ask *a, struct exchange_out *out)
{
    for (size_t s = 0; s < SIDES; s++) {
        if (!a->both_sides && s % 2 != a->side)
            continue;
        for (size_t i = x->sides[s].n; i-- > 0;) {
            uint32_t slot = x->levels[x->sides[s].level[i]].head, next;
            for (; slot != EXCHANGE_NONE; slot = next) {
                const struct order *o = &x->orders[slot];
                next = o->next;
                if ((a->account == EXCHANGE_NONE || a->account == o->account) &&
                    (a->owner == EXCHANGE_NONE || a->owner == o->owner))
                    order_drop(x, slot, EXCHANGE_CANCELLED, EXCHANGE_ASKED, out);
            }
        }
    }
}

/* Events that a new or replaced order adds to what can come of the others. */
static uint64_t weight_of(const struct exchange *x, const struct exchange_ask *a,
                          const struct plan *p)
{
    if (a->op > EXCHANGE_STOP_LIMIT && a->op != EXCHANGE_REPLACE)
        return 0;
    struct order o = {.left = a->size, .display = a->display, .waits = 1};
    if (a->op == EXCHANGE_REPLACE && a->display == 0)
        o.display = x->orders[p->slot].display;
    return order_weight(x, &o);
}

enum heed_status exchange_apply(struct exchange *x, int64_t now_ms, const struct exchange_ask *a,
                                struct exchange_answer *answer, struct exchange_out *out)
{
    struct plan p;
    *answer = (struct exchange_answer){0};
    if (exchange_due(x) <= now_ms || x->now_ms < now_ms) {
        enum heed_status status = exchange_advance(x, now_ms, out);
        if (status != HEED_OK)
            return status;
    }
    bool placing = a->op <= EXCHANGE_STOP_LIMIT;
    uint64_t body = placing ? hash_bytes(a, sizeof *a, 0) : 0;
    uint32_t found =
        a->op == EXCHANGE_CANCEL_ALL ? EXCHANGE_NONE : ids_find_to_add(x, a->id_hi, a->id_lo);
    answer->refusal = check_ask(x, a, found, body, &p, &answer->repeated);
    if (answer->repeated)
        answer->number =
            found & IDS_ENDED ? x->ended[found & ~IDS_ENDED].number : x->orders[found].number;
    if (answer->repeated || answer->refusal != REFUSED_NOT)
        return HEED_OK;
    if (!out_reserve(x, out, weight_of(x, a, &p)) ||
        (placing && (!book_grow(x, x->open + 1) || !ids_reserve(x))))
        return HEED_NOMEM;
    if (placing)
        answer->number = place(x, a, body, &p, out);
    else if (a->op == EXCHANGE_CANCEL_ALL)
        cancel_all(x, a, out);
    else
        answer->number = x->orders[p.slot].number;
    if (a->op == EXCHANGE_CANCEL)
        order_reduce(x, p.slot, a->size ? a->size : x->orders[p.slot].left, EXCHANGE_ASKED, out);
    else if (a->op == EXCHANGE_REPLACE)
        replace(x, a, &p, out);
    match_settle(x, out);
    return HEED_OK;
}

enum refusal exchange_check(struct exchange *x, const struct exchange_ask *a, int64_t *hold)
{
    struct plan p;
    bool repeated;
    uint64_t body = a->op <= EXCHANGE_STOP_LIMIT ? hash_bytes(a, sizeof *a, 0) : 0;
    uint32_t found = a->op == EXCHANGE_CANCEL_ALL ? EXCHANGE_NONE : ids_find(x, a->id_hi, a->id_lo);
    enum refusal refusal = check_ask(x, a, found, body, &p, &repeated);
    *hold = 0;
    if (refusal == REFUSED_NOT && !repeated && (a->op <= EXCHANGE_STOP_LIMIT))
        *hold = p.hold;
    else if (refusal == REFUSED_NOT && a->op == EXCHANGE_REPLACE)
        *hold = p.hold - x->orders[found].held;
    return refusal;
}

/* ── what is to be seen ── */

const struct exchange_settings *exchange_settings_of(const struct exchange *x)
{
    return &x->set;
}

enum exchange_phase exchange_phase_of(const struct exchange *x)
{
    return (enum exchange_phase)x->phase;
}

int64_t exchange_now(const struct exchange *x)
{
    return x->now_ms;
}

int64_t exchange_last(const struct exchange *x)
{
    return x->last;
}

uint64_t exchange_seq(const struct exchange *x)
{
    return x->seq;
}

uint64_t exchange_newest(const struct exchange *x)
{
    return x->number;
}

size_t exchange_orders(const struct exchange *x)
{
    return x->open;
}

size_t exchange_accounts(const struct exchange *x)
{
    return x->accounts_n;
}

int64_t exchange_fees(const struct exchange *x)
{
    return x->fees > INT64_MAX ? INT64_MAX : (int64_t)x->fees;
}

bool exchange_funds(const struct exchange *x, uint32_t account, struct exchange_funds *out)
{
    if (account >= x->accounts_n)
        return false;
    const struct account_row *r = &x->accounts[account];
    *out = (struct exchange_funds){.currency = x->set.funded ? r->currency : EXCHANGE_UNLIMITED,
                                   .items = r->items,
                                   .currency_held = r->currency_held,
                                   .items_held = r->items_held,
                                   .position = r->position,
                                   .open_buy = r->open_buy,
                                   .open_sell = r->open_sell,
                                   .owner = r->owner,
                                   .orders = r->orders};
    return true;
}

size_t exchange_levels(const struct exchange *x, enum exchange_side side)
{
    return x->sides[side].n;
}

struct exchange_quote exchange_level(const struct exchange *x, enum exchange_side side,
                                     size_t depth)
{
    const struct side *s = &x->sides[side];
    if (depth >= s->n)
        return (struct exchange_quote){0};
    const struct level *l = &x->levels[s->level[s->n - 1 - depth]];
    return (struct exchange_quote){l->price == MARKET_BUY ? 0 : l->price, l->shown, l->orders};
}

static struct exchange_order seen_order(const struct order *o)
{
    return (struct exchange_order){.id_hi = o->id_hi,
                                   .id_lo = o->id_lo,
                                   .number = o->number,
                                   .price = o->price == MARKET_BUY ? 0 : o->price,
                                   .stop = o->stop,
                                   .left = o->left,
                                   .shown = o->shown,
                                   .held = o->held,
                                   .account = o->account,
                                   .owner = o->owner,
                                   .side = o->side,
                                   .op = o->op,
                                   .waits = o->waits};
}

bool exchange_find(const struct exchange *x, uint64_t id_hi, uint64_t id_lo,
                   struct exchange_order *out)
{
    uint32_t found = ids_find(x, id_hi, id_lo);
    if (found == EXCHANGE_NONE || found & IDS_ENDED)
        return false;
    *out = seen_order(&x->orders[found]);
    return true;
}

bool exchange_each(const struct exchange *x, bool (*seen)(void *, const struct exchange_order *),
                   void *context)
{
    for (size_t s = 0; s < SIDES; s++)
        for (size_t i = x->sides[s].n; i-- > 0;)
            for (uint32_t slot = x->levels[x->sides[s].level[i]].head; slot != EXCHANGE_NONE;
                 slot = x->orders[slot].next) {
                const struct exchange_order o = seen_order(&x->orders[slot]);
                if (!seen(context, &o))
                    return false;
            }
    return true;
}

const char *exchange_phase_name(enum exchange_phase p)
{
    static const char *const names[] = {"continuous", "call", "halt", "closed"};
    return p < EXCHANGE_PHASES ? names[p] : "";
}

const char *exchange_reason_name(enum exchange_reason r)
{
    static const char *const names[] = {
        "",          "asked", "unfilled", "not_whole", "self_trade", "price_band", "no_price",
        "time_over", "kept",  "by_hand",  "by_hours",  "by_limit",   "by_time",    "extended"};
    return r < EXCHANGE_REASONS ? names[r] : "";
}
