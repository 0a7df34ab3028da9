#include "import/import.h"

#include "base/csv.h"
#include "base/out_file.h"
#include "base/utf8.h"
#include "import/learnt.h"
#include "import/models.h"
#include "import/session.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { STRICT_ROWS_MAX = 10000000 };

void import_result_deinit(struct import_result *r)
{
    for (size_t i = 0; i < r->n; i++)
        free(r->files[i].path);
    free(r->files);
    *r = (struct import_result){0};
}

json_t *import_result_json(const struct import_result *r, double seconds)
{
    json_t *files = json_array();
    for (size_t i = 0; i < r->n; i++) {
        const struct import_file *f = &r->files[i];
        json_t *row = json_pack(
            "{s:o,s:s,s:I,s:I,s:I,s:I,s:I}", "path", reply_text(f->path), "kind",
            import_kind_name(f->kind), "rows", (json_int_t)f->tally.rows, "applied",
            (json_int_t)f->tally.applied, "rejected", (json_int_t)f->tally.rejected, "refused",
            (json_int_t)f->tally.refused, "duplicate", (json_int_t)f->tally.duplicate);
        if (f->skipped)
            json_object_set_new(row, "skipped", json_true());
        if (f->left_aside)
            json_object_set_new(row, "left_aside", json_string(f->left_aside));
        json_object_set_new(row, "late", json_integer((json_int_t)f->late));
        if (f->out_of_order)
            json_object_set_new(row, "out_of_order", json_integer((json_int_t)f->out_of_order));
        if (f->error.status != HEED_OK)
            json_object_set_new(row, "error", reply_error(&f->error));
        json_array_append_new(files, row);
    }
    return json_pack("{s:o,s:I,s:I,s:I,s:I,s:I,s:I,s:f}", "files", files, "rows",
                     (json_int_t)r->total.rows, "applied", (json_int_t)r->total.applied, "rejected",
                     (json_int_t)r->total.rejected, "refused", (json_int_t)r->total.refused,
                     "duplicate", (json_int_t)r->total.duplicate, "late", (json_int_t)r->late,
                     "seconds", seconds);
}

/* ── sessions ── */

enum heed_status session_error(const struct session *s, const struct heed_error *why,
                               struct heed_error *err)
{
    char where[192];
    if (strncmp(why->where, s->file->path, strnlen(s->file->path, sizeof where - 1)) == 0)
        snprintf(where, sizeof where, "%s", why->where);
    else
        snprintf(where, sizeof where, "%.120s%s%.60s", s->file->path, *why->where ? ": " : "",
                 why->where);
    return error_set(err, why->status, where, "%s", why->message);
}

/* "line 7, column 3 (score)" -> "3 (score)"; "line 7, score" -> "score"; "line 7" -> "".        */
static struct str column_of(const char *where)
{
    const char *column = strstr(where, ", ");
    if (!column)
        return STR_NONE;
    column += 2;
    return str_of(strncmp(column, "column ", 7) == 0 ? column + 7 : column);
}

void session_bad(struct session *s, bool refused, const char *where, const char *reason,
                 uint64_t line, struct str raw)
{
    struct import_file *f = s->file;
    if (refused)
        f->tally.refused++;
    else
        f->tally.rejected++;
    if (!f->first[0])
        snprintf(f->first, sizeof f->first, "%.*s: %.120s: %.*s",
                 (int)utf8_cut(str_of(f->path), 180), f->path, where,
                 (int)utf8_cut(str_of(reason), 200), reason);
    if (s->checking || !s->options->rejects)
        return;
    if (!s->rejects) {
        s->rejects = s->rejects_errno ? NULL : fopen(s->options->rejects, "a");
        if (!s->rejects) { /* the rows are counted all the same; the import ends with the error */
            s->rejects_errno = errno;
            return;
        }
        fseek(s->rejects, 0, SEEK_END);
        if (ftell(s->rejects) == 0)
            fputs("path,line,column,reason,row\n", s->rejects);
    }
    csv_put_quoted(s->rejects, str_of(f->path));
    fprintf(s->rejects, ",%llu,", (unsigned long long)line);
    csv_put_quoted(s->rejects, column_of(where));
    fputc(',', s->rejects);
    csv_put_quoted(s->rejects, str_of(reason));
    fputc(',', s->rejects);
    csv_put_quoted(s->rejects, (struct str){raw.p, utf8_cut(raw, 4096)});
    fputc('\n', s->rejects);
}

void session_refused(struct session *s, enum refusal refusal, const char *where, uint64_t line,
                     struct str raw)
{
    session_bad(s, true, where, refusal_message(refusal), line, raw);
}

