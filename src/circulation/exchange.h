/* Step 5, circulation: an exchange. One market where an item is traded for a currency, by price and
 * time, continuously and in call auctions.
 *
 *     CLOSED ─▶ CALL ─▶ CONTINUOUS ─▶ CALL ─▶ CLOSED          trading hours
 *                ▲           │
 *                └── HALT ◀──┘  a limit state that lasts, or the operator
 *
 * Prices are whole minor units of the currency for one unit of the item, sizes whole units. It is a
 * pure function of what it is given: no clock, no files. Time is passed in; what is due by then
 * (expiry, end of a halt, hours) is done by exchange_advance at its own time, so it does not matter
 * in how many steps time passes.
 *
 * Holds: an open order to buy holds price x size and the fees that could become due at worst, one
 * to sell holds the items. Each event says by how much a hold changed and which fee was taken;
 * nothing else moves. Over all open orders of an account holds add up to what it holds, to the
 * minor unit.
 *
 * A refused command changes nothing; so does one for which there is no memory. */
#ifndef HEED_EXCHANGE_H
#define HEED_EXCHANGE_H

#include "base/refusal.h"
#include "base/serial.h"

#include <stddef.h>
#include <stdint.h>

#define EXCHANGE_NONE UINT32_MAX
#define EXCHANGE_UNLIMITED INT64_MAX
#define EXCHANGE_PRICE_MAX (INT64_C(1) << 40)
#define EXCHANGE_SIZE_MAX (INT64_C(1) << 40)
#define EXCHANGE_VALUE_MAX (INT64_C(1) << 61)      /* of an order with its fees; of all balances */
#define EXCHANGE_TIME_MAX INT64_C(253402300799999) /* the last millisecond of the year 9999 */

enum exchange_side { EXCHANGE_BUY, EXCHANGE_SELL };

enum exchange_op {
    EXCHANGE_LIMIT,
    EXCHANGE_MARKET,
    EXCHANGE_STOP,       /* a market order once somebody traded at `stop` or beyond */
    EXCHANGE_STOP_LIMIT, /* a limit order then */
    EXCHANGE_CANCEL,     /* all of an order, or `size` of it (keeps its priority) */
    EXCHANGE_CANCEL_ALL, /* of an account, an owner, a side, or all */
    EXCHANGE_REPLACE,    /* price, stop, open size; a smaller size alone keeps priority */
    EXCHANGE_OPS
};

enum exchange_tif {
    EXCHANGE_GTC,
    EXCHANGE_GTT, /* until `expires_ms`, which is the first moment it is no longer there */
    EXCHANGE_IOC,
    EXCHANGE_FOK,
    EXCHANGE_TIFS
};

/* When an arriving order meets one of the same owner. Not in call auctions, where nobody arrives.
 */
enum exchange_stp {
    EXCHANGE_STP_NONE, /* they trade */
    EXCHANGE_STP_NEWEST,
    EXCHANGE_STP_OLDEST,
    EXCHANGE_STP_BOTH,
    EXCHANGE_STP_DECREMENT, /* both become smaller by the smaller one */
    EXCHANGE_STPS
};

struct exchange_ask {
    uint64_t id_hi, id_lo; /* the caller's, of the order */
    int64_t price;         /* limit; of market and stop orders the protection, 0: see settings */
    int64_t stop;
    int64_t size;
    int64_t display;    /* what is seen of it; 0: all */
    int64_t expires_ms; /* of GTT, else 0 */
    uint32_t account;   /* whose; of CANCEL, REPLACE and CANCEL_ALL also EXCHANGE_NONE: anybody's */
    uint32_t owner;     /* of CANCEL_ALL; else EXCHANGE_NONE */
    uint8_t op, side, tif, stp;
    uint8_t post_only;
    uint8_t both_sides; /* of CANCEL_ALL: side does not count */
    uint8_t reserved[2];
};
_Static_assert(sizeof(struct exchange_ask) == 72, "no padding: it is hashed");

/* ── settings ── */

enum exchange_rounding { EXCHANGE_FLOOR, EXCHANGE_CEILING, EXCHANGE_HALF_EVEN };

/* From this price on, prices are multiples of tick and sizes multiples of lot. */
struct exchange_tick {
    int64_t from, tick, lot;
};
enum { EXCHANGE_TICKS = 8 };

