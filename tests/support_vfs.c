#include "support_vfs.h"

#include <sqlite3.h>
#include <stddef.h>

static struct {
    long at, count, syncs;
    enum vfs_fault kind;
    bool on, fired;
} fault;

static struct {
    vfs_watcher *tell;
    void *context;
} watch;

void vfs_watch(vfs_watcher *watcher, void *context)
{
    watch.tell = watcher;
    watch.context = context;
}

static void tell(enum vfs_act act, const char *name, const void *p, int n, sqlite3_int64 at)
{
    if (watch.tell && name)
        watch.tell(watch.context, act, name, p, (size_t)n, at);
}

void vfs_fault_fail_at(long n, enum vfs_fault kind)
{
    fault.at = n;
    fault.count = fault.syncs = 0;
    fault.kind = kind;
    fault.on = true;
    fault.fired = false;
}

bool vfs_fault_fired(void)
{
    return fault.fired;
}

long vfs_sync_count(void)
{
    return fault.syncs;
}

void vfs_fault_off(void)
{
    fault.on = false;
}

static bool fails(void)
{
    if (!fault.on)
        return false;
    fault.count++;
    if (fault.count == fault.at)
        fault.fired = true;
    return fault.count == fault.at || (fault.kind == VFS_DEAD && fault.fired);
}

/* ── files ── */

struct file {
    sqlite3_file base;
    sqlite3_file *real; /* stands behind this struct */
    const char *name;   /* SQLite's, as long as it is open; NULL: a temporary one */
};

static sqlite3_file *real(sqlite3_file *f)
{
    return ((struct file *)f)->real;
}

static const char *name_of(sqlite3_file *f)
{
    return ((struct file *)f)->name;
}

static int file_close(sqlite3_file *f)
{
    return real(f)->pMethods->xClose(real(f));
}

static int file_read(sqlite3_file *f, void *p, int n, sqlite3_int64 at)
{
    return real(f)->pMethods->xRead(real(f), p, n, at);
}

static int file_write(sqlite3_file *f, const void *p, int n, sqlite3_int64 at)
{
    if (!fails()) {
        tell(VFS_WRITE, name_of(f), p, n, at);
        return real(f)->pMethods->xWrite(real(f), p, n, at);
    }
    if ((fault.kind == VFS_SHORT || fault.kind == VFS_FULL) && n > 1)
        real(f)->pMethods->xWrite(real(f), p, n / 2, at);
    return fault.kind == VFS_FULL ? SQLITE_FULL : SQLITE_IOERR_WRITE;
}

static int file_truncate(sqlite3_file *f, sqlite3_int64 size)
{
    if (fails())
        return SQLITE_IOERR_TRUNCATE;
    tell(VFS_CUT, name_of(f), NULL, 0, size);
    return real(f)->pMethods->xTruncate(real(f), size);
}

/* Nothing is really synced: who watches knows what a cut of the power would leave, and it would
 * take most of the time. */
static int file_sync(sqlite3_file *f, int flags)
{
    (void)flags;
    fault.syncs++;
    if (fails())
        return SQLITE_IOERR_FSYNC;
    tell(VFS_SYNC, name_of(f), NULL, 0, 0);
    return SQLITE_OK;
}

static int file_size(sqlite3_file *f, sqlite3_int64 *size)
{
    return real(f)->pMethods->xFileSize(real(f), size);
}

static int file_lock(sqlite3_file *f, int level)
{
    return real(f)->pMethods->xLock(real(f), level);
}

static int file_unlock(sqlite3_file *f, int level)
{
    return real(f)->pMethods->xUnlock(real(f), level);
}

static int file_check_lock(sqlite3_file *f, int *out)
{
    return real(f)->pMethods->xCheckReservedLock(real(f), out);
}

static int file_control(sqlite3_file *f, int op, void *arg)
{
    return real(f)->pMethods->xFileControl(real(f), op, arg);
}

static int file_sector(sqlite3_file *f)
{
    return real(f)->pMethods->xSectorSize(real(f));
}

