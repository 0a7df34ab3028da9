/* What the files that read market rules share; not for others. Each gives HEED_INPUT with line, key
 * and what was expected, or HEED_OK. */
#ifndef HEED_MARKET_RULES_READING_H
#define HEED_MARKET_RULES_READING_H

#include "base/time.h"
#include "circulation/rules_parts.h"

struct market_reading {
    const struct yaml *y;
    struct market_rules *r; /* filled list by list */
    struct heed_error *err;
};

enum heed_status reading_expected(const struct market_reading *x, int node, const char *what);
enum heed_status reading_number(const struct market_reading *x, int node, int scale, int64_t min,
                                int64_t max, const char *what, int64_t *out);
/* The values of a row's keys; a key that is not there leaves or takes the fallback.             */
enum heed_status reading_money(const struct market_reading *x, int row, const char *key,
                               int64_t fallback, int64_t *out);
enum heed_status reading_choice(const struct market_reading *x, int row, const char *key,
                                const char *const *choices, size_t n, const char *what, int *out);
enum heed_status reading_scope(const struct market_reading *x, int row, struct market_scope *out);
enum heed_status reading_sides(const struct market_reading *x, int row, const char *key,
                               struct market_who *seller, struct market_who *buyer);
enum heed_status reading_name(const struct market_reading *x, int row, struct market_name *out,
                              uint32_t *line);
/* The values of nodes.                                                                          */
enum heed_status reading_ppm(const struct market_reading *x, int node, int64_t min, int64_t max,
                             const char *what, int32_t *out);
enum heed_status reading_span(const struct market_reading *x, int node, int64_t min, int64_t *out);
enum heed_status reading_attribute(const struct market_reading *x, int node, uint8_t *at);
enum heed_status reading_end(const struct market_reading *x, int node, struct market_end *out);
enum heed_status reading_who(const struct market_reading *x, int node, struct market_who *out);

enum heed_status reading_charge(const struct market_reading *x, int row, size_t i);
#endif
