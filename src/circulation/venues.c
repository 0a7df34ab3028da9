#include "circulation/venues.h"

#include "base/error.h"
#include "circulation/items.h"

#include <stdlib.h>

void venues_init(struct venues *v)
{
    *v = (struct venues){0};
    map_init(&v->by_id);
}

static void venue_free(struct venue *m)
{
    exchange_free(m->x);
    map_deinit(&m->account_of);
    free(m->trades);
}

void venues_deinit(struct venues *v)
{
    for (size_t i = 0; i < v->n; i++)
        venue_free(&v->list[i]);
    free(v->list);
    free(v->done);
    map_deinit(&v->by_id);
    exchange_out_deinit(&v->out);
    free(v->asks);
    free(v->answers);
    venues_init(v);
}

size_t venues_find(const struct venues *v, uint32_t target, uint16_t currency)
{
    for (size_t i = 0; i < v->n; i++)
        if (v->list[i].target == target && v->list[i].currency == currency)
            return i;
    return VENUE_NONE;
}

uint32_t venue_account(const struct venue *m, uint32_t party)
{
    uint32_t account = map_get(&m->account_of, party);
    return account == MAP_NONE ? EXCHANGE_NONE : account;
}

uint32_t venue_party(const struct venue *m, uint32_t account)
{
    struct exchange_funds f;
    heed_assert(exchange_funds(m->x, account, &f));
    return f.owner;
}

static bool has_fraction(const struct exchange_tick *t, int32_t ppm)
{
    enum { PPM = 1000000 };
    int64_t part = t->tick % PPM * (t->lot % PPM) % PPM;
    return part * ppm % PPM != 0;
}

const char *venue_settings_wrong(const struct exchange_settings *s)
{
    const char *wrong = exchange_settings_wrong(s);
    if (wrong)
        return wrong;
    if (s->maker_ppm >= 0 && s->taker_ppm >= 0)
        return NULL;
    for (size_t i = 0; i < EXCHANGE_TICKS && s->ticks[i].tick != 0; i++)
        if (has_fraction(&s->ticks[i], s->maker_ppm) || has_fraction(&s->ticks[i], s->taker_ppm) ||
            has_fraction(&s->ticks[i], s->auction_ppm) || i > 0)
            return "a rebate is paid out of the other side's fee: tick x lot x fee must be a "
                   "multiple "
                   "of 1000000 for each fee, so that none has a fraction";
    return NULL;
}

enum heed_status venue_open(struct venue_desk *d, uint32_t target, uint16_t currency,
                            const struct exchange_settings *s)
{
    struct venues *v = d->venues;
    struct venue m = {.target = target, .currency = currency};
    v->out.n = 0;
    map_init(&m.account_of);
    if (!array_grow(&v->list, &v->cap, v->n + 1, sizeof *v->list) || !(m.x = exchange_new(s)))
        return HEED_NOMEM;
    enum heed_status status = exchange_advance(m.x, d->time_ms, &v->out);
    if (status != HEED_OK) {
        venue_free(&m);
        return status;
    }
    v->list[v->n++] = m;
    return HEED_OK;
}

/* ── events as transfers ── */

struct settling {
    struct venue_desk *d;
    struct venue *m;
    uint64_t market; /* its place */
    bool fits;       /* what the events say can be */
};

static uint32_t main_of(const struct settling *s, uint32_t account, uint32_t unit)
{
    return ledger_open(s->d->ledger, venue_party(s->m, account), unit);
}

static uint32_t orders_of(const struct settling *s, uint32_t account, uint32_t unit)
{
    struct ledger *l = s->d->ledger;
    uint32_t party = venue_party(s->m, account);
    uint32_t found = ledger_find_for(l, party, unit, PURPOSE_ORDERS);
    return found != LEDGER_NONE
               ? found
               : ledger_open_for(l, party, unit, PURPOSE_ORDERS, ACCOUNT_DEBITS_WITHIN_CREDITS, 0);
}

/* false: no memory. */
static bool leg(struct settling *s, uint32_t from, uint32_t to, int64_t amount, unsigned code,
                uint64_t number)
{
    struct venues *v = s->d->venues;
    if (amount == 0)
        return true;
    if (from == LEDGER_NONE || to == LEDGER_NONE ||
        !array_grow(&v->asks, &v->asks_cap, v->asks_n + 1, sizeof *v->asks))
        return false;
    s->fits = s->fits && amount > 0;
    v->asks[v->asks_n++] = (struct transfer_ask){.amount_minor = amount,
                                                 .debit = from,
                                                 .credit = to,
                                                 .of = LEDGER_NONE,
                                                 .reference = (uint32_t)number,
                                                 .code = (uint16_t)code,
                                                 .kind = TRANSFER_MOVE,
                                                 .flags = TRANSFER_LINKED};
    return true;
}

