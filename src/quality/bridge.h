/* Notes that people who usually disagree both find good.
 *
 * A rating is explained as r = mu + i_u + i_n + f_u f_n: what raters give on the whole, how
 * generous this one is, how good the note is, and how far rater and note stand on the same side.
 * The note's intercept i_n is what is left when taking sides is accounted for. What is minimised,
 * over N ratings by U users of M notes: mean (r - mu - i_u - i_n - f_u f_n)^2 + lambda_i (mu^2 +
 * mean i_u^2 + mean i_n^2)
 *                                           + lambda_f (mean f_u^2 + mean f_n^2)
 * by alternating least squares: mu, then each user's (i_u, f_u), then each note's (i_n, f_n), each
 * solved exactly, until no parameter moves by BRIDGE_TOLERANCE in a round; from several starts, as
 * the loss has more than one minimum, of which the lowest is kept. The sign of the factors, which
 * the loss does not know, is the one that has more users below 0; in a tie, of those users who
 * stand farthest out the first is above 0. Source: S. Wojcik and others, "Birdwatch", arXiv
 * 2210.15723; the published code of Community Notes (matrix_factorization.py: the loss; the flip of
 * factors; filter_ratings).                        */
#ifndef HEED_QUALITY_BRIDGE_H
#define HEED_QUALITY_BRIDGE_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BRIDGE_TOLERANCE 1e-9
enum { BRIDGE_STARTS = 4, BRIDGE_MAX_ITERATIONS = 20000 };

struct bridge_rating {
    uint32_t user, note; /* indices from 0 */
    double rating;       /* 0..1: not helpful 0, somewhat .5, helpful 1 */
};

struct bridge_options {
    double lambda_intercept, lambda_factor;
    double helpful;                    /* least intercept of a helpful note */
    uint32_t min_ratings;              /* a note with fewer has no status yet */
    uint32_t min_of_user, min_of_note; /* who or what has fewer ratings is left out of the fit */
    uint32_t starts, max_iterations;   /* rounds of one start */
    uint64_t seed;
};
struct bridge_options bridge_default(void);

enum bridge_status { BRIDGE_NEEDS_MORE, BRIDGE_HELPFUL, BRIDGE_NOT_HELPFUL };
const char *bridge_status_name(enum bridge_status status);

/* Of a user or a note. */
struct bridge_side {
    double intercept, factor; /* NAN when left out of the fit */
    uint32_t ratings;         /* all of them */
    bool fitted;
};

struct bridge_fit {
    size_t users_n, notes_n, ratings_n; /* ratings the fit was made of */
    struct bridge_side *users, *notes;
    double mu, loss;
    uint32_t iterations; /* rounds of the start that was kept */
    bool converged;      /* and whether it ended by the tolerance */
    /* Of the users who were fitted, as in quality/groups.h: with more than one group nothing
     * compares users and notes of different groups. */
    size_t groups, alone;
};

/* The later of two ratings by one user of one note counts. Filtering (min_of_note, then
 * min_of_user, then min_of_note once more) is that of Community Notes. out is filled anew and freed
 * by bridge_fit_deinit; after an error it holds nothing. Errors: HEED_INPUT no ratings, or ratings
 * by one user alone, before or after filtering; HEED_RANGE a rating that is not in 0..1, an index
 * too large; HEED_NOMEM. O(ratings) a round. */
HEED_MUST_CHECK enum heed_status bridge_fit(const struct bridge_rating *ratings, size_t n,
                                            size_t users, size_t notes,
                                            const struct bridge_options *options,
                                            struct bridge_fit *out, struct heed_error *err);
void bridge_fit_deinit(struct bridge_fit *f);

/* Helpful from `helpful`; not helpful below -.05 - .8 |factor|; neither before min_ratings. */
enum bridge_status bridge_status_of(const struct bridge_side *note,
                                    const struct bridge_options *options);
#endif
