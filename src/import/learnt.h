/* learnt.csv: what `quality fit` learnt and where feeds showed contents, of an exported world. */
#ifndef HEED_LEARNT_H
#define HEED_LEARNT_H

#include "world/world.h"

#include <stdio.h>

#define LEARNT_HEADER "what,id,a,b,c\n"

/* The rows, without the header. Of erased people and what was theirs there are none. false: no
 * memory. */
bool learnt_write(const struct world *w, FILE *f);

/* Of a file that an export wrote of what was learnt. */
struct learnt_taken {
    uint64_t rows;
    const char *left_aside; /* why it was not read; NULL: it was */
};

/* Reads such a file into a world that has learnt nothing and served no feeds, in one durable batch;
 * any other world is left as it is, and taken says why. Rows of people and contents that are not
 * here are passed over. Errors: HEED_INPUT with line and column, nothing applied; or the context's
 * actor may not run `quality fit`. */
HEED_MUST_CHECK enum heed_status learnt_read(struct world *w, const struct heed_context *context,
                                             const char *path, struct learnt_taken *taken,
                                             struct heed_error *err);
#endif
