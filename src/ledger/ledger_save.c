/* Serialised form: only what cannot be derived. Columns of varints:
 *
 *     accounts   n, holder[n] (system bit lowest), currency[n]
 *     transfers  n, time[n] (difference), debit[n], credit[n], amount[n], code[n],
 *                reference[n] + 1 (difference)
 *     ids        n, then for each named posting: transfers since the last one, its own, id (16
 * bytes)
 *
 * Balances, histories, currencies of transfers and both indexes are made again by applying.     */
#include "base/error.h"
#include "base/varint.h"
#include "ledger/ledger_parts.h"

static bool same_id(const struct transfer *a, const struct transfer *b)
{
    return a->id_hi == b->id_hi && a->id_lo == b->id_lo;
}

/* End of the run of transfers that starts at `at` and has one id.                               */
static size_t run_end(const struct ledger *l, size_t at)
{
    size_t end = at + 1;
    while (end < l->transfers_n && same_id(&l->transfers[at], &l->transfers[end]))
        end++;
    return end;
}

static bool is_named(const struct transfer *t)
{
    return (t->id_hi | t->id_lo) != 0;
}

static void save_ids(const struct ledger *l, struct sink *s)
{
    sink_varint(s, l->by_id.count);
    for (size_t at = 0, end, last = 0; at < l->transfers_n; at = end) {
        const struct transfer *t = &l->transfers[at];
        end = run_end(l, at);
        if (!is_named(t))
            continue;
        sink_varint(s, at - last);
        sink_varint(s, end - at);
        sink_u64(s, t->id_hi);
        sink_u64(s, t->id_lo);
        last = end;
    }
}

void ledger_save(const struct ledger *l, struct sink *s)
{
    const struct account *a = l->accounts;
    sink_varint(s, l->accounts_n);
    for (size_t i = 0; i < l->accounts_n; i++)
        sink_varint(s, (uint32_t)(a[i].holder << 1 | a[i].holder >> 31));
    for (size_t i = 0; i < l->accounts_n; i++)
        sink_varint(s, a[i].currency);

    const struct transfer *t = l->transfers;
    size_t n = l->transfers_n;
    int64_t previous = 0;
    sink_varint(s, n);
    for (size_t i = 0; i < n; i++)
        sink_delta(s, &previous, t[i].time_ms);
    for (size_t i = 0; i < n; i++)
        sink_varint(s, t[i].debit);
    for (size_t i = 0; i < n; i++)
        sink_varint(s, t[i].credit);
    for (size_t i = 0; i < n; i++)
        sink_varint(s, (uint64_t)t[i].amount_minor);
    for (size_t i = 0; i < n; i++)
        sink_u8(s, (uint8_t)t[i].code);
    previous = 0;
    for (size_t i = 0; i < n; i++)
        sink_delta(s, &previous, (uint32_t)(t[i].reference + 1));
    save_ids(l, s);
}

/* ── loading ── */

static enum heed_status damaged(struct heed_error *err, const char *what)
{
    return error_set(err, HEED_INPUT, "ledger", "the saved ledger is damaged (%s)", what);
}

static enum heed_status load_accounts(struct ledger *l, struct source *s, struct heed_error *err)
{
    size_t n = source_varint(s, LEDGER_NONE - 1);
    for (; l->accounts_n < n && !s->failed; l->accounts_n++) {
        if (!array_grow(&l->accounts, &l->accounts_cap, l->accounts_n + 1, sizeof *l->accounts))
            return error_nomem(err);
        uint32_t turned = (uint32_t)source_varint(s, UINT32_MAX);
        l->accounts[l->accounts_n] =
            (struct account){.holder = turned >> 1 | turned << 31, .last = LEDGER_NONE};
    }
    for (uint32_t i = 0; i < n && !s->failed; i++) {
        struct account *a = &l->accounts[i];
        a->currency = (uint16_t)source_varint(s, UINT16_MAX);
        if (a->holder >= HOLDER_SYSTEM_END)
            return damaged(err, "an account of nobody");
        if (ledger_find(l, a->holder, a->currency) != LEDGER_NONE)
            return damaged(err, "two accounts of one holder in one currency");
        if (!map_put(&l->by_holder, (uint64_t)a->holder << 16 | a->currency, i))
            return error_nomem(err);
    }
    return s->failed ? damaged(err, "accounts") : HEED_OK;
}

