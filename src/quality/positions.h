/* Where contents were shown and what came of it, and how much of an impression each position is.
 *
 * Position-based model: someone shown content i at position p engages with probability
 * examined_p x appeal_i, examined_1 = 1. Counted are, per content and position, how often it was
 * shown and how often engagement followed. Both factors come from the counts alone:
 *     appeal_i   = sum_p engaged_ip / sum_p shown_ip examined_p
 *     examined_p = sum_i engaged_ip / sum_i shown_ip appeal_i
 * the maximum of a multiplicative Poisson likelihood, which is found by Newton's method in the few
 * logarithms of examined_p: by taking the two in turn it takes thousands of steps where each
 * content keeps about the same position, as in feeds. So contents seen at several positions are
 * compared with themselves: under random swaps it is the ratio estimator of T. Joachims, A.
 * Swaminathan, T. Schnabel, "Unbiased learning-to-rank with biased feedback", WSDM 2017, section 5;
 * on logs without swaps it takes the place of the EM of X. Wang and others, "Position bias
 * estimation for unbiased learning to rank in personal search", WSDM 2018. Being the maximum of a
 * multiplicative Poisson likelihood it stays consistent however few times each content is shown (J.
 * Hausman, B. Hall, Z. Griliches, Econometrica 52 (1984) 909), which EM with one appeal a content
 * is not.                        */
#ifndef HEED_QUALITY_POSITIONS_H
#define HEED_QUALITY_POSITIONS_H

#include "base/map.h"
#include "base/serial.h"
#include "base/str.h"

enum { POSITIONS_MAX = 100 };

struct position_cell {
    uint32_t content;
    uint32_t position;       /* from 0 at the top                 */
    uint32_t shown, engaged; /* times, engaged <= shown; saturate */
};

struct positions {
    struct position_cell *cells; /* in order of first showing */
    size_t n, cap;
    struct map cell_of;
};

void positions_init(struct positions *p);
void positions_deinit(struct positions *p);

/* Content shown at a position below POSITIONS_MAX. false: no memory, nothing changed.            */
bool positions_shown(struct positions *p, uint32_t content, uint32_t position);
/* Someone engaged with what he was shown there; nothing when it never was.                       */
void positions_engaged(struct positions *p, uint32_t content, uint32_t position);

/* The cell of an exported world, in place of what is there. false: no memory.                    */
bool positions_place(struct positions *p, const struct position_cell *c);

void positions_save(const struct positions *p, struct sink *s);
/* Into a p just initialised. HEED_INPUT (damaged), HEED_NOMEM: positions_deinit is still due.    */
HEED_MUST_CHECK enum heed_status positions_load(struct positions *p, struct source *s,
                                                struct heed_error *err);

/* examined[POSITIONS_MAX] out: 0..1, 1 at the top and wherever the log cannot tell (fewer than
 * POSITIONS_LEAST engagements in all, or none expected at that position); a position with few is
 * drawn to 1 by POSITIONS_DOUBT engagements. HEED_NOMEM. O(steps x cells x positions a content was
 * seen at), 60 steps at most, mostly 10. */
enum { POSITIONS_LEAST = 100, POSITIONS_DOUBT = 5 };
HEED_MUST_CHECK enum heed_status positions_examined(const struct positions *p,
                                                    double examined[POSITIONS_MAX]);
#endif
