/* What the report shows, gathered once from a world. */
#ifndef HEED_REPORT_DATA_H
#define HEED_REPORT_DATA_H

#include "circulation/exchange_data.h"
#include "report/report.h"

enum { CURVE_POINTS = 101, RISERS = 8, COPIES = 6, DOTS_MAX = 1200, CATEGORIES = 10, BANDS = 18 };
enum { FLOORS_MAX = 6, CONTENTS_MOST = 40000, FRONTIER_PEOPLE = 10, FRONTIER_ACTS = 5 };

struct curve {
    double y[CURVE_POINTS]; /* share of exposure of the least shown i % */
    double gini;
    double best_share; /* of exposure, held by the tenth of contents with the highest quality */
    bool any;
};

struct dot {
    double reach, quality;
};

/* Contents reached by 0, 1-3, 4-15, 16-63 … people. */
struct reach_band {
    uint64_t low, high; /* both included */
    uint64_t contents;
    double quality; /* mean */
};

struct named {
    uint32_t content;
    char id[96];     /* "content:17" */
    char title[128]; /* cut; "" when there is none */
};

struct riser {
    struct named name;
    double heed_share, popularity_share; /* of all exposure */
    struct quality_score quality; /* its ingredients as they are, before what was learnt of them */
    bool by_record;               /* its creator's other works speak for it                      */
    uint32_t reach;
};

struct copy_row {
    struct named copy, original;
    uint32_t similarity_ppm, reach;
};

struct epoch_row {
    struct settlement s;
    int64_t creators_minor, users_minor;
    size_t creators, users;
};

struct day_row {
    int64_t day;
    uint64_t events, bought; /* acts, and those of them that are purchases in the shop */
};

struct category_row {
    uint32_t symbol;
    double points;
    uint32_t contents;
};

/* What a floor costs those who look (allocation/fair.h: struct fair_report). */
struct frontier_row {
    double floor; /* share of the mean exposure */
    bool feasible;
    double most; /* where it is not: the highest floor there can be */
    double ndcg, ndcg_kept, worst_tenth, mean, gini, shown;
};

enum frontier_state {
    FRONTIER_FEW_PEOPLE, /* with enough acts to hide some of them */
    FRONTIER_FEW_CONTENTS,
    FRONTIER_MANY_CONTENTS,
    FRONTIER_DRAWN
};

struct frontier {
    enum frontier_state state;
    size_t able, people, step; /* people with enough acts; sharing out: one in `step` */
    size_t contents, k;
    uint64_t known, hidden;               /* pairs of a person and a content */
    struct frontier_row rows[FLOORS_MAX]; /* [rows_n] by floor, the first without */
    size_t rows_n, own;         /* own: the world's floor, or one that it could have had */
    bool has_own;               /* the rules promise a floor, and it can be had here */
    struct curve before, after; /* without a floor, and with rows[own] */
};

/* Where money can lie. */
enum place { PLACE_ISSUE, PLACE_POOL, PLACE_PEOPLE, PLACE_SHOP, PLACE_RETIRE, PLACES };

struct money_row {           /* minor units of one currency */
    int64_t issued, retired; /* added up from the transfers */
    int64_t held[PLACES];    /* added up from the balances; 0 for issue and retire */
    uint64_t transfers;
    bool holds; /* issued - retired = what all hold, and all balances add up to 0 */
};

/* ── circulation: exchange, auctions, what trade cost and who earned by it ── */

enum { MARKETS_DRAWN = 3, STEPS_MAX = 160, CANDLES_MAX = 40, BIDS_DRAWN = 12 };

/* One side of a book: what is shown of it, from the best price on. */
struct depth {
    int64_t price[STEPS_MAX], sum[STEPS_MAX]; /* sum: pieces at this price or a better one */
    size_t n;
    int64_t beyond; /* pieces further away than is drawn */
};

struct market_row {
    size_t venue;
    struct named name;      /* of what is traded */
    int64_t bid, ask;       /* minor units; 0: nobody */
    int64_t last, vwap_ppt; /* vwap in thousandths of a minor unit */
    int64_t volume, fees_minor;
    double value; /* of all trades, minor units; what markets are sorted by */
    uint64_t trades, orders;
    int64_t now_ms; /* the book is as of then */
    /* of those that are drawn: */
    struct depth bids, asks;
    struct data_bars candles; /* each_ms 0: nothing traded */
};

