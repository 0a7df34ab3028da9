/* Values as documents write them: decimals and time spans. */
#ifndef HEED_BASE_SCALARS_H
#define HEED_BASE_SCALARS_H

#include "base/str.h"

/* A decimal of up to `scale` digits behind the point, exactly, in units of 10^-scale; ".5" too. */
bool decimal_from_text(struct str text, int scale, int64_t *out);

/* "90 s", "30 min", "12 h", "7 d", "2 w", "250 ms"; whole milliseconds only.                    */
bool span_from_text(struct str text, int64_t *ms);

/* 1 to max lower-case letters, digits, - and _.                                                 */
bool plain_name(struct str s, size_t max);
#endif
