/*
 * The SQLite driver: connections, statements, errors, checkpoints, backup.
 * Relies on libsqlite3 and base; no mutexes, since a connection has one owner at a
 * time. Readers' connections serve requests; the writer's takes what store/writer
 * commits.
 */
#include "db/handle.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/log.h"
#include "db/wal_file.h"

#define APPLICATION_ID 0x5061726c /* "Parl", in the header of each file of ours */
#define BUSY_TIMEOUT_MS 5000
#define CHECKPOINT_PATIENCE_MS 20 /* the writer waits no longer for readers */
#define WAL_KEEP_BYTES "67108864" /* a larger log is cut when it starts afresh */
#define WAL_FRAME_HEADER 24

static void
log_from_sqlite(void *arg, int code, const char *text)
{
	int base = code & 0xff;

	if (base == SQLITE_IOERR || base == SQLITE_CORRUPT)
		log_warn("sqlite: %s (%d)", text, code);
	else
		log_debug("sqlite: %s (%d)", text, code);
}

static void
configure_library(void)
{
	sqlite3_config(SQLITE_CONFIG_MULTITHREAD);
	sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0); /* a lock around each malloc */
	sqlite3_config(SQLITE_CONFIG_LOG, log_from_sqlite, NULL);
	if (sqlite3_initialize() != SQLITE_OK || wal_file_register() != SQLITE_OK) {
		log_error("sqlite: cannot be initialised");
		abort();
	}
}

/* No space left, as opposed to a disk that fails? */
static bool
is_full(struct db *db, int code)
{
	int sys = sqlite3_system_errno(db->handle);

	if ((code & 0xff) == SQLITE_FULL)
		return true;
	/* After a failed fsync nobody knows what is on the disk: never harmless. */
	return (code & 0xff) == SQLITE_IOERR && code != SQLITE_IOERR_FSYNC &&
	       (sys == ENOSPC || sys == EDQUOT);
}

/* A full disk fails every write: one line a second says so well enough. */
static void
log_full(struct db *db, const char *what)
{
	int64_t now = clock_mono_ms();

	if (db->full_logged_ms != 0 && now - db->full_logged_ms < 1000)
		return;
	db->full_logged_ms = now;
	log_error("db: %s: the disk is full: %s", db->where, what);
}

/* Logs the failure once, here, and says what it means to the caller. */
static enum mx_err
failed(struct db *db, const char *what)
{
	int code = sqlite3_extended_errcode(db->handle);
	int base = code & 0xff;

	db->last_err = M_UNKNOWN;
	if (base == SQLITE_NOMEM) {
		log_error("db: %s: out of memory", db->where);
		abort();
	}
	if (is_full(db, code)) {
		log_full(db, what);
		return db->last_err = M_UNAVAILABLE;
	}
	log_error(
	    "db: %s: %s (%d): %s", db->where, sqlite3_errmsg(db->handle), code, what);
	if (base == SQLITE_BUSY || base == SQLITE_LOCKED)
		return db->last_err = M_UNAVAILABLE;
	if (base == SQLITE_IOERR || base == SQLITE_CORRUPT || base == SQLITE_NOTADB)
		db->broken = true;
	return M_UNKNOWN;
}

/*
 * SQLite gave the transaction up (disk full, say): what its user still sends must not
 * run, for each statement would now be committed by itself.
 */
static bool
transaction_lost(struct db *db)
{
	return db->begun && sqlite3_get_autocommit(db->handle) != 0;
}

/* Skips what stands between quotes or in a comment; returns how many bytes that is. */
static size_t
opaque_length(const char *s)
{
	const char *end;

	if (*s == '\'' || *s == '"') {
		end = strchr(s + 1, *s);
		return end == NULL ? strlen(s) : (size_t)(end - s) + 1;
	}
	if (s[0] == '-' && s[1] == '-')
		return strcspn(s, "\n");
	return 0;
}

/* SQLite numbers $n by first appearance, ?n by its number: $1 becomes ?1. */
static char *
renumber(const char *sql)
{
	char *text = xstrdup(sql);
	size_t i = 0, skip;

	while (text[i] != '\0') {
		skip = opaque_length(text + i);
		if (skip > 0) {
			i += skip;
			continue;
		}
		if (text[i] == '$' && text[i + 1] >= '0' && text[i + 1] <= '9')
			text[i] = '?';
		i++;
	}
	return text;
}

