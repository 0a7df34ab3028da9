/* What a program holds of a world, and how tools of the library answer it. */
#ifndef HEED_HANDLE_H
#define HEED_HANDLE_H

#include "world/admit.h"

struct heed_world {
    struct world *w;
};

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
