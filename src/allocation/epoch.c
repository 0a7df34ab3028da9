/* An epoch's feeds as totals of exposure, with the floor kept.
 *
 * The feeds that the algorithm alone would give are made first, so it is known what each item will
 * get anyhow. With S slots of each feed set aside, an item's debt is
 *
 *     owed = floor - given - what the users left will give it in the first k - S slots
 *     need = owed / exposure of the last slot, rounded up       slots that surely pay it
 *
 * and the smallest S is taken for which sum need <= S x users and no item needs more users than
 * there are. Users are then served in turn; of the U left, each pays with sum need / U slots, so
 * the debt is spread evenly. An item that needs a slot of every user left is urgent and goes first;
 * else each slot goes to the owed item most relevant to the user. That is McNaughton's schedule
 * (Management Science 6 (1959) 1): the last user clears the debt, except that an owed item may lie
 * in the first k - S slots of just those users who should pay it. Then all k slots pay, debts
 * before relevance, and single slots are moved until all have the floor; where that is not enough
 * either, the floor takes no more than its own share of each feed and is reported as not kept.  */
#include "allocation/allocation_parts.h"

#include <stdlib.h>

__extension__ typedef unsigned __int128 u128;
enum { PPM = 1000000 };

struct epoch {
    struct allocator *a;
    const struct allocation_histories *h;
    size_t k;           /* slots of each feed */
    size_t rows;        /* of `natural`: one a user, or one for all */
    uint32_t *natural;  /* [rows][k] feeds without a floor */
    uint32_t *feeds;    /* [users][k] feeds served */
    uint64_t total;     /* exposure of all feeds */
    uint64_t floor;     /* of one item */
    uint64_t last;      /* exposure of the last slot */
    uint64_t *given;    /* [n] */
    uint64_t *expected; /* [n] from users not yet served, in slots that are not set aside */
    uint64_t *owed;     /* [n] */
    uint64_t *need;     /* [n] */
    uint64_t need_sum;
};

static uint64_t needed(const struct epoch *e, uint64_t owed)
{
    return owed / e->last + (owed % e->last != 0);
}

static const uint32_t *natural_feed(const struct epoch *e, size_t user)
{
    return e->natural + (e->rows == 1 ? 0 : user * e->k);
}

static struct feed_request request(const struct epoch *e, size_t user)
{
    uint64_t from = e->h->offsets[user];
    return (struct feed_request){
        .history = e->h->items + from,
        .history_weights = e->h->weights ? e->h->weights + from : NULL,
        .history_n = e->h->offsets[user + 1] - from,
        .algorithm = e->a->rules.algorithm,
        .k = (uint32_t)e->k,
    };
}

static void make_natural(struct epoch *e)
{
    uint32_t items[FEED_MAX];
    for (size_t row = 0; row < e->rows; row++) {
        struct feed_request q = request(e, row);
        size_t n = feed_items(e->a, &q, UINT64_MAX, items);
        heed_assert(n == e->k);
        memcpy(e->natural + row * e->k, items, n * sizeof *items);
    }
}

static void update_owed(struct epoch *e, uint32_t item)
{
    uint64_t has = e->given[item] + e->expected[item];
    e->owed[item] = has < e->floor && e->a->eligible[item] ? e->floor - has : 0;
    uint64_t need = needed(e, e->owed[item]);
    e->need_sum += need - e->need[item];
    e->need[item] = need;
}

/* The state before the first user with `aside` slots set aside.                                 */
static void restart(struct epoch *e, size_t aside)
{
    size_t n = e->a->n, users = e->h->n;
    memset(e->given, 0, n * sizeof *e->given);
    memset(e->expected, 0, n * sizeof *e->expected);
    memset(e->need, 0, n * sizeof *e->need);
    e->need_sum = 0;
    for (size_t u = 0; u < users; u++)
        for (size_t i = 0; i < e->k - aside; i++)
            e->expected[natural_feed(e, u)[i]] += exposure_of_rank((uint32_t)i + 1);
    for (uint32_t i = 0; i < n; i++)
        update_owed(e, i);
}

/* Whether the debts can be paid with `aside` slots set aside; shown[n]: in how many feeds an item
 * is in the others.                                                                             */
static bool affordable(const struct epoch *e, size_t aside, const uint64_t *shown)
{
    uint64_t sum = 0, users = e->h->n;
    for (size_t i = 0; i < e->a->n; i++) {
        if (!e->a->eligible[i] || e->expected[i] >= e->floor)
            continue;
        uint64_t need = needed(e, e->floor - e->expected[i]);
        if (need > users - shown[i])
            return false;
        sum += need;
    }
    return sum <= aside * users;
}

/* The fewest slots to set aside, k + 1 when no number will do. Uses e->expected, and e->need as
 * room for counts.                                                                              */
static size_t slots_to_set_aside(struct epoch *e)
{
    size_t fewest = e->k + 1, n = e->a->n;
    uint64_t *shown = e->need;
    memset(e->expected, 0, n * sizeof *e->expected);
    memset(shown, 0, n * sizeof *shown);
    for (size_t aside = e->k;; aside--) {
        if (affordable(e, aside, shown))
            fewest = aside;
        if (aside == 0)
            return fewest;
        for (size_t u = 0; u < e->h->n; u++) {
            uint32_t item = natural_feed(e, u)[e->k - aside];
            e->expected[item] += exposure_of_rank((uint32_t)(e->k - aside) + 1);
            shown[item]++;
        }
    }
}

