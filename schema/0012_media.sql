-- Uploaded files. Their bytes lie beside the database, each named by its SHA-256.

-- sha256 NULL: made for an upload that has not come yet, until expires_ts.
CREATE TABLE media (
	media_id TEXT PRIMARY KEY,
	user_id TEXT NOT NULL,
	created_ts BIGINT NOT NULL,
	expires_ts BIGINT NOT NULL DEFAULT 0,
	sha256 BLOB,
	size BIGINT NOT NULL DEFAULT 0,
	content_type TEXT,
	file_name TEXT -- NULL: none was given
);
CREATE INDEX media_by_user ON media (user_id, created_ts);
CREATE INDEX media_by_time ON media (created_ts);
CREATE INDEX media_by_sha256 ON media (sha256, size); -- what all come to is read from it alone

-- What is in them is handed to nobody, whoever uploaded it or does so later.
CREATE TABLE media_quarantined (
	sha256 BLOB PRIMARY KEY,
	quarantined_ts BIGINT NOT NULL
);
