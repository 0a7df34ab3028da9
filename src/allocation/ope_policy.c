#include "allocation/ope_file.h"
#include "base/utf8.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define TOLERANCE 1e-4 /* probabilities are printed with few digits */
#define NEEDS "a policy needs the columns action, probability, and may have position"

enum { ACTION, PROBABILITY, POSITION, COLUMNS };
static const char *const names[COLUMNS] = {"action", "probability", "position"};

struct reading {
    struct sheet sheet;
    const struct ope_file *file;
    size_t columns[COLUMNS];
    size_t *taken; /* [rows][actions] how often the log took it */
    double *p;     /* the same; NAN: not named yet              */
    size_t rows;   /* positions, or 1                           */
};

enum heed_status ope_policy_uniform(const struct ope_file *f, double **p, struct ope_policy *out,
                                    struct heed_error *err)
{
    *p = calloc(f->log.actions + 1, sizeof **p);
    if (!*p)
        return error_nomem(err);
    for (size_t a = 0; a < f->log.actions; a++)
        (*p)[a] = 1 / (double)f->log.actions;
    *out = (struct ope_policy){*p, false};
    return HEED_OK;
}

static enum heed_status find_columns(struct reading *r, struct heed_error *err)
{
    for (int i = 0; i < COLUMNS; i++) {
        r->columns[i] = sheet_column(&r->sheet, names[i]);
        if (r->columns[i] == SHEET_NOWHERE && i != POSITION)
            return sheet_error(&r->sheet, SHEET_NOWHERE, err, "the column '%s' is missing; " NEEDS,
                               names[i]);
    }
    if (r->columns[POSITION] != SHEET_NOWHERE && !r->file->positioned)
        return sheet_error(&r->sheet, r->columns[POSITION], err,
                           "the policy differs by position, the log has none; name the log's "
                           "position, or give a policy of action,probability");
    return HEED_OK;
}

static enum heed_status count_taken(struct reading *r, struct heed_error *err)
{
    const struct ope_log *log = &r->file->log;
    bool by_position = r->columns[POSITION] != SHEET_NOWHERE;
    r->rows = by_position ? log->positions : 1;
    if (log->actions > OPE_CELLS_MAX / r->rows)
        return sheet_error(&r->sheet, SHEET_NOWHERE, err,
                           "%zu actions at %zu positions are more than a policy may have (%d "
                           "together); give one of action,probability",
                           log->actions, r->rows, OPE_CELLS_MAX);
    size_t cells = r->rows * log->actions;
    r->taken = calloc(cells, sizeof *r->taken);
    r->p = malloc(cells * sizeof *r->p);
    if (!r->taken || !r->p)
        return error_nomem(err);
    for (size_t i = 0; i < cells; i++)
        r->p[i] = NAN;
    for (size_t i = 0; i < log->n; i++)
        r->taken[(by_position ? log->position[i] * log->actions : 0) + log->action[i]]++;
    return HEED_OK;
}

static bool has_rows(const struct reading *r, size_t position)
{
    size_t n = r->file->log.actions, sum = 0;
    for (size_t a = 0; a < n && sum == 0; a++)
        sum += r->taken[position * n + a];
    return sum > 0;
}

/* A name of the row just read, as the log's handle; INTERN_NONE: the log lacks it. */
static enum heed_status name_at(const struct reading *r, int column, const struct intern *known,
                                uint32_t *out, struct heed_error *err)
{
    struct str text = str_trim(r->sheet.row.fields[r->columns[column]]);
    *out = intern_find(known, text);
    return text.n ? HEED_OK
                  : sheet_error(&r->sheet, r->columns[column], err, "the %s is empty; name it",
                                names[column]);
}

static enum heed_status lacks(const struct reading *r, int column, struct heed_error *err)
{
    struct str text = str_trim(r->sheet.row.fields[r->columns[column]]);
    return sheet_error(
        &r->sheet, r->columns[column], err,
        "the log has no %s '%.*s', so it says nothing of a policy that has; leave it "
        "out of the policy, or take a log that has it",
        names[column], (int)utf8_cut(text, 64), text.p);
}

