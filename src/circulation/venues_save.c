/* Serialised form: each market's good and currency, whether it ended, then the market
 * (exchange_save); then what was done under ids. Whose accounts they are stands there; the trades
 * are found again in the ledger.
 */
#include "base/error.h"
#include "base/varint.h"
#include "circulation/items.h"
#include "circulation/venues.h"

#include <stdlib.h>

enum { VENUES_MAX = 1 << 20 };

void venues_save(const struct venues *v, struct sink *k)
{
    sink_u64(k, v->n);
    for (size_t i = 0; i < v->n; i++) {
        sink_u32(k, v->list[i].target);
        sink_u16(k, v->list[i].currency);
        sink_u8(k, v->list[i].ended);
        exchange_save(v->list[i].x, k);
    }
    sink_varint(k, v->done_n);
    for (size_t i = 0; i < v->done_n; i++) {
        const struct venue_done *x = &v->done[i];
        sink_u64(k, x->id_hi);
        sink_u64(k, x->id_lo);
        sink_u64(k, x->body);
        sink_varint(k, x->market);
        sink_varint(k, x->order);
        sink_u32(k, x->party);
    }
}

static enum heed_status damaged(struct heed_error *err, const char *what)
{
    return error_set(err, HEED_INPUT, "exchange", "the saved markets are damaged (%s)", what);
}

static enum heed_status load_one(struct venue *m, const struct catalogue *c, struct source *k,
                                 struct heed_error *err)
{
    enum heed_status status = exchange_load(&m->x, k, err);
    if (status != HEED_OK)
        return status;
    const struct exchange_settings *s = exchange_settings_of(m->x);
    if (s->funded || s->remember || venue_settings_wrong(s) || exchange_now(m->x) < 0)
        return damaged(err, "settings");
    if (m->ended && (exchange_orders(m->x) || exchange_phase_of(m->x) != EXCHANGE_CLOSED))
        return damaged(err, "a market that ended has orders");
    for (uint32_t a = 0; a < exchange_accounts(m->x); a++) {
        uint32_t party = venue_party(m, a);
        if (party >= c->parties_n || venue_account(m, party) != EXCHANGE_NONE)
            return damaged(err, "an account of nobody, or two of one");
        if (!map_put(&m->account_of, party, a))
            return error_nomem(err);
    }
    return HEED_OK;
}

static enum heed_status load_done(struct venues *v, const struct catalogue *c, struct source *k,
                                  struct heed_error *err)
{
    size_t n = source_varint(k, MAP_NONE - 1);
    for (size_t i = 0; i < n && !k->failed; i++) {
        struct venue_done x = {.id_hi = source_u64(k)};
        x.id_lo = source_u64(k);
        x.body = source_u64(k);
        x.market = (uint32_t)source_varint(k, UINT32_MAX);
        x.order = (uint32_t)source_varint(k, UINT32_MAX);
        x.party = source_u32(k);
        if (k->failed || x.market >= v->n || (x.id_hi | x.id_lo) == 0 ||
            x.order > exchange_newest(v->list[x.market].x) ||
            (x.party != PARTY_ANY && x.party >= c->parties_n) || venues_done(v, x.id_hi, x.id_lo))
            return damaged(err, "what was done under an id");
        if (!venues_know(v, &x))
            return error_nomem(err);
    }
    return k->failed ? damaged(err, "ids") : HEED_OK;
}

/* The trades of all markets, from the ledger. */
static enum heed_status find_trades(struct venues *v, const struct ledger *l,
                                    struct heed_error *err)
{
    for (size_t i = 0; i < l->transfers_n; i++) {
        const struct transfer *t = &l->transfers[i];
        if (t->code != CODE_TRADE || l->accounts[t->debit].unit < UNITS_OF_MONEY)
            continue;
        if (t->data_lo >= v->n || t->data_hi == 0 || t->data_hi > EXCHANGE_PRICE_MAX ||
            item_unit(v->list[t->data_lo].target) != l->accounts[t->debit].unit)
            return damaged(err, "a trade of no market");
        struct venue *m = &v->list[t->data_lo];
        if (!array_grow(&m->trades, &m->trades_cap, m->trades_n + 1, sizeof *m->trades))
            return error_nomem(err);
        m->trades[m->trades_n++] = (uint32_t)i;
    }
    return HEED_OK;
}

enum heed_status venues_load(struct venues *v, const struct catalogue *c, const struct ledger *l,
                             uint32_t currencies_n, struct source *k, struct heed_error *err)
{
    size_t n = source_count(k, VENUES_MAX);
    enum heed_status status = HEED_OK;
    for (size_t i = 0; status == HEED_OK && i < n && !k->failed; i++) {
        uint32_t target = source_u32(k);
        uint16_t currency = source_u16(k);
        uint8_t ended = source_u8(k);
        if (!catalogue_good(c, target) || currency >= currencies_n || ended > 1 ||
            venues_find(v, target, currency) != VENUE_NONE)
            status = damaged(err, "a market of no good, or two of one");
        else if (!array_grow(&v->list, &v->cap, v->n + 1, sizeof *v->list))
            status = error_nomem(err);
        if (status != HEED_OK)
            break;
        struct venue *m = &v->list[v->n++];
        *m = (struct venue){.target = target, .currency = currency, .ended = ended};
        map_init(&m->account_of);
        status = load_one(m, c, k, err);
    }
    if (status == HEED_OK && k->failed)
        status = damaged(err, "its end");
    if (status == HEED_OK)
        status = load_done(v, c, k, err);
    if (status == HEED_OK)
        status = find_trades(v, l, err);
    if (status != HEED_OK) {
        venues_deinit(v);
        venues_init(v);
    }
    return status;
}

/* ── whether the ledger has what they hold ── */

static bool subtract(int64_t *left, const struct ledger *l, uint32_t party, uint32_t unit,
                     int64_t held)
{
    uint32_t account = ledger_find_for(l, party, unit, PURPOSE_ORDERS);
    if (account == LEDGER_NONE)
        return held == 0;
    return !__builtin_sub_overflow(left[account], held, &left[account]);
}

enum heed_status venues_check(const struct venues *v, const struct ledger *l, const char **wrong)
{
    int64_t *left = calloc(l->accounts_n + 1, sizeof *left);
    bool ok = true;
    if (!left)
        return HEED_NOMEM;
    for (uint32_t a = 0; a < l->accounts_n; a++)
        if (l->accounts[a].purpose == PURPOSE_ORDERS)
            left[a] = ledger_balance(l, a);
    for (size_t i = 0; i < v->n; i++)
        for (uint32_t a = 0; a < exchange_accounts(v->list[i].x); a++) {
            struct exchange_funds f = {0};
            ok = ok && exchange_funds(v->list[i].x, a, &f) &&
                 subtract(left, l, f.owner, v->list[i].currency, f.currency_held) &&
                 subtract(left, l, f.owner, item_unit(v->list[i].target), f.items_held);
        }
    for (uint32_t a = 0; a < l->accounts_n; a++)
        ok = ok && left[a] == 0;
    free(left);
    *wrong = ok ? NULL : "an orders account has not what open orders hold";
    return HEED_OK;
}
