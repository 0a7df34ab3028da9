/* The report's style sheet. */
#ifndef HEED_REPORT_STYLE_H
#define HEED_REPORT_STYLE_H

extern const char report_style[];
#endif