enum heed_status session_commit(struct session *s, bool done, struct heed_error *err)
{
    if (s->checking || (s->options->strict && !done))
        return HEED_OK;
    const struct heed_tally *t = &s->file->tally;
    if (s->options->strict && t->rejected + t->refused > 0) /* what is pending is given up */
        return error_set(err, HEED_INPUT, "strict",
                         "%llu rows that were good when checked are not now; nothing was applied",
                         (unsigned long long)(t->rejected + t->refused));
    if (s->rejects) /* a row that counts as bad in the world is in the file */
        fflush(s->rejects);
    s->mark.rows = t->rows;
    s->mark.applied = t->applied;
    s->mark.rejected = t->rejected;
    s->mark.refused = t->refused;
    s->mark.duplicate = t->duplicate;
    s->mark.done = done;
    struct sha256 digest;
    struct call call = admit_import_mark(&s->mark, &digest);
    struct outcome o = {0};
    enum heed_status status = world_apply(s->w, &call, &o, err);
    return status == HEED_OK ? world_commit(s->w, err) : status;
}

void session_progress(struct session *s, uint64_t done, uint64_t total)
{
    if (s->options->progress)
        s->options->progress(s->options->progress_context, s->file->path, done, total,
                             s->file->tally.rows);
}

/* ── one file ── */

/* Of kind, mapping and decompressed content: by it a file is known.                              */
static enum heed_status mark_digest(enum import_kind kind, const struct sha256 *content,
                                    struct str mapping, struct sha256 *out, struct heed_error *err)
{
    struct sha256_stream *s = sha256_new();
    if (!s)
        return error_nomem(err);
    const char *name = import_kind_name(kind);
    sha256_update(s, name, strlen(name) + 1);
    sha256_update(s, content->b, sizeof content->b);
    sha256_update(s, mapping.p ? mapping.p : "", mapping.n);
    *out = sha256_final(s);
    return HEED_OK;
}

/* The file is read once more for it: half a second for ten million events, and whether there is
 * anything to do is known before anything is done. */
static enum heed_status digest_of(const struct world *w, enum import_kind kind, const char *path,
                                  struct str mapping, struct str older,
                                  const struct reader_limits *limits, struct sha256 *out,
                                  struct heed_error *err)
{
    struct sha256 content, before;
    enum heed_status status = reader_digest(path, limits, &content, err);
    if (status == HEED_OK)
        status = mark_digest(kind, &content, mapping, out, err);
    if (status == HEED_OK && older.n)
        status = mark_digest(kind, &content, older, &before, err);
    if (status == HEED_OK && older.n && !world_import_mark(w, out) && world_import_mark(w, &before))
        *out = before;
    return status;
}

enum heed_status import_known(const struct world *w, enum import_kind kind,
                              const struct sha256 *content, bool *known, struct heed_error *err)
{
    struct sha256 digest;
    enum heed_status status = mark_digest(kind, content, STR_NONE, &digest, err);
    *known = status == HEED_OK && world_import_mark(w, &digest) != NULL;
    return status;
}

static enum heed_status run(struct session *s, struct heed_error *err)
{
    struct heed_error why = {0};
    enum heed_status status =
        s->file->kind == IMPORT_EVENTS ? import_events(s, &why) : import_things(s, &why);
    return status == HEED_OK ? HEED_OK : session_error(s, &why, err);
}

/* The pass of --strict that only looks, at the rows not imported before. A bad row is then an error
 * that names the first. */
static enum heed_status check_strictly(struct session *s, const struct import_mark *before,
                                       struct heed_error *err)
{
    if (before && before->rejected + before->refused > 0)
        return error_set(err, HEED_INPUT, s->file->path,
                         "%llu of the %llu rows imported before without --strict were bad; %s",
                         (unsigned long long)(before->rejected + before->refused),
                         (unsigned long long)before->rows,
                         before->done ? "the others are in this world"
                                      : "the rest was not applied");
    if (before && before->done)
        return HEED_OK;
    s->checking = true;
    enum heed_status status = run(s, err);
    s->checking = false;
    if (status != HEED_OK)
        return status;
    if (s->file->tally.rejected + s->file->tally.refused > 0) {
        char first[512];
        memcpy(first, s->file->first, sizeof first);
        struct heed_tally *t = &s->file->tally;
        *t = (struct heed_tally){t->rejected + t->refused, 0, t->rejected, t->refused, 0};
        s->file->first[0] = 0; /* the error says it */
        return error_set(err, HEED_INPUT, "strict", "%.220s (%llu bad rows; nothing was applied)",
                         first,
                         (unsigned long long)(s->file->tally.rejected + s->file->tally.refused));
    }
    if (s->file->tally.rows > STRICT_ROWS_MAX)
        return error_set(err, HEED_RANGE, s->file->path,
                         "with --strict a file is applied in one batch, of at most %d rows; import "
                         "it without, or split it",
                         STRICT_ROWS_MAX);
    s->file->tally = (struct heed_tally){0};
    return HEED_OK;
}

