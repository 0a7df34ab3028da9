/* The ledger: double entry, the only writer of balances.
 *
 * An account belongs to a holder, in one unit (a currency, or an item class counted in pieces), for
 * one purpose. A transfer takes from one account what it gives to another of the same unit, so all
 * balances of a unit add up to zero after every command. Units enter only from the system account
 * `issue` (a faucet) and leave only into `retire` (a sink):
 *
 *     issued  = debits of issue       supply = issued - retired = sum of all other balances
 *     retired = credits of retire
 *
 * A pending transfer holds its amount on both accounts until it is posted (whole or in part, the
 * rest is let go), voided, or its time is over. Nothing is ever edited: what was wrong is reversed
 * by a transfer that names it. A transfer's id is the caller's: the same id with the same body is
 * the same transfer (nothing moves again), with another body it is refused.                      */
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

/* Units below this are currencies, by their place in the rules; those above are item classes, whose
 * numbers are the caller's.                                                                     */
#define UNITS_OF_MONEY (UINT32_C(1) << 16)

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
    CODE_CORRECTION = 12,
    CODE_ROYALTY = 13, /* to who made what is sold again */
    CODE_ESCROW = 14,  /* put aside until what was sold is delivered */
    CODE_STOCK = 15,   /* pieces that come into an offer, or leave it unsold */
    CODE_ORDER = 16,   /* what an order on the exchange needs, put aside or given back */
    CODE_TRADE = 17,   /* money and pieces of a trade there */
    CODE_BID = 18,     /* what a bid in an auction holds, and what is let go of it */
    CODE_AUCTION = 19, /* what was sold in an auction, its pieces and its price */
    CODE_COUNT
};
/* Codes from here to 65535 are the caller's, and mean what he says. */
#define CODE_CALLER 256
const char *transfer_code_name(enum transfer_code code); /* "reward_creator"; "" of a caller's */

static inline bool transfer_code_ok(unsigned code)
{
    return (code > 0 && code < CODE_COUNT) || (code >= CODE_CALLER && code <= UINT16_MAX);
}

/* ── accounts ── */

enum account_flag {
    ACCOUNT_DEBITS_WITHIN_CREDITS = 1, /* debits, held ones too, <= credits + credit_limit */
    ACCOUNT_CREDITS_WITHIN_DEBITS = 2, /* credits, held ones too, <= debits */
    ACCOUNT_FROZEN = 4,                /* pays nothing; is paid */
    ACCOUNT_CLOSED = 8,                /* neither; empty */
    ACCOUNT_LENT = 16,                 /* has had a credit limit; set by the ledger */
};

struct account {
    int64_t debits, credits; /* posted, minor units; both grow only; balance = credits - debits */
    int64_t debits_pending, credits_pending; /* held by pending transfers */
    int64_t credit_limit;                    /* 0 or more */
    uint32_t holder, unit;
    uint32_t last;      /* newest transfer of this account, or LEDGER_NONE */
    uint32_t transfers; /* how many */
    uint16_t purpose;   /* 0: the main one; others' meaning is the caller's */
    uint16_t flags;
    uint32_t before; /* the holder's account opened before, or LEDGER_NONE */
};
_Static_assert(sizeof(struct account) == 64, "no padding in an account: one cache line");

/* ── transfers ── */

enum transfer_kind {
    TRANSFER_MOVE,
    TRANSFER_PENDING, /* holds */
    TRANSFER_POST,    /* moves what `of` holds, or part of it, and lets go of the rest */
    TRANSFER_VOID,    /* lets go of what `of` holds */
    TRANSFER_EXPIRE,  /* the same, made by the ledger when the time of `of` is over */
    TRANSFER_REVERSE, /* moves what `of` moved back */
    TRANSFER_KINDS
};
const char *transfer_kind_name(enum transfer_kind kind); /* "pending" */

enum transfer_flag {
    TRANSFER_LINKED = 1,           /* with the next one, all or none */
    TRANSFER_BALANCING_DEBIT = 2,  /* at most what the debit account can pay */
    TRANSFER_BALANCING_CREDIT = 4, /* at most what the credit account can take */
};

/* What became of a pending transfer, or whether a move was taken back.                           */
enum transfer_state {
    STATE_STANDS, /* of a pending one: holds */
    STATE_POSTED,
    STATE_VOIDED,
    STATE_EXPIRED,
    STATE_REVERSED,
};

struct transfer {
    uint64_t id_hi, id_lo;     /* 0, 0: none given */
    uint64_t data_hi, data_lo; /* the caller's */
    int64_t time_ms;
    int64_t amount_minor;             /* moved, held or let go */
    uint32_t debit, credit;           /* accounts */
    uint32_t debit_prev, credit_prev; /* the transfer before, of that account */
    uint32_t of;                      /* the transfer that this one ends, or LEDGER_NONE */
    uint32_t reference;               /* purchase or epoch number, or LEDGER_NONE */
    uint32_t timeout_s;               /* of a pending one; 0: none */
    uint16_t code;
    uint8_t kind_flags; /* transfer_kind_of, transfer_flags_of */
    uint8_t state;
};
_Static_assert(sizeof(struct transfer) == 80, "no padding in a transfer");
#define LEDGER_NONE UINT32_MAX

