-- An operator has closed the room's pages, whatever the room itself says.
ALTER TABLE rooms ADD COLUMN hidden BIGINT NOT NULL DEFAULT 0;
