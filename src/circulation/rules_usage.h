/* What market rules look back on: units traded by each person under each limit, and how much a
 * period has used of what the base fee is for. State of a world: saved, loaded, replayed.        */
#ifndef HEED_MARKET_USAGE_H
#define HEED_MARKET_USAGE_H

#include "base/map.h"
#include "base/serial.h"
#include "circulation/rules.h"

/* ── limits ── */

/* Limits are known by name, so that a new version of the rules goes on counting. A window opens
 * with the first trade in it.                                                                    */
struct market_usage {
    struct market_name *limits;
    size_t limits_n, limits_cap;
    struct market_used {
        uint32_t limit, party, item; /* item MARKET_NOBODY: of all items */
        uint32_t next;               /* of the same hash; MAP_NONE       */
        int64_t since_ms, units;
    } * rows; /* in the order they were first counted */
    size_t rows_n, rows_cap;
    struct map heads;
};

void market_usage_init(struct market_usage *u);
void market_usage_deinit(struct market_usage *u);

/* Units that a party has traded under a limit, in the window open at time_ms. O(1).             */
int64_t market_usage_units(const struct market_usage *u, const struct market_limit *l,
                           uint32_t party, uint32_t item, int64_t time_ms);

/* Counts a trade that was done; whether it may be done market_decide says. What passes INT64_MAX
 * stays there. false: no memory, and no count has changed.                                       */
HEED_MUST_CHECK bool market_usage_add(struct market_usage *u, const struct market_rules *r,
                                      const struct market_trade *t);

void market_usage_save(const struct market_usage *u, struct sink *k);
/* Replaces *u, which holds nothing. HEED_INPUT (damaged) or HEED_NOMEM: *u is empty.            */
HEED_MUST_CHECK enum heed_status market_usage_load(struct market_usage *u, struct source *k,
                                                   struct heed_error *err);

/* ── base fee ── */

/* The fee per unit of the next period, after `used` units of one with this target: up by
 * fee x (used - target) / target / change, at least 1; down by the same, rounded down; then kept
 * within min and max (-1: none).
 * fee_minor >= 0, used >= 0, target >= 1, change >= 1. false: overflow.
 * Source: EIP-1559 (Buterin et al. 2019), `base_fee_per_gas` with target = gas limit / 2, change 8.
 */
HEED_MUST_CHECK bool market_fee_next(int64_t fee_minor, int64_t used, int64_t target,
                                     int64_t change, int64_t min_minor, int64_t max_minor,
                                     int64_t *next_minor);

struct market_meter {
    bool open; /* something was counted before */
    int64_t period, fee_minor, used;
};

/* The fee per unit at a time, after the periods that have passed since; what does not fit stays at
 * INT64_MAX. Rules without a base fee: 0. Times before the meter's period count as in it.
 * O(periods until the fee no longer moves), at most some 400 x change.                           */
int64_t market_meter_fee(const struct market_meter *m, const struct market_base_fee *b,
                         int64_t time_ms);

/* Counts units traded at a time.                                                                */
void market_meter_add(struct market_meter *m, const struct market_base_fee *b, int64_t time_ms,
                      int64_t units);

void market_meter_save(const struct market_meter *m, struct sink *k);
HEED_MUST_CHECK enum heed_status market_meter_load(struct market_meter *m, struct source *k,
                                                   struct heed_error *err);
#endif