static inline enum transfer_kind transfer_kind_of(const struct transfer *t)
{
    return (enum transfer_kind)(t->kind_flags & 15);
}
static inline unsigned transfer_flags_of(const struct transfer *t)
{
    return t->kind_flags >> 4;
}

/* What a transfer did to posted balances, and to what is held, of both accounts: amounts of it. */
struct effect {
    int64_t moved, held; /* held is negative when it lets go */
};

struct deadline; /* of a pending transfer */

struct ledger {
    struct account *accounts;
    size_t accounts_n, accounts_cap;
    struct transfer *transfers;
    size_t transfers_n, transfers_cap;
    struct deadline *deadlines; /* a heap, soonest first; may hold what has ended */
    size_t deadlines_n, deadlines_cap;
    uint32_t *newest; /* of a holder, system holders first: his account opened last */
    size_t newest_n, newest_cap;
    int64_t most;          /* no account's debits or credits, held ones too, are or were more */
    struct map by_account; /* mixed holder, unit, purpose -> account */
    struct map by_id;      /* mixed id -> first transfer of its posting; see ledger_find_id */
};

void ledger_init(struct ledger *l);
void ledger_deinit(struct ledger *l);
void ledger_save(const struct ledger *l, struct sink *s);

/* Replaces *l, which holds nothing. Every transfer is applied again from the first, so balances and
 * histories cannot disagree with them. HEED_INPUT (damaged) or HEED_NOMEM: *l is empty. Units
 * and parties' handles are the caller's to check against the rules and the catalogue.           */
enum heed_status ledger_load(struct ledger *l, struct source *s, struct heed_error *err);

/* Finds a holder's main account in a unit, or opens it with a zero balance (all but issue within
 * their credits). LEDGER_NONE: no memory (find: not there).                                      */
uint32_t ledger_find(const struct ledger *l, uint32_t holder, uint32_t unit);
uint32_t ledger_open(struct ledger *l, uint32_t holder, uint32_t unit);
uint32_t ledger_find_for(const struct ledger *l, uint32_t holder, uint32_t unit, uint16_t purpose);
/* The account that a holder opened last; `before` of it leads to the others.                     */
uint32_t ledger_newest(const struct ledger *l, uint32_t holder);
/* Opens one that is not there, with flags and limit of the caller's.                             */
uint32_t ledger_open_for(struct ledger *l, uint32_t holder, uint32_t unit, uint16_t purpose,
                         uint16_t flags, int64_t credit_limit);
/* Takes back the accounts from the n-th on, which no transfer names.                             */
void ledger_unopen(struct ledger *l, size_t n);

int64_t ledger_balance(const struct ledger *l, uint32_t account); /* of LEDGER_NONE: 0 */
/* What it can still pay, what is held and the credit limit counted in; INT64_MAX where nothing
 * bounds it. Of LEDGER_NONE: 0.                                                                  */
int64_t ledger_available(const struct ledger *l, uint32_t account);

/* Balance and what is held as of a past moment, inclusive, by the times of the transfers.
 * O(transfers of the account).                                                                   */
struct moment {
    int64_t balance, debits_pending, credits_pending;
};
struct moment ledger_as_of(const struct ledger *l, uint32_t account, int64_t time_ms);

/* Refusals: system_account, account_closed.                                                      */
enum refusal ledger_freeze(struct ledger *l, uint32_t account, bool frozen);
/* Closes for good. Refusals: system_account, account_closed, account_in_use (it has or holds
 * something).                                                                                    */
enum refusal ledger_close(struct ledger *l, uint32_t account);
/* Refusals: not_positive (below 0), system_account, account_closed, insufficient_funds (more than
 * that is used).                                                                                 */
enum refusal ledger_limit(struct ledger *l, uint32_t account, int64_t credit_limit);

/* First transfer of the posting with this id, or LEDGER_NONE. A posting's transfers stand together.
 */
uint32_t ledger_find_id(const struct ledger *l, uint64_t id_hi, uint64_t id_lo);

/* ── transfers by account ── */

struct transfer_ask {
    uint64_t id_hi, id_lo, data_hi, data_lo;
    int64_t amount_minor;   /* of POST: TRANSFER_ALL too; not of VOID and REVERSE */
    uint32_t debit, credit; /* not of POST, VOID and REVERSE */
    uint32_t of;            /* of POST, VOID and REVERSE; else LEDGER_NONE */
    uint32_t reference;
    uint32_t timeout_s; /* of PENDING; 0: none */
    uint16_t code;
    uint8_t kind; /* not EXPIRE */
    uint8_t flags;
};
#define TRANSFER_ALL INT64_C(-1)

