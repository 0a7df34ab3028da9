/* `heed quality agree`, `heed quality bridge`: judgements of a file, without a world. */
#include "base/intern.h"
#include "base/sheet.h"
#include "base/term.h"
#include "base/utf8.h"
#include "cli/tools.h"
#include "quality/agree.h"
#include "quality/bridge.h"

#include <math.h>
#include <stdio.h>
#include <unistd.h>

static json_t *number(double x)
{
    return isfinite(x) ? json_real(x) : json_null();
}

static json_t *number_list(const double *x, size_t n)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(list, number(x[i]));
    return list;
}

static const char *text_of(const struct intern *names, size_t i)
{
    return intern_str(names, (uint32_t)i).p;
}

static void print_document(json_t *doc)
{
    json_dumpf(doc, stdout, REPLY_REALS);
    fputc('\n', stdout);
}

static void print_table(struct table *t)
{
    fputc('\n', stdout);
    table_print(t, stdout, isatty(STDOUT_FILENO) ? term_width(stdout, 0) : 0);
    table_free(t);
}

static void say_unsettled(const struct cli *c, uint32_t iterations)
{
    if (!c->quiet)
        fprintf(stderr, "heed: the numbers still moved after %u iterations; take them with care\n",
                iterations);
}

/* ── agree ── */

struct agreeing {
    struct intern reviewers, targets, classes;
    struct agree_label *labels;
    size_t n, cap;
    uint32_t *order; /* classes by their text */
    struct agree_fit fit;
};

/* A CSV file with three columns that have something in every row. */
struct triples {
    struct sheet sheet;
    size_t place[3];
    struct str cell[3];
};

/* Closed by sheet_close, after an error too. */
static enum heed_status triples_open(struct triples *t, const char *path,
                                     const char *const names[3], struct heed_error *err)
{
    enum heed_status status = sheet_open(path, &(struct csv_options){0},
                                         "the first line names the columns", &t->sheet, err);
    return status == HEED_OK ? sheet_need(&t->sheet, names, 3, t->place, err) : status;
}

static enum heed_status triples_next(struct triples *t, bool *more, struct heed_error *err)
{
    enum heed_status status = sheet_next(&t->sheet, more, err);
    for (size_t i = 0; status == HEED_OK && *more && i < 3; i++)
        status = sheet_cell(&t->sheet, t->place[i], &t->cell[i], err);
    return status;
}

static enum heed_status read_labels(const char *path, struct agreeing *a, struct heed_error *err)
{
    static const char *const names[] = {"reviewer", "target", "label"};
    struct triples t;
    bool more = true;
    enum heed_status status = triples_open(&t, path, names, err);
    while (status == HEED_OK && (status = triples_next(&t, &more, err)) == HEED_OK && more) {
        if (!array_grow(&a->labels, &a->cap, a->n + 1, sizeof *a->labels)) {
            status = error_nomem(err);
            break;
        }
        struct agree_label l = {intern_add(&a->reviewers, t.cell[0]),
                                intern_add(&a->targets, t.cell[1]),
                                intern_add(&a->classes, t.cell[2])};
        if (l.reviewer == INTERN_NONE || l.target == INTERN_NONE || l.label == INTERN_NONE)
            status = error_nomem(err);
        a->labels[a->n++] = l;
    }
    sheet_close(&t.sheet);
    return status;
}

/* Renumbers the labels in the order of their texts, byte by byte; merge sort. */
static enum heed_status sort_classes(struct agreeing *a, struct heed_error *err)
{
    size_t n = a->classes.count;
    uint32_t *order = calloc(n ? n : 1, sizeof *order), *other = calloc(n ? n : 1, sizeof *other);
    a->order = order;
    if (!order || !other) {
        free(other);
        return error_nomem(err);
    }
    for (uint32_t i = 0; i < n; i++)
        order[i] = i;
    for (size_t width = 1; width < n; width *= 2) {
        for (size_t from = 0; from < n; from += 2 * width) {
            size_t i = from, middle = from + width < n ? from + width : n;
            size_t j = middle, end = from + 2 * width < n ? from + 2 * width : n;
            for (size_t at = from; at < end; at++) {
                bool left = j >= end || (i < middle && strcmp(text_of(&a->classes, order[i]),
                                                              text_of(&a->classes, order[j])) <= 0);
                other[at] = left ? order[i++] : order[j++];
            }
        }
        memcpy(order, other, n * sizeof *order);
    }
    for (uint32_t i = 0; i < n; i++)
        other[order[i]] = i;
    for (size_t i = 0; i < a->n; i++)
        a->labels[i].label = other[a->labels[i].label];
    free(other);
    return HEED_OK;
}

