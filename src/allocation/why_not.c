#include "allocation/why_not.h"

#include "allocation/constrained.h"

enum { PPM = 1000000 };

/* What a value of a term is tried against.                                                      */
struct goal {
    struct allocator *a;
    enum algorithm algorithm;
    uint32_t item;
    const struct candidate *beat;      /* by score; or NULL: */
    const struct creditor *beat_payer; /* by relevance among those owed something  */
    uint64_t owed;
};

static bool reached(const struct goal *g, enum slot_reason term, int32_t value_ppm)
{
    double value = (double)value_ppm / PPM;
    if (g->beat) {
        struct candidate c = allocator_candidate_if(g->a, g->algorithm, g->item, term, value);
        return candidate_better(&c, g->beat);
    }
    struct creditor c = {value, g->owed, g->item, false};
    return creditor_before(&c, g->beat_payer);
}

/* The value nearest to `from`, which is not it, towards `end`, that reaches the goal, or -1.     */
static int32_t nearest(const struct goal *g, enum slot_reason term, int32_t from, int32_t end)
{
    int32_t step = end > from ? 1 : -1, out = 0, in = (end - from) * step;
    if (in == 0 || !reached(g, term, end))
        return -1;
    while (in - out > 1) { /* `out` steps are not enough, or none; `in` are */
        int32_t middle = out + (in - out) / 2;
        if (reached(g, term, from + middle * step))
            in = middle;
        else
            out = middle;
    }
    return from + in * step;
}

int32_t why_not_paid(struct allocator *a, uint32_t item, uint64_t owed,
                     const struct creditor *payer)
{
    const struct goal g = {a, ALGORITHM_RELEVANCE, item, NULL, payer, owed};
    return nearest(&g, REASON_RELEVANCE, slot_ppm(allocator_relevant(a, item)), PPM);
}

static double value_of(const struct allocator *a, uint32_t item, int term)
{
    return term == REASON_RELEVANCE ? allocator_relevant(a, item)
                                    : a->values[(size_t)term * a->n + item];
}

void why_not_terms(struct allocator *a, enum algorithm algorithm, uint32_t item,
                   struct why_not *out)
{
    if (out->beat == UINT32_MAX)
        return;
    struct candidate beat = allocator_candidate(a, algorithm, out->beat);
    out->needed_ppm = slot_ppm(beat.score);
    const struct goal g = {a, algorithm, item, &beat, NULL, 0};
    for (int term = 0; term < TERMS; term++) {
        int32_t value = slot_ppm(value_of(a, item, term));
        int32_t end = a->weight_ppm[algorithm][term] < 0 ? 0 : PPM;
        int32_t enough = nearest(&g, (enum slot_reason)term, value, end), *best;
        best = &out->enough_ppm[term];
        if (enough >= 0 && (*best < 0 || enough < *best)) {
            *best = enough;
            out->pays = out->pays && term != REASON_RELEVANCE;
        }
    }
}

/* How many of a feed's slots, from the top, it is enough to outscore the last of: those that went
 * by score, but for one that chance has. Who outscores the last of those that go before all debts
 * puts it among the owed; if it is paid then, one slot less goes by score. */
static size_t safe_slots(const struct feed_request *q, const uint32_t *items, size_t n,
                         size_t paying, bool chance)
{
    size_t by_score = n - paying, owing = q->owed ? q->owed_slots : 0;
    size_t before_debts = owing < n ? n - owing : 0;
    if (!chance || by_score <= 1)
        return by_score - (chance && by_score == 1);
    bool falls = by_score == before_debts + 1 && q->owed[items[before_debts - 1]] > 0;
    return by_score - 1 - falls;
}

/* Without constraints: the last slot by score, and the last that pays.                           */
static void find_plain(struct allocator *a, const struct feed_request *q, const uint32_t *items,
                       size_t n, size_t paying, bool chance, uint32_t item, struct why_not *out)
{
    size_t safe = safe_slots(q, items, n, paying, chance);
    if (safe > 0)
        out->beat = items[safe - 1];
    if (paying == 0 || out->owed == 0)
        return;
    uint64_t urgent = q->urgent ? q->urgent : UINT64_MAX, owed = q->owed[items[n - 1]];
    struct creditor last = {allocator_relevant(a, items[n - 1]), owed, items[n - 1],
                            owed >= urgent};
    if (q->owed[item] >= urgent)
        return; /* and so do all that were paid, the most first */
    int32_t enough = why_not_paid(a, item, q->owed[item], &last);
    if (enough >= 0 && chance &&
        n > paying) { /* by so much it may take the slot of chance instead */
        struct candidate x =
            allocator_candidate_if(a, q->algorithm, item, REASON_RELEVANCE, (double)enough / PPM);
        struct candidate y = allocator_candidate(a, q->algorithm, items[n - paying - 1]);
        enough = candidate_better(&x, &y) ? -1 : enough;
    }
    out->enough_ppm[REASON_RELEVANCE] = enough;
    out->pays = enough >= 0;
}

void allocator_why_not(struct allocator *a, const struct feed_request *q, const struct slot *slots,
                       size_t n, bool chance, const struct slot *next, size_t more,
                       struct why_not *out)
{
    uint32_t items[FEED_MAX], asked[FEED_MAX];
    size_t paying = 0;
    heed_assert(n > 0 && n <= FEED_MAX && more <= FEED_MAX);
    feed_open(a, q, true);
    for (size_t i = 0; i < n; i++)
        items[i] = slots[i].item;
    while (paying < n && slots[n - 1 - paying].value_ppm[REASON_FLOOR] > 0)
        paying++;
    for (size_t i = 0; i < more; i++) {
        asked[i] = next[i].item;
        out[i] = (struct why_not){UINT32_MAX, 0, 0, {-1, -1, -1, -1}, false, owed_of(q, asked[i])};
        if (a->constrained && !q->free)
            continue;
        find_plain(a, q, items, n, paying, chance, asked[i], &out[i]);
        why_not_terms(a, q->algorithm, asked[i], &out[i]);
    }
    if (a->constrained && !q->free)
        constrained_why_not(a, q, chance, asked, more, out);
    feed_close(a, q, items, n);
}
