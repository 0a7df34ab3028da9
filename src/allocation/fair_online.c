/* One list at a time.
 *
 * An item has up to two values an exposure: slope x worth + price, and more as long as it is owed
 * something (`bid`) or the welfare wishes it something (`wish_bid` in place of the price). A list
 * is the best of the base polytope of its ranks under these values, above what must be given now:
 * greedy, the dearest first, each as far as its debt or the ranks allow. Both bids rise when debts
 * or wishes are paid slower than planned and fall when faster.
 *
 * While those still to come could pay all debts evenly, each item by whoever may be shown it
 * (can_wait), nothing has to be given to anyone in particular, and every list is chosen so that
 * this stays true. Where a floor is so near to what histories leave possible that it is not true
 * from the start, each item is owed at once what a feasible policy would not give it later.
 *
 * slope is psi' of the user's utility with this very list in it, so a list that has lost much loses
 * no more: found by bisection. Without a welfare psi' is utility^-(SPREAD + 1 / share) under a
 * floor of that share. Who likes an item most is asked first: the bid is less by its best worth of
 * late, so that it waits for those who like it as much. */
#include "allocation/fair_online.h"

#include "allocation/fair_gradient.h"
#include "allocation/fair_parts.h"
#include "allocation/top.h"
#include "base/error.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { OWING = 64, RAISES = 4, RAISES_NOTHING = 16 };
static const double SPREAD = 16, FORGET = 1, /* of liking, in an epoch */
    LEARN = 42,                              /* of bid in an epoch, an exposure off the plan */
    HASTE = 1.22, /* debts are paid this much faster than evenly at first */
    BID_MIN = .01, BID_ABOVE_ALL = 1e9, TINY = 1e-12, PRIOR = 1, /* of an epoch */
    WISH_LEARN =
        60, /* of the logarithm of wish_bid in an epoch, for a plan that is not paid at all */
    NEARLY_NOTHING = .001, /* of a user's best */
    WISH_EASY = .01,       /* exposure: plans below this teach less */
    WISH_FALL = 3,         /* at most, in plans */
    WISH_MOST = 1;         /* of the mean exposure: what more is wished for is left to the prices */

void fair_online_deinit(struct fair_online *s)
{
    free(s->debt);
    free(s->later);
    free(s->open);
    free(s->largest);
    free(s->given);
    free(s->liked);
    free(s->wish);
    free(s->utility);
    free(s->visits);
    free(s->feasible);
    free(s->price);
    free(s->x);
    free(s->must);
    free(s->row);
    free(s->plain);
    free(s->owing);
    free(s->chosen);
    *s = (struct fair_online){0};
}

static bool wishes(const struct fair_online *s)
{
    return s->w.lambda > 0 && s->w.items < 1;
}

/* Of one exposure over psi' of the items, in units of a user's worth. */
static double item_weight(const struct fair_online *s)
{
    const struct fair_offers *f = s->f;
    double judged = f->judged_n ? (double)f->judged_n : 1;
    return s->w.lambda * judged / ((double)f->on_offer * f->mean_exposure);
}

/* The floor that a welfare of psi(0) = -infinity cannot do without, as an exposure. least: the
 * uniform policy's. */
static double least_floor(const struct fair_online *s, double least)
{
    if (!wishes(s) || s->w.items > 0)
        return 0;
    double dearest = fair_user_slope(&s->w, 0, 0, 1) / item_weight(s);
    double floor = dearest > 0 ? fair_slope_inverse(s->w.items, dearest) : INFINITY;
    return fmin(floor * s->f->mean_exposure, least / 2);
}

