#include "base/yaml.h"

#include "base/utf8.h"

#include <stdio.h>
#include <stdlib.h>
#include <yaml.h>

struct place {
    int parent;
    int key;      /* node of the key, or 0 */
    size_t index; /* in a list             */
};

struct yaml {
    char *name;
    yaml_document_t document;
    bool loaded;
    struct place *places; /* by node; parent -1: not met */
    size_t nodes;
};

static yaml_node_t *at(const struct yaml *y, int node)
{
    return node > 0 && (size_t)node <= y->nodes ? y->document.nodes.start + node - 1 : NULL;
}

void yaml_close(struct yaml *y)
{
    if (!y)
        return;
    if (y->loaded)
        yaml_document_delete(&y->document);
    free(y->places);
    free(y->name);
    free(y);
}

int yaml_root(const struct yaml *y)
{
    return y->nodes > 0 ? 1 : 0;
}

enum yaml_kind yaml_kind(const struct yaml *y, int node)
{
    const yaml_node_t *n = at(y, node);
    if (!n)
        return YAML_NONE;
    switch (n->type) {
    case YAML_SCALAR_NODE:
        return YAML_SCALAR;
    case YAML_SEQUENCE_NODE:
        return YAML_LIST;
    case YAML_MAPPING_NODE:
        return YAML_MAP;
    default:
        return YAML_NONE;
    }
}

struct str yaml_text(const struct yaml *y, int node)
{
    if (yaml_kind(y, node) != YAML_SCALAR)
        return STR("");
    const yaml_node_t *n = at(y, node);
    return (struct str){(const char *)n->data.scalar.value, n->data.scalar.length};
}

size_t yaml_count(const struct yaml *y, int node)
{
    const yaml_node_t *n = at(y, node);
    switch (yaml_kind(y, node)) {
    case YAML_LIST:
        return (size_t)(n->data.sequence.items.top - n->data.sequence.items.start);
    case YAML_MAP:
        return (size_t)(n->data.mapping.pairs.top - n->data.mapping.pairs.start);
    default:
        return 0;
    }
}

int yaml_item(const struct yaml *y, int node, size_t i)
{
    if (yaml_kind(y, node) != YAML_LIST || i >= yaml_count(y, node))
        return 0;
    return at(y, node)->data.sequence.items.start[i];
}

struct str yaml_key(const struct yaml *y, int node, size_t i)
{
    if (yaml_kind(y, node) != YAML_MAP || i >= yaml_count(y, node))
        return STR("");
    return yaml_text(y, at(y, node)->data.mapping.pairs.start[i].key);
}

int yaml_value(const struct yaml *y, int node, size_t i)
{
    if (yaml_kind(y, node) != YAML_MAP || i >= yaml_count(y, node))
        return 0;
    return at(y, node)->data.mapping.pairs.start[i].value;
}

int yaml_get(const struct yaml *y, int node, const char *key)
{
    for (size_t i = 0; i < yaml_count(y, node) && yaml_kind(y, node) == YAML_MAP; i++)
        if (str_is(yaml_key(y, node, i), key))
            return yaml_value(y, node, i);
    return 0;
}

size_t yaml_line(const struct yaml *y, int node)
{
    const yaml_node_t *n = at(y, node);
    return n ? n->start_mark.line + 1 : 1;
}

static void path_of(const struct yaml *y, int node, struct strbuf *out)
{
    const struct place *p = &y->places[node];
    if (p->parent <= 0)
        return;
    path_of(y, p->parent, out);
    if (p->key) {
        struct str key = yaml_text(y, p->key);
        strbuf_printf(out, "%s%.*s", out->n ? "." : "", (int)utf8_cut(key, 40), key.p);
    } else {
        strbuf_printf(out, "[%zu]", p->index);
    }
}

enum heed_status yaml_error(const struct yaml *y, int node, struct heed_error *err,
                            const char *format, ...)
{
    char message[320], where[192];
    struct strbuf path;
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    strbuf_init(&path, 256);
    if (node > 0 && (size_t)node <= y->nodes && y->places[node].parent >= 0)
        path_of(y, node, &path);
    int key = path.n ? y->places[node].key : 0;
    snprintf(where, sizeof where, "%s: line %zu%s%s", y->name, yaml_line(y, key ? key : node),
             path.n ? ", key " : "", strbuf_text(&path));
    strbuf_deinit(&path);
    return error_set(err, HEED_INPUT, where, "%s", message);
}

