/* The vault: personal text sealed under its owner's key, apart from the journal.
 *
 * A text is id, name, title … of one party, content, good or service. Its row holds
 *     nonce(12) ‖ AES-256-GCM(key of owner, nonce, aad = kind ‖ handle, salt(32) ‖ fields) ‖
 * tag(16) and the journal only commitment = SHA-256(salt ‖ fields). Erasing a person destroys the
 * key and the rows; the commitment then binds nothing that can be guessed, since the salt is gone
 * with them. The owner of a content's text is its creator, of a good's its seller, else the world.
 */
#ifndef HEED_VAULT_H
#define HEED_VAULT_H

#include "world/world.h"

/* What a sealed text is of: an enum target_kind, or a reason of moderation, its handle the number
 * of the act, its owner whose work it is about. Stored: never change the number.                 */
enum { VAULT_REASON = 16 };
const char *vault_kind_name(uint32_t kind);

enum text_field {
    TEXT_ID,         /* parties only */
    TEXT_NAME,       /* parties, goods, services; title of contents; a reason */
    TEXT_BODY,       /* body of contents; description of goods, services */
    TEXT_ATTRIBUTES, /* JSON object of further columns */
    TEXT_FIELDS
};

struct text {
    struct str fields[TEXT_FIELDS];
};

struct people;
struct people *people_new(void); /* NULL: no memory */
void people_free(struct people *p);

/* Reads every party's id from the store into memory.                                            */
HEED_MUST_CHECK enum heed_status people_load(struct world *w, struct heed_error *err);

uint32_t people_find(const struct people *p, struct str id); /* party or HANDLE_NONE */
struct str people_id(const struct people *p, uint32_t party);
HEED_MUST_CHECK enum heed_status people_add(struct people *p, struct str id, uint32_t party,
                                            struct heed_error *err);
void people_forget(struct people *p, uint32_t party);

/* Seals a text for (kind, handle) of owner (a party, or STORE_WORLD_OWNER): makes the owner's key
 * when there is none, and queues row and key as changes of the pending batch. commitment out. */
HEED_MUST_CHECK enum heed_status vault_seal(struct world *w, uint32_t kind, uint32_t handle,
                                            uint32_t owner, const struct text *text,
                                            uint8_t commitment[32], struct heed_error *err);

/* Queues the destruction of a person's key and rows.                                            */
HEED_MUST_CHECK enum heed_status vault_erase(struct world *w, uint32_t party,
                                             struct heed_error *err);

/* Opens a text; committed ones only. The strings point into buf (cleared first). *found false when
 * erased. HEED_INPUT: the row does not open under the key (damaged).                            */
HEED_MUST_CHECK enum heed_status vault_open(struct world *w, uint32_t kind, uint32_t handle,
                                            struct strbuf *buf, struct text *text, bool *found,
                                            struct heed_error *err);

/* Opens every row of a kind in order of handle. commitment is of what was read, for verify.     */
HEED_MUST_CHECK enum heed_status
vault_each(struct world *w, uint32_t kind,
           enum heed_status (*visit)(void *context, uint32_t handle, uint32_t owner,
                                     const struct text *text, const uint8_t commitment[32],
                                     struct heed_error *err),
           void *context, struct heed_error *err);
#endif
