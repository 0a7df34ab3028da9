#include "base/yaml.h"

#include "base/utf8.h"

#include <stdio.h>
#include <stdlib.h>
#include <yaml.h>

struct place {
    int parent;
    int key;      /* node of the key, or 0 */
    size_t index; /* in a list             */
    int depth;
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

void yaml_free(struct yaml *y)
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
    snprintf(where, sizeof where, "%s: line %zu%s%s", y->name, yaml_line(y, node),
             path.n ? ", key " : "", strbuf_text(&path));
    strbuf_deinit(&path);
    return error_set(err, HEED_INPUT, where, "%s", message);
}

static enum heed_status check_keys(struct yaml *y, int node, struct heed_error *err)
{
    size_t n = yaml_count(y, node);
    if (n > YAML_KEYS_MAX)
        return yaml_error(y, node, err, "it has more than %d keys", YAML_KEYS_MAX);
    for (size_t i = 0; i < n; i++) {
        int key = at(y, node)->data.mapping.pairs.start[i].key;
        if (yaml_kind(y, key) != YAML_SCALAR)
            return yaml_error(y, key, err, "a key must be plain text");
        for (size_t j = 0; j < i; j++)
            if (str_eq(yaml_key(y, node, i), yaml_key(y, node, j)))
                return yaml_error(y, key, err, "the key '%.*s' is given twice",
                                  (int)utf8_cut(yaml_key(y, node, i), 80), yaml_key(y, node, i).p);
    }
    return HEED_OK;
}

/* Enters a child: a node met twice means an alias.                                              */
static enum heed_status enter(struct yaml *y, int child, struct place place, struct heed_error *err)
{
    if (!at(y, child))
        return yaml_error(y, place.parent, err, "it cannot be read");
    if (y->places[child].parent >= 0)
        return yaml_error(y, child, err, "anchors and aliases are not allowed here");
    if (place.depth > YAML_DEPTH_MAX)
        return yaml_error(y, place.parent, err, "it is nested deeper than %d", YAML_DEPTH_MAX);
    y->places[child] = place;
    return HEED_OK;
}

/* Gives every node its place, breadth by order of number: a child may have any number, so a work
 * list. */
static enum heed_status place_nodes(struct yaml *y, struct heed_error *err)
{
    int *work = malloc((y->nodes + 1) * sizeof *work);
    if (!work)
        return error_nomem(err);
    size_t n = 0;
    enum heed_status status = HEED_OK;
    y->places[1] = (struct place){.depth = 1};
    work[n++] = 1;
    while (n > 0 && status == HEED_OK) {
        int node = work[--n];
        int depth = y->places[node].depth + 1;
        if (yaml_kind(y, node) == YAML_MAP)
            status = check_keys(y, node, err);
        for (size_t i = 0; status == HEED_OK && i < yaml_count(y, node); i++) {
            bool map = yaml_kind(y, node) == YAML_MAP;
            int key = map ? at(y, node)->data.mapping.pairs.start[i].key : 0;
            int child = map ? yaml_value(y, node, i) : yaml_item(y, node, i);
            if (key)
                status = enter(y, key, (struct place){node, 0, i, depth}, err);
            if (status == HEED_OK)
                status = enter(y, child, (struct place){node, key, i, depth}, err);
            if (status == HEED_OK)
                work[n++] = child;
        }
    }
    free(work);
    return status;
}

enum heed_status yaml_load(struct str text, const char *name, struct yaml **out,
                           struct heed_error *err)
{
    *out = NULL;
    if (text.n > YAML_BYTES_MAX)
        return error_set(err, HEED_INPUT, name, "it is longer than %d bytes", YAML_BYTES_MAX);
    size_t bad = utf8_invalid_at(text);
    if (bad < text.n)
        return error_set(err, HEED_INPUT, name, "byte %zu is not UTF-8", bad + 1);
    struct yaml *y = calloc(1, sizeof *y);
    yaml_parser_t parser;
    if (!y || !(y->name = strdup(name)) || !yaml_parser_initialize(&parser)) {
        yaml_free(y);
        return error_nomem(err);
    }
    yaml_parser_set_input_string(&parser, (const unsigned char *)text.p, text.n);
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    enum heed_status status = HEED_OK;
    if (!yaml_parser_load(&parser, &y->document)) {
        char where[192];
        size_t line =
            parser.problem_mark.line ? parser.problem_mark.line : parser.context_mark.line;
        snprintf(where, sizeof where, "%s: line %zu", name, line + 1);
        status = parser.error == YAML_MEMORY_ERROR
                     ? error_nomem(err)
                     : error_set(err, HEED_INPUT, where, "it is not YAML: %s",
                                 parser.problem ? parser.problem : "cannot be read");
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
        yaml_document_t second;
        if (status == HEED_OK && y->nodes > 0 && yaml_parser_load(&parser, &second)) {
            if (second.nodes.top != second.nodes.start)
                status = yaml_error(y, 1, err, "there is more than one document");
            yaml_document_delete(&second);
        }
    }
    yaml_parser_delete(&parser);
    if (status != HEED_OK) {
        yaml_free(y);
        return status;
    }
    *out = y;
    return HEED_OK;
}
