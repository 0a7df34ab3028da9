/* `ledger batch`: many transfers in one call.
 *
 * Packed: for each ask a byte of kind and flags, a byte that says what follows, then as varints the
 * account that pays and the one that is paid, or the transfer that it ends; the amount (zigzag);
 * and where said the code, the timeout, id and data (16 bytes each). */
#include "base/error.h"
#include "world/apply.h"
#include "world/batch.h"
#include "world/pack.h"

#include <stdlib.h>

enum { HAS_ID = 1, HAS_DATA = 2, HAS_CODE = 4, HAS_TIMEOUT = 8, HAS_ALL = 15 };
enum { ASK_BYTES = 2 + 5 + 5 + 10 + 3 + 5 + 16 + 16 };
enum { BATCH_FLAGS = TRANSFER_LINKED | TRANSFER_BALANCING_DEBIT };

static bool ends_another(unsigned kind)
{
    return kind == TRANSFER_POST || kind == TRANSFER_VOID || kind == TRANSFER_REVERSE;
}

bool batch_ask_ok(const struct transfer_ask *a)
{
    bool pending = a->kind == TRANSFER_PENDING, ends = ends_another(a->kind);
    return (a->kind == TRANSFER_MOVE || pending || ends) && !(a->flags & ~BATCH_FLAGS) &&
           !(ends && a->flags & TRANSFER_BALANCING_DEBIT) && (pending || a->timeout_s == 0) &&
           (a->code == (a->kind == TRANSFER_REVERSE ? CODE_CORRECTION : CODE_TRANSFER) ||
            a->code >= CODE_CALLER);
}

static uint8_t *put_pair(uint8_t *p, uint64_t hi, uint64_t lo)
{
    memcpy(p, &hi, 8);
    memcpy(p + 8, &lo, 8);
    return p + 16;
}

char *batch_pack(const struct transfer_ask *asks, size_t n, size_t *bytes)
{
    uint8_t *start = malloc(n * ASK_BYTES + 1), *p = start;
    for (size_t i = 0; start && i < n; i++) {
        const struct transfer_ask *a = &asks[i];
        unsigned has = (a->id_hi | a->id_lo ? HAS_ID : 0) |
                       (a->data_hi | a->data_lo ? HAS_DATA : 0) |
                       (a->code >= CODE_CALLER ? HAS_CODE : 0) | (a->timeout_s ? HAS_TIMEOUT : 0);
        *p++ = (uint8_t)(a->kind | (unsigned)a->flags << 4);
        *p++ = (uint8_t)has;
        if (ends_another(a->kind)) {
            p = pack_at(p, a->of);
        } else {
            p = pack_at(p, a->debit);
            p = pack_at(p, a->credit);
        }
        p = pack_at(p, (uint64_t)a->amount_minor << 1 ^ (uint64_t)(a->amount_minor >> 63));
        if (has & HAS_CODE)
            p = pack_at(p, a->code);
        if (has & HAS_TIMEOUT)
            p = pack_at(p, a->timeout_s);
        if (has & HAS_ID)
            p = put_pair(p, a->id_hi, a->id_lo);
        if (has & HAS_DATA)
            p = put_pair(p, a->data_hi, a->data_lo);
    }
    *bytes = start ? (size_t)(p - start) : 0;
    return (char *)start;
}

/* ── reading ── */

static void get_pair(struct unpack *u, uint64_t *hi, uint64_t *lo)
{
    struct str bytes = unpack_bytes(u, 16);
    if (!bytes.p)
        return;
    memcpy(hi, bytes.p, 8);
    memcpy(lo, bytes.p + 8, 8);
}

static bool read_ask(struct unpack *u, struct transfer_ask *a)
{
    *a = (struct transfer_ask){
        .debit = LEDGER_NONE, .credit = LEDGER_NONE, .of = LEDGER_NONE, .reference = LEDGER_NONE};
    struct str head = unpack_bytes(u, 2);
    if (!head.p)
        return false;
    unsigned kind_flags = (uint8_t)head.p[0], has = (uint8_t)head.p[1];
    a->kind = kind_flags & 15;
    a->flags = (uint8_t)(kind_flags >> 4);
    if (ends_another(a->kind)) {
        a->of = (uint32_t)unpack_max(u, UINT32_MAX);
    } else {
        a->debit = (uint32_t)unpack_max(u, UINT32_MAX);
        a->credit = (uint32_t)unpack_max(u, UINT32_MAX);
    }
    a->amount_minor = unpack_i64(u);
    a->code = a->kind == TRANSFER_REVERSE ? CODE_CORRECTION : CODE_TRANSFER;
    if (has & HAS_CODE)
        a->code = (uint16_t)unpack_max(u, UINT16_MAX);
    if (has & HAS_TIMEOUT)
        a->timeout_s = (uint32_t)unpack_max(u, UINT32_MAX);
    if (has & HAS_ID)
        get_pair(u, &a->id_hi, &a->id_lo);
    if (has & HAS_DATA)
        get_pair(u, &a->data_hi, &a->data_lo);
    return !u->bad && has <= HAS_ALL && (a->code >= CODE_CALLER) == ((has & HAS_CODE) != 0) &&
           batch_ask_ok(a);
}

