-- Push rules, and what of a room its members have not read yet.

-- One row for each set of rules that somebody has changed: they are read, ordered and
-- judged by as a whole. scope: '' the account's, else the profile tag of a device (2015's).
-- json holds what deviates from the predefined rules. A row once written stays.
CREATE TABLE push_rules (
	user_id TEXT NOT NULL,
	scope TEXT NOT NULL,
	json BLOB NOT NULL,
	position BIGINT NOT NULL,
	PRIMARY KEY (user_id, scope)
) WITHOUT ROWID;

-- How many of the room's events up to this one notify, and how many highlight, everybody
-- who has the predefined rules. Unread is the difference of two of them (doc/unread.md).
ALTER TABLE events ADD COLUMN notified BIGINT NOT NULL DEFAULT 0;
ALTER TABLE events ADD COLUMN loud BIGINT NOT NULL DEFAULT 0;

-- The same of the events in threads: all threads of the room, and the event's own.
-- hops: how many relations away from one that names the thread.
CREATE TABLE unread_threads (
	room BIGINT NOT NULL,
	event BIGINT NOT NULL,
	thread TEXT NOT NULL, -- its root's id
	hops BIGINT NOT NULL,
	all_notified BIGINT NOT NULL,
	all_loud BIGINT NOT NULL,
	notified BIGINT NOT NULL,
	loud BIGINT NOT NULL,
	PRIMARY KEY (room, event)
) WITHOUT ROWID;
CREATE INDEX unread_threads_by_thread ON unread_threads (room, thread, event);

-- A thread's last event that notifies by the predefined rules.
CREATE TABLE unread_thread_ends (
	room BIGINT NOT NULL,
	thread TEXT NOT NULL,
	event BIGINT NOT NULL,
	PRIMARY KEY (room, thread)
) WITHOUT ROWID;
CREATE INDEX unread_thread_ends_by_event ON unread_thread_ends (room, event);

-- What notifies by the predefined rules no more, because it was redacted.
-- thread: 'main' or the root's id.
CREATE TABLE unread_redacted (
	room BIGINT NOT NULL,
	event BIGINT NOT NULL,
	thread TEXT NOT NULL,
	loud BIGINT NOT NULL,
	PRIMARY KEY (room, event)
) WITHOUT ROWID;

-- Where a member has read up to without a receipt: by joining (thread ''), and in each
-- thread by speaking.
CREATE TABLE unread_marks (
	room BIGINT NOT NULL,
	user_id TEXT NOT NULL,
	thread TEXT NOT NULL,
	event BIGINT NOT NULL,
	PRIMARY KEY (room, user_id, thread)
) WITHOUT ROWID;

-- Events that are something else to one member than the room's count says: add_* is the
-- difference, notifies and highlights what it is.
CREATE TABLE unread_rows (
	user_id TEXT NOT NULL,
	room BIGINT NOT NULL,
	event BIGINT NOT NULL,
	thread TEXT NOT NULL,
	notifies BIGINT NOT NULL,
	highlights BIGINT NOT NULL,
	add_notifies BIGINT NOT NULL,
	add_highlights BIGINT NOT NULL,
	PRIMARY KEY (user_id, room, event)
) WITHOUT ROWID;
CREATE INDEX unread_rows_by_event ON unread_rows (room, event);

-- Behind this event the room's count is (quiet 0) or is not (1) the member's.
CREATE TABLE unread_modes (
	user_id TEXT NOT NULL,
	room BIGINT NOT NULL,
	event BIGINT NOT NULL,
	quiet BIGINT NOT NULL,
	PRIMARY KEY (user_id, room, event)
) WITHOUT ROWID;
