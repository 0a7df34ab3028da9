/* One feed: static scores, relevance over neighbours, the best k, and what is owed. */
#include "allocation/constrained.h"
#include "allocation/stored.h"

#include <math.h>
#include <stdlib.h>

enum { PPM = 1000000 };

static double unit(double x)
{
    return x > 0 ? x < 1 ? x : 1 : 0;
}

/* What is scored without relevance: the values of one reason, the blend of mixed, or NULL.      */
static const double *fixed_of(const struct allocator *a, enum algorithm algorithm)
{
    static const int row[ALGORITHMS] = {0, 1, 2, -1, 3};
    return row[algorithm] < 0 ? NULL : a->values + (size_t)row[algorithm] * a->n;
}

/* Relevance knows nothing of most items: among those it rates alike, quality decides.           */
static const double *tie_of(const struct allocator *a, enum algorithm algorithm)
{
    return algorithm == ALGORITHM_RELEVANCE ? a->values + REASON_QUALITY * a->n : NULL;
}

static void set_weights(struct allocator *a)
{
    for (int w = 0; w < 4; w++)
        a->weight_ppm[w][w] = PPM;
    int64_t sum = 0;
    for (int w = 0; w < 4; w++)
        sum += llabs((long long)a->rules.mix_milli[w]);
    for (int w = 0; w < 4 && sum > 0; w++)
        a->weight_ppm[ALGORITHM_MIXED][w] = (int32_t)(((int64_t)a->rules.mix_milli[w] * PPM * 2 +
                                                       (a->rules.mix_milli[w] < 0 ? -sum : sum)) /
                                                      (2 * sum));
}

static double blend_of(const int32_t *weight_ppm, double exposure, double engagement,
                       double quality)
{
    return ((double)weight_ppm[REASON_EXPOSURE] / PPM * exposure +
            (double)weight_ppm[REASON_ENGAGEMENT] / PPM * engagement) +
           (double)weight_ppm[REASON_QUALITY] / PPM * quality;
}

static void set_values(struct allocator *a, const struct allocation_items *items)
{
    size_t n = a->n;
    double most = 0, liveliest = 0;
    for (size_t i = 0; i < n; i++)
        if (items->eligible[i]) {
            a->eligible_n++;
            a->limited_n += items->eligible[i] == ELIGIBLE_LIMITED;
            most = items->popularity[i] > most ? items->popularity[i] : most;
            liveliest = items->engagement[i] > liveliest ? items->engagement[i] : liveliest;
        }
    double *exposure = a->values, *engagement = exposure + n, *quality = engagement + n;
    double *blend = quality + n, scale = log1p(most);
    const int32_t *w = a->weight_ppm[ALGORITHM_MIXED];
    for (size_t i = 0; i < n; i++) {
        a->eligible[i] = items->eligible[i];
        double seen = items->popularity[i];
        exposure[i] = scale > 0 && seen > 0 ? unit(log1p(seen) / scale) : 0;
        engagement[i] = liveliest > 0 ? unit(items->engagement[i] / liveliest) : 0;
        quality[i] = unit(items->quality[i]);
        blend[i] = blend_of(w, exposure[i], engagement[i], quality[i]);
    }
}

enum heed_status allocator_new(const struct allocation_items *items,
                               const struct relevance *relevance, const struct allocation_rules *r,
                               struct allocator **out)
{
    *out = NULL;
    struct allocator *a = calloc(1, sizeof *a);
    if (!a)
        return HEED_NOMEM;
    size_t n = items->n;
    heed_assert(!relevance || relevance->items <= n);
    a->n = n;
    a->rules = *r;
    a->relevance = relevance;
    a->history_max = r->max_history < n ? r->max_history : n;
    a->eligible = malloc(n + 1);
    a->marks = calloc(n + 1, 1);
    a->values = malloc((4 * n + 1) * sizeof *a->values);
    a->relevant = calloc(n + 1, sizeof *a->relevant);
    a->touched = malloc((n + 1) * sizeof *a->touched);
    a->history = malloc((a->history_max + 1) * sizeof *a->history);
    if (!a->eligible || !a->marks || !a->values || !a->relevant || !a->touched || !a->history) {
        allocator_free(a);
        return HEED_NOMEM;
    }
    set_weights(a);
    set_values(a, items);
    *out = a;
    return HEED_OK;
}

