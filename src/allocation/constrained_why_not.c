/* What an item that is not in a feed under constraints lacked: a guess from the feed as it was
 * made, slot by slot, then tried out. */
#include "allocation/constrained_search.h"

#include <math.h>

struct trial {
    struct allocator *a;
    const struct feed_request *q;
    uint64_t urgent;
    const struct search *made; /* the feed as it was */
    bool chance;
};

/* Whether an item would be in the feed, and out of chance's reach, if it were this candidate.    */
static bool shown_if(const struct trial *t, struct candidate as)
{
    struct search s = search_supposing(t->made, as);
    uint32_t x = as.item, n = search_feed(&s, t->q, t->urgent), *forced = s.forced;
    bool shown = false;
    for (uint32_t i = 0; i < s.slots; i++)
        shown = shown || (s.chosen[i].item == x && !(t->chance && n == 0 && i + 1 == s.slots));
    for (uint32_t i = 0; i < n; i++)
        shown = shown || forced[i] == x;
    search_undo(&s, forced, n);
    return shown;
}

static bool shown_above(const struct trial *t, uint32_t x, const struct candidate *y)
{
    return shown_if(t, (struct candidate){nextafter(y->score, HUGE_VAL), y->tie, x});
}

/* Whether the worst of all that it is enough to outscore is y: above it is enough, below is not.
 * NULL: no score is enough.                                                                      */
static bool right(const struct trial *t, uint32_t x, const struct candidate *y)
{
    if (!y)
        return !shown_if(t, (struct candidate){HUGE_VAL, 0, x});
    return shown_above(t, x, y) && !shown_if(t, (struct candidate){y->score, -HUGE_VAL, x});
}

/* The worst of rivals[n] that it is enough to outscore, if it is worse than `best`, which is; NULL:
 * none is.                                                                                       */
static const struct candidate *worst_of(const struct trial *t, uint32_t x,
                                        const struct candidate *best,
                                        const struct candidate *rivals, uint32_t n)
{
    const struct candidate own = allocator_candidate(t->a, t->q->algorithm, x);
    for (uint32_t r = 0; r < n; r++)
        if (candidate_better(&rivals[r], &own) && (!best || candidate_better(best, &rivals[r])) &&
            shown_above(t, x, &rivals[r]))
            best = &rivals[r];
    return best;
}

/* Whether it is enough to outscore the best of rivals[n] that is worse than `beat`: else the others
 * are hardly worth a look.                                                                       */
static bool one_would_do(const struct trial *t, uint32_t x, const struct candidate *beat,
                         const struct candidate *rivals, uint32_t n)
{
    const struct candidate own = allocator_candidate(t->a, t->q->algorithm, x), *best = NULL;
    for (uint32_t r = 0; r < n; r++)
        if (candidate_better(&rivals[r], &own) && (!beat || candidate_better(beat, &rivals[r])) &&
            (!best || candidate_better(&rivals[r], best)))
            best = &rivals[r];
    return best && shown_above(t, x, best);
}

/* Of those that would be shown if nothing were owed, who is not.                                 */
static uint32_t displaced(const struct search *s, const struct candidate *chosen, uint32_t slots,
                          uint32_t paying, struct candidate out[FEED_MAX])
{
    uint32_t n = 0;
    for (uint32_t i = 0; paying > 0 && i < s->size; i++) {
        bool shown = false;
        for (uint32_t r = 0; r < slots; r++)
            shown = shown || chosen[r].item == s->natural[i].item;
        for (uint32_t r = 0; r < paying; r++)
            shown = shown || s->forced[r] == s->natural[i].item;
        if (!shown)
            out[n++] = s->natural[i];
    }
    return n;
}

static bool ties(const struct trial *t, uint32_t x, enum slot_reason term, int32_t value_ppm,
                 uint32_t other)
{
    enum algorithm algorithm = t->q->algorithm;
    return other != UINT32_MAX &&
           allocator_candidate_if(t->a, algorithm, x, term, value_ppm / 1e6).score ==
               allocator_candidate(t->a, algorithm, other).score;
}

static bool shown_with(const struct trial *t, uint32_t x, enum slot_reason term, int32_t value_ppm)
{
    double before = allocator_relevant(t->a, x), value = value_ppm / 1e6;
    if (term == REASON_RELEVANCE)
        allocator_suppose(t->a, x, value);
    bool shown = shown_if(t, allocator_candidate_if(t->a, t->q->algorithm, x, term, value));
    allocator_suppose(t->a, x, before);
    return shown;
}

