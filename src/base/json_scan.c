/* One JSON object (RFC 8259) without a tree. Nested values are checked as strictly as the outer
 * object and kept as text. jansson's own limits are kept too: no \u0000, integers within 64 bits,
 * reals within double, no key twice in one object. */
#include "base/error.h"
#include "base/jsonl.h"
#include "base/utf8.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { MAX_DEPTH = 64, REAL_DIGITS = 800 };

struct scanner {
    const char *begin, *p, *end;
    struct json_member *members; /* those of the object, then the keys of nested ones still open */
    size_t n, cap;
    char *scratch;
    const char *wrong_at;
    const char *wrong; /* NULL while all is well */
};

static bool wrong(struct scanner *s, const char *at, const char *what)
{
    if (!s->wrong) {
        s->wrong = what;
        s->wrong_at = at;
    }
    return false;
}

static void skip_space(struct scanner *s)
{
    while (s->p < s->end && (*s->p == ' ' || *s->p == '\t' || *s->p == '\n' || *s->p == '\r'))
        s->p++;
}

static bool expect(struct scanner *s, char ch, const char *what)
{
    skip_space(s);
    if (s->p == s->end || *s->p != ch)
        return wrong(s, s->p, what);
    s->p++;
    return true;
}

static bool is_digit(const char *p, const char *end)
{
    return p < end && *p >= '0' && *p <= '9';
}

/* ---- strings ---- */

static bool hex4(struct scanner *s, uint32_t *out)
{
    uint32_t v = 0;
    if (s->end - s->p < 4)
        return wrong(s, s->p, "\\u needs four hexadecimal digits");
    for (int i = 0; i < 4; i++, s->p++) {
        unsigned ch = (unsigned char)*s->p, digit;
        if (ch >= '0' && ch <= '9')
            digit = ch - '0';
        else if ((ch | 32) >= 'a' && (ch | 32) <= 'f')
            digit = (ch | 32) - 'a' + 10;
        else
            return wrong(s, s->p, "\\u needs four hexadecimal digits");
        v = v << 4 | digit;
    }
    *out = v;
    return true;
}

static void put_utf8(char **to, uint32_t c)
{
    char *t = *to;
    if (c < 0x80) {
        *t++ = (char)c;
    } else if (c < 0x800) {
        *t++ = (char)(0xc0 | c >> 6);
        *t++ = (char)(0x80 | (c & 0x3f));
    } else if (c < 0x10000) {
        *t++ = (char)(0xe0 | c >> 12);
        *t++ = (char)(0x80 | (c >> 6 & 0x3f));
        *t++ = (char)(0x80 | (c & 0x3f));
    } else {
        *t++ = (char)(0xf0 | c >> 18);
        *t++ = (char)(0x80 | (c >> 12 & 0x3f));
        *t++ = (char)(0x80 | (c >> 6 & 0x3f));
        *t++ = (char)(0x80 | (c & 0x3f));
    }
    *to = t;
}

/* After "\u".                                                                                   */
static bool scan_code_point(struct scanner *s, char **to)
{
    const char *at = s->p - 2;
    uint32_t c, low;
    if (!hex4(s, &c))
        return false;
    if (c == 0)
        return wrong(s, at, "\\u0000 is not allowed");
    if (c >= 0xdc00 && c <= 0xdfff)
        return wrong(s, at, "a low surrogate without a high one before it");
    if (c >= 0xd800 && c <= 0xdbff) {
        if (s->end - s->p < 2 || s->p[0] != '\\' || s->p[1] != 'u')
            return wrong(s, at, "a high surrogate without a low one after it");
        s->p += 2;
        if (!hex4(s, &low))
            return false;
        if (low < 0xdc00 || low > 0xdfff)
            return wrong(s, at, "a high surrogate without a low one after it");
        c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
    }
    put_utf8(to, c);
    return true;
}

static bool scan_escape(struct scanner *s, char **to)
{
    static const char FROM[] = "\"\\/bfnrt", TO[] = "\"\\/\b\f\n\r\t";
    const char *at = s->p++;
    if (s->p == s->end)
        return wrong(s, at, "the string is not closed; end it with a quote");
    char ch = *s->p++;
    if (ch == 'u')
        return scan_code_point(s, to);
    const char *found = ch ? strchr(FROM, ch) : NULL;
    if (!found)
        return wrong(s, at, "no such escape; a backslash itself is written \\\\");
    *(*to)++ = TO[found - FROM];
    return true;
}

