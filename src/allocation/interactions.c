#include "allocation/interactions.h"

#include "base/error.h"
#include "base/sheet.h"
#include "base/time.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void interactions_init(struct interactions *x)
{
    *x = (struct interactions){.timed = true};
    intern_init(&x->users);
    intern_init(&x->items);
    intern_init(&x->verbs);
}

void interactions_deinit(struct interactions *x)
{
    intern_deinit(&x->users);
    intern_deinit(&x->items);
    intern_deinit(&x->verbs);
    free(x->rows);
    *x = (struct interactions){0};
}

enum heed_status interactions_add(struct interactions *x, struct str user, struct str item,
                                  struct str verb, double amount, int64_t time_ms,
                                  struct heed_error *err)
{
    if (user.n == 0 || item.n == 0)
        return error_set(err, HEED_INPUT, user.n ? "target" : "user", "is empty; name it");
    if (!isfinite(amount) || amount < 0)
        return error_set(err, HEED_INPUT, "amount", "must be a finite number of at least 0");
    if (!array_grow(&x->rows, &x->cap, x->n + 1, sizeof *x->rows))
        return error_nomem(err);
    struct interaction row = {intern_add(&x->users, user), intern_add(&x->items, item),
                              intern_add(&x->verbs, verb), amount,
                              act_weight(verb, amount),    time_ms};
    if (row.user == INTERN_NONE || row.item == INTERN_NONE || row.verb == INTERN_NONE)
        return error_nomem(err);
    x->rows[x->n++] = row;
    x->timed = x->timed && time_ms != INTERACTIONS_NO_TIME;
    return HEED_OK;
}

enum { USER, TARGET, VERB, AMOUNT, TIME, FIELDS };
static const char *const field_names[FIELDS] = {"user", "target", "verb", "amount", "time"};

const char *const interactions_kinds[INTERACTIONS_KINDS] = {"content", "good", "service", "user"};

struct reading {
    struct interactions *x;
    const struct interactions_choice *choice;
    struct sheet sheet;
    size_t place[FIELDS]; /* SHEET_NOWHERE: the file has no such column */
};

static enum heed_status find_columns(struct reading *r, struct heed_error *err)
{
    for (int f = 0; f < FIELDS; f++)
        r->place[f] = sheet_column(&r->sheet, field_names[f]);
    return sheet_need(&r->sheet, field_names, TARGET + 1, r->place, err);
}

static struct str cell_of(const struct reading *r, int field)
{
    size_t place = r->place[field];
    return place == SHEET_NOWHERE ? STR_NONE : str_trim(r->sheet.row.fields[place]);
}

/* Cut off what comma follows.                                                                    */
static struct str first_of(struct str *list)
{
    const char *comma = memchr(list->p, ',', list->n);
    size_t n = comma ? (size_t)(comma - list->p) : list->n;
    struct str word = str_trim((struct str){list->p, n});
    *list = comma ? (struct str){comma + 1, list->n - n - 1} : STR_NONE;
    return word;
}

static bool named(struct str list, struct str word)
{
    while (list.n)
        if (str_eq(first_of(&list), word))
            return true;
    return false;
}

/* Whether the target is of the kind chosen; it loses its prefix then.                            */
static bool of_kind(struct reading *r, struct str *target)
{
    const char *colon = memchr(target->p, ':', target->n);
    struct str kind = colon ? (struct str){target->p, (size_t)(colon - target->p)} : STR_NONE;
    for (unsigned i = 0; i < INTERACTIONS_KINDS; i++)
        if (str_is(kind, interactions_kinds[i]))
            r->x->kinds |= 1U << i;
    if (!r->choice->kind.n)
        return true;
    if (!colon || !str_eq(kind, r->choice->kind))
        return false;
    *target = (struct str){colon + 1, target->n - kind.n - 1};
    return true;
}

static enum heed_status take_row(struct reading *r, struct str user, struct str target,
                                 double amount, int64_t time_ms, struct heed_error *err)
{
    struct interactions *x = r->x;
    struct str verb = cell_of(r, VERB), verbs = r->choice->verbs;
    if (!of_kind(r, &target)) {
        x->other_kinds++;
        return HEED_OK;
    }
    bool chosen = !verbs.n || named(verbs, verb), nobody = str_is(user, "-");
    if (target.n && (nobody || !chosen)) {
        x->of_nobody += nobody;
        x->other_verbs += !nobody;
        return intern_add(&x->items, target) != INTERN_NONE &&
                       intern_add(&x->verbs, verb) != INTERN_NONE
                   ? HEED_OK
                   : error_nomem(err);
    }
    enum heed_status status = interactions_add(x, user, target, verb, amount, time_ms, err);
    if (status == HEED_OK && verbs.n)
        x->rows[x->n - 1].weight = amount > 0;
    return status;
}

static enum heed_status read_row(struct reading *r, struct heed_error *err)
{
    struct str user, target, amount_text = cell_of(r, AMOUNT), time_text = cell_of(r, TIME);
    double amount = 1;
    int64_t time_ms = INTERACTIONS_NO_TIME;
    enum heed_status status = sheet_cell(&r->sheet, r->place[USER], &user, err);
    if (status == HEED_OK)
        status = sheet_cell(&r->sheet, r->place[TARGET], &target, err);
    if (status != HEED_OK)
        return status;
    if (amount_text.n && (!sheet_number(amount_text, &amount) || amount < 0))
        return sheet_error(&r->sheet, r->place[AMOUNT], err,
                           "it must be a finite number of at least 0");
    if (time_text.n && time_from_text(time_text, &time_ms) != TIME_OK)
        return sheet_error(&r->sheet, r->place[TIME], err,
                           "it must be a time such as 2026-01-31T12:00:00Z, or Unix seconds");
    return take_row(r, user, target, amount, time_ms, err);
}