static uint32_t least_share_ppm(const struct epoch *e)
{
    uint64_t least = UINT64_MAX;
    for (size_t i = 0; i < e->a->n; i++)
        if (e->a->eligible[i] && e->given[i] < least)
            least = e->given[i];
    return (uint32_t)((u128)least * e->a->eligible_n * PPM / e->total);
}

/* Serves all users; at most `aside` slots of a feed pay debts, or when `debts_first` any, the
 * greatest debt at the top.                                                                     */
static bool serve(struct epoch *e, size_t aside, bool debts_first)
{
    uint32_t items[FEED_MAX];
    size_t users = e->h->n, kept_free = e->k - aside;
    restart(e, aside);
    for (size_t u = 0; u < users; u++) {
        const uint32_t *natural = natural_feed(e, u), *shown = natural;
        uint64_t left = users - u;
        if (e->need_sum > 0) {
            struct feed_request q = request(e, u);
            uint64_t share = (e->need_sum + left - 1) / left;
            q.owed = e->owed;
            q.owed_slots = (uint32_t)(debts_first || share > aside ? aside : share);
            size_t n = feed_items(e->a, &q, debts_first ? 1 : (left - 1) * e->last + 1, items);
            heed_assert(n == e->k);
            shown = items;
        }
        memcpy(e->feeds + u * e->k, shown, e->k * sizeof *shown);
        for (size_t i = 0; i < kept_free; i++)
            e->expected[natural[i]] -= exposure_of_rank((uint32_t)i + 1);
        for (size_t i = 0; i < e->k; i++) {
            e->given[shown[i]] += exposure_of_rank((uint32_t)i + 1);
            update_owed(e, shown[i]);
        }
        for (size_t i = 0; i < kept_free; i++)
            update_owed(e, natural[i]);
    }
    return least_share_ppm(e) >= e->a->rules.floor_ppm;
}

/* How many of the last slots make up the floor's share of a feed's exposure.                    */
static size_t slots_of_share(const struct epoch *e, uint64_t feed)
{
    size_t slots = 0;
    for (u128 sum = 0; slots < e->k && sum * PPM < (u128)feed * e->a->rules.floor_ppm; slots++)
        sum += exposure_of_rank((uint32_t)(e->k - slots));
    return slots;
}

static bool serve_with_floor(struct epoch *e, uint64_t feed)
{
    size_t aside = slots_to_set_aside(e);
    if (aside <= e->k) {
        if (serve(e, aside, false))
            return true;
        if (aside < e->k && aside > 0 && serve(e, e->k, false))
            return true;
    }
    if (e->k * (u128)e->h->n >= e->a->eligible_n &&
        (serve(e, e->k, true) ||
         floor_repair(e->feeds, e->h->n, e->k, e->a->eligible, e->a->n, e->floor, e->given)))
        return true;
    return serve(e, slots_of_share(e, feed), false);
}

static void popularity_alone(const struct epoch *e, uint64_t *out)
{
    for (size_t i = 0; i < e->k; i++)
        out[e->a->order[ALGORITHM_EXPOSURE][i]] = e->h->n * exposure_of_rank((uint32_t)i + 1);
}

enum heed_status allocator_epoch(struct allocator *a, const struct allocation_histories *h,
                                 struct epoch_exposure *out)
{
    memset(out->given, 0, a->n * sizeof *out->given);
    memset(out->popularity, 0, a->n * sizeof *out->popularity);
    out->feeds = h->n;
    out->slots = 0;
    out->kept = true;
    out->min_share_ppm = 0;
    struct epoch e = {.a = a, .h = h, .k = a->rules.k, .given = out->given};
    e.k = e.k < FEED_MAX ? e.k : FEED_MAX;
    e.k = e.k < a->eligible_n ? e.k : a->eligible_n;
    if (e.k == 0 || h->n == 0)
        return HEED_OK;

    uint64_t feed = 0;
    for (uint32_t rank = 1; rank <= e.k; rank++)
        feed += exposure_of_rank(rank);
    e.last = exposure_of_rank((uint32_t)e.k);
    e.total = feed * h->n;
    u128 part = (u128)PPM * a->eligible_n;
    e.floor = (uint64_t)(((u128)e.total * a->rules.floor_ppm + part - 1) / part);
    e.rows = a->weight_ppm[a->rules.algorithm][REASON_RELEVANCE] == 0 ? 1 : h->n;
    e.natural = malloc(e.rows * e.k * sizeof *e.natural);
    e.feeds = malloc(h->n * e.k * sizeof *e.feeds);
    e.expected = malloc(a->n * sizeof *e.expected);
    e.owed = malloc(a->n * sizeof *e.owed);
    e.need = malloc(a->n * sizeof *e.need);
    enum heed_status status = HEED_NOMEM;
    if (e.natural && e.feeds && e.expected && e.owed && e.need &&
        allocator_sort(a, a->rules.algorithm) == HEED_OK &&
        allocator_sort(a, ALGORITHM_EXPOSURE) == HEED_OK) {
        make_natural(&e);
        popularity_alone(&e, out->popularity);
        out->kept = serve_with_floor(&e, feed);
        out->min_share_ppm = least_share_ppm(&e);
        out->slots = e.k * h->n;
        status = HEED_OK;
    }
    free(e.natural);
    free(e.feeds);
    free(e.expected);
    free(e.owed);
    free(e.need);
    return status;
}