enum heed_status fair_online_init(struct fair_online *s, const struct fair_offers *f,
                                  const struct fair_welfare *w, double floor,
                                  struct heed_error *err)
{
    *s = (struct fair_online){.f = f, .w = *w, .floor = floor * f->mean_exposure};
    s->debt = calloc(f->items + 1, sizeof *s->debt);
    s->later = calloc(f->items + 1, sizeof *s->later);
    s->open = calloc(f->items + 1, sizeof *s->open);
    s->largest = malloc((f->k + 1) * sizeof *s->largest);
    s->given = calloc(f->items + 1, sizeof *s->given);
    s->liked = calloc(f->items + 1, sizeof *s->liked);
    s->wish = calloc(f->items + 1, sizeof *s->wish);
    s->utility = calloc(f->users + 1, sizeof *s->utility);
    s->visits = calloc(f->users + 1, sizeof *s->visits);
    s->price = calloc(f->items + 1, sizeof *s->price);
    s->x = calloc(f->items + 1, sizeof *s->x);
    s->must = malloc((f->items + 1) * sizeof *s->must);
    s->row = malloc((f->items + 1) * sizeof *s->row);
    s->plain = malloc((f->k + 1) * sizeof *s->plain);
    s->owing = malloc(OWING * sizeof *s->owing);
    s->chosen = malloc((f->k + OWING) * sizeof *s->chosen);
    enum heed_status status = s->debt && s->later && s->open && s->largest && s->given &&
                                      s->liked && s->wish && s->utility && s->visits && s->price &&
                                      s->x && s->must && s->row && s->plain && s->owing && s->chosen
                                  ? HEED_OK
                                  : error_nomem(err);
    double least = INFINITY, most = 0;
    for (size_t i = 0; i < f->items; i++)
        if (f->even_items[i] > 0 && f->even_items[i] < least)
            least = f->even_items[i];
    if (status == HEED_OK && least < s->floor) {
        status = floor_policy(f->blocked, f->k, floor, &most, &s->feasible, err);
        if (status == HEED_OK && most < floor - 1e-9)
            status = error_set(err, HEED_RANGE, "floor",
                               "%g of the mean exposure cannot be had here; give %g or less", floor,
                               most);
    } else if (least > s->floor * (1 + 1e-6)) {
        s->floor *= 1 + 1e-6; /* for what rounding to floats loses */
    }
    s->floor = fmax(s->floor, least_floor(s, least));
    if (status == HEED_OK)
        fair_online_epoch(s);
    else
        fair_online_deinit(s);
    return status;
}

#define NOBODY SIZE_MAX
/* Whether those who come after the user could pay what is owed beyond x, each item evenly by all
 * who may be shown it: whether no j items are owed more of a list than j ranks give. NOBODY: those
 * who come from now on. */
static bool can_wait(const struct fair_online *s, size_t user)
{
    const struct fair_offers *f = s->f;
    struct top most = top_of(s->largest, f->k, f->order);
    double all = 0, sum = 0;
    for (uint32_t i = 0; i < f->items; i++) {
        double debt = s->debt[i] - s->x[i];
        if (!(debt > TINY))
            continue;
        uint32_t open = s->open[i];
        if (user != NOBODY && f->worth[user * f->items + i] >= 0)
            open--;
        if (open == 0)
            return false;
        all += debt / open;
        top_offer(&most, i, debt / open);
    }
    size_t n = top_sort(&most);
    for (size_t j = 0; j < n; j++) {
        sum += s->largest[j].score;
        if (sum > f->up_to[j + 1])
            return false;
    }
    return all <= f->up_to[f->k];
}

void fair_online_epoch(struct fair_online *s)
{
    const struct fair_offers *f = s->f;
    s->served = 0;
    s->owed = 0;
    for (size_t i = 0; i < f->items; i++) {
        bool offered = f->even_items[i] > 0;
        s->debt[i] = offered ? s->floor : 0;
        s->owed += s->debt[i];
        s->later[i] = s->feasible ? 0 : f->even_items[i];
        s->open[i] = 0;
    }
    for (size_t u = 0; s->floor > 0 && u < f->users; u++)
        for (size_t i = 0; i < f->items; i++)
            s->open[i] += f->worth[u * f->items + i] >= 0;
    s->loose = can_wait(s, NOBODY);
    for (size_t u = 0; s->feasible && u < f->users; u++)
        for (size_t i = 0; i < f->items; i++)
            s->later[i] += (double)s->feasible[u * f->items + i];
}

