/* Winner determination with package bids: which bids, one of a bidder at most and no item twice,
 * add up to the largest sum. NP-hard (M. Rothkopf, A. Pekec, R. Harstad, Management Science 44
 * (1998) 1131); exact here by branch and bound.
 *
 * Bound. For any item prices p >= 0 no allocation is worth more than
 *     sum over free items of p  +  sum over free bidders of max(0, best value - price of package)
 * the Lagrangian of the items' constraints. At each node the prices of its parent are bettered by
 * steps along the subgradient (M. Fisher, Management Science 27 (1981) 1), and rounded to integers,
 * so that the bound holds exactly whatever the steps found. A bid whose place in the bound leaves
 * nothing better than what is known is left out below the node.
 *
 * Branching. The free item that the bound hands out most wrongly is given to each bid that holds
 * it, the best value above prices first, and at last to nobody.
 *
 * Where bids are many and alike in worth no such bound is good: after so much work the table of
 * auction_table.c takes over, with the same answer.
 *
 * Payments (VCG) solve once more without each winner, begun from what the others have.
 *
 * A reserve r is a seller who values each item at r: bids are taken less r for each item, and r is
 * put on what is paid.                                                                           */
#include "circulation/auction_clear.h"

#include "base/error.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

__extension__ typedef __int128 wide;

enum { LEVELS = AUCTION_ITEMS_MAX + 2, ROOT_STEPS = 400, NODE_STEPS = 40 };
/* Bids priced anew, over all nodes: at least so many, and as many as take about the time of the
 * table, which looks at a bid in each set of items that holds it and at six levels; then it takes
 * over. */
enum { WORK_LEAST = 200000, WORK_OF_TABLE = 50 };

struct candidate {
    int64_t value; /* less the reserve, >= 0 */
    int64_t fine;  /* the same in fractions of s->fraction */
    uint32_t package;
    uint32_t bidder; /* 0 … bidders - 1, by first bid */
    uint32_t bid;
};

/* What is free at a node, and the bids that may still matter there, in their order in `c`.      */
struct node {
    uint32_t items, bidders;
    int64_t value; /* of the path here */
    uint16_t *live;
    size_t n;
    int64_t price[AUCTION_ITEMS_MAX]; /* in fractions */
};

struct branch {
    wide reduced;
    uint16_t at;
};

struct search {
    struct candidate *c; /* a bidder's together */
    size_t n, bidders, items;
    size_t from[AUCTION_BIDDERS_MAX + 1]; /* a bidder's: from[b] … from[b + 1] - 1 */
    uint16_t *scratch;                    /* [LEVELS][n] */
    struct branch *order;                 /* [LEVELS][n] */
    wide *reduced;    /* [n] fractions less the items' prices, of the node in work */
    int64_t fraction; /* of a minor unit: prices are that much finer than values */
    int64_t best;     /* of what is found; before, one less than what would do */
    int64_t target;   /* nothing better is looked for */
    size_t work, work_max;
    size_t depth;
    const struct candidate *path[AUCTION_ITEMS_MAX + 1], *chosen[AUCTION_ITEMS_MAX + 1];
    size_t chosen_n;
};

/* ── the bound ── */

/* One look at the Lagrangian at p: its value, and how often each item is handed out.            */
static double lagrangian(const struct search *s, const struct node *x, const double *p, int *count)
{
    double sum = 0;
    memset(count, 0, AUCTION_ITEMS_MAX * sizeof *count);
    for (uint32_t left = x->items; left; left &= left - 1)
        sum += p[__builtin_ctz(left)];
    for (size_t i = 0; i < x->n;) {
        double best = 0;
        uint32_t package = 0, bidder = s->c[x->live[i]].bidder;
        for (; i < x->n && s->c[x->live[i]].bidder == bidder; i++) {
            const struct candidate *c = &s->c[x->live[i]];
            double v = (double)c->fine;
            for (uint32_t left = c->package; left; left &= left - 1)
                v -= p[__builtin_ctz(left)];
            if (v > best) {
                best = v;
                package = c->package;
            }
        }
        sum += best;
        for (; package; package &= package - 1)
            count[__builtin_ctz(package)]++;
    }
    return sum;
}

/* Polyak's steps from the node's prices towards `least`, halved where nothing was gained for a
 * while.
 */
