/*
 * SQLite hands its log to the file system in pieces of 24 and 4,096 bytes, two calls a
 * page. Here they are joined: a commit's pages go down in one call, before its sync.
 */
#ifndef DB_WAL_FILE_H
#define DB_WAL_FILE_H

struct sqlite3;

/* The name of the VFS to open databases with; registered by wal_file_register. */
#define WAL_FILE_VFS "parlour"

/* Once, after sqlite3_initialize. Returns SQLite's result code. */
int wal_file_register(void);

/* After a rollback: what of the connection's log is still kept belonged to the
 * transaction that is gone, and shall not stand in the next one's way. */
void wal_file_forget(struct sqlite3 *db);

#endif
