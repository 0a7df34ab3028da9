/* plaza: a generated world whose truth is known. */
#ifndef HEED_PLAZA_H
#define HEED_PLAZA_H

#include "report/report.h"

struct plaza_size {
    uint32_t users, contents, goods, days, events; /* 2,000 5,000 400 14 about 300,000 */
};
struct plaza_size plaza_default(void);

/* When the last day of a plaza of this size has ended, in ms since 1970: its year is 2026.       */
int64_t plaza_end_ms(const struct plaza_size *size);

/* Writes users.csv, contents.csv, goods.csv, events.csv, ratings.csv, reviews.csv and truth.csv
 * (content, skill, copy_of, ring) into dir, made if not there. Same seed and size, same bytes, on
 * any machine. */
HEED_MUST_CHECK enum heed_status plaza_generate(const char *dir, uint64_t seed,
                                                const struct plaza_size *size,
                                                struct heed_error *err);

/* Whether a folder holds a plaza: by its truth.csv. */
bool plaza_is(const char *dir);

/* What plaza_generate writes as users.csv, by which a plaza is known. out is initialised by the
 * caller. */
HEED_MUST_CHECK enum heed_status plaza_users(uint64_t seed, const struct plaza_size *size,
                                             struct strbuf *out, struct heed_error *err);

enum { PLAZA_MARKET_DAYS = 7 };

/* People of a settled plaza spend what they earned, in the days (PLAZA_MARKET_DAYS) after the last
 * epoch that was paid, and after all that the ledger holds: in the shop, where they also offer
 * again what they bought, on the exchange, where the goods of most attention are traded, and in
 * auctions. All are commands like anyone's, at their times, with ids; all are one commit. The same
 * world and seed give the same commands.
 *
 * *traded out, the caller's: {"purchases","resales","spent_minor",
 * "exchange":{"markets","trades","pieces","turnover_minor"},
 * "auctions":{"closed","sold","pieces","turnover_minor"},"fees_minor","royalties_minor","currency"}.
 * Does nothing when plaza_traded. HEED_NOMEM, and what storage says. */
HEED_MUST_CHECK enum heed_status plaza_trade(struct world *w, uint64_t seed, json_t **traded,
                                             struct heed_error *err);
bool plaza_traded(const struct world *w); /* somebody bought, there are markets or auctions */
/* When those days end, or would, if they began now. */
int64_t plaza_trade_ends_ms(const struct world *w);

/* Holds the world against the truth in dir/truth.csv.                                           */
HEED_MUST_CHECK enum heed_status plaza_judge(struct world *w, const char *dir,
                                             struct report_truth *truth, struct heed_error *err);
#endif
