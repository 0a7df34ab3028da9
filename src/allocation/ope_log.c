#include "allocation/ope_file.h"
#include "base/utf8.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

/* Where a field comes from in this file. */
struct place {
    const struct ope_source *source;
    const char *name; /* for messages */
    size_t column;    /* SHEET_NOWHERE: constant, or not there */
};

struct reading {
    struct sheet sheet;
    struct ope_file *file;
    struct place fields[OPE_FIELDS];
    struct place *features; /* those of numbers, then those of classes */
    size_t cap;
    struct str only;         /* policy whose rows are wanted; empty: all are */
    bool must;               /* no others are */
    struct heed_error other; /* the first fault in a row of another policy */
    bool faulty;             /* there is one */
};

#define NEEDS                                                                                      \
    "a log needs the columns action, propensity, reward and may have position, user and x_…; a " \
    "mapping "                                                                                     \
    "(--map) says which they are elsewhere"

static enum heed_status find_fields(struct reading *r, const struct ope_map *map,
                                    struct heed_error *err)
{
    for (int f = 0; f < OPE_FIELDS; f++) {
        const struct ope_source *s = &map->fields[f];
        r->fields[f] = (struct place){s, ope_field_name(f), SHEET_NOWHERE};
        if (!s->column)
            continue;
        r->fields[f].column = sheet_column(&r->sheet, s->column);
        if (r->fields[f].column == SHEET_NOWHERE && !s->may_miss)
            return sheet_error(&r->sheet, SHEET_NOWHERE, err,
                               "the column '%.40s' is missing; " NEEDS, s->column);
    }
    r->file->positioned =
        r->fields[OPE_POSITION].column != SHEET_NOWHERE || map->fields[OPE_POSITION].constant;
    return HEED_OK;
}

/* What the column is already, or NULL: the reward, say, is never a feature. */
static const char *taken_as(const struct reading *r, size_t column)
{
    for (int f = 0; f < OPE_FIELDS; f++)
        if (r->fields[f].column == column)
            return r->fields[f].name;
    return NULL;
}

/* Appends the columns of one feature of the map. */
static enum heed_status find_feature(struct reading *r, const struct ope_source *s, size_t *n,
                                     struct heed_error *err)
{
    size_t length = strlen(s->column), found = 0;
    bool many = length > 0 && s->column[length - 1] == '*';
    for (size_t i = 0; i < r->sheet.columns; i++) {
        const char *name = r->sheet.names[i];
        const char *as = taken_as(r, i);
        if (many ? as || strncmp(name, s->column, length - 1) != 0 : strcmp(name, s->column) != 0)
            continue;
        if (as)
            return sheet_error(&r->sheet, i, err,
                               "it is the %s and cannot be a feature too; take it out of the "
                               "mapping's features",
                               as);
        if (!array_grow(&r->features, &r->cap, *n + 1, sizeof *r->features))
            return error_nomem(err);
        r->features[(*n)++] = (struct place){s, name, i};
        found++;
    }
    return found || s->may_miss
               ? HEED_OK
               : sheet_error(&r->sheet, SHEET_NOWHERE, err,
                             "no column is named '%.60s', as the mapping says; mend the mapping or "
                             "take the feature out",
                             s->column);
}

static enum heed_status find_features(struct reading *r, const struct ope_map *map,
                                      struct heed_error *err)
{
    struct ope_log *log = &r->file->log;
    size_t n = 0;
    for (int classes = 0; classes < 2; classes++) {
        for (size_t i = 0; i < map->features_n; i++) {
            if (map->features[i].is_class != (classes == 1))
                continue;
            enum heed_status status = find_feature(r, &map->features[i], &n, err);
            if (status != HEED_OK)
                return status;
        }
        if (!classes)
            log->features = n;
    }
    log->categories = n - log->features;
    if (log->categories == 0)
        return HEED_OK;
    r->file->classes = calloc(log->categories, sizeof *r->file->classes);
    r->file->levels = calloc(log->categories, sizeof *r->file->levels);
    if (!r->file->classes || !r->file->levels) {
        log->categories = 0;
        return error_nomem(err);
    }
    for (size_t c = 0; c < log->categories; c++)
        intern_init(&r->file->classes[c]);
    return HEED_OK;
}

/* ── rows ── */

static enum heed_status text_at(const struct reading *r, const struct place *p, struct str *out,
                                struct heed_error *err)
{
    *out = p->column == SHEET_NOWHERE ? str_of(p->source->constant)
                                      : str_trim(r->sheet.row.fields[p->column]);
    if (out->n == 0 && p->source->otherwise)
        *out = str_of(p->source->otherwise);
    return out->n ? HEED_OK
                  : sheet_error(&r->sheet, p->column, err,
                                "the %s is empty; fill it in, leave the row out, or say in a "
                                "mapping what it is then (otherwise)",
                                p->name);
}

