/* A disk that fails on purpose: an SQLite VFS over the default one.
 *
 * Register it once under a name, give that name as store_options.vfs, and let the Nth write, sync
 * or truncation of any file fail (the main file's, the log's; counted together from 1). Reads and
 * locks never fail, and nothing is really synced. A sweep over N stops when a run did not fire:
 *
 *     for (int n = 1;; n++) {
 *         vfs_fault_fail_at(n, VFS_SHORT);
 *         ... use the store ...
 *         vfs_fault_off();
 *         if (!vfs_fault_fired())
 *             break;
 *     }                                                                                          */
#ifndef HEED_SUPPORT_VFS_H
#define HEED_SUPPORT_VFS_H

#include <stdbool.h>
#include <stddef.h>

enum vfs_fault {
    VFS_ERROR, /* an I/O error; nothing is written              */
    VFS_SHORT, /* an I/O error; the first half is written       */
    VFS_FULL,  /* no space left; the first half is written      */
    VFS_DEAD,  /* an I/O error, and so does everything after it */
    VFS_FAULTS
};

void vfs_fault_register(const char *name); /* name stays the caller's */
void vfs_fault_fail_at(long n, enum vfs_fault kind);
bool vfs_fault_fired(void);
long vfs_sync_count(void); /* syncs since vfs_fault_fail_at */
void vfs_fault_off(void);  /* what was fired and counted stays readable */

/* Told of all that is done to files that have names, in its order: p[n] written at `at`, cut to
 * `at` bytes, synced, deleted. name is the file's path. NULL: no longer. */
enum vfs_act { VFS_WRITE, VFS_CUT, VFS_SYNC, VFS_DELETE };
typedef void vfs_watcher(void *context, enum vfs_act act, const char *name, const void *p, size_t n,
                         long long at);
void vfs_watch(vfs_watcher *watcher, void *context);
#endif