struct transfer_answer {
    enum refusal refusal;
    uint32_t transfer; /* LEDGER_NONE when refused */
    bool repeated;     /* the id was there with the same body: nothing moved */
};

/* Applies asks[n] in order. Those that TRANSFER_LINKED joins apply together or not at all; of a
 * refused chain one has the reason, the others `linked`. Whoever repeats a chain repeats all of it,
 * under the id of its first. Refusals, in their order (refusal.def), the first that applies
 * whatever else is wrong: chain_open, unknown_account, unknown_transfer, id_reused, not_positive,
 * same_account, system_account, unit_mismatch, account_closed, account_frozen, not_pending,
 * pending_posted, pending_voided, pending_expired, exceeds_pending, not_reversible,
 * reversed_before, insufficient_funds, exceeds_debits, overflow, linked.
 *
 * barred  refusals of the caller's, one an ask (REFUSED_NOT: none), which take their place among
 *         these by their order; NULL: none
 * time_ms: of all of them; holds whose time is over by then must have been ended (ledger_expire).
 * Returns HEED_OK (look at the answers), HEED_NOMEM or HEED_RANGE (2^32 - 1 transfers): what stands
 * in chains before the one in work has been applied. O(n); no allocation where there is room
 * (ledger_reserve).                                                                              */
HEED_MUST_CHECK enum heed_status ledger_apply(struct ledger *l, int64_t time_ms,
                                              const struct transfer_ask *asks, size_t n,
                                              const enum refusal *barred,
                                              struct transfer_answer *answers);

/* Fetches into the caches what applying the ask will look at.                                    */
enum { LEDGER_AHEAD = 16 }; /* asks ahead at which that pays */
void ledger_prefetch(const struct ledger *l, const struct transfer_ask *ask);

/* Room for so many more transfers. false: no memory.                                             */
bool ledger_reserve(struct ledger *l, size_t transfers);

/* Lets go of every hold whose time is over at now_ms, soonest first, by transfers of kind EXPIRE.
 * O(holds ended); nothing to do: O(1). HEED_NOMEM, HEED_RANGE.                                   */
HEED_MUST_CHECK enum heed_status ledger_expire(struct ledger *l, int64_t now_ms);
bool ledger_due(const struct ledger *l, int64_t now_ms); /* whether that would do anything */

/* The chain that a transfer was made in: its first, and how many.                                */
size_t ledger_chain(const struct ledger *l, uint32_t transfer, uint32_t *first);

struct effect ledger_effect(const struct ledger *l, const struct transfer *t);

/* ── postings by holder ── */

/* One leg of a posting.                                                                          */
struct posting {
    uint32_t from, to; /* holders */
    int64_t amount_minor;
    uint32_t unit;
    uint16_t code;
    uint32_t reference;
    uint16_t from_purpose, to_purpose; /* 0: main accounts */
    uint64_t data;                     /* the caller's, the lower half of the transfer's */
    uint32_t posts; /* a pending transfer + 1: this leg posts it whole, and is by its accounts and
                       unit; 0: none */
};

/* Posts all n legs or none, opening accounts that are not there (bounds as of ledger_open). Legs
 * apply in order, later ones see earlier ones. Zero amounts are passed over (no transfer is
 * written), but a named posting of zeros alone writes its first leg, so that its id is remembered.
 * id_hi, id_lo name the whole posting when not both zero; its body is everything but the time.
 *
 * *first  out  index of the first transfer written (LEDGER_NONE when none), may be NULL
 * *repeated out true when the id was there with the same body: nothing moved; may be NULL
 * Refusals, in order: id_reused, not_positive (negative amount), same_account, system_account (to
 * issue or from retire), of any leg; then account_closed, account_frozen, insufficient_funds,
 * exceeds_debits, overflow, of the first leg that cannot apply.
 * Returns HEED_OK (look at *refusal), HEED_NOMEM or HEED_RANGE (2^32 - 1 transfers); nothing moved
 * in the last two. O(n).                                                                        */
HEED_MUST_CHECK enum heed_status ledger_post(struct ledger *l, int64_t time_ms, uint64_t id_hi,
                                             uint64_t id_lo, const struct posting *legs, size_t n,
                                             enum refusal *refusal, uint32_t *first,
                                             bool *repeated);

struct ledger_totals {
    int64_t issued_minor, retired_minor, supply_minor;
    int64_t sum_minor; /* over all accounts; 0 unless memory was corrupted */
    int64_t debits_pending_minor, credits_pending_minor; /* over all accounts; equal, likewise */
};
struct ledger_totals ledger_totals(const struct ledger *l, uint32_t unit);

/* The same of every unit there are accounts in, in the order of their first accounts: *units and
 * *totals hold *n, to free. HEED_NOMEM. O(accounts).                                             */
HEED_MUST_CHECK enum heed_status ledger_all_totals(const struct ledger *l, uint32_t **units,
                                                   struct ledger_totals **totals, size_t *n);
#endif
