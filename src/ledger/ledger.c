/* Accounts, ids and totals. */
#include "ledger/ledger.h"

#include "base/error.h"
#include "base/hash.h"
#include "ledger/ledger_parts.h"

#include <stdlib.h>

void ledger_init(struct ledger *l)
{
    *l = (struct ledger){0};
    map_init(&l->by_account);
    map_init(&l->by_id);
}

void ledger_deinit(struct ledger *l)
{
    free(l->accounts);
    free(l->transfers);
    free(l->deadlines);
    free(l->newest);
    map_deinit(&l->by_account);
    map_deinit(&l->by_id);
    *l = (struct ledger){0};
}

bool ledger_reserve(struct ledger *l, size_t transfers)
{
    if (transfers > LEDGER_NONE - l->transfers_n)
        return false;
    size_t need = l->transfers_n + transfers;
    return array_grow(&l->transfers, &l->transfers_cap, need, sizeof *l->transfers) &&
           map_reserve(&l->by_id, l->by_id.count + transfers);
}

/* ── accounts: two with one mix stand at that key and the next ── */

static uint64_t account_key(uint32_t holder, uint32_t unit, uint16_t purpose)
{
    return hash_u64((uint64_t)holder << 32 | unit) + purpose;
}

uint32_t ledger_find_for(const struct ledger *l, uint32_t holder, uint32_t unit, uint16_t purpose)
{
    for (uint64_t key = account_key(holder, unit, purpose);; key++) {
        uint32_t at = map_get(&l->by_account, key);
        if (at == MAP_NONE)
            return LEDGER_NONE;
        const struct account *a = &l->accounts[at];
        if (a->holder == holder && a->unit == unit && a->purpose == purpose)
            return at;
    }
}

uint32_t ledger_find(const struct ledger *l, uint32_t holder, uint32_t unit)
{
    return ledger_find_for(l, holder, unit, 0);
}

/* System holders first, then people by their handles. */
static size_t place_of(uint32_t holder)
{
    return holder >= HOLDER_SYSTEM ? holder - HOLDER_SYSTEM
                                   : (size_t)holder + (HOLDER_SYSTEM_END - HOLDER_SYSTEM);
}

uint32_t ledger_newest(const struct ledger *l, uint32_t holder)
{
    size_t place = place_of(holder);
    return place < l->newest_n ? l->newest[place] : LEDGER_NONE;
}

static bool room_for_holder(struct ledger *l, size_t place)
{
    if (!array_grow(&l->newest, &l->newest_cap, place + 1, sizeof *l->newest))
        return false;
    for (; l->newest_n <= place; l->newest_n++)
        l->newest[l->newest_n] = LEDGER_NONE;
    return true;
}

bool ledger_enter(struct ledger *l, uint32_t at)
{
    struct account *a = &l->accounts[at];
    size_t place = place_of(a->holder);
    uint64_t key = account_key(a->holder, a->unit, a->purpose);
    while (map_get(&l->by_account, key) != MAP_NONE)
        key++;
    if (!room_for_holder(l, place) || !map_put(&l->by_account, key, at))
        return false;
    a->before = l->newest[place];
    l->newest[place] = at;
    return true;
}

void ledger_unopen(struct ledger *l, size_t n)
{
    while (l->accounts_n > n) {
        const struct account *a = &l->accounts[--l->accounts_n];
        uint64_t key = account_key(a->holder, a->unit, a->purpose);
        while (map_get(&l->by_account, key) != l->accounts_n)
            key++;
        map_remove(&l->by_account, key);
        l->newest[place_of(a->holder)] = a->before;
    }
}

uint32_t ledger_open_for(struct ledger *l, uint32_t holder, uint32_t unit, uint16_t purpose,
                         uint16_t flags, int64_t credit_limit)
{
    heed_assert(holder < HOLDER_SYSTEM_END && credit_limit >= 0);
    heed_assert(ledger_find_for(l, holder, unit, purpose) == LEDGER_NONE);
    if (l->accounts_n >= LEDGER_NONE ||
        !array_grow(&l->accounts, &l->accounts_cap, l->accounts_n + 1, sizeof *l->accounts))
        return LEDGER_NONE;
    l->accounts[l->accounts_n] =
        (struct account){.holder = holder,
                         .unit = unit,
                         .purpose = purpose,
                         .flags = (uint16_t)(flags | (credit_limit ? ACCOUNT_LENT : 0)),
                         .credit_limit = credit_limit,
                         .last = LEDGER_NONE};
    if (!ledger_enter(l, (uint32_t)l->accounts_n))
        return LEDGER_NONE;
    return (uint32_t)l->accounts_n++;
}

