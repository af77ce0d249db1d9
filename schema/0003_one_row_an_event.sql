-- What every event has stands in one row: fewer trees to write for each of them.
--
-- prev is an event's predecessor, or the first of several: event_edges holds the others.
-- segment is where the state before it is kept, all changes below its own integer;
-- event_state holds the events for which that is not so, or had to be corrected.
-- device_id and txn_id say by which transaction a device sent it.
CREATE TABLE events_with_all (
	event INTEGER PRIMARY KEY,
	room BIGINT NOT NULL,
	line BIGINT NOT NULL,
	sub BIGINT NOT NULL,
	event_id BLOB NOT NULL,
	type BIGINT NOT NULL,
	key BIGINT,
	ts BIGINT NOT NULL,
	depth BIGINT NOT NULL,
	flags BIGINT NOT NULL, -- 1 live, 2 rejected, 4 soft-failed, 8 outlier
	redacted_by BIGINT,
	prev BIGINT,
	segment BIGINT NOT NULL,
	device_id TEXT,
	txn_id TEXT,
	json BLOB NOT NULL -- canonical bytes, the first byte telling how they are packed
);
INSERT INTO events_with_all (event, room, line, sub, event_id, type, key, ts, depth,
	flags, redacted_by, prev, segment, device_id, txn_id, json)
SELECT e.event, e.room, e.line, e.sub, e.event_id, e.type, e.key, e.ts, e.depth,
	e.flags, e.redacted_by,
	(SELECT min(x.prev) FROM event_edges x WHERE x.event = e.event),
	s.segment, t.device_id, t.txn_id, j.json
FROM events e
JOIN event_json j ON j.event = e.event
JOIN event_state s ON s.event = e.event
LEFT JOIN event_txns t ON t.event = e.event;

DELETE FROM event_edges WHERE prev =
	(SELECT e.prev FROM events_with_all e WHERE e.event = event_edges.event);
DELETE FROM event_state WHERE at = event;
DROP TABLE event_json;
DROP TABLE events;
ALTER TABLE events_with_all RENAME TO events;
CREATE UNIQUE INDEX events_by_id ON events (event_id);
CREATE UNIQUE INDEX events_by_line ON events (room, line, sub);
CREATE INDEX events_by_ts ON events (room, ts);
CREATE INDEX events_redacted_state ON events (room, event)
	WHERE redacted_by IS NOT NULL AND key IS NOT NULL;

-- Transaction ids of sends: hash is over (user, device, path). Of an event's own there is
-- nothing here but the way to it.
CREATE TABLE txns (
	hash BLOB PRIMARY KEY,
	event BIGINT NOT NULL
) WITHOUT ROWID;
INSERT INTO txns (hash, event) SELECT hash, event FROM event_txns;
DROP TABLE event_txns;

-- A branch is named after the event that began it, and moves on in its place.
CREATE TABLE branches (
	room BIGINT NOT NULL,
	branch BIGINT NOT NULL,
	event BIGINT NOT NULL, -- the forward extremity
	PRIMARY KEY (room, branch)
) WITHOUT ROWID;
INSERT INTO branches (room, branch, event) SELECT room, event, event FROM extremities;
DROP TABLE extremities;
ALTER TABLE branches RENAME TO extremities;
