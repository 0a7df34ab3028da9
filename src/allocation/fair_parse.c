#include "allocation/fair.h"
#include "base/error.h"

#define FORM "takes none or such as users=-1,items=-1,lambda=.01"

enum heed_status fair_welfare_parse(struct str text, struct fair_welfare *out,
                                    struct heed_error *err)
{
    struct {
        const char *name;
        double *value, least;
        bool given;
    } keys[] = {{"users", &out->users, -10, false},
                {"items", &out->items, -10, false},
                {"lambda", &out->lambda, 0, false}};
    *out = FAIR_NONE;
    if (str_is(text, "none"))
        return HEED_OK;
    for (size_t at = 0, end; at <= text.n; at = end + 1) {
        for (end = at; end < text.n && text.p[end] != ',';)
            end++;
        struct str piece = str_trim((struct str){text.p + at, end - at});
        const char *equals = piece.n ? memchr(piece.p, '=', piece.n) : NULL;
        if (!equals)
            return error_set(err, HEED_USAGE, "fair", FORM ", not '%.*s'", STR_ARG(text));
        size_t n = (size_t)(equals - piece.p), i = 0;
        while (i < 3 && !str_is((struct str){piece.p, n}, keys[i].name))
            i++;
        if (i == 3 || keys[i].given)
            return error_set(err, HEED_USAGE, "fair", FORM "; '%.*s' is %s", (int)n, piece.p,
                             i == 3 ? "none of its names" : "there twice");
        keys[i].given = true;
        struct str value = {equals + 1, piece.n - n - 1};
        if (!model_number(value, keys[i].value) || *keys[i].value < keys[i].least ||
            *keys[i].value > 1)
            return error_set(err, HEED_USAGE, "fair", "%s takes a number from %g to 1, not '%.*s'",
                             keys[i].name, keys[i].least, STR_ARG(piece));
    }
    for (size_t i = 0; i < 3; i++)
        if (!keys[i].given)
            return error_set(err, HEED_USAGE, "fair", FORM "; '%.*s' lacks %s", STR_ARG(text),
                             keys[i].name);
    return HEED_OK;
}