uint32_t ledger_open(struct ledger *l, uint32_t holder, uint32_t unit)
{
    uint32_t account = ledger_find(l, holder, unit);
    if (account != LEDGER_NONE)
        return account;
    return ledger_open_for(l, holder, unit, 0,
                           holder == HOLDER_ISSUE ? 0 : ACCOUNT_DEBITS_WITHIN_CREDITS, 0);
}

int64_t ledger_balance(const struct ledger *l, uint32_t account)
{
    if (account == LEDGER_NONE)
        return 0;
    heed_assert(account < l->accounts_n);
    return l->accounts[account].credits - l->accounts[account].debits;
}

static int64_t narrow(wide v)
{
    return v > INT64_MAX ? INT64_MAX : v < INT64_MIN ? INT64_MIN : (int64_t)v;
}

int64_t ledger_available(const struct ledger *l, uint32_t account)
{
    if (account == LEDGER_NONE)
        return 0;
    heed_assert(account < l->accounts_n);
    const struct account *a = &l->accounts[account];
    if (a->flags & (ACCOUNT_FROZEN | ACCOUNT_CLOSED))
        return 0;
    if (!(a->flags & ACCOUNT_DEBITS_WITHIN_CREDITS))
        return INT64_MAX;
    return narrow(account_room(a));
}

/* Whether a holder's accounts are the ledger's own.                                              */
static enum refusal may_change(const struct account *a)
{
    if (a->holder == HOLDER_ISSUE || a->holder == HOLDER_RETIRE)
        return REFUSED_system_account;
    return a->flags & ACCOUNT_CLOSED ? REFUSED_account_closed : REFUSED_NOT;
}

enum refusal ledger_freeze(struct ledger *l, uint32_t account, bool frozen)
{
    struct account *a = &l->accounts[account];
    enum refusal refusal = may_change(a);
    if (refusal == REFUSED_NOT)
        a->flags = (uint16_t)(frozen ? a->flags | ACCOUNT_FROZEN : a->flags & ~ACCOUNT_FROZEN);
    return refusal;
}

enum refusal ledger_close(struct ledger *l, uint32_t account)
{
    struct account *a = &l->accounts[account];
    enum refusal refusal = may_change(a);
    if (refusal == REFUSED_NOT &&
        (a->credits != a->debits || a->debits_pending != 0 || a->credits_pending != 0))
        refusal = REFUSED_account_in_use;
    if (refusal == REFUSED_NOT)
        a->flags |= ACCOUNT_CLOSED;
    return refusal;
}

enum refusal ledger_limit(struct ledger *l, uint32_t account, int64_t credit_limit)
{
    struct account *a = &l->accounts[account];
    enum refusal refusal = credit_limit < 0 ? REFUSED_not_positive : may_change(a);
    if (refusal == REFUSED_NOT && a->flags & ACCOUNT_DEBITS_WITHIN_CREDITS &&
        (wide)a->debits + a->debits_pending > (wide)a->credits + credit_limit)
        refusal = REFUSED_insufficient_funds;
    if (refusal == REFUSED_NOT) {
        a->credit_limit = credit_limit;
        a->flags |= credit_limit > 0 ? ACCOUNT_LENT : 0;
    }
    return refusal;
}

/* ── totals ── */

struct sums {
    wide sum, debits_pending, credits_pending, issued, retired;
};

static void add_account(struct sums *x, const struct account *a)
{
    x->sum += (wide)a->credits - a->debits;
    x->debits_pending += a->debits_pending;
    x->credits_pending += a->credits_pending;
    if (a->holder == HOLDER_ISSUE)
        x->issued += a->debits;
    if (a->holder == HOLDER_RETIRE)
        x->retired += a->credits;
}

static struct ledger_totals totals_of(const struct sums *x)
{
    return (struct ledger_totals){.issued_minor = narrow(x->issued),
                                  .retired_minor = narrow(x->retired),
                                  .supply_minor = narrow(x->issued - x->retired),
                                  .sum_minor = narrow(x->sum),
                                  .debits_pending_minor = narrow(x->debits_pending),
                                  .credits_pending_minor = narrow(x->credits_pending)};
}

