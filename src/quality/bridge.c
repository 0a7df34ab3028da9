#include "quality/bridge.h"
#include "quality/groups.h"

#include "base/map.h"
#include "base/prng.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct bridge_options bridge_default(void)
{
    return (struct bridge_options){.lambda_intercept = .15,
                                   .lambda_factor = .03,
                                   .helpful = .40,
                                   .min_ratings = 5,
                                   .min_of_user = 1,
                                   .min_of_note = 1,
                                   .starts = BRIDGE_STARTS,
                                   .max_iterations = BRIDGE_MAX_ITERATIONS,
                                   .seed = 1};
}

const char *bridge_status_name(enum bridge_status status)
{
    static const char *const names[] = {"needs_more_ratings", "helpful", "not_helpful"};
    return names[status];
}

enum bridge_status bridge_status_of(const struct bridge_side *note,
                                    const struct bridge_options *options)
{
    if (!note->fitted || note->ratings < options->min_ratings)
        return BRIDGE_NEEDS_MORE;
    if (note->intercept >= options->helpful)
        return BRIDGE_HELPFUL;
    return note->intercept < -.05 - .8 * fabs(note->factor) ? BRIDGE_NOT_HELPFUL
                                                            : BRIDGE_NEEDS_MORE;
}

/* ── the ratings that count ── */

/* Ratings grouped by one side: of i they are cells[start[i]] to cells[start[i + 1]]. */
struct grouped {
    size_t *start; /* [n + 1] */
    struct cell {
        uint32_t other;
        double rating;
    } * cells;
};

struct work {
    struct bridge_rating *ratings; /* in the order of the file */
    size_t n;
    struct grouped by_user, by_note;
    size_t users_fitted, notes_fitted;
    struct bridge_side *users, *notes; /* of the best start so far */
};

static void work_deinit(struct work *w)
{
    free(w->ratings);
    free(w->by_user.start);
    free(w->by_user.cells);
    free(w->by_note.start);
    free(w->by_note.cells);
    free(w->users);
    free(w->notes);
}

static enum heed_status check(const struct bridge_rating *r, size_t n, size_t users, size_t notes,
                              struct heed_error *err)
{
    for (size_t i = 0; i < n; i++) {
        if (r[i].user >= users || r[i].note >= notes)
            return error_set(err, HEED_RANGE, "ratings", "rating %zu is of nobody or nothing", i);
        if (!(r[i].rating >= 0 && r[i].rating <= 1))
            return error_set(err, HEED_RANGE, "ratings",
                             "rating %zu is %g; ratings are from 0 to 1", i, r[i].rating);
    }
    return HEED_OK;
}

/* Copies them, the later of two in the place of the earlier. */
static enum heed_status copy_last(const struct bridge_rating *r, size_t n, struct work *w,
                                  struct heed_error *err)
{
    struct map seen;
    map_init(&seen);
    w->ratings = malloc((n ? n : 1) * sizeof *w->ratings);
    bool ok = w->ratings != NULL;
    for (size_t i = 0; ok && i < n; i++) {
        uint64_t key = (uint64_t)r[i].user << 32 | r[i].note;
        uint32_t at = map_get(&seen, key);
        if (at != MAP_NONE)
            w->ratings[at] = r[i];
        else if ((ok = w->n < MAP_NONE && map_put(&seen, key, (uint32_t)w->n)))
            w->ratings[w->n++] = r[i];
    }
    map_deinit(&seen);
    return ok ? HEED_OK : error_nomem(err);
}

/* Keeps the ratings of the sides (users or notes) that have at least `least`. */
static bool filter(struct work *w, size_t sides, bool by_user, uint32_t least)
{
    uint32_t *count = calloc(sides ? sides : 1, sizeof *count);
    size_t kept = 0;
    if (!count)
        return false;
    for (size_t i = 0; i < w->n; i++)
        count[by_user ? w->ratings[i].user : w->ratings[i].note]++;
    for (size_t i = 0; i < w->n; i++)
        if (count[by_user ? w->ratings[i].user : w->ratings[i].note] >= least)
            w->ratings[kept++] = w->ratings[i];
    w->n = kept;
    free(count);
    return true;
}

static bool group(const struct work *w, size_t sides, bool by_user, struct grouped *g)
{
    g->start = calloc(sides + 2, sizeof *g->start);
    g->cells = malloc((w->n ? w->n : 1) * sizeof *g->cells);
    if (!g->start || !g->cells)
        return false;
    /* start[i + 1] walks from the first place of i to its end, which is the first of i + 1 */
    for (size_t i = 0; i < w->n; i++)
        g->start[(by_user ? w->ratings[i].user : w->ratings[i].note) + 2]++;
    for (size_t i = 1; i < sides + 2; i++)
        g->start[i] += g->start[i - 1];
    for (size_t i = 0; i < w->n; i++) {
        const struct bridge_rating *r = &w->ratings[i];
        size_t at = g->start[(by_user ? r->user : r->note) + 1]++;
        g->cells[at] = (struct cell){by_user ? r->note : r->user, r->rating};
    }
    return true;
}