struct exchange_settings {
    struct exchange_tick ticks[EXCHANGE_TICKS]; /* by `from`, the first 0; tick 0 ends them */
    /* Fees in parts per million of a trade's value, -500000 to 500000; negative: a rebate. Rounded
     * over all trades of an order, not each. maker + taker >= 0.                                 */
    int32_t maker_ppm, taker_ppm, auction_ppm;
    uint32_t rounding;         /* enum exchange_rounding */
    uint32_t protection_ppm;   /* of a market order without one, from the best price; 0: none */
    uint32_t static_ppm;       /* orders may lie so far from the last auction's price; 0: any */
    uint32_t dynamic_ppm;      /* trades may lie so far from the last price; 0: any */
    uint32_t slices_max;       /* size / display at most; 0: 1000 */
    int64_t limit_ms;          /* a limit state lasts so long, then trading halts */
    int64_t halt_ms;           /* a halt so long, then a call auction reopens */
    int64_t call_ms;           /* a call so long, before the hours' opening too */
    int64_t closing_ms;        /* the closing call; 0: none */
    int64_t open_ms, close_ms; /* of the day, UTC; both 0: no hours */
    int64_t position_max;      /* of an account, open orders counted in, either way; 0: any */
    int64_t rate_ms;           /* an account may give rate_max orders in so long; 0: any */
    uint32_t rate_max;
    uint32_t remember; /* ids of so many ended orders are known, so that they are not done again */
    uint32_t funded;   /* accounts have balances; else funds are unlimited */
    uint32_t reserved;
};

/* Ticks and lots of 1, no fees, no bands, no hours; 15 s, 0 s, 300 s; 16384 ids.                 */
struct exchange_settings exchange_defaults(void);

/* NULL when they can be used, else which is wrong and how it has to be.                          */
const char *exchange_settings_wrong(const struct exchange_settings *s);

/* ── events ── */

enum exchange_event_kind {
    EXCHANGE_ACCEPTED,  /* an order came: its hold is taken */
    EXCHANGE_REPLACED,  /* an order has new terms; what follows is as after ACCEPTED */
    EXCHANGE_TRIGGERED, /* a stop order goes to work; likewise */
    EXCHANGE_BOOKED,    /* what is left of the order of the events before rests in the book */
    EXCHANGE_TRADE,     /* `order` took, `other` had rested (in a call the older one is `other`) */
    EXCHANGE_CANCELLED, /* wholly (left 0) or in part, with a reason */
    EXCHANGE_EXPIRED,
    EXCHANGE_PHASE, /* of the market; after a call with its price, volume (size) and surplus (left)
                     */
    EXCHANGE_EVENTS
};

enum exchange_reason {
    EXCHANGE_NO_REASON,
    EXCHANGE_ASKED,       /* cancelled by its owner or an operator */
    EXCHANGE_UNFILLED,    /* immediate, and nothing more to trade with */
    EXCHANGE_NOT_WHOLE,   /* fill or kill */
    EXCHANGE_SELF,        /* would have traded with its own owner */
    EXCHANGE_OUT_OF_BAND, /* would have traded outside the dynamic band */
    EXCHANGE_NO_PRICE,    /* a market order that its call auction left over */
    EXCHANGE_TIME_OVER,
    EXCHANGE_KEPT,    /* replaced, and its place in the queue is the old one */
    EXCHANGE_BY_HAND, /* phases: by command */
    EXCHANGE_BY_HOURS,
    EXCHANGE_BY_LIMIT, /* a limit state lasted */
    EXCHANGE_BY_TIME,  /* a halt or a call is over */
    EXCHANGE_EXTENDED, /* a call goes on: its price would lie outside the band */
    EXCHANGE_REASONS
};
const char *exchange_reason_name(enum exchange_reason r); /* "unfilled" */

enum exchange_phase {
    EXCHANGE_CONTINUOUS,
    EXCHANGE_CALL,
    EXCHANGE_HALT,
    EXCHANGE_CLOSED,
    EXCHANGE_PHASES
};
const char *exchange_phase_name(enum exchange_phase p); /* "continuous" */

enum {
    EXCHANGE_RESTS = 1,       /* the order is in the book after this, `shown` of it to be seen */
    EXCHANGE_WAITS = 2,       /* it is a stop order that waits */
    EXCHANGE_OTHER_MOVED = 4, /* an iceberg showed its next part, behind the others at its price */
    EXCHANGE_WAS_SEEN = 8,    /* the order was in the book before this event */
};

