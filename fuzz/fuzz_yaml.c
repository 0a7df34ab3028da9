/* yaml_open over any bytes: it refuses with a place, or gives a tree within the bounds whose every
 * node is reached once. */
#include "base/utf8.h"
#include "base/yaml.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "%s\n", what);
    abort();
}

/* Nodes of the tree under `node`, which stands at `depth`.                                       */
static size_t walk(const struct yaml *y, int node, int depth)
{
    struct heed_error err = {0};
    size_t nodes = 1, n = yaml_count(y, node);
    require(depth <= YAML_DEPTH_MAX, "depth");
    require(yaml_line(y, node) >= 1, "line");
    require(yaml_error(y, node, &err, "x") == HEED_INPUT, "error");
    require(strncmp(err.where, "FILE: line ", 11) == 0, "where");
    switch (yaml_kind(y, node)) {
    case YAML_SCALAR: {
        struct str text = yaml_text(y, node);
        require(n == 0 && utf8_invalid_at(text) == text.n, "text");
        break;
    }
    case YAML_LIST:
        for (size_t i = 0; i < n; i++)
            nodes += walk(y, yaml_item(y, node, i), depth + 1);
        require(yaml_item(y, node, n) == 0, "an item that is not there");
        break;
    case YAML_MAP:
        require(n <= YAML_KEYS_MAX, "keys");
        for (size_t i = 0; i < n; i++) {
            char key[64];
            struct str text = yaml_key(y, node, i);
            if (text.n < sizeof key && !memchr(text.p, 0, text.n)) {
                memcpy(key, text.p, text.n);
                key[text.n] = 0;
                require(yaml_get(y, node, key) == yaml_value(y, node, i), "found by its key");
            }
            nodes += 1 + walk(y, yaml_value(y, node, i), depth + 1);
        }
        require(yaml_value(y, node, n) == 0, "a value that is not there");
        break;
    default:
        require(false, "kind");
    }
    return nodes;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct heed_error err = {0};
    struct yaml *y;
    enum heed_status status = yaml_open((struct str){(const char *)data, size}, "FILE", &y, &err);
    require(status == HEED_OK || status == HEED_INPUT, "status");
    require(status == err.status, "the error says what is returned");
    require((status == HEED_OK) == (y != NULL), "a tree or an error");
    if (status == HEED_OK && yaml_root(y))
        require(walk(y, yaml_root(y), 0) <= 2 * size + 2, "no more nodes than bytes make");
    if (status != HEED_OK)
        require(strncmp(err.where, "FILE", 4) == 0 && err.message[0], "where and message");
    yaml_close(y);
    return 0;
}