/* Says what there is to choose from, if that is not what was chosen.                             */
static enum heed_status check_choice(const struct reading *r, const char *path,
                                     struct heed_error *err)
{
    const struct interactions *x = r->x;
    struct str kind = r->choice->kind, rest = r->choice->verbs;
    char list[400] = "";
    size_t n = 0;
    if (kind.n && x->verbs.count == 0) {
        for (unsigned i = 0; i < INTERACTIONS_KINDS; i++)
            if (x->kinds & 1U << i)
                n += (size_t)snprintf(list + n, sizeof list - n, "%s%s", n ? ", " : "",
                                      interactions_kinds[i]);
        return error_set(err, HEED_INPUT, path, "has no target such as %.*s:ID; it has %s",
                         kind.n < 60 ? (int)kind.n : 60, kind.p,
                         n ? list : "none of the form KIND:ID; leave --kind out");
    }
    for (uint32_t v = 0; v < x->verbs.count && n < sizeof list - 80; v++) {
        struct str verb = intern_str(&x->verbs, v);
        n += (size_t)snprintf(list + n, sizeof list - n, "%s%.*s", n ? ", " : "",
                              verb.n < 60 ? (int)verb.n : 60, verb.p);
    }
    while (rest.n) {
        struct str verb = first_of(&rest);
        if (intern_find(&x->verbs, verb) == INTERN_NONE)
            return error_set(err, HEED_INPUT, path, "has no row of the verb '%.*s'; it has %s",
                             verb.n < 60 ? (int)verb.n : 60, verb.p,
                             n ? list : "no column verb; leave --verbs out");
    }
    return x->n ? HEED_OK
                : error_set(err, HEED_INPUT, path, "has no rows; give a CSV with user,target");
}

enum heed_status interactions_read(struct interactions *x, const char *path,
                                   const struct interactions_choice *choice,
                                   void (*progress)(void *context, double share), void *context,
                                   struct heed_error *err)
{
    static const struct interactions_choice all = {{NULL, 0}, {NULL, 0}};
    struct reading r = {.x = x, .choice = choice ? choice : &all};
    bool more = true;
    enum heed_status status = sheet_open(path, &(struct csv_options){0},
                                         "the header needs user and target", &r.sheet, err);
    if (status == HEED_OK)
        status = find_columns(&r, err);
    for (size_t rows = 1; status == HEED_OK; rows++) {
        status = sheet_next(&r.sheet, &more, err);
        if (status != HEED_OK || !more)
            break;
        status = read_row(&r, err);
        if (progress && rows % 65536 == 0) {
            uint64_t done, total;
            reader_progress(r.sheet.reader, &done, &total);
            progress(context, total ? (double)done / (double)total : 0);
        }
    }
    sheet_close(&r.sheet);
    if (status == HEED_OK)
        status = check_choice(&r, path, err);
    return status;
}

enum heed_status interactions_pairs(const struct interactions *x, struct sparse *pairs,
                                    size_t **first, size_t *unwished)
{
    static const double LEAST = 1e-9; /* sums of weights below are rounding */
    size_t users = x->users.count, items = x->items.count;
    /* rows by user, then each user's items once */
    size_t *by_user = malloc((x->n + 1) * sizeof *by_user);
    uint32_t *seen = calloc(items + 1, sizeof *seen);
    uint64_t *place = malloc((items + 1) * sizeof *place); /* of what is seen */
    double *sum = calloc(items + 1, sizeof *sum);
    uint64_t *next = calloc(users + 2, sizeof *next);
    *first = malloc((x->n + 1) * sizeof **first);
    enum heed_status status = sparse_init(pairs, users, items, x->n, false);
    if (status != HEED_OK || !by_user || !seen || !place || !sum || !next || !*first) {
        free(*first);
        *first = NULL;
        sparse_deinit(pairs);
        status = HEED_NOMEM;
        goto done;
    }
    for (size_t i = 0; i < x->n; i++)
        next[x->rows[i].user + 2]++;
    for (size_t u = 0; u < users; u++)
        next[u + 2] += next[u + 1];
    for (size_t i = 0; i < x->n; i++)
        by_user[next[x->rows[i].user + 1]++] = i;
    uint64_t n = 0;
    size_t less = 0;
    for (size_t u = 0; u < users; u++) {
        for (uint64_t i = next[u]; i < next[u + 1]; i++)
            sum[x->rows[by_user[i]].item] += x->rows[by_user[i]].weight;
        for (uint64_t i = next[u]; i < next[u + 1]; i++) {
            const struct interaction *row = &x->rows[by_user[i]];
            if (!(row->weight > 0 && sum[row->item] > LEAST))
                continue;
            if (seen[row->item] == u + 1) {
                size_t *at = &(*first)[place[row->item]];
                if (x->timed && row->time_ms < x->rows[*at].time_ms)
                    *at = by_user[i];
                continue;
            }
            seen[row->item] = (uint32_t)(u + 1);
            place[row->item] = n;
            pairs->column[n] = row->item;
            (*first)[n++] = by_user[i];
        }
        for (uint64_t i = next[u]; i < next[u + 1]; i++) {
            uint32_t item = x->rows[by_user[i]].item;
            less += seen[item] != u + 1;
            seen[item] = (uint32_t)(u + 1);
            sum[item] = 0;
        }
        pairs->at[u + 1] = n;
    }
    if (unwished)
        *unwished = less;
done:
    free(by_user);
    free(seen);
    free(place);
    free(sum);
    free(next);
    return status;
}
