/* What the files that read rules share; not for others. */
#ifndef HEED_RULES_PARTS_H
#define HEED_RULES_PARTS_H

#include "base/yaml.h"
#include "world/rules.h"

struct reading {
    const struct yaml *y;
    struct rules *r;
    struct heed_error *err;
    bool kept; /* rules that a world has had: what is refused only since then may stand in them */
};

/* HEED_INPUT: `what` was expected at the node.                                                  */
enum heed_status rules_expected(const struct reading *x, int node, const char *what);
/* Only these keys may stand in a map: " a b ".                                                  */
enum heed_status rules_only(const struct reading *x, int node, const char *keys);

/* Whether allocation.kinds, read already, gives a feed anything, and the floor something to be kept
 * from. node 0: nothing is there.                                                               */
enum heed_status rules_kinds(const struct reading *x, int node);
/* Whether this is the word none for allocation.fair, which else is a map; and whether what is there
 * (0: nothing) makes a welfare: one needs a lambda.                                             */
bool rules_fair_none(const struct reading *x, const char *path, int node);
enum heed_status rules_fair(const struct reading *x, int node);

/* Whether a path is one of the lists that rules_constraints reads.                              */
bool rules_constraint_list(const char *path);
/* The lists under allocation.constraints, and whether all of it can be kept at once in a feed of
 * allocation.k. node 0: nothing is there.                                                       */
enum heed_status rules_constraints(const struct reading *x, int node);
#endif
