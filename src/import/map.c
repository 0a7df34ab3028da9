/* Mapping files: how files made elsewhere become heed's rows. See docs/mapping.md. */
#include "base/csv.h"
#include "base/yaml.h"
#include "import/join.h"
#include "import/session.h"

#include <stdio.h>
#include <stdlib.h>

enum { MAP_BYTES_MAX = 1 << 20 };

struct mapping {
    struct yaml *y;
    struct strbuf text; /* of the whole file */
    char *data;         /* folder its paths start from */
    char *own;          /* the mapping's own           */
};

static enum heed_status text_of(const struct mapping *m, int parent, const char *key, bool needed,
                                char **out, struct heed_error *err)
{
    int node = yaml_get(m->y, parent, key);
    *out = NULL;
    if (!node && !needed)
        return HEED_OK;
    if (!node)
        return yaml_error(m->y, parent, err, "the key '%s' is missing", key);
    if (yaml_kind(m->y, node) != YAML_SCALAR)
        return yaml_error(m->y, node, err, "plain text was expected");
    struct str s = yaml_text(m->y, node);
    *out = strndup(s.p, s.n);
    return *out ? HEED_OK : error_nomem(err);
}

/* "-04:00" or "+05:30" to minutes. */
static bool zone_of(struct str s, int32_t *minutes)
{
    if (s.n != 6 || (s.p[0] != '-' && s.p[0] != '+') || s.p[3] != ':')
        return false;
    for (size_t i = 1; i < 6; i++)
        if (i != 3 && (s.p[i] < '0' || s.p[i] > '9'))
            return false;
    int hours = (s.p[1] - '0') * 10 + s.p[2] - '0', rest = (s.p[4] - '0') * 10 + s.p[5] - '0';
    *minutes = (hours * 60 + rest) * (s.p[0] == '-' ? -1 : 1);
    return hours <= 14 && rest < 60;
}

static enum heed_status time_of(const struct mapping *m, int node, struct mapped_field *out,
                                struct heed_error *err)
{
    int time = yaml_get(m->y, node, "time"), zone = yaml_get(m->y, node, "zone");
    if (time && !str_is(yaml_text(m->y, time), "month/day/year hour:minute"))
        return yaml_error(m->y, time, err, "'month/day/year hour:minute' was expected");
    if (zone && (!time || !zone_of(yaml_text(m->y, zone), &out->zone_min)))
        return yaml_error(m->y, zone, err, "a zone such as -04:00 beside `time` was expected");
    out->us_time = time != 0;
    return HEED_OK;
}

/* {0: 1, 10: 2}: from 0 on it is 1, from 10 on 2.                                               */
static enum heed_status steps_of(const struct mapping *m, int node, struct mapped_field *out,
                                 struct heed_error *err)
{
    int steps = yaml_get(m->y, node, "steps");
    size_t n = yaml_count(m->y, steps);
    if (!steps)
        return HEED_OK;
    if (yaml_kind(m->y, steps) != YAML_MAP || n == 0)
        return yaml_error(m->y, steps, err, "a map of numbers to values was expected");
    out->steps = calloc(n, sizeof *out->steps);
    if (!out->steps)
        return error_nomem(err);
    for (; out->steps_n < n; out->steps_n++) {
        struct step *step = &out->steps[out->steps_n];
        int value = yaml_value(m->y, steps, out->steps_n);
        struct str text = yaml_text(m->y, value);
        if (!admit_decimal(yaml_key(m->y, steps, out->steps_n), &step->from_milli) ||
            (out->steps_n > 0 && step->from_milli <= step[-1].from_milli))
            return yaml_error(m->y, value, err, "steps are numbers, each above the one before");
        if (yaml_kind(m->y, value) != YAML_SCALAR || text.n == 0)
            return yaml_error(m->y, value, err, "plain text was expected");
        step->value = strndup(text.p, text.n);
        if (!step->value)
            return error_nomem(err);
    }
    return HEED_OK;
}