struct exchange_event {
    uint64_t seq; /* 1, 2, 3 … over the life of the market */
    int64_t time_ms;
    uint64_t id_hi, id_lo, other_hi, other_lo; /* the callers' */
    uint64_t number, other_number;             /* of orders, in the order they came; from 1 */
    int64_t price, size;
    int64_t left, other_left;   /* open of each after it */
    int64_t shown, other_shown; /* of that, to be seen in the book */
    int64_t held, other_held; /* change of each order's hold: currency of a buy, items of a sale */
    int64_t fee, other_fee;   /* taken from each, negative: paid to it */
    uint32_t account, other_account;
    uint8_t kind, side, reason, flags; /* side of `order` */
    uint8_t phase;
    uint8_t op; /* of `order` */
    uint8_t reserved[2];
};
_Static_assert(sizeof(struct exchange_event) == 160, "no padding in an event");

/* What an event did to an account, in minor units and items. held + released by trades adds up:
 * currency = what was paid or received, fees counted in.                                         */
struct exchange_delta {
    uint32_t account;      /* EXCHANGE_NONE: nobody */
    int64_t currency_held; /* more or less of its currency is held */
    int64_t items_held;
    int64_t currency, items; /* received (paid when negative) */
    int64_t fee;             /* in currency, already counted in there */
};
/* [0] of `order`, [1] of `other`. currencies of both and their fees add up to 0, items too.      */
void exchange_deltas(const struct exchange_event *e, struct exchange_delta out[2]);

/* The caller's, grown by the exchange before anything is done; zeroed to begin with.             */
struct exchange_out {
    struct exchange_event *events;
    size_t n, cap;
};
void exchange_out_deinit(struct exchange_out *out);

/* ── the market ── */

struct exchange;

/* NULL: no memory. The settings must be right (exchange_settings_wrong).                         */
struct exchange *exchange_new(const struct exchange_settings *s);
void exchange_free(struct exchange *x);
const struct exchange_settings *exchange_settings_of(const struct exchange *x);

/* A new account of an owner (the caller's number of a person), numbered 0, 1, 2 … Balances count
 * where the settings say funded; EXCHANGE_UNLIMITED items there: as many as it sells.
 * EXCHANGE_NONE: no memory, or balances out of range (0 to what all may have together).          */
uint32_t exchange_account(struct exchange *x, uint32_t owner, int64_t currency, int64_t items);

struct exchange_funds {
    int64_t currency, items; /* with what is held; EXCHANGE_UNLIMITED */
    int64_t currency_held, items_held;
    int64_t position;            /* bought less sold */
    int64_t open_buy, open_sell; /* sizes of its open orders */
    uint32_t owner, orders;
};
bool exchange_funds(const struct exchange *x, uint32_t account, struct exchange_funds *out);
/* Takes back the account that came last, which never had an order. */
void exchange_unaccount(struct exchange *x);
size_t exchange_accounts(const struct exchange *x);
int64_t exchange_fees(const struct exchange *x); /* taken so far, rebates off */

struct exchange_answer {
    enum refusal refusal;
    bool repeated;   /* the id was there with the same body: nothing was done, no events */
    uint64_t number; /* of the order; 0 when refused or of no one order */
};

/* What is due by now_ms, then the command. Refusals, in their order (refusal.def), the first that
 * applies whatever else is wrong: unknown_account, unknown_order, id_reused, time_over,
 * not_positive, order_conflict, price_off_tick, size_off_lot, display_range, not_your_order,
 * market_closed, market_halted, market_in_call, price_band, would_take, rate_limited,
 * position_limit, insufficient_funds, insufficient_items, overflow.
 * Returns HEED_OK (look at the answer) or HEED_NOMEM: nothing changed but what was due.
 * O(log levels + trades + levels between the price and the best); no allocation where there is
 * room.                                                                                          */
HEED_MUST_CHECK enum heed_status exchange_apply(struct exchange *x, int64_t now_ms,
                                                const struct exchange_ask *ask,
                                                struct exchange_answer *answer,
                                                struct exchange_out *out);

/* What exchange_apply would say and need, with nothing done. hold: of the order's account, currency
 * of a buy, items of a sale; of a replacement the difference. Valid when nothing is due.         */
