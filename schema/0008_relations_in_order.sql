-- All children of an event in their order, whatever their kind.
CREATE INDEX relations_in_order ON relations (room, parent, line, sub);
-- What one sender has annotated an event with. A key may be longer than what an index holds.
CREATE INDEX relations_annotations ON relations (room, parent, sender, substr(annotation, 1, 64))
	WHERE annotation IS NOT NULL;
