/* How an exchange keeps its book; for the files of exchange*.c alone.
 *
 *     id ──index──▶ order ──▶ level (a queue of orders at one price) ──▶ side (levels by price)
 *
 * A side keeps its levels in one array, the best last: what happens happens near the best, so
 * finding, adding and removing touch the end of it. Orders, levels and places in the arrays are
 * there for every order that could be open before one is let in, so nothing fails in the middle. */
#ifndef HEED_EXCHANGE_PARTS_H
#define HEED_EXCHANGE_PARTS_H

#include "circulation/exchange.h"

#include "base/map.h"

__extension__ typedef __int128 wide;

enum { PPM = 1000000, DAY_MS = 86400000, SLICES_MAX = 1000 };
#define MARKET_BUY INT64_MAX /* prices of market orders that wait for a call */
#define MARKET_SELL INT64_C(0)

enum { SIDE_BIDS, SIDE_ASKS, SIDE_STOP_BUYS, SIDE_STOP_SELLS, SIDES };

struct order {
    /* what trading touches */
    int64_t left, shown;
    int64_t price;      /* where it lies; MARKET_… of a market order in a call */
    int64_t hold_price; /* what a buy holds for each unit left */
    int64_t held;
    uint32_t prev, next, level; /* EXCHANGE_NONE; next of a free slot: the next free one */
    uint32_t account, owner;
    uint8_t side, op, tif, stp;
    /* the rest */
    uint64_t id_hi, id_lo, number, body;
    int64_t display, stop, expires_ms;
    int64_t fee_minor; /* taken so far, and what rounding left of it, in millionths */
    int32_t fee_rest;
    uint32_t heap_at; /* place among those that expire, or EXCHANGE_NONE */
    uint32_t weight;  /* events it can still cause */
    uint8_t post_only, waits, live, reserved;
};
_Static_assert(sizeof(struct order) <= 144, "an order is small");

struct level {
    int64_t price, shown, left;
    uint32_t head, tail, orders;
    uint32_t side; /* of SIDES; next free level when free */
};

struct side {
    int64_t *key; /* ascending, the best last: price, negative where low is best */
    uint32_t *level;
    size_t n;
};

struct account_row {
    int64_t currency, items, currency_held, items_held;
    int64_t position, open_buy, open_sell;
    int64_t window_ms; /* start of the rate's window */
    uint32_t owner, orders, asked;
    uint32_t reserved;
};

struct ended { /* an order that is no longer there: its id and what was asked */
    uint64_t id_hi, id_lo, number, body;
};

struct ids {
    uint64_t *slot; /* hash << 32 | reference; UINT64_MAX: empty */
    size_t cap, n;
    size_t missed; /* where the id last looked for in vain goes; SIZE_MAX: the index has changed */
    uint64_t missed_hi, missed_lo;
};

struct exchange {
    struct exchange_settings set;
    bool plain_ticks, no_fees;
    uint32_t worst_ppm;

    struct order *orders;
    uint32_t orders_n, orders_cap, orders_free; /* ever used; list of free ones */
    size_t open, markets;                       /* orders, market orders among them */
    int64_t open_size;                          /* of all of them */
    struct level *levels;
    uint32_t levels_n, levels_free;
    struct side sides[SIDES];
    uint32_t *heap; /* orders that expire, soonest first */
    size_t heap_n;
    struct exchange_call_level *scratch; /* [2 orders_cap + 4] */

    struct ids ids;
    struct ended *ended; /* a ring of set.remember */
    size_t ended_n, ended_at;

    struct account_row *accounts;
    size_t accounts_n, accounts_cap;
    wide currency_all, items_all;

    uint64_t seq, number, weight;
    wide fees;
    int64_t now_ms; /* INT64_MIN: no time yet */
    int64_t last, dynamic_ref, static_ref;
    int64_t band_low, band_high; /* of trades; 0, INT64_MAX: none */

    uint8_t phase, after_call, extended;
    int64_t phase_until; /* of a halt or call; INT64_MAX */
    int64_t limit_until; /* INT64_MAX: no limit state */
    int64_t hours_next;  /* next bell of the hours; INT64_MAX */
    uint32_t hours_bell; /* which */
    int64_t call_low, call_high, call_ref;
};

/* ── ids (exchange_ids.c) ── */

#define IDS_ENDED (UINT32_C(1) << 31) /* a reference into the ring, else an order */
uint32_t ids_find(const struct exchange *x, uint64_t hi, uint64_t lo); /* or EXCHANGE_NONE */
/* The same; what is not there can be added next without looking again. */
uint32_t ids_find_to_add(struct exchange *x, uint64_t hi, uint64_t lo);
bool ids_reserve(struct exchange *x);
void ids_add(struct exchange *x, uint32_t order);
void ids_end(struct exchange *x, uint32_t order);             /* it is among the ended ones now */
bool ids_remember(struct exchange *x, const struct ended *e); /* of loading */

/* ── book (exchange_book.c) ── */

