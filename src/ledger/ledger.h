/* The ledger: double entry, the only writer of balances.
 *
 * Every transfer takes from one account what it gives to another, so all balances of a currency
 * add up to zero after every command. Money enters only from the system account `issue` (a
 * faucet) and leaves only into `retire` (a sink):
 *
 *     issued  = debits of issue       supply = issued - retired = sum of all other balances
 *     retired = credits of retire
 *
 * Only `issue` may go below zero; it takes nothing back, and `retire` gives nothing. A transfer's
 * id is the caller's: the same id with the same body is the same transfer (nothing moves again),
 * with another body it is refused.              */
#ifndef HEED_LEDGER_H
#define HEED_LEDGER_H

#include "base/map.h"
#include "base/money.h"
#include "base/refusal.h"
#include "base/serial.h"

/* Holders: a party's handle, or one of these.                                                   */
#define HOLDER_SYSTEM (UINT32_C(1) << 31)
#define HOLDER_ISSUE HOLDER_SYSTEM
#define HOLDER_RETIRE (HOLDER_SYSTEM + 1)
#define HOLDER_POOL (HOLDER_SYSTEM + 2) /* rewards to be paid */
#define HOLDER_SHOP (HOLDER_SYSTEM + 3) /* proceeds of goods without a seller */
#define HOLDER_SYSTEM_END (HOLDER_SYSTEM + 4)

const char *holder_system_name(uint32_t holder); /* "system:pool"; NULL for a party */
uint32_t holder_of_system_name(struct str name); /* UINT32_MAX when not one of these */

/* What a transfer was for. Stable numbers: they stand in snapshots and reports.                 */
enum transfer_code {
    CODE_TRANSFER = 1,
    CODE_ISSUE = 2,
    CODE_RETIRE = 3,
    CODE_POOL_FILL = 4,
    CODE_REWARD_CREATOR = 5,
    CODE_REWARD_USER = 6,
    CODE_SALE = 7,
    CODE_FEE = 8,
    CODE_REFUND = 9,
    CODE_FEE_REFUND = 10,
    CODE_GRANT = 11,
    CODE_COUNT
};
const char *transfer_code_name(enum transfer_code code); /* "reward_creator" */

struct account {
    int64_t debits, credits; /* minor units, both grow only; balance = credits - debits */
    uint32_t holder;
    uint32_t last; /* newest transfer of this account, or LEDGER_NONE */
    uint16_t currency;
    uint16_t flags;
    uint32_t transfers; /* how many */
};
_Static_assert(sizeof(struct account) == 32, "no padding in an account");

struct transfer {
    uint64_t id_hi, id_lo; /* 0, 0: none given */
    int64_t time_ms;
    int64_t amount_minor;
    uint32_t debit, credit;           /* accounts */
    uint32_t debit_prev, credit_prev; /* the transfer before, of that account */
    uint32_t reference;               /* purchase or epoch number, or LEDGER_NONE */
    uint16_t code;
    uint16_t currency;
    uint64_t reserved;
};
_Static_assert(sizeof(struct transfer) == 64, "no padding in a transfer");
#define LEDGER_NONE UINT32_MAX

struct ledger {
    struct account *accounts;
    size_t accounts_n, accounts_cap;
    struct transfer *transfers;
    size_t transfers_n, transfers_cap;
    struct map by_holder; /* holder << 16 | currency -> account */
    struct map by_id;     /* mixed id -> first transfer of its posting; see ledger_find_id */
};

void ledger_init(struct ledger *l);
void ledger_deinit(struct ledger *l);
void ledger_save(const struct ledger *l, struct sink *s);

/* Replaces *l, which holds nothing. Every transfer is applied again from the first, so balances and
 * histories cannot disagree with them. HEED_INPUT (damaged) or HEED_NOMEM: *l is empty. Currencies
 * and parties' handles are the caller's to check against the rules and the catalogue.           */
enum heed_status ledger_load(struct ledger *l, struct source *s, struct heed_error *err);

/* Finds, or opens with a zero balance. LEDGER_NONE: no memory (find: not there).                */
uint32_t ledger_find(const struct ledger *l, uint32_t holder, uint16_t currency);
uint32_t ledger_open(struct ledger *l, uint32_t holder, uint16_t currency);
int64_t ledger_balance(const struct ledger *l, uint32_t account); /* of LEDGER_NONE: 0 */

/* First transfer of the posting with this id, or LEDGER_NONE. A posting's transfers stand together.
 */
uint32_t ledger_find_id(const struct ledger *l, uint64_t id_hi, uint64_t id_lo);

/* One leg of a posting.                                                                         */
struct posting {
    uint32_t from, to; /* holders */
    int64_t amount_minor;
    uint16_t currency, code;
    uint32_t reference;
};

/* Posts all n legs or none. Legs apply in order, later ones see earlier ones. Zero amounts are
 * passed over (no transfer is written), but a named posting of zeros alone writes its first leg, so
 * that its id is remembered. id_hi, id_lo name the whole posting when not both zero; its body is
 * everything but the time.
 *
 * *first  out  index of the first transfer written (LEDGER_NONE when none), may be NULL
 * *repeated out true when the id was there with the same body: nothing moved; may be NULL
 * Refusals, in order: id_reused, not_positive (negative amount), same_account, system_account (to
 * issue or from retire), of any leg; then insufficient_funds, overflow, of the first leg that
 * cannot apply.
 * Returns HEED_OK (look at *refusal), HEED_NOMEM or HEED_RANGE (2^32 - 1 transfers); nothing moved
 * in the last two. O(n).                                                                        */
HEED_MUST_CHECK enum heed_status ledger_post(struct ledger *l, int64_t time_ms, uint64_t id_hi,
                                             uint64_t id_lo, const struct posting *legs, size_t n,
                                             enum refusal *refusal, uint32_t *first,
                                             bool *repeated);

struct ledger_totals {
    int64_t issued_minor, retired_minor, supply_minor;
    int64_t sum_minor; /* over all accounts; 0 unless memory was corrupted */
};
struct ledger_totals ledger_totals(const struct ledger *l, uint16_t currency);
#endif