/* What an order holds more or less than before. */
static bool hold_legs(struct settling *s, uint32_t account, unsigned side, int64_t change,
                      uint64_t number)
{
    uint32_t unit = side == EXCHANGE_BUY ? s->m->currency : item_unit(s->m->target);
    if (account == EXCHANGE_NONE || change == 0)
        return true;
    uint32_t main = main_of(s, account, unit), orders = orders_of(s, account, unit);
    return change > 0 ? leg(s, main, orders, change, CODE_ORDER, number)
                      : leg(s, orders, main, -change, CODE_ORDER, number);
}

static bool trade_legs(struct settling *s, const struct exchange_event *e)
{
    bool buy = e->side == EXCHANGE_BUY;
    uint32_t buyer = buy ? e->account : e->other_account;
    uint32_t seller = buy ? e->other_account : e->account;
    uint64_t number = buy ? e->number : e->other_number;
    int64_t buyer_fee = buy ? e->fee : e->other_fee, seller_fee = buy ? e->other_fee : e->fee;
    int64_t freed = buy ? -e->held : -e->other_held, value = e->price * e->size;
    uint32_t item = item_unit(s->m->target), money = s->m->currency;
    uint32_t purse = orders_of(s, buyer, money);
    uint32_t retire = ledger_open(s->d->ledger, HOLDER_RETIRE, money);
    struct venues *v = s->d->venues;
    s->fits = s->fits && (buy ? e->other_held : e->held) == -e->size;
    bool ok =
        leg(s, purse, main_of(s, seller, money), value - seller_fee, CODE_TRADE, e->number) &&
        leg(s, purse, retire, buyer_fee + seller_fee, CODE_FEE, LEDGER_NONE) &&
        leg(s, purse, main_of(s, buyer, money), freed - value - buyer_fee, CODE_ORDER, number) &&
        leg(s, orders_of(s, seller, item), main_of(s, buyer, item), e->size, CODE_TRADE, e->number);
    if (ok) {
        v->asks[v->asks_n - 1].data_hi = (uint64_t)e->price;
        v->asks[v->asks_n - 1].data_lo = s->market;
    }
    return ok;
}

static bool is_trade_of_pieces(const struct ledger *l, const struct transfer *t)
{
    return t->code == CODE_TRADE && l->accounts[t->debit].unit >= UNITS_OF_MONEY;
}

/* Turns what happened into one chain of transfers under the caller's id. *refusal: overflow, and no
 * transfer was made. */
static enum heed_status settle(struct venue_desk *d, size_t at, const struct venue_name *named,
                               enum refusal *refusal)
{
    struct venues *v = d->venues;
    struct ledger *l = d->ledger;
    struct venue *m = &v->list[at];
    struct settling s = {d, m, at, true};
    bool ok = true;
    size_t trades = 0, accounts = l->accounts_n;
    v->asks_n = 0;
    *refusal = REFUSED_NOT;
    for (size_t i = 0; ok && i < v->out.n; i++) {
        const struct exchange_event *e = &v->out.events[i];
        bool trade = e->kind == EXCHANGE_TRADE;
        trades += trade;
        ok = trade ? trade_legs(&s, e) : hold_legs(&s, e->account, e->side, e->held, e->number);
    }
    if (ok && v->asks_n == 0)
        return HEED_OK;
    if (!ok || !array_grow(&v->answers, &v->answers_cap, v->asks_n, sizeof *v->answers) ||
        !array_grow(&m->trades, &m->trades_cap, m->trades_n + trades, sizeof *m->trades))
        return HEED_NOMEM;
    v->asks[v->asks_n - 1].flags = 0;
    if (named) {
        v->asks[0].id_hi = named->id_hi;
        v->asks[0].id_lo = named->id_lo;
    }
    if (named && v->asks[0].code == CODE_ORDER) {
        v->asks[0].data_hi = named->body;
        v->asks[0].data_lo = at;
    }
    enum heed_status status = ledger_apply(l, d->time_ms, v->asks, v->asks_n, NULL, v->answers);
    if (status != HEED_OK)
        return status;
    for (size_t i = 0; i < v->asks_n; i++) {
        if (v->answers[i].refusal == REFUSED_overflow && s.fits)
            *refusal = REFUSED_overflow;
        else if (v->answers[i].refusal != REFUSED_NOT && v->answers[i].refusal != REFUSED_linked)
            return HEED_INPUT;
    }
    if (*refusal != REFUSED_NOT) {
        ledger_unopen(l, accounts);
        return HEED_OK;
    }
    for (size_t i = 0; i < v->asks_n; i++)
        if (is_trade_of_pieces(l, &l->transfers[v->answers[i].transfer]))
            m->trades[m->trades_n++] = v->answers[i].transfer;
    return HEED_OK;
}

