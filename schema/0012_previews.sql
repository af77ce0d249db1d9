-- Previews of links, as they were answered, until expires_ts.
CREATE TABLE url_previews (
	url TEXT PRIMARY KEY,
	ts BIGINT NOT NULL, -- when the page was asked for
	expires_ts BIGINT NOT NULL,
	json TEXT NOT NULL
);
CREATE INDEX url_previews_by_expiry ON url_previews (expires_ts);
