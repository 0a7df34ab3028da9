#include "base/refusal.h"

#include "base/error.h"

static const struct {
    const char *code, *message;
} refusals[] = {
    {"", ""},
#define REFUSAL(code, message) {#code, message},
#include "base/refusal.def"
#undef REFUSAL
};

const char *refusal_code(enum refusal r)
{
    heed_assert((int)r >= 0 && r < REFUSED_COUNT);
    return refusals[r].code;
}

const char *refusal_message(enum refusal r)
{
    heed_assert((int)r >= 0 && r < REFUSED_COUNT);
    return refusals[r].message;
}