static const char *class_text(const struct agreeing *a, size_t j)
{
    return text_of(&a->classes, a->order[j]);
}

/* NULL: there is nothing to warn of. */
static const char *agree_warning(const struct agree_fit *f, char *text, size_t n)
{
    if (f->groups < 2)
        return NULL;
    snprintf(text, n,
             "the reviewers are not connected: they fall into %zu groups that share no target (%zu "
             "of one reviewer), and nothing compares one group with another; let some targets be "
             "labelled by reviewers of both",
             f->groups, f->alone);
    return text;
}

static json_t *agree_json(const struct agreeing *a, enum agree_model model)
{
    const struct agree_fit *f = &a->fit;
    size_t J = f->classes;
    json_t *classes = json_array(), *targets = json_object(), *reviewers = json_object();
    for (size_t j = 0; j < J; j++)
        json_array_append_new(classes, json_string(class_text(a, j)));
    for (size_t t = 0; t < f->targets; t++)
        json_object_set_new(targets, text_of(&a->targets, t),
                            json_pack("{s:s,s:o}", "label", class_text(a, f->label[t]), "posterior",
                                      number_list(f->posterior + t * J, J)));
    for (size_t k = 0; k < f->reviewers; k++) {
        json_t *rows = json_array();
        for (size_t j = 0; j < J; j++)
            json_array_append_new(rows, number_list(f->errors + (k * J + j) * J, J));
        json_object_set_new(reviewers, text_of(&a->reviewers, k), rows);
    }
    json_t *doc = json_pack("{s:o,s:o,s:o,s:I,s:o,s:o}", "classes", classes, "prior",
                            number_list(f->prior, J), "loglik", number(f->loglik), "iterations",
                            (json_int_t)f->iterations, "targets", targets, "reviewers", reviewers);
    if (doc && model == AGREE_WAWA) {
        json_t *skills = json_object();
        for (size_t k = 0; k < f->reviewers; k++)
            json_object_set_new(skills, text_of(&a->reviewers, k), number(f->skill[k]));
        json_object_set_new(doc, "skills", skills);
    }
    if (doc && !f->converged)
        json_object_set_new(doc, "converged", json_false());
    char text[300];
    const char *warning = agree_warning(f, text, sizeof text);
    if (doc && warning)
        json_object_set_new(doc, "warnings", json_pack("[s]", warning));
    return doc;
}

/* What each reviewer says of each class; of many classes only how often he agrees. */
static void print_reviewers(const struct agreeing *a)
{
    enum { SHOWN = 12 };
    const struct agree_fit *f = &a->fit;
    size_t J = f->classes, shown = J <= SHOWN ? J : 0;
    struct table_column columns[3 + SHOWN] = {
        {"reviewer", false}, {"agrees", true}, {"of class", false}};
    for (size_t j = 0; j < shown; j++)
        columns[3 + j] = (struct table_column){class_text(a, j), true};
    struct table *t = table_new(columns, shown ? 3 + shown : 2);
    for (size_t k = 0; t && k < f->reviewers; k++)
        for (size_t j = 0; j < (shown ? J : 1); j++) {
            bool ok = table_cell(t, str_of(j ? "" : text_of(&a->reviewers, k))) &&
                      (j ? table_cell(t, STR("")) : table_cellf(t, "%.3f", f->skill[k])) &&
                      (!shown || table_cell(t, str_of(class_text(a, j))));
            for (size_t l = 0; ok && l < shown; l++)
                ok = table_cellf(t, "%.3f", f->errors[(k * J + j) * J + l]);
        }
    if (t)
        print_table(t);
}

static void print_agree(const struct agreeing *a, enum agree_model model)
{
    const struct agree_fit *f = &a->fit;
    printf("%s: %zu labels by %zu reviewers of %zu targets\n", agree_model_name(model), a->n,
           f->reviewers, f->targets);
    if (isfinite(f->loglik))
        printf("log-likelihood %.6f after %u iterations\n", f->loglik, f->iterations);
    struct table *t =
        table_new((struct table_column[]){{"class", false}, {"share of targets", true}}, 2);
    for (size_t j = 0; t && j < f->classes; j++)
        if (table_cell(t, str_of(class_text(a, j))))
            (void)!table_cellf(t, "%.3f", f->prior[j]);
    if (t)
        print_table(t);
    t = table_new(
        (struct table_column[]){{"target", false}, {"label", false}, {"probability", true}}, 3);
    for (size_t i = 0; t && i < f->targets; i++)
        if (table_cell(t, str_of(text_of(&a->targets, i))) &&
            table_cell(t, str_of(class_text(a, f->label[i]))))
            (void)!table_cellf(t, "%.4f", f->posterior[i * f->classes + f->label[i]]);
    if (t)
        print_table(t);
    print_reviewers(a);
}

