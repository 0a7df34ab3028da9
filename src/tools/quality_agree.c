/* `heed quality agree`: what reviewers who disagree say together. */
#include "tools/judged.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

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
                bool left =
                    j >= end || (i < middle && strcmp(judged_text(&a->classes, order[i]),
                                                      judged_text(&a->classes, order[j])) <= 0);
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

const char *agree_class(const struct agreeing *a, size_t j)
{
    return judged_text(&a->classes, a->order[j]);
}

const char *agree_warning(const struct agree_fit *f, char *text, size_t n)
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

enum heed_status agree_file(const struct tool_ask *ask, struct agreeing *out,
                            struct heed_error *err)
{
    const char *path = tools_arg(ask, "file"), *named = tools_arg(ask, "model");
    int model = named ? agree_model_of_name(str_of(named)) : AGREE_DAWID_SKENE;
    struct heed_error why = {0};
    *out = (struct agreeing){0};
    intern_init(&out->reviewers);
    intern_init(&out->targets);
    intern_init(&out->classes);
    if (model < 0)
        return error_set(err, HEED_USAGE, "model", "'%s' is not one of dawid-skene, majority, wawa",
                         named);
    out->model = (enum agree_model)model;
    enum heed_status status = read_labels(path, out, err);
    if (status == HEED_OK)
        status = sort_classes(out, err);
    if (status != HEED_OK)
        return status;
    const struct agree_labels in = {out->labels, out->n, out->reviewers.count, out->targets.count,
                                    out->classes.count};
    status = agree_fit(&in, out->model, 0, &out->fit, &why);
    return status == HEED_OK ? status : error_set(err, status, path, "%s", why.message);
}

void agree_deinit(struct agreeing *a)
{
    agree_fit_deinit(&a->fit);
    free(a->labels);
    free(a->order);
    intern_deinit(&a->reviewers);
    intern_deinit(&a->targets);
    intern_deinit(&a->classes);
}

/* ── the reply ── */

/* Puts the lists of all three, or says that there was no memory. */
static bool put_members(const struct agreeing *a, json_t *classes, json_t *targets,
                        json_t *reviewers)
{
    const struct agree_fit *f = &a->fit;
    size_t J = f->classes;
    bool ok = true;
    for (size_t j = 0; ok && j < J; j++)
        ok = tools_push(classes, json_string(agree_class(a, j)));
    for (size_t t = 0; ok && t < f->targets; t++)
        ok = tools_put(targets, judged_text(&a->targets, t),
                       json_pack("{s:s,s:o}", "label", agree_class(a, f->label[t]), "posterior",
                                 tools_reals(f->posterior + t * J, J)));
    for (size_t k = 0; ok && k < f->reviewers; k++) {
        json_t *rows = json_array();
        for (size_t j = 0; ok && j < J; j++)
            ok = tools_push(rows, tools_reals(f->errors + (k * J + j) * J, J));
        if (!tools_put(reviewers, judged_text(&a->reviewers, k), rows))
            ok = false;
    }
    return ok;
}

static json_t *skills_of(const struct agreeing *a)
{
    json_t *skills = json_object();
    for (size_t k = 0; k < a->fit.reviewers; k++)
        if (!tools_put(skills, judged_text(&a->reviewers, k), tools_real(a->fit.skill[k]))) {
            json_decref(skills);
            return NULL;
        }
    return skills;
}

static json_t *reply_of(const struct agreeing *a)
{
    const struct agree_fit *f = &a->fit;
    json_t *classes = json_array(), *targets = json_object(), *reviewers = json_object();
    bool ok = put_members(a, classes, targets, reviewers);
    json_t *reply =
        json_pack("{s:o,s:o,s:o,s:I,s:o,s:o}", "classes", classes, "prior",
                  tools_reals(f->prior, f->classes), "loglik", tools_real(f->loglik), "iterations",
                  (json_int_t)f->iterations, "targets", targets, "reviewers", reviewers);
    ok = ok && reply;
    if (ok && a->model == AGREE_WAWA)
        ok = tools_put(reply, "skills", skills_of(a));
    if (ok && !f->converged)
        ok = tools_put(reply, "converged", json_false());
    if (ok)
        return reply;
    json_decref(reply);
    return NULL;
}

enum heed_status tools_agree(const struct tool_ask *ask, json_t **reply, struct heed_error *err)
{
    struct agreeing a;
    enum heed_status status = agree_file(ask, &a, err);
    if (status == HEED_OK) {
        struct tool_warnings warnings = {0};
        char text[300];
        const char *warning = agree_warning(&a.fit, text, sizeof text);
        if (warning)
            tools_warn(&warnings, "%s", warning);
        *reply = tools_warned(reply_of(&a), &warnings);
        if (!*reply)
            status = error_nomem(err);
    }
    agree_deinit(&a);
    return status;
}
