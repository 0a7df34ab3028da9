/* What a program holds of a world, and how tools of the library answer it. */
#ifndef HEED_HANDLE_H
#define HEED_HANDLE_H

#include "world/admit.h"

#include <locale.h>

struct heed_world {
    struct world *w;
};

/* The first line of each function of heed.h that reads or writes numbers: until it returns they
 * have a point, whatever the caller's locale. */
struct handle_locale {
    locale_t before, plain;
};
struct handle_locale handle_locale_plain(void);
void handle_locale_back(struct handle_locale *l);
#define PLAIN_NUMBERS                                                                              \
    __attribute__((cleanup(handle_locale_back), unused)) struct handle_locale plain_numbers =      \
        handle_locale_plain()

enum heed_status handle_missing(struct heed_error *err, const char *what); /* HEED_USAGE: NULL */

int handle_command(const char *name); /* of "noun verb": enum command_id, or -1 */

/* The document as text, to free; NULL: no memory. (json_dumps may leave out a key then.) */
char *handle_text(const json_t *json, size_t flags);

/* Takes `json` (NULL: none) and gives its text; status, or HEED_NOMEM when there is no room for it.
 */
enum heed_status handle_reply(json_t *json, enum heed_status status, char **reply,
                              struct heed_error *err);

/* Begins a tool: clears err and *reply, checks pointers, and asks the table whether the context's
 * actor may use it. HEED_REFUSED: *reply is the refusal. */
HEED_MUST_CHECK enum heed_status handle_tool(const struct heed_world *world,
                                             const struct heed_context *context,
                                             enum command_id command, char **reply,
                                             struct heed_error *err);
#endif
