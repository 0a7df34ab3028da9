/* The report's words in both languages. */
#ifndef HEED_REPORT_WORDS_H
#define HEED_REPORT_WORDS_H

#include "report/report.h"

enum word {
#define WORD(name, en, zh) W_##name,
#include "report/words.def"
#undef WORD
    WORDS
};

const char *word(enum report_lang lang, enum word w);
#endif
