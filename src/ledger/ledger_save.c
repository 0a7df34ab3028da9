/* Serialised form: only what cannot be derived. Columns of varints:
 *
 *     accounts   n, holder[n] (system bit lowest), unit[n], purpose[n], flags[n], credit_limit[n]
 *     transfers  n, time[n] (difference), kind and flags[n], debit[of those that end no other],
 *                credit[likewise; of the others, how far back what they end stands], amount[n],
 *                code[n], reference[n] + 1 (difference), timeout[pending ones]
 *     ids        n, then for each named posting: transfers since the last one, its own, id (16
 *                bytes)
 *     data       n, then for each transfer that has any: transfers since the last one, 16 bytes
 *
 * Balances, states, holds, histories, deadlines and both indexes are made again by applying. */
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

static bool has_data(const struct transfer *t)
{
    return (t->data_hi | t->data_lo) != 0;
}

static void save_data(const struct ledger *l, struct sink *s)
{
    uint64_t n = 0;
    for (size_t i = 0; i < l->transfers_n; i++)
        n += has_data(&l->transfers[i]);
    sink_varint(s, n);
    for (size_t i = 0, next = 0; i < l->transfers_n; i++) {
        const struct transfer *t = &l->transfers[i];
        if (!has_data(t))
            continue;
        sink_varint(s, i - next);
        sink_u64(s, t->data_hi);
        sink_u64(s, t->data_lo);
        next = i + 1;
    }
}

void ledger_save(const struct ledger *l, struct sink *s)
{
    const struct account *a = l->accounts;
    sink_varint(s, l->accounts_n);
    for (size_t i = 0; i < l->accounts_n; i++)
        sink_varint(s, (uint32_t)(a[i].holder << 1 | a[i].holder >> 31));
    for (size_t i = 0; i < l->accounts_n; i++)
        sink_varint(s, a[i].unit);
    for (size_t i = 0; i < l->accounts_n; i++)
        sink_varint(s, a[i].purpose);
    for (size_t i = 0; i < l->accounts_n; i++)
        sink_varint(s, a[i].flags);
    for (size_t i = 0; i < l->accounts_n; i++)
        sink_varint(s, (uint64_t)a[i].credit_limit);

    const struct transfer *t = l->transfers;
    size_t n = l->transfers_n;
    int64_t previous = 0;
    sink_varint(s, n);
    for (size_t i = 0; i < n; i++)
        sink_delta(s, &previous, t[i].time_ms);
    for (size_t i = 0; i < n; i++)
        sink_u8(s, t[i].kind_flags);
    for (size_t i = 0; i < n; i++)
        if (t[i].of == LEDGER_NONE)
            sink_varint(s, t[i].debit);
    for (size_t i = 0; i < n; i++)
        if (t[i].of == LEDGER_NONE)
            sink_varint(s, t[i].credit);
        else
            sink_varint(s, i - t[i].of);
    for (size_t i = 0; i < n; i++)
        sink_varint(s, (uint64_t)t[i].amount_minor);
    for (size_t i = 0; i < n; i++)
        sink_varint(s, t[i].code);
    previous = 0;
    for (size_t i = 0; i < n; i++)
        sink_delta(s, &previous, (uint32_t)(t[i].reference + 1));
    for (size_t i = 0; i < n; i++)
        if (transfer_kind_of(&t[i]) == TRANSFER_PENDING)
            sink_varint(s, t[i].timeout_s);
    save_ids(l, s);
    save_data(l, s);
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
    struct account *a = l->accounts;
    for (size_t i = 0; i < n && !s->failed; i++)
        a[i].unit = (uint32_t)source_varint(s, UINT32_MAX);
    for (size_t i = 0; i < n && !s->failed; i++)
        a[i].purpose = (uint16_t)source_varint(s, UINT16_MAX);
    for (size_t i = 0; i < n && !s->failed; i++)
        a[i].flags = (uint16_t)source_varint(s, 2 * ACCOUNT_LENT - 1);
    for (size_t i = 0; i < n && !s->failed; i++)
        a[i].credit_limit = (int64_t)source_varint(s, INT64_MAX);
    for (uint32_t i = 0; i < n && !s->failed; i++) {
        if (a[i].holder >= HOLDER_SYSTEM_END)
            return damaged(err, "an account of nobody");
        if (a[i].credit_limit > 0 && !(a[i].flags & ACCOUNT_LENT))
            return damaged(err, "a credit limit");
        if (ledger_find_for(l, a[i].holder, a[i].unit, a[i].purpose) != LEDGER_NONE)
            return damaged(err, "two accounts of one holder, unit and purpose");
        if (!ledger_enter(l, i))
            return error_nomem(err);
    }
    return s->failed ? damaged(err, "accounts") : HEED_OK;
}