void allocator_free(struct allocator *a)
{
    if (!a)
        return;
    for (int i = 0; i < ALGORITHMS; i++)
        free(a->order[i]);
    constrained_free(a->constrained);
    free(a->eligible);
    free(a->marks);
    free(a->values);
    free(a->relevant);
    free(a->touched);
    free(a->history);
    free(a->model_score);
    free(a->model_room);
    free(a->model_history);
    free(a);
}

enum heed_status allocator_use(struct allocator *a, const struct stored_model *model,
                               uint32_t number)
{
    heed_assert(!a->model && model->items <= a->n && number > 0);
    a->model_score = malloc((model->items + 1) * sizeof *a->model_score);
    a->model_room = malloc((stored_room(model) + 1) * sizeof *a->model_room);
    a->model_history = malloc((a->history_max + 1) * sizeof *a->model_history);
    if (!a->model_score || !a->model_room || !a->model_history)
        return HEED_NOMEM;
    a->model = model;
    a->model_number = number;
    return HEED_OK;
}

/* ── order ── */

static double with_relevance(const struct allocator *a, enum algorithm algorithm, double fixed,
                             double relevant)
{
    return fixed + (double)a->weight_ppm[algorithm][REASON_RELEVANCE] / PPM * relevant;
}

static double worth_of(const struct allocator *a, enum algorithm algorithm, uint32_t item,
                       double relevant)
{
    const double *fixed = fixed_of(a, algorithm);
    return with_relevance(a, algorithm, fixed ? fixed[item] : 0, relevant);
}

static double in_turn(const struct allocator *a, uint32_t item, double score)
{
    return a->turn ? (double)a->turn->own_ppm / PPM * score +
                         (double)a->turn->items_ppm / PPM * ((double)a->turn->price[item] / PPM)
                   : score;
}

/* An item as the algorithm sees it: relevant 0 for one that is not known to be.                 */
static struct candidate candidate_of(const struct allocator *a, enum algorithm algorithm,
                                     uint32_t item, double relevant)
{
    const double *tie = tie_of(a, algorithm);
    double score = in_turn(a, item, worth_of(a, algorithm, item, relevant));
    return (struct candidate){score, tie ? tie[item] : 0, item};
}

enum heed_status allocator_sort(struct allocator *a, enum algorithm algorithm, size_t keep)
{
    if (a->order[algorithm])
        return HEED_OK;
    struct candidate *c = malloc((a->eligible_n + 1) * sizeof *c);
    keep = keep < a->eligible_n ? keep : a->eligible_n;
    uint32_t *order = malloc((keep + 1) * sizeof *order);
    if (!c || !order) {
        free(c);
        free(order);
        return HEED_NOMEM;
    }
    size_t n = 0;
    for (uint32_t i = 0; i < a->n; i++)
        if (a->eligible[i])
            c[n++] = candidate_of(a, algorithm, i, 0);
    best_first(c, n, keep);
    for (size_t i = 0; i < keep; i++)
        order[i] = c[i].item;
    free(c);
    a->order[algorithm] = order;
    a->order_n[algorithm] = keep;
    return HEED_OK;
}

/* Keeps the best k in order; false when c is not among them.                                    */
static bool offer_to(struct candidate *best, size_t *n, const struct candidate *c, size_t k)
{
    if (*n == k && (k == 0 || !candidate_better(c, &best[k - 1])))
        return false;
    size_t at = *n < k ? (*n)++ : k - 1;
    for (; at > 0 && candidate_better(c, &best[at - 1]); at--)
        best[at] = best[at - 1];
    best[at] = *c;
    return true;
}

/* The best k of all, and of the limited ones, which are set apart until all are known, the best
 * that may be shown.                                                                            */
static bool offer(struct allocator *a, const struct candidate *c, size_t k, size_t limited)
{
    if (a->eligible[c->item] != ELIGIBLE_LIMITED)
        return offer_to(a->best, &a->best_n, c, k);
    (void)offer_to(a->limited_best, &a->limited_best_n, c, limited);
    return true;
}

/* ── relevance to one user ── */

static void touch(struct allocator *a, uint32_t item)
{
    if (a->marks[item] & MARK_TOUCHED)
        return;
    a->marks[item] |= MARK_TOUCHED;
    a->relevant[item] = 0;
    a->touched[a->touched_n++] = item;
}

