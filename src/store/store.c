/* What all stores share. */
#include "store/store.h"

#include "base/error.h"
#include "store/store_parts.h"

#include <stdio.h>

enum heed_status store_out_of_order(uint64_t number, struct heed_error *err)
{
    char where[48];
    snprintf(where, sizeof where, "batch %llu", (unsigned long long)number);
    return error_set(err, HEED_INPUT, where,
                     "it does not follow the last one in the journal; restore a backup");
}

enum heed_status store_no_snapshot(uint64_t batch, struct heed_error *err)
{
    char where[48];
    snprintf(where, sizeof where, "snapshot of batch %llu", (unsigned long long)batch);
    return error_set(err, HEED_INPUT, where, "there is none");
}

enum heed_status store_no_key(struct heed_error *err)
{
    return error_set(err, HEED_INPUT, "the vault",
                     "a sealed text has lost its key; restore a backup");
}

void store_close(struct store *s)
{
    if (s)
        s->ops->close(s);
}