static struct import_file *add_file(struct import_result *r, const char *path,
                                    enum import_kind kind)
{
    if (!array_grow(&r->files, &r->cap, r->n + 1, sizeof *r->files))
        return NULL;
    r->files[r->n] = (struct import_file){.path = strdup(path), .kind = kind};
    return r->files[r->n].path ? &r->files[r->n++] : NULL;
}

static enum heed_status close_rejects(struct session *s, enum heed_status status,
                                      struct heed_error *err)
{
    if (s->rejects) {
        bool failed = ferror(s->rejects);
        if (fclose(s->rejects) != 0 || failed)
            s->rejects_errno = errno ? errno : EIO;
    }
    if (status == HEED_OK && s->rejects_errno)
        return error_set(err, HEED_STORAGE, s->options->rejects,
                         "the bad rows cannot be written there (%s); the good ones are imported",
                         strerror(s->rejects_errno));
    return status;
}

/* Bad rows go neither into the file they come from (or the archive it lies in) nor into a world. */
static enum heed_status check_rejects(const char *rejects, const char *path, struct heed_error *err)
{
    struct stat bad, in;
    char part[4096];
    if (!rejects)
        return HEED_OK;
    if (out_file_spoils(rejects))
        return error_set(err, HEED_USAGE, rejects,
                         "it belongs to a world; name another file for bad rows");
    if (stat(rejects, &bad) != 0 || strlen(path) >= sizeof part)
        return HEED_OK;
    for (size_t n = strlen(path); n > 0; n--) {
        if (path[n] && path[n] != '/')
            continue;
        memcpy(part, path, n);
        part[n] = '\0';
        if (stat(part, &in) == 0 && in.st_dev == bad.st_dev && in.st_ino == bad.st_ino)
            return error_set(err, HEED_USAGE, rejects,
                             "it is the file that is read; name another file for bad rows");
    }
    return HEED_OK;
}

enum heed_status import_one(struct world *w, const struct heed_context *context,
                            enum import_kind kind, const char *path, const char *shown,
                            const struct row_format *format, struct str mapping, struct str older,
                            const struct import_options *options, struct import_result *result,
                            struct heed_error *err)
{
    struct session s = {.w = w, .context = *context, .options = options, .format = format};
    s.file = add_file(result, shown, kind);
    if (!s.file)
        return error_nomem(err);
    free(s.file->path);
    s.file->path = strdup(path); /* while reading; the result shows `shown` */
    enum heed_status status =
        s.file->path ? check_rejects(options->rejects, path, err) : error_nomem(err);
    if (status == HEED_OK)
        status = digest_of(w, kind, path, mapping, older, &options->limits, &s.mark.digest, err);
    const struct import_mark *before =
        status == HEED_OK && !options->again ? world_import_mark(w, &s.mark.digest) : NULL;
    uint64_t out_of_order = w->state.behaviour.out_of_order, late = w->state.consumption.late;
    if (before && before->done) {
        s.file->skipped = true;
        if (options->strict)
            status = check_strictly(&s, before, err);
    } else if (status == HEED_OK) {
        s.skip = before ? before->rows : 0;
        if (options->strict)
            status = check_strictly(&s, before, err);
        if (before) {
            s.file->tally = (struct heed_tally){before->rows, before->applied, before->rejected,
                                                before->refused, before->duplicate};
        }
        if (status == HEED_OK)
            status = run(&s, err);
        if (options->strict) /* half of a file must not be committed by whoever comes next */
            status = world_guard(w, status);
    }
    s.file->out_of_order = w->state.behaviour.out_of_order - out_of_order;
    s.file->late = w->state.consumption.late - late;
    result->late += s.file->late;
    status = close_rejects(&s, status, err);
    if (strcmp(path, shown) != 0) {
        free(s.file->path);
        s.file->path = strdup(shown);
        if (!s.file->path) {
            result->n--;
            return error_nomem(err);
        }
    }
    if (status != HEED_OK)
        s.file->error = err ? *err : (struct heed_error){.status = status};
    const struct heed_tally *t = &s.file->tally;
    result->total.rows += t->rows;
    result->total.applied += t->applied;
    result->total.rejected += t->rejected;
    result->total.refused += t->refused;
    result->total.duplicate += t->duplicate;
    return status;
}

