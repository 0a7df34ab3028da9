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
 * either, the floor takes no more than its own share of each feed and is reported as not kept.
 *
 * Where other kinds have slots of a feed, "slot" is one of those left to these items, worth what
 * its rank in the whole feed is worth, and the exposure of the last slot is the least of all
 * users'.
 *
 * Under a welfare the algorithm's feeds are made in turn, each by the gradient at what those before
 * it gave, before any debt is paid (Usunier, Do, Dohmatob 2022: fair_gradient.h). They are made
 * twice: what the first time gave is what the second expects of the feeds to come; the better of
 * the two stands. Serving goes through its turns again, so that the first k - S slots are the same.
 *
 * What is blocked for a user makes his feed shorter where it leaves fewer than k items, and each
 * item's users fewer; an item that no user may see takes no part in the floor.                  */
#include "allocation/constrained.h"
#include "base/stats.h"

#include <math.h>
#include <stdlib.h>

__extension__ typedef unsigned __int128 u128;
enum { PPM = 1000000 };

struct epoch {
    struct allocator *a;
    const struct allocation_histories *h;
    size_t k;          /* slots of each feed at most */
    size_t limited;    /* of them for limited items  */
    size_t *size;      /* [users] of this feed */
    size_t rows;       /* of `natural`: one a user, or one for all */
    uint32_t *natural; /* [rows][k] feeds without a floor; NO_ITEM behind their end */
    uint32_t *feeds;   /* [users][k] feeds served, likewise */
    uint64_t *barred;  /* [n] users an item is blocked for */
    uint8_t *promised; /* [n] whether the floor is for it: eligible without limit, and some user
                          may see it */
    size_t promised_n;
    uint64_t slots;     /* of all feeds */
    uint64_t total;     /* exposure of all feeds */
    uint64_t floor;     /* of one item */
    uint64_t last;      /* exposure of the last slot */
    uint64_t *given;    /* [n] */
    uint64_t *expected; /* [n] from users not yet served, in slots that are not set aside */
    uint64_t *owed;     /* [n] */
    uint64_t *need;     /* [n] */
    uint64_t need_sum;
    struct welfare_turn *turns; /* [users]; NULL: no welfare */
    uint64_t *gave;             /* [n] what the algorithm's feeds gave in the turns before */
    uint64_t *rehearsed;        /* [n] what they gave in all turns of the first pass, 0 in it */
    uint32_t *other_natural;    /* of the other pass */
    struct welfare_turn *other_turns;
    uint32_t *price; /* [n] at that */
};

static uint64_t needed(const struct epoch *e, uint64_t owed)
{
    return owed / e->last + (owed % e->last != 0);
}

static const uint32_t *natural_feed(const struct epoch *e, size_t user)
{
    return e->natural + (e->rows == 1 ? 0 : user * e->k);
}

/* Slots that a user's feed is asked to have, and how many of them limited items may take.       */
static uint32_t asked(const struct epoch *e, size_t user)
{
    return e->h->places ? e->h->places->slots[user] : (uint32_t)e->k;
}

static uint32_t limited_of(const struct epoch *e, size_t user)
{
    return e->h->places ? limited_slots(&e->a->rules, asked(e, user)) : (uint32_t)e->limited;
}

static struct feed_request request(const struct epoch *e, size_t user)
{
    uint64_t from = e->h->offsets[user];
    return (struct feed_request){
        .history = e->h->items + from,
        .history_weights = e->h->weights ? e->h->weights + from : NULL,
        .history_n = e->h->offsets[user + 1] - from,
        .blocked = e->h->blocked_offsets ? e->h->blocked + e->h->blocked_offsets[user] : NULL,
        .blocked_n = e->h->blocked_offsets
                         ? e->h->blocked_offsets[user + 1] - e->h->blocked_offsets[user]
                         : 0,
        .algorithm = e->a->rules.algorithm,
        .k = asked(e, user),
        .limited = limited_of(e, user),
        .turn = e->turns ? &e->turns[user] : NULL,
    };
}

static void turn_begin(struct epoch *e)
{
    const struct feeds_given g = {e->gave, e->rehearsed, e->total / e->h->n, e->h->n};
    if (e->turns)
        allocator_prices(e->a, &g, e->price);
}