enum heed_status yaml_only(const struct yaml *y, int node, const char *keys, struct heed_error *err)
{
    if (yaml_kind(y, node) != YAML_MAP)
        return yaml_error(y, node, err, "a map of keys was expected:%s", keys);
    for (size_t i = 0; i < yaml_count(y, node); i++) {
        char word[64];
        struct str key = yaml_key(y, node, i);
        snprintf(word, sizeof word, " %.*s ", (int)utf8_cut(key, 40), key.p);
        if (memchr(key.p, ' ', key.n) || !strstr(keys, word)) /* "a b" is not a and b */
            return yaml_error(y, yaml_value(y, node, i), err,
                              "there is no such key here; the keys are%s", keys);
    }
    return HEED_OK;
}

struct key {
    struct str text;
    size_t index;
};

static int compare_keys(const void *a, const void *b)
{
    const struct key *x = a, *y = b;
    size_t n = x->text.n < y->text.n ? x->text.n : y->text.n;
    int order = n ? memcmp(x->text.p, y->text.p, n) : 0;
    if (order == 0)
        order = (x->text.n > y->text.n) - (x->text.n < y->text.n);
    return order ? order : (x->index > y->index) - (x->index < y->index);
}

/* Of a map whose children have their places. O(n log n).                                        */
static enum heed_status check_keys(struct yaml *y, int node, struct heed_error *err)
{
    size_t n = yaml_count(y, node), twice = n;
    if (n > YAML_KEYS_MAX)
        return yaml_error(y, node, err, "it has more than %d keys", YAML_KEYS_MAX);
    struct key *keys = malloc((n + 1) * sizeof *keys);
    if (!keys)
        return error_nomem(err);
    for (size_t i = 0; i < n; i++)
        keys[i] = (struct key){yaml_key(y, node, i), i};
    qsort(keys, n, sizeof *keys, compare_keys);
    for (size_t i = 1; i < n; i++)
        if (str_eq(keys[i].text, keys[i - 1].text) && keys[i].index < twice)
            twice = keys[i].index;
    free(keys);
    if (twice == n)
        return HEED_OK;
    struct str text = yaml_key(y, node, twice);
    return yaml_error(y, yaml_value(y, node, twice), err, "the key '%.*s' is given twice",
                      (int)utf8_cut(text, 80), text.p);
}

/* Without aliases, which check_events has refused, every node has one parent.                   */
static void enter(struct yaml *y, int child, struct place place)
{
    heed_assert(at(y, child) && y->places[child].parent < 0);
    y->places[child] = place;
}

/* Gives every node its place. A child may have any number, so there is a work list.             */
static enum heed_status place_nodes(struct yaml *y, struct heed_error *err)
{
    int *work = malloc((y->nodes + 1) * sizeof *work);
    if (!work)
        return error_nomem(err);
    size_t n = 0;
    enum heed_status status = HEED_OK;
    y->places[1] = (struct place){0};
    work[n++] = 1;
    while (n > 0 && status == HEED_OK) {
        int node = work[--n];
        bool map = yaml_kind(y, node) == YAML_MAP;
        for (size_t i = 0; status == HEED_OK && i < yaml_count(y, node); i++) {
            int key = map ? at(y, node)->data.mapping.pairs.start[i].key : 0;
            int child = map ? yaml_value(y, node, i) : yaml_item(y, node, i);
            if (map)
                enter(y, key, (struct place){node, 0, i});
            enter(y, child, (struct place){node, key, i});
            if (map && yaml_kind(y, key) != YAML_SCALAR)
                status = yaml_error(y, node, err, "a key must be plain text");
            work[n++] = child;
        }
        if (map && status == HEED_OK)
            status = check_keys(y, node, err);
    }
    free(work);
    return status;
}

static size_t line_of_byte(struct str text, size_t at_byte)
{
    size_t line = 1;
    for (size_t i = 0; i < at_byte && i < text.n; i++)
        line += text.p[i] == '\n';
    return line;
}

static enum heed_status fail_at(const char *name, size_t line, struct heed_error *err,
                                const char *what, const char *detail)
{
    char where[192];
    snprintf(where, sizeof where, "%s: line %zu", name, line);
    return error_set(err, HEED_INPUT, where, "%s%s", what, detail);
}

