-- What rooms and people carry beside events. position: where in the one order of events
-- and all else the row was written last (room/update).

-- room 0: global.
CREATE TABLE account_data (
	user_id TEXT NOT NULL,
	room BIGINT NOT NULL,
	type TEXT NOT NULL,
	json BLOB NOT NULL, -- the content, as canonical JSON
	position BIGINT NOT NULL,
	PRIMARY KEY (user_id, room, type)
) WITHOUT ROWID;
CREATE INDEX account_data_by_position ON account_data (user_id, position);

-- kind: 0 m.read, 1 m.read.private. thread: '' unthreaded, 'main', or the root's id.
CREATE TABLE receipts (
	room BIGINT NOT NULL,
	user_id TEXT NOT NULL,
	kind BIGINT NOT NULL,
	thread TEXT NOT NULL,
	event BIGINT NOT NULL,
	event_id TEXT NOT NULL,
	ts BIGINT NOT NULL,
	position BIGINT NOT NULL,
	PRIMARY KEY (room, user_id, kind, thread)
) WITHOUT ROWID;
CREATE INDEX receipts_by_position ON receipts (room, position);

-- Which state events came between two places: few among the events of most rooms.
CREATE INDEX events_state ON events (room, event) WHERE key IS NOT NULL;

-- No position above it has been given to anything but an event: a restart goes on behind
-- it. Moved on in steps, so that it is rarely written.
CREATE TABLE positions (
	one INTEGER PRIMARY KEY,
	reserved BIGINT NOT NULL
);