enum refusal exchange_check(struct exchange *x, const struct exchange_ask *ask, int64_t *hold);

/* Does what is due by now_ms, one after the other. HEED_NOMEM: time has come as far as it could. */
HEED_MUST_CHECK enum heed_status exchange_advance(struct exchange *x, int64_t now_ms,
                                                  struct exchange_out *out);
int64_t exchange_due(const struct exchange *x); /* the next moment something is; INT64_MAX */
int64_t exchange_now(const struct exchange *x);

/* ── phases by hand ── */

struct exchange_turn {
    uint8_t to;      /* enum exchange_phase */
    uint8_t uncross; /* to CONTINUOUS or CLOSED from a call: find its price first */
    uint8_t reserved[6];
    int64_t low, high; /* of a call's price, 0: by the static band */
    int64_t reference; /* of it; 0: the last price */
    int64_t for_ms;    /* a halt or a call ends after that; 0: by hand */
};
/* Refusals, in their order: exists (it is in that phase), not_positive (something negative, low
 * above high), market_closed (to halt), market_not_in_call (uncross), price_band (the call's best
 * price lies outside its bounds; the call goes on), overflow. HEED_NOMEM: nothing but what was due.
 */
HEED_MUST_CHECK enum heed_status exchange_turn(struct exchange *x, int64_t now_ms,
                                               const struct exchange_turn *turn,
                                               enum refusal *refusal, struct exchange_out *out);
enum exchange_phase exchange_phase_of(const struct exchange *x);

/* ── what is to be seen ── */

struct exchange_quote {
    int64_t price, size; /* size 0: nothing there; price 0: market orders in a call */
    uint32_t orders;
};
/* The level so far from the best, 0 first; of what is seen. O(1).                                */
struct exchange_quote exchange_level(const struct exchange *x, enum exchange_side side,
                                     size_t depth);
size_t exchange_levels(const struct exchange *x, enum exchange_side side);
int64_t exchange_last(const struct exchange *x);    /* price; 0: nothing traded */
uint64_t exchange_seq(const struct exchange *x);    /* of the newest event */
uint64_t exchange_newest(const struct exchange *x); /* number of the order that came last; 0 */
size_t exchange_orders(const struct exchange *x);

struct exchange_order {
    uint64_t id_hi, id_lo, number;
    int64_t price, stop, left, shown, held; /* price 0: a market order in a call */
    uint32_t account, owner;
    uint8_t side, op, waits; /* waits: a stop order */
};
bool exchange_find(const struct exchange *x, uint64_t id_hi, uint64_t id_lo,
                   struct exchange_order *out);
/* All open orders: bids and asks from the best, in their queues, then stops. false: it stopped. */
bool exchange_each(const struct exchange *x, bool (*seen)(void *, const struct exchange_order *),
                   void *context);

/* ── a call auction's price, by itself ── */

struct exchange_call_level {
    int64_t price; /* ascending; a level of zeros only widens what prices may be */
    int64_t buy, sell;
};
struct exchange_call {
    int64_t price; /* 0: none */
    int64_t volume;
    int64_t surplus; /* positive: buyers are left over */
};
/* Largest volume, then least surplus, then the side of the surplus (highest price for buyers left
 * over, lowest for sellers), then nearest to the reference; without one the middle, rounded up.
 * Every tick from the lowest to the highest level (and the reference) may be the price, from low to
 * high where these are not 0. Source: Deutsche Börse, Xetra market model, price determination in
 * auctions. O(n).                                                                                */
struct exchange_call exchange_call_price(const struct exchange_tick *ticks,
                                         const struct exchange_call_level *levels, size_t n,
                                         int64_t market_buy, int64_t market_sell, int64_t low,
                                         int64_t high, int64_t reference);

/* ── kept ── */

void exchange_save(const struct exchange *x, struct sink *k);
/* HEED_INPUT (damaged) or HEED_NOMEM: *out is NULL. What is loaded saves to the same bytes.      */
HEED_MUST_CHECK enum heed_status exchange_load(struct exchange **out, struct source *k,
                                               struct heed_error *err);
/* Walks everything: queues, sums, holds. NULL, or what is wrong. For tests; O(orders).           */
const char *exchange_broken(const struct exchange *x);
#endif