enum heed_status import_file(struct world *w, const struct heed_context *context,
                             enum import_kind kind, const char *path,
                             const struct import_options *options, struct import_result *result,
                             struct heed_error *err)
{
    return import_one(w, context, kind, path, path, NULL, STR_NONE, STR_NONE, options, result, err);
}

/* ── a folder ── */

static bool is_file_of(const char *name, const char *kind)
{
    static const char *const ends[] = {".csv", ".jsonl", ".ndjson"};
    static const char *const packed[] = {"", ".gz", ".zst", ".xz", ".bz2"};
    char want[64];
    for (size_t i = 0; i < 3; i++)
        for (size_t j = 0; j < 5; j++) {
            snprintf(want, sizeof want, "%s%s%s", kind, ends[i], packed[j]);
            if (strcmp(name, want) == 0)
                return true;
        }
    return false;
}

static enum heed_status find_file(const char *dir, enum import_kind kind, char path[4096],
                                  struct heed_error *err)
{
    path[0] = 0;
    DIR *d = opendir(dir);
    if (!d && errno == ENOTDIR)
        return error_set(err, HEED_INPUT, dir,
                         "it is not a folder; say what the file holds: `heed import events %s`",
                         dir);
    if (!d && errno == ENOENT)
        return error_set(err, HEED_INPUT, dir,
                         "there is no such folder; check the path, or say what to import: `heed "
                         "import KIND FILE...`");
    if (!d)
        return error_set(err, HEED_INPUT, dir, "the folder cannot be read: %s", strerror(errno));
    enum heed_status status = HEED_OK;
    for (struct dirent *e; (e = readdir(d));) {
        if (!is_file_of(e->d_name, import_kind_name(kind)))
            continue;
        if (path[0])
            status = error_set(err, HEED_INPUT, dir, "it holds more than one file of %s",
                               import_kind_name(kind));
        snprintf(path, 4096, "%s/%s", dir, e->d_name);
    }
    closedir(d);
    return status;
}

/* learnt.csv or models.csv, if the folder has it. */
static enum heed_status import_learnt(struct world *w, const struct heed_context *context,
                                      const char *dir, enum import_kind kind,
                                      struct import_result *result, struct heed_error *err)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s.csv", dir, import_kind_name(kind));
    if (access(path, F_OK) != 0)
        return HEED_OK;
    struct import_file *file = add_file(result, path, kind);
    if (!file)
        return error_nomem(err);
    struct learnt_taken taken = {0};
    enum heed_status status =
        (kind == IMPORT_LEARNT ? learnt_read : models_read)(w, context, path, &taken, err);
    file->left_aside = taken.left_aside;
    file->tally.rows = taken.rows;
    if (status == HEED_OK)
        file->tally.applied = taken.rows;
    else
        file->error = err ? *err : (struct heed_error){.status = status};
    result->total.rows += file->tally.rows;
    result->total.applied += file->tally.applied;
    return status;
}

enum heed_status import_dir(struct world *w, const struct heed_context *context, const char *dir,
                            const struct import_options *options, struct import_result *result,
                            struct heed_error *err)
{
    /* contents may name goods they feature, so goods are read before them and reported after */
    static const enum import_kind order[IMPORT_KINDS] = {
        IMPORT_USERS,  IMPORT_GOODS,   IMPORT_SERVICES, IMPORT_CONTENTS,
        IMPORT_EVENTS, IMPORT_RATINGS, IMPORT_REVIEWS,  IMPORT_DECISIONS};
    size_t first = result->n;
    enum heed_status status = HEED_OK;
    for (int i = 0; status == HEED_OK && i < IMPORT_KINDS; i++) {
        char path[4096];
        status = find_file(dir, order[i], path, err);
        if (status == HEED_OK && path[0])
            status = import_file(w, context, order[i], path, options, result, err);
    }
    if (status == HEED_OK)
        status = import_learnt(w, context, dir, IMPORT_LEARNT, result, err);
    if (status == HEED_OK)
        status = import_learnt(w, context, dir, IMPORT_MODELS, result, err);
    if (status == HEED_OK && result->n == first)
        return error_set(err, HEED_INPUT, dir,
                         "it holds none of users.csv, contents.csv, goods.csv, services.csv, "
                         "events.csv, ratings.csv, reviews.csv, decisions.csv");
    for (size_t i = first; i + 1 < result->n; i++) /* a handful: the order of the kinds */
        for (size_t j = i + 1; j < result->n; j++)
            if (result->files[j].kind < result->files[i].kind) {
                struct import_file swap = result->files[i];
                result->files[i] = result->files[j];
                result->files[j] = swap;
            }
    return status;
}
