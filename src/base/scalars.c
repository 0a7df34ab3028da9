#include "base/scalars.h"

#include "base/money.h"
#include "base/time.h"

bool decimal_from_text(struct str text, int scale, int64_t *out)
{
    struct money m;
    char whole[40]; /* ".5" as "0.5" */
    size_t sign = text.n > 1 && text.p[0] == '-';
    if (text.n > sign + 1 && text.n < sizeof whole - 1 && text.p[sign] == '.') {
        memcpy(whole, text.p, sign);
        whole[sign] = '0';
        memcpy(whole + sign + 1, text.p + sign, text.n - sign);
        text = (struct str){whole, text.n + 1};
    }
    if (money_from_text(text, scale, &m) != MONEY_OK)
        return false;
    *out = m.minor;
    return true;
}

bool span_from_text(struct str text, int64_t *ms)
{
    static const struct {
        const char *name;
        int64_t ms;
    } units[] = {{"ms", 1},      {"s", 1000},   {"min", 60000},
                 {"h", 3600000}, {"d", DAY_MS}, {"w", 7 * DAY_MS}};
    size_t n = 0;
    while (n < text.n && ((text.p[n] >= '0' && text.p[n] <= '9') || text.p[n] == '.'))
        n++;
    int64_t milli;
    if (!decimal_from_text((struct str){text.p, n}, 3, &milli))
        return false;
    struct str unit = str_trim((struct str){text.p + n, text.n - n});
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        if (str_is(unit, units[i].name))
            return muldiv_i64(milli, units[i].ms, 1000, ROUND_DOWN, ms) &&
                   (units[i].ms % 1000 == 0 || milli % 1000 == 0); /* whole milliseconds only */
    return false;
}

bool plain_name(struct str s, size_t max)
{
    if (s.n < 1 || s.n > max)
        return false;
    for (size_t i = 0; i < s.n; i++)
        if (!((s.p[i] >= 'a' && s.p[i] <= 'z') || (s.p[i] >= '0' && s.p[i] <= '9') ||
              s.p[i] == '-' || s.p[i] == '_'))
            return false;
    return true;
}
