/* Why a content rose: its strongest ingredients, in words. */
#include "report/data.h"
#include "report/words.h"

#include <stdarg.h>

struct reasons {
    char *buf;
    size_t size, n, left;
    enum report_lang lang;
};

static void add(struct reasons *r, enum word w, ...)
{
    if (r->left == 0 || r->n + 8 >= r->size)
        return;
    if (r->n > 0)
        r->n += (size_t)snprintf(r->buf + r->n, r->size - r->n, "%s", word(r->lang, W_and_so));
    va_list args;
    va_start(args, w);
    int n = vsnprintf(r->buf + r->n, r->size - r->n, word(r->lang, w), args);
    va_end(args);
    r->n += n > 0 ? (size_t)n : 0;
    r->left--;
}

void report_why(const struct riser *riser, enum report_lang lang, size_t most, char *buf,
                size_t size)
{
    const struct quality_score *q = &riser->quality;
    struct reasons r = {buf, size, 0, most, lang};
    buf[0] = 0;
    if (q->parts[PART_EXPERT].evidence)
        add(&r, W_why_expert, q->parts[PART_EXPERT].value);
    if (q->parts[PART_RATING].evidence)
        add(&r, W_why_rating, q->parts[PART_RATING].value,
            (unsigned long long)q->parts[PART_RATING].evidence);
    if (q->parts[PART_INTERACTIVITY].evidence && q->parts[PART_INTERACTIVITY].value >= .01)
        add(&r, W_why_interactivity, q->parts[PART_INTERACTIVITY].value * 100);
    if (riser->by_record)
        add(&r, W_why_record);
    if (q->parts[PART_ORIGINALITY].weight > 0)
        add(&r, q->parts[PART_ORIGINALITY].value >= 1 ? W_why_original : W_why_copy);
    if (r.n == 0)
        add(&r, W_why_relevance);
}
