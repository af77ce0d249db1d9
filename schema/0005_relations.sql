-- How events are related to each other: one row for each event whose content has a valid
-- m.relates_to. parent is the id that it names, as it lies in events: that event may be
-- in another room, come later, or never. A redacted child has no row.
CREATE TABLE relations (
	event INTEGER PRIMARY KEY, -- the child
	room BIGINT NOT NULL,
	line BIGINT NOT NULL, -- its place in the timeline, as in events
	sub BIGINT NOT NULL,
	parent BLOB NOT NULL,
	rel_type TEXT NOT NULL,
	type BIGINT NOT NULL, -- in event_types
	sender TEXT NOT NULL,
	ts BIGINT NOT NULL, -- origin_server_ts
	annotation TEXT -- the key of an m.annotation; NULL: none
);
-- With all that is asked of many children at once: the table itself is left alone.
CREATE INDEX relations_by_parent ON relations (room, parent, rel_type, line, sub, sender);
CREATE INDEX relations_threads ON relations (room, line, sub) WHERE rel_type = 'm.thread';
