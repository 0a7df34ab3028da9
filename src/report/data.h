/* What the report shows, gathered once from a world. */
#ifndef HEED_REPORT_DATA_H
#define HEED_REPORT_DATA_H

#include "report/report.h"

enum { CURVE_POINTS = 101, RISERS = 8, DOTS_MAX = 1200, CATEGORIES = 10 };

struct curve {
    double y[CURVE_POINTS]; /* share of exposure of the least shown i % */
    double gini;
    bool any;
};

struct dot {
    double reach, quality;
    uint32_t content;
};

struct riser {
    uint32_t content;
    double heed_share, popularity_share; /* of all exposure */
    struct quality_score quality;
    uint32_t reach;
};

struct epoch_row {
    struct settlement s;
    int64_t creators_minor, users_minor;
    size_t creators, users;
};

struct day_row {
    int64_t day;
    uint64_t events;
};

struct category_row {
    uint32_t symbol; /* or HANDLE_NONE: the rest */
    double points;
    uint32_t contents;
};

struct flow { /* minor units of the first currency, by what transfers were for */
    int64_t by_code[CODE_COUNT];
    struct ledger_totals totals;
    int64_t pool_balance, shop_balance;
};

struct report_data {
    struct world *w;
    struct report_truth truth;
    uint64_t users, contents, goods, services, events;
    struct curve heed, popularity;
    struct dot *dots;
    size_t dots_n, eligible_n, step;
    struct riser risers[RISERS];
    size_t risers_n;
    struct epoch_row *epochs;
    size_t epochs_n;
    struct day_row *days;
    size_t days_n, days_cap;
    struct category_row categories[CATEGORIES];
    size_t categories_n;
    struct flow flow;
    int64_t quantiles[2]
                     [5]; /* of payouts a person: users, creators; least, 25 %, 50 %, 75 %, most */
    size_t paid[2];
    uint64_t copies, removed, purchases, refunded;
    struct sha256 hash;
};

/* Why a content rose, in words.                                                                 */
void report_why(const struct riser *r, enum report_lang lang, char *buf, size_t size);
#endif
