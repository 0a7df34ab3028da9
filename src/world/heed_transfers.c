/* Batches of transfers through the library. */
#include "base/time.h"
#include "world/apply.h"
#include "world/batch.h"
#include "world/handle.h"
#include "world/units.h"

#include <stdio.h>
#include <stdlib.h>

_Static_assert(sizeof(struct heed_transfer) == 64, "no padding in a transfer asked for");
_Static_assert((int)HEED_MOVE == (int)TRANSFER_MOVE && (int)HEED_HOLD == (int)TRANSFER_PENDING &&
                   (int)HEED_POST == (int)TRANSFER_POST && (int)HEED_VOID == (int)TRANSFER_VOID &&
                   (int)HEED_REVERSE == (int)TRANSFER_REVERSE,
               "one numbering of kinds");
_Static_assert((int)HEED_LINKED == (int)TRANSFER_LINKED &&
                   (int)HEED_UP_TO == (int)TRANSFER_BALANCING_DEBIT,
               "one numbering of flags");

enum heed_status heed_account(struct heed_world *world, const char *account, const char *currency,
                              const char *purpose, uint32_t *number, struct heed_error *err)
{
    error_clear(err);
    if (!world || !account || !number)
        return handle_missing(err, !world ? "world" : !account ? "account" : "number");
    struct world *w = world->w;
    uint32_t unit, holder = admit_holder(w, str_of(account)), symbol = 0;
    uint16_t place = 0;
    *number = HEED_NONE;
    if (holder == HANDLE_NONE)
        return error_set(err, HEED_REFUSED, "account", "nobody is called '%.80s'", account);
    if (!admit_unit(w, currency ? str_of(currency) : STR_NONE, &unit))
        return error_set(err, HEED_REFUSED, "currency", "there is no currency or good '%.80s'",
                         currency);
    if (purpose && *purpose)
        symbol = world_find_symbol(w, str_of(purpose));
    if (symbol != HANDLE_NONE && (!purpose || !*purpose || purpose_of_symbol(symbol, &place)))
        *number = ledger_find_for(&w->state.ledger, holder, unit, place);
    return *number == LEDGER_NONE
               ? error_set(err, HEED_REFUSED, "account",
                           "'%.80s' has no such account; `ledger open` opens one", account)
               : HEED_OK;
}

static struct transfer_ask ask_of(const struct heed_transfer *t)
{
    bool ends = t->kind >= HEED_POST;
    return (struct transfer_ask){.id_hi = t->id_hi,
                                 .id_lo = t->id_lo,
                                 .data_hi = t->data_hi,
                                 .data_lo = t->data_lo,
                                 .amount_minor = t->amount,
                                 .debit = ends ? LEDGER_NONE : t->debit,
                                 .credit = ends ? LEDGER_NONE : t->credit,
                                 .of = ends ? t->of : LEDGER_NONE,
                                 .reference = LEDGER_NONE,
                                 .timeout_s = t->timeout_s,
                                 .code = t->kind == HEED_REVERSE ? CODE_CORRECTION
                                         : t->code               ? t->code
                                                                 : CODE_TRANSFER,
                                 .kind = t->kind,
                                 .flags = t->flags};
}

static enum heed_status asks_of(const struct heed_transfer *transfers, size_t n,
                                struct transfer_ask *asks, struct heed_error *err)
{
    for (size_t i = 0; i < n; i++) {
        asks[i] = ask_of(&transfers[i]);
        if (batch_ask_ok(&asks[i]) && transfers[i].reserved == 0 &&
            (transfers[i].kind != HEED_REVERSE || transfers[i].code == 0))
            continue;
        char where[32];
        snprintf(where, sizeof where, "transfer %zu", i);
        return error_set(
            err, HEED_USAGE, where,
            "its kind, flags, code (0, or from 256) or timeout (of a hold alone) is none "
            "that there is");
    }
    return HEED_OK;
}

static enum heed_status apply(struct world *w, const struct heed_context *context,
                              const struct transfer_ask *asks, size_t n,
                              struct transfer_answer *answers, struct heed_error *err)
{
    size_t bytes;
    char *blob = batch_pack(asks, n, &bytes);
    struct call call = {.command = COMMAND_ledger_batch,
                        .time_ms = context->time_ms,
                        .actor = context->actor ? world_find_user(w, str_of(context->actor))
                                                : HANDLE_NONE,
                        .blob = {blob, bytes}};
    struct outcome o = {.answers = answers};
    for (int i = 0; i < CALL_INTS; i++)
        call.i[i] = CALL_ABSENT;
    call.i[0] = (int64_t)n;
    enum heed_status status = blob ? HEED_OK : error_nomem(err);
    if (status == HEED_OK)
        status = admit_due(w, context, err);
    if (status == HEED_OK)
        status = world_apply(w, &call, &o, err);
    free(blob);
    return world_guard(w, status);
}

static enum heed_status allowed(const struct world *w, const struct heed_context *context, size_t n,
                                struct heed_error *err)
{
    json_t *refused = NULL;
    if (w->read_only)
        return error_set(err, HEED_USAGE, "transfers", "the world was opened for reading only");
    if (context->time_ms < 0 || context->time_ms > TIME_MAX_MS)
        return error_set(err, HEED_USAGE, "time", "it is before 1970 or after 2105");
    if (n > BATCH_MAX)
        return error_set(err, HEED_USAGE, "n", "at most %d transfers at once", BATCH_MAX);
    enum heed_status status = admit_tool(w, COMMAND_ledger_batch, context->actor, &refused, err);
    json_decref(refused);
    return status == HEED_REFUSED
               ? error_set(err, HEED_REFUSED, "actor", "only operators and clients may")
               : status;
}

enum heed_status transfers_queue(struct world *w, const struct heed_context *context,
                                 const struct heed_transfer *transfers, size_t n,
                                 struct heed_transferred *results, struct heed_error *err)
{
    enum heed_status status = allowed(w, context, n, err);
    if (status != HEED_OK || n == 0)
        return status;
    struct transfer_ask *asks = malloc(n * sizeof *asks);
    struct transfer_answer *answers = malloc(n * sizeof *answers);
    status = asks && answers ? asks_of(transfers, n, asks, err) : error_nomem(err);
    if (status == HEED_OK)
        status = apply(w, context, asks, n, answers, err);
    for (size_t i = 0; status == HEED_OK && i < n; i++)
        results[i] = (struct heed_transferred){
            answers[i].refusal == REFUSED_NOT ? NULL : refusal_code(answers[i].refusal),
            answers[i].transfer, answers[i].repeated};
    free(answers);
    free(asks);
    return status;
}

enum heed_status heed_transfers(struct heed_world *world, const struct heed_context *context,
                                const struct heed_transfer *transfers, size_t n,
                                struct heed_transferred *results, struct heed_error *err)
{
    error_clear(err);
    if (!world || !context || ((!transfers || !results) && n > 0))
        return handle_missing(err, !world       ? "world"
                                   : !context   ? "context"
                                   : !transfers ? "transfers"
                                                : "results");
    enum heed_status status = transfers_queue(world->w, context, transfers, n, results, err);
    return status == HEED_OK ? world_commit(world->w, err) : status;
}
