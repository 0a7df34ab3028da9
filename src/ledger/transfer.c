/* Applying transfers by account: checks in the order of refusal.def, chains all or nothing.
 *
 * A chain's transfers are written behind the last one that counts, each with its effect on the
 * accounts; only when all have applied do they count. Until then `undo` takes them back, newest
 * first. */
#include "base/error.h"
#include "ledger/ledger_parts.h"

enum refusal ledger_may_pay(uint32_t from, uint32_t to)
{
    return to == HOLDER_ISSUE || from == HOLDER_RETIRE ? REFUSED_system_account : REFUSED_NOT;
}

enum transfer_state ledger_ends(enum transfer_kind kind)
{
    static const enum transfer_state states[TRANSFER_KINDS] = {[TRANSFER_POST] = STATE_POSTED,
                                                               [TRANSFER_VOID] = STATE_VOIDED,
                                                               [TRANSFER_EXPIRE] = STATE_EXPIRED,
                                                               [TRANSFER_REVERSE] = STATE_REVERSED};
    return states[kind];
}

struct effect ledger_effect(const struct ledger *l, const struct transfer *t)
{
    switch (transfer_kind_of(t)) {
    case TRANSFER_PENDING:
        return (struct effect){0, t->amount_minor};
    case TRANSFER_POST:
        return (struct effect){t->amount_minor, -l->transfers[t->of].amount_minor};
    case TRANSFER_VOID:
    case TRANSFER_EXPIRE:
        return (struct effect){0, -t->amount_minor};
    default:
        return (struct effect){t->amount_minor, 0};
    }
}