static enum heed_status field_of(const struct mapping *m, int node, bool joined,
                                 struct mapped_field *out, struct heed_error *err)
{
    enum heed_status status = yaml_only(
        m->y, node,
        " column constant joined prefix otherwise after first factor round max steps time zone ",
        err);
    if (status != HEED_OK)
        return status;
    static const struct {
        const char *key;
        enum mapped_from from;
    } sources[] = {
        {"column", MAPPED_COLUMN}, {"constant", MAPPED_CONSTANT}, {"joined", MAPPED_JOINED}};
    for (size_t i = 0; i < 3; i++) {
        if (!yaml_get(m->y, node, sources[i].key))
            continue;
        if (out->from != MAPPED_NONE)
            return yaml_error(m->y, node, err, "give one of column, constant and joined");
        out->from = sources[i].from;
        status = text_of(m, node, sources[i].key, true, &out->column, err);
        if (status != HEED_OK)
            return status;
    }
    if (out->from == MAPPED_NONE)
        return yaml_error(m->y, node, err, "one of column, constant and joined is missing");
    if (out->from == MAPPED_JOINED && !joined)
        return yaml_error(m->y, node, err, "this file has no join");
    status = text_of(m, node, "prefix", false, &out->prefix, err);
    if (status == HEED_OK)
        status = text_of(m, node, "otherwise", false, &out->otherwise, err);
    if (status == HEED_OK)
        status = text_of(m, node, "first", false, &out->first, err);
    if (status == HEED_OK)
        status = text_of(m, node, "after", false, &out->after, err);
    if (status == HEED_OK)
        status = time_of(m, node, out, err);
    if (status == HEED_OK)
        status = steps_of(m, node, out, err);
    if (status != HEED_OK)
        return status;
    int factor = yaml_get(m->y, node, "factor"), round = yaml_get(m->y, node, "round");
    int max = yaml_get(m->y, node, "max");
    int64_t n;
    if (factor &&
        (!admit_amount(yaml_text(m->y, factor), &out->factor_milli) || out->factor_milli <= 0))
        return yaml_error(m->y, factor, err,
                          "a number above 0 with at most three decimals was expected");
    if (round && !str_is(yaml_text(m->y, round), "whole"))
        return yaml_error(m->y, round, err, "whole was expected");
    out->whole = round != 0;
    if (max &&
        (!admit_decimal(yaml_text(m->y, max), &n) || n < 1000 || n > 65536000 || n % 1000 != 0))
        return yaml_error(m->y, max, err, "a number of bytes between 1 and 65536 was expected");
    out->max = max ? (size_t)(n / 1000) : 0;
    return HEED_OK;
}

static enum heed_status columns_of(const struct mapping *m, int file, enum import_kind kind,
                                   struct row_format *f, struct heed_error *err)
{
    int columns = yaml_get(m->y, file, "columns");
    if (yaml_kind(m->y, columns) != YAML_MAP)
        return yaml_error(m->y, columns ? columns : file, err, "the map 'columns' is missing");
    uint32_t given = 0;
    for (size_t i = 0; i < yaml_count(m->y, columns); i++) {
        int node = yaml_value(m->y, columns, i);
        int field = field_of_name(yaml_key(m->y, columns, i));
        if (field < 0 || !(kind_fields(kind) >> field & 1))
            return yaml_error(m->y, node, err, "%s have no such field", import_kind_name(kind));
        enum heed_status status = field_of(m, node, f->join_key != NULL, &f->fields[field], err);
        if (status != HEED_OK)
            return status;
        given |= UINT32_C(1) << field;
    }
    for (int i = 0; i < FIELDS; i++)
        if (kind_required(kind) >> i & 1 && !(given >> i & 1))
            return yaml_error(m->y, columns, err, "%s need the field '%s'", import_kind_name(kind),
                              field_name((enum field)i));
    return HEED_OK;
}

static void format_free(struct row_format *f)
{
    for (int i = 0; i < FIELDS; i++) {
        free(f->fields[i].column);
        free(f->fields[i].prefix);
        free(f->fields[i].otherwise);
        free(f->fields[i].first);
        free(f->fields[i].after);
        for (size_t k = 0; k < f->fields[i].steps_n; k++)
            free(f->fields[i].steps[k].value);
        free(f->fields[i].steps);
    }
    free(f->join_key);
    free(f);
}

static char *path_in(const char *folder, const char *path)
{
    size_t n = strlen(folder) + strlen(path) + 2;
    char *full = malloc(n);
    if (full)
        snprintf(full, n, "%s%s%s", *path == '/' ? "" : folder, *path == '/' ? "" : "/", path);
    return full;
}

/* The folder that a file's path starts from: `from: map`, else the data's.                      */
static enum heed_status from_of(const struct mapping *m, int node, const char **folder,
                                struct heed_error *err)
{
    int from = yaml_get(m->y, node, "from");
    *folder = str_is(yaml_text(m->y, from), "map") ? m->own : m->data;
    if (from && *folder == m->data && !str_is(yaml_text(m->y, from), "data"))
        return yaml_error(m->y, from, err, "map or data was expected");
    return HEED_OK;
}

