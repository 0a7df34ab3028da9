/* Market data of an exchange, made of its events alone: what the public may see of orders (L3), of
 * levels (L2) and of the best prices (L1), trades, and bars.
 *
 * Each event is one packet with the event's number, so a reader knows by counting whether it has
 * all of them. Who missed one takes a snapshot and goes on with the packet after it. */
#ifndef HEED_EXCHANGE_DATA_H
#define HEED_EXCHANGE_DATA_H

#include "base/map.h"
#include "circulation/exchange.h"

/* What is to be seen of one order from now on. Owners, accounts and hidden sizes are not told. */
struct data_change {
    uint64_t number;
    int64_t price, size; /* size 0: it is gone; price 0: a market order in a call */
    uint8_t side;
    uint8_t last_in_queue; /* it stands behind the others of its price now */
    uint8_t reserved[6];
};

struct data_packet {
    uint64_t seq;
    int64_t time_ms;
    struct data_change changes[2];
    uint32_t changes_n;
    uint8_t phase, taker_side, reserved[2];
    int64_t trade_price, trade_size; /* 0: no trade */
};

void data_of_event(const struct exchange_event *e, struct data_packet *out);

/* ── a reader's view of the book ── */

struct data_order {
    uint64_t number, rank; /* rank: lower is older, in the queue */
    int64_t price, size;
    uint8_t side, reserved[7];
};

struct data_level {
    int64_t price, size;
    uint32_t orders, reserved;
};

struct data_view {
    uint64_t seq, rank;
    struct data_order *orders; /* in no order */
    size_t n, cap;
    struct map by_number;         /* place + 1 of the lower half; numbers are counted from 1 */
    struct data_level *levels[2]; /* the best last */
    size_t levels_n[2], levels_cap[2];
};

void data_view_init(struct data_view *v);
void data_view_deinit(struct data_view *v);

/* All that is to be seen now; the view goes on with the packet after exchange_seq. HEED_NOMEM: the
 * view is empty and wants another snapshot.                                                      */
HEED_MUST_CHECK enum heed_status data_view_snapshot(struct data_view *v, const struct exchange *x);

enum data_result {
    DATA_TAKEN,
    DATA_OLD,       /* it was there before; nothing changed */
    DATA_GAP,       /* packets are missing before it; nothing changed: take a snapshot */
    DATA_NO_MEMORY, /* likewise */
};
enum data_result data_view_take(struct data_view *v, const struct data_packet *p);
/* The level so far from the best; size 0: none. */
struct data_level data_view_level(const struct data_view *v, enum exchange_side side, size_t depth);

/* ── bars ── */

struct data_bar {
    int64_t begin_ms;
    int64_t open, high, low, close;
    int64_t volume;
    uint64_t value_high, value_low; /* sum of price x size, 128 bits */
    uint64_t trades;
};

struct data_bars {
    int64_t each_ms;
    struct data_bar *bars; /* those in which something was traded, in order */
    size_t n, cap;
};

/* Counts a packet's trade. false: no memory, nothing changed.                                    */
HEED_MUST_CHECK bool data_bars_take(struct data_bars *b, const struct data_packet *p);
void data_bars_deinit(struct data_bars *b);
/* Volume-weighted average price of bars[n], in so many parts of a minor unit, rounded down; 0: no
 * volume. */
int64_t data_vwap(const struct data_bar *bars, size_t n, int64_t parts);
#endif
