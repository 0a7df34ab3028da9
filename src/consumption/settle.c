/* Settling: points to payouts. Everything in integers; a party's payout depends on what was
 * attended to, never on the order in which it came.                                             */
#include "base/error.h"
#include "consumption/consumption.h"
#include "consumption/consumption_parts.h"

#include <stdlib.h>

__extension__ typedef unsigned __int128 u128;
enum { PPM = 1000000 };

/* One account of one side, before the division.                                                 */
struct claim {
    uint32_t party;
    int64_t points_milli;
};

static int64_t curve(int64_t points_milli, int64_t half_milli)
{
    u128 x = (u128)points_milli, half = half_milli > 0 ? (u128)half_milli : 0;
    return (int64_t)(x * PPM / (x + half));
}

static int64_t part_of(int64_t minor, uint32_t ppm)
{
    return (int64_t)((u128)minor * (ppm < PPM ? ppm : PPM) / PPM);
}

static int compare_party(const void *a, const void *b)
{
    const struct claim *x = a, *y = b;
    return (x->party > y->party) - (x->party < y->party);
}

/* A content's points and quality, for its creator.                                              */
struct earned {
    int64_t points_milli;
    uint32_t party, quality_ppm;
};

static int compare_earned(const void *a, const void *b)
{
    const struct earned *x = a, *y = b;
    return (x->party > y->party) - (x->party < y->party);
}

struct facts {
    const uint32_t *creator_of, *quality_ppm;
    size_t contents;
    bool (*excluded)(void *context, uint32_t party);
    void *context;
};

static bool takes_part(const struct facts *f, uint32_t party)
{
    return !f->excluded || !f->excluded(f->context, party);
}

/* Claims of creators by party; quality is applied to a creator's sum, rounded down once.
 * claims has room for contents_n. false: no memory.                                             */
static bool creators_claims(const struct open_epoch *e, const struct facts *f, struct claim *claims,
                            size_t *n)
{
    struct earned *earned = malloc((e->contents_n + 1) * sizeof *earned);
    if (!earned)
        return false;
    size_t rows = 0;
    for (size_t i = 0; i < e->contents_n; i++) {
        uint32_t content = e->contents[i].key;
        if (content >= f->contents || f->creator_of[content] == UINT32_MAX ||
            !takes_part(f, f->creator_of[content]))
            continue;
        earned[rows++] = (struct earned){e->contents[i].points_milli, f->creator_of[content],
                                         f->quality_ppm[content]};
    }
    qsort(earned, rows, sizeof *earned, compare_earned);
    *n = 0;
    for (size_t i = 0; i < rows;) {
        uint32_t party = earned[i].party;
        u128 sum = 0;
        for (; i < rows && earned[i].party == party; i++)
            sum += (u128)earned[i].points_milli * earned[i].quality_ppm;
        sum /= PPM;
        if (sum > 0)
            claims[(*n)++] = (struct claim){party, sum < INT64_MAX ? (int64_t)sum : INT64_MAX};
    }
    free(earned);
    return true;
}

static size_t users_claims(const struct open_epoch *e, const struct facts *f, struct claim *claims)
{
    size_t n = 0;
    for (size_t i = 0; i < e->users_n; i++)
        if (e->users[i].points_milli > 0 && takes_part(f, e->users[i].key))
            claims[n++] = (struct claim){e->users[i].key, e->users[i].points_milli};
    qsort(claims, n, sizeof *claims, compare_party);
    return n;
}

/* Divides `part` among claims[n] and writes payouts > 0 to out[*paid..]. false: no memory.       */
static bool divide(const struct consumption_rules *r, int64_t epoch, bool creator, int64_t part,
                   const struct claim *claims, size_t n, struct payout *out, size_t *paid)
{
    uint64_t *weights = malloc((n + 1) * sizeof *weights), *keys = malloc((n + 1) * sizeof *keys);
    struct money *amounts = malloc((n + 1) * sizeof *amounts);
    bool ok = weights && keys && amounts;
    int64_t sum = 0;
    for (size_t i = 0; ok && i < n; i++) {
        keys[i] = claims[i].party;
        weights[i] = (uint64_t)curve(claims[i].points_milli, r->half_points_milli);
        sum += (int64_t)weights[i];
    }
    if (ok && sum > 0 && part > 0) {
        ok = money_split((struct money){part}, weights, keys, n, amounts);
        int64_t cap = part_of(part, r->cap_ppm);
        for (size_t i = 0; ok && i < n; i++) {
            int64_t amount = amounts[i].minor < cap ? amounts[i].minor : cap;
            if (amount > 0)
                out[(*paid)++] = (struct payout){
                    .epoch = epoch,
                    .points_milli = claims[i].points_milli,
                    .curve = (int64_t)weights[i],
                    .curve_sum = sum,
                    .part_minor = part,
                    .uncapped_minor = amounts[i].minor,
                    .amount_minor = amount,
                    .party = claims[i].party,
                    .creator = creator,
                };
        }
    }
    free(weights);
    free(keys);
    free(amounts);
    return ok;
}

static bool compute(const struct open_epoch *e, const struct consumption_rules *r,
                    const struct facts *f, struct payout *out, size_t *paid)
{
    size_t most = e->users_n > e->contents_n ? e->users_n : e->contents_n, n;
    struct claim *claims = malloc((most + 1) * sizeof *claims);
    if (!claims)
        return false;
    int64_t pool = r->pool_minor > 0 ? r->pool_minor : 0;
    int64_t creators = part_of(pool, r->creator_share_ppm);
    bool ok = creators_claims(e, f, claims, &n) &&
              divide(r, e->number, true, creators, claims, n, out, paid);
    if (ok) {
        n = users_claims(e, f, claims);
        ok = divide(r, e->number, false, pool - creators, claims, n, out, paid);
    }
    free(claims);
    return ok;
}

enum heed_status consumption_settle(struct consumption *c, const struct consumption_rules *r,
                                    int64_t number, const uint32_t *creator_of,
                                    const uint32_t *quality_ppm, size_t contents,
                                    bool (*excluded)(void *context, uint32_t party), void *context,
                                    struct settlement *s, size_t *first, size_t *n)
{
    heed_assert(c->open_n > 0 && c->open[0].number == number);
    struct open_epoch *e = &c->open[0];
    struct facts f = {creator_of, quality_ppm, contents, excluded, context};
    size_t paid = 0;
    if (!array_grow(&c->payouts, &c->payouts_cap, c->payouts_n + e->users_n + e->contents_n + 1,
                    sizeof *c->payouts) ||
        !array_grow(&c->settlements, &c->settlements_cap, c->settlements_n + 1,
                    sizeof *c->settlements) ||
        !compute(e, r, &f, c->payouts + c->payouts_n, &paid))
        return HEED_NOMEM;

    *s = (struct settlement){
        .epoch = number,
        .pool_minor = r->pool_minor > 0 ? r->pool_minor : 0,
        .payouts = paid,
        .events = e->events,
        .late = e->late,
    };
    for (size_t i = 0; i < paid; i++)
        s->paid_minor += c->payouts[c->payouts_n + i].amount_minor;
    heed_assert(s->paid_minor <= s->pool_minor);
    *first = c->payouts_n;
    *n = paid;
    c->payouts_n += paid;
    c->settlements[c->settlements_n++] = *s;
    c->settled_through = number;
    open_epoch_deinit(e);
    memmove(c->open, c->open + 1, --c->open_n * sizeof *c->open);
    return HEED_OK;
}
