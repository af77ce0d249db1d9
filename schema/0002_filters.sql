-- Filters that clients have left with the server (POST /user/{userId}/filter).
CREATE TABLE filters (
	user_id TEXT NOT NULL,
	filter_id BIGINT NOT NULL, -- counts up from 1 for each user
	json BLOB NOT NULL, -- canonical
	PRIMARY KEY (user_id, filter_id)
);

-- A list of state asks which of its events were redacted: few or none in most rooms.
CREATE INDEX events_redacted_state ON events (room, event)
	WHERE redacted_by IS NOT NULL AND key IS NOT NULL;