/* After the opening quote.                                                                      */
static bool scan_string(struct scanner *s, struct str *out)
{
    const char *open = s->p - 1, *from = s->p;
    char *to = s->scratch;
    bool escaped = false;
    unsigned char high = 0;
    const char *run = s->p;
    for (;;) {
        while (s->p < s->end && *s->p != '"' && *s->p != '\\' && (unsigned char)*s->p >= 0x20)
            high |= (unsigned char)*s->p++;
        if (s->p == s->end)
            return wrong(s, open, "the string is not closed; end it with a quote");
        if ((unsigned char)*s->p < 0x20)
            return wrong(s, s->p, "a control character in a string; write it as an escape");
        if (*s->p == '"' && !escaped)
            break;
        memcpy(to, run, (size_t)(s->p - run));
        to += s->p - run;
        if (*s->p == '"')
            break;
        escaped = true;
        if (!scan_escape(s, &to))
            return false;
        run = s->p;
    }
    if (high & 0x80) {
        struct str text = {from, (size_t)(s->p - from)};
        size_t at = utf8_invalid_at(text);
        if (at < text.n)
            return wrong(s, from + at, "not UTF-8; convert the file");
    }
    if (escaped) {
        *out = (struct str){s->scratch, (size_t)(to - s->scratch)};
        s->scratch = to;
    } else {
        *out = (struct str){from, (size_t)(s->p - from)};
    }
    s->p++;
    return true;
}

/* ---- numbers ---- */

static bool integer_fits(const char *p, const char *end)
{
    uint64_t v = 0, most = INT64_MAX;
    if (*p == '-') {
        p++;
        most++;
    }
    for (; p < end; p++) {
        unsigned digit = (unsigned)(*p - '0');
        if (v > (most - digit) / 10)
            return false;
        v = v * 10 + digit;
    }
    return true;
}

/* Whether a real rounds to a finite double. Only near the edge does it take strtod, which is then
 * given digits and exponent without a point, so that the locale has no say.                     */
static bool real_fits(const char *p, const char *end)
{
    char text[REAL_DIGITS + 32];
    size_t digits = 0;
    int64_t exponent = 0;
    bool point = false, rest = false;
    p += *p == '-';
    for (; p < end && *p != 'e' && *p != 'E'; p++) {
        if (*p == '.') {
            point = true;
            continue;
        }
        exponent -= point;
        if (*p == '0' && digits == 0)
            continue;
        if (digits < REAL_DIGITS) {
            text[digits++] = *p;
        } else {
            rest |= *p != '0';
            exponent++;
        }
    }
    if (digits == 0)
        return true;
    if (p < end) {
        int64_t written = 0;
        bool negative = p[1] == '-';
        for (p += 1 + (p[1] == '-' || p[1] == '+'); p < end; p++)
            written = written < INT32_MAX ? written * 10 + (*p - '0') : written;
        exponent += negative ? -written : written;
    }
    int64_t magnitude = (int64_t)digits + exponent; /* the number is below 10^magnitude */
    if (magnitude < 308)
        return true;
    if (magnitude > 310)
        return false;
    if (rest) {
        text[digits++] = '1';
        exponent--;
    }
    snprintf(text + digits, sizeof text - digits, "e%lld", (long long)exponent);
    return isfinite(strtod(text, NULL));
}

static bool scan_number(struct scanner *s, struct str *out)
{
    const char *from = s->p;
    bool real = false;
    s->p += *s->p == '-';
    if (!is_digit(s->p, s->end))
        return wrong(s, s->p, "a digit is missing");
    if (*s->p++ == '0' && is_digit(s->p, s->end))
        return wrong(s, s->p - 1, "a number does not begin with a zero and more digits");
    while (is_digit(s->p, s->end))
        s->p++;
    if (s->p < s->end && *s->p == '.') {
        real = true;
        s->p++;
        if (!is_digit(s->p, s->end))
            return wrong(s, s->p, "a digit is missing after the point");
        while (is_digit(s->p, s->end))
            s->p++;
    }
    if (s->p < s->end && (*s->p == 'e' || *s->p == 'E')) {
        real = true;
        s->p++;
        s->p += s->p < s->end && (*s->p == '+' || *s->p == '-');
        if (!is_digit(s->p, s->end))
            return wrong(s, s->p, "a digit is missing in the exponent");
        while (is_digit(s->p, s->end))
            s->p++;
    }
    if (real ? !real_fits(from, s->p) : !integer_fits(from, s->p))
        return wrong(s, from,
                     real ? "the number is too large for a double"
                          : "the integer does not fit 64 bits");
    *out = (struct str){from, (size_t)(s->p - from)};
    return true;
}

/* ---- values ---- */