/* ── where counters are nearly full ── */

#define NEARLY_FULL (INT64_C(1) << 60)

/* A market as it was, to go back to where the ledger has no room for what comes of a command; made
 * only where that can be: no account is near its end otherwise. */
struct kept {
    struct strbuf bytes;
    bool is;
};

static enum heed_status keep(const struct venue_desk *d, size_t at, struct kept *k)
{
    strbuf_init(&k->bytes, SIZE_MAX / 2);
    k->is = d->ledger->most > NEARLY_FULL;
    if (!k->is)
        return HEED_OK;
    struct sink *sink = sink_new(&k->bytes);
    if (sink)
        exchange_save(d->venues->list[at].x, sink);
    return sink_done(sink) ? HEED_OK : HEED_NOMEM;
}

/* Ends what `keep` began: the command is done, or it is as if it had never come. */
static enum heed_status finish(struct venue_desk *d, size_t at, const struct venue_name *named,
                               struct kept *k, enum heed_status status, enum refusal *refusal)
{
    struct venue *m = &d->venues->list[at];
    if (status == HEED_OK && *refusal == REFUSED_NOT)
        status = settle(d, at, named, refusal);
    if (status == HEED_OK && *refusal == REFUSED_overflow && k->is) {
        struct memory_reader from = {(const uint8_t *)k->bytes.p, k->bytes.n};
        struct source *source = source_new(&from);
        struct exchange *x = NULL;
        struct heed_error ignored = {0};
        status = source ? exchange_load(&x, source, &ignored) : HEED_NOMEM;
        free(source);
        if (status == HEED_OK) {
            exchange_free(m->x);
            m->x = x;
        }
    } else if (status == HEED_OK && *refusal == REFUSED_overflow) {
        status = HEED_RANGE;
    }
    strbuf_deinit(&k->bytes);
    return status;
}

/* ── commands ── */

static void refuse(enum refusal *refusal, enum refusal why)
{
    if (why != REFUSED_NOT && (*refusal == REFUSED_NOT || why < *refusal))
        *refusal = why;
}

/* What stands in the way of holding so much more of a party's. */
static enum refusal cannot_hold(const struct venue_desk *d, const struct venue *m, uint32_t party,
                                bool buys, int64_t more)
{
    const struct ledger *l = d->ledger;
    uint32_t account = ledger_find(l, party, buys ? m->currency : item_unit(m->target));
    if (account != LEDGER_NONE && l->accounts[account].flags & ACCOUNT_FROZEN)
        return REFUSED_account_frozen;
    if (more > ledger_available(l, account))
        return buys ? REFUSED_insufficient_funds : REFUSED_insufficient_items;
    return REFUSED_NOT;
}

/* Room for what it may pay, be paid and get back, however the order ends. */
static enum refusal cannot_count(const struct venue_desk *d, const struct venue *m, uint32_t party,
                                 int64_t hold)
{
    const struct ledger *l = d->ledger;
    const uint32_t units[] = {m->currency, item_unit(m->target)};
    for (size_t i = 0; l->most > NEARLY_FULL && i < 4; i++) {
        uint32_t a = ledger_find_for(l, party, units[i / 2], i % 2 ? PURPOSE_ORDERS : 0);
        if (a != LEDGER_NONE && (l->accounts[a].credits > 4 * NEARLY_FULL - hold ||
                                 l->accounts[a].credits_pending > 2 * NEARLY_FULL))
            return REFUSED_overflow;
    }
    return REFUSED_NOT;
}

