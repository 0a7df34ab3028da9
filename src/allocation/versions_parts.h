/* What the files of versions share. */
#ifndef HEED_ALLOCATION_VERSIONS_PARTS_H
#define HEED_ALLOCATION_VERSIONS_PARTS_H

#include "allocation/versions.h"

/* Puts m into v: bytes, checksum, numbers, dropped. Errors: HEED_NOMEM, v as it was. */
HEED_MUST_CHECK enum heed_status version_pack(const struct stored_model *m, struct model_version *v,
                                              struct heed_error *err);
#endif