static void turn_end(struct epoch *e, size_t user)
{
    for (size_t i = 0; e->turns && i < e->size[user]; i++)
        e->gave[natural_feed(e, user)[i]] += slot_exposure(e->h, user, i);
}

static void turns_restart(struct epoch *e)
{
    if (e->turns)
        memset(e->gave, 0, e->a->n * sizeof *e->gave);
}

static void put_feed(const struct epoch *e, uint32_t *row, const uint32_t *items, size_t n)
{
    memcpy(row, items, n * sizeof *items);
    for (; n < e->k; n++)
        row[n] = NO_ITEM;
}

/* Slots of a user's feed that are not set aside.                                                 */
static size_t kept_of(const struct epoch *e, size_t user, size_t aside)
{
    return e->size[user] > aside ? e->size[user] - aside : 0;
}

static void make_natural(struct epoch *e)
{
    uint32_t items[FEED_MAX];
    turns_restart(e);
    for (size_t row = 0; row < e->rows; row++) {
        struct feed_request q = request(e, row);
        turn_begin(e);
        size_t n = feed_items(e->a, &q, UINT64_MAX, items);
        heed_assert(n == e->size[row]);
        put_feed(e, e->natural + row * e->k, items, n);
        turn_end(e, row);
    }
}

static void exchange_pass(struct epoch *e)
{
    uint32_t *natural = e->natural;
    struct welfare_turn *turns = e->turns;
    e->natural = e->other_natural;
    e->turns = e->other_turns;
    e->other_natural = natural;
    e->other_turns = turns;
}

/* Two passes under the welfare; e has the better one's feeds and turns. */
static void make_twice(struct epoch *e)
{
    size_t users = e->h->n;
    make_natural(e);
    double first = allocator_welfare(e->a, e->turns, users, e->gave);
    memcpy(e->rehearsed, e->gave, e->a->n * sizeof *e->rehearsed);
    exchange_pass(e);
    make_natural(e);
    if (allocator_welfare(e->a, e->turns, users, e->gave) > first)
        return;
    exchange_pass(e);
    memset(e->rehearsed, 0, e->a->n * sizeof *e->rehearsed);
}

static void update_owed(struct epoch *e, uint32_t item)
{
    uint64_t has = e->given[item] + e->expected[item];
    e->owed[item] = has < e->floor && e->promised[item] ? e->floor - has : 0;
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
        for (size_t i = 0; i < kept_of(e, u, aside); i++)
            e->expected[natural_feed(e, u)[i]] += slot_exposure(e->h, u, i);
    for (uint32_t i = 0; i < n; i++)
        update_owed(e, i);
}

/* Whether the debts can be paid with `aside` slots set aside; shown[n]: in how many feeds an item
 * is in the others.                                                                             */
static bool affordable(const struct epoch *e, size_t aside, const uint64_t *shown)
{
    uint64_t sum = 0, room = 0, users = e->h->n;
    for (size_t i = 0; i < e->a->n; i++) {
        if (!e->promised[i] || e->expected[i] >= e->floor)
            continue;
        uint64_t need = needed(e, e->floor - e->expected[i]);
        if (need > users - e->barred[i] - shown[i])
            return false;
        sum += need;
    }
    for (size_t u = 0; u < users; u++)
        room += e->size[u] < aside ? e->size[u] : aside;
    return sum <= room;
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
            if (e->size[u] < aside)
                continue;
            size_t slot = e->size[u] - aside;
            uint32_t item = natural_feed(e, u)[slot];
            e->expected[item] += slot_exposure(e->h, u, slot);
            shown[item]++;
        }
    }
}

static uint32_t least_share_ppm(const struct epoch *e)
{
    uint64_t least = e->promised_n ? UINT64_MAX : 0;
    for (size_t i = 0; i < e->a->n; i++)
        if (e->promised[i] && e->given[i] < least)
            least = e->given[i];
    return (uint32_t)((u128)least * e->promised_n * PPM / e->total);
}

/* Serves all users; at most `aside` slots of a feed pay debts, or when `debts_first` any, the
 * greatest debt at the top.                                                                     */
