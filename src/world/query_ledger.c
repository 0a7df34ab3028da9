/* Queries about accounts and transfers. */
#include "world/apply.h"
#include "world/units.h"

static json_t *account_at(const struct world *w, uint32_t account, uint32_t holder, int64_t as_of)
{
    json_t *row = reply_ledger_account(w, account, holder);
    struct moment m = {0};
    if (!row || as_of == CALL_ABSENT)
        return row;
    if (account != LEDGER_NONE)
        m = ledger_as_of(&w->state.ledger, account, as_of);
    json_object_set_new(row, "balance_minor", json_integer(m.balance));
    json_object_set_new(row, "held_minor", json_integer(m.debits_pending));
    json_object_set_new(row, "coming_minor", json_integer(m.credits_pending));
    static const char *const of_now[] = {"available_minor", "limit_minor", "debits_minor",
                                         "credits_minor",   "transfers",   "frozen",
                                         "closed"};
    for (size_t i = 0; i < sizeof of_now / sizeof *of_now; i++)
        json_object_del(row, of_now[i]);
    return row;
}

/* i: account, as of */
enum heed_status query_ledger_balance(struct world *w, const struct call *call,
                                      enum refusal *refusal, json_t **out, struct heed_error *err)
{
    uint32_t holder = (uint32_t)call->i[0];
    const struct ledger *l = &w->state.ledger;
    if (catalogue_erased(&w->state.catalogue, holder)) {
        *refusal = REFUSED_erased;
        return HEED_OK;
    }
    json_t *rows = json_array();
    uint32_t main = ledger_find(l, holder, 0);
    json_array_append_new(rows, account_at(w, main, holder, call->i[1]));
    for (uint32_t a = ledger_newest(l, holder); a != LEDGER_NONE; a = l->accounts[a].before)
        if (a != main) /* oldest first */
            json_array_insert_new(rows, 1, account_at(w, a, holder, call->i[1]));
    json_t *first = json_array_get(rows, 0);
    return reply_pack(out, err, "{s:o,s:O,s:O,s:o}", "account", reply_account(w, holder),
                      "currency", json_object_get(first, "currency"), "balance_minor",
                      json_object_get(first, "balance_minor"), "balances", rows);
}

/* ── transfers ── */

static json_t *code_of(const struct transfer *t)
{
    return t->code >= CODE_CALLER ? json_integer(t->code)
                                  : json_string(transfer_code_name((enum transfer_code)t->code));
}

static json_t *data_of(const struct transfer *t)
{
    return t->data_hi | t->data_lo ? json_sprintf("%016llx%016llx", (unsigned long long)t->data_hi,
                                                  (unsigned long long)t->data_lo)
                                   : json_null();
}

/* What became of a pending one: whether it holds; of a move whether it was taken back. */
static const char *state_of(const struct transfer *t)
{
    static const char *const names[] = {"stands", "posted", "voided", "expired", "reversed"};
    return t->state == STATE_STANDS && transfer_kind_of(t) == TRANSFER_PENDING ? "holds"
                                                                               : names[t->state];
}

static json_t *holder_of(const struct world *w, uint32_t account)
{
    uint32_t holder = w->state.ledger.accounts[account].holder;
    return catalogue_erased(&w->state.catalogue, holder) ? json_null() : reply_account(w, holder);
}

static json_t *row_of(const struct world *w, uint32_t at, uint32_t account)
{
    const struct ledger *l = &w->state.ledger;
    const struct transfer *t = &l->transfers[at];
    bool in = t->credit == account;
    uint32_t other = in ? t->debit : t->credit;
    struct effect e = ledger_effect(l, t);
    return json_pack(
        "{s:I,s:o,s:o,s:s,s:s,s:o,s:o,s:I,s:I,s:o,s:o,s:o}", "transfer", (json_int_t)at, "time",
        reply_time(t->time_ms), "code", code_of(t), "kind", transfer_kind_name(transfer_kind_of(t)),
        "state", state_of(t), "other", holder_of(w, other), "other_purpose",
        reply_purpose(w, l->accounts[other].purpose), "amount_minor",
        (json_int_t)(in ? e.moved : -e.moved), "held_minor", (json_int_t)e.held, "of",
        t->of == LEDGER_NONE ? json_null() : json_integer(t->of), "reference",
        t->reference == LEDGER_NONE ? json_null() : json_integer(t->reference), "data", data_of(t));
}