static void touch_neighbours(struct allocator *a, const struct feed_request *q)
{
    const struct relevance *m = a->relevance;
    size_t n = strongest_items(q->history, q->history_weights, q->history_n, m->items,
                               a->history_max, a->history);
    for (size_t h = 0; h < n; h++)
        for (uint64_t i = m->offsets[a->history[h].item]; i < m->offsets[a->history[h].item + 1];
             i++) {
            uint32_t item = m->list[i].item;
            touch(a, item);
            a->relevant[item] += (double)a->history[h].weight * (double)m->list[i].cosine;
        }
    double most = 0;
    for (size_t i = 0; i < a->touched_n; i++)
        if (a->eligible[a->touched[i]] && a->relevant[a->touched[i]] > most)
            most = a->relevant[a->touched[i]];
    for (size_t i = 0; i < a->touched_n; i++)
        a->relevant[a->touched[i]] = most > 0 ? unit(a->relevant[a->touched[i]] / most) : 0;
}

static int compare_items(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* The model's word on all it knows, over what neighbours said of it. */
static void touch_model(struct allocator *a, const struct feed_request *q)
{
    const struct stored_model *m = a->model;
    size_t n = strongest_items(q->history, q->history_weights, q->history_n, m->items,
                               a->history_max, a->history);
    for (size_t i = 0; i < n; i++)
        a->model_history[i] = a->history[i].item;
    qsort(a->model_history, n, sizeof *a->model_history, compare_items);
    struct sparse_row history = {a->model_history, NULL, n};
    bool known = n > 0 && stored_score(m, history, a->model_room, a->model_score);
    double most = 0;
    for (size_t i = 0; known && i < m->items; i++)
        if (a->eligible[i] && a->model_score[i] > most)
            most = a->model_score[i];
    for (uint32_t i = 0; i < m->items; i++) {
        double relevant = most > 0 ? unit(a->model_score[i] / most) : 0;
        if (relevant > 0)
            touch(a, i);
        if (a->marks[i] & MARK_TOUCHED)
            a->relevant[i] = relevant;
    }
}

static double relevant_to_user(const struct allocator *a, uint32_t item)
{
    return a->marks[item] & MARK_TOUCHED ? a->relevant[item] : 0;
}

double allocator_relevant(const struct allocator *a, uint32_t item)
{
    return relevant_to_user(a, item);
}

void allocator_suppose(struct allocator *a, uint32_t item, double relevant)
{
    touch(a, item);
    a->relevant[item] = relevant;
}

struct candidate allocator_candidate_if(const struct allocator *a, enum algorithm algorithm,
                                        uint32_t item, enum slot_reason term, double value)
{
    double v[4], fixed = 0;
    for (int i = 0; i < 3; i++)
        v[i] = a->values[(size_t)i * a->n + item];
    v[REASON_RELEVANCE] = relevant_to_user(a, item);
    v[term] = value;
    if (algorithm == ALGORITHM_MIXED)
        fixed = blend_of(a->weight_ppm[algorithm], v[0], v[1], v[2]);
    else if (algorithm != ALGORITHM_RELEVANCE)
        fixed = v[algorithm]; /* the first three are terms by themselves */
    double score = in_turn(a, item, with_relevance(a, algorithm, fixed, v[REASON_RELEVANCE]));
    return (struct candidate){score, tie_of(a, algorithm) ? v[REASON_QUALITY] : 0, item};
}

double allocator_worth(const struct allocator *a, enum algorithm algorithm, uint32_t item)
{
    return worth_of(a, algorithm, item, relevant_to_user(a, item));
}

struct candidate allocator_candidate(const struct allocator *a, enum algorithm algorithm,
                                     uint32_t item)
{
    return candidate_of(a, algorithm, item, relevant_to_user(a, item));
}

void feed_open(struct allocator *a, const struct feed_request *q, bool related)
{
    heed_assert((unsigned)q->algorithm < ALGORITHMS);
    for (size_t i = 0; i < q->blocked_n; i++)
        if (q->blocked[i] < a->n)
            a->marks[q->blocked[i]] |= MARK_BLOCKED;
    if (related && a->relevance)
        touch_neighbours(a, q);
    if (related && a->model)
        touch_model(a, q);
    if (q->turn)
        welfare_weigh(a, q);
}

void feed_close(struct allocator *a, const struct feed_request *q, const uint32_t *items, size_t n)
{
    a->turn = NULL;
    for (size_t i = 0; i < q->blocked_n; i++)
        if (q->blocked[i] < a->n)
            a->marks[q->blocked[i]] = 0;
    for (size_t i = 0; i < a->touched_n; i++)
        a->marks[a->touched[i]] = 0;
    for (size_t i = 0; i < n; i++)
        a->marks[items[i]] = 0;
    a->touched_n = 0;
}

/* ── picking ── */

static void pick_of_all(struct allocator *a, enum algorithm algorithm, size_t k, size_t limited)
{
    a->best_n = a->limited_best_n = 0;
    for (uint32_t i = 0; i < a->n; i++)
        if (a->eligible[i] && !(a->marks[i] & MARK_BLOCKED)) {
            struct candidate c = candidate_of(a, algorithm, i, relevant_to_user(a, i));
            offer(a, &c, k, limited);
        }
}

/* The best k by the algorithm alone into a->best; the limited ones apart.                       */
static void pick_candidates(struct allocator *a, enum algorithm algorithm, size_t k, size_t limited)
{
    const uint32_t *order = a->order[algorithm];
    if (!order || a->turn) {
        pick_of_all(a, algorithm, k, limited);
        return;
    }
    a->best_n = a->limited_best_n = 0;
    bool related = a->weight_ppm[algorithm][REASON_RELEVANCE] != 0;
    for (size_t i = 0; related && i < a->touched_n; i++) {
        uint32_t item = a->touched[i];
        if (!a->eligible[item] || (a->marks[item] & MARK_BLOCKED))
            continue;
        struct candidate c = candidate_of(a, algorithm, item, a->relevant[item]);
        offer(a, &c, k, limited);
    }
    uint8_t skip = related ? MARK_BLOCKED | MARK_TOUCHED : MARK_BLOCKED;
    for (size_t i = 0; i < a->order_n[algorithm]; i++) {
        if (a->marks[order[i]] & skip)
            continue;
        struct candidate c = candidate_of(a, algorithm, order[i], 0);
        if (!offer(a, &c, k, limited))
            return;
    }
    if (a->order_n[algorithm] < a->eligible_n)
        pick_of_all(a, algorithm, k, limited);
}

/* The best k of which at most q->limited are limited: the best so many of these compete with all
 * others.                                                                                       */
void feed_best(struct allocator *a, const struct feed_request *q)
{
    size_t k = q->k < FEED_MAX ? q->k : FEED_MAX;
    pick_candidates(a, q->algorithm, k, q->limited < k ? q->limited : k);
    for (size_t i = 0; i < a->limited_best_n; i++)
        (void)offer_to(a->best, &a->best_n, &a->limited_best[i], k);
}

uint32_t limited_slots(const struct allocation_rules *r, uint32_t k)
{
    return (uint32_t)((uint64_t)k * r->limited_ppm / PPM);
}

size_t allocator_promised(const struct allocator *a)
{
    return a->eligible_n - a->limited_n;
}

void allocator_promise(struct allocator *a, uint32_t floor_ppm)
{
    a->rules.floor_ppm = floor_ppm;
}

uint32_t allocator_room(const struct allocator *a, const uint32_t *blocked, size_t n, uint32_t k)
{
    size_t limited = a->limited_n, full = a->eligible_n - limited;
    for (size_t i = 0; i < n; i++) {
        full -= a->eligible[blocked[i]] == ELIGIBLE;
        limited -= a->eligible[blocked[i]] == ELIGIBLE_LIMITED;
    }
    uint32_t most;
    for (;; k--) { /* allowing one slot less forbids one limited item at most */
        most = limited_slots(&a->rules, k);
        if (k <= full + (limited < most ? limited : most))
            return k;
    }
}

bool creditor_before(const struct creditor *a, const struct creditor *b)
{
    if (a->urgent != b->urgent)
        return a->urgent;
    if (a->urgent && a->owed != b->owed)
        return a->owed > b->owed;
    if (a->relevance != b->relevance)
        return a->relevance > b->relevance;
    if (a->owed != b->owed)
        return a->owed > b->owed;
    return a->item < b->item;
}

size_t allocator_creditors(struct allocator *a, const uint64_t *owed, size_t max, uint64_t urgent)
{
    size_t n = 0;
    for (uint32_t i = 0; i < a->n; i++) {
        if (owed[i] == 0 || a->eligible[i] != ELIGIBLE ||
            (a->marks[i] & (MARK_BLOCKED | MARK_TAKEN)))
            continue;
        struct creditor c = {relevant_to_user(a, i), owed[i], i, owed[i] >= urgent};
        if (n == max && (max == 0 || !creditor_before(&c, &a->creditors[n - 1])))
            continue;
        size_t at = n < max ? n++ : max - 1;
        for (; at > 0 && creditor_before(&c, &a->creditors[at - 1]); at--)
            a->creditors[at] = a->creditors[at - 1];
        a->creditors[at] = c;
    }
    return n;
}

/* The items of the feed, in order; the last *paying of them because they are owed. All are marked
 * MARK_TAKEN. */
static size_t pick(struct allocator *a, const struct feed_request *q, uint64_t urgent,
                   uint32_t items[FEED_MAX], uint32_t why[FEED_MAX], size_t *paying)
{
    *paying = 0;
    if (q->k == 0)
        return 0;
    if (a->constrained && !q->free)
        return constrained_pick(a, q, urgent, items, why, paying);
    memset(why, 0, FEED_MAX * sizeof *why);
    feed_best(a, q);
    size_t k = a->best_n, free_slots = q->owed ? q->owed_slots : 0, n = 0, at = 0;
    free_slots = free_slots < k ? free_slots : k;
    for (; at < k - free_slots; at++) {
        items[n++] = a->best[at].item;
        a->marks[a->best[at].item] |= MARK_TAKEN;
    }
    *paying = free_slots ? allocator_creditors(a, q->owed, free_slots, urgent) : 0;
    for (size_t i = 0; i < *paying; i++)
        a->marks[a->creditors[i].item] |= MARK_TAKEN;
    for (; n < k - *paying; at++)
        if (!(a->marks[a->best[at].item] & MARK_TAKEN)) {
            items[n++] = a->best[at].item;
            a->marks[a->best[at].item] |= MARK_TAKEN;
        }
    for (size_t i = 0; i < *paying; i++)
        items[n++] = a->creditors[i].item;
    return n;
}

size_t feed_items(struct allocator *a, const struct feed_request *q, uint64_t urgent,
                  uint32_t items[FEED_MAX])
{
    size_t paying;
    uint32_t why[FEED_MAX];
    bool related = a->weight_ppm[q->algorithm][REASON_RELEVANCE] != 0 || q->owed_slots > 0;
    feed_open(a, q, related);
    size_t n = pick(a, q, urgent, items, why, &paying);
    feed_close(a, q, items, n);
    return n;
}

int32_t slot_ppm(double x)
{
    return (int32_t)lround(x * PPM);
}

static struct slot slot_of(const struct allocator *a, enum algorithm algorithm, uint32_t item,
                           bool pays)
{
    double relevant = relevant_to_user(a, item);
    struct slot s = {.item = item,
                     .propensity = EXPLORE_UNIT,
                     .model = a->model && item < a->model->items ? a->model_number : 0,
                     .score_ppm = slot_ppm(candidate_of(a, algorithm, item, relevant).score)};
    for (int i = 0; i < 3; i++)
        s.value_ppm[i] = slot_ppm(a->values[(size_t)i * a->n + item]);
    s.value_ppm[REASON_RELEVANCE] = slot_ppm(relevant);
    s.value_ppm[REASON_FLOOR] = pays ? PPM : 0;
    memcpy(s.weight_ppm, a->weight_ppm[algorithm], sizeof a->weight_ppm[algorithm]);
    if (a->turn) {
        for (int i = 0; i < 4; i++)
            s.weight_ppm[i] = slot_ppm((double)s.weight_ppm[i] / PPM * a->turn->own_ppm / PPM);
        s.value_ppm[REASON_WELFARE] = (int32_t)a->turn->price[item];
        s.weight_ppm[REASON_WELFARE] = (int32_t)a->turn->items_ppm;
    }
    return s;
}

uint32_t owed_of(const struct feed_request *q, uint32_t item)
{
    uint64_t owed = q->owed ? q->owed[item] : 0;
    return owed < UINT32_MAX ? (uint32_t)owed : UINT32_MAX;
}

void allocator_feed(struct allocator *a, const struct feed_request *q, struct slot *slots,
                    size_t *n)
{
    uint32_t items[FEED_MAX], why[FEED_MAX];
    size_t paying;
    feed_open(a, q, true);
    size_t k = pick(a, q, q->urgent ? q->urgent : UINT64_MAX, items, why, &paying);
    for (size_t i = 0; i < k; i++) {
        slots[i] = slot_of(a, q->algorithm, items[i], i >= k - paying);
        slots[i].rules = why[i];
        slots[i].owed = owed_of(q, items[i]);
    }
    feed_close(a, q, items, k);
    *n = k;
}