static void better_prices(const struct search *s, struct node *x, double least, int steps)
{
    double p[AUCTION_ITEMS_MAX], best[AUCTION_ITEMS_MAX], lowest = INFINITY, theta = 1;
    int count[AUCTION_ITEMS_MAX], stale = 0;
    for (size_t j = 0; j < s->items; j++)
        best[j] = p[j] = (double)x->price[j];
    for (int k = 0; k < steps; k++) {
        double norm = 0, bound = lagrangian(s, x, p, count);
        if (bound < lowest) {
            stale = bound < lowest - 1e-4 * fabs(lowest) ? 0 : stale + 1;
            lowest = bound;
            memcpy(best, p, sizeof best);
        } else {
            stale++;
        }
        if (stale >= 5) {
            theta /= 2;
            stale = 0;
        }
        for (uint32_t left = x->items; left; left &= left - 1) {
            int j = __builtin_ctz(left);
            if (count[j] > 1 || (count[j] == 0 && p[j] > 0))
                norm += (double)(1 - count[j]) * (1 - count[j]);
        }
        if (norm <= 0 || bound <= least)
            break;
        for (uint32_t left = x->items; left; left &= left - 1) {
            int j = __builtin_ctz(left);
            p[j] -= theta * (bound - least) / norm * (1 - count[j]);
            p[j] = p[j] > 0 ? p[j] : 0;
        }
    }
    for (size_t j = 0; j < s->items; j++)
        x->price[j] = best[j] < 0x1p62 ? (int64_t)(best[j] + .5) : (int64_t)1 << 62;
}

/* The bound, exactly; s->reduced of what is live, and the item to branch on (-1: none).         */
static wide bound_of(struct search *s, const struct node *x, int *branch)
{
    wide bound = (wide)x->value * s->fraction, worst = -1;
    int count[AUCTION_ITEMS_MAX] = {0};
    for (size_t i = 0; i < x->n;) {
        wide best = 0;
        uint32_t package = 0, bidder = s->c[x->live[i]].bidder;
        for (; i < x->n && s->c[x->live[i]].bidder == bidder; i++) {
            const struct candidate *c = &s->c[x->live[i]];
            wide v = c->fine;
            for (uint32_t left = c->package; left; left &= left - 1)
                v -= x->price[__builtin_ctz(left)];
            s->reduced[x->live[i]] = v;
            if (v > best) {
                best = v;
                package = c->package;
            }
        }
        bound += best;
        for (; package; package &= package - 1)
            count[__builtin_ctz(package)]++;
    }
    *branch = -1;
    for (uint32_t left = x->items; left; left &= left - 1) {
        int j = __builtin_ctz(left);
        bound += x->price[j];
        wide wrong = (wide)x->price[j] * (count[j] > 1 ? count[j] : count[j] == 0);
        if (wrong > worst) {
            worst = wrong;
            *branch = j;
        }
    }
    return bound;
}

/* Whether a bound leaves room for anything better than is known.                                */
static bool open_above(const struct search *s, wide bound)
{
    return bound >= ((wide)s->best + 1) * s->fraction;
}

/* Leaves out what cannot be part of anything better than is known.                              */
static void leave_out(const struct search *s, struct node *x, wide bound)
{
    size_t n = 0;
    for (size_t i = 0; i < x->n;) {
        uint32_t bidder = s->c[x->live[i]].bidder;
        size_t end = i;
        wide best = 0;
        for (; end < x->n && s->c[x->live[end]].bidder == bidder; end++)
            if (s->reduced[x->live[end]] > best)
                best = s->reduced[x->live[end]];
        for (; i < end; i++)
            if (open_above(s, bound - best + s->reduced[x->live[i]]))
                x->live[n++] = x->live[i];
    }
    x->n = n;
}

/* ── the tree ── */

static void keep(struct search *s, int64_t value, size_t n)
{
    if (value <= s->best)
        return;
    s->best = value;
    s->chosen_n = n;
    memcpy(s->chosen, s->path, n * sizeof *s->path);
}

/* What the bids of a node make when the best above prices is taken, and again, and again.       */
static void greedy(struct search *s, const struct node *x)
{
    uint32_t items = x->items, bidders = x->bidders;
    int64_t value = x->value;
    size_t n = s->depth;
    for (;;) {
        const struct candidate *take = NULL;
        wide best = 0;
        for (size_t i = 0; i < x->n; i++) {
            const struct candidate *c = &s->c[x->live[i]];
            if (!(c->package & ~items) && bidders >> c->bidder & 1 &&
                (!take || s->reduced[x->live[i]] > best)) {
                take = c;
                best = s->reduced[x->live[i]];
            }
        }
        if (!take)
            break;
        items &= ~take->package;
        bidders &= ~(1u << take->bidder);
        value += take->value;
        s->path[n++] = take;
    }
    keep(s, value, n);
}

