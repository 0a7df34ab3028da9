/* The combined score learnt from outcomes: what users' ratings, experts and engagement each say of
 * a target's quality, put onto one scale and weighed by how much they are known to tell.
 *
 * The outcome is one source's judgement (experts', or users' ratings), 0..1. A target's quality is
 *     theta = mean + its creator's own + the target's own      (normal; variances learnt)
 * and a source that has seen it n times says
 *     x = center + slope (theta - mean) + bias + noise         Var bias, Var noise / n
 * where bias is what the source sees beside quality (taste, say), which no number of observations
 * removes. So x is a measurement (x - center) / slope of theta with a known precision
 * slope^2 n / (bias n + noise), and the score is the mean of theta given all of them: every source
 * is on the outcome's scale, and none outweighs what it knows. The slope is never negative: the
 * score is monotone in each ingredient as far as that is plausible. What says more than any quality
 * explains, z > 3 of its own standard deviations from the mean, counts (3 / z)^2 as much: bought
 * clicks are like that. A creator's record is what his other targets say.
 *
 * Learnt by moments: mean, between and noise by the analysis of variance of Bühlmann and Straub
 * (Mitt. VSVM 70 (1970) 111); the slope from the covariance with the outcome over targets that have
 * both; the creators' share from products of outcomes of one creator's different targets (W. S.
 * Jewell, "The use of collateral data in credibility theory", 1975: hierarchical credibility).
 * Numbers are stored in billionths, so a fact replays to the same scores on every machine.       */
#ifndef HEED_QUALITY_FIT_H
#define HEED_QUALITY_FIT_H

#include "base/serial.h"
#include "base/str.h"

enum fit_source { SOURCE_RATING, SOURCE_EXPERT, SOURCE_INTERACTIVITY, FIT_SOURCES };
const char *fit_source_name(enum fit_source source);

enum { FIT_BINS = 10, FIT_MIN_TARGETS = 30, FIT_FOLDS = 5 };
#define FIT_UNIT INT64_C(1000000000) /* one, in billionths */

/* Observations of one target by one source, each 0..1 with a weight (1 for the average).         */
struct fit_evidence {
    uint64_t count;
    double weight, sum, squares; /* sums of w, w x, w x^2 */
};

struct fit_row {
    struct fit_evidence from[FIT_SOURCES];
    uint32_t owner; /* who made it, or HANDLE_NONE */
    bool copy;      /* says nothing of its maker   */
};

struct fit_bin {
    uint32_t n, predicted_ppm, observed_ppm; /* targets; means of prediction and outcome */
};

struct quality_fit {
    bool known;                     /* false: none learnt, the rest means nothing */
    bool in_force;                  /* scores go by it; else it is only shown     */
    uint8_t outcome;                /* SOURCE_EXPERT or SOURCE_RATING               */
    uint32_t targets;               /* with an outcome, learnt from          */
    int64_t mean, own, of_creators; /* of theta: mean, variance a target's own and creators' */
    struct {
        int64_t center, slope, bias, noise; /* slope 0: tells nothing, unused */
    } from[FIT_SOURCES];
    /* predictions of outcomes held out, one fold in FIT_FOLDS at a time; mean squared errors */
    int64_t error, error_of_mean, error_of_rules;
    struct fit_bin bins[FIT_BINS]; /* reliability curve: tenths of predictions, lowest first */
};

/* A creator's record: what all his targets say, and what one of them does.                       */
struct fit_record {
    double weight, sum; /* precision of his targets' measurements; times what they deviate */
    uint32_t targets;   /* that say anything */
};
struct fit_record fit_contribution(const struct quality_fit *f, const struct fit_row *row);

struct fit_judgement {
    double score, sd; /* 0..1; posterior standard deviation */
    struct {
        double value, weight; /* weights add up to 1; values 0..1 with the source's part of the
                                 prior in it, so that few observations say little */
    } from[FIT_SOURCES], creator, prior;
};

/* The score of a target from its evidence and its creator's record without it. A source whose
 * bit in `sources` is 0 is passed over. O(1); + - * / and sqrt in a fixed order. */
struct fit_judgement fit_judge(const struct quality_fit *f, const struct fit_row *row,
                               const struct fit_record *others, unsigned sources);

/* How much targets differ and how much observations of one do, by Bühlmann and Straub's unbiased
 * estimators. left_out: rows i with i % FIT_FOLDS == left_out are passed over; -1: none.
 * between is 0 when nothing shows, within when no target was seen twice.                         */
struct fit_components {
    double mean, within, between;
    uint64_t targets, repeats;
};
struct fit_components fit_components(const struct fit_row *rows, size_t n, enum fit_source source,
                                     int left_out);

/* Learns from rows[n]. rules_score[n]: the score by the rules without the outcome, for comparison,
 * or NULL. *out is untouched unless HEED_OK.
 * Errors: HEED_RANGE: fewer than FIT_MIN_TARGETS targets have an outcome, or the outcomes are all
 * alike; HEED_NOMEM. O(n) for each fold; owners below `owners`. */
HEED_MUST_CHECK enum heed_status fit_learn(const struct fit_row *rows, size_t n, size_t owners,
                                           enum fit_source outcome, const double *rules_score,
                                           struct quality_fit *out);

/* The bytes of a fact and of the stored state; reading checks every bound.                       */
void fit_save(const struct quality_fit *f, struct sink *s);
bool fit_load(struct quality_fit *f, struct source *s);
#endif
