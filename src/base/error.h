/* Status and error with place and remedy; the counterpart of enum heed_status in heed.h. */
#ifndef HEED_BASE_ERROR_H
#define HEED_BASE_ERROR_H

#include "heed.h"

#include <stdarg.h>

/* Fills err (which may be NULL) unless it is already filled, and returns status, so that a
 * failing function can end in `return error_set(...)`. `where` may be NULL. Text too long for
 * the fields is cut at a UTF-8 boundary.                                                        */
__attribute__((format(printf, 4, 5))) enum heed_status error_set(struct heed_error *err,
                                                                 enum heed_status status,
                                                                 const char *where,
                                                                 const char *format, ...);

/* error_set(err, HEED_NOMEM, ...) with the usual words.                                         */
enum heed_status error_nomem(struct heed_error *err);

void error_clear(struct heed_error *err);

/* Our own mistakes only; stays on in release; nothing from outside can reach one.               */
#define heed_assert(e) ((e) ? (void)0 : heed_assert_failed(#e, __FILE__, __LINE__))
_Noreturn void heed_assert_failed(const char *expression, const char *file, int line);

#endif
