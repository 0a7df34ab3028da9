#include "report/words.h"

#include "base/error.h"

static const char *const words[WORDS][2] = {
#define WORD(name, en, zh) {en, zh},
#include "report/words.def"
#undef WORD
};

const char *word(enum report_lang lang, enum word w)
{
    heed_assert((unsigned)w < WORDS);
    return words[w][lang == REPORT_ZH];
}
