/* The JSON of `heed auction clear`: one auction with its bids.
 *
 *     {"kind": "uniform", "units": 100, "reserve": 20, "bids": [{"bidder": "a", "price": 45,
 * "units": 60}]}
 *     {"kind": "vcg", "items": ["x", "y"], "bids": [{"bidder": "a", "price": 5, "package": ["x"]}]}
 *     {"kind": "gsp", "clicks": [200, 100], "bids": [{"bidder": "a", "price": 10, "quality": 0.8}]}
 */
#ifndef HEED_AUCTION_FILE_H
#define HEED_AUCTION_FILE_H

#include "base/intern.h"
#include "circulation/auction_clear.h"

#include <jansson.h>

struct auction_file {
    struct clear_market market;
    struct clear_bid *bids;
    int64_t *clicks;
    struct intern bidders, items;
};

/* name stands in messages for where the text is from. Closed by auction_file_deinit, after an error
 * too. HEED_INPUT with the line and column, or the member (bids[3].price), and what to write there;
 * HEED_NOMEM.                                                                                    */
HEED_MUST_CHECK enum heed_status auction_file_parse(struct str text, const char *name,
                                                    struct auction_file *out,
                                                    struct heed_error *err);
void auction_file_deinit(struct auction_file *f);

/* {"winners", "revenue", "welfare"}; NULL: no memory. */
json_t *auction_file_reply(const struct auction_file *f, const struct clear_result *r);
#endif
