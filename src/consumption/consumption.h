/* Step 4, consumption: what a person gets for attention spent and a creator for attention earned.
 *
 * World time is cut into epochs. Points of attention gather in the epoch of their event; an event
 * that comes late for a settled epoch counts in the oldest open one. Settling divides a pool once:
 *
 *     part of creators / users: pool x creator_share / the rest
 *     curve(x)  = x * SCALE / (x + half)            saturating, x = points (creators: x quality)
 *     amount_i  = part x curve_i / sum curve         largest remainder
 *     payout_i  = min(amount_i, part x cap)          what caps leave over stays in the pool
 *
 * All in integers; quality enters as a fact in parts per million.                               */
#ifndef HEED_CONSUMPTION_H
#define HEED_CONSUMPTION_H

#include "base/map.h"
#include "base/money.h"
#include "base/serial.h"

struct consumption_rules {
    int64_t epoch_ms;
    int64_t pool_minor; /* the pool holds this much when an epoch is settled */
    uint32_t creator_share_ppm;
    int64_t half_points_milli; /* points at which the curve reaches one half */
    uint32_t cap_ppm;          /* of a part, for one account */
    uint16_t currency;
};

/* Attention points of one party or content in one open epoch.                                   */
struct attention {
    uint32_t key; /* party or content */
    int64_t points_milli;
};

struct open_epoch {
    int64_t number; /* time_ms / epoch_ms, rounded down */
    struct attention *users, *contents;
    size_t users_n, users_cap, contents_n, contents_cap;
    struct map user_index, content_index;
    uint64_t events, late;
    bool gathered; /* anybody has points */
};

struct payout {
    int64_t epoch;
    int64_t points_milli;     /* before the curve; creators: quality-weighted */
    int64_t curve, curve_sum; /* in millionths of a point of curve(…) */
    int64_t part_minor;       /* what was divided among all of this side */
    int64_t uncapped_minor, amount_minor;
    uint32_t party;
    uint32_t creator; /* 1: for attention earned; 0: for attention given */
};

struct settlement {
    int64_t epoch;
    int64_t pool_minor, paid_minor;
    uint64_t payouts, feeds;
    uint64_t events, late;
    uint32_t floor_ppm, min_share_ppm;
    bool floor_kept;
    int64_t settled_at_ms;
};

struct consumption {
    struct open_epoch *open; /* by number, ascending */
    size_t open_n, open_cap;
    int64_t settled_through; /* newest settled epoch, or INT64_MIN */
    struct payout *payouts;
    size_t payouts_n, payouts_cap;
    struct settlement *settlements;
    size_t settlements_n, settlements_cap;
    uint64_t late;
};

void consumption_init(struct consumption *c);
void consumption_deinit(struct consumption *c);
void consumption_save(const struct consumption *c, struct sink *s);
enum heed_status consumption_load(struct consumption *c, struct source *s, struct heed_error *err);

/* Whether every handle is below its table's size; asked once after loading.                     */
bool consumption_within(const struct consumption *c, size_t parties, size_t contents);

/* The epoch that points of this time count in now: their own, or for late ones the oldest open in
 * which anybody gathered any, or the one after all that are settled.                             */
int64_t consumption_epoch(const struct consumption *c, const struct consumption_rules *r,
                          int64_t time_ms);

/* Gathers points of a user for a content (HANDLE_NONE: for the user only). 0 or less, or attention
 * of a creator to their own content: the user was active and gathers nothing.                   */
HEED_MUST_CHECK enum heed_status consumption_attend(struct consumption *c,
                                                    const struct consumption_rules *r,
                                                    int64_t time_ms, uint32_t user,
                                                    uint32_t content, int64_t points_milli);

/* Drops the oldest open epochs before `number` in which nobody gathered anything: worlds made when
 * those were not opened settled none of them.                                                   */
void consumption_skip(struct consumption *c, int64_t number);

/* Gathers points for a content alone, of `count` acts of people who are not known.              */
HEED_MUST_CHECK enum heed_status consumption_counted(struct consumption *c,
                                                     const struct consumption_rules *r,
                                                     int64_t time_ms, uint32_t content,
                                                     int64_t points_milli, uint64_t count);

/* Oldest open epoch that a settlement through epoch `through` would settle, or NULL.            */
const struct open_epoch *consumption_next(const struct consumption *c, int64_t through);

/* Computes the payouts of the oldest open epoch, which must be `number`, and closes it.
 * creator_of[contents] and quality_ppm[contents] are facts; contents whose creator is UINT32_MAX
 * earn nothing. Parties for which excluded(context, party) is true (NULL: nobody is) take no part:
 * they get nothing and their points are not in the sum of the curves.
 * Payouts are appended to c->payouts (from *first, *n of them, amounts > 0 only: creators, then
 * users, each by party) and add up to s->paid_minor <= r->pool_minor; the caller moves the money.
 * *s: pool, paid, payouts, events, late are filled, and it is appended to c->settlements; feeds,
 * floor and the time are the caller's, there too.
 * Errors: HEED_NOMEM, nothing changed. O(n log n).                                              */
HEED_MUST_CHECK enum heed_status
consumption_settle(struct consumption *c, const struct consumption_rules *r, int64_t number,
                   const uint32_t *creator_of, const uint32_t *quality_ppm, size_t contents,
                   bool (*excluded)(void *context, uint32_t party), void *context,
                   struct settlement *s, size_t *first, size_t *n);
#endif
