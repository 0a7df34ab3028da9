/* Commands of the ledger. */
#include "base/error.h"
#include "world/apply.h"
#include "world/batch.h"
#include "world/units.h"

#include <stdlib.h>

static enum heed_status cannot_be(struct heed_error *err)
{
    return error_set(err, HEED_INPUT, "ledger", "the journal holds a call that cannot be");
}

/* One side of a transfer, as it was asked. */
struct side {
    int64_t holder, purpose; /* a symbol, or CALL_ABSENT */
};

/* Main accounts open when money first reaches them, others by `ledger open`. LEDGER_NONE with
 * *refusal, or with REFUSED_NOT where there is no memory. */
static uint32_t account_of(struct ledger *l, struct side side, uint32_t unit, enum refusal *refusal)
{
    uint16_t purpose;
    *refusal = purpose_of_symbol(side.purpose, &purpose) ? REFUSED_NOT : REFUSED_unknown_account;
    if (*refusal != REFUSED_NOT)
        return LEDGER_NONE;
    if (purpose == 0)
        return ledger_open(l, (uint32_t)side.holder, unit);
    uint32_t account = ledger_find_for(l, (uint32_t)side.holder, unit, purpose);
    if (account == LEDGER_NONE)
        *refusal = REFUSED_unknown_account;
    return account;
}

static bool holder_ok(const struct world *w, int64_t holder)
{
    return (holder >= 0 && (uint64_t)holder < w->state.catalogue.parties_n) ||
           (holder > 0 && holder <= UINT32_MAX && holder_system_name((uint32_t)holder));
}

/* ── replies ── */

static json_t *side_of(const struct world *w, uint32_t account)
{
    const struct account *a = &w->state.ledger.accounts[account];
    return catalogue_erased(&w->state.catalogue, a->holder) ? json_null()
                                                            : reply_account(w, a->holder);
}

static enum heed_status reply_transfer(const struct world *w, uint32_t at, struct outcome *o,
                                       struct heed_error *err)
{
    const struct ledger *l = &w->state.ledger;
    const struct transfer *t = &l->transfers[at];
    const struct account *from = &l->accounts[t->debit], *to = &l->accounts[t->credit];
    return reply_pack(
        &o->reply, err, "{s:I,s:s,s:o,s:o,s:o,s:o,s:o,s:I,s:o,s:b,s:I,s:I,s:I,s:I}", "transfer",
        (json_int_t)at, "kind", transfer_kind_name(transfer_kind_of(t)), "from",
        side_of(w, t->debit), "from_purpose", reply_purpose(w, from->purpose), "to",
        side_of(w, t->credit), "to_purpose", reply_purpose(w, to->purpose), "currency",
        reply_unit(w, from->unit), "amount_minor", (json_int_t)t->amount_minor, "of",
        t->of == LEDGER_NONE ? json_null() : json_integer(t->of), "repeated", (int)o->repeated,
        "from_balance_minor", (json_int_t)(from->credits - from->debits), "from_held_minor",
        (json_int_t)from->debits_pending, "to_balance_minor",
        (json_int_t)(to->credits - to->debits), "to_held_minor", (json_int_t)to->credits_pending);
}

static enum heed_status reply_state(const struct world *w, uint32_t account, struct outcome *o,
                                    struct heed_error *err)
{
    if (!o->want_reply)
        return HEED_OK;
    json_t *reply = reply_ledger_account(w, account, HANDLE_NONE);
    if (!reply)
        return error_nomem(err);
    o->reply = reply;
    return HEED_OK;
}

/* ── transfers ── */

/* Applies a chain of one or more; the first's answer counts, and the first is told. */
static enum heed_status apply_chain(struct world *w, const struct call *call,
                                    const struct transfer_ask *asks, size_t n,
                                    const enum refusal *barred, struct outcome *o,
                                    struct heed_error *err)
{
    struct transfer_answer one, *answers = n > 1 ? calloc(n, sizeof *answers) : &one;
    if (!answers)
        return error_nomem(err);
    enum heed_status status =
        ledger_apply(&w->state.ledger, call->time_ms, asks, n, barred, answers);
    for (size_t i = 0; status == HEED_OK && i < n; i++)
        if (answers[i].refusal != REFUSED_NOT && answers[i].refusal != REFUSED_linked)
            o->refusal = answers[i].refusal;
    if (status == HEED_OK && o->refusal == REFUSED_NOT) {
        o->repeated = answers[0].repeated;
        if (o->want_reply)
            status = reply_transfer(w, answers[0].transfer, o, err);
    } else if (status != HEED_OK) {
        status = error_set(err, status, "ledger", "there is no room for another transfer");
    }
    if (answers != &one)
        free(answers);
    return status;
}