static bool serve(struct epoch *e, size_t aside, bool debts_first)
{
    uint32_t items[FEED_MAX];
    size_t users = e->h->n;
    restart(e, aside);
    turns_restart(e);
    if (e->a->constrained)
        memset(e->a->constrained->forbade, 0, sizeof e->a->constrained->forbade);
    for (size_t u = 0; u < users; u++) {
        const uint32_t *natural = natural_feed(e, u), *shown = natural;
        size_t size = e->size[u], kept_free = kept_of(e, u, aside);
        uint64_t left = users - u;
        if (e->need_sum > 0) {
            struct feed_request q = request(e, u);
            uint64_t share = (e->need_sum + left - 1) / left;
            turn_begin(e);
            q.owed = e->owed;
            q.owed_slots = (uint32_t)(debts_first || share > aside ? aside : share);
            size_t n = feed_items(e->a, &q, debts_first ? 1 : (left - 1) * e->last + 1, items);
            heed_assert(n == size);
            shown = items;
        }
        put_feed(e, e->feeds + u * e->k, shown, size);
        for (size_t i = 0; i < kept_free; i++)
            e->expected[natural[i]] -= slot_exposure(e->h, u, i);
        for (size_t i = 0; i < size; i++) {
            e->given[shown[i]] += slot_exposure(e->h, u, i);
            update_owed(e, shown[i]);
        }
        for (size_t i = 0; i < kept_free; i++)
            update_owed(e, natural[i]);
        turn_end(e, u);
    }
    return least_share_ppm(e) >= e->a->rules.floor_ppm;
}

/* Exposure of the slot before the last `behind` ones, of one full feed or, where they differ, of
 * all of them.                                                                                  */
static uint64_t worth_from_end(const struct epoch *e, size_t behind)
{
    uint64_t sum = 0;
    if (!e->h->places)
        return exposure_of_rank((uint32_t)(e->k - behind));
    for (size_t u = 0; u < e->h->n; u++)
        if (behind < e->size[u])
            sum += slot_exposure(e->h, u, e->size[u] - 1 - behind);
    return sum;
}

/* How many of the last slots make up the floor's share of a feed's exposure.                    */
static size_t slots_of_share(const struct epoch *e, uint64_t feed)
{
    size_t slots = 0;
    feed = e->h->places ? e->total : feed;
    for (u128 sum = 0; slots < e->k && sum * PPM < (u128)feed * e->a->rules.floor_ppm; slots++)
        sum += worth_from_end(e, slots);
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
    if (e->slots >= e->promised_n &&
        (serve(e, e->k, true) ||
         floor_repair(e->a, e->feeds, e->h, e->k, e->promised, e->a->n, e->floor, e->given)))
        return true;
    return serve(e, slots_of_share(e, feed), false);
}

/* Of a user, or of several who see the same.                                                    */
static void add_feed(const struct epoch *e, size_t user, uint64_t times, uint64_t *out)
{
    struct feed_request q = request(e, user);
    uint32_t items[FEED_MAX];
    q.algorithm = ALGORITHM_EXPOSURE;
    q.free = true;
    q.turn = NULL;
    size_t n = feed_items(e->a, &q, UINT64_MAX, items);
    for (size_t i = 0; i < n; i++)
        out[items[i]] += times * slot_exposure(e->h, user, i);
}

/* Whoever has nothing blocked sees the same; the others their own.                              */
static void popularity_alone(const struct epoch *e, uint64_t *out)
{
    uint64_t alike = 0;
    size_t last = 0;
    for (size_t u = 0; u < e->h->n; u++) {
        if (e->h->places || request(e, u).blocked_n) {
            add_feed(e, u, 1, out);
        } else {
            alike++;
            last = u;
        }
    }
    if (alike)
        add_feed(e, last, alike, out);
}