/* ── the row of one feed ── */

static void clear_row(struct fair_online *s)
{
    for (size_t i = 0; i < s->row_n; i++)
        s->x[s->row[i].item] = 0;
    s->row_n = 0;
    s->sum = 0;
}

/* How much more the item can have: no j items may have more than j ranks give.                   */
static double room_for(const struct fair_online *s, size_t user, uint32_t item)
{
    const double *up_to = s->f->up_to;
    size_t length = s->f->length[user], next = 0;
    double has = s->x[item], room = up_to[length] - s->sum;
    for (size_t j = 1; j < length; j++) {
        room = up_to[j] - has < room ? up_to[j] - has : room;
        while (next < s->row_n && s->row[next].item == item)
            next++;
        if (next >= s->row_n)
            break;
        has += s->row[next++].exposure;
    }
    return room;
}

static void place(struct fair_online *s, uint32_t item, double amount)
{
    size_t at = s->row_n;
    if (s->x[item] > 0)
        for (at = 0; s->row[at].item != item;)
            at++;
    else
        s->row_n++;
    s->x[item] += amount;
    s->sum += amount;
    for (; at > 0 && s->row[at - 1].exposure < s->x[item]; at--)
        s->row[at] = s->row[at - 1];
    s->row[at] = (struct fair_lot){item, s->x[item]};
}

static void give(struct fair_online *s, size_t user, uint32_t item, double wanted)
{
    double room = room_for(s, user, item);
    double amount = wanted < room ? wanted : room;
    if (amount > TINY)
        place(s, item, amount);
}

static double later_of(const struct fair_online *s, size_t user, size_t item)
{
    const struct fair_offers *f = s->f;
    if (s->feasible)
        return (double)s->feasible[user * f->items + item];
    return f->worth[user * f->items + item] >= 0 ? f->up_to[f->length[user]] / f->choice[user] : 0;
}

/* What is owed and cannot be left to those who come later.                                       */
static void find_musts(struct fair_online *s, size_t user)
{
    s->must_n = 0;
    if (s->loose)
        return;
    for (size_t i = 0; s->owed > 0 && i < s->f->items; i++) {
        double must = s->debt[i] > 0 ? s->debt[i] - s->later[i] + later_of(s, user, i) : 0;
        if (must > TINY && s->f->worth[user * s->f->items + i] >= 0)
            s->must[s->must_n++] = (struct fair_lot){(uint32_t)i, must};
    }
}

/* What the item is valued at above slope x worth, as long as something is owed to it or wished. */
static double dear_price(const struct fair_online *s, double liking, size_t i)
{
    double price = (double)s->price[i], bid = s->bid - s->liked[i];
    double owed = s->debt[i] > TINY && bid > 0 ? price + bid : price;
    double wish = s->wish_bid - liking * s->liked[i];
    return s->wish[i] > TINY && wish > owed ? wish : owed;
}

