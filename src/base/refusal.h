/* Refusals: outcomes of commands that are understood and not allowed. They change nothing. */
#ifndef HEED_BASE_REFUSAL_H
#define HEED_BASE_REFUSAL_H

enum refusal {
    REFUSED_NOT = 0, /* done */
#define REFUSAL(code, message) REFUSED_##code,
#include "base/refusal.def"
#undef REFUSAL
    REFUSED_COUNT
};

const char *refusal_code(enum refusal r);    /* "insufficient_funds"; "" for REFUSED_NOT */
const char *refusal_message(enum refusal r); /* one sentence with a remedy               */
#endif