/* The policy does what the rows kept never did. */
static enum heed_status never_took(const struct reading *r, uint32_t action, struct heed_error *err)
{
    const struct ope_file *f = r->file;
    const char *here = r->columns[POSITION] != SHEET_NOWHERE ? " at this position" : "";
    struct str name = intern_str(&f->actions, action);
    if (f->version == INTERN_NONE)
        return sheet_error(&r->sheet, r->columns[ACTION], err,
                           "the log never took this action%s, so it says nothing of a policy that "
                           "does; give it 0 there, or take a log that tried it",
                           here);
    struct str version = intern_str(&f->versions, f->version);
    return sheet_error(&r->sheet, r->columns[ACTION], err,
                       "none of the rows of '%.*s' took '%.*s'%s, so they say nothing of a policy "
                       "that does; give it 0 there, or judge it from all rows",
                       (int)utf8_cut(version, 64), version.p, (int)utf8_cut(name, 64), name.p,
                       here);
}

static enum heed_status read_row(struct reading *r, struct heed_error *err)
{
    uint32_t action, position = 0;
    struct str text = str_trim(r->sheet.row.fields[r->columns[PROBABILITY]]);
    double probability;
    enum heed_status status = name_at(r, ACTION, &r->file->actions, &action, err);
    if (status == HEED_OK && r->columns[POSITION] != SHEET_NOWHERE)
        status = name_at(r, POSITION, &r->file->positions, &position, err);
    if (status != HEED_OK)
        return status;
    if (!sheet_number(text, &probability) || probability < 0 || probability > 1)
        return sheet_error(&r->sheet, r->columns[PROBABILITY], err,
                           "'%.*s' is not a probability, a number from 0 to 1",
                           (int)utf8_cut(text, 60), text.p);
    if (action == INTERN_NONE || position == INTERN_NONE)
        return probability > 0 ? lacks(r, action == INTERN_NONE ? ACTION : POSITION, err) : HEED_OK;
    size_t cell = position * r->file->log.actions + action;
    if (!isnan(r->p[cell]))
        return sheet_error(&r->sheet, r->columns[ACTION], err,
                           "this action stands there twice%s; keep one",
                           r->columns[POSITION] != SHEET_NOWHERE ? " at this position" : "");
    if (probability > 0 && r->taken[cell] == 0 && has_rows(r, position))
        return never_took(r, action, err);
    r->p[cell] = probability;
    return HEED_OK;
}

/* " at position 'top'", or nothing. */
static const char *position_words(const struct reading *r, size_t position, char buf[100])
{
    struct str name = r->columns[POSITION] == SHEET_NOWHERE
                          ? STR_NONE
                          : intern_str(&r->file->positions, (uint32_t)position);
    buf[0] = '\0';
    if (name.n)
        snprintf(buf, 100, " at position '%.*s'", (int)utf8_cut(name, 64), name.p);
    return buf;
}

static enum heed_status check_whole(struct reading *r, struct heed_error *err)
{
    char at[100];
    const struct ope_log *log = &r->file->log;
    r->sheet.row.line = 0; /* the file as a whole */
    for (size_t position = 0; position < r->rows; position++) {
        double *p = r->p + position * log->actions, sum = 0;
        for (size_t a = 0; a < log->actions; a++) {
            size_t taken = r->taken[position * log->actions + a];
            struct str name = intern_str(&r->file->actions, (uint32_t)a);
            if (isnan(p[a]) && taken)
                return error_set(err, HEED_INPUT, r->sheet.path,
                                 "it does not name the action '%.*s', which the log took %zu "
                                 "times%s; add it, with probability 0 if the policy never takes it",
                                 (int)utf8_cut(name, 64), name.p, taken,
                                 position_words(r, position, at));
            if (isnan(p[a]))
                p[a] = 0;
            sum += p[a];
        }
        if (fabs(sum - 1) > TOLERANCE && has_rows(r, position))
            return error_set(err, HEED_INPUT, r->sheet.path,
                             "its probabilities%s sum to %.6g, not to 1; mend them",
                             position_words(r, position, at), sum);
    }
    return HEED_OK;
}

enum heed_status ope_policy_read(const char *path, const struct ope_file *f, double **p,
                                 struct ope_policy *out, struct heed_error *err)
{
    struct reading r = {.file = f};
    bool more = true;
    enum heed_status status = sheet_open(path, &(struct csv_options){0}, NEEDS, &r.sheet, err);
    if (status == HEED_OK)
        status = find_columns(&r, err);
    if (status == HEED_OK)
        status = count_taken(&r, err);
    while (status == HEED_OK && (status = sheet_next(&r.sheet, &more, err)) == HEED_OK && more)
        status = read_row(&r, err);
    if (status == HEED_OK)
        status = check_whole(&r, err);
    *p = r.p;
    *out = (struct ope_policy){r.p, r.columns[POSITION] != SHEET_NOWHERE};
    free(r.taken);
    sheet_close(&r.sheet);
    return status;
}
