/* What json_scan_object says of a text against what jansson says, for tests and fuzzing. */
#ifndef HEED_TESTS_JSON_TWIN_H
#define HEED_TESTS_JSON_TWIN_H

#include "base/jsonl.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

enum { TWIN_MEMBERS = 256 };

static bool twin_is_flat(json_t *object)
{
    const char *key;
    json_t *value;
    json_object_foreach(object, key, value)
    {
        if (json_is_object(value) || json_is_array(value))
            return false;
    }
    return true;
}

static const char *twin_number_differs(struct str text, json_t *value)
{
    char *p = strndup(text.p, text.n);
    const char *differs = NULL;
    if (!p)
        return "no memory";
    if (strpbrk(p, ".eE")) {
        if (!json_is_real(value) || strtod(p, NULL) != json_real_value(value))
            differs = "a real";
    } else if (!json_is_integer(value) || strtoll(p, NULL, 10) != json_integer_value(value)) {
        differs = "an integer";
    }
    free(p);
    return differs;
}

static const char *twin_value_differs(const struct json_member *m, json_t *value)
{
    json_t *nested;
    bool same;
    switch (m->type) {
    case JSON_T_STRING:
        same = json_is_string(value) &&
               str_eq(m->value, (struct str){json_string_value(value), json_string_length(value)});
        return same ? NULL : "a string";
    case JSON_T_NUMBER:
        return twin_number_differs(m->value, value);
    case JSON_T_TRUE:
        return json_is_true(value) && str_is(m->value, "true") ? NULL : "true";
    case JSON_T_FALSE:
        return json_is_false(value) && str_is(m->value, "false") ? NULL : "false";
    case JSON_T_NULL:
        return json_is_null(value) && str_is(m->value, "null") ? NULL : "null";
    case JSON_T_RAW:
        nested = json_loadb(m->value.p, m->value.n, JSON_REJECT_DUPLICATES, NULL);
        same = nested && json_equal(nested, value);
        json_decref(nested);
        return same ? NULL : "a nested value";
    }
    return "a type";
}

/* NULL when they agree; *accepted tells which way.                                              */
static const char *json_twin_compare(const char *p, size_t n, bool *accepted)
{
    static struct json_member members[TWIN_MEMBERS];
    struct heed_error err = {0};
    size_t count = 0;
    const char *differs = NULL;
    char *scratch = malloc(n ? n : 1); /* exact, so that a sanitizer sees what goes past it */
    if (!scratch)
        return "no memory";
    *accepted = json_scan_object((struct str){p, n}, members, TWIN_MEMBERS, scratch, &count, &err);
    if (n > 0 && memchr(p, '\0', n)) { /* jansson drops a NUL that follows a word or a number */
        free(scratch);
        return *accepted ? "a NUL byte is accepted" : NULL;
    }
    json_error_t why;
    json_t *object = json_loadb(p, n, JSON_REJECT_DUPLICATES, &why);
    if (!*accepted) {
        if (json_is_object(object) && twin_is_flat(object) &&
            json_object_size(object) <= TWIN_MEMBERS)
            differs = "jansson accepts it";
        else if (err.status != HEED_INPUT || !*err.message || strncmp(err.where, "column ", 7) != 0)
            differs = "the error is not told";
    } else if (!json_is_object(object)) {
        differs = "jansson refuses it";
    } else if (json_object_size(object) != count) {
        differs = "the number of members";
    } else {
        for (size_t i = 0; i < count && !differs; i++) {
            char *key = strndup(members[i].key.p, members[i].key.n);
            json_t *value = key ? json_object_get(object, key) : NULL;
            differs = value ? twin_value_differs(&members[i], value) : "a key";
            free(key);
        }
    }
    json_decref(object);
    free(scratch);
    return differs;
}
#endif
