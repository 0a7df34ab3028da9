#include "allocation/top.h"

#include "base/prng.h"

#include <stdlib.h>

enum { SHORT = 16 };

uint32_t *top_order(size_t n, uint64_t seed)
{
    uint32_t *order = malloc((n + 1) * sizeof *order);
    struct prng r;
    prng_seed(&r, seed ^ UINT64_C(0x7469657320)); /* apart from the models' own draws */
    for (size_t i = 0; order && i < n; i++) {
        size_t j = (size_t)prng_below(&r, i + 1);
        order[i] = (uint32_t)i;
        order[i] = order[j];
        order[j] = (uint32_t)i;
    }
    return order;
}

struct top top_of(struct top_item *room, size_t max, const uint32_t *order)
{
    return (struct top){room, max, 0, order};
}

static bool better(const struct top *t, struct top_item a, struct top_item b)
{
    return a.score > b.score || (!(b.score > a.score) && t->order[a.item] < t->order[b.item]);
}

/* A short one is kept sorted, worst first, which is a heap too: fewer surprises for the processor.
 */
static bool is_short(const struct top *t)
{
    return t->max <= SHORT;
}

static void insert(struct top *t, struct top_item x)
{
    size_t at;
    if (t->n < t->max) {
        for (at = t->n++; at > 0 && better(t, t->room[at - 1], x); at--)
            t->room[at] = t->room[at - 1];
    } else {
        for (at = 0; at + 1 < t->n && better(t, x, t->room[at + 1]); at++)
            t->room[at] = t->room[at + 1];
    }
    t->room[at] = x;
}

/* Puts x where the worst stood: down until nothing below is worse.                               */
static void sink(struct top *t, size_t n, struct top_item x)
{
    size_t at = 0;
    for (size_t child; (child = 2 * at + 1) < n; at = child) {
        if (child + 1 < n && better(t, t->room[child], t->room[child + 1]))
            child++;
        if (!better(t, x, t->room[child]))
            break;
        t->room[at] = t->room[child];
    }
    t->room[at] = x;
}

void top_offer(struct top *t, uint32_t item, double score)
{
    struct top_item x = {score, item};
    if (is_short(t)) {
        if (t->n < t->max || (t->max > 0 && better(t, x, t->room[0])))
            insert(t, x);
    } else if (t->n < t->max) {
        size_t at = t->n++;
        for (; at > 0 && better(t, t->room[(at - 1) / 2], x); at = (at - 1) / 2)
            t->room[at] = t->room[(at - 1) / 2];
        t->room[at] = x;
    } else if (t->max > 0 && better(t, x, t->room[0])) {
        sink(t, t->n, x);
    }
}

size_t top_sort(struct top *t)
{
    for (size_t i = 0; is_short(t) && i < t->n / 2; i++) {
        struct top_item x = t->room[i];
        t->room[i] = t->room[t->n - 1 - i];
        t->room[t->n - 1 - i] = x;
    }
    for (size_t n = t->n; !is_short(t) && n > 1; n--) { /* the worst goes to the end */
        struct top_item last = t->room[n - 1];
        t->room[n - 1] = t->room[0];
        sink(t, n - 1, last);
    }
    return t->n;
}
