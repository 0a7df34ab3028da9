#include "base/term.h"
#include "base/utf8.h"
#include "cli/cli.h"
#include "cli/tools.h"

#include <stdio.h>
#include <unistd.h>

int exit_of(enum heed_status status)
{
    switch (status) {
    case HEED_OK:
        return 0;
    case HEED_REFUSED:
        return 1;
    case HEED_USAGE:
        return 2;
    case HEED_INPUT:
    case HEED_RANGE:
        return 3;
    default:
        return 4;
    }
}

int print_error(const struct cli *c, const struct heed_error *err)
{
    if (c->json) {
        json_t *doc = json_pack("{s:o}", "error", reply_error(err));
        if (doc) {
            json_dumpf(doc, stdout, REPLY_REALS);
            fputc('\n', stdout);
        }
        json_decref(doc);
    }
    fprintf(stderr, "heed: %s%s%s\n", err->where, *err->where ? ": " : "", err->message);
    return exit_of(err->status);
}

static void print_scalar(const json_t *v, FILE *out)
{
    if (json_is_string(v))
        fputs(json_string_value(v), out);
    else if (json_is_integer(v))
        fprintf(out, "%lld", (long long)json_integer_value(v));
    else if (json_is_real(v))
        fprintf(out, "%.6g", json_real_value(v));
    else if (json_is_boolean(v))
        fputs(json_is_true(v) ? "yes" : "no", out);
    else
        fputs("-", out);
}

static bool scalar(const json_t *v)
{
    return !json_is_object(v) && !json_is_array(v);
}

static void cell(struct table *t, const json_t *v)
{
    char *text = NULL;
    size_t n = 0;
    FILE *f = open_memstream(&text, &n);
    if (!f)
        return;
    if (scalar(v)) {
        print_scalar(v, f);
    } else if (json_object_get(v, "message")) { /* an error */
        fprintf(f, "%s: %s", json_string_value(json_object_get(v, "where")),
                json_string_value(json_object_get(v, "message")));
    } else { /* a small structure on one line */
        const char *key;
        json_t *item;
        size_t i;
        const char *gap = "";
        if (json_is_object(v)) {
            json_object_foreach((json_t *)(uintptr_t)v, key, item)
            {
                fprintf(f, "%s%s ", gap, key);
                if (scalar(item))
                    print_scalar(item, f);
                gap = ", ";
            }
        } else {
            json_array_foreach(v, i, item)
            {
                const json_t *name = json_object_get(item, "name"),
                             *value = json_object_get(item, "value");
                const json_t *weight = json_object_get(item, "weight");
                fputs(gap, f);
                if (name && value) {
                    print_scalar(name, f);
                    fputc(' ', f);
                    print_scalar(value, f);
                    if (weight) {
                        fputs(" x ", f);
                        print_scalar(weight, f);
                    }
                    const json_t *by = json_object_get(item, "by"),
                                 *model = json_object_get(item, "model");
                    if (by)
                        fprintf(f, json_is_integer(model) ? " (%s %lld)" : " (%s)",
                                json_string_value(by), (long long)json_integer_value(model));
                } else if (scalar(item))
                    print_scalar(item, f);
                gap = ", ";
            }
        }
    }
    fclose(f);
    (void)!table_cell(t, (struct str){text, n});
    free(text);
}

/* An array of objects, as a table of the keys that any of them has.                             */
static void print_rows(const json_t *rows, int width)
{
    struct table_column columns[16];
    size_t n = 0;
    const char *key;
    json_t *value, *row;
    size_t i;
    json_array_foreach(rows, i, row) json_object_foreach(row, key, value)
    {
        size_t at = 0;
        while (at < n && strcmp(columns[at].title, key) != 0)
            at++;
        if (at == n && n < sizeof columns / sizeof columns[0])
            columns[n++] = (struct table_column){key, json_is_number(value)};
    }
    struct table *t = table_new(columns, n);
    if (!t)
        return;
    json_array_foreach(rows, i, row) for (size_t j = 0; j < n; j++)
        cell(t, json_object_get(row, columns[j].title));
    table_print(t, stdout, width);
    table_free(t);
}

void say_warnings(const struct cli *c, const json_t *reply)
{
    size_t i;
    const json_t *warning;
    json_array_foreach(json_object_get(reply, "warnings"), i, warning)
        cli_say(c, json_string_value(warning));
}

void print_reply(const struct cli *c, const json_t *reply)
{
    if (c->json) {
        json_dumpf(reply, stdout, REPLY_REALS);
        fputc('\n', stdout);
        return;
    }
    const json_t *refused = json_object_get(reply, "refused");
    if (json_is_object(refused)) {
        fprintf(stderr, "heed: refused (%s): %s\n",
                json_string_value(json_object_get(refused, "code")),
                json_string_value(json_object_get(refused, "message")));
        if (json_object_get(refused, "rule"))
            fprintf(stderr, "heed: by the rule %s, line %lld\n",
                    json_string_value(json_object_get(refused, "rule")),
                    (long long)json_integer_value(json_object_get(refused, "line")));
        return;
    }
    const json_t *yaml = json_object_get(reply, "yaml");
    if (yaml) {
        fputs(json_string_value(yaml), stdout);
        return;
    }
    int width = isatty(STDOUT_FILENO) ? term_width(stdout, 0) : 0;
    const char *key;
    json_t *value;
    size_t longest = 0;
    json_object_foreach((json_t *)(uintptr_t)reply, key,
                        value) if (scalar(value) && strlen(key) > longest) longest = strlen(key);
    json_object_foreach((json_t *)(uintptr_t)reply, key, value)
    {
        if (!scalar(value))
            continue;
        printf("%-*s  ", (int)longest, key);
        print_scalar(value, stdout);
        fputc('\n', stdout);
    }
    json_object_foreach((json_t *)(uintptr_t)reply, key, value)
    {
        if (scalar(value))
            continue;
        if (json_is_array(value) && json_is_object(json_array_get(value, 0))) {
            printf("\n%s\n", key);
            print_rows(value, width);
        } else if (json_is_object(value) && json_object_size(value) > 0) {
            struct table_column columns[] = {{key, false}, {"", false}};
            struct table *t = table_new(columns, 2);
            const char *name;
            json_t *item;
            json_object_foreach(value, name, item)
            {
                if (t && table_cell(t, str_of(name)))
                    cell(t, item);
            }
            fputc('\n', stdout);
            if (t)
                table_print(t, stdout, width);
            table_free(t);
        }
    }
}