static enum heed_status number_at(const struct reading *r, const struct place *p,
                                  const char *remedy, double *out, struct heed_error *err)
{
    struct str text;
    enum heed_status status = text_at(r, p, &text, err);
    if (status != HEED_OK)
        return status;
    bool number = sheet_number(text, out);
    *out *= number ? p->source->factor : 0;
    if (number && isfinite(*out))
        return HEED_OK;
    return sheet_error(&r->sheet, p->column, err, "the %s '%.*s' is %s; %s", p->name,
                       (int)utf8_cut(text, 60), text.p,
                       number ? "too large, times the mapping's factor" : "not a number", remedy);
}

static enum heed_status name_at(const struct reading *r, const struct place *p, struct intern *t,
                                uint32_t *out, struct heed_error *err)
{
    struct str text;
    enum heed_status status = text_at(r, p, &text, err);
    if (status != HEED_OK)
        return status;
    *out = intern_add(t, text);
    return *out == INTERN_NONE ? error_nomem(err) : HEED_OK;
}

static bool room(struct ope_file *f)
{
    size_t n = f->log.n + 1;
    return array_grow(&f->action, &f->caps[0], n, sizeof *f->action) &&
           array_grow(&f->position, &f->caps[1], n, sizeof *f->position) &&
           array_grow(&f->propensity, &f->caps[2], n, sizeof *f->propensity) &&
           array_grow(&f->reward, &f->caps[3], n, sizeof *f->reward) &&
           array_grow(&f->x, &f->caps[4], n * f->log.features + 1, sizeof *f->x) &&
           array_grow(&f->level, &f->caps[5], n * f->log.categories + 1, sizeof *f->level) &&
           array_grow(&f->unit, &f->caps[6], n, sizeof *f->unit);
}

/* Of a field that may be empty: INTERN_NONE there. */
static enum heed_status name_if_any(const struct reading *r, int field, struct intern *t,
                                    uint32_t *out, struct heed_error *err)
{
    size_t column = r->fields[field].column;
    struct str text = column == SHEET_NOWHERE ? STR_NONE : str_trim(r->sheet.row.fields[column]);
    *out = INTERN_NONE;
    return text.n ? name_at(r, &r->fields[field], t, out, err) : HEED_OK;
}

/* The first row of the policy that is wanted is here: what was read of others' is forgotten, but
 * for their names of actions and positions. */
static void begin_again(struct ope_file *f, uint32_t version)
{
    f->version = version;
    f->log.n = 0;
    intern_deinit(&f->users);
    intern_init(&f->users);
    for (size_t c = 0; c < f->log.categories; c++) {
        intern_deinit(&f->classes[c]);
        intern_init(&f->classes[c]);
    }
}

static enum heed_status read_row(struct reading *r, struct heed_error *err)
{
    struct ope_file *f = r->file;
    size_t n = f->log.n, features = f->log.features, categories = f->log.categories;
    if (!room(f))
        return error_nomem(err);
    enum heed_status status = name_at(r, &r->fields[OPE_ACTION], &f->actions, &f->action[n], err);
    f->position[n] = 0;
    if (status == HEED_OK && f->positioned)
        status = name_at(r, &r->fields[OPE_POSITION], &f->positions, &f->position[n], err);
    if (status == HEED_OK)
        status = number_at(r, &r->fields[OPE_PROPENSITY],
                           "it is the probability with which this action was taken",
                           &f->propensity[n], err);
    if (status == HEED_OK && !(f->propensity[n] > 0 && f->propensity[n] <= 1))
        status = sheet_error(&r->sheet, r->fields[OPE_PROPENSITY].column, err,
                             "the propensity is %.6g; it is the probability with which this action "
                             "was taken, above 0 and at most 1: log it as it was, or leave out "
                             "rows where it is not known",
                             f->propensity[n]);
    if (status == HEED_OK && f->propensity[n] < DBL_MIN) /* 1 / it may be no number */
        status = sheet_error(&r->sheet, r->fields[OPE_PROPENSITY].column, err,
                             "the propensity %g is too small to divide by; log it as it was, or "
                             "leave out rows where it is not known",
                             f->propensity[n]);
    if (status == HEED_OK)
        status = number_at(r, &r->fields[OPE_REWARD], "mend it, or leave the row out",
                           &f->reward[n], err);
    if (status == HEED_OK)
        status = name_if_any(r, OPE_USER, &f->users, &f->unit[n], err);
    for (size_t i = 0; status == HEED_OK && i < features; i++)
        status = number_at(r, &r->features[i],
                           "a feature of names is a class: say so in a mapping (as: class)",
                           &f->x[n * features + i], err);
    for (size_t i = 0; status == HEED_OK && i < categories; i++)
        status = name_at(r, &r->features[features + i], &f->classes[i],
                         &f->level[n * categories + i], err);
    f->log.n += status == HEED_OK;
    return status;
}

