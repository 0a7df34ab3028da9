/* The report's style sheet. */
#ifndef HEED_REPORT_STYLE_H
#define HEED_REPORT_STYLE_H

#include <stddef.h>

extern const char *const report_style[]; /* in pieces, ended by NULL */
#endif