bool book_grow(struct exchange *x, size_t orders); /* room for so many open ones */
uint32_t book_slot(struct exchange *x);
size_t side_of(const struct order *o);
void book_add(struct exchange *x, uint32_t slot); /* behind the others at its price */
void book_take_out(struct exchange *x, uint32_t slot);
void book_to_tail(struct exchange *x, uint32_t slot);
static inline struct level *best_level(const struct exchange *x, size_t side)
{
    const struct side *s = &x->sides[side];
    return s->n ? &x->levels[s->level[s->n - 1]] : NULL;
}
void heap_add(struct exchange *x, uint32_t slot);
void heap_remove(struct exchange *x, uint32_t slot);

/* ── money (exchange_money.c) ── */

int64_t fee_take(struct exchange *x, struct order *o, int32_t ppm, int64_t value);
/* What a buy of so much at that price has to hold, fees at worst; without overflow.              */
wide hold_needed(const struct exchange *x, const struct order *o, int64_t price, int64_t size);
/* To what it needs now; the change. */
static inline int64_t hold_set(struct exchange *x, struct order *o)
{
    struct account_row *a = &x->accounts[o->account];
    bool sells = o->side == EXCHANGE_SELL;
    int64_t need = sells               ? o->left
                   : x->worst_ppm == 0 ? o->hold_price * o->left
                                       : (int64_t)hold_needed(x, o, o->hold_price, o->left);
    int64_t change = need - o->held;
    o->held = need;
    *(sells ? &a->items_held : &a->currency_held) += change;
    return change;
}
void money_trade(struct exchange *x, struct order *buy, struct order *sell, int64_t price,
                 int64_t size, int64_t buy_fee, int64_t sell_fee);

/* ── events (exchange.c) ── */

/* Field by field: clearing the whole first costs more than all the rest. o NULL: of no order. */
static inline struct exchange_event *event_of(struct exchange *x, struct exchange_out *out,
                                              enum exchange_event_kind kind, const struct order *o)
{
    struct exchange_event *e = &out->events[out->n++];
    e->seq = ++x->seq;
    e->time_ms = x->now_ms;
    e->id_hi = o ? o->id_hi : 0;
    e->id_lo = o ? o->id_lo : 0;
    e->other_hi = e->other_lo = 0;
    e->number = o ? o->number : 0;
    e->other_number = 0;
    e->price = o && o->price != MARKET_BUY ? o->price : 0;
    e->size = 0;
    e->left = o ? o->left : 0;
    e->other_left = 0;
    e->shown = o ? o->shown : 0;
    e->other_shown = 0;
    e->held = e->other_held = 0;
    e->fee = e->other_fee = 0;
    e->account = o ? o->account : EXCHANGE_NONE;
    e->other_account = EXCHANGE_NONE;
    e->kind = (uint8_t)kind;
    e->side = o ? o->side : 0;
    e->reason = e->flags = 0;
    e->phase = x->phase;
    e->op = o ? o->op : 0;
    e->reserved[0] = e->reserved[1] = 0;
    return e;
}
/* Room for what the next command, with a new order of so much weight, can cause.                 */
bool out_reserve(struct exchange *x, struct exchange_out *out, uint64_t weight);
uint32_t order_weight(const struct exchange *x, const struct order *o);

/* ── matching (exchange_match.c) ── */

bool in_book(const struct order *o);
void order_enter(struct exchange *x, uint32_t slot, struct exchange_out *out);
/* Ends an order that is in the book, waits, or is on its way in. */
void order_drop(struct exchange *x, uint32_t slot, enum exchange_event_kind kind,
                enum exchange_reason reason, struct exchange_out *out);
void order_reduce(struct exchange *x, uint32_t slot, int64_t by, enum exchange_reason reason,
                  struct exchange_out *out);
void order_end(struct exchange *x, uint32_t slot); /* left is 0: off the books */
void order_hold_size(struct exchange *x, struct order *o, int64_t change);
/* What could trade at once up to a limit; *worst: the last price looked at. whole: as for fill or
 * kill, own orders end it unless they would be cancelled.                                        */
int64_t match_reach(const struct exchange *x, uint8_t side, uint32_t owner, uint8_t stp,
                    int64_t limit, int64_t size, bool whole, int64_t *worst);
bool match_crosses(const struct exchange *x, uint8_t side, int64_t price);
void match_stops(struct exchange *x, struct exchange_out *out);
void match_settle(struct exchange *x, struct exchange_out *out); /* after each command */

/* ── call auctions (exchange_call.c) ── */

struct exchange_call call_find(struct exchange *x, bool bounded);
void call_uncross(struct exchange *x, struct exchange_call c, struct exchange_out *out);
int64_t tick_at(const struct exchange_tick *ticks, int64_t price);
int64_t lot_at(const struct exchange_tick *ticks, int64_t price);

/* ── phases (exchange_phase.c) ── */

void phase_hours_begin(struct exchange *x, int64_t now_ms);
int64_t band_of(int64_t reference, uint32_t ppm, int sign);
void bands_set(struct exchange *x); /* from the last price, for the next command */

/* ── checks (exchange_check.c) ── */

struct plan {
    int64_t limit;      /* price it trades up to, where it lies */
    int64_t hold_price; /* of a buy */
    int64_t hold;       /* what its hold will be */
    uint32_t slot;      /* of cancel and replace */
};
enum refusal check_ask(const struct exchange *x, const struct exchange_ask *a, uint32_t found,
                       uint64_t body, struct plan *p, bool *repeated);
#endif
