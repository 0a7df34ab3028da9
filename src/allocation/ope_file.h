/* Logs and policies as files, for off-policy evaluation. */
#ifndef HEED_OPE_FILE_H
#define HEED_OPE_FILE_H

#include "allocation/ope.h"
#include "base/intern.h"
#include "base/sheet.h"

/* ── mappings ── */

enum { OPE_ACTION, OPE_POSITION, OPE_PROPENSITY, OPE_REWARD, OPE_USER, OPE_VERSION, OPE_FIELDS };

struct ope_source {
    char *column; /* NULL: not from a column; of a feature it may end in *, for all that begin so */
    char *constant;  /* NULL: not given */
    char *otherwise; /* of an empty cell; NULL: it may not be empty */
    double factor;   /* numbers are times this */
    bool is_class;   /* a feature that names a class; else a number */
    bool may_miss;   /* need not be there */
};

struct ope_map {
    struct csv_options csv;
    struct ope_source fields[OPE_FIELDS], *features;
    size_t features_n, cap;
};

const char *ope_field_name(int field); /* "policy" of OPE_VERSION */

/* The columns action, position, user and policy (which need not be there), propensity, reward, and
 * all that begin with x_. */
HEED_MUST_CHECK enum heed_status ope_map_own(struct ope_map *out, struct heed_error *err);
/* A YAML file (docs/mapping.md). Errors: HEED_INPUT with line and key. Both are undone by
 * ope_map_deinit, after an error too. */
HEED_MUST_CHECK enum heed_status ope_map_read(const char *path, struct ope_map *out,
                                              struct heed_error *err);
void ope_map_deinit(struct ope_map *m);

/* ── logs ── */

struct ope_file {
    struct ope_log log; /* points into what follows */
    struct intern actions, positions, users;
    struct intern versions; /* policies named by its rows, those passed over too */
    uint32_t version;       /* whose rows alone were kept; INTERN_NONE: all were */
    bool positioned;        /* the log has positions, be it only one */
    uint32_t *action, *position, *unit, *level, *levels;
    double *propensity, *reward, *x;
    size_t caps[7];
    struct intern *classes; /* [log.categories] */
};

/* Reads path through map, once, so that it may be a pipe. features false: they are passed over.
 * only: the version of a policy (field policy) whose rows alone are kept; empty: all are. Where no
 * row is of it all are kept too, unless it must be there. Actions and positions are those of the
 * whole log; nothing else in rows that are not kept is looked at. A user is a unit; a row whose
 * user is empty is one by itself. Undone by ope_file_deinit, after an error too. Errors: HEED_INPUT
 * with line and column: a column is missing; a cell is empty; a propensity is not in (0, 1]; a
 * number is none; no rows, or none of that policy. O(bytes). */
HEED_MUST_CHECK enum heed_status ope_file_read(const char *path, const struct ope_map *map,
                                               bool features, struct str only, bool must,
                                               struct ope_file *out, struct heed_error *err);
void ope_file_deinit(struct ope_file *f);

/* ── policies ── */

enum { OPE_CELLS_MAX = 1 << 24 }; /* actions times positions of a policy */

/* Every action of the whole log alike, the position ignored. *p is freed by the caller. */
HEED_MUST_CHECK enum heed_status ope_policy_uniform(const struct ope_file *f, double **p,
                                                    struct ope_policy *out, struct heed_error *err);

/* A CSV with action,probability or action,position,probability; further columns are passed over. It
 * must name what the rows kept took and nothing else (but with probability 0), and sum to 1 within
 * 1e-4, at each position that they have. *p is freed by the caller, after an error too. Errors:
 * HEED_INPUT with line. */
HEED_MUST_CHECK enum heed_status ope_policy_read(const char *path, const struct ope_file *f,
                                                 double **p, struct ope_policy *out,
                                                 struct heed_error *err);
#endif
