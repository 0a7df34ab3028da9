/* The report: one self-contained HTML file of what a world is, and the same in twenty lines. */
#ifndef HEED_REPORT_H
#define HEED_REPORT_H

#include "world/world.h"

#include <stdio.h>

enum report_lang { REPORT_EN, REPORT_ZH };

/* What the generator of a world knows and the engine does not; for worlds made by sim/plaza.h.  */
struct report_truth {
    bool known;
    uint32_t copies, copies_found, copies_false; /* copied contents, found, wrongly called copies */
    double quality_skill, popularity_skill;      /* Spearman of quality / popularity with skill */
    double ring_popularity_share, ring_heed_share,
        ring_payout_share; /* of the boosted creator: exposure, payouts to creators */
};

/* Everything both forms show, gathered once. */
struct report_data;
HEED_MUST_CHECK enum heed_status report_gather(struct world *w, const struct report_truth *truth,
                                               struct report_data **out, struct heed_error *err);
void report_free(struct report_data *d);

HEED_MUST_CHECK enum heed_status report_html(const struct report_data *d, enum report_lang lang,
                                             FILE *out, struct heed_error *err);
/* The same into a file (base/out_file.h). */
HEED_MUST_CHECK enum heed_status report_file(const struct report_data *d, enum report_lang lang,
                                             const char *path, struct heed_error *err);
/* false: `name` is not "en" or "zh" (HEED_USAGE). */
bool report_lang_of(const char *name, enum report_lang *lang, struct heed_error *err);
void report_terminal(const struct report_data *d, enum report_lang lang, FILE *out, int width);
#endif