/* ── applying ── */

static enum refusal side_barred(const struct world *w, uint32_t account)
{
    const struct ledger *l = &w->state.ledger;
    if (account >= l->accounts_n)
        return REFUSED_NOT; /* the ledger says so */
    uint32_t holder = l->accounts[account].holder;
    return holder >= HOLDER_SYSTEM                         ? REFUSED_system_account
           : catalogue_erased(&w->state.catalogue, holder) ? REFUSED_erased
                                                           : REFUSED_NOT;
}

/* By its code: whether callers made it. */
static bool callers(const struct transfer *t)
{
    return t->code == CODE_TRANSFER || t->code == CODE_CORRECTION || t->code >= CODE_CALLER;
}

enum refusal batch_barred(const struct world *w, const struct transfer_ask *a)
{
    const struct ledger *l = &w->state.ledger;
    uint32_t debit = a->debit, credit = a->credit;
    if (ends_another(a->kind)) {
        if (a->of >= l->transfers_n)
            return REFUSED_NOT;
        debit = l->transfers[a->of].debit;
        credit = l->transfers[a->of].credit;
    }
    enum refusal one = side_barred(w, debit), other = side_barred(w, credit);
    enum refusal least = one == REFUSED_NOT || (other != REFUSED_NOT && other < one) ? other : one;
    if (least == REFUSED_NOT && ends_another(a->kind) && !callers(&l->transfers[a->of]))
        least = REFUSED_made_elsewhere;
    return least;
}

/* A batch's code of what it ends is that one's own. */
static void take_code(const struct ledger *l, struct transfer_ask *a)
{
    if ((a->kind == TRANSFER_POST || a->kind == TRANSFER_VOID) && a->of < l->transfers_n &&
        a->code == CODE_TRANSFER)
        a->code = l->transfers[a->of].code;
}

enum heed_status apply_ledger_batch(struct world *w, const struct call *call, struct outcome *o,
                                    struct heed_error *err)
{
    size_t n = call->i[0] > 0 && call->i[0] <= BATCH_MAX ? (size_t)call->i[0] : 0;
    struct unpack u = {call->blob.p, call->blob.n, n == 0};
    struct transfer_ask *asks = malloc((n + 1) * sizeof *asks);
    enum refusal *barred = malloc((n + 1) * sizeof *barred);
    struct transfer_answer *answers = o->answers ? o->answers : malloc((n + 1) * sizeof *answers);
    struct ledger *l = &w->state.ledger;
    enum heed_status status = HEED_OK;
    if (!asks || !barred || !answers || !ledger_reserve(l, n))
        status = error_nomem(err);
    for (size_t i = 0; status == HEED_OK && i < n; i++)
        u.bad = u.bad || !read_ask(&u, &asks[i]);
    if (status == HEED_OK && (u.bad || u.n != 0))
        status =
            error_set(err, HEED_INPUT, "ledger batch", "the journal holds a batch that cannot be");
    for (size_t i = 0; status == HEED_OK && i < n; i++) {
        if (i + LEDGER_AHEAD < n)
            ledger_prefetch(l, &asks[i + LEDGER_AHEAD]);
        take_code(l, &asks[i]);
        barred[i] = batch_barred(w, &asks[i]);
    }
    if (status == HEED_OK) {
        size_t before = l->transfers_n;
        status = ledger_apply(l, call->time_ms, asks, n, barred, answers);
        o->repeated = l->transfers_n == before;
        if (status != HEED_OK)
            status = error_set(err, status, "ledger batch", "there is no room for more transfers");
    }
    if (answers != o->answers)
        free(answers);
    free(barred);
    free(asks);
    return status;
}