int tool_quality_agree(struct cli *c)
{
    struct heed_error err = {0};
    struct agreeing a = {0};
    const char *path = cli_arg(c, "file"), *named = cli_arg(c, "model");
    int model = named ? agree_model_of_name(str_of(named)) : AGREE_DAWID_SKENE;
    enum heed_status status = HEED_OK;
    intern_init(&a.reviewers);
    intern_init(&a.targets);
    intern_init(&a.classes);
    if (model < 0)
        status = error_set(&err, HEED_USAGE, "model",
                           "'%s' is not one of dawid-skene, majority, wawa", named);
    if (status == HEED_OK)
        status = read_labels(path, &a, &err);
    if (status == HEED_OK)
        status = sort_classes(&a, &err);
    if (status == HEED_OK) {
        const struct agree_labels in = {a.labels, a.n, a.reviewers.count, a.targets.count,
                                        a.classes.count};
        struct heed_error why = {0};
        status = agree_fit(&in, (enum agree_model)model, 0, &a.fit, &why);
        if (status != HEED_OK)
            error_set(&err, status, path, "%s", why.message);
    }
    if (status == HEED_OK && c->json) {
        json_t *doc = agree_json(&a, (enum agree_model)model);
        if (doc)
            print_document(doc);
        else
            status = error_nomem(&err);
        json_decref(doc);
    } else if (status == HEED_OK) {
        print_agree(&a, (enum agree_model)model);
    }
    if (status == HEED_OK && !a.fit.converged)
        say_unsettled(c, a.fit.iterations);
    char text[300];
    const char *warning = status == HEED_OK ? agree_warning(&a.fit, text, sizeof text) : NULL;
    if (warning && !c->quiet)
        fprintf(stderr, "heed: %s\n", warning);
    agree_fit_deinit(&a.fit);
    free(a.labels);
    free(a.order);
    intern_deinit(&a.reviewers);
    intern_deinit(&a.targets);
    intern_deinit(&a.classes);
    return status == HEED_OK ? 0 : print_error(c, &err);
}

/* ── bridge ── */

struct bridging {
    struct intern users, notes;
    struct bridge_rating *ratings;
    size_t n, cap;
    struct bridge_fit fit;
    struct bridge_options options;
};

static enum heed_status rating_of(const struct triples *t, double *out, struct heed_error *err)
{
    static const struct {
        const char *word;
        double rating;
    } words[] = {{"HELPFUL", 1}, {"SOMEWHAT_HELPFUL", .5}, {"NOT_HELPFUL", 0}};
    struct str s = t->cell[2];
    for (size_t i = 0; i < 3; i++)
        if (str_is(s, words[i].word)) {
            *out = words[i].rating;
            return HEED_OK;
        }
    if (sheet_number(s, out) && *out >= 0 && *out <= 1)
        return HEED_OK;
    return sheet_error(&t->sheet, t->place[2], err,
                       "'%.*s' is not a rating: a number from 0 to 1, or NOT_HELPFUL, "
                       "SOMEWHAT_HELPFUL, HELPFUL",
                       (int)utf8_cut(s, 60), s.p);
}

static enum heed_status read_ratings(const char *path, struct bridging *b, struct heed_error *err)
{
    static const char *const names[] = {"user|rater|reviewer", "note|target", "rating"};
    struct triples t;
    bool more = true;
    enum heed_status status = triples_open(&t, path, names, err);
    while (status == HEED_OK && (status = triples_next(&t, &more, err)) == HEED_OK && more) {
        struct bridge_rating r = {0};
        status = rating_of(&t, &r.rating, err);
        if (status != HEED_OK)
            break;
        r.user = intern_add(&b->users, t.cell[0]);
        r.note = intern_add(&b->notes, t.cell[1]);
        if (r.user == INTERN_NONE || r.note == INTERN_NONE ||
            !array_grow(&b->ratings, &b->cap, b->n + 1, sizeof *b->ratings)) {
            status = error_nomem(err);
            break;
        }
        b->ratings[b->n++] = r;
    }
    sheet_close(&t.sheet);
    return status;
}