struct stmt *
driver_prepare(struct db *db, const char *sql)
{
	struct stmt *q = xcalloc(1, sizeof *q);
	char *text = renumber(sql);

	q->sql = sql;
	q->db = db;
	if (sqlite3_prepare_v3(db->handle, text, -1, SQLITE_PREPARE_PERSISTENT, &q->q,
		NULL) != SQLITE_OK) {
		/* A damaged or busy file may fail here too; the SQL itself must not. */
		log_error("db: %s: cannot compile: %s: %s", db->where,
		    sqlite3_errmsg(db->handle), sql);
		abort();
	}
	free(text);
#ifdef PARLOUR_DEBUG
	q->text = xstrdup(sql);
#endif
	return q;
}

void
driver_finalize(struct stmt *q)
{
	sqlite3_finalize(q->q);
#ifdef PARLOUR_DEBUG
	free(q->text);
#endif
	free(q);
}

static void
bound(struct stmt *q, int n, int rc)
{
	if (rc == SQLITE_OK)
		return;
	log_error("db: cannot bind $%d: %s: %s", n, sqlite3_errstr(rc), q->sql);
	abort();
}

void
stmt_int(struct stmt *q, int n, int64_t v)
{
	assert(q->open);
	bound(q, n, sqlite3_bind_int64(q->q, n, v));
}

void
stmt_text(struct stmt *q, int n, const char *s)
{
	assert(q->open);
	bound(q, n, sqlite3_bind_text(q->q, n, s, -1, SQLITE_STATIC));
}

void
stmt_blob(struct stmt *q, int n, const void *p, size_t size)
{
	assert(q->open);
	/* A NULL pointer would bind NULL; an empty blob is none. */
	bound(q, n,
	    sqlite3_bind_blob64(q->q, n, p == NULL ? "" : p, size, SQLITE_STATIC));
}

void
stmt_null(struct stmt *q, int n)
{
	assert(q->open);
	bound(q, n, sqlite3_bind_null(q->q, n));
}

bool
stmt_next(struct stmt *q)
{
	int rc;

	assert(q->open);
	if (q->ended)
		return false;
	if (transaction_lost(q->db)) {
		q->ended = true;
		q->err = q->db->last_err;
		return false;
	}
	rc = sqlite3_step(q->q);
	if (rc == SQLITE_ROW)
		return true;
	q->ended = true;
	if (rc != SQLITE_DONE)
		q->err = failed(q->db, q->sql);
	return false;
}

enum mx_err
stmt_done(struct stmt *q)
{
	assert(q->open);
	/* The result is the step's once more, which was seen there. */
	sqlite3_reset(q->q);
	sqlite3_clear_bindings(q->q); /* they were borrowed */
	q->open = false;
	return q->err;
}

enum mx_err
stmt_run(struct stmt *q)
{
	while (stmt_next(q))
		;
	return stmt_done(q);
}

int64_t
db_changes(struct db *db)
{
	return sqlite3_changes64(db->handle);
}

int64_t
db_total_changes(struct db *db)
{
	return sqlite3_total_changes64(db->handle);
}

int64_t
col_int(struct stmt *q, int i)
{
	return sqlite3_column_int64(q->q, i);
}

const char *
col_text(struct stmt *q, int i)
{
	return (const char *)sqlite3_column_text(q->q, i);
}

struct str
col_blob(struct stmt *q, int i)
{
	struct str s = { sqlite3_column_blob(q->q, i), 0 };

	s.n = (size_t)sqlite3_column_bytes(q->q, i);
	if (s.p == NULL && !col_is_null(q, i))
		s.p = ""; /* empty, not NULL */
	return s;
}

bool
col_is_null(struct stmt *q, int i)
{
	return sqlite3_column_type(q->q, i) == SQLITE_NULL;
}

enum mx_err
db_exec(struct db *db, const char *sql)
{
	if (transaction_lost(db))
		return db->last_err;
	if (sqlite3_exec(db->handle, sql, NULL, NULL, NULL) != SQLITE_OK)
		return failed(db, sql);
	return M_OK;
}

bool
db_in_transaction(struct db *db)
{
	return sqlite3_get_autocommit(db->handle) == 0;
}

bool
db_is_broken(struct db *db)
{
	return db->broken;
}

void
driver_rolled_back(struct db *db)
{
	if (!db_in_transaction(db))
		wal_file_forget(db->handle);
}

static bool
is_memory(const char *where)
{
	return strcmp(where, ":memory:") == 0;
}

static void explain(char **error_out, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static void
explain(char **error_out, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(error_out, fmt, ap) < 0)
		abort();
	va_end(ap);
}