static enum heed_status apply(struct venue_desk *d, size_t at, const struct exchange_ask *ask,
                              const struct venue_name *named, uint64_t *number,
                              enum refusal *refusal)
{
    struct venues *v = d->venues;
    struct exchange_answer answer = {0};
    struct kept k;
    v->out.n = 0;
    *refusal = REFUSED_NOT;
    enum heed_status status = keep(d, at, &k);
    if (status == HEED_OK)
        status = exchange_apply(v->list[at].x, d->time_ms, ask, &answer, &v->out);
    if (status == HEED_OK && answer.refusal != REFUSED_NOT) /* it was checked */
        status = HEED_INPUT;
    *number = answer.number;
    return finish(d, at, named, &k, status, refusal);
}

/* A market that could not be brought to the time, for the counters are full, takes no commands. */
static bool behind(const struct venue_desk *d, const struct venue *m, enum refusal *refusal)
{
    bool is = !m->ended && exchange_due(m->x) <= d->time_ms;
    if (is)
        *refusal = REFUSED_overflow;
    return is;
}

/* Opens the accounts that an order may be paid into, so that nobody opens them otherwise later. One
 * that takes only what was taken from it cannot be. false: no memory. */
static bool open_for(const struct venue_desk *d, const struct venue *m, uint32_t party,
                     enum refusal *refusal)
{
    struct ledger *l = d->ledger;
    const uint32_t units[] = {m->currency, item_unit(m->target)};
    for (size_t i = 0; i < 2; i++) {
        uint32_t a = ledger_open(l, party, units[i]);
        if (a == LEDGER_NONE)
            return false;
        if (l->accounts[a].flags & ACCOUNT_CREDITS_WITHIN_DEBITS)
            refuse(refusal, REFUSED_exceeds_debits);
    }
    return true;
}

/* The order made under an id, if it was the same one; else id_reused. */
static bool placed_before(const struct venue_desk *d, size_t at, const struct venue_name *o,
                          struct venue_answer *answer)
{
    uint32_t found =
        o->id_hi | o->id_lo ? ledger_find_id(d->ledger, o->id_hi, o->id_lo) : LEDGER_NONE;
    if (venues_done(d->venues, o->id_hi, o->id_lo)) {
        refuse(&answer->refusal, REFUSED_id_reused);
        return true;
    }
    if (found == LEDGER_NONE)
        return false;
    const struct transfer *t = &d->ledger->transfers[found];
    if (t->code == CODE_ORDER && t->data_hi == o->body && t->data_lo == at) {
        answer->repeated = true;
        answer->number = t->reference;
    } else {
        refuse(&answer->refusal, REFUSED_id_reused);
    }
    return true;
}

enum heed_status venue_place(struct venue_desk *d, size_t at, const struct venue_order *order,
                             enum refusal barred, struct venue_answer *answer)
{
    struct venue *m = &d->venues->list[at];
    struct exchange_ask ask = order->ask;
    *answer = (struct venue_answer){.refusal = barred, .party = order->party};
    if (placed_before(d, at, &order->name, answer) && answer->repeated)
        return HEED_OK;
    if (behind(d, m, &answer->refusal))
        return HEED_OK;
    refuse(&answer->refusal, m->ended ? REFUSED_market_ended : REFUSED_NOT);
    if (exchange_newest(m->x) >= LEDGER_NONE - 1)
        refuse(&answer->refusal, REFUSED_overflow);
    int64_t now = exchange_now(m->x), hold = 0;
    if (ask.expires_ms > 0 && ask.expires_ms <= (now > d->time_ms ? now : d->time_ms))
        refuse(&answer->refusal, REFUSED_time_over);
    size_t accounts = exchange_accounts(m->x), opened = d->ledger->accounts_n;
    ask.account = venue_account(m, order->party);
    if (ask.account == EXCHANGE_NONE)
        ask.account = exchange_account(m->x, order->party, 0, 0);
    if (ask.account == EXCHANGE_NONE || !open_for(d, m, order->party, &answer->refusal))
        return HEED_NOMEM;
    ask.id_hi = 0;
    ask.id_lo = exchange_newest(m->x) + 1;
    enum refusal why = exchange_check(m->x, &ask, &hold);
    refuse(&answer->refusal, why);
    refuse(&answer->refusal, cannot_hold(d, m, order->party, ask.side == EXCHANGE_BUY,
                                         why == REFUSED_NOT ? hold : INT64_MIN));
    refuse(&answer->refusal, cannot_count(d, m, order->party, hold));
    bool is_new = accounts < exchange_accounts(m->x);
    if (answer->refusal != REFUSED_NOT) {
        if (is_new)
            exchange_unaccount(m->x);
        ledger_unopen(d->ledger, opened);
        return HEED_OK;
    }
    if (is_new && !map_put(&m->account_of, order->party, ask.account))
        return HEED_NOMEM;
    enum heed_status status = apply(d, at, &ask, &order->name, &answer->number, &answer->refusal);
    if (status == HEED_OK && answer->refusal != REFUSED_NOT && is_new) {
        exchange_unaccount(m->x);
        map_remove(&m->account_of, order->party);
    }
    if (status == HEED_OK && answer->refusal != REFUSED_NOT)
        ledger_unopen(d->ledger, opened);
    return status;
}