static int file_traits(sqlite3_file *f)
{
    return real(f)->pMethods->xDeviceCharacteristics(real(f));
}

static int file_shm_map(sqlite3_file *f, int page, int size, int extend, void volatile **out)
{
    return real(f)->pMethods->xShmMap(real(f), page, size, extend, out);
}

static int file_shm_lock(sqlite3_file *f, int offset, int n, int flags)
{
    return real(f)->pMethods->xShmLock(real(f), offset, n, flags);
}

static void file_shm_barrier(sqlite3_file *f)
{
    real(f)->pMethods->xShmBarrier(real(f));
}

static int file_shm_unmap(sqlite3_file *f, int delete)
{
    return real(f)->pMethods->xShmUnmap(real(f), delete);
}

static const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = file_close,
    .xRead = file_read,
    .xWrite = file_write,
    .xTruncate = file_truncate,
    .xSync = file_sync,
    .xFileSize = file_size,
    .xLock = file_lock,
    .xUnlock = file_unlock,
    .xCheckReservedLock = file_check_lock,
    .xFileControl = file_control,
    .xSectorSize = file_sector,
    .xDeviceCharacteristics = file_traits,
    .xShmMap = file_shm_map,
    .xShmLock = file_shm_lock,
    .xShmBarrier = file_shm_barrier,
    .xShmUnmap = file_shm_unmap,
};

/* ── the VFS: the default one with open exchanged ── */

static sqlite3_vfs vfs;

static sqlite3_vfs *under(sqlite3_vfs *v)
{
    return v->pAppData;
}

static int vfs_open(sqlite3_vfs *v, const char *name, sqlite3_file *f, int flags, int *out)
{
    struct file *file = (struct file *)f;
    file->real = (sqlite3_file *)(file + 1);
    file->name = name;
    int code = under(v)->xOpen(under(v), name, file->real, flags, out);
    f->pMethods = file->real->pMethods ? &methods : NULL;
    return code;
}

static int vfs_delete(sqlite3_vfs *v, const char *name, int sync)
{
    tell(VFS_DELETE, name, NULL, 0, 0);
    return under(v)->xDelete(under(v), name, sync);
}

static int vfs_access(sqlite3_vfs *v, const char *name, int flags, int *out)
{
    return under(v)->xAccess(under(v), name, flags, out);
}

static int vfs_full_path(sqlite3_vfs *v, const char *name, int n, char *out)
{
    return under(v)->xFullPathname(under(v), name, n, out);
}

static int vfs_randomness(sqlite3_vfs *v, int n, char *out)
{
    return under(v)->xRandomness(under(v), n, out);
}

static int vfs_sleep(sqlite3_vfs *v, int us)
{
    return under(v)->xSleep(under(v), us);
}

static int vfs_time(sqlite3_vfs *v, double *out)
{
    return under(v)->xCurrentTime(under(v), out);
}

static int vfs_last_error(sqlite3_vfs *v, int n, char *out)
{
    return under(v)->xGetLastError(under(v), n, out);
}

static int vfs_time64(sqlite3_vfs *v, sqlite3_int64 *out)
{
    return under(v)->xCurrentTimeInt64(under(v), out);
}

void vfs_fault_register(const char *name)
{
    sqlite3_vfs *standard = sqlite3_vfs_find(NULL);
    if (vfs.zName)
        return;
    vfs = (sqlite3_vfs){
        .iVersion = 2,
        .szOsFile = (int)sizeof(struct file) + standard->szOsFile,
        .mxPathname = standard->mxPathname,
        .zName = name,
        .pAppData = standard,
        .xOpen = vfs_open,
        .xDelete = vfs_delete,
        .xAccess = vfs_access,
        .xFullPathname = vfs_full_path,
        .xRandomness = vfs_randomness,
        .xSleep = vfs_sleep,
        .xCurrentTime = vfs_time,
        .xGetLastError = vfs_last_error,
        .xCurrentTimeInt64 = vfs_time64,
    };
    sqlite3_vfs_register(&vfs, 0);
}