static enum heed_status move(struct world *w, const struct call *call, struct side from,
                             struct side to, int64_t unit, struct transfer_ask *ask,
                             struct outcome *o, struct heed_error *err)
{
    struct ledger *l = &w->state.ledger;
    unit = call_or(unit, 0);
    if (!holder_ok(w, from.holder) || !holder_ok(w, to.holder) || !unit_possible(&w->state, unit))
        return cannot_be(err);
    if (catalogue_erased(&w->state.catalogue, (uint32_t)from.holder) ||
        catalogue_erased(&w->state.catalogue, (uint32_t)to.holder)) {
        o->refusal = REFUSED_erased;
        return HEED_OK;
    }
    size_t accounts = l->accounts_n;
    ask->debit = account_of(l, from, (uint32_t)unit, &o->refusal);
    if (o->refusal == REFUSED_NOT && ask->debit != LEDGER_NONE)
        ask->credit = account_of(l, to, (uint32_t)unit, &o->refusal);
    enum heed_status status = HEED_OK;
    if (o->refusal == REFUSED_NOT && (ask->debit == LEDGER_NONE || ask->credit == LEDGER_NONE))
        status = error_nomem(err);
    else if (o->refusal == REFUSED_NOT)
        status = apply_chain(w, call, ask, 1, NULL, o, err);
    if (status != HEED_OK || o->refusal != REFUSED_NOT)
        ledger_unopen(l, accounts);
    return status;
}

static struct transfer_ask ask_of(int64_t amount, const int64_t id[2], enum transfer_kind kind,
                                  unsigned code)
{
    return (struct transfer_ask){.id_hi = (uint64_t)call_or(id[0], 0),
                                 .id_lo = (uint64_t)call_or(id[1], 0),
                                 .amount_minor = amount,
                                 .debit = LEDGER_NONE,
                                 .credit = LEDGER_NONE,
                                 .of = LEDGER_NONE,
                                 .reference = LEDGER_NONE,
                                 .code = (uint16_t)code,
                                 .kind = (uint8_t)kind};
}

/* i: from, to, amount, currency, id hi, id lo, from's purpose, to's, up to, code, data hi, lo */
static enum heed_status between(struct world *w, const struct call *call, enum transfer_kind kind,
                                uint32_t timeout_s, struct outcome *o, struct heed_error *err)
{
    struct side from = {call->i[0], call->i[6]}, to = {call->i[1], call->i[7]};
    struct transfer_ask ask =
        ask_of(call->i[2], &call->i[4], kind,
               call->i[9] == CALL_ABSENT ? CODE_TRANSFER : (unsigned)call->i[9]);
    if (holder_system_name((uint32_t)from.holder) || holder_system_name((uint32_t)to.holder)) {
        o->refusal = REFUSED_system_account;
        return HEED_OK;
    }
    ask.data_hi = (uint64_t)call_or(call->i[10], 0);
    ask.data_lo = (uint64_t)call_or(call->i[11], 0);
    ask.flags = call->i[8] == 1 ? TRANSFER_BALANCING_DEBIT : 0;
    ask.timeout_s = timeout_s;
    return move(w, call, from, to, call->i[3], &ask, o, err);
}

enum heed_status apply_ledger_transfer(struct world *w, const struct call *call, struct outcome *o,
                                       struct heed_error *err)
{
    return between(w, call, TRANSFER_MOVE, 0, o, err);
}

/* i: as of a transfer, timeout */
enum heed_status apply_ledger_pending(struct world *w, const struct call *call, struct outcome *o,
                                      struct heed_error *err)
{
    return between(w, call, TRANSFER_PENDING, (uint32_t)call_or(call->i[12], 0), o, err);
}

/* i: to, amount, currency, id hi, id lo */
enum heed_status apply_ledger_issue(struct world *w, const struct call *call, struct outcome *o,
                                    struct heed_error *err)
{
    struct transfer_ask ask = ask_of(call->i[1], &call->i[3], TRANSFER_MOVE, CODE_ISSUE);
    if (call->i[0] == HOLDER_ISSUE || call->i[0] == HOLDER_RETIRE) {
        o->refusal = REFUSED_system_account;
        return HEED_OK;
    }
    return move(w, call, (struct side){HOLDER_ISSUE, CALL_ABSENT},
                (struct side){call->i[0], CALL_ABSENT}, call->i[2], &ask, o, err);
}