/* Whether a party may touch an order: unknown_order, not_your_order. */
static enum refusal his(const struct venue *m, uint64_t number, uint32_t party)
{
    struct exchange_order o;
    if (!exchange_find(m->x, 0, number, &o))
        return REFUSED_unknown_order;
    return party != PARTY_ANY && o.owner != party ? REFUSED_not_your_order : REFUSED_NOT;
}

static bool has_id(const struct venue_name *name)
{
    return name && (name->id_hi | name->id_lo) != 0;
}

/* Whether an order was cancelled or replaced so before; else what another use of the id refuses. */
static bool done_before(const struct venue_desk *d, size_t at, const struct venue_name *name,
                        struct venue_answer *answer)
{
    if (!has_id(name))
        return false;
    const struct venue_done *x = venues_done(d->venues, name->id_hi, name->id_lo);
    answer->repeated = x && x->body == name->body && x->market == at;
    if (answer->repeated)
        *answer = (struct venue_answer){.repeated = true, .number = x->order, .party = x->party};
    else if (x || ledger_find_id(d->ledger, name->id_hi, name->id_lo) != LEDGER_NONE)
        refuse(&answer->refusal, REFUSED_id_reused);
    return answer->repeated;
}

/* Does what was checked, and keeps it under its id. */
static enum heed_status change(struct venue_desk *d, size_t at, const struct exchange_ask *ask,
                               const struct venue_name *name, struct venue_answer *answer)
{
    uint64_t done;
    if (answer->refusal != REFUSED_NOT)
        return HEED_OK;
    enum heed_status status =
        apply(d, at, ask, has_id(name) ? name : NULL, &done, &answer->refusal);
    if (status != HEED_OK || answer->refusal != REFUSED_NOT || !has_id(name))
        return status;
    const struct venue_done x = {
        name->id_hi,  name->id_lo, name->body, (uint32_t)at, (uint32_t)answer->number,
        answer->party};
    return venues_know(d->venues, &x) ? HEED_OK : HEED_NOMEM;
}

enum heed_status venue_cancel(struct venue_desk *d, size_t at, uint64_t number, uint32_t party,
                              const struct venue_name *name, struct venue_answer *answer)
{
    const struct venue *m = &d->venues->list[at];
    struct exchange_ask ask = {
        .op = EXCHANGE_CANCEL, .id_lo = number, .account = EXCHANGE_NONE, .owner = EXCHANGE_NONE};
    struct exchange_order was = {.owner = party};
    *answer = (struct venue_answer){.number = number};
    if (done_before(d, at, name, answer) || behind(d, m, &answer->refusal))
        return HEED_OK;
    refuse(&answer->refusal, his(m, number, party));
    exchange_find(m->x, 0, number, &was);
    answer->party = was.owner;
    return change(d, at, &ask, name, answer);
}

enum heed_status venue_cancel_all(struct venue_desk *d, size_t at, uint32_t party,
                                  const struct venue_name *name, struct venue_answer *answer)
{
    const struct venue *m = &d->venues->list[at];
    struct exchange_ask ask = {.op = EXCHANGE_CANCEL_ALL,
                               .account = EXCHANGE_NONE,
                               .owner = party == PARTY_ANY ? EXCHANGE_NONE : party,
                               .both_sides = 1};
    struct exchange_funds f = {0};
    *answer = (struct venue_answer){.party = party};
    if (done_before(d, at, name, answer) || behind(d, m, &answer->refusal))
        return HEED_OK;
    size_t n = exchange_orders(m->x);
    if (party != PARTY_ANY)
        n = exchange_funds(m->x, venue_account(m, party), &f) ? f.orders : 0;
    refuse(&answer->refusal, n == 0 ? REFUSED_unknown_order : REFUSED_NOT);
    return change(d, at, &ask, name, answer);
}

