/* What `allocate eval`, `allocate batch` and `allocate online` read alike. */
#ifndef HEED_TOOLS_ACTS_H
#define HEED_TOOLS_ACTS_H

#include "allocation/model.h"
#include "allocation/split.h"
#include "tools/tools.h"

/* --split, --algorithm and --param.                                                              */
HEED_MUST_CHECK enum heed_status acts_split(const struct tool_ask *ask, enum split_kind *out,
                                            struct heed_error *err);
HEED_MUST_CHECK enum heed_status acts_models(const struct tool_ask *ask, struct model_spec *specs,
                                             size_t *n, struct heed_error *err);

/* --events and --items, split: what is trained on and asked for. */
struct acts {
    struct interactions log;
    struct item_table items;
    size_t items_known;     /* how many of them the table has */
    struct sparse features; /* of --items; at NULL: none given */
    struct split split;
};
/* Undone by acts_deinit, after an error too. */
HEED_MUST_CHECK enum heed_status acts_read(const struct tool_ask *ask, enum split_kind kind,
                                           struct acts *out, struct heed_error *err);
const struct sparse *acts_features(const struct acts *a); /* NULL: none */
void acts_warn(const struct tool_ask *ask, const struct acts *a, struct tool_warnings *w);
void acts_deinit(struct acts *a);
#endif
