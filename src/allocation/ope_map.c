#include "allocation/ope_file.h"
#include "base/yaml.h"

#include <stdlib.h>

const char *ope_field_name(int field)
{
    static const char *const names[OPE_FIELDS] = {"action", "position", "propensity",
                                                  "reward", "user",     "policy"};
    return names[field];
}

static bool may_miss(int field)
{
    return field == OPE_POSITION || field == OPE_USER || field == OPE_VERSION;
}

static void source_deinit(struct ope_source *s)
{
    free(s->column);
    free(s->constant);
    free(s->otherwise);
}

void ope_map_deinit(struct ope_map *m)
{
    for (int f = 0; f < OPE_FIELDS; f++)
        source_deinit(&m->fields[f]);
    for (size_t i = 0; i < m->features_n; i++)
        source_deinit(&m->features[i]);
    free(m->features);
    *m = (struct ope_map){0};
}

static enum heed_status add_feature(struct ope_map *m, struct ope_source **out,
                                    struct heed_error *err)
{
    if (!array_grow(&m->features, &m->cap, m->features_n + 1, sizeof *m->features))
        return error_nomem(err);
    *out = &m->features[m->features_n++];
    **out = (struct ope_source){.factor = 1};
    return HEED_OK;
}

enum heed_status ope_map_own(struct ope_map *out, struct heed_error *err)
{
    struct ope_source *x;
    *out = (struct ope_map){0};
    for (int f = 0; f < OPE_FIELDS; f++) {
        out->fields[f] = (struct ope_source){.factor = 1, .may_miss = may_miss(f)};
        if (!(out->fields[f].column = strdup(ope_field_name(f))))
            return error_nomem(err);
    }
    enum heed_status status = add_feature(out, &x, err);
    if (status != HEED_OK)
        return status;
    x->may_miss = true;
    x->column = strdup("x_*");
    return x->column ? HEED_OK : error_nomem(err);
}

static enum heed_status text_of(const struct yaml *y, int parent, const char *key, char **out,
                                struct heed_error *err)
{
    int node = yaml_get(y, parent, key);
    if (!node)
        return HEED_OK;
    if (yaml_kind(y, node) != YAML_SCALAR)
        return yaml_error(y, node, err, "plain text was expected");
    struct str s = yaml_text(y, node);
    *out = strndup(s.p ? s.p : "", s.n);
    return *out ? HEED_OK : error_nomem(err);
}

/* One of column and constant; numeric: factor may be given, and texts must be numbers. */
static enum heed_status source_of(const struct yaml *y, int node, bool numeric,
                                  struct ope_source *s, struct heed_error *err)
{
    double ignored;
    enum heed_status status = text_of(y, node, "column", &s->column, err);
    if (status == HEED_OK)
        status = text_of(y, node, "constant", &s->constant, err);
    if (status == HEED_OK)
        status = text_of(y, node, "otherwise", &s->otherwise, err);
    if (status != HEED_OK)
        return status;
    if (!s->column == !s->constant)
        return yaml_error(y, node, err, "give one of column and constant");
    int factor = yaml_get(y, node, "factor");
    if (factor && (!sheet_number(yaml_text(y, factor), &s->factor) || !(s->factor > 0)))
        return yaml_error(y, factor, err, "a number above 0 was expected");
    if (numeric && s->constant && !sheet_number(str_of(s->constant), &ignored))
        return yaml_error(y, yaml_get(y, node, "constant"), err, "a number was expected");
    if (numeric && s->otherwise && !sheet_number(str_of(s->otherwise), &ignored))
        return yaml_error(y, yaml_get(y, node, "otherwise"), err, "a number was expected");
    return HEED_OK;
}

static enum heed_status feature_of(const struct yaml *y, int node, struct ope_map *m,
                                   struct heed_error *err)
{
    struct ope_source *s = NULL;
    int as = yaml_get(y, node, "as");
    enum heed_status status = add_feature(m, &s, err);
    if (status == HEED_OK)
        status = yaml_only(y, node, " column otherwise factor as ", err);
    if (status != HEED_OK)
        return status;
    s->is_class = str_is(yaml_text(y, as), "class");
    if (as && !s->is_class && !str_is(yaml_text(y, as), "number"))
        return yaml_error(y, as, err, "number or class was expected");
    if (s->is_class && yaml_get(y, node, "factor"))
        return yaml_error(y, yaml_get(y, node, "factor"), err, "a class has no factor");
    if (!yaml_get(y, node, "column"))
        return yaml_error(y, node, err, "the key 'column' is missing");
    return source_of(y, node, !s->is_class, s, err);
}

static enum heed_status columns_of(const struct yaml *y, int log, struct ope_map *m,
                                   struct heed_error *err)
{
    int columns = yaml_get(y, log, "columns");
    if (yaml_kind(y, columns) != YAML_MAP)
        return yaml_error(y, columns ? columns : log, err, "the map 'columns' is missing");
    for (size_t i = 0; i < yaml_count(y, columns); i++) {
        struct str key = yaml_key(y, columns, i);
        int node = yaml_value(y, columns, i), field = 0;
        while (field < OPE_FIELDS && !str_is(key, ope_field_name(field)))
            field++;
        if (field == OPE_FIELDS && !str_starts(key, "x_"))
            return yaml_error(
                y, node, err,
                "a log has no such field: action, position, propensity, reward, user, policy, "
                "and features that begin with x_");
        enum heed_status status;
        if (field == OPE_FIELDS) {
            status = feature_of(y, node, m, err);
        } else {
            bool numeric = field == OPE_PROPENSITY || field == OPE_REWARD;
            status = yaml_only(y, node,
                               field == OPE_USER || field == OPE_VERSION ? " column "
                               : numeric ? " column constant otherwise factor "
                                         : " column constant otherwise ",
                               err);
            if (status == HEED_OK)
                status = source_of(y, node, numeric, &m->fields[field], err);
        }
        if (status != HEED_OK)
            return status;
    }
    for (int f = 0; f < OPE_FIELDS; f++)
        if (!may_miss(f) && !m->fields[f].column && !m->fields[f].constant)
            return yaml_error(y, columns, err, "a log needs the field '%s'", ope_field_name(f));
    return HEED_OK;
}

enum heed_status ope_map_read(const char *path, struct ope_map *out, struct heed_error *err)
{
    struct strbuf text;
    struct yaml *y = NULL;
    *out = (struct ope_map){0};
    for (int f = 0; f < OPE_FIELDS; f++)
        out->fields[f].factor = 1;
    strbuf_init(&text, YAML_BYTES_MAX);
    enum heed_status status = reader_text(path, YAML_BYTES_MAX, &text, err);
    if (status == HEED_OK)
        status = yaml_open((struct str){strbuf_text(&text), text.n}, path, &y, err);
    int log = status == HEED_OK ? yaml_get(y, yaml_root(y), "log") : 0;
    if (status == HEED_OK)
        status = yaml_only(y, yaml_root(y), " log ", err);
    if (status == HEED_OK && !log)
        status = yaml_error(y, yaml_root(y), err, "the map 'log' is missing");
    if (status == HEED_OK)
        status = yaml_only(y, log, " delimiter quote encoding columns ", err);
    if (status == HEED_OK)
        status = csv_options_of(y, log, &out->csv, err);
    if (status == HEED_OK)
        status = columns_of(y, log, out, err);
    yaml_close(y);
    strbuf_deinit(&text);
    return status;
}