/*
 * Makes the file if there is none, readable by its owner only; SQLite's own files
 * beside it follow its mode. One that exists is not even opened: closing a descriptor
 * would drop the locks that SQLite holds on it elsewhere in this process.
 */
static bool
make_file(const char *path, char **error_out)
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd >= 0) {
		close(fd);
		return true;
	}
	if (errno == EEXIST)
		return true;
	explain(error_out, "cannot create the database %s: %s", path, strerror(errno));
	return false;
}

/*
 * Is it ours to touch: empty, or with our number in its header? *is_new_out: empty.
 * Only reads, so that a stranger's file stays as it was.
 */
static bool
recognise(struct db *db, bool *is_new_out, char **error_out)
{
	sqlite3_stmt *q = NULL;
	int64_t id = 0, tables = 0;
	int rc;

	rc = sqlite3_prepare_v2(db->handle,
	    "SELECT application_id, (SELECT count(*) FROM sqlite_schema)"
	    " FROM pragma_application_id",
	    -1, &q, NULL);
	if (rc == SQLITE_OK && (rc = sqlite3_step(q)) == SQLITE_ROW) {
		id = sqlite3_column_int64(q, 0);
		tables = sqlite3_column_int64(q, 1);
		rc = SQLITE_OK;
	}
	sqlite3_finalize(q);
	*is_new_out = id == 0 && tables == 0;
	if ((rc & 0xff) == SQLITE_NOTADB)
		explain(error_out, "%s is not an SQLite database", db->where);
	else if (rc != SQLITE_OK)
		explain(error_out, "the database %s cannot be read: %s", db->where,
		    sqlite3_errmsg(db->handle));
	else if (id != APPLICATION_ID && !*is_new_out)
		explain(error_out, "%s is a database of another program", db->where);
	else if (*is_new_out && db->mode == DB_READ)
		explain(error_out, "the database %s is empty", db->where);
	else
		return true;
	return false;
}

/* The log's size after each commit, for whoever decides when to copy it back. */
static int
note_wal(void *arg, sqlite3 *handle, const char *name, int frames)
{
	struct db *db = arg;

	db->wal_bytes = frames * (db->page_size + WAL_FRAME_HEADER);
	return SQLITE_OK;
}

/* No mmap: 15 % faster point reads, but an I/O error would then be a SIGBUS. */
#define PRAGMA_BOTH                                                                    \
	"PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF;"                     \
	"PRAGMA foreign_keys = OFF; PRAGMA mmap_size = 0;"
#define PRAGMA_NUMBER(n) PRAGMA_NUMBER_(n)
#define PRAGMA_NUMBER_(n) "PRAGMA application_id = " #n ";"

static enum mx_err
set_up(struct db *db, bool is_new)
{
	enum mx_err err = db_exec(db, PRAGMA_BOTH);

	if (err == M_OK && db->mode == DB_READ)
		return db_exec(db, "PRAGMA query_only = ON; PRAGMA cache_size = -512;");
	if (err == M_OK && is_new)
		err = db_exec(db, "PRAGMA page_size = 4096;");
	if (err == M_OK)
		err = db_exec(db,
		    "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
		    "PRAGMA wal_autocheckpoint = 0; PRAGMA cache_size = -8192;"
		    "PRAGMA journal_size_limit = " WAL_KEEP_BYTES ";");
	if (err == M_OK && is_new)
		err = db_exec(db, PRAGMA_NUMBER(APPLICATION_ID));
	if (err == M_OK)
		err = db_ask_int(db, "PRAGMA page_size", &db->page_size);
	sqlite3_wal_hook(db->handle, note_wal, db);
	return err;
}

struct db *
db_open(const char *where, enum db_mode mode, char **error_out)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct db *db;
	bool is_new;

	*error_out = NULL;
	pthread_once(&once, configure_library);
	if (mode == DB_WRITE && !is_memory(where) && !make_file(where, error_out))
		return NULL;
	db = xcalloc(1, sizeof *db);
	db->mode = mode;
	db->where = xstrdup(where);
	/* A reader's descriptor may write too: it must be able to recover a log. */
	if (sqlite3_open_v2(where, &db->handle,
		SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE,
		WAL_FILE_VFS) != SQLITE_OK) {
		explain(error_out, "cannot open the database %s: %s", where,
		    sqlite3_errmsg(db->handle));
		goto fail;
	}
	sqlite3_busy_timeout(db->handle, BUSY_TIMEOUT_MS);
	sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(db->handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	if (!recognise(db, &is_new, error_out))
		goto fail;
	if (set_up(db, is_new) != M_OK) {
		explain(error_out, "the database %s cannot be used: %s", where,
		    sqlite3_errmsg(db->handle));
		goto fail;
	}
	return db;
fail:
	db_close(db);
	return NULL;
}

