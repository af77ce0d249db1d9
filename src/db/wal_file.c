/*
 * A VFS around SQLite's own that keeps what is written to a log until it is synced or
 * read. Relies on what SQLite promises of its log: others look at pages only after the
 * sync behind them (synchronous=FULL), or through this very file.
 * Below db/sqlite, on the writer thread's way to the disk.
 */
#include "db/wal_file.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include "base/str.h"

/* SQLite's own VFS takes less than 128 KB at a time. */
#define KEPT_MAX (127 << 10)

/* Owned by its connection. The real file lies behind it in the same memory. */
struct wal_file {
	sqlite3_file base; /* first: SQLite knows only this */
	sqlite3_file *real;
	char *kept; /* KEPT_MAX bytes; NULL until something is written */
	int n;	    /* of them not handed down yet */
	sqlite3_int64 at;
};

static sqlite3_vfs *
real_vfs(sqlite3_vfs *vfs)
{
	return vfs->pAppData;
}

/* What cannot be written stays: SQLite was told that it is, and a transaction of which
 * one statement fails may go on. Only wal_file_forget drops it. */
static int
hand_down(struct wal_file *f)
{
	int rc = SQLITE_OK;

	if (f->n > 0)
		rc = f->real->pMethods->xWrite(f->real, f->kept, f->n, f->at);
	if (rc == SQLITE_OK)
		f->n = 0;
	return rc;
}

/* What is still kept has seen no sync: it was never committed. */
static int
wal_close(sqlite3_file *file)
{
	struct wal_file *f = (struct wal_file *)file;

	free(f->kept);
	return f->real->pMethods->xClose(f->real);
}

static bool
is_kept(const struct wal_file *f, int n, sqlite3_int64 at)
{
	return at < f->at + f->n && f->at < at + n;
}

static int
wal_read(sqlite3_file *file, void *out, int n, sqlite3_int64 at)
{
	struct wal_file *f = (struct wal_file *)file;
	int rc = is_kept(f, n, at) ? hand_down(f) : SQLITE_OK;

	return rc == SQLITE_OK ? f->real->pMethods->xRead(f->real, out, n, at) : rc;
}

static int
wal_write(sqlite3_file *file, const void *bytes, int n, sqlite3_int64 at)
{
	struct wal_file *f = (struct wal_file *)file;
	int rc;

	if (n > KEPT_MAX - f->n || at != f->at + f->n) {
		rc = hand_down(f);
		if (rc != SQLITE_OK)
			return rc;
		f->at = at;
	}
	if (n > KEPT_MAX)
		return f->real->pMethods->xWrite(f->real, bytes, n, at);
	if (f->kept == NULL)
		f->kept = xmalloc(KEPT_MAX);
	memcpy(f->kept + f->n, bytes, (size_t)n);
	f->n += n;
	return SQLITE_OK;
}

static int
wal_truncate(sqlite3_file *file, sqlite3_int64 size)
{
	struct wal_file *f = (struct wal_file *)file;
	int rc = hand_down(f);

	return rc == SQLITE_OK ? f->real->pMethods->xTruncate(f->real, size) : rc;
}

static int
wal_sync(sqlite3_file *file, int flags)
{
	struct wal_file *f = (struct wal_file *)file;
	int rc = hand_down(f);

	return rc == SQLITE_OK ? f->real->pMethods->xSync(f->real, flags) : rc;
}

static int
wal_size(sqlite3_file *file, sqlite3_int64 *size)
{
	struct wal_file *f = (struct wal_file *)file;
	int rc = f->real->pMethods->xFileSize(f->real, size);

	if (rc == SQLITE_OK && f->n > 0 && f->at + f->n > *size)
		*size = f->at + f->n;
	return rc;
}

static int
wal_lock(sqlite3_file *file, int level)
{
	struct wal_file *f = (struct wal_file *)file;

	return f->real->pMethods->xLock(f->real, level);
}

static int
wal_unlock(sqlite3_file *file, int level)
{
	struct wal_file *f = (struct wal_file *)file;

	return f->real->pMethods->xUnlock(f->real, level);
}

static int
wal_is_reserved(sqlite3_file *file, int *out)
{
	struct wal_file *f = (struct wal_file *)file;

	return f->real->pMethods->xCheckReservedLock(f->real, out);
}

static int
wal_control(sqlite3_file *file, int what, void *arg)
{
	struct wal_file *f = (struct wal_file *)file;

	return f->real->pMethods->xFileControl(f->real, what, arg);
}

static int
wal_sector(sqlite3_file *file)
{
	struct wal_file *f = (struct wal_file *)file;

	return f->real->pMethods->xSectorSize(f->real);
}

static int
wal_traits(sqlite3_file *file)
{
	struct wal_file *f = (struct wal_file *)file;

	return f->real->pMethods->xDeviceCharacteristics(f->real);
}

static const sqlite3_io_methods wal_methods = { .iVersion = 1,
	.xClose = wal_close,
	.xRead = wal_read,
	.xWrite = wal_write,
	.xTruncate = wal_truncate,
	.xSync = wal_sync,
	.xFileSize = wal_size,
	.xLock = wal_lock,
	.xUnlock = wal_unlock,
	.xCheckReservedLock = wal_is_reserved,
	.xFileControl = wal_control,
	.xSectorSize = wal_sector,
	.xDeviceCharacteristics = wal_traits };

/* Files that are no log are the real VFS's altogether. */
static int
open_file(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *got)
{
	sqlite3_vfs *real = real_vfs(vfs);
	struct wal_file *f = (struct wal_file *)file;
	int rc;

	if ((flags & SQLITE_OPEN_WAL) == 0)
		return real->xOpen(real, name, file, flags, got);
	*f = (struct wal_file){ .real = (sqlite3_file *)(f + 1) };
	rc = real->xOpen(real, name, f->real, flags, got);
	if (rc == SQLITE_OK)
		f->base.pMethods = &wal_methods;
	return rc;
}

void
wal_file_forget(sqlite3 *db)
{
	sqlite3_file *file = NULL;

	sqlite3_file_control(db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &file);
	if (file != NULL && file->pMethods == &wal_methods)
		((struct wal_file *)file)->n = 0;
}

int
wal_file_register(void)
{
	static sqlite3_vfs vfs;
	sqlite3_vfs *real = sqlite3_vfs_find(NULL);

	/* All but opening is the real one's, whose functions look at its own pAppData
	 * only when they open. */
	vfs = *real;
	vfs.pNext = NULL;
	vfs.zName = WAL_FILE_VFS;
	vfs.szOsFile = real->szOsFile + (int)sizeof(struct wal_file);
	vfs.pAppData = real;
	vfs.xOpen = open_file;
	return sqlite3_vfs_register(&vfs, 0);
}