static enum heed_status load_columns(struct ledger *l, struct source *s, struct heed_error *err)
{
    size_t n = source_varint(s, LEDGER_NONE - 1);
    int64_t previous = 0;
    for (; l->transfers_n < n && !s->failed; l->transfers_n++) {
        if (!array_grow(&l->transfers, &l->transfers_cap, l->transfers_n + 1, sizeof *l->transfers))
            return error_nomem(err);
        l->transfers[l->transfers_n] = (struct transfer){.time_ms = source_delta(s, &previous)};
    }
    struct transfer *t = l->transfers;
    for (size_t i = 0; i < n && !s->failed; i++)
        t[i].debit = (uint32_t)source_varint(s, l->accounts_n);
    for (size_t i = 0; i < n && !s->failed; i++)
        t[i].credit = (uint32_t)source_varint(s, l->accounts_n);
    for (size_t i = 0; i < n && !s->failed; i++)
        t[i].amount_minor = (int64_t)source_varint(s, INT64_MAX);
    for (size_t i = 0; i < n && !s->failed; i++)
        t[i].code = source_u8(s);
    previous = 0;
    for (size_t i = 0; i < n && !s->failed; i++) {
        int64_t reference = source_delta(s, &previous);
        if (reference < 0 || reference > UINT32_MAX)
            return damaged(err, "a reference");
        t[i].reference = (uint32_t)reference - 1;
    }
    return s->failed ? damaged(err, "transfers") : HEED_OK;
}

static enum heed_status load_ids(struct ledger *l, struct source *s, struct heed_error *err)
{
    size_t n = source_varint(s, l->transfers_n), end = 0;
    for (; n > 0 && !s->failed; n--) {
        size_t at = end + source_varint(s, l->transfers_n - end);
        size_t length = source_varint(s, l->transfers_n - at);
        uint64_t hi = source_u64(s), lo = source_u64(s);
        if (s->failed || length == 0 || (hi | lo) == 0)
            return damaged(err, "an id");
        if (ledger_find_id(l, hi, lo) != LEDGER_NONE)
            return damaged(err, "two postings with one id");
        end = at + length;
        for (size_t i = at; i < end; i++) {
            if (l->transfers[i].amount_minor == 0 && length > 1)
                return damaged(err, "a transfer of nothing");
            l->transfers[i].id_hi = hi;
            l->transfers[i].id_lo = lo;
        }
        if (!ledger_remember(l, hi, lo, (uint32_t)at))
            return error_nomem(err);
    }
    return s->failed ? damaged(err, "ids") : HEED_OK;
}

static enum heed_status apply_transfers(struct ledger *l, struct heed_error *err)
{
    for (uint32_t i = 0; i < l->transfers_n; i++) {
        struct transfer *t = &l->transfers[i];
        if (t->debit >= l->accounts_n || t->credit >= l->accounts_n)
            return damaged(err, "a transfer of no account");
        struct account *debit = &l->accounts[t->debit], *credit = &l->accounts[t->credit];
        if (t->code == 0 || t->code >= CODE_COUNT || debit->currency != credit->currency ||
            (t->amount_minor == 0 && !is_named(t)) ||
            ledger_may_pay(debit->holder, credit->holder) != REFUSED_NOT ||
            ledger_bears(l, debit->holder, t->debit, t->credit, t->amount_minor) != REFUSED_NOT)
            return damaged(err, "a transfer that could not have been made");
        t->currency = debit->currency;
        debit->debits += t->amount_minor;
        credit->credits += t->amount_minor;
        ledger_link(l, i);
    }
    return HEED_OK;
}

enum heed_status ledger_load(struct ledger *l, struct source *s, struct heed_error *err)
{
    ledger_init(l);
    enum heed_status status = load_accounts(l, s, err);
    if (status == HEED_OK)
        status = load_columns(l, s, err);
    if (status == HEED_OK)
        status = load_ids(l, s, err);
    if (status == HEED_OK)
        status = apply_transfers(l, err);
    if (status != HEED_OK) {
        ledger_deinit(l);
        ledger_init(l);
    }
    return status;
}