static enum heed_status join_of(const struct mapping *m, int file, struct row_format *f,
                                const struct reader_limits *limits, struct join **out,
                                struct heed_error *err)
{
    int node = yaml_get(m->y, file, "join");
    *out = NULL;
    if (!node)
        return HEED_OK;
    enum heed_status status =
        yaml_only(m->y, node, " path delimiter quote encoding key on normalise prefer ", err);
    char *path = NULL, *full = NULL, *on = NULL, *prefer = NULL;
    struct join_options o = {0};
    int normalise = yaml_get(m->y, node, "normalise");
    if (status == HEED_OK)
        status = text_of(m, node, "path", true, &path, err);
    if (status == HEED_OK)
        status = text_of(m, node, "key", true, &f->join_key, err);
    if (status == HEED_OK)
        status = text_of(m, node, "on", true, &on, err);
    if (status == HEED_OK)
        status = text_of(m, node, "prefer", false, &prefer, err);
    if (status == HEED_OK)
        status = csv_options_of(m->y, node, &o.csv, err);
    if (status == HEED_OK && normalise) {
        o.alnum_lower = str_is(yaml_text(m->y, normalise), "alnum-lower");
        if (!o.alnum_lower && !str_is(yaml_text(m->y, normalise), "none"))
            status = yaml_error(m->y, normalise, err, "alnum-lower or none was expected");
    }
    if (status == HEED_OK && prefer && strncmp(prefer, "lowest ", 7) != 0)
        status =
            yaml_error(m->y, yaml_get(m->y, node, "prefer"), err, "'lowest COLUMN' was expected");
    if (status == HEED_OK && !(full = path_in(m->data, path)))
        status = error_nomem(err);
    if (status == HEED_OK) {
        o.path = full;
        o.on = on;
        o.prefer = prefer ? prefer + 7 : NULL;
        status = join_load(&o, limits, out, err);
    }
    free(path);
    free(full);
    free(on);
    free(prefer);
    return status;
}

/* What a node says, however it is laid out.                                                      */
static void put_node(const struct yaml *y, int node, struct strbuf *out)
{
    struct str text = yaml_text(y, node);
    size_t n = yaml_count(y, node);
    switch (yaml_kind(y, node)) {
    case YAML_SCALAR:
        strbuf_printf(out, "s%zu:", text.n);
        strbuf_put(out, text.p, text.n);
        break;
    case YAML_LIST:
        strbuf_printf(out, "l%zu:", n);
        for (size_t i = 0; i < n; i++)
            put_node(y, yaml_item(y, node, i), out);
        break;
    case YAML_MAP:
        strbuf_printf(out, "m%zu:", n);
        for (size_t i = 0; i < n; i++) {
            struct str key = yaml_key(y, node, i);
            strbuf_printf(out, "%zu:", key.n);
            strbuf_put(out, key.p, key.n);
            put_node(y, yaml_value(y, node, i), out);
        }
        break;
    case YAML_NONE:
        strbuf_putc(out, '-');
    }
}

/* How many of the files before number i are said to be the same: one may stand there twice. */
static enum heed_status twins_before(const struct mapping *m, int files, size_t i, size_t *n,
                                     struct heed_error *err)
{
    struct strbuf own, other;
    strbuf_init(&own, MAP_BYTES_MAX * 2);
    strbuf_init(&other, MAP_BYTES_MAX * 2);
    put_node(m->y, yaml_item(m->y, files, i), &own);
    *n = 0;
    for (size_t j = 0; j < i && !own.failed && !other.failed; j++) {
        other.n = 0;
        put_node(m->y, yaml_item(m->y, files, j), &other);
        *n += other.n == own.n && memcmp(other.p, own.p, own.n) == 0;
    }
    bool ok = !own.failed && !other.failed;
    strbuf_deinit(&own);
    strbuf_deinit(&other);
    return ok ? HEED_OK : error_nomem(err);
}

/* What besides its own bytes decides what becomes of a file: what the mapping says of it, which of
 * several that say the same it is, and the joined file. `older` is what stood for that in worlds
 * imported before: the whole mapping and the file's line in it.                                  */
