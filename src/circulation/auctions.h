/* The auctions of a world: their things and money lie in the ledger, and move there or not at all.
 *
 * Opening puts the pieces aside in the seller's account for bids (items.h), and they go from there
 * to who won them, or back. What a bid must hold (auction.h) lies in the bidder's account for bids:
 * it comes from his main account and goes back there, or to whom the price is due. Each command is
 * one chain of transfers, whose `reference` is the auction's number:
 *
 *     bids account of a bidder and currency = what his bids in all auctions hold
 *     bids account of a seller and item     = pieces in his auctions that still run
 *
 * A bid is all that its bidder pays: what the market rules charge comes out of it, by transfers
 * whose data has the line of the rules. Deposits that are forfeit go to the seller, whole. An end
 * whose money has nowhere to go (an account is full or bounded) waits a day and is tried again;
 * until then all is held. */
#ifndef HEED_AUCTIONS_H
#define HEED_AUCTIONS_H

#include "circulation/auction.h"
#include "circulation/shop.h"

#define AUCTIONS_NONE UINT32_MAX

struct lot {
    struct auction auction;
    int64_t retry_ms; /* an end that could not be paid: not again before */
    uint32_t target;  /* good or service */
    uint32_t place;   /* in the heap; AUCTIONS_NONE: it is over */
    uint16_t currency;
    bool made; /* the pieces were made for it: what is unsold goes out of the world */
};

/* A command that was given an id, to know it again.                                              */
struct auction_done {
    uint64_t id_hi, id_lo, body_hi, body_lo; /* the body's hash */
    uint32_t lot, bid;
};

struct auctions {
    struct lot *lots;
    size_t lots_n, lots_cap;
    uint32_t *running; /* a heap, by when time brings something about */
    size_t running_n, running_cap;
    struct auction_done *done;
    size_t done_n, done_cap;
    struct map by_id; /* mixed id -> newest in done */
};

struct auctions_desk {
    struct auctions *auctions;
    struct shop_desk shop; /* its time is that of the command */
};

/* Of one command.                                                                                */
struct auctions_ask {
    uint64_t id_hi, id_lo, body_hi, body_lo; /* 0, 0: without an id */
    uint32_t lot;
    uint32_t party; /* who bids, or opens it */
};
struct auctions_answer {
    enum refusal refusal;
    const char *rule;  /* of the market rules that refused; NULL */
    uint32_t lot, bid; /* AUCTIONS_NONE, AUCTION_NONE where there is none */
    bool repeated;
};

/* What is put aside of its thing. */
static inline int64_t lot_pieces(const struct lot *x)
{
    return x->auction.state == AUCTION_OPEN ? x->auction.terms.units : 0;
}

void auctions_init(struct auctions *s);
void auctions_deinit(struct auctions *s);
void auctions_save(const struct auctions *s, struct sink *k);
/* Replaces *s, which holds nothing. HEED_INPUT (damaged) or HEED_NOMEM: *s is empty.            */
enum heed_status auctions_load(struct auctions *s, struct source *k, struct heed_error *err);

/* After loading: people, things and currencies are there, and accounts for bids hold exactly what
 * bids and sales need. HEED_INPUT when not, HEED_NOMEM. O(accounts + bids x log).                */
HEED_MUST_CHECK enum heed_status auctions_check(const struct auctions *s, const struct catalogue *c,
                                                const struct ledger *l, uint32_t currencies_n,
                                                struct heed_error *err);

/* Finds what was done under the ask's id: *answer is then that again, or id_reused. false: nothing
 * was. */
bool auctions_repeated(const struct auctions_desk *d, const struct auctions_ask *ask,
                       struct auctions_answer *answer);

/* The commands. Each asks auctions_repeated first. Refusals: unknown_auction and
 * id_reused, then those of auction.h and of the ledger and, where something is sold at once,
 * of sale_price. Answers: HEED_OK, or HEED_NOMEM, HEED_RANGE. */
#define AUCTIONS_COMMAND(name, ...)                                                                \
    HEED_MUST_CHECK enum heed_status auctions_##name(struct auctions_desk *d,                      \
                                                     const struct auctions_ask *ask, __VA_ARGS__,  \
                                                     struct auctions_answer *answer)

/* terms->units pieces of target, a good or service that is there; made: they are made for it, else
 * they come from the main account of the seller, who is ask->party. Of what is no auction of units
 * there is 1. */
AUCTIONS_COMMAND(open, const struct auction_terms *terms, uint32_t target, bool made);
AUCTIONS_COMMAND(bid, int64_t price_minor, int64_t units, bool buy_now);
AUCTIONS_COMMAND(retract, uint32_t bid);
AUCTIONS_COMMAND(commit, const struct sha256 *commitment);
AUCTIONS_COMMAND(reveal, int64_t amount_minor, const struct sha256 *opened);
/* Before its end: taken back by its seller, if no bids stand; cancelled by whoever keeps the world.
 */
enum auctions_how { AUCTIONS_WITHDRAW, AUCTIONS_CANCEL };
AUCTIONS_COMMAND(stop, enum auctions_how how);

/* Whether time has brought something about, and in which auction first; AUCTIONS_NONE. O(1).     */
uint32_t auctions_due(const struct auctions *s, int64_t now_ms);
/* Carries out what time has brought about in an auction that is due. A winner to whom the market
 * rules, as they are by then, do not let it be sold is taken out, as one who is gone. cancel: it
 * cannot be sold any more. */
HEED_MUST_CHECK enum heed_status auctions_settle(struct auctions_desk *d, uint32_t lot,
                                                 bool cancel);

/* Somebody is gone: his sales are cancelled, his bids taken out. What cannot be paid back now stays
 * held until it can, and is looked at again when the auction ends. O(bids). */
HEED_MUST_CHECK enum heed_status auctions_forget(struct auctions_desk *d, uint32_t party);

/* What an account for bids must hold, of all that need anything: [n] by holder and unit, to free.
 */
struct auctions_need {
    uint32_t holder, unit;
    int64_t minor;
};
HEED_MUST_CHECK enum heed_status auctions_needs(const struct auctions *s,
                                                struct auctions_need **needs, size_t *n);
#endif
