/* Any bytes as the JSON of `heed auction clear`: a place and a message, a refusal, or winners whose
 * payments are within what they bid, add up, and come out the same again. */
#include "tools/auction_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "%s\n", what);
    abort();
}

static void check(const struct auction_file *f, const struct clear_result *r)
{
    const struct clear_market *m = &f->market;
    int64_t revenue = 0, units = 0;
    uint32_t sold = 0;
    must(r->n <= m->bids_n, "more winners than bids");
    for (size_t i = 0; i < r->n; i++) {
        const struct clear_winner *w = &r->winners[i];
        must(w->bidder < m->bidders_n && w->pays_minor >= 0, "a winner that is none");
        must(!(sold & w->package), "an item sold twice");
        must(!m->slots || w->slot == i, "a slot left out");
        sold |= w->package;
        units += m->slots || m->items ? 0 : w->units;
        revenue += w->pays_minor;
    }
    must(revenue == r->revenue_minor, "a revenue that is no sum");
    must(r->revenue_minor <= r->welfare_minor, "more paid than was bid");
    must(m->slots || m->items || units <= m->units, "more units sold than there are");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct auction_file f;
    struct heed_error err = {0};
    enum heed_status status =
        auction_file_parse((struct str){(const char *)data, size}, "fuzz", &f, &err);
    must(status == HEED_OK || status == HEED_INPUT, "a status out of place");
    must(status == HEED_OK || (*err.where && *err.message), "an error without place or words");
    if (status == HEED_OK && f.market.bids_n <= 24 && f.market.units < 1000) {
        struct clear_result r, again;
        enum refusal refusal, same;
        must(auction_clear(&f.market, &r, &refusal) == HEED_OK, "no memory");
        must(auction_clear(&f.market, &again, &same) == HEED_OK, "no memory");
        must(refusal == same && r.n == again.n &&
                 (r.n == 0 || memcmp(r.winners, again.winners, r.n * sizeof *r.winners) == 0),
             "another answer the second time");
        must(refusal == REFUSED_NOT || r.n == 0, "winners of what is refused");
        check(&f, &r);
        json_t *reply = auction_file_reply(&f, &r);
        must(reply != NULL, "no reply");
        json_decref(reply);
        clear_result_deinit(&r);
        clear_result_deinit(&again);
    }
    auction_file_deinit(&f);
    return 0;
}
