/* What the stores share: errors that read the same from each. */
#ifndef HEED_STORE_PARTS_H
#define HEED_STORE_PARTS_H

#include "store/store.h"

enum heed_status store_out_of_order(uint64_t number, struct heed_error *err);
enum heed_status store_no_snapshot(uint64_t batch, struct heed_error *err);
enum heed_status store_no_key(struct heed_error *err);
#endif