/* Where a sale was made. */
enum trade_place { TRADE_SHOP, TRADE_RESALE, TRADE_EXCHANGE, TRADE_AUCTION, TRADE_PLACES };

struct fee_row {
    enum trade_place place;
    char rule[MARKET_NAME_MAX + 1]; /* of the market rules; "": heed's own fee */
    uint32_t line;                  /* in the document in force then; 0: likewise */
    struct named market;            /* the exchange's; else "" */
    char to[MARKET_NAME_MAX + 1];   /* a sink, "pool", "shop"; "": retired */
    uint16_t currency;
    int64_t minor, back_minor,
        waiting_minor; /* taken; given back of it; in escrow, not taken yet */
    uint64_t times;
};

struct earner_row {
    uint32_t party;
    uint16_t currency;
    char id[96];
    int64_t own[TRADE_PLACES]; /* sales of what he made; not of TRADE_RESALE */
    int64_t resold, royalty;   /* sales of what others made, anywhere; of what others sold again */
    int64_t all;
};

struct lot_row {
    uint32_t lot;
    struct named name;
    char winner[96]; /* "": none, or several */
    size_t winners, bids;
    int64_t won_units, revenue_minor, forfeited_minor;
};

struct kind_row {
    enum auction_form form;
    uint16_t currency;
    uint64_t lots, running, sold, bids;
    int64_t units, revenue_minor;
};

struct market_data {
    struct market_row *markets; /* most traded first */
    size_t markets_n;
    struct fee_row *fees; /* by currency, the most first */
    size_t fees_n, fees_cap;
    struct earner_row *earners; /* likewise */
    size_t earners_n, earners_cap;
    struct lot_row *lots; /* by what was paid, the most first */
    size_t lots_n, sold_n;
    struct kind_row *kinds;
    size_t kinds_n, kinds_cap;
};

struct report_data {
    struct world *w;
    struct report_truth truth;
    uint64_t users, contents, goods, services, events, late;
    uint64_t unknown; /* acts of people who are not known; with them reach below is acts */

    struct day_row *days; /* ascending */
    size_t days_n, days_cap;
    struct category_row categories[CATEGORIES];
    size_t categories_n;

    struct dot *dots; /* every step-th of the contents that may be shown */
    size_t dots_n, eligible_n, step;
    struct reach_band bands[BANDS];
    size_t bands_n;
    bool judged;          /* not all of the same quality, as they are without evidence */
    double reach_quality; /* Spearman */
    double most_reach;
    struct copy_row copies_seen[COPIES];
    size_t copies_seen_n;
    uint64_t copies, removed;

    struct curve heed, popularity;
    struct frontier frontier;
    size_t best_n; /* contents in the best tenth; more when many share its lowest quality */
    struct riser risers[RISERS];
    size_t risers_n;

    struct epoch_row *epochs;
    size_t epochs_n, floors_kept;
    size_t fed; /* epochs in which anyone had a feed; floors are of these */
    int64_t paid_minor;
    int64_t quantiles[2][5]; /* paid a person: [users, creators], least 25 % 50 % 75 % most */
    size_t paid[2];

    size_t currency; /* the one that flow is of: the first with a transfer */
    int64_t flow[PLACES][PLACES], by_code[CODE_COUNT];
    struct money_row money[CURRENCIES_MAX];
    uint64_t purchases, refunded;
    struct market_data market;
    struct sha256 hash;
};

/* Parts of report_gather. */
bool report_shown(const struct state *s, uint32_t content); /* may be shown, creator not erased */
enum heed_status gather_contents(struct report_data *d, struct heed_error *err);
enum heed_status gather_activity(struct report_data *d, struct heed_error *err);
enum heed_status gather_frontier(struct report_data *d, struct heed_error *err);
enum heed_status gather_value(struct report_data *d, struct heed_error *err);
enum heed_status gather_market(struct report_data *d, struct heed_error *err);
enum heed_status gather_fees(struct report_data *d, struct heed_error *err);
void market_data_free(struct market_data *m);
/* What a content, good or service is called. */
enum heed_status report_name(const struct report_data *d, uint32_t target, struct named *out,
                             struct heed_error *err);

/* Why a content rose, in words; the `most` strongest reasons. */
void report_why(const struct riser *r, enum report_lang lang, size_t most, char *buf, size_t size);
#endif
