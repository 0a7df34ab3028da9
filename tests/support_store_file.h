/* One world's file for tests of the SQLite store, and what lies beside it. Functions that return
 * nothing else fail the test when they cannot do it. */
#ifndef HEED_SUPPORT_STORE_FILE_H
#define HEED_SUPPORT_STORE_FILE_H

#include "support_store.h"

#include <sys/types.h>

extern char *store_path; /* between setup and teardown, which removes what is there */
int store_path_setup(void **unused);
int store_path_teardown(void **unused);
#define STORE_TEST(f) cmocka_unit_test_setup_teardown(f, store_path_setup, store_path_teardown)

const char *beside(const char *suffix); /* store_path with it; valid until the next call */
void write_file(const char *name, const void *p, size_t n);
char *read_file(const char *name, size_t *n); /* free it; NULL, *n 0: no such plain file */
off_t size_of(const char *name);              /* 0 when there is none */
void run_sql(const char *sql);                /* on store_path, behind the store's back */

enum mode { CREATE, WRITE, READ };
enum heed_status open_as(enum mode mode, struct store **s, struct heed_error *err);
struct store *opened(enum mode mode);
void append_ok(struct store *s, uint64_t n, const struct store_change *changes, size_t count);
void make_world(void); /* three batches, three people with a row each, a snapshot */
#endif