static json_t *bridge_json(const struct bridging *b)
{
    const struct bridge_fit *f = &b->fit;
    json_t *notes = json_object(), *users = json_object();
    for (size_t i = 0; i < f->notes_n; i++) {
        const struct bridge_side *n = &f->notes[i];
        const char *status = bridge_status_name(bridge_status_of(n, &b->options));
        json_object_set_new(notes, text_of(&b->notes, i),
                            json_pack("{s:o,s:o,s:s,s:I}", "intercept", number(n->intercept),
                                      "factor", number(n->factor), "status", status, "ratings",
                                      (json_int_t)n->ratings));
    }
    for (size_t i = 0; i < f->users_n; i++)
        json_object_set_new(users, text_of(&b->users, i),
                            json_pack("{s:o,s:o}", "intercept", number(f->users[i].intercept),
                                      "factor", number(f->users[i].factor)));
    json_t *doc = json_pack("{s:f,s:o,s:o,s:f,s:I}", "mu", f->mu, "notes", notes, "users", users,
                            "loss", f->loss, "iterations", (json_int_t)f->iterations);
    if (doc && !f->converged)
        json_object_set_new(doc, "converged", json_false());
    return doc;
}

static bool table_number(struct table *t, double x)
{
    return isfinite(x) ? table_cellf(t, "%.3f", x) : table_cell(t, STR("-"));
}

static void print_bridge(const struct bridging *b)
{
    const struct bridge_fit *f = &b->fit;
    printf("%zu ratings by %zu users of %zu notes; mu %.4f, loss %.6f after %u iterations\n", b->n,
           f->users_n, f->notes_n, f->mu, f->loss, f->iterations);
    struct table *t = table_new((struct table_column[]){{"note", false},
                                                        {"intercept", true},
                                                        {"factor", true},
                                                        {"ratings", true},
                                                        {"status", false}},
                                5);
    for (size_t i = 0; t && i < f->notes_n; i++) {
        const struct bridge_side *n = &f->notes[i];
        if (table_cell(t, str_of(text_of(&b->notes, i))) && table_number(t, n->intercept) &&
            table_number(t, n->factor) && table_cellf(t, "%u", n->ratings))
            (void)!table_cell(t, str_of(bridge_status_name(bridge_status_of(n, &b->options))));
    }
    if (t)
        print_table(t);
    t = table_new((struct table_column[]){{"user", false}, {"intercept", true}, {"factor", true}},
                  3);
    for (size_t i = 0; t && i < f->users_n; i++)
        if (table_cell(t, str_of(text_of(&b->users, i))) && table_number(t, f->users[i].intercept))
            (void)!table_number(t, f->users[i].factor);
    if (t)
        print_table(t);
}

static enum heed_status bridge_options_of(const struct cli *c, struct bridge_options *o,
                                          struct heed_error *err)
{
    int64_t seed, user, note;
    *o = bridge_default();
    enum heed_status status = number_of(c, "seed", 1, &seed, err);
    if (status == HEED_OK)
        status = number_of(c, "min-of-user", 1, &user, err);
    if (status == HEED_OK)
        status = number_of(c, "min-of-note", 1, &note, err);
    if (status == HEED_OK) {
        o->seed = (uint64_t)seed;
        o->min_of_user = (uint32_t)user;
        o->min_of_note = (uint32_t)note;
    }
    return status;
}

int tool_quality_bridge(struct cli *c)
{
    struct heed_error err = {0};
    struct bridging b = {0};
    const char *path = cli_arg(c, "file");
    intern_init(&b.users);
    intern_init(&b.notes);
    enum heed_status status = bridge_options_of(c, &b.options, &err);
    if (status == HEED_OK)
        status = read_ratings(path, &b, &err);
    if (status == HEED_OK) {
        struct heed_error why = {0};
        status = bridge_fit(b.ratings, b.n, b.users.count, b.notes.count, &b.options, &b.fit, &why);
        if (status != HEED_OK)
            error_set(&err, status, path, "%s", why.message);
    }
    if (status == HEED_OK && c->json) {
        json_t *doc = bridge_json(&b);
        if (doc)
            print_document(doc);
        else
            status = error_nomem(&err);
        json_decref(doc);
    } else if (status == HEED_OK) {
        print_bridge(&b);
    }
    if (status == HEED_OK && !b.fit.converged)
        say_unsettled(c, b.fit.iterations);
    bridge_fit_deinit(&b.fit);
    free(b.ratings);
    intern_deinit(&b.users);
    intern_deinit(&b.notes);
    return status == HEED_OK ? 0 : print_error(c, &err);
}