/* i: from, amount, currency, id hi, id lo */
enum heed_status apply_ledger_retire(struct world *w, const struct call *call, struct outcome *o,
                                     struct heed_error *err)
{
    struct transfer_ask ask = ask_of(call->i[1], &call->i[3], TRANSFER_MOVE, CODE_RETIRE);
    if (call->i[0] == HOLDER_ISSUE || call->i[0] == HOLDER_RETIRE) {
        o->refusal = REFUSED_system_account;
        return HEED_OK;
    }
    return move(w, call, (struct side){call->i[0], CALL_ABSENT},
                (struct side){HOLDER_RETIRE, CALL_ABSENT}, call->i[2], &ask, o, err);
}

/* ── what ends another ── */

/* Whether it is his to end. The payer may post, the payee let go; whoever keeps the world may both.
 */
static enum refusal may_end(const struct world *w, const struct call *call, enum transfer_kind kind)
{
    const struct ledger *l = &w->state.ledger;
    if (call->i[0] < 0 || (uint64_t)call->i[0] >= l->transfers_n)
        return REFUSED_unknown_transfer;
    const struct transfer *t = &l->transfers[call->i[0]];
    uint32_t whose = l->accounts[kind == TRANSFER_POST ? t->debit : t->credit].holder;
    if (call->actor != whose &&
        !actor_has(&w->state, call->actor, ROLE_OPERATOR | ROLE_CLIENT | ROLE_ECONOMIST))
        return REFUSED_forbidden;
    return REFUSED_NOT;
}

/* Ends a transfer, or all of its chain that still holds. */
static enum heed_status end(struct world *w, const struct call *call, enum transfer_kind kind,
                            int64_t amount, const int64_t id[2], bool chain, struct outcome *o,
                            struct heed_error *err)
{
    const struct ledger *l = &w->state.ledger;
    o->refusal = may_end(w, call, kind);
    if (o->refusal != REFUSED_NOT)
        return HEED_OK;
    uint32_t first = (uint32_t)call->i[0];
    size_t n = chain ? ledger_chain(l, first, &first) : 1, asked = 0;
    struct transfer_ask *asks = calloc(n, sizeof *asks);
    enum refusal *barred = calloc(n, sizeof *barred);
    if (!asks || !barred) {
        free(barred);
        free(asks);
        return error_nomem(err);
    }
    for (uint32_t at = first; at < first + n; at++) {
        const struct transfer *t = &l->transfers[at];
        if (n > 1 && transfer_kind_of(t) != TRANSFER_PENDING && at != (uint32_t)call->i[0])
            continue;
        asks[asked] =
            ask_of(amount, id, kind, kind == TRANSFER_REVERSE ? CODE_CORRECTION : t->code);
        asks[asked].of = at;
        barred[asked] = batch_barred(w, &asks[asked]);
        asks[asked++].flags = TRANSFER_LINKED;
    }
    heed_assert(asked > 0);
    asks[asked - 1].flags = 0;
    enum heed_status status = apply_chain(w, call, asks, asked, barred, o, err);
    free(barred);
    free(asks);
    return status;
}

/* i: transfer, amount, id hi, id lo, chain */
enum heed_status apply_ledger_post(struct world *w, const struct call *call, struct outcome *o,
                                   struct heed_error *err)
{
    int64_t amount = call->i[1] == CALL_ABSENT ? TRANSFER_ALL : call->i[1];
    if (call->i[1] != CALL_ABSENT && amount < 0)
        amount = 0; /* refused as such */
    return end(w, call, TRANSFER_POST, amount, &call->i[2], call->i[4] == 1, o, err);
}

/* i: transfer, id hi, id lo, chain */
enum heed_status apply_ledger_void(struct world *w, const struct call *call, struct outcome *o,
                                   struct heed_error *err)
{
    return end(w, call, TRANSFER_VOID, TRANSFER_ALL, &call->i[1], call->i[3] == 1, o, err);
}

/* i: transfer, id hi, id lo */
enum heed_status apply_ledger_reverse(struct world *w, const struct call *call, struct outcome *o,
                                      struct heed_error *err)
{
    return end(w, call, TRANSFER_REVERSE, TRANSFER_ALL, &call->i[1], false, o, err);
}

enum heed_status apply_ledger_expire(struct world *w, const struct call *call, struct outcome *o,
                                     struct heed_error *err)
{
    struct state *s = &w->state;
    size_t before = s->ledger.transfers_n;
    (void)o;
    enum heed_status status = ledger_expire(&s->ledger, call->time_ms);
    shop_restock(&s->shop, &s->catalogue, &s->ledger, before);
    return status == HEED_OK
               ? HEED_OK
               : error_set(err, status, "ledger", "there is no room to let go of what is over");
}