static int by_reduced(const void *a, const void *b)
{
    const struct branch *x = a, *y = b;
    if (x->reduced != y->reduced)
        return x->reduced > y->reduced ? -1 : 1;
    return (x->at > y->at) - (x->at < y->at);
}

static void walk(struct search *s, const struct node *parent, size_t level, uint32_t items,
                 uint32_t bidders, int64_t value);

/* Each bid that holds the item, then nobody.                                                    */
static void branch_on(struct search *s, const struct node *x, size_t level, int item,
                      struct branch *order)
{
    size_t n = 0;
    for (size_t i = 0; i < x->n; i++)
        if (s->c[x->live[i]].package >> item & 1)
            order[n++] = (struct branch){s->reduced[x->live[i]], x->live[i]};
    if (n > 1)
        qsort(order, n, sizeof *order, by_reduced);
    for (size_t k = 0; k < n && s->best < s->target && s->work <= s->work_max; k++) {
        const struct candidate *c = &s->c[order[k].at];
        s->path[s->depth++] = c;
        walk(s, x, level + 1, x->items & ~c->package, x->bidders & ~(1u << c->bidder),
             x->value + c->value);
        s->depth--;
    }
    if (s->best < s->target)
        walk(s, x, level + 1, x->items & ~(1u << item), x->bidders, x->value);
}

static void walk(struct search *s, const struct node *parent, size_t level, uint32_t items,
                 uint32_t bidders, int64_t value)
{
    struct node x = {0, bidders, value, s->scratch + level * s->n, 0, {0}};
    int branch;
    memcpy(x.price, parent->price, sizeof x.price);
    keep(s, value, s->depth);
    for (size_t i = 0; i < parent->n; i++) {
        const struct candidate *c = &s->c[parent->live[i]];
        if (!(c->package & ~items) && bidders >> c->bidder & 1) {
            x.live[x.n++] = parent->live[i];
            x.items |= c->package;
        }
    }
    wide bound = bound_of(s, &x, &branch);
    if (x.n == 0 || s->best >= s->target || !open_above(s, bound))
        return;
    s->work += x.n;
    if (s->work > s->work_max)
        return;
    better_prices(s, &x, (double)(s->best - value) * (double)s->fraction, NODE_STEPS);
    bound = bound_of(s, &x, &branch);
    greedy(s, &x);
    if (!open_above(s, bound) || s->best >= s->target)
        return;
    leave_out(s, &x, bound);
    branch_on(s, &x, level, branch, s->order + level * s->n);
}

/* Whether something above `floor` can be had of these items and bidders; what is first found at
 * `target` or above, else the best. The prices begin at root's.        */
static bool solve(struct search *s, const struct node *root, uint32_t items, uint32_t bidders,
                  int64_t floor, int64_t target)
{
    s->best = floor;
    s->target = target;
    s->depth = s->chosen_n = 0;
    walk(s, root, 0, items, bidders, 0);
    return s->best > floor;
}

/* ── the whole ── */

/* Of the allocations worth `total`, that which serves earlier bidders first: win[bidders], which
 * holds one of them already. */
static void prefer_earlier(struct search *s, const struct node *root, int64_t total,
                           const struct candidate **win)
{
    uint32_t items = root->items, bidders = root->bidders;
    int64_t left = total;
    for (size_t b = 0; b < s->bidders; b++) {
        bidders &= ~(1u << b);
        for (size_t i = s->from[b];
             i < s->from[b + 1] && &s->c[i] != win[b] && s->work <= s->work_max; i++) {
            const struct candidate *c = &s->c[i];
            if (c->package & ~items || c->value > left ||
                !solve(s, root, items & ~c->package, bidders, left - c->value - 1, left - c->value))
                continue;
            for (size_t k = b; k < s->bidders; k++)
                win[k] = NULL;
            for (size_t k = 0; k < s->chosen_n; k++)
                win[s->chosen[k]->bidder] = s->chosen[k];
            win[b] = c;
            break;
        }
        if (win[b]) {
            items &= ~win[b]->package;
            left -= win[b]->value;
        }
    }
}

static int64_t asked(const struct clear_market *m, size_t bid)
{
    return m->reserve_minor * __builtin_popcount(m->bids[bid].package);
}

