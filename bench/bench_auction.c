/* How long VCG with package bids takes, payments included: bench_auction [FOLDER [AUCTIONS
 * [BIDS]]]: as many auctions (default 20) of 20 items and 30 bidders with BIDS packages each
 * (default 10) of 1 to 6 items, worth 50 to 149 an item to its bidder and a tenth more for each
 * further item; written to FOLDER as JSON for a peer. Prints mean and worst seconds, then welfare
 * and revenue of all. */
#include "bench.h"

#include "base/prng.h"
#include "circulation/auction_clear.h"

#include <stdlib.h>

enum { ITEMS = 20, BIDDERS = 30, BIDS_MAX = AUCTION_PACKAGES_MAX / BIDDERS };

static size_t draw(struct prng *r, struct clear_bid *bids, size_t each)
{
    size_t n = 0;
    for (uint32_t b = 0; b < BIDDERS; b++) {
        double worth[ITEMS];
        for (int j = 0; j < ITEMS; j++)
            worth[j] = 50 + (double)prng_below(r, 100);
        for (size_t k = 0; k < each; k++) {
            int size = 1 + (int)prng_below(r, 6);
            uint32_t package = 0;
            double value = 0;
            while (__builtin_popcount(package) < size)
                package |= 1u << prng_below(r, ITEMS);
            for (int j = 0; j < ITEMS; j++)
                value += package >> j & 1 ? worth[j] : 0;
            value *= 1 + .1 * (size - 1);
            bids[n++] = (struct clear_bid){.price_minor =
                                               (int64_t)(value * 100) + (int64_t)prng_below(r, 100),
                                           .bidder = b,
                                           .package = package};
        }
    }
    return n;
}

static bool write_json(const char *path, const struct clear_bid *bids, size_t n)
{
    FILE *f = fopen(path, "w");
    if (!f)
        return false;
    fputs("{\"kind\": \"vcg\", \"items\": [", f);
    for (int j = 0; j < ITEMS; j++)
        fprintf(f, "%s\"i%d\"", j ? ", " : "", j);
    fputs("], \"bids\": [", f);
    for (size_t i = 0; i < n; i++) {
        fprintf(f, "%s\n{\"bidder\": \"b%u\", \"price\": %lld, \"package\": [", i ? "," : "",
                bids[i].bidder, (long long)bids[i].price_minor);
        for (int j = 0, first = 1; j < ITEMS; j++)
            if (bids[i].package >> j & 1) {
                fprintf(f, "%s\"i%d\"", first ? "" : ", ", j);
                first = 0;
            }
        fputs("]}", f);
    }
    fputs("]}\n", f);
    return fclose(f) == 0;
}

int main(int argc, char **argv)
{
    const char *folder = argc > 1 ? argv[1] : NULL;
    uint64_t auctions = argc > 2 ? strtoull(argv[2], NULL, 10) : 20;
    size_t each = argc > 3 ? strtoull(argv[3], NULL, 10) : 10;
    static struct clear_bid bids[AUCTION_PACKAGES_MAX];
    double sum = 0, worst = 0;
    int64_t welfare = 0, revenue = 0;
    if (auctions == 0 || each == 0 || each > BIDS_MAX) {
        fprintf(stderr, "usage: bench_auction [FOLDER [AUCTIONS [BIDS up to %d]]]\n", BIDS_MAX);
        return 1;
    }
    for (uint64_t seed = 1; seed <= auctions; seed++) {
        struct prng r;
        struct clear_result out;
        enum refusal refusal;
        char path[4096];
        prng_seed(&r, seed);
        size_t n = draw(&r, bids, each);
        snprintf(path, sizeof path, "%s/auction-%02d.json", folder ? folder : "", (int)seed);
        if (folder && !write_json(path, bids, n)) {
            fprintf(stderr, "%s: cannot be written\n", path);
            return 1;
        }
        const struct clear_market m = {
            .kind = AUCTION_VCG, .items = ITEMS, .bids = bids, .bids_n = n, .bidders_n = BIDDERS};
        double begin = now_s();
        if (auction_clear(&m, &out, &refusal) != HEED_OK || refusal != REFUSED_NOT)
            return 1;
        double took = now_s() - begin;
        sum += took;
        worst = took > worst ? took : worst;
        welfare += out.welfare_minor;
        revenue += out.revenue_minor;
        clear_result_deinit(&out);
    }
    printf("%.4f %.4f %lld %lld\n", sum / (double)auctions, worst, (long long)welfare,
           (long long)revenue);
    return 0;
}
