/* Judgements in a file of three columns, and what was made of them: `quality agree`, `quality
 * bridge`. Apart from the reply, for the tables that people are shown. */
#ifndef HEED_TOOLS_JUDGED_H
#define HEED_TOOLS_JUDGED_H

#include "base/intern.h"
#include "base/sheet.h"
#include "quality/agree.h"
#include "quality/bridge.h"
#include "tools/tools.h"

/* Three columns that have something in every row. */
struct triples {
    struct sheet sheet;
    size_t place[3];
    struct str cell[3];
};
/* Closed by sheet_close, after an error too. Errors: HEED_INPUT with line and column. */
HEED_MUST_CHECK enum heed_status triples_open(struct triples *t, const char *path,
                                              const char *const names[3], struct heed_error *err);
HEED_MUST_CHECK enum heed_status triples_next(struct triples *t, bool *more,
                                              struct heed_error *err);

const char *judged_text(const struct intern *names, size_t i);

struct agreeing {
    struct intern reviewers, targets, classes;
    struct agree_label *labels;
    size_t n, cap;
    uint32_t *order; /* classes by their text */
    enum agree_model model;
    struct agree_fit fit;
};
/* Undone by agree_deinit, after an error too. Errors: as tools_answer. */
HEED_MUST_CHECK enum heed_status agree_file(const struct tool_ask *ask, struct agreeing *out,
                                            struct heed_error *err);
void agree_deinit(struct agreeing *a);
const char *agree_class(const struct agreeing *a, size_t j);
/* NULL: there is nothing to warn of; else text[n]. */
const char *agree_warning(const struct agree_fit *f, char *text, size_t n);

struct bridging {
    struct intern users, notes;
    struct bridge_rating *ratings;
    size_t n, cap;
    struct bridge_fit fit;
    struct bridge_options options;
};
/* Undone by bridge_deinit, after an error too. Errors: as tools_answer. */
HEED_MUST_CHECK enum heed_status bridge_file(const struct tool_ask *ask, struct bridging *out,
                                             struct heed_error *err);
void bridge_deinit(struct bridging *b);
/* NULL: there is nothing to warn of; else text[n]. */
const char *bridge_warning(const struct bridge_fit *f, char *text, size_t n);
#endif