void
db_adopt(struct db *db)
{
	sqlite3_db_config(db->handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
}

void
db_close(struct db *db)
{
	struct stmt *q;

	if (db == NULL)
		return;
	for (size_t at = 0; (q = map_next(&db->stmts, &at)) != NULL;)
		driver_finalize(q);
	map_fini(&db->stmts);
	if (sqlite3_close(db->handle) != SQLITE_OK)
		log_error("db: %s: closed while in use", db->where);
	free(db->where);
	free(db);
}

int64_t
db_wal_bytes(struct db *db)
{
	return db->wal_bytes;
}

static enum mx_err
checkpoint(struct db *db, int mode, int64_t *wal_bytes_out)
{
	int frames = -1, copied = -1, rc;

	sqlite3_busy_timeout(db->handle, CHECKPOINT_PATIENCE_MS);
	rc = sqlite3_wal_checkpoint_v2(db->handle, NULL, mode, &frames, &copied);
	sqlite3_busy_timeout(db->handle, BUSY_TIMEOUT_MS);
	*wal_bytes_out = db->wal_bytes;
	/* Busy: a reader still looks into the log. The rest is for the next time. */
	if (rc != SQLITE_OK && (rc & 0xff) != SQLITE_BUSY)
		return failed(db, "checkpoint");
	if (rc == SQLITE_OK && mode == SQLITE_CHECKPOINT_RESTART && frames == copied)
		frames = 0; /* the next commit will write over them */
	if (frames >= 0)
		db->wal_bytes = frames * (db->page_size + WAL_FRAME_HEADER);
	*wal_bytes_out = db->wal_bytes;
	return M_OK;
}

enum mx_err
db_checkpoint(struct db *db, bool truncate, int64_t *wal_bytes_out)
{
	return checkpoint(db,
	    truncate ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE,
	    wal_bytes_out);
}

enum mx_err
db_restart_log(struct db *db, int64_t *wal_bytes_out)
{
	return checkpoint(db, SQLITE_CHECKPOINT_RESTART, wal_bytes_out);
}

/* Makes what was written to path, and its name, survive a loss of power. */
static bool
sync_file(const char *path)
{
	char *copy = xstrdup(path);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int dir = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool ok = fd >= 0 && dir >= 0 && fsync(fd) == 0 && fsync(dir) == 0;

	if (fd >= 0)
		close(fd);
	if (dir >= 0)
		close(dir);
	free(copy);
	return ok;
}

/*
 * One step of all pages: a single read transaction, so the copy is one moment's state,
 * and in WAL mode a reader keeps nobody from writing. (In smaller steps the copy would
 * begin anew whenever the writer had committed, and under load never end.)
 */
static int
copy_pages(struct db *db, sqlite3 *copy)
{
	sqlite3_backup *backup;

	sqlite3_exec(copy, "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;", NULL,
	    NULL, NULL);
	backup = sqlite3_backup_init(copy, "main", db->handle, "main");
	if (backup == NULL)
		return sqlite3_errcode(copy);
	sqlite3_backup_step(backup, -1);
	return sqlite3_backup_finish(backup);
}

enum mx_err
db_backup(struct db *db, const char *to, char **error_out)
{
	sqlite3 *copy = NULL;
	int fd = open(to, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	int rc;

	*error_out = NULL;
	if (fd < 0) {
		explain(error_out, "cannot create %s: %s", to, strerror(errno));
		return M_UNKNOWN;
	}
	close(fd);
	rc = sqlite3_open_v2(
	    to, &copy, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
	if (rc == SQLITE_OK)
		rc = copy_pages(db, copy);
	if (rc != SQLITE_OK)
		explain(error_out, "cannot copy the database to %s: %s", to,
		    sqlite3_errstr(rc));
	sqlite3_close(copy);
	if (rc == SQLITE_OK && !sync_file(to)) {
		explain(error_out, "cannot sync %s: %s", to, strerror(errno));
		rc = SQLITE_IOERR;
	}
	if (rc == SQLITE_OK)
		return M_OK;
	unlink(to);
	return (rc & 0xff) == SQLITE_FULL ? M_UNAVAILABLE : M_UNKNOWN;
}
