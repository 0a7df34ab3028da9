/* How text becomes the integers of a call. Private to admission. */
#ifndef HEED_ADMIT_PARTS_H
#define HEED_ADMIT_PARTS_H

#include "world/admit.h"

struct resolving {
    struct world *w;
    const struct command_spec *spec;
    const struct heed_context *context;
    const struct heed_arg *args; /* as given */
    size_t args_n;
    struct str
        values[24]; /* by argument, the last of one that is repeated; p NULL when not given */
    struct call call;
    enum refusal refusal; /* the first that applies */
    struct heed_error *err;
};

/* Keeps the first of the refusals that apply, by their order. */
void resolving_refuse(struct resolving *r, enum refusal refusal);

/* Whether the actor may act for nobody but himself. */
bool resolving_for_himself(const struct resolving *r);

/* Resolves argument `arg`, if it is given, into its integers; what is missing is refused.
 * HEED_USAGE: it is malformed. */
HEED_MUST_CHECK enum heed_status resolve_arg(struct resolving *r, size_t arg);

/* An argument's text as it was given, else STR_NONE. */
struct str resolving_value(const struct resolving *r, const char *name);

/* Apply `auction open`, `commit` and `reveal`, whose texts become a blob. HEED_USAGE: malformed. */
HEED_MUST_CHECK enum heed_status admit_auction(struct resolving *r, struct outcome *o);

bool adds_people(
    const struct command_spec *spec); /* an add command, which makes the people it names */
#endif
