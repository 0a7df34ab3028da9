/* String interning: distinct byte strings to dense handles 0, 1, 2 … in order of first use. */
#ifndef HEED_BASE_INTERN_H
#define HEED_BASE_INTERN_H

#include "base/str.h"

#define INTERN_NONE UINT32_MAX

struct intern {
    char *bytes; /* all strings, each NUL-terminated */
    size_t bytes_n, bytes_cap;
    struct intern_entry *entries;
    size_t count, cap;
    uint32_t *index; /* open addressing over entries */
    size_t index_cap;
    size_t live; /* count without the forgotten */
};

void intern_init(struct intern *t);
void intern_deinit(struct intern *t);
uint32_t intern_find(const struct intern *t, struct str s); /* INTERN_NONE when absent */

/* Finds or adds. INTERN_NONE: no memory, or 2^32 - 2 strings; nothing changed.                  */
uint32_t intern_add(struct intern *t, struct str s);

/* The string of a handle; p stays valid until the next intern_add.                              */
struct str intern_str(const struct intern *t, uint32_t handle);

/* Forgets the string, overwriting its bytes; its handle is never given again, and intern_str
 * then gives an empty string. Used when a person is erased.                                     */
void intern_forget(struct intern *t, uint32_t handle);
#endif
