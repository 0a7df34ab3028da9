/* Auctions over time. Pure: time comes in, what is to be held and paid goes out.
 *
 *     english                bids are maxima, a proxy bids for each; increments by a table;
 * reserve, buy-now, extension against sniping, retraction dutch                  the price falls by
 * time; the first who takes it has it sealed first, vickrey  bids are committed as hashes, with a
 * deposit, then revealed uniform, pay as bid    units; sealed by the platform, bids stand until the
 * close
 *
 *            opens            closes (may move)        reveal_until
 *     ─ wait ──┬─ bid, commit ──┬─ reveal (sealed) ──────┬─ sold or unsold
 *              └─ dutch, buy-now: sold at once
 *
 * Money. After every command each bid holds exactly what it may still have to pay:
 *     english    its maximum while it can still come to win: who leads, and as long as bids may be
 *                retracted everybody, since then who is outbid may lead again
 *     sealed     committed: the deposit; revealed: the amount, if it leads; else nothing
 *     units      price times units
 * The changes are put to the caller's purse before anything is changed. When the purse refuses, the
 * command is refused; what is refused, or fails for lack of memory, changes nothing.
 *
 * Time. A command's time counts as no earlier than the one before. What time alone brings about
 * (the end of retractions, the close) happens in auction_advance, which the caller makes before
 * commands; whether it has come yet or not changes no answer.
 *
 * The price of an English auction is a function of the maxima that stand: with a the highest (the
 * earlier of equals) and b the next, min(a, b + increment(b)), at least the start, and at least the
 * reserve once a reaches it. Source: the rules of eBay as W. Jank and G. Shmueli, Modeling Online
 * Auctions (2010), chapter 1, and K. Steiglitz, Snipers, Shills, and Sharks (2007), tell them. */
#ifndef HEED_AUCTION_H
#define HEED_AUCTION_H

#include "base/hash.h"
#include "base/refusal.h"
#include "base/serial.h"
#include "circulation/auction_clear.h"

enum auction_form {
    AUCTION_ENGLISH,
    AUCTION_DUTCH,
    AUCTION_SEALED_FIRST,
    AUCTION_SEALED_VICKREY,
    AUCTION_UNITS_UNIFORM,
    AUCTION_UNITS_PAY_AS_BID,
    AUCTION_FORMS
};
const char *auction_form_name(enum auction_form form);

enum auction_state { AUCTION_OPEN, AUCTION_SOLD, AUCTION_UNSOLD, AUCTION_STATES };

enum { AUCTION_INCREMENTS_MAX = 16, AUCTION_BIDS_MAX = 100000 };
#define AUCTION_NONE UINT32_MAX

struct auction_increment {
    int64_t from_minor; /* of prices from here */
    int64_t by_minor;
};

/* What does not apply is 0. */
struct auction_terms {
    enum auction_form form;
    enum auction_price_rule price_rule; /* units, uniform */
    uint32_t seller;
    uint32_t increments_n;
    int64_t opens_ms, closes_ms;
    int64_t reveal_until_ms;  /* sealed */
    int64_t retract_until_ms; /* english, units: before this a bid may be taken back; 0: never */
    int64_t extend_within_ms; /* english: a bid so shortly before the close … */
    int64_t extend_by_ms;     /* … puts it off to so long after the bid … */
    int64_t closes_latest_ms; /* … but not beyond this */
    int64_t units;            /* of units; else 1 */
    int64_t start_minor;      /* english: the least first bid; dutch: the price at the opening */
    int64_t reserve_minor; /* the least it is sold for (of a unit); dutch: where the price stops */
    int64_t buy_now_minor; /* english: 0 for none */
    int64_t deposit_minor; /* sealed */
    int64_t step_minor;    /* dutch: down by so much … */
    int64_t step_ms;       /* … each so long */
    struct auction_increment
        increments[AUCTION_INCREMENTS_MAX]; /* english: rising, the first from 0 */
};

struct auction_bid {
    int64_t time_ms;
    int64_t price_minor; /* english: the maximum; sealed: as revealed */
    int64_t units;
    int64_t held_minor;
    int64_t paid_minor, forfeited_minor;
    int64_t won_units;
    uint32_t bidder;
    uint32_t order; /* the smaller was earlier: of the maximum, the commitment, the bid */
    uint8_t retracted;
    uint8_t retractions; /* 0 or 1 */
    uint8_t revealed;
    struct sha256 commitment;
};

