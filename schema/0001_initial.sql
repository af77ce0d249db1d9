-- Rooms, their events and their state.
--
-- An event's integer (`event`) is handed out by the writer in commit order: for events
-- that clients are told live it is the stream position too. Everything refers to events,
-- rooms, types and (type, state_key) pairs by integers.

CREATE TABLE rooms (
	room INTEGER PRIMARY KEY,
	room_id TEXT NOT NULL UNIQUE,
	version TEXT NOT NULL,
	published BIGINT NOT NULL DEFAULT 0, -- stands in the public room directory
	segment BIGINT NOT NULL -- where the current state is kept
);

CREATE TABLE event_types (
	type INTEGER PRIMARY KEY,
	name TEXT NOT NULL UNIQUE
);

CREATE TABLE state_keys (
	key INTEGER PRIMARY KEY,
	type BIGINT NOT NULL,
	state_key TEXT NOT NULL,
	UNIQUE (type, state_key)
);

-- flags: 1 live (has a stream position), 2 rejected, 4 soft-failed, 8 outlier.
-- (line, sub): the timeline order of the room; live events stand at (event, 0).
CREATE TABLE events (
	event INTEGER PRIMARY KEY,
	room BIGINT NOT NULL,
	line BIGINT NOT NULL,
	sub BIGINT NOT NULL,
	event_id BLOB NOT NULL,
	type BIGINT NOT NULL,
	key BIGINT,
	ts BIGINT NOT NULL,
	depth BIGINT NOT NULL,
	flags BIGINT NOT NULL,
	redacted_by BIGINT
);
CREATE UNIQUE INDEX events_by_id ON events (event_id);
CREATE UNIQUE INDEX events_by_line ON events (room, line, sub);
CREATE INDEX events_by_ts ON events (room, ts);

-- Canonical bytes, the first byte telling how they are packed (store/pack.c).
CREATE TABLE event_json (
	event INTEGER PRIMARY KEY,
	json BLOB NOT NULL
);

CREATE TABLE event_edges (
	event BIGINT NOT NULL,
	prev BIGINT NOT NULL,
	PRIMARY KEY (event, prev)
) WITHOUT ROWID;

CREATE TABLE extremities (
	room BIGINT NOT NULL,
	event BIGINT NOT NULL,
	PRIMARY KEY (room, event)
) WITHOUT ROWID;

-- State is a line of changes per segment. The value of a key at a place is its last
-- change in the segment up to there, else that of the parent segment at parent_at.
-- A room without forks has one segment.
CREATE TABLE state_segments (
	segment INTEGER PRIMARY KEY,
	room BIGINT NOT NULL,
	parent BIGINT,
	parent_at BIGINT
);

CREATE TABLE state_deltas (
	segment BIGINT NOT NULL,
	key BIGINT NOT NULL,
	at BIGINT NOT NULL,
	event BIGINT, -- NULL: the key is gone
	detail BIGINT NOT NULL, -- members: enum membership; history: enum history_visibility
	PRIMARY KEY (segment, key, at)
) WITHOUT ROWID;

-- The state before an event: its segment, all changes at < at. May be corrected later.
CREATE TABLE event_state (
	event INTEGER PRIMARY KEY,
	segment BIGINT NOT NULL,
	at BIGINT NOT NULL
);

-- Each user's present membership in each room, following the current state.
-- membership: 1 join, 2 invite, 3 knock, 4 leave, 5 ban (enum membership).
CREATE TABLE members (
	user_id TEXT NOT NULL,
	room BIGINT NOT NULL,
	membership BIGINT NOT NULL,
	event BIGINT NOT NULL,
	forgotten BIGINT NOT NULL DEFAULT 0,
	PRIMARY KEY (user_id, room)
) WITHOUT ROWID;

-- Transaction ids of sends: hash is over (user, device, method, path).
CREATE TABLE event_txns (
	event INTEGER PRIMARY KEY,
	hash BLOB NOT NULL,
	device_id TEXT NOT NULL,
	txn_id TEXT NOT NULL
);
CREATE UNIQUE INDEX event_txns_by_hash ON event_txns (hash);

CREATE TABLE aliases (
	alias TEXT PRIMARY KEY,
	room BIGINT NOT NULL,
	creator TEXT NOT NULL
);
CREATE INDEX aliases_by_room ON aliases (room);

-- Accounts. A guest has a row from its first write on.
CREATE TABLE users (
	user_id TEXT PRIMARY KEY,
	kind BIGINT NOT NULL, -- 0 user, 1 guest
	password_hash TEXT, -- NULL: no password login
	admin BIGINT NOT NULL DEFAULT 0,
	deactivated BIGINT NOT NULL DEFAULT 0,
	created_ts BIGINT NOT NULL,
	seen_ts BIGINT NOT NULL, -- guests: when last active, to the hour
	expires_ts BIGINT NOT NULL DEFAULT 0 -- guests: when the token's own time is up
);
CREATE INDEX users_guests ON users (user_id) WHERE kind = 1;
CREATE INDEX users_admins ON users (user_id) WHERE admin = 1;

CREATE TABLE profiles (
	user_id TEXT NOT NULL,
	field TEXT NOT NULL,
	value BLOB NOT NULL, -- JSON
	PRIMARY KEY (user_id, field)
);

CREATE TABLE devices (
	user_id TEXT NOT NULL,
	device_id TEXT NOT NULL,
	display_name TEXT,
	last_seen_ts BIGINT NOT NULL,
	last_seen_ip TEXT,
	PRIMARY KEY (user_id, device_id)
);

-- hash: SHA-256 of the token; the token itself is never stored.
CREATE TABLE access_tokens (
	hash BLOB PRIMARY KEY,
	user_id TEXT NOT NULL,
	device_id TEXT NOT NULL,
	expires_ts BIGINT, -- NULL: never
	refresh_hash BLOB -- the refresh token issued beside it
);
CREATE INDEX access_tokens_by_device ON access_tokens (user_id, device_id);

CREATE TABLE refresh_tokens (
	hash BLOB PRIMARY KEY,
	user_id TEXT NOT NULL,
	device_id TEXT NOT NULL,
	next_hash BLOB -- set once used; valid again until its successor is used
);
CREATE INDEX refresh_tokens_by_device ON refresh_tokens (user_id, device_id);

CREATE TABLE registration_tokens (
	token TEXT PRIMARY KEY,
	uses_allowed BIGINT, -- NULL: no limit
	completed BIGINT NOT NULL DEFAULT 0,
	expires_ts BIGINT -- NULL: never
);

-- Guests whose tokens are denied before they expire (logout, upgrade, expiry).
CREATE TABLE guest_denials (
	user_id TEXT PRIMARY KEY,
	until_ts BIGINT NOT NULL
);
