/* What `heed quality agree` and `heed quality bridge` show people: more than stands in the reply.
 */
#include "base/term.h"
#include "cli/tools.h"
#include "tools/judged.h"

#include <math.h>
#include <stdio.h>
#include <unistd.h>

static void print_table(struct table *t)
{
    fputc('\n', stdout);
    table_print(t, stdout, isatty(STDOUT_FILENO) ? term_width(stdout, 0) : 0);
    table_free(t);
}

/* ── agree ── */

/* What each reviewer says of each class; of many classes only how often he agrees. */
static void print_reviewers(const struct agreeing *a)
{
    enum { SHOWN = 12 };
    const struct agree_fit *f = &a->fit;
    size_t J = f->classes, shown = J <= SHOWN ? J : 0;
    struct table_column columns[3 + SHOWN] = {
        {"reviewer", false}, {"agrees", true}, {"of class", false}};
    for (size_t j = 0; j < shown; j++)
        columns[3 + j] = (struct table_column){agree_class(a, j), true};
    struct table *t = table_new(columns, shown ? 3 + shown : 2);
    for (size_t k = 0; t && k < f->reviewers; k++)
        for (size_t j = 0; j < (shown ? J : 1); j++) {
            bool ok = table_cell(t, str_of(j ? "" : judged_text(&a->reviewers, k))) &&
                      (j ? table_cell(t, STR("")) : table_cellf(t, "%.3f", f->skill[k])) &&
                      (!shown || table_cell(t, str_of(agree_class(a, j))));
            for (size_t l = 0; ok && l < shown; l++)
                ok = table_cellf(t, "%.3f", f->errors[(k * J + j) * J + l]);
        }
    if (t)
        print_table(t);
}

static void print_agree(const struct agreeing *a)
{
    const struct agree_fit *f = &a->fit;
    printf("%s: %zu labels by %zu reviewers of %zu targets\n", agree_model_name(a->model), a->n,
           f->reviewers, f->targets);
    if (isfinite(f->loglik))
        printf("log-likelihood %.6f after %u iterations\n", f->loglik, f->iterations);
    struct table *t =
        table_new((struct table_column[]){{"class", false}, {"share of targets", true}}, 2);
    for (size_t j = 0; t && j < f->classes; j++)
        if (table_cell(t, str_of(agree_class(a, j))))
            (void)!table_cellf(t, "%.3f", f->prior[j]);
    if (t)
        print_table(t);
    t = table_new(
        (struct table_column[]){{"target", false}, {"label", false}, {"probability", true}}, 3);
    for (size_t i = 0; t && i < f->targets; i++)
        if (table_cell(t, str_of(judged_text(&a->targets, i))) &&
            table_cell(t, str_of(agree_class(a, f->label[i]))))
            (void)!table_cellf(t, "%.4f", f->posterior[i * f->classes + f->label[i]]);
    if (t)
        print_table(t);
    print_reviewers(a);
}

/* ── bridge ── */

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
        if (table_cell(t, str_of(judged_text(&b->notes, i))) && table_number(t, n->intercept) &&
            table_number(t, n->factor) && table_cellf(t, "%u", n->ratings))
            (void)!table_cell(t, str_of(bridge_status_name(bridge_status_of(n, &b->options))));
    }
    if (t)
        print_table(t);
    t = table_new((struct table_column[]){{"user", false}, {"intercept", true}, {"factor", true}},
                  3);
    for (size_t i = 0; t && i < f->users_n; i++)
        if (table_cell(t, str_of(judged_text(&b->users, i))) &&
            table_number(t, f->users[i].intercept))
            (void)!table_number(t, f->users[i].factor);
    if (t)
        print_table(t);
}

/* ── */

int tool_agree_for_people(const struct cli *c, const struct tool_ask *ask)
{
    struct heed_error err = {0};
    struct agreeing a;
    char text[300];
    enum heed_status status = agree_file(ask, &a, &err);
    if (status == HEED_OK) {
        print_agree(&a);
        if (!a.fit.converged)
            say_unsettled(c, a.fit.iterations);
        if (agree_warning(&a.fit, text, sizeof text))
            cli_say(c, text);
    }
    agree_deinit(&a);
    return status == HEED_OK ? 0 : print_error(c, &err);
}

int tool_bridge_for_people(const struct cli *c, const struct tool_ask *ask)
{
    struct heed_error err = {0};
    struct bridging b;
    char text[300];
    enum heed_status status = bridge_file(ask, &b, &err);
    if (status == HEED_OK) {
        print_bridge(&b);
        if (!b.fit.converged)
            say_unsettled(c, b.fit.iterations);
        if (bridge_warning(&b.fit, text, sizeof text))
            cli_say(c, text);
    }
    bridge_deinit(&b);
    return status == HEED_OK ? 0 : print_error(c, &err);
}