/* The best row at this slope; its utility is returned.                                           */
static double fill_row(struct fair_online *s, size_t user, double slope)
{
    const struct fair_offers *f = s->f;
    const float *worth = f->worth + user * f->items;
    float by = (float)slope;
    clear_row(s);
    for (size_t i = 0; i < s->must_n; i++)
        give(s, user, s->must[i].item, s->must[i].exposure);
    size_t n = fair_best(f, user, by, s->price, -INFINITY, s->plain);
    struct top owing = top_of(s->owing, OWING, f->order);
    double bar = n ? s->plain[n - 1].score : INFINITY;
    double liking = fair_user_slope(&s->w, 0, 0, 1);
    for (uint32_t i = 0; (s->owed > 0 || s->wished > 0) && i < f->items; i++) {
        double value = (double)(by * worth[i]) + dear_price(s, liking, i);
        if (value >= bar && (s->debt[i] > TINY || s->wish[i] > TINY))
            top_offer(&owing, i, value);
    }
    size_t m = top_sort(&owing);
    for (size_t i = 0, j = 0; i < n || j < m;) {
        if (j < m && (i >= n || s->owing[j].score >= s->plain[i].score)) {
            uint32_t item = s->owing[j++].item;
            give(s, user, item, fmax(s->debt[item], s->wish[item]) - s->x[item]);
        } else {
            give(s, user, s->plain[i++].item, INFINITY);
        }
    }
    double utility = 0;
    for (size_t i = 0; f->judged[user] && i < s->row_n; i++)
        utility += s->row[i].exposure * (double)worth[s->row[i].item];
    return utility;
}

/* psi' of the user's mean utility when this feed has `utility`.                                  */
static double slope_at(const struct fair_online *s, size_t user, double utility)
{
    double mean = (s->utility[user] + utility) / (s->visits[user] + 1);
    if (s->w.lambda > 0 || s->w.users != 1)
        return fair_user_slope(&s->w, s->utility[user], s->visits[user], utility);
    return s->floor > 0 ? pow(mean > .01 ? mean : .01, -SPREAD - s->f->mean_exposure / s->floor)
                        : 1;
}

struct turn {
    struct fair_online *s;
    size_t user;
};

static double make_row(void *context, double slope)
{
    const struct turn *t = context;
    return fill_row(t->s, t->user, slope);
}

static double slope_of_row(void *context, double utility)
{
    const struct turn *t = context;
    return slope_at(t->s, t->user, utility);
}

static double fill_best_row(struct fair_online *s, size_t user)
{
    struct turn turn = {s, user};
    const struct fair_listing listing = {make_row, slope_of_row, &turn};
    if (!s->f->judged[user])
        return fill_row(s, user, 0);
    double utility = fair_list(&listing), slope = slope_at(s, user, utility);
    /* fair_user_slope goes no further, but nothing is worse than nothing at all */
    bool dire = s->w.lambda < 1 && s->w.users <= 0 && s->utility[user] <= 0;
    for (int i = 0; dire && utility < NEARLY_NOTHING && i < RAISES_NOTHING; i++) {
        slope *= 4;
        utility = fill_row(s, user, slope);
    }
    return utility;
}

static void learn_liking(struct fair_online *s, size_t user)
{
    const float *worth = s->f->worth + user * s->f->items;
    double keep = 1 - FORGET / ((double)s->f->users + FORGET);
    for (size_t i = 0; (s->floor > 0 || wishes(s)) && i < s->f->items; i++) {
        double liked = keep * s->liked[i];
        s->liked[i] = (double)worth[i] > liked ? (double)worth[i] : liked;
    }
}

/* psi' at what the items will have when the epoch ends, and what they lack of the share that
 * wish_bid buys, which is more the better an item is liked. */
static void find_prices(struct fair_online *s)
{
    const struct fair_offers *f = s->f;
    double weight = item_weight(s), liking = fair_user_slope(&s->w, 0, 0, 1);
    double part = (double)s->served / (double)f->users;
    double epochs = (double)s->feeds / (double)f->users - part; /* before this one */
    s->wished = 0;
    for (size_t i = 0; weight > 0 && i < f->items; i++) {
        if (!(f->even_items[i] > 0))
            continue;
        double prior = PRIOR * (double)(f->order[i] + 1) / (double)f->items;
        double even = f->even_items[i] / f->mean_exposure, has = s->given[i] / f->mean_exposure;
        double pace = (prior * even + has) / (prior + epochs + part);
        double share = (has + (1 - part) * pace) / (epochs + 1);
        if (wishes(s) && s->wish_bid > 0) {
            double bid = fmax(s->wish_bid - liking * s->liked[i], TINY);
            double up_to = fmin(fair_slope_inverse(s->w.items, bid / weight), WISH_MOST);
            s->wish[i] = fmax((up_to * (epochs + 1) - has) * f->mean_exposure, 0);
            s->wished += s->wish[i];
            share = fmax(share, up_to);
        }
        s->price[i] = (float)(weight * fair_slope(s->w.items, share));
    }
}