/* ── alternating least squares ── */

/* The exact minimum over (intercept, factor) of each of one side; the largest move. */
static double solve_side(const struct grouped *g, struct bridge_side *side, size_t n,
                         const struct bridge_side *other, double mu, double ridge_intercept,
                         double ridge_factor)
{
    double moved = 0;
    for (size_t i = 0; i < n; i++) {
        if (!side[i].fitted)
            continue;
        double a = ridge_intercept, b = 0, c = ridge_factor, p = 0, q = 0;
        for (size_t at = g->start[i]; at < g->start[i + 1]; at++) {
            const struct bridge_side *o = &other[g->cells[at].other];
            double e = g->cells[at].rating - mu - o->intercept;
            a += 1;
            b += o->factor;
            c += o->factor * o->factor;
            p += e;
            q += e * o->factor;
        }
        double det = a * c - b * b; /* above 0: both ridges are */
        double intercept = (p * c - q * b) / det, factor = (q * a - p * b) / det;
        moved =
            fmax(moved, fmax(fabs(intercept - side[i].intercept), fabs(factor - side[i].factor)));
        side[i].intercept = intercept;
        side[i].factor = factor;
    }
    return moved;
}

static double residual(const struct bridge_rating *r, const struct bridge_fit *f)
{
    const struct bridge_side *u = &f->users[r->user], *n = &f->notes[r->note];
    return r->rating - f->mu - u->intercept - n->intercept - u->factor * n->factor;
}

static double solve_mu(const struct work *w, struct bridge_fit *f, double lambda)
{
    double sum = 0;
    for (size_t i = 0; i < w->n; i++)
        sum += residual(&w->ratings[i], f) + f->mu;
    double mu = sum / ((double)w->n * (1 + lambda)), moved = fabs(mu - f->mu);
    f->mu = mu;
    return moved;
}

static double loss_of(const struct work *w, const struct bridge_fit *f,
                      const struct bridge_options *o)
{
    double error = 0, intercepts[2] = {0, 0}, factors[2] = {0, 0};
    for (size_t i = 0; i < w->n; i++) {
        double e = residual(&w->ratings[i], f);
        error += e * e;
    }
    for (size_t i = 0; i < f->users_n + f->notes_n; i++) {
        bool user = i < f->users_n;
        const struct bridge_side *s = user ? &f->users[i] : &f->notes[i - f->users_n];
        if (s->fitted) {
            intercepts[user] += s->intercept * s->intercept;
            factors[user] += s->factor * s->factor;
        }
    }
    double users = (double)w->users_fitted, notes = (double)w->notes_fitted;
    return error / (double)w->n +
           o->lambda_intercept * (f->mu * f->mu + intercepts[1] / users + intercepts[0] / notes) +
           o->lambda_factor * (factors[1] / users + factors[0] / notes);
}

static void begin(struct bridge_side *side, size_t n, struct prng *r)
{
    for (size_t i = 0; i < n; i++) {
        side[i].intercept = 0;
        side[i].factor = 2 * prng_double(r) - 1;
    }
}

static void one_start(const struct work *w, const struct bridge_options *o, struct bridge_fit *f,
                      struct prng *r)
{
    double n = (double)w->n, users = (double)w->users_fitted, notes = (double)w->notes_fitted;
    double li = o->lambda_intercept, lf = o->lambda_factor, moved = INFINITY;
    begin(f->users, f->users_n, r);
    begin(f->notes, f->notes_n, r);
    f->mu = 0;
    for (f->iterations = 0; f->iterations < o->max_iterations && moved >= BRIDGE_TOLERANCE;
         f->iterations++) {
        moved = solve_mu(w, f, li);
        moved = fmax(moved, solve_side(&w->by_user, f->users, f->users_n, f->notes, f->mu,
                                       li * n / users, lf * n / users));
        moved = fmax(moved, solve_side(&w->by_note, f->notes, f->notes_n, f->users, f->mu,
                                       li * n / notes, lf * n / notes));
    }
    f->converged = moved < BRIDGE_TOLERANCE;
    f->loss = loss_of(w, f, o);
}

/* The sign that the loss leaves open. */
static void set_sign(struct bridge_fit *f)
{
    double most = 0;
    size_t first = 0, below = 0, above = 0;
    for (size_t i = 0; i < f->users_n; i++)
        if (f->users[i].fitted) {
            double factor = f->users[i].factor;
            below += factor < -1e-6;
            above += factor > 1e-6;
            if (fabs(factor) > most * (1 + 1e-6)) {
                most = fabs(factor);
                first = i;
            }
        }
    bool flip = above > below || (above == below && f->users_n && f->users[first].factor < 0);
    for (size_t i = 0; flip && i < f->users_n; i++)
        f->users[i].factor = -f->users[i].factor;
    for (size_t i = 0; flip && i < f->notes_n; i++)
        f->notes[i].factor = -f->notes[i].factor;
}

