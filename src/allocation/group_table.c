/* Ranked group fairness: how many of a group each prefix must hold. */
#include "allocation/constraints.h"

#include <string.h>

enum { TRIALS = 60, ROWS = FEED_MAX * (FEED_MAX + 3) / 2 };

static size_t row_of(uint32_t n)
{
    return (size_t)n * (n + 1) / 2 - 1;
}

/* F(x; n, p) for n = 1 .. size, x = 0 .. n.                                                     */
static void distribution(uint32_t size, double p, double all[ROWS])
{
    double chance[FEED_MAX + 1] = {1};
    for (uint32_t n = 1; n <= size; n++) {
        double *row = all + row_of(n), sum = 0;
        for (uint32_t x = n; x > 0; x--)
            chance[x] = chance[x] * (1 - p) + chance[x - 1] * p;
        chance[0] *= 1 - p;
        for (uint32_t x = 0; x <= n; x++)
            row[x] = sum += chance[x];
        row[n] = 1;
    }
}

static void table_at(const double *all, uint32_t size, double alpha, uint8_t m[FEED_MAX + 1])
{
    m[0] = 0;
    for (uint32_t n = 1; n <= size; n++) {
        const double *row = all + row_of(n);
        m[n] = m[n - 1];
        while (m[n] < n && row[m[n]] <= alpha)
            m[n]++;
    }
}

double group_failure(const uint8_t m[FEED_MAX + 1], uint32_t n, double p)
{
    double chance[FEED_MAX + 2] = {1}, failed = 0;
    for (uint32_t r = 1; r <= n; r++) {
        for (uint32_t x = r; x > 0; x--)
            chance[x] = chance[x] * (1 - p) + chance[x - 1] * p;
        chance[0] *= 1 - p;
        for (uint32_t x = 0; x < m[r]; x++) {
            failed += chance[x];
            chance[x] = 0;
        }
    }
    return failed;
}

void group_table(uint32_t n, double p, double alpha, bool adjusted, uint8_t m[FEED_MAX + 1])
{
    heed_assert(n <= FEED_MAX && p >= 0 && p <= 1 && alpha > 0 && alpha < 1);
    double all[ROWS], low = 0, high = alpha;
    distribution(n, p, all);
    table_at(all, n, alpha, m);
    double above = group_failure(m, n, p);
    if (adjusted && above > alpha) { /* low fails at most alpha of the time, high more often */
        uint8_t lower[FEED_MAX + 1];
        for (int i = 0; i < TRIALS && low < high; i++) {
            double middle = low + (high - low) / 2;
            table_at(all, n, middle, lower);
            if (group_failure(lower, n, p) <= alpha)
                low = middle;
            else
                high = middle;
        }
        table_at(all, n, high, m);
        table_at(all, n, low, lower);
        if (alpha - group_failure(lower, n, p) <= group_failure(m, n, p) - alpha)
            memcpy(m, lower, sizeof lower);
    }
}
