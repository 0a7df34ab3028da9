/* Who did what with what, as it stands in a file: the ground of offline evaluation. */
#ifndef HEED_ALLOCATION_INTERACTIONS_H
#define HEED_ALLOCATION_INTERACTIONS_H

#include "allocation/sparse.h"
#include "base/intern.h"

#define INTERACTIONS_NO_TIME INT64_MIN

struct interaction {
    uint32_t user, item, verb; /* handles */
    double amount;             /* finite, >= 0; 1 where there is none */
    double weight;             /* act_weight */
    int64_t time_ms;           /* INTERACTIONS_NO_TIME */
};

struct interactions {
    struct intern users, items, verbs;
    struct interaction *rows; /* in file order */
    size_t n, cap;
    bool timed; /* every row has a time */
    /* of a file: rows passed over, by why; the kinds of targets (bits of interactions_kinds) */
    size_t other_verbs, other_kinds, of_nobody;
    unsigned kinds;
};

/* How much an act says for its target: by the default rules' weights, below 0 for report, dislike,
 * skip and what takes an act back (refunded, unlike ...) or shuts a target out (block, hide, mute);
 * 1 for a verb they lack. An amount of 0 says nothing. */
double act_weight(struct str verb, double amount);

void interactions_init(struct interactions *x);
void interactions_deinit(struct interactions *x);

/* Adds one row. Errors: HEED_NOMEM; HEED_INPUT an empty id, an amount that is not finite or is
 * negative: nothing changed.                                                                     */
HEED_MUST_CHECK enum heed_status interactions_add(struct interactions *x, struct str user,
                                                  struct str item, struct str verb, double amount,
                                                  int64_t time_ms, struct heed_error *err);

/* Which rows of a file count; of what is left out only its targets are kept, as long as they are of
 * the kind. */
struct interactions_choice {
    struct str kind;  /* "good" takes targets such as good:7, as 7; STR_NONE: all, as they stand */
    struct str verbs; /* joined by commas, each weighing 1; STR_NONE: all, by act_weight */
};
#define INTERACTIONS_KINDS 4
extern const char *const interactions_kinds[INTERACTIONS_KINDS];

/* Reads CSV with a header: `user` and `target`, and if there `verb`, `amount`, `time`. Other
 * columns are passed over, and so are rows of the user `-` (nobody known, in heed's exports).
 * choice and progress may be NULL. Errors: HEED_INPUT with file, line and column (a missing column,
 * a bad record, amount or time, no rows at all), a choice that leaves no row or names a verb of
 * none; HEED_NOMEM. */
HEED_MUST_CHECK enum heed_status interactions_read(struct interactions *x, const char *path,
                                                   const struct interactions_choice *choice,
                                                   void (*progress)(void *context, double share),
                                                   void *context, struct heed_error *err);

/* Distinct pairs whose rows weigh more than 0 together, by user, each user's in the order of their
 * first row of weight above 0 (so not ascending: a matrix with value NULL). first[count] gives the
 * earliest such row, by time if all have one, else in the file; free() it. unwished out: pairs that
 * weigh no more; may be NULL. O(n). Errors: HEED_NOMEM. */
HEED_MUST_CHECK enum heed_status interactions_pairs(const struct interactions *x,
                                                    struct sparse *pairs, size_t **first,
                                                    size_t *unwished);

/* What is known of the items from a file: CSV with a header whose first column, or the one called
 * `id`, `item` or `target`, names the item.                                                      */
struct item_table {
    struct str *columns; /* [columns_n], the item's own left out */
    size_t columns_n, rows;
    uint32_t *row_of;  /* [items of the interactions] row, or UINT32_MAX when the file has none */
    struct str *cells; /* [rows * columns_n] */
    struct item_text *text; /* owns the bytes */
};

/* Items of the file that no interaction has are passed over. Errors: HEED_INPUT with file, line and
 * column (a bad record, an item twice); HEED_NOMEM.                                              */
HEED_MUST_CHECK enum heed_status item_table_read(struct item_table *t, const char *path,
                                                 const struct interactions *x,
                                                 struct heed_error *err);
void item_table_deinit(struct item_table *t);

/* features: a row an attribute that two items or more share but at most half of them, a column an
 * item, ascending. A column called name or title gives its words (letters and digits, ASCII in
 * lower case) at sqrt 2 and its first one, two and three words together at 1, so that a series is
 * known; any other gives its pieces between ';', '|' or ',' at sqrt .5, unless all its cells are
 * numbers: a price or an id of another catalogue says nothing alone.
 * Errors: HEED_NOMEM.                                                                            */
HEED_MUST_CHECK enum heed_status item_features(const struct item_table *t, size_t items,
                                               struct sparse *features);
#endif