void ledger_add(struct ledger *l, const struct transfer *t, int sign)
{
    struct effect e = ledger_effect(l, t);
    struct account *debit = &l->accounts[t->debit], *credit = &l->accounts[t->credit];
    debit->debits += sign * e.moved;
    credit->credits += sign * e.moved;
    debit->debits_pending += sign * e.held;
    credit->credits_pending += sign * e.held;
    int64_t out = debit->debits + debit->debits_pending;
    int64_t in = credit->credits + credit->credits_pending;
    out = out > in ? out : in;
    l->most = out > l->most ? out : l->most;
    if (t->of != LEDGER_NONE)
        l->transfers[t->of].state =
            (uint8_t)(sign > 0 ? ledger_ends(transfer_kind_of(t)) : STATE_STANDS);
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

/* ── checks ── */

static bool ends_another(enum transfer_kind kind)
{
    return kind >= TRANSFER_POST;
}

/* What is asked with all that follows from it filled in: accounts and amount of what it ends. */
static struct transfer_ask completed(const struct ledger *l, const struct transfer_ask *ask)
{
    struct transfer_ask a = *ask;
    if (!ends_another((enum transfer_kind)a.kind) || a.of >= l->transfers_n)
        return a;
    const struct transfer *t = &l->transfers[a.of];
    bool back = a.kind == TRANSFER_REVERSE;
    a.debit = back ? t->credit : t->debit;
    a.credit = back ? t->debit : t->credit;
    if (a.kind != TRANSFER_POST || a.amount_minor == TRANSFER_ALL)
        a.amount_minor = t->amount_minor;
    return a;
}

/* Of what is known without any balance.                                                          */
static enum refusal check_body(const struct ledger *l, const struct transfer_ask *a)
{
    if (a->debit >= l->accounts_n || a->credit >= l->accounts_n)
        return ends_another((enum transfer_kind)a->kind) ? REFUSED_unknown_transfer
                                                         : REFUSED_unknown_account;
    if (a->amount_minor < 0 || (a->amount_minor == 0 && !(a->flags & TRANSFER_MARKER)))
        return REFUSED_not_positive;
    const struct account *debit = &l->accounts[a->debit], *credit = &l->accounts[a->credit];
    if (a->debit == a->credit)
        return REFUSED_same_account;
    enum refusal refusal = ledger_may_pay(debit->holder, credit->holder);
    if (refusal != REFUSED_NOT)
        return refusal;
    return debit->unit != credit->unit ? REFUSED_unit_mismatch : REFUSED_NOT;
}

static enum refusal check_ended(const struct ledger *l, const struct transfer_ask *a)
{
    if (!ends_another((enum transfer_kind)a->kind))
        return REFUSED_NOT;
    const struct transfer *t = &l->transfers[a->of];
    if (a->kind == TRANSFER_REVERSE) {
        bool moves = transfer_kind_of(t) == TRANSFER_MOVE || transfer_kind_of(t) == TRANSFER_POST;
        return !moves                     ? REFUSED_not_reversible
               : t->state != STATE_STANDS ? REFUSED_reversed_before
                                          : REFUSED_NOT;
    }
    if (transfer_kind_of(t) != TRANSFER_PENDING)
        return REFUSED_not_pending;
    switch (t->state) {
    case STATE_POSTED:
        return REFUSED_pending_posted;
    case STATE_VOIDED:
        return REFUSED_pending_voided;
    case STATE_EXPIRED:
        return REFUSED_pending_expired;
    default:
        return a->amount_minor > t->amount_minor ? REFUSED_exceeds_pending : REFUSED_NOT;
    }
}

/* Whether both accounts bear it; what a post lets go of counts as free. */
static enum refusal check_balances(const struct ledger *l, const struct transfer_ask *a)
{
    const struct account *debit = &l->accounts[a->debit], *credit = &l->accounts[a->credit];
    wide freed = a->kind == TRANSFER_POST ? l->transfers[a->of].amount_minor : 0;
    wide out = (wide)debit->debits + debit->debits_pending - freed + a->amount_minor;
    wide in = (wide)credit->credits + credit->credits_pending - freed + a->amount_minor;
    if (debit->flags & ACCOUNT_DEBITS_WITHIN_CREDITS &&
        out > (wide)debit->credits + debit->credit_limit)
        return REFUSED_insufficient_funds;
    if (credit->flags & ACCOUNT_CREDITS_WITHIN_DEBITS && in > credit->debits)
        return REFUSED_exceeds_debits;
    return out > INT64_MAX || in > INT64_MAX ? REFUSED_overflow : REFUSED_NOT;
}

static int64_t least(int64_t a, wide b)
{
    return b < a ? b < 0 ? 0 : (int64_t)b : a;
}

/* The amount that a balancing transfer moves; others' as it is. */
static int64_t balanced(const struct ledger *l, const struct transfer_ask *a)
{
    const struct account *debit = &l->accounts[a->debit], *credit = &l->accounts[a->credit];
    int64_t amount = a->amount_minor;
    if (a->flags & TRANSFER_BALANCING_DEBIT)
        amount = least(amount, account_room(debit));
    if (a->flags & TRANSFER_BALANCING_CREDIT)
        amount = least(amount, (wide)credit->debits - credit->credits - credit->credits_pending);
    return amount;
}

static enum refusal check(const struct ledger *l, struct transfer_ask *a)
{
    enum refusal refusal = check_body(l, a);
    if (refusal != REFUSED_NOT)
        return refusal;
    const struct account *debit = &l->accounts[a->debit], *credit = &l->accounts[a->credit];
    bool lets_go = a->kind == TRANSFER_VOID; /* nothing is paid: what is frozen stays where it is */
    if ((debit->flags | credit->flags) & ACCOUNT_CLOSED)
        return REFUSED_account_closed;
    if (debit->flags & ACCOUNT_FROZEN && !lets_go)
        return REFUSED_account_frozen;
    refusal = check_ended(l, a);
    if (refusal != REFUSED_NOT || lets_go)
        return refusal;
    int64_t asked = a->amount_minor;
    a->amount_minor = balanced(l, a);
    if (a->amount_minor == 0 && asked > 0)
        return a->flags & TRANSFER_BALANCING_DEBIT && account_room(debit) <= 0
                   ? REFUSED_insufficient_funds
                   : REFUSED_exceeds_debits;
    return check_balances(l, a);
}

/* ── repetition ── */

static uint8_t kept_flags(const struct transfer_ask *a)
{
    return (uint8_t)(a->kind | (unsigned)a->flags << 4);
}

static bool same_body(const struct transfer *t, const struct transfer_ask *a)
{
    bool balancing = a->flags & (TRANSFER_BALANCING_DEBIT | TRANSFER_BALANCING_CREDIT);
    return t->id_hi == a->id_hi && t->id_lo == a->id_lo && t->data_hi == a->data_hi &&
           t->data_lo == a->data_lo && t->debit == a->debit && t->credit == a->credit &&
           t->of == a->of && t->reference == a->reference && t->timeout_s == a->timeout_s &&
           t->code == a->code && t->kind_flags == kept_flags(a) &&
           (balancing ? t->amount_minor <= a->amount_minor : t->amount_minor == a->amount_minor);
}

static bool same_chain(const struct ledger *l, size_t at, const struct transfer_ask *asks, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct transfer_ask a = completed(l, &asks[i]);
        if (at + i >= l->transfers_n || !same_body(&l->transfers[at + i], &a))
            return false;
    }
    return true;
}

/* ── chains ── */

static bool names_anew(const struct transfer_ask *asks, size_t i)
{
    return ask_named(&asks[i]) &&
           (i == 0 || asks[i].id_hi != asks[i - 1].id_hi || asks[i].id_lo != asks[i - 1].id_lo);
}

static void undo(struct ledger *l, const struct transfer_ask *asks, size_t n)
{
    while (n-- > 0) {
        if (names_anew(asks, n))
            ledger_forget(l, asks[n].id_hi, asks[n].id_lo, (uint32_t)(l->transfers_n + n));
        ledger_add(l, &l->transfers[l->transfers_n + n], -1);
    }
}