static bool names_another(const struct transfer *t)
{
    return transfer_kind_of(t) >= TRANSFER_POST;
}

static enum heed_status load_columns(struct ledger *l, struct source *s, struct heed_error *err)
{
    size_t n = source_varint(s, LEDGER_NONE - 1);
    int64_t previous = 0;
    for (; l->transfers_n < n && !s->failed; l->transfers_n++) {
        if (!array_grow(&l->transfers, &l->transfers_cap, l->transfers_n + 1, sizeof *l->transfers))
            return error_nomem(err);
        l->transfers[l->transfers_n] =
            (struct transfer){.time_ms = source_delta(s, &previous), .of = LEDGER_NONE};
    }
    struct transfer *t = l->transfers;
    for (size_t i = 0; i < n && !s->failed; i++)
        t[i].kind_flags = source_u8(s);
    for (size_t i = 0; i < n && !s->failed; i++)
        if (!names_another(&t[i]))
            t[i].debit = (uint32_t)source_varint(s, l->accounts_n);
    for (size_t i = 0; i < n && !s->failed; i++) {
        uint64_t v = source_varint(s, names_another(&t[i]) ? i : l->accounts_n);
        if (names_another(&t[i]))
            t[i].of = (uint32_t)(i - v);
        else
            t[i].credit = (uint32_t)v;
    }
    for (size_t i = 0; i < n && !s->failed; i++)
        t[i].amount_minor = (int64_t)source_varint(s, INT64_MAX);
    for (size_t i = 0; i < n && !s->failed; i++)
        t[i].code = (uint16_t)source_varint(s, UINT16_MAX);
    previous = 0;
    for (size_t i = 0; i < n && !s->failed; i++) {
        int64_t reference = source_delta(s, &previous);
        if (reference < 0 || reference > UINT32_MAX)
            return damaged(err, "a reference");
        t[i].reference = (uint32_t)reference - 1;
    }
    for (size_t i = 0; i < n && !s->failed; i++)
        if (transfer_kind_of(&t[i]) == TRANSFER_PENDING)
            t[i].timeout_s = (uint32_t)source_varint(s, UINT32_MAX);
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

static enum heed_status load_data(struct ledger *l, struct source *s, struct heed_error *err)
{
    size_t n = source_varint(s, l->transfers_n), next = 0;
    for (; n > 0 && !s->failed; n--) {
        size_t at = next + source_varint(s, l->transfers_n - next);
        uint64_t hi = source_u64(s), lo = source_u64(s);
        if (s->failed || at >= l->transfers_n || (hi | lo) == 0)
            return damaged(err, "data of a transfer");
        l->transfers[at].data_hi = hi;
        l->transfers[at].data_lo = lo;
        next = at + 1;
    }
    return s->failed ? damaged(err, "data of transfers") : HEED_OK;
}

/* Fills in what follows from the transfer that t ends. false: it could not.                      */
static bool complete(const struct ledger *l, uint32_t at, struct transfer *t)
{
    if (t->of == LEDGER_NONE)
        return t->debit < l->accounts_n && t->credit < l->accounts_n;
    if (t->of >= at)
        return false;
    const struct transfer *of = &l->transfers[t->of];
    enum transfer_kind kind = transfer_kind_of(t), ended = transfer_kind_of(of);
    bool back = kind == TRANSFER_REVERSE;
    t->debit = back ? of->credit : of->debit;
    t->credit = back ? of->debit : of->credit;
    return of->state == STATE_STANDS &&
           (back ? ended == TRANSFER_MOVE || ended == TRANSFER_POST : ended == TRANSFER_PENDING) &&
           (kind == TRANSFER_POST ? t->amount_minor <= of->amount_minor
                                  : t->amount_minor == of->amount_minor);
}

static bool flags_hold(const struct ledger *l, uint32_t at, const struct transfer *t)
{
    unsigned flags = transfer_flags_of(t);
    bool marker = flags & TRANSFER_MARKER;
    if (marker != (t->amount_minor == 0) || (marker && (!is_named(t) || flags != TRANSFER_MARKER)))
        return false;
    return !(flags & TRANSFER_LINKED) ||
           (at + 1 < l->transfers_n && transfer_kind_of(t) != TRANSFER_EXPIRE &&
            transfer_kind_of(&l->transfers[at + 1]) != TRANSFER_EXPIRE);
}

/* An account that never had a credit limit was within its bounds at all times.                   */
static bool bounds_hold(const struct account *a, bool at_the_end)
{
    wide out = (wide)a->debits + a->debits_pending, in = (wide)a->credits + a->credits_pending;
    bool strict = at_the_end || !(a->flags & ACCOUNT_LENT);
    return out <= INT64_MAX && in <= INT64_MAX &&
           !(a->flags & ACCOUNT_DEBITS_WITHIN_CREDITS && strict &&
             out > (wide)a->credits + (at_the_end ? a->credit_limit : 0)) &&
           !(a->flags & ACCOUNT_CREDITS_WITHIN_DEBITS && in > a->debits) &&
           !(a->flags & ACCOUNT_CLOSED && at_the_end &&
             (a->credits != a->debits || a->debits_pending || a->credits_pending));
}

/* Whether sums can be held after it; what is moved and what is still held are never negative. */
static bool adds_up(const struct account *debit, const struct account *credit, struct effect e)
{
    return (wide)debit->debits + debit->debits_pending + e.moved + e.held <= INT64_MAX &&
           (wide)credit->credits + credit->credits_pending + e.moved + e.held <= INT64_MAX;
}

static enum heed_status apply_transfers(struct ledger *l, struct heed_error *err)
{
    for (uint32_t i = 0; i < l->transfers_n; i++) {
        struct transfer *t = &l->transfers[i];
        enum transfer_kind kind = transfer_kind_of(t);
        if (kind >= TRANSFER_KINDS || !complete(l, i, t) || !flags_hold(l, i, t) ||
            !transfer_code_ok(t->code))
            return damaged(err, "a transfer that could not have been made");
        struct account *debit = &l->accounts[t->debit], *credit = &l->accounts[t->credit];
        if (t->debit == t->credit || debit->unit != credit->unit ||
            ledger_may_pay(debit->holder, credit->holder) != REFUSED_NOT ||
            !adds_up(debit, credit, ledger_effect(l, t)))
            return damaged(err, "a transfer that could not have been made");
        ledger_add(l, t, 1);
        if (!bounds_hold(debit, false) || !bounds_hold(credit, false))
            return damaged(err, "a transfer that could not have been made");
        ledger_link(l, i);
        if (!ledger_room_for_deadlines(l, 1))
            return error_nomem(err);
        ledger_keep_deadline(l, i);
    }
    for (uint32_t i = 0; i < l->accounts_n; i++)
        if (!bounds_hold(&l->accounts[i], true))
            return damaged(err, "an account beyond its limit");
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
        status = load_data(l, s, err);
    if (status == HEED_OK)
        status = apply_transfers(l, err);
    if (status != HEED_OK) {
        ledger_deinit(l);
        ledger_init(l);
    }
    return status;
}
