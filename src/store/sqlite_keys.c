/* The owners' keys, in books of a thousand.
 *
 * A key must be gone for good once its owner is erased, for what it opened may linger: SQLite
 * copies the cells of a page when it balances a tree, and even with secure_delete the old copies
 * can stay in a page's unused middle. So a key is never part of a cell. Its book is one blob whose
 * first BOOK_MARGIN bytes, zeros, are more than a cell can hold; the keys lie in the pages that
 * follow, which are never moved, and are written where they stand (incremental blob I/O). Then only
 * the log holds another copy, and scrub empties the log.
 *
 *     book = owner / BOOK_KEYS      place = BOOK_MARGIN + owner % BOOK_KEYS * STORE_KEY_BYTES
 *
 * A place of zeros holds no key.
 * Source: https://sqlite.org/fileformat2.html, 1.6 "Cell payload overflow pages".               */
#include "base/error.h"
#include "store/sqlite_parts.h"

_Static_assert(BOOK_MARGIN >= 8192, "no smaller than a page: see make() in sqlite_open.c");

static const uint8_t no_key[STORE_KEY_BYTES];

void keybook_close(struct keybook *k)
{
    sqlite3_blob_close(k->blob);
    k->blob = NULL;
}

/* Opens the owner's book; k->blob stays NULL when there is none. */
static enum heed_status open_book(struct keybook *k, uint32_t owner, struct heed_error *err)
{
    uint32_t number = owner / BOOK_KEYS;
    if (k->blob && k->number == number)
        return HEED_OK;
    keybook_close(k);
    k->number = number;
    sqlite3_stmt *st;
    enum heed_status status = sqlite_use(k->store, FIND_BOOK, &st, err);
    if (status != HEED_OK)
        return status;
    sqlite3_bind_int64(st, 1, number);
    int code = sqlite3_step(st);
    bool right = sqlite3_column_int64(st, 0) == BOOK_BYTES;
    if (code != SQLITE_ROW && code != SQLITE_DONE)
        status = sqlite_failed(k->store, "read", err);
    sqlite_done(st);
    if (status != HEED_OK || code == SQLITE_DONE)
        return status;
    if (!right)
        return sqlite_damaged("the keys", err);
    if (sqlite3_blob_open(k->store->db, "main", "keys", "bytes", number, k->write, &k->blob) !=
        SQLITE_OK) {
        status = sqlite_failed(k->store, "read", err);
        keybook_close(k);
    }
    return status;
}

static int place_of(uint32_t owner)
{
    return BOOK_MARGIN + (int)(owner % BOOK_KEYS) * STORE_KEY_BYTES;
}

enum heed_status keybook_get(struct keybook *k, uint32_t owner, uint8_t key[STORE_KEY_BYTES],
                             bool *found, struct heed_error *err)
{
    *found = false;
    enum heed_status status = open_book(k, owner, err);
    if (status != HEED_OK || !k->blob)
        return status;
    if (sqlite3_blob_read(k->blob, key, STORE_KEY_BYTES, place_of(owner)) != SQLITE_OK)
        return sqlite_failed(k->store, "read", err);
    *found = memcmp(key, no_key, STORE_KEY_BYTES) != 0;
    return HEED_OK;
}

enum heed_status keybook_put(struct keybook *k, uint32_t owner, const uint8_t *key,
                             struct heed_error *err)
{
    heed_assert(!key || memcmp(key, no_key, STORE_KEY_BYTES) != 0);
    enum heed_status status = open_book(k, owner, err);
    if (status == HEED_OK && !k->blob && key) {
        sqlite3_stmt *st;
        status = sqlite_use(k->store, ADD_BOOK, &st, err);
        if (status == HEED_OK) {
            sqlite3_bind_int64(st, 1, owner / BOOK_KEYS);
            sqlite3_bind_int64(st, 2, BOOK_BYTES);
            status = sqlite_run(k->store, st, err);
        }
        if (status == HEED_OK)
            status = open_book(k, owner, err);
    }
    if (status == HEED_OK && k->blob &&
        sqlite3_blob_write(k->blob, key ? key : no_key, STORE_KEY_BYTES, place_of(owner)) !=
            SQLITE_OK)
        status = sqlite_failed(k->store, "write", err);
    return status;
}

enum heed_status sqlite_key(struct store *base, uint32_t owner, uint8_t key[STORE_KEY_BYTES],
                            bool *found, struct heed_error *err)
{
    struct keybook k = {.store = (struct sqlite_store *)base};
    enum heed_status status = keybook_get(&k, owner, key, found, err);
    keybook_close(&k);
    return status;
}

enum heed_status sqlite_keys(struct store *base, uint64_t *count, struct heed_error *err)
{
    struct sqlite_store *s = (struct sqlite_store *)base;
    *count = 0;
    sqlite3_stmt *st;
    enum heed_status status = sqlite_use(s, READ_BOOKS, &st, err);
    if (status != HEED_OK)
        return status;
    int code = SQLITE_DONE;
    while (status == HEED_OK && (code = sqlite3_step(st)) == SQLITE_ROW) {
        uint64_t number;
        struct str book;
        bool right = column_u64(st, 0, UINT32_MAX / BOOK_KEYS, &number) &&
                     column_blob(st, 1, &book) && book.n == BOOK_BYTES;
        for (int i = 0; right && i < BOOK_MARGIN; i++)
            right = book.p[i] == 0;
        if (!right)
            status = sqlite_damaged("the keys", err);
        for (uint32_t i = 0; right && i < BOOK_KEYS; i++)
            *count += memcmp(book.p + place_of(i), no_key, STORE_KEY_BYTES) != 0;
    }
    if (status == HEED_OK && code != SQLITE_DONE)
        status = sqlite_failed(s, "read", err);
    sqlite_done(st);
    return status;
}
