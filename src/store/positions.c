/*
 * The SQL of positions. Below room/append, which reads it at start, and room/update.
 */
#include "store/positions.h"

#include "store/events.h"

enum mx_err
store_position_last(struct db *db, int64_t *out)
{
	struct stmt *q = db_stmt(db, "SELECT reserved FROM positions WHERE one = 1");
	int64_t reserved = stmt_next(q) ? col_int(q, 0) : 0;
	enum mx_err err = stmt_done(q);

	if (err == M_OK)
		err = store_event_last(db, out);
	if (err == M_OK && reserved > *out)
		*out = reserved;
	return err;
}

enum mx_err
store_position_reserve(struct db *db, int64_t reserved)
{
	struct stmt *q = db_stmt(db,
	    "INSERT INTO positions (one, reserved) VALUES (1, $1)"
	    " ON CONFLICT (one) DO UPDATE SET reserved = excluded.reserved");

	stmt_int(q, 1, reserved);
	return stmt_run(q);
}
