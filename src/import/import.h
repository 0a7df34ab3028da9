/* Import: files become calls, batch by batch.
 *
 * A file is read once, in order; every batch of rows is committed together with an import mark, so
 * an import that was cut short goes on behind the last whole batch and a file imported whole is not
 * applied again. rows = applied + rejected (malformed) + refused (well-formed, the world says no) +
 * duplicate. Bad rows go to a rejects file as path,line,column,reason,row (CSV; column is the
 * field's number and name, or the character where a malformed record breaks). An import cut short
 * may write the bad rows of its last batch twice.
 *
 * With strict, a file is first read through and checked; a bad row in it, and nothing of it is
 * applied. Then all of it becomes one batch: it is there whole or not at all, whatever happens.
 * That costs 128 bytes of memory a row, so a strict file has at most ten million. When the second
 * pass fails after all, the world is given up as after a failed write: open it again.
 *
 * Of events, the verb `served` says that a target stood in a feed: it counts as an impression, its
 * user (`-` in exports) is not looked at; `served_seen`, that an impression before it was of such a
 * slot, so that the two are one. `refunded` takes back what a purchase weighs: time, user,
 * target and amount are those of the purchase, which comes before it.
 *
 * A verb of the rules by the user `-` is of people who are not known, `count` of them (1 when left
 * out): totals that somebody else has added up.
 *
 * A row of decisions is a decision or an appeal of moderation; without a user, the operator's. */
#ifndef HEED_IMPORT_H
#define HEED_IMPORT_H

#include "base/reader.h"
#include "world/admit.h"

#include <jansson.h>

enum import_kind {
    IMPORT_USERS,
    IMPORT_CONTENTS,
    IMPORT_GOODS,
    IMPORT_SERVICES,
    IMPORT_EVENTS,
    IMPORT_RATINGS,
    IMPORT_REVIEWS,
    IMPORT_DECISIONS,
    IMPORT_KINDS, /* in the order in which a folder is imported */
    /* what an exported world had learnt stands beside these, in a folder alone */
    IMPORT_LEARNT = IMPORT_KINDS,
    IMPORT_MODELS,
    IMPORT_FILES
};
#define IMPORT_KINDS_EXPECTED                                                                      \
    "it is not a kind: users, contents, goods, services, events, ratings, reviews, decisions"
const char *import_kind_name(enum import_kind kind);
int import_kind_of_name(struct str name); /* below IMPORT_KINDS; -1 when unknown */

struct import_options {
    bool strict, again;
    const char *rejects; /* file to append to; NULL: bad rows are only counted */
    struct reader_limits limits;
    /* Called now and then with bytes read of bytes in all (0: unknown) and rows so far; may be
     * NULL. */
    void (*progress)(void *context, const char *path, uint64_t done, uint64_t total, uint64_t rows);
    void *progress_context;
};

struct import_file {
    char *path; /* as given, owned */
    enum import_kind kind;
    struct heed_tally tally;
    bool skipped;            /* imported whole before */
    const char *left_aside;  /* why it was not read at all, though it could be; NULL: it was */
    char first[512];         /* the first bad row, as a message; "" when none */
    struct heed_error error; /* why it was not read, or not to its end; HEED_OK when it was */
    uint64_t out_of_order;
    uint64_t late; /* acts for an epoch already settled: they count in the open one */
};

struct import_result {
    struct import_file *files;
    size_t n, cap;
    uint64_t late; /* of all files */
    struct heed_tally total;
};
void import_result_deinit(struct import_result *r);
/* A file that was not read has "error": {"where","message"}, or "left_aside" with the reason. NULL:
 * no memory. */
json_t *import_result_json(const struct import_result *r, double seconds);

/* One file of heed's own columns. HEED_INPUT: the file cannot be read at all, its header is wrong,
 * or strict found a bad row. */
HEED_MUST_CHECK enum heed_status import_file(struct world *w, const struct heed_context *context,
                                             enum import_kind kind, const char *path,
                                             const struct import_options *options,
                                             struct import_result *result, struct heed_error *err);

/* Whether the world has rows of a file of heed's own columns with this content, of an import whole
 * or cut short. HEED_NOMEM. */
HEED_MUST_CHECK enum heed_status import_known(const struct world *w, enum import_kind kind,
                                              const struct sha256 *content, bool *known,
                                              struct heed_error *err);

/* users, contents, goods … of a folder by file name (users.csv, users.jsonl, users.csv.gz …), in
 * order, and then learnt.csv and models.csv, each taken whole, or left aside where the world has
 * learnt for itself. A file that cannot be read ends it, for later ones name what is in it.
 * HEED_INPUT then, and when there is none. */
HEED_MUST_CHECK enum heed_status import_dir(struct world *w, const struct heed_context *context,
                                            const char *dir, const struct import_options *options,
                                            struct import_result *result, struct heed_error *err);

/* What a mapping file names, relative to data (NULL: the mapping's own folder).                  */
HEED_MUST_CHECK enum heed_status import_map(struct world *w, const struct heed_context *context,
                                            const char *map, const char *data,
                                            const struct import_options *options,
                                            struct import_result *result, struct heed_error *err);

/* Writes users.csv … decisions.csv of the world, as it is now, into dir, and what was learnt
 * (learnt.csv, models.csv); importing them into a new world with the same rules gives the same
 * behaviour, quality and feeds. Erased people, what was theirs and what anybody did with it are
 * left out: *left_out says how many rows (NULL: not asked). dir is made; one that is there must be
 * empty, unless files of the same names may be written over. Errors: HEED_USAGE it is not empty, or
 * ""; HEED_STORAGE it cannot be written. */
HEED_MUST_CHECK enum heed_status export_dir(struct world *w, int64_t now_ms, const char *dir,
                                            bool over, uint64_t *left_out, struct heed_error *err);
json_t *export_json(const char *dir,
                    uint64_t left_out); /* {"exported","left_out"}; NULL: no memory */
#endif
