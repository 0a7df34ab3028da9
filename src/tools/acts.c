#include "tools/acts.h"

#include <stdio.h>

enum heed_status acts_split(const struct tool_ask *ask, enum split_kind *out,
                            struct heed_error *err)
{
    static const char *const names[] = {"every-5th", "time", "leave-one-out", "cold-items"};
    const char *given = tools_arg(ask, "split");
    *out = SPLIT_EVERY_5TH;
    for (int i = 0; given && i < 4; i++)
        if (strcmp(given, names[i]) == 0) {
            *out = (enum split_kind)i;
            return HEED_OK;
        }
    return given
               ? error_set(err, HEED_USAGE, "split",
                           "is one of every-5th, time, leave-one-out, cold-items, not '%s'", given)
               : HEED_OK;
}

enum heed_status acts_models(const struct tool_ask *ask, struct model_spec *specs, size_t *n,
                             struct heed_error *err)
{
    enum heed_status status = model_names_parse(str_of(tools_arg(ask, "algorithm")), specs, n, err);
    for (size_t i = 0; i < ask->n && status == HEED_OK; i++)
        if (strcmp(ask->args[i].name, "param") == 0)
            status = model_params_parse(str_of(ask->args[i].value), specs, *n, err);
    return status;
}

static void read_progress(void *context, double share)
{
    const struct tool_ask *ask = context;
    ask->progress(ask->context, "read", share);
}

enum heed_status acts_read(const struct tool_ask *ask, enum split_kind kind, struct acts *out,
                           struct heed_error *err)
{
    const char *items = tools_arg(ask, "items"), *kind_of = tools_arg(ask, "kind"),
               *verbs = tools_arg(ask, "verbs");
    const struct interactions_choice choice = {kind_of ? str_of(kind_of) : STR_NONE,
                                               verbs ? str_of(verbs) : STR_NONE};
    struct tool_ask asked = *ask;
    *out = (struct acts){0};
    interactions_init(&out->log);
    enum heed_status status = interactions_read(&out->log, tools_arg(ask, "events"), &choice,
                                                ask->progress ? read_progress : NULL, &asked, err);
    if (status == HEED_OK && items)
        status = item_table_read(&out->items, items, &out->log, err);
    for (uint32_t i = 0; status == HEED_OK && items && i < out->log.items.count; i++)
        out->items_known += out->items.row_of[i] != UINT32_MAX;
    if (status == HEED_OK && items &&
        item_features(&out->items, out->log.items.count, &out->features) != HEED_OK)
        status = error_nomem(err);
    return status == HEED_OK ? split_make(&out->log, kind, &out->split, err) : status;
}

const struct sparse *acts_features(const struct acts *a)
{
    return a->features.at ? &a->features : NULL;
}

void acts_deinit(struct acts *a)
{
    split_deinit(&a->split);
    sparse_deinit(&a->features);
    item_table_deinit(&a->items);
    interactions_deinit(&a->log);
}

static void warn_of_kinds(unsigned kinds, struct tool_warnings *w)
{
    char names[64] = "";
    size_t n = 0, several = kinds & (kinds - 1);
    for (unsigned i = 0; several && i < INTERACTIONS_KINDS; i++)
        if (kinds & 1U << i)
            n += (size_t)snprintf(names + n, sizeof names - n, "%s%s", n ? ", " : "",
                                  interactions_kinds[i]);
    if (several)
        tools_warn(w, "targets are of several kinds (%s), all taken alike: --kind takes one",
                   names);
}

void acts_warn(const struct tool_ask *ask, const struct acts *a, struct tool_warnings *w)
{
    if (a->split.left_out)
        tools_warn(w, "%zu users have too little history for this split: left out",
                   a->split.left_out);
    if (a->split.unwished)
        tools_warn(w,
                   "%zu pairs of user and target whose acts speak against the target, or say "
                   "nothing: neither learnt nor asked for",
                   a->split.unwished);
    if (a->log.of_nobody)
        tools_warn(w, "%zu rows of nobody known (user -): left out", a->log.of_nobody);
    if (!tools_arg(ask, "kind"))
        warn_of_kinds(a->log.kinds, w);
    if (a->items.row_of && a->items_known == 0)
        tools_warn(w, "--items names none of the items of --events: nothing was learnt from it; "
                      "ids must be written alike (--kind takes off a prefix such as good:)");
}