/* Sizes of feeds, who may see what, and what follows: slots, total, floor.                      */
static void measure(struct epoch *e)
{
    e->last = exposure_of_rank(e->h->places ? 1 : (uint32_t)e->k);
    memset(e->barred, 0, e->a->n * sizeof *e->barred);
    for (size_t u = 0; u < e->h->n; u++) {
        const struct feed_request q = request(e, u);
        size_t limited = e->a->limited_n, left = e->a->eligible_n - limited, most = q.limited;
        for (size_t i = 0; i < q.blocked_n; i++) {
            heed_assert(q.blocked[i] < e->a->n);
            left -= e->a->eligible[q.blocked[i]] == ELIGIBLE;
            limited -= e->a->eligible[q.blocked[i]] == ELIGIBLE_LIMITED;
            e->barred[q.blocked[i]]++;
        }
        left += limited < most ? limited : most;
        e->size[u] = q.k < left ? q.k : left;
        e->slots += e->size[u];
        for (size_t i = 0; i < e->size[u]; i++)
            e->total += slot_exposure(e->h, u, i);
        if (e->h->places && e->size[u] > 0) {
            uint64_t least = slot_exposure(e->h, u, e->size[u] - 1);
            e->last = least < e->last ? least : e->last;
        }
    }
    for (size_t i = 0; i < e->a->n; i++) {
        e->promised[i] = e->a->eligible[i] == ELIGIBLE && e->barred[i] < e->h->n;
        e->promised_n += e->promised[i];
    }
    u128 part = (u128)PPM * e->promised_n;
    if (e->promised_n > 0)
        e->floor = (uint64_t)(((u128)e->total * e->a->rules.floor_ppm + part - 1) / part);
}

/* What the feeds break, and what kept debts from being paid.                                    */
static void count_broken(const struct epoch *e, struct epoch_exposure *out)
{
    struct constrained *c = e->a->constrained;
    if (!c)
        return;
    memcpy(out->forbade, c->forbade, sizeof out->forbade);
    for (size_t u = 0; u < e->h->n; u++) {
        struct relaxed rows[RULES];
        size_t n;
        bool broken[FAMILIES] = {false};
        if (asked(e, u) == 0)
            continue;
        (void)constrained_broken(e->a, e->feeds + u * e->k, e->size[u], asked(e, u), NULL, rows,
                                 &n);
        for (size_t i = 0; i < n; i++)
            broken[rule_family(rows[i].rule)] = true;
        for (int f = 0; f < FAMILIES; f++)
            out->relaxed[f] += broken[f];
    }
}

/* ── what the welfare and all else cost ── */

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static uint32_t to_ppm(double x)
{
    return (uint32_t)lround(x * PPM);
}

/* room for as many doubles as there are items.                                                  */
static uint32_t gini_of(const struct epoch *e, const uint64_t *given, double *room)
{
    size_t n = 0;
    for (size_t i = 0; i < e->a->n; i++)
        if (e->promised[i])
            room[n++] = (double)given[i];
    qsort(room, n, sizeof *room, compare_doubles);
    return to_ppm(gini_sorted(room, n));
}

/* The utility of a user's feed, below 0 when he has none; by score alone he would have had what is
 * added to alone[n].                                                                            */
static double judge_user(const struct epoch *e, size_t user, uint64_t *alone)
{
    struct feed_request q = request(e, user);
    double best = 0, has = 0;
    q.turn = NULL;
    feed_open(e->a, &q, true);
    feed_best(e->a, &q);
    for (size_t i = 0; i < e->a->best_n; i++) {
        uint64_t exposure = slot_exposure(e->h, user, i);
        alone[e->a->best[i].item] += exposure;
        best += (double)exposure * allocator_worth(e->a, q.algorithm, e->a->best[i].item);
    }
    for (size_t i = 0; i < e->size[user]; i++)
        has += (double)slot_exposure(e->h, user, i) *
               allocator_worth(e->a, q.algorithm, e->feeds[user * e->k + i]);
    feed_close(e->a, &q, NULL, 0);
    return best > 0 ? has / best : -1;
}

