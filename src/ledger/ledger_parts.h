/* What applying and loading share. Private to this folder.                                       */
#ifndef HEED_LEDGER_PARTS_H
#define HEED_LEDGER_PARTS_H

#include "ledger/ledger.h"

__extension__ typedef __int128 wide;

struct deadline {
    int64_t time_ms;
    uint32_t transfer;
};

/* Internal to ledger_post: a transfer of nothing, so that its id is remembered. */
#define TRANSFER_MARKER 8u

static inline bool ask_named(const struct transfer_ask *a)
{
    return (a->id_hi | a->id_lo) != 0;
}

/* What an account within its credits can still pay.                                              */
static inline wide account_room(const struct account *a)
{
    return (wide)a->credits + a->credit_limit - a->debits - a->debits_pending;
}

/* Whether a transfer may go from one holder to another, by the holders alone.                    */
enum refusal ledger_may_pay(uint32_t from, uint32_t to);

/* Adds `sign` times the effect of t to its accounts.                                             */
void ledger_add(struct ledger *l, const struct transfer *t, int sign);

/* The state that t gives to what it ends.                                                        */
enum transfer_state ledger_ends(enum transfer_kind kind);

/* Makes transfer `at`, whose effect is already on its accounts, the newest of both.              */
void ledger_link(struct ledger *l, uint32_t at);

/* Enters the named posting that starts at transfer `at`. false: no memory, nothing changed.     */
bool ledger_remember(struct ledger *l, uint64_t id_hi, uint64_t id_lo, uint32_t at);
/* Takes back the id that was remembered last, of transfer `at`.                                  */
void ledger_forget(struct ledger *l, uint64_t id_hi, uint64_t id_lo, uint32_t at);

/* Enters an account at `at`. false: no memory, nothing changed.                                  */
bool ledger_enter(struct ledger *l, uint32_t at);

/* Keeps the end of the pending transfer `at`, if it has one; there is room (ledger_room_for_one).
 */
void ledger_keep_deadline(struct ledger *l, uint32_t at);
bool ledger_room_for_deadlines(struct ledger *l, size_t n);

/* Applies one chain of n; see ledger_apply.                                                      */
HEED_MUST_CHECK enum heed_status ledger_apply_chain(struct ledger *l, int64_t time_ms,
                                                    const struct transfer_ask *asks, size_t n,
                                                    const enum refusal *barred,
                                                    struct transfer_answer *answers);
#endif