/* i: account, currency, k, purpose, other, since, until, kind, code, caller's code, before */
enum heed_status query_ledger_history(struct world *w, const struct call *call,
                                      enum refusal *refusal, json_t **out, struct heed_error *err)
{
    uint32_t holder = (uint32_t)call->i[0];
    const struct ledger *l = &w->state.ledger;
    const int64_t *i = call->i;
    uint16_t purpose;
    bool named = purpose_of_symbol(i[3], &purpose);
    if (catalogue_erased(&w->state.catalogue, holder)) {
        *refusal = REFUSED_erased;
        return HEED_OK;
    }
    uint32_t unit = i[1] == CALL_ABSENT ? 0 : (uint32_t)i[1];
    int64_t k = i[2] == CALL_ABSENT ? 20 : i[2];
    uint32_t a = named ? ledger_find_for(l, holder, unit, purpose) : LEDGER_NONE;
    json_t *rows = json_array();
    for (uint32_t t = a == LEDGER_NONE ? LEDGER_NONE : l->accounts[a].last;
         t != LEDGER_NONE && k > 0;) {
        const struct transfer *x = &l->transfers[t];
        uint32_t at = t;
        bool in = x->credit == a;
        t = in ? x->credit_prev : x->debit_prev;
        if ((i[4] != CALL_ABSENT && l->accounts[in ? x->debit : x->credit].holder != i[4]) ||
            (i[5] != CALL_ABSENT && x->time_ms < i[5]) ||
            (i[6] != CALL_ABSENT && x->time_ms >= i[6]) ||
            (i[7] != CALL_ABSENT && (int64_t)transfer_kind_of(x) != i[7]) ||
            (i[8] != CALL_ABSENT && x->code != i[8] + 1) ||
            (i[9] != CALL_ABSENT && x->code != i[9]) || (i[10] != CALL_ABSENT && at >= i[10]))
            continue;
        json_array_append_new(rows, row_of(w, at, a));
        k--;
    }
    return reply_pack(out, err, "{s:o,s:o,s:o,s:I,s:o}", "account", reply_account(w, holder),
                      "purpose", reply_purpose(w, purpose), "currency", reply_unit(w, unit),
                      "balance_minor", (json_int_t)ledger_balance(l, a), "transfers", rows);
}

static json_t *shown(const struct world *w, uint32_t at)
{
    const struct ledger *l = &w->state.ledger;
    const struct transfer *t = &l->transfers[at];
    struct effect e = ledger_effect(l, t);
    return json_pack(
        "{s:I,s:o,s:o,s:s,s:s,s:o,s:o,s:o,s:o,s:o,s:I,s:I,s:I,s:o,s:o,s:o,s:o}", "transfer",
        (json_int_t)at, "time", reply_time(t->time_ms), "code", code_of(t), "kind",
        transfer_kind_name(transfer_kind_of(t)), "state", state_of(t), "from",
        holder_of(w, t->debit), "from_purpose", reply_purpose(w, l->accounts[t->debit].purpose),
        "to", holder_of(w, t->credit), "to_purpose",
        reply_purpose(w, l->accounts[t->credit].purpose), "currency",
        reply_unit(w, l->accounts[t->debit].unit), "amount_minor", (json_int_t)t->amount_minor,
        "moved_minor", (json_int_t)e.moved, "held_minor", (json_int_t)e.held, "of",
        t->of == LEDGER_NONE ? json_null() : json_integer(t->of), "until",
        t->timeout_s ? reply_time(t->time_ms + (int64_t)t->timeout_s * 1000) : json_null(),
        "reference", t->reference == LEDGER_NONE ? json_null() : json_integer(t->reference), "data",
        data_of(t));
}

/* i: transfer */
enum heed_status query_ledger_show(struct world *w, const struct call *call, enum refusal *refusal,
                                   json_t **out, struct heed_error *err)
{
    const struct ledger *l = &w->state.ledger;
    if ((uint64_t)call->i[0] >= l->transfers_n) {
        *refusal = REFUSED_unknown_transfer;
        return HEED_OK;
    }
    uint32_t at = (uint32_t)call->i[0], first;
    const struct transfer *t = &l->transfers[at];
    const struct party *p =
        call->actor == HANDLE_NONE ? NULL : &w->state.catalogue.parties[call->actor];
    if (p && !(p->role_bits & ~(unsigned)ROLE_MEMBER) &&
        l->accounts[t->debit].holder != call->actor &&
        l->accounts[t->credit].holder != call->actor) {
        *refusal = REFUSED_forbidden;
        return HEED_OK;
    }
    json_t *reply = shown(w, at);
    size_t n = ledger_chain(l, at, &first);
    json_t *chain = json_array();
    for (uint32_t i = 0; n > 1 && i < n; i++)
        json_array_append_new(chain, json_integer(first + i));
    if (!reply || json_object_set_new(reply, "chain", chain) != 0) {
        json_decref(reply);
        return error_nomem(err);
    }
    *out = reply;
    return HEED_OK;
}
