/* The exchange in a world: markets of goods against currencies, whose holds, trades and fees are
 * transfers of the ledger.
 *
 *     exchange_apply ─▶ events ─▶ one chain of transfers         of each command, all or nothing
 *
 *     main account ──hold──▶ orders account ──price──▶ the other's main account
 *          ▲                       │  └──────fee─────▶ retire
 *          └───────release─────────┘
 *
 * For each person and unit the orders account has exactly what his open orders hold. The ledger
 * alone has the money: a market's accounts are without funds of their own. An order's number is its
 * id in the market; a caller's id names the chain, so the ledger remembers it for good. What may
 * move nothing (cancelling, replacing) is remembered here too.
 *
 * Fees leave into `retire`. A rebate comes out of what the other side of the same trade pays, so
 * where there are rebates ticks and lots must be such that no fee has a fraction
 * (venue_settings_wrong). */
#ifndef HEED_VENUES_H
#define HEED_VENUES_H

#include "catalogue/catalogue.h"
#include "circulation/exchange.h"
#include "ledger/ledger.h"

#define VENUE_NONE SIZE_MAX
#define PARTY_ANY UINT32_MAX

/* One market. */
struct venue {
    uint32_t target;   /* good or service */
    uint16_t currency; /* unit */
    bool ended;        /* for good: no orders, and none come */
    struct exchange *x;
    struct map account_of; /* party -> account of x */
    uint32_t *trades;      /* transfers of the pieces traded, oldest first; data: price, market */
    size_t trades_n, trades_cap;
};

/* What was cancelled or replaced under a caller's id. */
struct venue_done {
    uint64_t id_hi, id_lo, body;
    uint32_t market; /* place in the list */
    uint32_t order;  /* its number; 0: all */
    uint32_t party;  /* whose; PARTY_ANY: everybody's */
};

struct venues {
    struct venue *list;
    size_t n, cap;
    struct venue_done *done; /* in the order it was done */
    size_t done_n, done_cap;
    struct map by_id; /* mixed id -> place in done */
    /* of the command in work */
    struct exchange_out out; /* what happened, for the reply */
    struct transfer_ask *asks;
    struct transfer_answer *answers;
    size_t asks_n, asks_cap, answers_cap;
};

void venues_init(struct venues *v);
void venues_deinit(struct venues *v);
void venues_save(const struct venues *v, struct sink *k);
/* Replaces *v, which holds nothing. HEED_INPUT (damaged, or it does not fit the others),
 * HEED_NOMEM: *v is empty. */
HEED_MUST_CHECK enum heed_status venues_load(struct venues *v, const struct catalogue *c,
                                             const struct ledger *l, uint32_t currencies_n,
                                             struct source *k, struct heed_error *err);
/* Whether orders accounts have what open orders hold, each to the minor unit: *wrong is NULL, or
 * says what is not so. HEED_NOMEM. O(accounts).                                                  */
HEED_MUST_CHECK enum heed_status venues_check(const struct venues *v, const struct ledger *l,
                                              const char **wrong);

size_t venues_find(const struct venues *v, uint32_t target, uint16_t currency); /* VENUE_NONE */
/* exchange_settings_wrong, and what only a world asks for. */
const char *venue_settings_wrong(const struct exchange_settings *s);

/* What commands work with at a time. */
struct venue_desk {
    struct venues *venues;
    struct ledger *ledger;
    int64_t time_ms;
};

/* A market that is not there yet. HEED_NOMEM.                                                    */
HEED_MUST_CHECK enum heed_status venue_open(struct venue_desk *d, uint32_t target,
                                            uint16_t currency, const struct exchange_settings *s);

/* The party's account in the market; EXCHANGE_NONE: he never placed an order there. */
uint32_t venue_account(const struct venue *m, uint32_t party);
uint32_t venue_party(const struct venue *m, uint32_t account);

/* A caller's id, and the hash of all that he asked under it. */
struct venue_name {
    uint64_t id_hi, id_lo; /* 0, 0: none */
    uint64_t body;
};

struct venue_order {
    struct exchange_ask ask; /* id and account are set here */
    uint32_t party;
    struct venue_name name;
};

struct venue_answer {
    enum refusal refusal;
    bool repeated;
    uint64_t number; /* of the order; 0: of all */
    uint32_t party;  /* whose it is; PARTY_ANY: everybody's */
};

/* What was cancelled or replaced under an id; NULL: nothing. O(1). */
const struct venue_done *venues_done(const struct venues *v, uint64_t id_hi, uint64_t id_lo);
/* Keeps one whose id is not there. false: no memory. O(1). */
HEED_MUST_CHECK bool venues_know(struct venues *v, const struct venue_done *done);

/* Each does one command, in the market and in the ledger, or is refused and changes nothing. What
 * is due by the time must have been done before (venues_advance). The same id with the same body
 * does nothing and is answered again (repeated). barred: a refusal of the caller's
 * (REFUSED_NOT: none), which takes its place among the others by their order. HEED_NOMEM,
 * HEED_RANGE, HEED_INPUT: how far it got is not known.
 *
 * Refusals: those of exchange_apply; market_ended, id_reused, account_frozen, insufficient_funds,
 * insufficient_items (of sales), overflow, by the ledger. */
HEED_MUST_CHECK enum heed_status venue_place(struct venue_desk *d, size_t at,
                                             const struct venue_order *order, enum refusal barred,
                                             struct venue_answer *answer);
/* party: whose it must be; PARTY_ANY: anybody's. */
HEED_MUST_CHECK enum heed_status venue_cancel(struct venue_desk *d, size_t at, uint64_t number,
                                              uint32_t party, const struct venue_name *name,
                                              struct venue_answer *answer);
/* All of a party's, or all there are; unknown_order: there are none. */
HEED_MUST_CHECK enum heed_status venue_cancel_all(struct venue_desk *d, size_t at, uint32_t party,
                                                  const struct venue_name *name,
                                                  struct venue_answer *answer);
/* ask: price, stop, size, display; 0: as it is. */
HEED_MUST_CHECK enum heed_status venue_replace(struct venue_desk *d, size_t at, uint64_t number,
                                               const struct exchange_ask *ask, uint32_t party,
                                               const struct venue_name *name, enum refusal barred,
                                               struct venue_answer *answer);
HEED_MUST_CHECK enum heed_status venue_turn(struct venue_desk *d, size_t at,
                                            const struct exchange_turn *turn,
                                            enum refusal *refusal);

/* Ends a market: all its orders are cancelled, and whatever else comes is refused (market_ended).
 */
HEED_MUST_CHECK enum heed_status venue_close(struct venue_desk *d, size_t at,
                                             enum refusal *refusal);
/* Its phase, or "ended". */
const char *venue_phase_name(const struct venue *m);

/* What is due in any market by the time of the desk. A market for whose transfers the ledger's
 * counters have no room stays behind, and refuses commands with overflow. *moved: one did not. */
bool venues_due(const struct venues *v, int64_t time_ms);
HEED_MUST_CHECK enum heed_status venues_advance(struct venue_desk *d, bool *moved);
#endif