/* A row that is not wanted says only what can be done and where. */
static enum heed_status pass_over(struct reading *r, struct heed_error *err)
{
    static const int fields[] = {OPE_ACTION, OPE_POSITION};
    struct intern *names[] = {&r->file->actions, &r->file->positions};
    enum heed_status status = HEED_OK;
    for (int i = 0; i < 2 && status == HEED_OK; i++) {
        struct heed_error passed = {0};
        uint32_t name;
        if (i == 0 || r->file->positioned)
            status = name_at(r, &r->fields[fields[i]], names[i], &name, &passed);
        if (status == HEED_NOMEM)
            return error_nomem(err);
        status = HEED_OK; /* empty */
    }
    return status;
}

/* Reads the row, if it is one of those asked for or may yet be. */
static enum heed_status take_row(struct reading *r, struct heed_error *err)
{
    struct ope_file *f = r->file;
    uint32_t version;
    enum heed_status status = name_if_any(r, OPE_VERSION, &f->versions, &version, err);
    if (status != HEED_OK || !r->only.n)
        return status == HEED_OK ? read_row(r, err) : status;
    if (version != INTERN_NONE && str_eq(intern_str(&f->versions, version), r->only)) {
        if (f->version == INTERN_NONE)
            begin_again(f, version);
        return read_row(r, err);
    }
    if (r->must || f->version != INTERN_NONE || r->faulty)
        return pass_over(r, err);
    status = read_row(r, &r->other);
    r->faulty = status != HEED_OK;
    if (status != HEED_NOMEM)
        return HEED_OK;
    return error_nomem(err);
}

static void point(struct ope_file *f, bool users)
{
    struct ope_log *log = &f->log;
    log->units = f->users.count;
    for (size_t i = 0; users && i < log->n; i++)
        if (f->unit[i] == INTERN_NONE)
            f->unit[i] = (uint32_t)log->units++;
    log->unit = users ? f->unit : NULL;
    log->actions = f->actions.count;
    log->positions = f->positioned ? f->positions.count : 1;
    log->action = f->action;
    log->position = f->positioned ? f->position : NULL;
    log->propensity = f->propensity;
    log->reward = f->reward;
    log->x = f->x;
    log->level = f->level;
    log->levels = f->levels;
    for (size_t c = 0; c < log->categories; c++)
        f->levels[c] = (uint32_t)f->classes[c].count;
}

static enum heed_status none_read(const struct reading *r, const char *path, struct heed_error *err)
{
    if (!r->must)
        return sheet_error(&r->sheet, SHEET_NOWHERE, err, "the log has no rows; give one that has");
    if (r->fields[OPE_VERSION].column == SHEET_NOWHERE)
        return error_set(
            err, HEED_INPUT, path,
            "the log does not say which policy took a row: it needs the column policy; "
            "a mapping (--map) says which it is elsewhere");
    return error_set(err, HEED_INPUT, path,
                     "no row is of the policy '%.*s'; the log has %zu others",
                     (int)utf8_cut(r->only, 60), r->only.p, r->file->versions.count);
}

enum heed_status ope_file_read(const char *path, const struct ope_map *map, bool features,
                               struct str only, bool must, struct ope_file *out,
                               struct heed_error *err)
{
    struct reading r = {.file = out,
                        .only = only,
                        .must = must && only.n,
                        .fields[OPE_USER].column = SHEET_NOWHERE,
                        .fields[OPE_VERSION].column = SHEET_NOWHERE};
    bool more = true;
    *out = (struct ope_file){.version = INTERN_NONE};
    intern_init(&out->actions);
    intern_init(&out->positions);
    intern_init(&out->users);
    intern_init(&out->versions);
    enum heed_status status = sheet_open(path, &map->csv, NEEDS, &r.sheet, err);
    if (status == HEED_OK)
        status = find_fields(&r, map, err);
    if (status == HEED_OK && features)
        status = find_features(&r, map, err);
    while (status == HEED_OK && (status = sheet_next(&r.sheet, &more, err)) == HEED_OK && more)
        status = take_row(&r, err);
    if (status == HEED_OK && r.faulty && out->version == INTERN_NONE) {
        *err = r.other;
        status = r.other.status;
    }
    if (status == HEED_OK && out->log.n == 0)
        status = none_read(&r, path, err);
    point(out, r.fields[OPE_USER].column != SHEET_NOWHERE);
    free(r.features);
    sheet_close(&r.sheet);
    return status;
}

void ope_file_deinit(struct ope_file *f)
{
    intern_deinit(&f->actions);
    intern_deinit(&f->positions);
    intern_deinit(&f->users);
    intern_deinit(&f->versions);
    for (size_t c = 0; c < f->log.categories; c++)
        intern_deinit(&f->classes[c]);
    free(f->classes);
    free(f->levels);
    free(f->action);
    free(f->position);
    free(f->unit);
    free(f->level);
    free(f->propensity);
    free(f->reward);
    free(f->x);
    *f = (struct ope_file){0};
}
