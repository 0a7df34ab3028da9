#include "report/sankey.h"

#include <math.h>

/* Boxes, left to right in the order money passes them; the last four are ends.                  */
enum box { FROM_ISSUE, VIA_POOL, VIA_PEOPLE, IN_POOL, IN_SHOP, IN_PEOPLE, IN_RETIRE, BOXES };

enum { BOX_W = 11, THICKEST = 150, FIRST_ROW = 14, ROW = 60 };

struct drawn {
    double x, y, height;
    double in, out; /* how much of each side is taken */
    double total;   /* minor units passing through */
};

struct band {
    enum box from, to;
    double amount;
};

/* Bands from the flows, from the top of each box down; a pair of places that gave to each other is
 * drawn by its difference.                                                                      */
static size_t bands_of(const struct report_data *d, struct band bands[16])
{
    static const struct {
        enum place from, to;
        enum box a, b;
    } ways[] = {
        {PLACE_POOL, PLACE_POOL, VIA_POOL, IN_POOL}, /* what a place holds */
        {PLACE_ISSUE, PLACE_POOL, FROM_ISSUE, VIA_POOL},
        {PLACE_POOL, PLACE_PEOPLE, VIA_POOL, VIA_PEOPLE},
        {PLACE_ISSUE, PLACE_PEOPLE, FROM_ISSUE, VIA_PEOPLE},
        {PLACE_POOL, PLACE_SHOP, VIA_POOL, IN_SHOP},
        {PLACE_ISSUE, PLACE_SHOP, FROM_ISSUE, IN_SHOP},
        {PLACE_PEOPLE, PLACE_SHOP, VIA_PEOPLE, IN_SHOP},
        {PLACE_PEOPLE, PLACE_PEOPLE, VIA_PEOPLE, IN_PEOPLE},
        {PLACE_PEOPLE, PLACE_RETIRE, VIA_PEOPLE, IN_RETIRE},
        {PLACE_POOL, PLACE_RETIRE, VIA_POOL, IN_RETIRE},
    };
    size_t n = 0;
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        enum place from = ways[i].from, to = ways[i].to;
        double amount = from == to ? (double)d->money[d->currency].held[from]
                                   : (double)d->flow[from][to] - (double)d->flow[to][from];
        if (amount > 0)
            bands[n++] = (struct band){ways[i].a, ways[i].b, amount};
    }
    return n;
}

static void box_label(const struct page *p, const struct drawn *b, enum word name, bool end)
{
    char amount[40];
    int scale = p->d->w->state.rules.currencies[p->d->currency].scale;
    money_words((int64_t)b->total, scale, amount);
    if (end) {
        svg_text(p->f, b->x - 7, b->y + b->height / 2 + 4, "end", "k halo", "%s %s", w(p, name),
                 amount);
        return;
    }
    svg_text(p->f, b->x, b->y - 22, "start", "t halo", "%s", w(p, name));
    svg_text(p->f, b->x, b->y - 6, "start", "k halo", "%s", amount);
}

static void draw_band(const struct page *p, struct drawn *from, struct drawn *to, double height)
{
    double x0 = from->x + BOX_W, x1 = to->x, middle = (x0 + x1) / 2;
    double y0 = from->y + from->out, y1 = to->y + to->in;
    fprintf(p->f,
            "<path class=\"flow\" d=\"M%.1f %.2fC%.1f %.2f %.1f %.2f %.1f %.2fV%.2fC%.1f %.2f %.1f "
            "%.2f %.1f %.2fz\"/>\n",
            x0, y0, middle, y0, middle, y1, x1, y1, y1 + height, middle, y1 + height, middle,
            y0 + height, x0, y0 + height);
    from->out += height;
    to->in += height;
}

void sankey(const struct page *p)
{
    static const enum word names[BOXES] = {W_issued,    W_pool,        W_people, W_held_pool,
                                           W_held_shop, W_held_people, W_retired};
    const double end = DRAW_W - 2 - BOX_W;
    struct drawn boxes[BOXES] = {{.x = 2, .y = ROW}, {.x = 112, .y = ROW}, {.x = 222, .y = ROW},
                                 {.x = end},         {.x = end},           {.x = end},
                                 {.x = end}};
    struct band bands[16];
    size_t n = bands_of(p->d, bands);
    double in[BOXES] = {0}, out[BOXES] = {0}, most = 1, bottom = 0;
    for (size_t i = 0; i < n; i++) {
        out[bands[i].from] += bands[i].amount;
        in[bands[i].to] += bands[i].amount;
    }
    for (size_t i = 0; i < BOXES; i++) {
        boxes[i].total = fmax(in[i], out[i]);
        most = fmax(most, boxes[i].total);
    }
    double y = FIRST_ROW;
    for (size_t i = 0; i < BOXES; i++) {
        if (boxes[i].total <= 0)
            continue;
        boxes[i].height = fmax(boxes[i].total / most * THICKEST, 2);
        if (i >= IN_POOL) {
            y = i >= IN_PEOPLE ? fmax(y, ROW) : y;
            boxes[i].y = y;
            y += boxes[i].height + 28;
        }
        bottom = fmax(bottom, boxes[i].y + boxes[i].height);
    }
    svg_begin(p->f, w(p, W_flow), (int)bottom + 14);
    for (size_t i = 0; i < n; i++)
        draw_band(p, &boxes[bands[i].from], &boxes[bands[i].to],
                  fmax(bands[i].amount / most * THICKEST, .7));
    for (size_t i = 0; i < BOXES; i++)
        if (boxes[i].total > 0)
            fprintf(p->f,
                    "<rect class=\"box\" x=\"%.1f\" y=\"%.2f\" width=\"%d\" height=\"%.2f\"/>\n",
                    boxes[i].x, boxes[i].y, BOX_W, boxes[i].height);
    for (size_t i = 0; i < BOXES; i++)
        if (boxes[i].total > 0)
            box_label(p, &boxes[i], names[i], i >= IN_POOL);
    svg_end(p->f);
}