/* The least relevance that would have the floor pay item x. payers[n]: as they were paid.        */
static int32_t paid_if(const struct trial *t, uint32_t x, const uint32_t *payers, uint32_t n)
{
    struct allocator *a = t->a;
    int32_t enough = -1;
    for (uint32_t i = n; i-- > 0 && enough < 0;) {
        uint64_t owed = t->q->owed[payers[i]];
        const struct creditor payer = {allocator_relevant(a, payers[i]), owed, payers[i],
                                       owed >= t->urgent};
        int32_t value = why_not_paid(a, x, t->q->owed[x], &payer);
        if (value >= 0 && shown_with(t, x, REASON_RELEVANCE, value))
            enough = value;
    }
    return enough;
}

/* Takes back what is not enough after all: a feed that is not found by greed alone, since rules do
 * not fit together, may be another for every order of the items, and for every tie.              */
static void confirm(const struct trial *t, uint32_t x, bool greedily, struct why_not *out)
{
    for (enum slot_reason term = REASON_EXPOSURE; term <= REASON_RELEVANCE; term++) {
        int32_t *enough = &out->enough_ppm[term];
        bool sure = greedily && !(term == REASON_RELEVANCE && out->owed > 0) &&
                    !ties(t, x, term, *enough, out->beat);
        if (*enough < 0 || sure || shown_with(t, x, term, *enough))
            continue;
        int32_t beyond = *enough + (t->a->weight_ppm[t->q->algorithm][term] < 0 ? -1 : 1);
        bool in_range = beyond >= 0 && beyond <= 1000000;
        *enough = in_range && shown_with(t, x, term, beyond) ? beyond : -1;
    }
    out->pays = out->pays && out->enough_ppm[REASON_RELEVANCE] >= 0;
}

void constrained_why_not(struct allocator *a, const struct feed_request *q, bool chance,
                         const uint32_t *items, size_t n, struct why_not *out)
{
    struct search s = search_in(a, q);
    struct constrained *c = s.c;
    const struct trial t = {a, q, q->urgent ? q->urgent : UINT64_MAX, &s, chance};
    uint64_t forbade[FAMILIES + 1];
    uint8_t rules[FEED_MAX][FEED_MAX];
    struct candidate chosen[FEED_MAX], out_of_it[FEED_MAX];
    memcpy(forbade, c->forbade, sizeof forbade);
    uint32_t paying = search_feed(&s, q, t.urgent), slots = s.slots;
    uint32_t end = chance && paying == 0 ? slots - 1 : slots;
    memcpy(chosen, s.chosen, slots * sizeof *chosen);
    search_undo(&s, s.forced, paying);
    search_forbids(&s, q->limited, chosen, slots, s.forced, paying, items, n, rules);
    uint32_t others = displaced(&s, chosen, slots, paying, out_of_it);
    for (size_t i = 0; i < n; i++) {
        const struct candidate *beat = NULL;
        uint32_t x = items[i];
        for (uint32_t r = 0; r < end; r++)
            if (rules[i][r] == RULE_NONE && (!beat || candidate_better(beat, &chosen[r])))
                beat = &chosen[r];
        if (!right(&t, x, beat))
            beat = worst_of(&t, x, NULL, chosen, end);
        if (one_would_do(&t, x, beat, out_of_it, others))
            beat = worst_of(&t, x, beat, out_of_it, others);
        out[i].beat = beat ? beat->item : UINT32_MAX;
        for (uint32_t r = 0; r < end; r++)
            if (rules[i][r] != RULE_NONE && (!beat || candidate_better(beat, &chosen[r])))
                out[i].rules |= 1u << rules[i][r];
        if (out[i].owed > 0 && paying > 0)
            out[i].enough_ppm[REASON_RELEVANCE] = paid_if(&t, x, s.forced, paying);
        out[i].pays = out[i].enough_ppm[REASON_RELEVANCE] >= 0;
        why_not_terms(a, q->algorithm, x, &out[i]);
        confirm(&t, x, s.natural_greedily && s.greedily, &out[i]);
    }
    memcpy(c->forbade, forbade, sizeof forbade);
}