static bool scan_word(struct scanner *s, const char *word, struct str *out)
{
    size_t n = strlen(word);
    if ((size_t)(s->end - s->p) < n || memcmp(s->p, word, n) != 0)
        return wrong(s, s->p, "a value is expected: a string, a number, true, false or null");
    *out = (struct str){s->p, n};
    s->p += n;
    return true;
}

static bool is_new_key(const struct scanner *s, size_t first, struct str key)
{
    for (size_t i = first; i < s->n; i++)
        if (str_eq(s->members[i].key, key))
            return false;
    return true;
}

/* A key and its colon; the key becomes member s->n, unless the object, whose members begin at
 * first, has it already.                                                                        */
static bool scan_key(struct scanner *s, size_t first)
{
    struct str key;
    if (!expect(s, '"', "a key in quotes is expected, as in {\"id\": \"ann\"}"))
        return false;
    const char *at = s->p - 1;
    if (!scan_string(s, &key) || !expect(s, ':', "a colon is expected after the key"))
        return false;
    if (!is_new_key(s, first, key))
        return wrong(s, at, "the key stands twice in the object; remove one");
    if (s->n == s->cap)
        return wrong(s, at, "too many members; leave out what is not needed");
    s->members[s->n++] = (struct json_member){.key = key};
    return true;
}

static bool scan_value(struct scanner *s, int depth, enum json_type *type, struct str *out);

/* After the opening bracket or brace.                                                           */
static bool scan_nested(struct scanner *s, bool object, int depth)
{
    const char close = object ? '}' : ']';
    size_t first = s->n;
    enum json_type type;
    struct str value;
    if (depth == MAX_DEPTH)
        return wrong(s, s->p - 1, "nested too deep; flatten it");
    skip_space(s);
    if (s->p < s->end && *s->p == close) {
        s->p++;
        return true;
    }
    for (;;) {
        if ((object && !scan_key(s, first)) || !scan_value(s, depth + 1, &type, &value))
            return false;
        skip_space(s);
        if (s->p < s->end && *s->p == ',') {
            s->p++;
            continue;
        }
        s->n = first;
        return expect(s, close,
                      object ? "a comma or a closing brace is expected"
                             : "a comma or a closing bracket is expected");
    }
}

static bool scan_value(struct scanner *s, int depth, enum json_type *type, struct str *out)
{
    skip_space(s);
    const char *from = s->p;
    switch (s->p < s->end ? *s->p : '\0') {
    case '"':
        *type = JSON_T_STRING;
        s->p++;
        return scan_string(s, out);
    case '{':
    case '[':
        *type = JSON_T_RAW;
        s->p++;
        if (!scan_nested(s, *from == '{', depth))
            return false;
        *out = (struct str){from, (size_t)(s->p - from)};
        return true;
    case 't':
        *type = JSON_T_TRUE;
        return scan_word(s, "true", out);
    case 'f':
        *type = JSON_T_FALSE;
        return scan_word(s, "false", out);
    case 'n':
        *type = JSON_T_NULL;
        return scan_word(s, "null", out);
    default:
        if (s->p < s->end && (*s->p == '-' || is_digit(s->p, s->end))) {
            *type = JSON_T_NUMBER;
            return scan_number(s, out);
        }
        return wrong(s, from, "a value is expected: a string, a number, true, false or null");
    }
}

static bool scan_members(struct scanner *s)
{
    if (!expect(s, '{', "an object in braces is expected, one on each line"))
        return false;
    skip_space(s);
    if (s->p < s->end && *s->p == '}') {
        s->p++;
    } else {
        for (bool more = true; more;) {
            if (!scan_key(s, 0))
                return false;
            struct json_member *m = &s->members[s->n - 1];
            if (!scan_value(s, 1, &m->type, &m->value))
                return false;
            skip_space(s);
            more = s->p < s->end && *s->p == ',';
            if (more)
                s->p++;
            else if (!expect(s, '}', "a comma or a closing brace is expected"))
                return false;
        }
    }
    skip_space(s);
    return s->p == s->end ||
           wrong(s, s->p, "something follows the object; put each object on a line of its own");
}

bool json_scan_object(struct str text, struct json_member *members, size_t cap, char *scratch,
                      size_t *n, struct heed_error *err)
{
    struct scanner s = {.begin = text.p,
                        .p = text.p,
                        .end = text.p + text.n,
                        .members = members,
                        .cap = cap,
                        .scratch = scratch};
    if (scan_members(&s)) {
        *n = s.n;
        return true;
    }
    char where[48];
    size_t column = 1;
    for (const char *p = s.begin; p < s.wrong_at; p++)
        column += ((unsigned char)*p & 0xc0) != 0x80;
    snprintf(where, sizeof where, "column %zu", column);
    error_set(err, HEED_INPUT, where, "%s", s.wrong);
    return false;
}