struct auction {
    struct auction_terms terms;
    enum auction_state state;
    int64_t now_ms; /* of the last change */
    int64_t closes_ms;
    int64_t price_minor; /* english: now; sold: what was paid (units, uniform: for each) */
    uint32_t leader;     /* a bid; AUCTION_NONE. Of units: none */
    uint32_t order;      /* of the next bid */
    struct auction_bid *bids;
    size_t bids_n, bids_cap;
};

/* What one bid's money does: held after = held before + hold - release - pay - forfeit. `pay` goes
 * to the seller, `forfeit` where the caller's rules say. hold is in this when more is paid than was
 * held, so that all four come from what is held.                                                */
struct auction_delta {
    uint32_t bid, bidder;
    int64_t hold_minor, release_minor, pay_minor, forfeit_minor; /* >= 0 */
    int64_t won_units;
};

/* Where money is. move is called once in a command that nothing else refuses, with all changes of
 * it (in order of bids, none without a change; there may be none at all), the auction being what it
 * will be but for what its bids hold and paid: it does them all and gives HEED_OK, or does nothing,
 * and sets *refusal or gives an error. NULL: money is not looked at.                             */
struct auction_purse {
    enum heed_status (*move)(void *context, const struct auction_delta *deltas, size_t n,
                             enum refusal *refusal);
    void *context;
};

/* HEED_OK with *refusal, or HEED_NOMEM, or the purse's error. */
#define AUCTION_COMMAND(name, ...)                                                                 \
    HEED_MUST_CHECK enum heed_status auction_##name(                                               \
        struct auction *a, const struct auction_purse *purse, int64_t now_ms, __VA_ARGS__,         \
        enum refusal *refusal)

/* Refusals: not_positive (an amount below what it must be), bad_terms (times, increments, steps).
 * Holds no memory yet; auction_deinit all the same. */
enum refusal auction_open(struct auction *a, const struct auction_terms *terms, int64_t now_ms);
void auction_deinit(struct auction *a);

/* What time alone brings about until now_ms; sales and forfeits are in the purse's deltas.
 * Refusals: the purse's. */
HEED_MUST_CHECK enum heed_status auction_advance(struct auction *a,
                                                 const struct auction_purse *purse, int64_t now_ms,
                                                 enum refusal *refusal);

/* The same, refused as auction_closed when it is over, auction_running before its end.           */
HEED_MUST_CHECK enum heed_status auction_close(struct auction *a, const struct auction_purse *purse,
                                               int64_t now_ms, enum refusal *refusal);

/* The seller takes it back. Refusals: auction_closed, has_bids.                                  */
HEED_MUST_CHECK enum heed_status auction_withdraw(struct auction *a,
                                                  const struct auction_purse *purse, int64_t now_ms,
                                                  enum refusal *refusal);

/* For whoever keeps it. Ends it unsold; all that is held is let go of, deposits too. Refusals:
 * auction_closed (it is over), the purse's. */
HEED_MUST_CHECK enum heed_status auction_cancel(struct auction *a,
                                                const struct auction_purse *purse, int64_t now_ms,
                                                enum refusal *refusal);

/* english: a maximum; dutch: takes it at the price of now, if that is at most `price_minor`; units:
 * a further bid of so many. units is 1 but of units. *bid out: its number, AUCTION_NONE when
 * refused. Refusals, in order: wrong_auction (sealed), not_positive, own_auction, not_open,
 * auction_closed, not_a_raise (english: his own maximum is as high), below_least, too_many_bids,
 * overflow, the purse's. */
AUCTION_COMMAND(bid, uint32_t bidder, int64_t price_minor, int64_t units, uint32_t *bid);

/* english, at once. Refusals, in order: wrong_auction, own_auction, not_open, auction_closed,
 * no_buy_now (none, or a bid stands that reaches the reserve), too_many_bids, the purse's.       */
AUCTION_COMMAND(buy_now, uint32_t bidder, uint32_t *bid);

