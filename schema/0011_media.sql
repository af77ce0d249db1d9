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

-- Thumbnails that were made, of files by their content. file NULL: the original will do.
CREATE TABLE thumbnails (
	sha256 BLOB NOT NULL,
	width BIGINT NOT NULL,
	height BIGINT NOT NULL,
	is_crop BIGINT NOT NULL,
	is_animated BIGINT NOT NULL,
	file BLOB,
	size BIGINT NOT NULL,
	content_type TEXT NOT NULL,
	PRIMARY KEY (sha256, width, height, is_crop, is_animated)
) WITHOUT ROWID;
CREATE INDEX thumbnails_by_file ON thumbnails (file);
