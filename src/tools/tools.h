/* Tools that work on files and need no world, by the names and arguments of the command table. */
#ifndef HEED_TOOLS_H
#define HEED_TOOLS_H

#include "world/table.h"

#include <jansson.h>

struct tool_ask {
    const struct command_spec *spec;
    const struct heed_arg *args; /* as the table has them: none unknown, twice or missing */
    size_t n;
    double (*clock_s)(void *context); /* for seconds in a reply; NULL: they are 0 */
    /* What is in work ("train ease"), how much of it is done; may be NULL. */
    void (*progress)(void *context, const char *what, double share);
    /* Takes a line of output that comes while a tool works (events), without its end; false: no
     * more. NULL: such lines stand in the reply. */
    bool (*line)(void *context, struct str text);
    void *context; /* of all three */
};

bool tools_has(enum command_id command);

/* *reply  out  the document, owned by the caller; on HEED_REFUSED the refusal; NULL on errors
 * What its reader should know besides stands in "warnings"; {"converged":false}: numbers still
 * moved when it stopped. Nothing is written but the file that --out names, whole or not at all.
 * Errors: HEED_USAGE an argument; HEED_INPUT a file; HEED_RANGE numbers that do not fit;
 * HEED_STORAGE, HEED_NOMEM. Same reply on any number of cores.                                   */
HEED_MUST_CHECK enum heed_status tools_answer(const struct tool_ask *ask, json_t **reply,
                                              struct heed_error *err);

/* ── pieces the tools share ── */

const char *tools_arg(const struct tool_ask *ask, const char *name); /* NULL when not given */
/* Within the bounds of the table. Errors: HEED_USAGE. */
HEED_MUST_CHECK enum heed_status tools_number(const struct tool_ask *ask, const char *name,
                                              int64_t fallback, int64_t *out,
                                              struct heed_error *err);
unsigned tools_cores(void);
/* Before any work: whether the file that argument `name` gives, if any, can be written and is none
 * that another argument gives. Errors: HEED_USAGE, HEED_STORAGE. */
HEED_MUST_CHECK enum heed_status tools_writable(const struct tool_ask *ask, const char *name,
                                                struct heed_error *err);

/* What a reply warns of. */
struct tool_warnings {
    json_t *list; /* NULL: nothing */
    bool failed;  /* no memory for one */
};
__attribute__((format(printf, 2, 3))) void tools_warn(struct tool_warnings *w, const char *format,
                                                      ...);
/* Puts them into the reply and is done with them, whether or not there is a reply. Gives the reply,
 * or NULL (and frees it) when there was no memory. */
json_t *tools_warned(json_t *reply, struct tool_warnings *w);

/* null where a number is not finite; NULL: no memory. */
json_t *tools_real(double x);
json_t *tools_reals(const double *x, size_t n);
/* Puts value, which may be NULL (no memory), into an array or an object. false: no memory. */
bool tools_push(json_t *array, json_t *value);
bool tools_put(json_t *object, const char *key, json_t *value);

/* The tools themselves; errors and *reply as of tools_answer. */
#define TOOLS_ANSWER(name)                                                                         \
    HEED_MUST_CHECK enum heed_status name(const struct tool_ask *ask, json_t **reply,              \
                                          struct heed_error *err)
TOOLS_ANSWER(tools_agree);
TOOLS_ANSWER(tools_bridge);
TOOLS_ANSWER(tools_eval);
TOOLS_ANSWER(tools_batch);
TOOLS_ANSWER(tools_online);
TOOLS_ANSWER(tools_ope);
TOOLS_ANSWER(tools_rules_check);
TOOLS_ANSWER(tools_rules_quote);
TOOLS_ANSWER(tools_rules_diff);
TOOLS_ANSWER(tools_exchange);
TOOLS_ANSWER(tools_auction_clear);
TOOLS_ANSWER(tools_auction_replay);
#undef TOOLS_ANSWER
#endif