struct ledger_totals ledger_totals(const struct ledger *l, uint32_t unit)
{
    struct sums x = {0};
    for (size_t i = 0; i < l->accounts_n; i++)
        if (l->accounts[i].unit == unit)
            add_account(&x, &l->accounts[i]);
    return totals_of(&x);
}

enum heed_status ledger_all_totals(const struct ledger *l, uint32_t **units,
                                   struct ledger_totals **totals, size_t *n)
{
    struct map places;
    struct sums *sums = NULL;
    size_t sums_cap = 0, units_cap = 0;
    bool ok = true;
    *units = NULL;
    *totals = NULL;
    *n = 0;
    map_init(&places);
    for (size_t i = 0; ok && i < l->accounts_n; i++) {
        uint32_t unit = l->accounts[i].unit, at = map_get(&places, unit);
        if (at == MAP_NONE) {
            at = (uint32_t)*n;
            ok = array_grow(units, &units_cap, *n + 1, sizeof **units) &&
                 array_grow(&sums, &sums_cap, *n + 1, sizeof *sums) && map_put(&places, unit, at);
            if (!ok)
                break;
            (*units)[at] = unit;
            sums[(*n)++] = (struct sums){0};
        }
        add_account(&sums[at], &l->accounts[i]);
    }
    ok = ok && (*totals = malloc((*n + 1) * sizeof **totals)) != NULL;
    for (size_t i = 0; ok && i < *n; i++)
        (*totals)[i] = totals_of(&sums[i]);
    map_deinit(&places);
    free(sums);
    if (!ok) {
        free(*units);
        *units = NULL;
        *n = 0;
    }
    return ok ? HEED_OK : HEED_NOMEM;
}

struct moment ledger_as_of(const struct ledger *l, uint32_t account, int64_t time_ms)
{
    struct moment m = {0};
    heed_assert(account < l->accounts_n);
    for (uint32_t at = l->accounts[account].last; at != LEDGER_NONE;) {
        const struct transfer *t = &l->transfers[at];
        struct effect e = ledger_effect(l, t);
        bool out = t->debit == account;
        if (t->time_ms <= time_ms) {
            m.balance += out ? -e.moved : e.moved;
            *(out ? &m.debits_pending : &m.credits_pending) += e.held;
        }
        at = out ? t->debit_prev : t->credit_prev;
    }
    return m;
}

/* ── ids: likewise ── */

static uint64_t id_key(uint64_t id_hi, uint64_t id_lo)
{
    return hash_u64(id_hi + 0x9e3779b97f4a7c15u) ^ id_lo;
}

uint32_t ledger_find_id(const struct ledger *l, uint64_t id_hi, uint64_t id_lo)
{
    for (uint64_t key = id_key(id_hi, id_lo);; key++) {
        uint32_t at = map_get(&l->by_id, key);
        if (at == MAP_NONE || (l->transfers[at].id_hi == id_hi && l->transfers[at].id_lo == id_lo))
            return at;
    }
}

bool ledger_remember(struct ledger *l, uint64_t id_hi, uint64_t id_lo, uint32_t at)
{
    uint64_t key = id_key(id_hi, id_lo);
    while (map_get(&l->by_id, key) != MAP_NONE)
        key++;
    return map_put(&l->by_id, key, at);
}

void ledger_forget(struct ledger *l, uint64_t id_hi, uint64_t id_lo, uint32_t at)
{
    uint64_t key = id_key(id_hi, id_lo);
    while (map_get(&l->by_id, key) != at)
        key++;
    map_remove(&l->by_id, key);
}

void ledger_prefetch(const struct ledger *l, const struct transfer_ask *ask)
{
    if (ask->id_hi | ask->id_lo)
        map_prefetch(&l->by_id, id_key(ask->id_hi, ask->id_lo));
    if (ask->debit < l->accounts_n)
        __builtin_prefetch(&l->accounts[ask->debit], 1);
    if (ask->credit < l->accounts_n)
        __builtin_prefetch(&l->accounts[ask->credit], 1);
    if (ask->of < l->transfers_n)
        __builtin_prefetch(&l->transfers[ask->of], 1);
}