/* ── accounts ── */

/* i: account, currency, purpose. LEDGER_NONE with o->refusal. */
static uint32_t account_named(const struct world *w, const struct call *call, struct outcome *o)
{
    uint16_t purpose = 0;
    if (holder_system_name((uint32_t)call->i[0]))
        o->refusal = REFUSED_system_account;
    else if (!purpose_of_symbol(call->i[2], &purpose))
        o->refusal = REFUSED_unknown_account;
    if (o->refusal != REFUSED_NOT)
        return LEDGER_NONE;
    uint32_t account = ledger_find_for(&w->state.ledger, (uint32_t)call->i[0],
                                       (uint32_t)call_or(call->i[1], 0), purpose);
    if (account == LEDGER_NONE)
        o->refusal = REFUSED_unknown_account;
    return account;
}

enum refusal ledger_open_refusal(const struct state *s, const struct call *call)
{
    uint32_t holder = (uint32_t)call->i[0], actor = call->actor;
    bool keeps = actor_has(s, actor, ROLE_OPERATOR | ROLE_CLIENT | ROLE_ECONOMIST);
    if (!keeps && (holder != actor || call_or(call->i[3], 0) != 0 || call_or(call->i[4], 0) != 0))
        return REFUSED_forbidden;
    if (catalogue_erased(&s->catalogue, holder))
        return REFUSED_erased;
    return holder_system_name(holder) ? REFUSED_system_account : REFUSED_NOT;
}

/* i: account, currency, purpose, bounds, limit */
enum heed_status apply_ledger_open(struct world *w, const struct call *call, struct outcome *o,
                                   struct heed_error *err)
{
    enum { WAYS = 3 };
    static const uint16_t bounds[WAYS] = {ACCOUNT_DEBITS_WITHIN_CREDITS,
                                          ACCOUNT_CREDITS_WITHIN_DEBITS, 0};
    struct ledger *l = &w->state.ledger;
    int64_t limit = call_or(call->i[4], 0), way = call_or(call->i[3], 0);
    uint32_t unit = (uint32_t)call_or(call->i[1], 0), holder = (uint32_t)call->i[0];
    uint16_t purpose;
    if (!holder_ok(w, call->i[0]) || way < 0 || way >= WAYS || limit < 0)
        return cannot_be(err);
    o->refusal = ledger_open_refusal(&w->state, call);
    if (o->refusal == REFUSED_NOT && !purpose_of_symbol(call->i[2], &purpose))
        o->refusal = REFUSED_unknown_name;
    if (o->refusal == REFUSED_NOT && ledger_find_for(l, holder, unit, purpose) != LEDGER_NONE)
        o->refusal = REFUSED_exists;
    if (o->refusal != REFUSED_NOT)
        return HEED_OK;
    uint32_t account = ledger_open_for(l, holder, unit, purpose, bounds[way], limit);
    return account == LEDGER_NONE ? error_nomem(err) : reply_state(w, account, o, err);
}

/* i: account, currency, purpose, thaw */
enum heed_status apply_ledger_freeze(struct world *w, const struct call *call, struct outcome *o,
                                     struct heed_error *err)
{
    uint32_t account = account_named(w, call, o);
    if (o->refusal == REFUSED_NOT)
        o->refusal = ledger_freeze(&w->state.ledger, account, call->i[3] != 1);
    return o->refusal == REFUSED_NOT ? reply_state(w, account, o, err) : HEED_OK;
}

/* i: account, currency, purpose */
enum heed_status apply_ledger_close(struct world *w, const struct call *call, struct outcome *o,
                                    struct heed_error *err)
{
    uint32_t account = account_named(w, call, o);
    /* a main account takes what is earned: it stays */
    if (o->refusal == REFUSED_NOT && w->state.ledger.accounts[account].purpose == 0)
        o->refusal = REFUSED_main_account;
    if (o->refusal == REFUSED_NOT)
        o->refusal = ledger_close(&w->state.ledger, account);
    return o->refusal == REFUSED_NOT ? reply_state(w, account, o, err) : HEED_OK;
}

/* i: account, currency, purpose, limit */
enum heed_status apply_ledger_limit(struct world *w, const struct call *call, struct outcome *o,
                                    struct heed_error *err)
{
    uint32_t account = account_named(w, call, o);
    if (o->refusal == REFUSED_NOT)
        o->refusal = ledger_limit(&w->state.ledger, account, call->i[3]);
    return o->refusal == REFUSED_NOT ? reply_state(w, account, o, err) : HEED_OK;
}
