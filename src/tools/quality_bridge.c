/* `heed quality bridge`: notes that people who usually disagree both find good. */
#include "base/utf8.h"
#include "tools/judged.h"

#include <stdio.h>
#include <stdlib.h>

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

static enum heed_status bridge_options_of(const struct tool_ask *ask, struct bridge_options *o,
                                          struct heed_error *err)
{
    int64_t seed, user, note;
    *o = bridge_default();
    enum heed_status status = tools_number(ask, "seed", 1, &seed, err);
    if (status == HEED_OK)
        status = tools_number(ask, "min-of-user", 1, &user, err);
    if (status == HEED_OK)
        status = tools_number(ask, "min-of-note", 1, &note, err);
    if (status == HEED_OK) {
        o->seed = (uint64_t)seed;
        o->min_of_user = (uint32_t)user;
        o->min_of_note = (uint32_t)note;
    }
    return status;
}

enum heed_status bridge_file(const struct tool_ask *ask, struct bridging *out,
                             struct heed_error *err)
{
    const char *path = tools_arg(ask, "file");
    struct heed_error why = {0};
    *out = (struct bridging){0};
    intern_init(&out->users);
    intern_init(&out->notes);
    enum heed_status status = bridge_options_of(ask, &out->options, err);
    if (status == HEED_OK)
        status = read_ratings(path, out, err);
    if (status != HEED_OK)
        return status;
    status = bridge_fit(out->ratings, out->n, out->users.count, out->notes.count, &out->options,
                        &out->fit, &why);
    return status == HEED_OK ? status : error_set(err, status, path, "%s", why.message);
}

void bridge_deinit(struct bridging *b)
{
    bridge_fit_deinit(&b->fit);
    free(b->ratings);
    intern_deinit(&b->users);
    intern_deinit(&b->notes);
}

const char *bridge_warning(const struct bridge_fit *f, char *text, size_t n)
{
    if (f->groups < 2)
        return NULL;
    snprintf(
        text, n,
        "the raters are not connected: they fall into %zu groups that share no note (%zu of one "
        "rater), and nothing compares one group with another; sides and intercepts of different "
        "groups say nothing of each other; let some notes be rated by raters of both",
        f->groups, f->alone);
    return text;
}

static json_t *reply_of(const struct bridging *b)
{
    const struct bridge_fit *f = &b->fit;
    json_t *notes = json_object(), *users = json_object();
    bool ok = true;
    for (size_t i = 0; ok && i < f->notes_n; i++) {
        const struct bridge_side *n = &f->notes[i];
        const char *status = bridge_status_name(bridge_status_of(n, &b->options));
        ok = tools_put(notes, judged_text(&b->notes, i),
                       json_pack("{s:o,s:o,s:s,s:I}", "intercept", tools_real(n->intercept),
                                 "factor", tools_real(n->factor), "status", status, "ratings",
                                 (json_int_t)n->ratings));
    }
    for (size_t i = 0; ok && i < f->users_n; i++)
        ok = tools_put(users, judged_text(&b->users, i),
                       json_pack("{s:o,s:o}", "intercept", tools_real(f->users[i].intercept),
                                 "factor", tools_real(f->users[i].factor)));
    json_t *reply = json_pack("{s:f,s:o,s:o,s:f,s:I}", "mu", f->mu, "notes", notes, "users", users,
                              "loss", f->loss, "iterations", (json_int_t)f->iterations);
    ok = ok && reply;
    if (ok && !f->converged)
        ok = tools_put(reply, "converged", json_false());
    if (ok)
        return reply;
    json_decref(reply);
    return NULL;
}

enum heed_status tools_bridge(const struct tool_ask *ask, json_t **reply, struct heed_error *err)
{
    struct bridging b;
    enum heed_status status = bridge_file(ask, &b, err);
    if (status == HEED_OK) {
        struct tool_warnings warnings = {0};
        char text[300];
        const char *warning = bridge_warning(&b.fit, text, sizeof text);
        if (warning)
            tools_warn(&warnings, "%s", warning);
        *reply = tools_warned(reply_of(&b), &warnings);
        if (!*reply)
            status = error_nomem(err);
    }
    bridge_deinit(&b);
    return status;
}
