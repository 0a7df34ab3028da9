/* models.csv: the models of relevance that an exported world has learnt, and which is in use. */
#ifndef HEED_IMPORT_MODELS_H
#define HEED_IMPORT_MODELS_H

#include "import/learnt.h"
#include "world/world.h"

#include <stdio.h>

#define MODELS_HEADER "what,number,text\n"

/* The rows, without the header. Contents of erased people are left out, with what the models say of
 * them. Errors: HEED_NOMEM; HEED_RANGE, as versions_moved.                                       */
HEED_MUST_CHECK enum heed_status models_write(const struct world *w, FILE *f,
                                              struct heed_error *err);

/* Reads such a file into a world that has no models, as one durable change; any other world is left
 * as it is, and taken says why. Models are told by their contents' ids: contents that are not here
 * are passed over. Errors, nothing applied: HEED_INPUT with line and column; more than a tenth of
 * the contents are not here; the context's actor may not run `allocate train`. */
HEED_MUST_CHECK enum heed_status models_read(struct world *w, const struct heed_context *context,
                                             const char *path, struct learnt_taken *taken,
                                             struct heed_error *err);
#endif