static enum heed_status best_start(struct work *w, const struct bridge_options *o,
                                   struct bridge_fit *f, struct heed_error *err)
{
    struct prng r;
    struct bridge_fit best = *f;
    best.loss = INFINITY;
    prng_seed(&r, o->seed);
    best.users = w->users = malloc((f->users_n ? f->users_n : 1) * sizeof *w->users);
    best.notes = w->notes = malloc((f->notes_n ? f->notes_n : 1) * sizeof *w->notes);
    if (!w->users || !w->notes)
        return error_nomem(err);
    for (uint32_t s = 0; s < o->starts || s == 0; s++) {
        one_start(w, o, f, &r);
        if (f->loss < best.loss - 1e-12) {
            memcpy(best.users, f->users, f->users_n * sizeof *f->users);
            memcpy(best.notes, f->notes, f->notes_n * sizeof *f->notes);
            best.mu = f->mu;
            best.loss = f->loss;
            best.iterations = f->iterations;
            best.converged = f->converged;
        }
    }
    memcpy(f->users, best.users, f->users_n * sizeof *f->users);
    memcpy(f->notes, best.notes, f->notes_n * sizeof *f->notes);
    f->mu = best.mu;
    f->loss = best.loss;
    f->iterations = best.iterations;
    f->converged = best.converged;
    set_sign(f);
    return HEED_OK;
}

/* ── */

void bridge_fit_deinit(struct bridge_fit *f)
{
    free(f->users);
    free(f->notes);
    *f = (struct bridge_fit){0};
}

static enum heed_status enough(const struct work *w, struct heed_error *err)
{
    if (w->n == 0)
        return error_set(
            err, HEED_INPUT, "ratings",
            "there are none to fit; give some, or ask for fewer of each user and note");
    bool one_user = true, equal = true;
    for (size_t i = 1; i < w->n; i++) {
        one_user = one_user && w->ratings[i].user == w->ratings[0].user;
        equal = equal && w->ratings[i].rating == w->ratings[0].rating;
    }
    if (one_user)
        return error_set(err, HEED_INPUT, "ratings",
                         "all that can be fitted are by one user, whom nobody can disagree with; "
                         "add ratings of the same notes by others");
    if (equal)
        return error_set(err, HEED_INPUT, "ratings",
                         "all that can be fitted are equal, nobody disagrees; there is nothing to "
                         "bridge until some differ");
    return HEED_OK;
}

static enum heed_status prepare(const struct bridge_rating *ratings, size_t n,
                                const struct bridge_options *o, struct work *w,
                                struct bridge_fit *f, struct heed_error *err)
{
    enum heed_status status = copy_last(ratings, n, w, err);
    f->users = calloc(f->users_n ? f->users_n : 1, sizeof *f->users);
    f->notes = calloc(f->notes_n ? f->notes_n : 1, sizeof *f->notes);
    if (status == HEED_OK && (!f->users || !f->notes))
        status = error_nomem(err);
    if (status != HEED_OK)
        return status;
    for (size_t i = 0; i < w->n; i++) {
        f->users[w->ratings[i].user].ratings++;
        f->notes[w->ratings[i].note].ratings++;
    }
    if (!filter(w, f->notes_n, false, o->min_of_note) ||
        !filter(w, f->users_n, true, o->min_of_user) ||
        !filter(w, f->notes_n, false, o->min_of_note) || !group(w, f->users_n, true, &w->by_user) ||
        !group(w, f->notes_n, false, &w->by_note))
        return error_nomem(err);
    for (size_t i = 0; i < w->n; i++) {
        f->users[w->ratings[i].user].fitted = true;
        f->notes[w->ratings[i].note].fitted = true;
    }
    for (size_t i = 0; i < f->users_n; i++)
        w->users_fitted += f->users[i].fitted;
    for (size_t i = 0; i < f->notes_n; i++)
        w->notes_fitted += f->notes[i].fitted;
    f->ratings_n = w->n;
    struct groups groups;
    if (!groups_count(w->ratings, sizeof *w->ratings, w->n, f->users_n, f->notes_n, &groups))
        return error_nomem(err);
    f->groups = groups.n;
    f->alone = groups.alone;
    return enough(w, err);
}

static void leave_out(struct bridge_side *side, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!side[i].fitted)
            side[i].intercept = side[i].factor = (double)NAN;
}

enum heed_status bridge_fit(const struct bridge_rating *ratings, size_t n, size_t users,
                            size_t notes, const struct bridge_options *options,
                            struct bridge_fit *out, struct heed_error *err)
{
    struct work w = {0};
    *out = (struct bridge_fit){.users_n = users, .notes_n = notes};
    enum heed_status status = check(ratings, n, users, notes, err);
    if (status == HEED_OK)
        status = prepare(ratings, n, options, &w, out, err);
    if (status == HEED_OK)
        status = best_start(&w, options, out, err);
    if (status == HEED_OK) {
        leave_out(out->users, users);
        leave_out(out->notes, notes);
    }
    work_deinit(&w);
    if (status != HEED_OK)
        bridge_fit_deinit(out);
    return status;
}