enum heed_status venue_replace(struct venue_desk *d, size_t at, uint64_t number,
                               const struct exchange_ask *terms, uint32_t party,
                               const struct venue_name *name, enum refusal barred,
                               struct venue_answer *answer)
{
    const struct venue *m = &d->venues->list[at];
    struct exchange_order was;
    struct exchange_ask ask = *terms;
    int64_t more = 0;
    *answer = (struct venue_answer){.refusal = barred, .number = number};
    if (done_before(d, at, name, answer) || behind(d, m, &answer->refusal))
        return HEED_OK;
    refuse(&answer->refusal, his(m, number, party));
    if (!exchange_find(m->x, 0, number, &was))
        return HEED_OK;
    answer->party = was.owner;
    ask.op = EXCHANGE_REPLACE;
    ask.id_hi = 0;
    ask.id_lo = number;
    ask.account = ask.owner = EXCHANGE_NONE;
    enum refusal why = exchange_check(m->x, &ask, &more);
    refuse(&answer->refusal, why);
    refuse(&answer->refusal, cannot_hold(d, m, was.owner, was.side == EXCHANGE_BUY,
                                         why == REFUSED_NOT && more > 0 ? more : INT64_MIN));
    return change(d, at, &ask, name, answer);
}

enum heed_status venue_turn(struct venue_desk *d, size_t at, const struct exchange_turn *turn,
                            enum refusal *refusal)
{
    struct venues *v = d->venues;
    struct venue *m = &v->list[at];
    struct kept k;
    v->out.n = 0;
    *refusal = m->ended ? REFUSED_market_ended : REFUSED_NOT;
    if (m->ended || behind(d, m, refusal))
        return HEED_OK;
    enum heed_status status = keep(d, at, &k);
    if (status == HEED_OK)
        status = exchange_turn(m->x, d->time_ms, turn, refusal, &v->out);
    bool refused = status == HEED_OK && *refusal != REFUSED_NOT;
    if (refused) {
        strbuf_deinit(&k.bytes);
        return status;
    }
    return finish(d, at, NULL, &k, status, refusal);
}

enum heed_status venue_close(struct venue_desk *d, size_t at, enum refusal *refusal)
{
    struct venues *v = d->venues;
    struct venue *m = &v->list[at];
    const struct exchange_ask all = {.op = EXCHANGE_CANCEL_ALL,
                                     .account = EXCHANGE_NONE,
                                     .owner = EXCHANGE_NONE,
                                     .both_sides = 1};
    const struct exchange_turn turn = {.to = EXCHANGE_CLOSED};
    struct exchange_answer answer = {0};
    struct kept k;
    v->out.n = 0;
    *refusal = m->ended ? REFUSED_market_ended : REFUSED_NOT;
    if (m->ended || behind(d, m, refusal))
        return HEED_OK;
    enum heed_status status = keep(d, at, &k);
    if (status == HEED_OK && exchange_orders(m->x) > 0)
        status = exchange_apply(m->x, d->time_ms, &all, &answer, &v->out);
    if (status == HEED_OK && exchange_phase_of(m->x) != EXCHANGE_CLOSED)
        status = exchange_turn(m->x, d->time_ms, &turn, refusal, &v->out);
    if (status == HEED_OK && (answer.refusal != REFUSED_NOT || *refusal != REFUSED_NOT))
        status = HEED_INPUT; /* neither can be of a market without orders */
    status = finish(d, at, NULL, &k, status, refusal);
    m->ended = status == HEED_OK && *refusal == REFUSED_NOT;
    return status;
}

const char *venue_phase_name(const struct venue *m)
{
    return m->ended ? "ended" : exchange_phase_name(exchange_phase_of(m->x));
}

/* ── time ── */

bool venues_due(const struct venues *v, int64_t time_ms)
{
    for (size_t i = 0; i < v->n; i++)
        if (!v->list[i].ended && exchange_due(v->list[i].x) <= time_ms)
            return true;
    return false;
}

enum heed_status venues_advance(struct venue_desk *d, bool *moved)
{
    struct venues *v = d->venues;
    enum heed_status status = HEED_OK;
    *moved = false;
    for (size_t i = 0; status == HEED_OK && i < v->n; i++) {
        enum refusal refusal = REFUSED_NOT;
        struct kept k;
        v->out.n = 0;
        if (v->list[i].ended || exchange_due(v->list[i].x) > d->time_ms)
            continue;
        status = keep(d, i, &k);
        if (status == HEED_OK)
            status = exchange_advance(v->list[i].x, d->time_ms, &v->out);
        status = finish(d, i, NULL, &k, status, &refusal);
        *moved = *moved || refusal == REFUSED_NOT;
    }
    return status;
}