static struct transfer transfer_of(const struct transfer_ask *a, int64_t time_ms)
{
    return (struct transfer){.id_hi = a->id_hi,
                             .id_lo = a->id_lo,
                             .data_hi = a->data_hi,
                             .data_lo = a->data_lo,
                             .time_ms = time_ms,
                             .amount_minor = a->amount_minor,
                             .debit = a->debit,
                             .credit = a->credit,
                             .of = a->of,
                             .reference = a->reference,
                             .timeout_s = a->timeout_s,
                             .code = a->code,
                             .kind_flags = kept_flags(a)};
}

static void answer(struct transfer_answer *answers, size_t n, size_t at, enum refusal refusal)
{
    for (size_t i = 0; i < n; i++)
        answers[i] =
            (struct transfer_answer){i == at ? refusal : REFUSED_linked, LEDGER_NONE, false};
}

enum heed_status ledger_apply_chain(struct ledger *l, int64_t time_ms,
                                    const struct transfer_ask *asks, size_t n,
                                    const enum refusal *barred, struct transfer_answer *answers)
{
    uint32_t before = ask_named(asks) ? ledger_find_id(l, asks->id_hi, asks->id_lo) : LEDGER_NONE;
    if (before != LEDGER_NONE && same_chain(l, before, asks, n)) {
        for (size_t i = 0; i < n; i++)
            answers[i] = (struct transfer_answer){REFUSED_NOT, before + (uint32_t)i, true};
        return HEED_OK;
    }
    if (n > LEDGER_NONE - l->transfers_n)
        return HEED_RANGE;
    if (!array_grow(&l->transfers, &l->transfers_cap, l->transfers_n + n, sizeof *l->transfers) ||
        !ledger_room_for_deadlines(l, n))
        return HEED_NOMEM;
    for (size_t i = 0; i < n; i++) {
        struct transfer_ask a = completed(l, &asks[i]);
        struct transfer *t = &l->transfers[l->transfers_n + i];
        enum refusal refusal = check(l, &a);
        heed_assert(a.kind != TRANSFER_EXPIRE && a.kind < TRANSFER_KINDS);
        heed_assert(transfer_code_ok(a.code));
        if (barred && barred[i] != REFUSED_NOT && (refusal == REFUSED_NOT || barred[i] < refusal))
            refusal = barred[i];
        bool named = names_anew(asks, i);
        if (named && (refusal == REFUSED_NOT || refusal > REFUSED_id_reused) &&
            ledger_find_id(l, a.id_hi, a.id_lo) != LEDGER_NONE)
            refusal = REFUSED_id_reused;
        if (refusal != REFUSED_NOT) {
            undo(l, asks, i);
            answer(answers, n, i, refusal);
            return HEED_OK;
        }
        *t = transfer_of(&a, time_ms);
        ledger_add(l, t, 1);
        if (named && !ledger_remember(l, a.id_hi, a.id_lo, (uint32_t)(l->transfers_n + i))) {
            ledger_add(l, t, -1);
            undo(l, asks, i);
            return HEED_NOMEM;
        }
    }
    for (size_t i = 0; i < n; i++) {
        uint32_t at = (uint32_t)l->transfers_n++;
        ledger_link(l, at);
        ledger_keep_deadline(l, at);
        answers[i] = (struct transfer_answer){REFUSED_NOT, at, false};
    }
    return HEED_OK;
}

enum heed_status ledger_apply(struct ledger *l, int64_t time_ms, const struct transfer_ask *asks,
                              size_t n, const enum refusal *barred, struct transfer_answer *answers)
{
    for (size_t i = 0, end; i < n; i = end) {
        end = i + 1;
        if (i + LEDGER_AHEAD < n)
            ledger_prefetch(l, &asks[i + LEDGER_AHEAD]);
        while (end < n && asks[end - 1].flags & TRANSFER_LINKED)
            end++;
        if (asks[end - 1].flags & TRANSFER_LINKED) {
            answer(answers + i, end - i, end - i - 1, REFUSED_chain_open);
            continue;
        }
        enum heed_status status = ledger_apply_chain(l, time_ms, asks + i, end - i,
                                                     barred ? barred + i : NULL, answers + i);
        if (status != HEED_OK)
            return status;
    }
    return HEED_OK;
}

size_t ledger_chain(const struct ledger *l, uint32_t transfer, uint32_t *first)
{
    uint32_t end = transfer;
    *first = transfer;
    while (*first > 0 && transfer_flags_of(&l->transfers[*first - 1]) & TRANSFER_LINKED)
        --*first;
    while (transfer_flags_of(&l->transfers[end]) & TRANSFER_LINKED)
        end++;
    return end - *first + 1;
}