/* The first bid is what the last slot of a list is worth; then it follows the pace. */
static void learn_wish_bid(struct fair_online *s, size_t user)
{
    const struct fair_offers *f = s->f;
    double left = (double)(f->users - s->served), paid = 0;
    if (!wishes(s) || f->length[user] == 0)
        return;
    if (!(s->wish_bid > 0)) {
        size_t n = fair_best(f, user, (float)fair_user_slope(&s->w, 0, 0, 1), s->price, -INFINITY,
                             s->plain);
        s->wish_bid = f->judged[user] ? fmax(s->plain[n - 1].score, TINY) : 0;
        return;
    }
    for (size_t i = 0; i < s->row_n; i++)
        paid += fmin(s->row[i].exposure, s->wish[s->row[i].item]);
    double plan = fmin(HASTE * s->wished / left, f->up_to[f->length[user]]);
    double behind = fmax((plan - paid) / (plan + WISH_EASY), -WISH_FALL);
    s->wish_bid *= exp(WISH_LEARN / (double)f->users * behind);
}

/* When what is owed beyond this row could not wait for those to come: more is bid for what is owed,
 * and if nothing else helps each item is paid what he would pay of it evenly, which always does. */
static double make_sure(struct fair_online *s, size_t user, double utility)
{
    double bid = s->bid;
    bool sure = can_wait(s, user);
    for (int i = 0; i < RAISES && !sure; i++) {
        s->bid = i + 1 < RAISES ? 2 * s->bid + BID_MIN : BID_ABOVE_ALL;
        utility = fill_best_row(s, user);
        sure = can_wait(s, user);
    }
    s->bid = bid;
    if (sure)
        return utility;
    for (uint32_t i = 0; i < s->f->items; i++)
        if (s->debt[i] > TINY && s->f->worth[user * s->f->items + i] >= 0)
            s->must[s->must_n++] = (struct fair_lot){i, s->debt[i] / s->open[i]};
    return fill_best_row(s, user);
}

void fair_online_serve(struct fair_online *s, size_t user)
{
    const struct fair_offers *f = s->f;
    learn_liking(s, user);
    find_prices(s);
    find_musts(s, user);
    double utility = fill_best_row(s, user), paid = 0;
    if (s->loose)
        utility = make_sure(s, user, utility);
    double left = (double)(f->users - s->served), plan = HASTE * s->owed / left;
    plan = plan < f->up_to[f->length[user]] ? plan : f->up_to[f->length[user]];
    learn_wish_bid(s, user);
    for (size_t i = 0; i < s->row_n; i++) {
        uint32_t item = s->row[i].item;
        double exposure = s->row[i].exposure, debt = s->debt[item];
        s->given[item] += exposure;
        paid += exposure < debt ? exposure : debt;
        s->debt[item] = debt - exposure > TINY ? debt - exposure : 0;
    }
    for (size_t i = 0; s->floor > 0 && i < f->items; i++) {
        s->later[i] -= later_of(s, user, i);
        s->open[i] -= f->worth[user * f->items + i] >= 0;
    }
    for (size_t i = 0; i < s->row_n; i++)
        s->x[s->row[i].item] = 0;
    s->loose = s->loose || can_wait(s, NOBODY);
    s->owed = s->owed - paid > TINY ? s->owed - paid : 0;
    s->bid += LEARN / (double)f->users * (plan - paid);
    s->bid = s->bid > 0 ? s->bid : 0;
    s->utility[user] += utility;
    s->visits[user]++;
    s->served++;
    s->feeds++;
}
