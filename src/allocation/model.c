#include "allocation/model.h"

#include "base/error.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static const struct model_kind *const kinds[] = {&model_random, &model_popularity, &model_knn,
                                                 &model_ease,   &model_ials,       &model_blend};
enum { KINDS = sizeof kinds / sizeof *kinds };

/* The piece of *rest up to `separator`; *rest goes on behind it. false: nothing is left. */
static bool next_piece(struct str *rest, char separator, struct str *piece)
{
    if (!rest->p)
        return false;
    const char *at = rest->n ? memchr(rest->p, separator, rest->n) : NULL;
    piece->p = rest->p;
    piece->n = at ? (size_t)(at - rest->p) : rest->n;
    *rest = at ? (struct str){at + 1, rest->n - piece->n - 1} : STR_NONE;
    *piece = str_trim(*piece);
    return true;
}

static enum heed_status kind_of(struct str name, const struct model_kind **out,
                                struct heed_error *err)
{
    for (size_t i = 0; i < KINDS; i++)
        if (str_is(name, kinds[i]->name)) {
            *out = kinds[i];
            return HEED_OK;
        }
    return error_set(err, HEED_USAGE, "algorithm",
                     "there is no '%.*s'; there are random, popularity, knn, ease, ials, blend",
                     STR_ARG(name));
}

enum heed_status model_names_parse(struct str names, struct model_spec *specs, size_t *n,
                                   struct heed_error *err)
{
    struct str piece;
    *n = 0;
    while (next_piece(&names, ',', &piece)) {
        struct model_spec spec = {0};
        enum heed_status status = kind_of(piece, &spec.kind, err);
        if (status != HEED_OK)
            return status;
        for (size_t i = 0; i < *n; i++)
            if (specs[i].kind == spec.kind)
                return error_set(err, HEED_USAGE, "algorithm", "%s is named twice; name it once",
                                 spec.kind->name);
        for (size_t i = 0; i < spec.kind->params_n; i++)
            spec.param[i] = spec.kind->params[i].fallback;
        specs[(*n)++] = spec; /* never more than there are kinds */
    }
    return HEED_OK;
}

bool model_number(struct str text, double *out)
{
    char buffer[64], *end;
    if (text.n == 0 || text.n >= sizeof buffer || memchr(text.p, 'x', text.n))
        return false;
    memcpy(buffer, text.p, text.n);
    buffer[text.n] = 0;
    *out = strtod(buffer, &end);
    return *end == 0 && isfinite(*out);
}

/* The words of a setting, NULL when it is a number. */
static const char *words_of(const struct model_kind *kind, size_t param)
{
    return kind->words ? kind->words[param] : NULL;
}

const char *model_param_text(const struct model_spec *spec, size_t param, char room[64])
{
    const char *words = words_of(spec->kind, param);
    double x = spec->param[param];
    snprintf(room, 64, "%.15g", x);
    if (words) {
        struct str rest = str_of(words), word;
        for (double i = 0; next_piece(&rest, '|', &word); i++)
            if (i == x)
                snprintf(room, 64, "%.*s", STR_ARG(word));
    }
    return room;
}

static enum heed_status set_word(const char *words, const char *name, double *param,
                                 struct str value, struct heed_error *err)
{
    struct str rest = str_of(words), word;
    for (double i = 0; next_piece(&rest, '|', &word); i++)
        if (str_eq(word, value)) {
            *param = i;
            return HEED_OK;
        }
    return error_set(err, HEED_USAGE, name, "takes one of %s, not '%.*s'", words, STR_ARG(value));
}

static enum heed_status set_param(const struct model_param *p, const char *words, double *param,
                                  struct str value, struct heed_error *err)
{
    double x;
    if (words)
        return set_word(words, p->name, param, value, err);
    if (!model_number(value, &x) || x < p->least || x > p->most || (p->whole && x != floor(x)))
        return error_set(err, HEED_USAGE, p->name, "takes %s from %g to %g, not '%.*s'",
                         p->whole ? "a whole number" : "a number", p->least, p->most,
                         STR_ARG(value));
    *param = x;
    return HEED_OK;
}

static enum heed_status unknown_param(struct str name, const struct model_spec *specs, size_t n,
                                      struct heed_error *err)
{
    struct strbuf known;
    strbuf_init(&known, 240);
    for (size_t s = 0; s < n; s++)
        for (size_t i = 0; i < specs[s].kind->params_n; i++)
            (void)strbuf_printf(&known, "%s%s.%s", known.n ? ", " : "", specs[s].kind->name,
                                specs[s].kind->params[i].name);
    enum heed_status status =
        error_set(err, HEED_USAGE, "param", "none of these algorithms has '%.*s'; %s%s",
                  STR_ARG(name), known.n ? "they have " : "they have none", strbuf_text(&known));
    strbuf_deinit(&known);
    return status;
}

enum heed_status model_params_parse(struct str text, struct model_spec *specs, size_t n,
                                    struct heed_error *err)
{
    struct str piece;
    while (next_piece(&text, ',', &piece)) {
        const char *equals = piece.n ? memchr(piece.p, '=', piece.n) : NULL;
        if (!equals)
            return error_set(err, HEED_USAGE, "param",
                             "takes name=value, such as lambda=30, not '%.*s'", STR_ARG(piece));
        struct str name = str_trim((struct str){piece.p, (size_t)(equals - piece.p)});
        struct str value =
            str_trim((struct str){equals + 1, piece.n - (size_t)(equals - piece.p) - 1});
        struct str key = name, owner = STR_NONE;
        const char *dot = name.n ? memchr(name.p, '.', name.n) : NULL;
        if (dot) {
            owner = (struct str){name.p, (size_t)(dot - name.p)};
            key = (struct str){dot + 1, name.n - owner.n - 1};
        }
        bool found = false;
        for (size_t s = 0; s < n; s++) {
            const struct model_kind *kind = specs[s].kind;
            for (size_t i = 0; i < kind->params_n; i++) {
                if (!str_is(key, kind->params[i].name) || (dot && !str_is(owner, kind->name)))
                    continue;
                enum heed_status status =
                    set_param(&kind->params[i], words_of(kind, i), &specs[s].param[i], value, err);
                if (status != HEED_OK)
                    return status;
                found = true;
            }
        }
        if (!found)
            return unknown_param(name, specs, n, err);
    }
    return HEED_OK;
}
