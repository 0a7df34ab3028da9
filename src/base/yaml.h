/* YAML documents (through libyaml) as trees of nodes that know their line and key. For rules,
 * mappings and scenarios: one document, no anchors or aliases, no duplicate keys, bounded.       */
#ifndef HEED_BASE_YAML_H
#define HEED_BASE_YAML_H

#include "base/error.h"
#include "base/str.h"

enum { YAML_BYTES_MAX = 1 << 20, YAML_DEPTH_MAX = 16, YAML_KEYS_MAX = 4096 };

struct yaml;
enum yaml_kind { YAML_NONE, YAML_SCALAR, YAML_LIST, YAML_MAP };

/* name is the file's, for messages; both strings are copied. An empty document has root 0.
 * Errors: HEED_INPUT with where = "NAME: line L" and what libyaml or the bounds object to. */
HEED_MUST_CHECK enum heed_status yaml_open(struct str text, const char *name, struct yaml **out,
                                           struct heed_error *err);
void yaml_close(struct yaml *y);

/* Nodes are numbers from 1; 0 is "not there": kind YAML_NONE, count 0, empty text.               */
int yaml_root(const struct yaml *y);
enum yaml_kind yaml_kind(const struct yaml *y, int node);
struct str yaml_text(const struct yaml *y, int node); /* of a scalar */
size_t yaml_count(const struct yaml *y, int node);    /* items of a list, entries of a map */
int yaml_item(const struct yaml *y, int node, size_t i);
struct str yaml_key(const struct yaml *y, int node, size_t i);
int yaml_value(const struct yaml *y, int node, size_t i);
int yaml_get(const struct yaml *y, int node, const char *key); /* 0 when absent */
size_t yaml_line(const struct yaml *y, int node);

/* HEED_INPUT with where = "NAME: line L, key a.b[2].c".                                          */
__attribute__((format(printf, 4, 5))) enum heed_status
yaml_error(const struct yaml *y, int node, struct heed_error *err, const char *format, ...);

/* That node is a map with no other keys than these: " a b c ", blanks around each. HEED_INPUT. */
HEED_MUST_CHECK enum heed_status yaml_only(const struct yaml *y, int node, const char *keys,
                                           struct heed_error *err);
#endif