static bool set_aside(const struct clear_market *m, struct search *s, struct node *root)
{
    size_t n = m->bids_n ? m->bids_n : 1;
    s->c = malloc(n * sizeof *s->c);
    s->scratch = malloc(LEVELS * n * sizeof *s->scratch);
    s->order = malloc(LEVELS * n * sizeof *s->order);
    s->reduced = malloc(n * sizeof *s->reduced);
    root->live = malloc(n * sizeof *root->live);
    return s->c && s->scratch && s->order && s->reduced && root->live;
}

/* The bids that take part, a bidder's together; of[bidders_n] is scratch.                       */
static void take_in(const struct clear_market *m, struct search *s, uint32_t *of)
{
    size_t at[AUCTION_BIDDERS_MAX + 1] = {0};
    for (size_t i = 0; i < m->bidders_n; i++)
        of[i] = UINT32_MAX;
    for (size_t i = 0; i < m->bids_n; i++) {
        uint32_t *b = &of[m->bids[i].bidder];
        if (*b == UINT32_MAX)
            *b = (uint32_t)s->bidders++;
        heed_assert(s->bidders <= AUCTION_BIDDERS_MAX);
        at[*b + 1] += m->bids[i].price_minor >= asked(m, i);
    }
    for (size_t b = 0; b < s->bidders; b++)
        s->from[b + 1] = at[b + 1] += at[b];
    s->n = s->from[s->bidders];
    memcpy(at, s->from, sizeof at);
    for (size_t i = 0; i < m->bids_n; i++)
        if (m->bids[i].price_minor >= asked(m, i))
            s->c[at[of[m->bids[i].bidder]]++] =
                (struct candidate){.value = m->bids[i].price_minor - asked(m, i),
                                   .package = m->bids[i].package,
                                   .bidder = of[m->bids[i].bidder],
                                   .bid = (uint32_t)i};
    int64_t most = 1;
    for (size_t i = 0; i < s->n; i++)
        most = s->c[i].value > most ? s->c[i].value : most;
    for (s->fraction = 1; s->fraction < 1 << 20 && most <= (INT64_C(1) << 60) / s->fraction / 2;)
        s->fraction *= 2;
    for (size_t i = 0; i < s->n; i++)
        s->c[i].fine = s->c[i].value * s->fraction;
}

/* false: it has not come to an end.                                                             */
static bool clear_search(const struct clear_market *m, struct search *s, struct node *root,
                         bool *taken, int64_t *pays)
{
    const struct candidate *win[AUCTION_BIDDERS_MAX] = {NULL};
    root->items = (uint32_t)((1u << m->items) - 1);
    root->bidders = (uint32_t)((1ull << s->bidders) - 1);
    root->n = s->n;
    for (size_t i = 0; i < s->n; i++)
        root->live[i] = (uint16_t)i;
    s->work_max = WORK_LEAST;
    for (size_t i = 0; i < s->n; i++)
        s->work_max += ((size_t)1 << (m->items - (uint32_t)__builtin_popcount(s->c[i].package))) /
                       WORK_OF_TABLE;
    better_prices(s, root, 0, ROOT_STEPS);
    (void)solve(s, root, root->items, root->bidders, -1, INT64_MAX);
    const int64_t total = s->best;
    for (size_t k = 0; k < s->chosen_n; k++)
        win[s->chosen[k]->bidder] = s->chosen[k];
    prefer_earlier(s, root, total, win);
    for (size_t b = 0; b < s->bidders && s->work <= s->work_max; b++) {
        if (!win[b])
            continue;
        int64_t others = total - win[b]->value;
        (void)solve(s, root, root->items, root->bidders & ~(1u << b), others, INT64_MAX);
        taken[win[b]->bid] = true;
        pays[win[b]->bid] = s->best - others + asked(m, win[b]->bid);
    }
    return s->work <= s->work_max;
}

enum heed_status clear_packages(const struct clear_market *m, bool *taken, int64_t *pays)
{
    struct search s = {.items = m->items};
    struct node root = {0};
    uint32_t *of = malloc(((size_t)m->bidders_n + 1) * sizeof *of);
    enum heed_status status = set_aside(m, &s, &root) && of ? HEED_OK : HEED_NOMEM;
    if (status == HEED_OK) {
        take_in(m, &s, of);
        if (!clear_search(m, &s, &root, taken, pays)) {
            memset(taken, 0, m->bids_n * sizeof *taken);
            memset(pays, 0, m->bids_n * sizeof *pays);
            status = clear_packages_table(m, taken, pays);
        }
    }
    free(s.c);
    free(s.scratch);
    free(s.order);
    free(s.reduced);
    free(root.live);
    free(of);
    return status;
}