static enum heed_status identity_of(const struct mapping *m, int files, size_t i,
                                    const struct reader_limits *limits, struct strbuf *out,
                                    struct strbuf *older, struct heed_error *err)
{
    struct sha256 joined = {0};
    int node = yaml_item(m->y, files, i), join = yaml_get(m->y, node, "join");
    size_t twins = 0;
    enum heed_status status = twins_before(m, files, i, &twins, err);
    if (status == HEED_OK && join) {
        char *path = NULL, *full = NULL;
        status = text_of(m, join, "path", true, &path, err);
        if (status == HEED_OK && !(full = path_in(m->data, path)))
            status = error_nomem(err);
        if (status == HEED_OK)
            status = reader_digest(full, limits, &joined, err);
        free(path);
        free(full);
    }
    put_node(m->y, node, out);
    strbuf_printf(out, "\nnumber %zu\n", twins);
    strbuf_put(out, (const char *)joined.b, sizeof joined.b);
    strbuf_put(older, m->text.p, m->text.n);
    strbuf_printf(older, "\nline %zu\n", yaml_line(m->y, node));
    strbuf_put(older, (const char *)joined.b, sizeof joined.b);
    return status == HEED_OK && (out->failed || older->failed) ? error_nomem(err) : status;
}

static enum heed_status one_file(const struct mapping *m, int files, size_t number, struct world *w,
                                 const struct heed_context *context,
                                 const struct import_options *options, struct import_result *result,
                                 struct heed_error *err)
{
    int node = yaml_item(m->y, files, number);
    enum heed_status status =
        yaml_only(m->y, node, " path from kind delimiter quote encoding columns join ", err);
    if (status != HEED_OK)
        return status;
    char *path = NULL, *full = NULL;
    struct join *join = NULL;
    struct row_format *f = calloc(1, sizeof *f);
    if (!f)
        return error_nomem(err);
    f->mapped = true;
    int kind_node = yaml_get(m->y, node, "kind");
    int kind = import_kind_of_name(yaml_text(m->y, kind_node));
    if (kind < 0)
        status = yaml_error(m->y, kind_node ? kind_node : node, err,
                            "the key 'kind' must be one of users, contents, goods, services, "
                            "events, ratings, reviews, decisions");
    if (status == HEED_OK)
        status = text_of(m, node, "path", true, &path, err);
    if (status == HEED_OK)
        status = csv_options_of(m->y, node, &f->csv, err);
    if (status == HEED_OK)
        status = join_of(m, node, f, &options->limits, &join, err);
    f->join = join;
    if (status == HEED_OK)
        status = columns_of(m, node, (enum import_kind)kind, f, err);
    const char *folder = NULL;
    if (status == HEED_OK)
        status = from_of(m, node, &folder, err);
    if (status == HEED_OK && !(full = path_in(folder, path)))
        status = error_nomem(err);
    struct strbuf identity, older;
    strbuf_init(&identity, MAP_BYTES_MAX * 2);
    strbuf_init(&older, MAP_BYTES_MAX + 256);
    if (status == HEED_OK)
        status = identity_of(m, files, number, &options->limits, &identity, &older, err);
    if (status == HEED_OK)
        status = import_one(w, context, (enum import_kind)kind, full, path, f,
                            (struct str){identity.p, identity.n}, (struct str){older.p, older.n},
                            options, result, err);
    strbuf_deinit(&identity);
    strbuf_deinit(&older);
    format_free(f);
    join_free(join);
    free(path);
    free(full);
    return status;
}

/* The folder of a file; "." when it names none.                                                 */
static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? strndup(path, slash == path ? 1 : (size_t)(slash - path)) : strdup(".");
}

enum heed_status import_map(struct world *w, const struct heed_context *context, const char *map,
                            const char *data, const struct import_options *options,
                            struct import_result *result, struct heed_error *err)
{
    struct mapping m = {0};
    strbuf_init(&m.text, MAP_BYTES_MAX);
    m.own = folder_of(map);
    m.data = data ? strdup(data) : folder_of(map);
    enum heed_status status =
        m.own && m.data ? reader_text(map, MAP_BYTES_MAX, &m.text, err) : error_nomem(err);
    if (status == HEED_OK)
        status = yaml_open((struct str){m.text.p, m.text.n}, map, &m.y, err);
    int root = status == HEED_OK ? yaml_root(m.y) : 0;
    if (status == HEED_OK)
        status = yaml_only(m.y, root, " files ", err);
    int files = status == HEED_OK ? yaml_get(m.y, root, "files") : 0;
    if (status == HEED_OK && (yaml_kind(m.y, files) != YAML_LIST || yaml_count(m.y, files) == 0))
        status = yaml_error(m.y, files ? files : root, err, "a list of files was expected");
    for (size_t i = 0; status == HEED_OK && i < yaml_count(m.y, files); i++)
        status = one_file(&m, files, i, w, context, options, result, err);
    yaml_close(m.y);
    strbuf_deinit(&m.text);
    free(m.own);
    free(m.data);
    return status;
}
