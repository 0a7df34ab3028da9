/* What `heed allocate eval` and `heed allocate batch` read alike. */
#ifndef HEED_CLI_TOOL_ALLOCATE_H
#define HEED_CLI_TOOL_ALLOCATE_H

#include "allocation/model.h"
#include "allocation/split.h"
#include "base/term.h"
#include "cli/tools.h"

/* One bar after the other, named by what is in work.                                             */
struct eval_bar {
    struct progress bar;
    char what[40];
};

void eval_bar_init(struct eval_bar *b, const struct cli *c);
void eval_progress(void *bar, const char *what, double share);
void read_progress(void *bar, double share);
double clock_s(void *unused); /* finer than a millisecond */
unsigned cores(void);

/* --split, --algorithm and --param.                                                              */
HEED_MUST_CHECK enum heed_status split_of(const struct cli *c, enum split_kind *out,
                                          struct heed_error *err);
HEED_MUST_CHECK enum heed_status models_of(const struct cli *c, struct model_spec *specs, size_t *n,
                                           struct heed_error *err);

/* --events and --items, split: what is trained on and asked for. */
struct acts {
    struct interactions log;
    struct item_table items;
    size_t items_known;     /* how many of them the table has */
    struct sparse features; /* of --items; at NULL: none given */
    struct split split;
};
/* Undone by acts_deinit, after an error too. */
HEED_MUST_CHECK enum heed_status acts_read(const struct cli *c, enum split_kind kind,
                                           struct eval_bar *bar, struct acts *out,
                                           struct heed_error *err);
const struct sparse *acts_features(const struct acts *a); /* NULL: none */
void acts_deinit(struct acts *a);

/* What the reader of a result should know besides: a line on stderr unless --quiet, and kept in
 * *list, which is NULL before the first. */
__attribute__((format(printf, 3, 4))) void warn(const struct cli *c, json_t **list,
                                                const char *format, ...);
void warn_of_acts(const struct cli *c, const struct acts *a, json_t **list);
/* As "warnings" of a reply, when there are any; list is the reply's then. */
void put_warnings(json_t *reply, json_t *list);
#endif
