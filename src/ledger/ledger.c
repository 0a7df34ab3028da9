/* Accounts, totals and posting.
 *
 * A posting is applied to the accounts leg by leg, its transfers written behind the last one that
 * counts; only when every leg has applied and its id is entered do they count. Until then `undo`
 * takes everything back, accounts opened on the way included.                                   */
#include "ledger/ledger.h"

#include "base/error.h"
#include "base/hash.h"
#include "ledger/ledger_parts.h"

#include <stdlib.h>

__extension__ typedef __int128 wide;

void ledger_init(struct ledger *l)
{
    *l = (struct ledger){0};
    map_init(&l->by_holder);
    map_init(&l->by_id);
}

void ledger_deinit(struct ledger *l)
{
    free(l->accounts);
    free(l->transfers);
    map_deinit(&l->by_holder);
    map_deinit(&l->by_id);
    *l = (struct ledger){0};
}

/* ── accounts ── */

static uint64_t account_key(uint32_t holder, uint16_t currency)
{
    return (uint64_t)holder << 16 | currency;
}

uint32_t ledger_find(const struct ledger *l, uint32_t holder, uint16_t currency)
{
    return map_get(&l->by_holder, account_key(holder, currency));
}

uint32_t ledger_open(struct ledger *l, uint32_t holder, uint16_t currency)
{
    heed_assert(holder < HOLDER_SYSTEM_END);
    uint32_t account = ledger_find(l, holder, currency);
    if (account != LEDGER_NONE)
        return account;
    if (l->accounts_n >= LEDGER_NONE ||
        !array_grow(&l->accounts, &l->accounts_cap, l->accounts_n + 1, sizeof *l->accounts) ||
        !map_put(&l->by_holder, account_key(holder, currency), (uint32_t)l->accounts_n))
        return LEDGER_NONE;
    l->accounts[l->accounts_n] =
        (struct account){.holder = holder, .currency = currency, .last = LEDGER_NONE};
    return (uint32_t)l->accounts_n++;
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

struct ledger_totals ledger_totals(const struct ledger *l, uint16_t currency)
{
    wide sum = 0;
    for (size_t i = 0; i < l->accounts_n; i++)
        if (l->accounts[i].currency == currency)
            sum += (wide)l->accounts[i].credits - l->accounts[i].debits;
    uint32_t issue = ledger_find(l, HOLDER_ISSUE, currency);
    uint32_t retire = ledger_find(l, HOLDER_RETIRE, currency);
    struct ledger_totals t = {
        .issued_minor = issue == LEDGER_NONE ? 0 : l->accounts[issue].debits,
        .retired_minor = retire == LEDGER_NONE ? 0 : l->accounts[retire].credits,
        .sum_minor = narrow(sum),
    };
    t.supply_minor = t.issued_minor - t.retired_minor;
    return t;
}

/* ── ids: two ids with one mix stand at that key and the next ── */

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

/* ── what may move ── */

enum refusal ledger_may_pay(uint32_t from, uint32_t to)
{
    if (from == to)
        return REFUSED_same_account;
    return to == HOLDER_ISSUE || from == HOLDER_RETIRE ? REFUSED_system_account : REFUSED_NOT;
}

enum refusal ledger_bears(const struct ledger *l, uint32_t from, uint32_t debit, uint32_t credit,
                          int64_t amount_minor)
{
    if (from != HOLDER_ISSUE && ledger_balance(l, debit) < amount_minor)
        return REFUSED_insufficient_funds;
    if ((debit != LEDGER_NONE && l->accounts[debit].debits > INT64_MAX - amount_minor) ||
        (credit != LEDGER_NONE && l->accounts[credit].credits > INT64_MAX - amount_minor))
        return REFUSED_overflow;
    return REFUSED_NOT;
}

static enum refusal check_legs(const struct posting *legs, size_t n)
{
    enum refusal worst = REFUSED_NOT;
    for (size_t i = 0; i < n; i++) {
        heed_assert(legs[i].code > 0 && legs[i].code < CODE_COUNT);
        enum refusal r = legs[i].amount_minor < 0 ? REFUSED_not_positive
                                                  : ledger_may_pay(legs[i].from, legs[i].to);
        if (r != REFUSED_NOT && (worst == REFUSED_NOT || r < worst))
            worst = r;
    }
    return worst;
}

/* ── posting ── */

/* The legs that leave a transfer: those that move money, or the first alone when none does but the
 * posting has a name to remember.                                                               */
struct moving {
    const struct posting *legs;
    size_t n, count;
    bool marker;
};

static struct moving moving_of(const struct posting *legs, size_t n, bool named)
{
    struct moving m = {.legs = legs, .n = n};
    for (size_t i = 0; i < n; i++)
        m.count += legs[i].amount_minor != 0;
    m.marker = m.count == 0 && named && n > 0;
    m.count += m.marker;
    return m;
}

/* The next such leg from *i on, and *i behind it; NULL at the end.                               */
static const struct posting *moving_next(const struct moving *m, size_t *i)
{
    while (*i < m->n) {
        const struct posting *leg = &m->legs[(*i)++];
        if (leg->amount_minor != 0 || (m->marker && leg == m->legs))
            return leg;
    }
    return NULL;
}

static bool same_leg(const struct ledger *l, const struct transfer *t, const struct posting *leg)
{
    return l->accounts[t->debit].holder == leg->from && l->accounts[t->credit].holder == leg->to &&
           t->amount_minor == leg->amount_minor && t->currency == leg->currency &&
           t->code == leg->code && t->reference == leg->reference;
}

static bool same_body(const struct ledger *l, size_t at, const struct moving *m)
{
    const struct transfer *first = &l->transfers[at];
    size_t i = 0;
    for (const struct posting *leg; (leg = moving_next(m, &i)) != NULL; at++) {
        const struct transfer *t = &l->transfers[at];
        if (at == l->transfers_n || t->id_hi != first->id_hi || t->id_lo != first->id_lo ||
            !same_leg(l, t, leg))
            return false;
    }
    return at == l->transfers_n || l->transfers[at].id_hi != first->id_hi ||
           l->transfers[at].id_lo != first->id_lo;
}

static void undo(struct ledger *l, size_t pending, size_t accounts_before)
{
    while (pending > 0) {
        const struct transfer *t = &l->transfers[l->transfers_n + --pending];
        l->accounts[t->debit].debits -= t->amount_minor;
        l->accounts[t->credit].credits -= t->amount_minor;
    }
    while (l->accounts_n > accounts_before) {
        const struct account *a = &l->accounts[--l->accounts_n];
        map_remove(&l->by_holder, account_key(a->holder, a->currency));
    }
}

/* Moves one leg's amount and fills *t. Accounts may be left open that were not when it fails.   */
static enum heed_status apply_leg(struct ledger *l, const struct posting *leg, struct transfer *t,
                                  enum refusal *refusal)
{
    uint32_t debit = ledger_find(l, leg->from, leg->currency);
    uint32_t credit = ledger_find(l, leg->to, leg->currency);
    *refusal = ledger_bears(l, leg->from, debit, credit, leg->amount_minor);
    if (*refusal != REFUSED_NOT)
        return HEED_OK;
    if (debit == LEDGER_NONE && (debit = ledger_open(l, leg->from, leg->currency)) == LEDGER_NONE)
        return HEED_NOMEM;
    if (credit == LEDGER_NONE && (credit = ledger_open(l, leg->to, leg->currency)) == LEDGER_NONE)
        return HEED_NOMEM;
    l->accounts[debit].debits += leg->amount_minor;
    l->accounts[credit].credits += leg->amount_minor;
    *t = (struct transfer){.amount_minor = leg->amount_minor,
                           .debit = debit,
                           .credit = credit,
                           .reference = leg->reference,
                           .code = leg->code,
                           .currency = leg->currency};
    return HEED_OK;
}

void ledger_link(struct ledger *l, uint32_t at)
{
    struct transfer *t = &l->transfers[at];
    struct account *debit = &l->accounts[t->debit], *credit = &l->accounts[t->credit];
    t->debit_prev = debit->last;
    t->credit_prev = credit->last;
    debit->last = credit->last = at;
    debit->transfers++;
    credit->transfers++;
}

static enum heed_status apply_all(struct ledger *l, int64_t time_ms, uint64_t id_hi, uint64_t id_lo,
                                  const struct moving *m, enum refusal *refusal)
{
    size_t accounts_before = l->accounts_n, done = 0, i = 0;
    for (const struct posting *leg; (leg = moving_next(m, &i)) != NULL; done++) {
        struct transfer *t = &l->transfers[l->transfers_n + done];
        enum heed_status status = apply_leg(l, leg, t, refusal);
        if (status != HEED_OK || *refusal != REFUSED_NOT) {
            undo(l, done, accounts_before);
            return status;
        }
        t->time_ms = time_ms;
        t->id_hi = id_hi;
        t->id_lo = id_lo;
    }
    if ((id_hi | id_lo) != 0 && !ledger_remember(l, id_hi, id_lo, (uint32_t)l->transfers_n)) {
        undo(l, done, accounts_before);
        return HEED_NOMEM;
    }
    for (; done > 0; done--)
        ledger_link(l, (uint32_t)l->transfers_n++);
    return HEED_OK;
}

enum heed_status ledger_post(struct ledger *l, int64_t time_ms, uint64_t id_hi, uint64_t id_lo,
                             const struct posting *legs, size_t n, enum refusal *refusal,
                             uint32_t *first, bool *repeated)
{
    uint32_t no_first;
    bool no_repeated;
    first = first ? first : &no_first;
    repeated = repeated ? repeated : &no_repeated;
    *refusal = REFUSED_NOT;
    *first = LEDGER_NONE;
    *repeated = false;

    bool named = (id_hi | id_lo) != 0;
    struct moving m = moving_of(legs, n, named);
    uint32_t before = named ? ledger_find_id(l, id_hi, id_lo) : LEDGER_NONE;
    if (before != LEDGER_NONE) {
        *repeated = same_body(l, before, &m);
        *first = *repeated ? before : LEDGER_NONE;
        *refusal = *repeated ? REFUSED_NOT : REFUSED_id_reused;
        return HEED_OK;
    }
    *refusal = check_legs(legs, n);
    if (*refusal != REFUSED_NOT || m.count == 0)
        return HEED_OK;

    if (m.count > LEDGER_NONE - l->transfers_n)
        return HEED_RANGE;
    if (!array_grow(&l->transfers, &l->transfers_cap, l->transfers_n + m.count,
                    sizeof *l->transfers))
        return HEED_NOMEM;
    uint32_t at = (uint32_t)l->transfers_n;
    enum heed_status status = apply_all(l, time_ms, id_hi, id_lo, &m, refusal);
    if (status == HEED_OK && *refusal == REFUSED_NOT)
        *first = at;
    return status;
}
