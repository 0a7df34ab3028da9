/* How near a policy came to the best that is possible, drawn. */
#ifndef HEED_TOOLS_GAIN_PLOT_H
#define HEED_TOOLS_GAIN_PLOT_H

#include "allocation/fair.h"

/* Writes an SVG: what of the gain over the uniform policy is still lacking after each pass over the
 * users, beside the batch's where b has it, both scales logarithmic. floor: the last objective of a
 * batch is with it and is left out. b->gap is a number. Errors: HEED_STORAGE. */
HEED_MUST_CHECK enum heed_status gain_plot(const char *path, const struct fair_batch *b,
                                           bool online, bool floor, struct heed_error *err);
#endif
