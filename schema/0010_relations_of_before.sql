-- Events of before there were relations and threads get their rows by and by: behind
-- `event` and up to `upto` they have not been read yet. No row: all have.
CREATE TABLE relations_fill (
	one INTEGER PRIMARY KEY,
	event BIGINT NOT NULL,
	upto BIGINT NOT NULL
);
-- From the first event of a thread on everything was noted as it came.
INSERT INTO relations_fill (one, event, upto)
SELECT 1, 0, o.upto FROM (SELECT coalesce(
	(SELECT min(event) - 1 FROM unread_threads),
	(SELECT max(event) FROM events), 0) AS upto) AS o
WHERE o.upto > 0;
