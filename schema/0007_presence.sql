-- What of presence outlives a restart, and the words by which users are found.

-- is_online: so told when it was written. changed_ts: when that was.
CREATE TABLE presence (
	user_id TEXT PRIMARY KEY,
	is_online BIGINT NOT NULL DEFAULT 0,
	status_msg TEXT, -- NULL: none
	last_active_ts BIGINT NOT NULL DEFAULT 0,
	changed_ts BIGINT NOT NULL DEFAULT 0
);

-- The presence lists of 2015: whom a user wants to follow.
CREATE TABLE presence_lists (
	user_id TEXT NOT NULL,
	observed TEXT NOT NULL,
	PRIMARY KEY (user_id, observed)
) WITHOUT ROWID;

-- The words of each user's name and localpart, folded.
CREATE TABLE user_words (
	word TEXT NOT NULL,
	user_id TEXT NOT NULL,
	PRIMARY KEY (word, user_id)
) WITHOUT ROWID;
CREATE INDEX user_words_by_user ON user_words (user_id);

-- Users of before there were words get them by and by, in the order of their ids.
CREATE TABLE user_words_filled (
	one INTEGER PRIMARY KEY,
	user_id TEXT NOT NULL
);
