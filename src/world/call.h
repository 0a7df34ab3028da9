/* A call: one command or query with its arguments resolved, as it is applied and journalled.
 *
 * The table in commands.def says what each integer means: one per argument in the table's order
 * (two for an ARG_ID or ARG_DATA). Handles stand for ids and symbols, times are milliseconds,
 * amounts of money minor units, other decimals thousandths; a missing optional argument is
 * CALL_ABSENT. What cannot be an integer stands in `blob`, at most one a command. */
#ifndef HEED_CALL_H
#define HEED_CALL_H

#include "base/str.h"

enum { CALL_INTS = 16 };
#define CALL_ABSENT INT64_MIN

/* An integer of a call, or what stands for it where it is absent. */
static inline int64_t call_or(int64_t value, int64_t otherwise)
{
    return value == CALL_ABSENT ? otherwise : value;
}

struct call {
    int64_t time_ms;
    int64_t i[CALL_INTS];
    struct str blob;
    uint32_t actor;   /* party, or HANDLE_NONE: the operator */
    uint16_t command; /* enum command_id */
};
#endif
