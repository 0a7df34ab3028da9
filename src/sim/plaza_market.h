/* What the files of plaza's market share: people who spend what they earned.
 *
 * Its days follow the last epoch that was paid. In the morning of each, who does what at which time
 * is put into an agenda; then it is worked off in the order of time, each act decided by what the
 * world is at that moment, and sent as a command of that person's at that time. */
#ifndef HEED_PLAZA_MARKET_H
#define HEED_PLAZA_MARKET_H

#include "sim/plaza_parts.h"
#include "world/admit.h"
#include "world/apply.h"

enum {
    PLAZA_MARKETS = 3,  /* goods that are traded on the exchange */
    PLAZA_SOUGHT = 100, /* goods of most attention, which auctions are of */
    HOUR_MS = 3600000,
};

enum plaza_act {
    ACT_VISIT,  /* a person in the shop                          */
    ACT_RESELL, /* who bought something offers it again          */
    ACT_ORDER,  /* an order on market `about`                    */
    ACT_RECALL, /* an order is taken back                        */
    ACT_OPEN,   /* sale `about` begins                           */
    ACT_BID,    /* somebody bids in it, sealed or not            */
    ACT_REVEAL, /* sealed bid `about` is revealed                */
};

struct appointment {
    int64_t time_ms;
    uint32_t order;         /* of making, to break ties */
    uint32_t about, person; /* or HANDLE_NONE */
    enum plaza_act act;
};

struct resting {
    int64_t number;
    uint32_t market, person;
};

struct sale {
    int64_t number; /* of the auction; -1: it is not open */
    int64_t opens_ms, closes_ms, reveal_until_ms;
    int64_t units;
    uint32_t target, seller;
    enum auction_form form;
    bool made; /* the seller makes the pieces for it */
};

struct sealed {
    int64_t amount_minor;
    uint32_t sale, person;
    uint8_t salt[AUCTION_SALT];
};

struct wish {
    int64_t weight;
    uint32_t target;
};

struct market {
    struct world *w;
    struct prng r;
    uint64_t seed;
    uint16_t currency; /* in which rewards are paid, and all of this is traded */
    int64_t start_ms, now_ms;
    uint64_t commands, refused; /* sent; of them refused */
    int64_t *purse;             /* [parties] what each had when the market began */
    uint32_t *people, people_n; /* who had something */
    uint32_t *ranked, ranked_n; /* goods, those of most attention first */
    int64_t median_micro;       /* their median attention this morning */
    struct appointment *agenda; /* a heap, soonest first */
    size_t agenda_n, agenda_cap;
    uint32_t planned; /* appointments so far */
    struct wish *wishes;
    size_t wishes_cap;
    uint32_t traded[PLAZA_MARKETS], traded_n; /* goods on the exchange */
    uint32_t *holders[PLAZA_MARKETS];         /* [people] who had pieces this morning */
    uint32_t holders_n[PLAZA_MARKETS];
    struct resting *resting;
    size_t resting_n, resting_cap;
    struct sale *sales;
    size_t sales_n, sales_cap;
    struct sealed *sealed;
    size_t sealed_n, sealed_cap;
    size_t bought_before; /* purchases that the mornings have looked at */
};

/* ── commands ── */

/* A command's arguments as text, as anybody would type them. */
struct words {
    struct heed_arg args[12];
    char text[12][96];
    size_t n;
};
void words_text(struct words *a, const char *name, const char *value);
void words_number(struct words *a, const char *name, int64_t value);
void words_money(const struct market *m, struct words *a, const char *name, int64_t minor);
void words_time(struct words *a, const char *name, int64_t time_ms);
void words_target(const struct market *m, struct words *a, const char *name, uint32_t target);
void words_user(const struct market *m, struct words *a, const char *name, uint32_t party);

/* Sends it in the name of person (HANDLE_NONE: the operator), now, with an id of its own where the
 * command takes one. *reply (NULL: not asked): the caller's, or NULL when it was refused, which is
 * no error: what one wants may be gone by then. Nothing is committed. */
HEED_MUST_CHECK enum heed_status market_send(struct market *m, enum command_id command,
                                             uint32_t person, struct words *a, json_t **reply,
                                             struct heed_error *err);

/* Puts something into the agenda; takes what comes next out of it (false: nothing). HEED_NOMEM. */
HEED_MUST_CHECK enum heed_status market_plan(struct market *m, int64_t time_ms, enum plaza_act act,
                                             uint32_t about, uint32_t person,
                                             struct heed_error *err);
bool market_next(struct market *m, struct appointment *x);
int64_t market_between(struct market *m, int64_t from_ms, int64_t to_ms); /* some time, not to_ms */

/* ── what people have, and think ── */

int64_t market_money(const struct market *m, uint32_t person);
int64_t market_pieces(const struct market *m, uint32_t person, uint32_t target);
uint32_t market_person(struct market *m); /* one of those who had money */
/* One of them who can pay four times the price, or more; HANDLE_NONE: none was found. */
uint32_t market_payer(struct market *m, int64_t price_minor);

int64_t market_attention(const struct market *m, uint32_t target); /* of late, in millionths */
/* What a good is worth now: its first price times .75 to 1.5, by its attention against the median.
 * A person's opinion of it differs from that by a fifth or so, and is always the same share.     */
int64_t market_fair(const struct market *m, uint32_t target);
int64_t market_opinion(const struct market *m, uint32_t person, uint32_t target);
/* A share of an amount, in hundredths, to whole steps of 5 minor units and at least one of them. */
int64_t market_price(int64_t minor, int64_t hundredths);
bool market_traded(const struct market *m, uint32_t target); /* on the exchange */

/* ── the day, by place ── */

#define MARKET_STEP(name, ...)                                                                     \
    HEED_MUST_CHECK enum heed_status name(struct market *m, __VA_ARGS__, struct heed_error *err)

MARKET_STEP(shop_morning, int64_t day_ms);
MARKET_STEP(shop_visit, uint32_t person);
MARKET_STEP(shop_offer_again, uint32_t person, uint32_t target);

MARKET_STEP(exchange_begin, int64_t time_ms);
MARKET_STEP(exchange_morning, int64_t day_ms);
MARKET_STEP(exchange_order, uint32_t market);
HEED_MUST_CHECK enum heed_status exchange_recall(struct market *m, struct heed_error *err);

MARKET_STEP(auctions_morning, int64_t day_ms);
MARKET_STEP(auctions_open_sale, uint32_t sale);
MARKET_STEP(auctions_bid_in, uint32_t sale);
MARKET_STEP(auctions_reveal_bid, uint32_t sealed);
#endif
