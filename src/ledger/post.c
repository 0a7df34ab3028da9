/* Postings by holder: legs between main accounts, as one chain of transfers. */
#include "base/error.h"
#include "ledger/ledger_parts.h"

#include <stdlib.h>

static enum refusal check_legs(const struct posting *legs, size_t n)
{
    enum refusal worst = REFUSED_NOT;
    for (size_t i = 0; i < n; i++) {
        heed_assert(legs[i].code > 0 && legs[i].code < CODE_COUNT);
        bool same = legs[i].from == legs[i].to && legs[i].from_purpose == legs[i].to_purpose;
        enum refusal r = legs[i].posts              ? REFUSED_NOT
                         : legs[i].amount_minor < 0 ? REFUSED_not_positive
                         : same                     ? REFUSED_same_account
                                                    : ledger_may_pay(legs[i].from, legs[i].to);
        if (r != REFUSED_NOT && (worst == REFUSED_NOT || r < worst))
            worst = r;
    }
    return worst;
}

/* The legs that leave a transfer, as asks without accounts: those that move money, or the first
 * alone when none does but the posting has a name to remember. legs_of[] their legs.             */
static size_t moving(const struct posting *legs, size_t n, uint64_t id_hi, uint64_t id_lo,
                     struct transfer_ask *asks, const struct posting **legs_of)
{
    size_t m = 0;
    for (size_t i = 0; i < n; i++)
        if (legs[i].amount_minor != 0 || legs[i].posts)
            legs_of[m++] = &legs[i];
    bool marker = m == 0 && n > 0 && (id_hi | id_lo) != 0;
    if (marker)
        legs_of[m++] = legs;
    for (size_t i = 0; i < m; i++)
        asks[i] = (struct transfer_ask){
            .id_hi = id_hi,
            .id_lo = id_lo,
            .data_lo = legs_of[i]->data,
            .amount_minor = legs_of[i]->posts ? TRANSFER_ALL : legs_of[i]->amount_minor,
            .debit = LEDGER_NONE,
            .credit = LEDGER_NONE,
            .of = legs_of[i]->posts ? legs_of[i]->posts - 1 : LEDGER_NONE,
            .reference = legs_of[i]->reference,
            .code = legs_of[i]->code,
            .kind = legs_of[i]->posts ? TRANSFER_POST : TRANSFER_MOVE,
            .flags = (uint8_t)((i + 1 < m ? TRANSFER_LINKED : 0) | (marker ? TRANSFER_MARKER : 0))};
    return m;
}

static uint32_t account_of(struct ledger *l, uint32_t holder, uint32_t unit, uint16_t purpose,
                           bool open)
{
    uint32_t account = ledger_find_for(l, holder, unit, purpose);
    if (account != LEDGER_NONE || !open)
        return account;
    return purpose == 0
               ? ledger_open(l, holder, unit)
               : ledger_open_for(l, holder, unit, purpose, ACCOUNT_DEBITS_WITHIN_CREDITS, 0);
}

static enum heed_status open_accounts(struct ledger *l, struct transfer_ask *asks,
                                      const struct posting *const *legs_of, size_t m, bool open)
{
    for (size_t i = 0; i < m; i++) {
        const struct posting *leg = legs_of[i];
        if (leg->posts)
            continue;
        asks[i].debit = account_of(l, leg->from, leg->unit, leg->from_purpose, open);
        asks[i].credit = account_of(l, leg->to, leg->unit, leg->to_purpose, open);
        if (open && (asks[i].debit == LEDGER_NONE || asks[i].credit == LEDGER_NONE))
            return HEED_NOMEM;
    }
    return HEED_OK;
}

/* asks[m], m > 0, are the posting's, still without accounts. */
static enum heed_status post(struct ledger *l, int64_t time_ms, const struct posting *legs,
                             size_t n, struct transfer_ask *asks,
                             const struct posting *const *legs_of, size_t m,
                             struct transfer_answer *answers, enum refusal *refusal)
{
    size_t accounts = l->accounts_n;
    uint32_t before = ask_named(asks) ? ledger_find_id(l, asks->id_hi, asks->id_lo) : LEDGER_NONE;
    if (before == LEDGER_NONE && (*refusal = check_legs(legs, n)) != REFUSED_NOT)
        return HEED_OK;
    enum heed_status status = open_accounts(l, asks, legs_of, m, before == LEDGER_NONE);
    if (status == HEED_OK)
        status = ledger_apply_chain(l, time_ms, asks, m, NULL, answers);
    *refusal = REFUSED_NOT;
    for (size_t i = 0; status == HEED_OK && i < m; i++)
        if (answers[i].refusal != REFUSED_NOT && answers[i].refusal != REFUSED_linked)
            *refusal = answers[i].refusal;
    if (before != LEDGER_NONE && *refusal != REFUSED_NOT)
        *refusal = REFUSED_id_reused;
    if (status != HEED_OK || *refusal != REFUSED_NOT)
        ledger_unopen(l, accounts);
    return status;
}

enum heed_status ledger_post(struct ledger *l, int64_t time_ms, uint64_t id_hi, uint64_t id_lo,
                             const struct posting *legs, size_t n, enum refusal *refusal,
                             uint32_t *first, bool *repeated)
{
    enum { FEW = 4 };
    struct transfer_ask few_asks[FEW], *asks = few_asks;
    struct transfer_answer few_answers[FEW], *answers = few_answers;
    const struct posting *few_legs[FEW], **legs_of = few_legs;
    enum heed_status status = HEED_OK;
    *refusal = REFUSED_NOT;
    if (first)
        *first = LEDGER_NONE;
    if (repeated)
        *repeated = false;
    if (n > FEW) {
        asks = malloc(n * sizeof *asks);
        answers = malloc(n * sizeof *answers);
        legs_of = malloc(n * sizeof *legs_of);
        if (!asks || !answers || !legs_of)
            status = HEED_NOMEM;
    }
    size_t m = status == HEED_OK ? moving(legs, n, id_hi, id_lo, asks, legs_of) : 0;
    if (status == HEED_OK && m > 0)
        status = post(l, time_ms, legs, n, asks, legs_of, m, answers, refusal);
    else if (status == HEED_OK && (id_hi | id_lo) != 0 &&
             ledger_find_id(l, id_hi, id_lo) != LEDGER_NONE)
        *refusal = REFUSED_id_reused;
    else if (status == HEED_OK)
        *refusal = check_legs(legs, n);
    if (status == HEED_OK && m > 0 && *refusal == REFUSED_NOT) {
        if (first)
            *first = answers->transfer;
        if (repeated)
            *repeated = answers->repeated;
    }
    if (n > FEW) {
        free(asks);
        free(answers);
        free(legs_of);
    }
    return status;
}
