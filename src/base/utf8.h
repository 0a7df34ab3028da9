/* UTF-8: validity and width on a terminal. */
#ifndef HEED_BASE_UTF8_H
#define HEED_BASE_UTF8_H

#include "base/str.h"

/* Index of the first byte that is not part of valid UTF-8 (RFC 3629: no overlong forms, no
 * surrogates, up to U+10FFFF); s.n when all is valid. ASCII runs take eight bytes a step.       */
size_t utf8_invalid_at(struct str s);

/* Decodes one code point at *i (valid text) and advances; 0xFFFD and one byte where invalid.    */
uint32_t utf8_next(struct str s, size_t *i);

/* Columns on a terminal: East Asian wide and emoji 2, combining 0, control 0, others 1.         */
size_t utf8_width(struct str s);

/* Largest n <= limit that does not cut a code point of s.                                       */
size_t utf8_cut(struct str s, size_t limit);

/* A blank at its begin or end (Unicode's separators), a control character (C0, DEL, C1) anywhere.
 */
bool utf8_blank_edge(struct str s);
bool utf8_has_control(struct str s);

/* Whether valid s of at most 64 bytes is in Normalization Form C (Unicode Annex 15), so that what
 * looks the same is the same bytes. */
bool utf8_is_nfc(struct str s);
#endif