static enum heed_status judge(const struct epoch *e, struct epoch_exposure *out)
{
    size_t users = e->h->n, n = 0, most = users > e->a->n ? users : e->a->n;
    double *room = malloc((most + 1) * sizeof *room), sum = 0, worst_sum = 0;
    uint64_t *alone = calloc(e->a->n + 1, sizeof *alone);
    if (!room || !alone) {
        free(room);
        free(alone);
        return HEED_NOMEM;
    }
    for (size_t u = 0; u < users; u++) {
        double utility = judge_user(e, u, alone);
        if (out->utility_ppm)
            out->utility_ppm[u] = utility < 0 ? 0 : to_ppm(utility);
        if (utility >= 0)
            room[n++] = utility;
    }
    qsort(room, n, sizeof *room, compare_doubles);
    size_t worst = n < 10 ? 1 : n / 10;
    for (size_t i = 0; i < n; i++) {
        sum += room[i];
        worst_sum += i < worst ? room[i] : 0;
    }
    if (n > 0) {
        out->cost.mean_ppm = to_ppm(sum / (double)n);
        out->cost.worst_ppm = to_ppm(worst_sum / (double)worst);
    }
    out->cost.gini_ppm = gini_of(e, e->given, room);
    out->cost.gini_alone_ppm = gini_of(e, alone, room);
    free(room);
    free(alone);
    return HEED_OK;
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
    memset(out->relaxed, 0, sizeof out->relaxed);
    memset(out->forbade, 0, sizeof out->forbade);
    out->cost = (struct welfare_cost){0};
    struct epoch e = {.a = a, .h = h, .k = a->rules.k, .given = out->given};
    e.k = e.k < FEED_MAX ? e.k : FEED_MAX;
    e.limited = limited_slots(&a->rules, (uint32_t)e.k);
    e.k = e.k < a->eligible_n ? e.k : a->eligible_n;
    if (e.k == 0 || h->n == 0)
        return HEED_OK;

    uint64_t feed = 0;
    for (uint32_t rank = 1; rank <= e.k; rank++)
        feed += exposure_of_rank(rank);
    bool welfare = a->rules.fair.lambda_ppm > 0;
    bool alike = !welfare && a->weight_ppm[a->rules.algorithm][REASON_RELEVANCE] == 0 &&
                 !h->blocked_offsets && !h->places;
    e.rows = alike ? 1 : h->n;
    e.size = malloc(h->n * sizeof *e.size);
    e.natural = malloc(e.rows * e.k * sizeof *e.natural);
    e.feeds = malloc(h->n * e.k * sizeof *e.feeds);
    e.barred = malloc(a->n * sizeof *e.barred);
    e.promised = malloc(a->n * sizeof *e.promised);
    e.expected = malloc(a->n * sizeof *e.expected);
    e.owed = malloc(a->n * sizeof *e.owed);
    e.need = malloc(a->n * sizeof *e.need);
    if (welfare) {
        e.turns = calloc(h->n, sizeof *e.turns);
        e.gave = malloc(a->n * sizeof *e.gave);
        e.rehearsed = calloc(a->n, sizeof *e.rehearsed);
        e.price = malloc(a->n * sizeof *e.price);
        e.other_natural = malloc(h->n * e.k * sizeof *e.other_natural);
        e.other_turns = calloc(h->n, sizeof *e.other_turns);
        for (size_t u = 0; e.turns && e.other_turns && u < h->n; u++)
            e.turns[u].price = e.other_turns[u].price = e.price;
    }
    bool whole = !welfare ||
                 (e.turns && e.gave && e.rehearsed && e.price && e.other_natural && e.other_turns);
    enum heed_status status = HEED_NOMEM;
    if (e.size && e.natural && e.feeds && e.barred && e.promised && e.expected && e.owed &&
        e.need && whole && allocator_sort(a, a->rules.algorithm, a->n) == HEED_OK &&
        allocator_sort(a, ALGORITHM_EXPOSURE, a->n) == HEED_OK) {
        status = HEED_OK;
        measure(&e);
        if (e.total > 0) {
            if (welfare)
                make_twice(&e);
            else
                make_natural(&e);
            popularity_alone(&e, out->popularity);
            out->kept = serve_with_floor(&e, feed) || e.promised_n == 0;
            out->min_share_ppm = least_share_ppm(&e);
            out->slots = e.slots;
            count_broken(&e, out);
            if (welfare)
                status = judge(&e, out);
        }
    }
    free(e.size);
    free(e.natural);
    free(e.feeds);
    free(e.barred);
    free(e.promised);
    free(e.expected);
    free(e.owed);
    free(e.need);
    free(e.turns);
    free(e.gave);
    free(e.rehearsed);
    free(e.other_natural);
    free(e.other_turns);
    free(e.price);
    return status;
}
