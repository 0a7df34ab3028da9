/* Item-to-item relevance from who attended to what.
 *
 * Histories are cut to each user's strongest items, turned into a list of users for each item, and
 * then, item by item, the users' items are counted. Only pairs that some user joins are touched. */
#include "allocation/allocation_parts.h"

#include <math.h>
#include <stdlib.h>

static bool stronger(struct weighted_item a, struct weighted_item b)
{
    return a.weight > b.weight || (!(b.weight > a.weight) && a.item < b.item);
}

size_t strongest_items(const uint32_t *items, const float *weights, size_t n, size_t limit,
                       size_t max, struct weighted_item *out)
{
    size_t have = 0;
    for (size_t i = 0; i < n && max > 0; i++) {
        struct weighted_item x = {items[i], weights ? weights[i] : 1};
        if (!(x.weight > 0) || x.item >= limit || (have == max && !stronger(x, out[have - 1])))
            continue;
        size_t low = 0, high = have;
        while (low < high) {
            size_t middle = (low + high) / 2;
            if (stronger(out[middle], x))
                low = middle + 1;
            else
                high = middle;
        }
        have += have < max;
        memmove(out + low + 1, out + low, (have - 1 - low) * sizeof *out);
        out[low] = x;
    }
    return have;
}

/* Cut histories and the same turned round: rows of users, rows of items.                        */
struct joined {
    uint64_t *user_at, *item_at; /* [users + 1], [items + 1] */
    uint32_t *items, *users;
};

static void joined_deinit(struct joined *j)
{
    free(j->user_at);
    free(j->item_at);
    free(j->items);
    free(j->users);
}

static bool joined_init(struct joined *j, const struct allocation_histories *h, size_t items,
                        size_t max)
{
    uint64_t total = h->n ? h->offsets[h->n] - h->offsets[0] : 0;
    *j = (struct joined){
        calloc(h->n + 1, sizeof *j->user_at), calloc(items + 2, sizeof *j->item_at),
        malloc((total + 1) * sizeof *j->items), malloc((total + 1) * sizeof *j->users)};
    struct weighted_item *row = malloc((max + 1) * sizeof *row);
    if (!j->user_at || !j->item_at || !j->items || !j->users || !row) {
        free(row);
        return false;
    }
    uint64_t used = 0;
    for (size_t u = 0; u < h->n; u++) {
        uint64_t from = h->offsets[u];
        size_t n = strongest_items(h->items + from, h->weights ? h->weights + from : NULL,
                                   h->offsets[u + 1] - from, items, max, row);
        for (size_t i = 0; i < n; i++) {
            j->items[used++] = row[i].item;
            j->item_at[row[i].item + 2]++;
        }
        j->user_at[u + 1] = used;
    }
    free(row);
    /* item_at[i + 1] is where the next user of item i goes, and ends as where item i + 1 starts */
    for (size_t i = 2; i < items + 2; i++)
        j->item_at[i] += j->item_at[i - 1];
    for (size_t u = 0; u < h->n; u++)
        for (uint64_t i = j->user_at[u]; i < j->user_at[u + 1]; i++)
            j->users[j->item_at[j->items[i] + 1]++] = (uint32_t)u;
    return true;
}

/* Counts who shares users with `item`: together[other], zero before; others in touched.         */
static size_t count_together(const struct joined *j, uint32_t item, uint32_t *together,
                             uint32_t *touched)
{
    size_t n = 0;
    for (uint64_t at = j->item_at[item]; at < j->item_at[item + 1]; at++) {
        uint32_t user = j->users[at];
        for (uint64_t i = j->user_at[user]; i < j->user_at[user + 1]; i++) {
            uint32_t other = j->items[i];
            if (other != item && together[other]++ == 0)
                touched[n++] = other;
        }
    }
    return n;
}

static int compare_candidates(const void *a, const void *b)
{
    return candidate_better(a, b) ? -1 : candidate_better(b, a) ? 1 : 0;
}

/* Quickselect, then a sort of what is kept.                                                     */
void best_first(struct candidate *c, size_t n, size_t keep)
{
    size_t low = 0, high = n;
    while (keep < n && high - low > 1) {
        struct candidate pivot = c[low + (high - low - 1) / 2];
        size_t i = low, j = high - 1;
        for (;; i++, j--) {
            while (candidate_better(&c[i], &pivot))
                i++;
            while (candidate_better(&pivot, &c[j]))
                j--;
            if (i >= j)
                break;
            struct candidate t = c[i];
            c[i] = c[j];
            c[j] = t;
        }
        /* nothing in c[low .. j] is worse than anything in c[j + 1 .. high) */
        if (keep == j + 1)
            break;
        if (keep <= j)
            high = j + 1;
        else
            low = j + 1;
    }
    qsort(c, keep < n ? keep : n, sizeof *c, compare_candidates);
}

static bool fill(struct relevance *m, const struct joined *j, size_t keep)
{
    size_t items = m->items, cap = 0, used = 0;
    uint32_t *together = calloc(items + 1, sizeof *together);
    uint32_t *touched = malloc((items + 1) * sizeof *touched);
    struct candidate *c = malloc((items + 1) * sizeof *c);
    bool ok = together && touched && c;
    for (uint32_t item = 0; ok && item < items; item++) {
        size_t n = count_together(j, item, together, touched);
        double mine = (double)(j->item_at[item + 1] - j->item_at[item]);
        for (size_t i = 0; i < n; i++) {
            uint32_t other = touched[i];
            double theirs = (double)(j->item_at[other + 1] - j->item_at[other]);
            c[i] = (struct candidate){together[other] / sqrt(mine * theirs), 0, other};
            together[other] = 0;
        }
        size_t kept = n < keep ? n : keep;
        best_first(c, n, kept);
        ok = array_grow(&m->list, &cap, used + kept, sizeof *m->list);
        for (size_t i = 0; ok && i < kept; i++)
            m->list[used++] = (struct neighbour){c[i].item, (float)c[i].score};
        m->offsets[item + 1] = used;
    }
    free(together);
    free(touched);
    free(c);
    return ok;
}

enum heed_status relevance_build(const struct allocation_histories *h, size_t items,
                                 const struct allocation_rules *r, struct relevance **out)
{
    *out = NULL;
    struct relevance *m = calloc(1, sizeof *m);
    if (!m)
        return HEED_NOMEM;
    m->items = items;
    m->offsets = calloc(items + 1, sizeof *m->offsets);
    struct joined j = {0};
    bool ok = m->offsets &&
              joined_init(&j, h, items, r->max_history < items ? r->max_history : items) &&
              fill(m, &j, r->neighbours);
    joined_deinit(&j);
    if (!ok) {
        relevance_free(m);
        return HEED_NOMEM;
    }
    *out = m;
    return HEED_OK;
}

void relevance_free(struct relevance *m)
{
    if (!m)
        return;
    free(m->offsets);
    free(m->list);
    free(m);
}
