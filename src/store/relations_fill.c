/*
 * All the SQL about the relations of old events. Relies on store/pack. Below
 * room/relations_fill.
 */
#include "store/relations_fill.h"

#include "base/log.h"
#include "store/pack.h"

enum mx_err
store_relations_fill_get(struct db *db, int64_t *after_out, int64_t *upto_out)
{
	struct stmt *q =
	    db_stmt(db, "SELECT event, upto FROM relations_fill WHERE one = 1");
	bool found = stmt_next(q);
	enum mx_err err;

	if (found) {
		*after_out = col_int(q, 0);
		*upto_out = col_int(q, 1);
	}
	err = stmt_done(q);
	return err != M_OK || found ? err : M_NOT_FOUND;
}

enum mx_err
store_relations_fill_set(struct db *db, int64_t after)
{
	struct stmt *q =
	    db_stmt(db, "UPDATE relations_fill SET event = $1 WHERE one = 1");

	stmt_int(q, 1, after);
	return stmt_run(q);
}

enum mx_err
store_relations_fill_end(struct db *db)
{
	return stmt_run(db_stmt(db, "DELETE FROM relations_fill"));
}

enum mx_err
store_relation_fill(struct db *db, int64_t event, const struct relation_row *row)
{
	struct stmt *q = db_stmt(db,
	    "SELECT 1 FROM events e LEFT JOIN relations r ON r.event = e.event"
	    " WHERE e.event = $1 AND (e.redacted_by IS NOT NULL OR r.event = $1)");
	bool is_done;
	enum mx_err err;

	stmt_int(q, 1, event);
	is_done = stmt_next(q);
	err = stmt_done(q);
	return err != M_OK || is_done ? err : store_relation_add(db, event, row);
}

/* Canonical JSON writes the key in one way alone. */
static bool
may_relate(const struct buf *json)
{
	static const char key[] = "\"m.relates_to\":";

	return memmem(json->p, json->n, key, sizeof key - 1) != NULL;
}

enum mx_err
store_relations_fill_read(struct db *db, int64_t after, int64_t upto, int limit,
    void (*each)(const struct old_event *e, void *arg), void *arg, int *count_out,
    int64_t *last_out)
{
	struct stmt *q =
	    db_stmt(db, "SELECT e.event, e.room, r.version, e.json FROM events e"
			" JOIN rooms r ON r.room = e.room"
			" WHERE e.event > $1 AND e.event <= $2 AND e.flags % 16 < 2"
			" ORDER BY e.event LIMIT $3");
	struct buf json = { 0 };

	stmt_int(q, 1, after);
	stmt_int(q, 2, upto);
	stmt_int(q, 3, limit);
	*last_out = after;
	for (*count_out = 0; stmt_next(q); ++*count_out) {
		struct old_event e = { .event = *last_out = col_int(q, 0),
			.room = col_int(q, 1),
			.version = col_text(q, 2) };

		if (!unpack_json_to(&json, col_blob(q, 3))) {
			log_error("store: the JSON of event %lld is damaged",
			    (long long)e.event);
			continue;
		}
		e.json = (struct str){ json.p, json.n };
		if (may_relate(&json))
			each(&e, arg);
	}
	buf_free(&json);
	return stmt_done(q);
}