/* english: `bid` is the bidder's only one; units: one of his. Refusals, in order: wrong_auction,
 * not_open, auction_closed, unknown_bid (none that stands, or of another), retract_closed,
 * retracted_before (english), the purse's.                                                       */
AUCTION_COMMAND(retract, uint32_t bidder, uint32_t bid);

/* For whoever keeps it: takes a bid out at any time, as if it had never been, and lets go of what
 * it holds. With who leads go the bids that hold nothing any more, since they are no longer bound
 * to pay. Refusals, in order: auction_closed (it is over), unknown_bid (none that stands), the
 * purse's.
 */
HEED_MUST_CHECK enum heed_status auction_drop(struct auction *a, const struct auction_purse *purse,
                                              int64_t now_ms, uint32_t bid, enum refusal *refusal);

/* sealed. Refusals, in order: wrong_auction, own_auction, not_open, auction_closed, slot_taken,
 * too_many_bids, the purse's.                                                                    */
AUCTION_COMMAND(commit, uint32_t bidder, const struct sha256 *commitment, uint32_t *bid);

/* sealed, from the close until reveal_until_ms. opened is auction_commitment of what was said: made
 * by the caller, since a bidder's id may be erased before the command is replayed. Refusals, in
 * order: wrong_auction, not_positive, reveal_not_yet, auction_closed, not_committed,
 * revealed_before, commitment_mismatch, the purse's. */
AUCTION_COMMAND(reveal, uint32_t bidder, int64_t amount_minor, const struct sha256 *opened);

/* SHA-256 over the auction's id, the bidder's id, the amount in decimal digits and the salt, each
 * behind its length in bytes as 8 bytes, the most significant first.                            */
enum { AUCTION_SALT = 32 };
struct sha256 auction_commitment(struct str auction, struct str bidder, int64_t amount_minor,
                                 const uint8_t salt[AUCTION_SALT]);

/* ── looking ── */

int64_t auction_increment_at(const struct auction_terms *t, int64_t price_minor);
/* The least that a bid from somebody new must be: english and dutch by the time, else 1.         */
int64_t auction_least(const struct auction *a, int64_t now_ms);
/* When it is over unless put off: closes_ms, or reveal_until_ms of sealed ones.                  */
int64_t auction_end(const struct auction *a);
uint32_t auction_find(const struct auction *a, uint32_t bidder); /* his first bid; AUCTION_NONE */
/* What a bid must hold at now_ms (not before the last change).                                   */
int64_t auction_need(const struct auction *a, size_t bid, int64_t now_ms);

/* ── saved ── */

void auction_save(const struct auction *a, struct sink *k);
/* Replaces *a, which holds nothing. HEED_INPUT when damaged or what no commands could have made;
 * HEED_NOMEM: *a is empty.                                                                      */
enum heed_status auction_load(struct auction *a, struct source *k, struct heed_error *err);
bool auction_terms_good(const struct auction_terms *t, enum refusal *refusal);

/* ── pieces ── */

/* A change in work: what is to be paid, and the auction as it was, to go back to.               */
struct auction_change {
    struct auction before;  /* its bids are the auction's */
    struct auction_bid bid; /* number `at`, as it was */
    size_t at;              /* AUCTION_NONE: none; before.bids_n: a new one */
    size_t payer;           /* AUCTION_NONE: nobody, or as pays says */
    int64_t pay_minor;
    const int64_t *pays, *won; /* [bids_n], of units; NULL */
    bool forfeits;             /* what is held for bids that were not revealed */
};
int64_t auction_time(const struct auction *a, int64_t now_ms); /* not before the last change */
/* Begins a change; there is room for a new bid, which it adds.                                  */
void auction_begin(struct auction *a, struct auction_change *c, int64_t now_ms, size_t at);
/* Puts the changes to the purse; on a refusal or an error the auction is as it was.             */
HEED_MUST_CHECK enum heed_status auction_finish(struct auction *a, struct auction_change *c,
                                                const struct auction_purse *purse,
                                                enum refusal *refusal);
void auction_lead(struct auction *a); /* leader and, english, price, from the bids */
/* What the leader pays if it closes now: 0 when the reserve is not reached. Not of units.        */
int64_t auction_due(const struct auction *a);
#endif