static enum heed_status not_yaml(const yaml_parser_t *parser, struct str text, const char *name,
                                 struct heed_error *err)
{
    if (parser->error == YAML_MEMORY_ERROR)
        return error_nomem(err);
    size_t line = parser->error == YAML_READER_ERROR ? line_of_byte(text, parser->problem_offset)
                  : parser->problem_mark.line        ? parser->problem_mark.line + 1
                                                     : parser->context_mark.line + 1;
    return fail_at(name, line, err,
                   "it is not YAML: ", parser->problem ? parser->problem : "cannot be read");
}

static bool has_anchor(const yaml_event_t *e)
{
    return e->type == YAML_ALIAS_EVENT || (e->type == YAML_SCALAR_EVENT && e->data.scalar.anchor) ||
           (e->type == YAML_SEQUENCE_START_EVENT && e->data.sequence_start.anchor) ||
           (e->type == YAML_MAPPING_START_EVENT && e->data.mapping_start.anchor);
}

/* One event against the bounds; *depth is the number of open lists and maps.                    */
static const char *objection(const yaml_event_t *e, int *depth, int *documents)
{
    switch (e->type) {
    case YAML_DOCUMENT_START_EVENT:
        return ++*documents > 1 ? "there is more than one document" : NULL;
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        --*depth;
        return NULL;
    case YAML_ALIAS_EVENT:
    case YAML_SCALAR_EVENT:
    case YAML_SEQUENCE_START_EVENT:
    case YAML_MAPPING_START_EVENT:
        if (has_anchor(e))
            return "anchors and aliases are not allowed here";
        if (*depth >= YAML_DEPTH_MAX)
            return "it is nested too deep";
        if (e->type == YAML_SEQUENCE_START_EVENT || e->type == YAML_MAPPING_START_EVENT)
            ++*depth;
        return NULL;
    default:
        return NULL;
    }
}

/* A first pass over the events of the whole text, before any tree is built. libyaml's scanner takes
 * time in the square of the depth, so depth must be refused where it is met, not afterwards.    */
static enum heed_status check_events(struct str text, const char *name, struct heed_error *err)
{
    yaml_parser_t parser;
    if (!yaml_parser_initialize(&parser))
        return error_nomem(err);
    yaml_parser_set_input_string(&parser, (const unsigned char *)text.p, text.n);
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    enum heed_status status = HEED_OK;
    int depth = 0, documents = 0;
    for (bool end = false; !end && status == HEED_OK;) {
        yaml_event_t e;
        if (!yaml_parser_parse(&parser, &e)) {
            status = not_yaml(&parser, text, name, err);
            break;
        }
        const char *what = objection(&e, &depth, &documents);
        if (what)
            status = fail_at(name, e.start_mark.line + 1, err, what, "");
        end = e.type == YAML_STREAM_END_EVENT;
        yaml_event_delete(&e);
    }
    yaml_parser_delete(&parser);
    return status;
}

enum heed_status yaml_open(struct str text, const char *name, struct yaml **out,
                           struct heed_error *err)
{
    *out = NULL;
    if (text.n > YAML_BYTES_MAX)
        return error_set(err, HEED_INPUT, name, "it is longer than %d bytes", YAML_BYTES_MAX);
    size_t bad = utf8_invalid_at(text);
    if (bad < text.n)
        return fail_at(name, line_of_byte(text, bad), err, "it is not UTF-8", "");
    enum heed_status status = check_events(text, name, err);
    if (status != HEED_OK)
        return status;
    struct yaml *y = calloc(1, sizeof *y);
    yaml_parser_t parser;
    if (!y || !(y->name = strdup(name)) || !yaml_parser_initialize(&parser)) {
        yaml_close(y);
        return error_nomem(err);
    }
    yaml_parser_set_input_string(&parser, (const unsigned char *)text.p, text.n);
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    if (!yaml_parser_load(&parser, &y->document)) {
        status = not_yaml(&parser, text, name, err);
    } else {
        y->loaded = true;
        y->nodes = (size_t)(y->document.nodes.top - y->document.nodes.start);
        y->places = malloc((y->nodes + 1) * sizeof *y->places);
        if (!y->places)
            status = error_nomem(err);
        for (size_t i = 0; status == HEED_OK && i <= y->nodes; i++)
            y->places[i] = (struct place){.parent = -1};
        if (status == HEED_OK && y->nodes > 0)
            status = place_nodes(y, err);
    }
    yaml_parser_delete(&parser);
    if (status != HEED_OK) {
        yaml_close(y);
        return status;
    }
    *out = y;
    return HEED_OK;
}
