-- Whoever leaves a room takes their receipts along; those of who left before go here.
DELETE FROM receipts WHERE NOT EXISTS (
	SELECT 1 FROM members m WHERE m.user_id = receipts.user_id
	AND m.room = receipts.room AND m.membership = 1);
