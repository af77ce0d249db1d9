/*
 * Rooms, extremities, members and aliases: all the SQL about them.
 */
#include "store/rooms.h"

#include <string.h>

#include "store/events.h"

/* M_NOT_FOUND where the one row was not there. */
static enum mx_err
ended(struct stmt *q, bool found)
{
	enum mx_err err = stmt_done(q);

	return err != M_OK || found ? err : M_NOT_FOUND;
}

/* Room for one more in an arena array of n elements. */
static void *
grown(struct arena *arena, void *old, int n, size_t size)
{
	void *more;

	if (n > 0 && (n < 8 || (n & (n - 1)) != 0))
		return old;
	more = arena_raw(arena, size * (n < 8 ? 8 : (size_t)n * 2));
	if (n > 0)
		memcpy(more, old, size * n);
	return more;
}

enum mx_err
store_room_add(struct db *db, const struct room_row *row)
{
	struct stmt *q =
	    db_stmt(db, "INSERT INTO rooms (room, room_id, version, published, segment)"
			" VALUES ($1, $2, $3, $4, $5)");

	stmt_int(q, 1, row->room);
	stmt_text(q, 2, row->room_id);
	stmt_text(q, 3, row->version);
	stmt_int(q, 4, row->published);
	stmt_int(q, 5, row->segment);
	return stmt_run(q);
}

#define ROOM_COLUMNS "room, room_id, version, published, segment, hidden"

static void
read_room(struct stmt *q, struct arena *arena, struct room_row *out)
{
	*out = (struct room_row){ .room = col_int(q, 0),
		.room_id = col_dup(q, 1, arena),
		.version = col_dup(q, 2, arena),
		.published = col_int(q, 3) != 0,
		.segment = col_int(q, 4),
		.hidden = col_int(q, 5) != 0 };
}

enum mx_err
store_room_find(
    struct db *db, struct arena *arena, const char *room_id, struct room_row *out)
{
	struct stmt *q =
	    db_stmt(db, "SELECT " ROOM_COLUMNS " FROM rooms WHERE room_id = $1");
	bool found;

	stmt_text(q, 1, room_id);
	found = stmt_next(q);
	if (found)
		read_room(q, arena, out);
	return ended(q, found);
}

enum mx_err
store_room_get(struct db *db, struct arena *arena, int64_t room, struct room_row *out)
{
	struct stmt *q =
	    db_stmt(db, "SELECT " ROOM_COLUMNS " FROM rooms WHERE room = $1");
	bool found;

	stmt_int(q, 1, room);
	found = stmt_next(q);
	if (found)
		read_room(q, arena, out);
	return ended(q, found);
}

enum mx_err
store_room_publish(struct db *db, int64_t room, bool published)
{
	struct stmt *q = db_stmt(db, "UPDATE rooms SET published = $2 WHERE room = $1");

	stmt_int(q, 1, room);
	stmt_int(q, 2, published);
	return stmt_run(q);
}

enum mx_err
store_room_hide(struct db *db, int64_t room, bool hidden)
{
	struct stmt *q = db_stmt(db, "UPDATE rooms SET hidden = $2 WHERE room = $1");

	stmt_int(q, 1, room);
	stmt_int(q, 2, hidden);
	return stmt_run(q);
}

enum mx_err
store_room_last(struct db *db, int64_t *room_out)
{
	struct stmt *q = db_stmt(db, "SELECT max(room) FROM rooms");

	*room_out = stmt_next(q) ? col_int(q, 0) : 0;
	return stmt_done(q);
}

enum mx_err
store_rooms_list(struct db *db, struct arena *arena, bool published_only,
    struct room_row **rows_out, int *count_out)
{
	struct stmt *q = db_stmt(db,
	    "SELECT " ROOM_COLUMNS " FROM rooms WHERE published >= $1 ORDER BY room");
	struct room_row *rows = NULL;
	int n = 0;

	stmt_int(q, 1, published_only);
	while (stmt_next(q)) {
		rows = grown(arena, rows, n, sizeof *rows);
		read_room(q, arena, &rows[n++]);
	}
	*rows_out = rows;
	*count_out = n;
	return stmt_done(q);
}

enum mx_err
store_extremities(struct db *db, struct arena *arena, int64_t room, bool standard64,
    struct extremity_row **rows_out, int *count_out)
{
	struct stmt *q = db_stmt(db,
	    "SELECT e.event, e.depth, e.event_id FROM extremities x"
	    " JOIN events e ON e.event = x.event WHERE x.room = $1 ORDER BY e.event");
	struct extremity_row *rows = NULL;
	int n = 0;

	stmt_int(q, 1, room);
	while (stmt_next(q)) {
		rows = grown(arena, rows, n, sizeof *rows);
		rows[n++] = (struct extremity_row){ .event = col_int(q, 0),
			.depth = col_int(q, 1),
			.event_id =
			    event_id_unpack(arena, col_blob(q, 2), standard64) };
	}
	*rows_out = rows;
	*count_out = n;
	return stmt_done(q);
}

enum mx_err
store_member_set(
    struct db *db, const char *user_id, int64_t room, int membership, int64_t event)
{
	struct stmt *q = db_stmt(db,
	    "INSERT INTO members (user_id, room, membership, event)"
	    " VALUES ($1, $2, $3, $4) ON CONFLICT (user_id, room)"
	    " DO UPDATE SET membership = excluded.membership, event = excluded.event,"
	    " forgotten = 0");

	stmt_text(q, 1, user_id);
	stmt_int(q, 2, room);
	stmt_int(q, 3, membership);
	stmt_int(q, 4, event);
	return stmt_run(q);
}

enum mx_err
store_member_forget(struct db *db, const char *user_id, int64_t room)
{
	struct stmt *q = db_stmt(
	    db, "UPDATE members SET forgotten = 1 WHERE user_id = $1 AND room = $2");

	stmt_text(q, 1, user_id);
	stmt_int(q, 2, room);
	return stmt_run(q);
}

static void
read_member(struct stmt *q, struct member_row *out)
{
	*out = (struct member_row){ .room = col_int(q, 0),
		.event = col_int(q, 1),
		.membership = (int)col_int(q, 2),
		.forgotten = col_int(q, 3) != 0 };
}

enum mx_err
store_member_rooms(struct db *db, struct arena *arena, const char *user_id,
    int membership, struct member_row **rows_out, int *count_out)
{
	struct stmt *q = db_stmt(db,
	    "SELECT room, event, membership, forgotten FROM members"
	    " WHERE user_id = $1 AND ($2 = 0 OR membership = $2) ORDER BY room");
	struct member_row *rows = NULL;
	int n = 0;

	stmt_text(q, 1, user_id);
	stmt_int(q, 2, membership);
	while (stmt_next(q)) {
		rows = grown(arena, rows, n, sizeof *rows);
		read_member(q, &rows[n++]);
	}
	*rows_out = rows;
	*count_out = n;
	return stmt_done(q);
}

enum mx_err
store_member_room_ids(struct db *db, struct arena *arena, const char *user_id,
    int membership, const char ***room_ids_out, int *count_out)
{
	struct stmt *q = db_stmt(db,
	    "SELECT r.room_id FROM members m JOIN rooms r ON r.room = m.room"
	    " WHERE m.user_id = $1 AND ($2 = 0 OR m.membership = $2) ORDER BY r.room");
	const char **ids = NULL;
	int n = 0;

	stmt_text(q, 1, user_id);
	stmt_int(q, 2, membership);
	while (stmt_next(q)) {
		ids = grown(arena, ids, n, sizeof *ids);
		ids[n++] = col_dup(q, 0, arena);
	}
	*room_ids_out = ids;
	*count_out = n;
	return stmt_done(q);
}

enum mx_err
store_member_get(
    struct db *db, const char *user_id, int64_t room, struct member_row *out)
{
	struct stmt *q =
	    db_stmt(db, "SELECT room, event, membership, forgotten FROM members"
			" WHERE user_id = $1 AND room = $2");
	bool found;

	stmt_text(q, 1, user_id);
	stmt_int(q, 2, room);
	found = stmt_next(q);
	if (found)
		read_member(q, out);
	return ended(q, found);
}

/* membership: 1 join. */
#define SHARED_ROOMS                                                                   \
	" FROM members a JOIN members b ON b.room = a.room AND b.user_id = $2"         \
	" AND b.membership = 1 WHERE a.user_id = $1 AND a.membership = 1"

/* The first room from `from` on that the user is joined to; 0: there is none. */
static enum mx_err
next_joined(struct db *db, const char *user_id, int64_t from, int64_t *room_out)
{
	struct stmt *q =
	    db_stmt(db, "SELECT room FROM members WHERE user_id = $1 AND room >= $2"
			" AND membership = 1 ORDER BY room LIMIT 1");

	stmt_text(q, 1, user_id);
	stmt_int(q, 2, from);
	*room_out = stmt_next(q) ? col_int(q, 0) : 0;
	return stmt_done(q);
}

/* In turns, each from where the other stands: who is in few rooms makes it short. */
enum mx_err
store_shared_room(
    struct db *db, const char *user_id, const char *other, int64_t *room_out)
{
	int64_t mine = 0, theirs = 0;
	enum mx_err err;

	do {
		err = next_joined(db, user_id, theirs, &mine);
		if (err == M_OK && mine != 0)
			err = next_joined(db, other, mine, &theirs);
		if (err == M_OK && (mine == 0 || theirs == 0))
			err = M_NOT_FOUND;
	} while (err == M_OK && mine != theirs);
	*room_out = mine;
	return err;
}

enum mx_err
store_member_has_rooms(struct db *db, const char *user_id, int count, bool *has_out)
{
	struct stmt *q =
	    db_stmt(db, "SELECT 1 FROM members WHERE user_id = $1 AND membership = 1"
			" LIMIT $2");
	int n = 0;

	stmt_text(q, 1, user_id);
	stmt_int(q, 2, count);
	while (n < count && stmt_next(q))
		n++;
	*has_out = n >= count;
	return stmt_done(q);
}

static enum mx_err
count_shared(struct db *db, const char *user_id, const char *other, int64_t *total_out)
{
	struct stmt *q = db_stmt(db, "SELECT count(*)" SHARED_ROOMS);

	stmt_text(q, 1, user_id);
	stmt_text(q, 2, other);
	*total_out = stmt_next(q) ? col_int(q, 0) : 0;
	return stmt_done(q);
}

enum mx_err
store_shared_rooms(struct db *db, struct arena *arena, const char *user_id,
    const char *other, int64_t after, int limit, struct room_row **rows_out,
    int *count_out, int64_t *total_out)
{
	struct stmt *q;
	struct room_row *rows = ARENA_ARRAY(arena, struct room_row, (size_t)limit);
	enum mx_err err = count_shared(db, user_id, other, total_out);
	int n = 0;

	if (err != M_OK)
		return err;
	q = db_stmt(db, "SELECT a.room, (SELECT r.room_id FROM rooms r"
			" WHERE r.room = a.room)" SHARED_ROOMS
			" AND a.room > $3 ORDER BY a.room LIMIT $4");
	stmt_text(q, 1, user_id);
	stmt_text(q, 2, other);
	stmt_int(q, 3, after);
	stmt_int(q, 4, limit);
	while (n < limit && stmt_next(q))
		rows[n++] = (struct room_row){ .room = col_int(q, 0),
			.room_id = col_dup(q, 1, arena) };
	*rows_out = rows;
	*count_out = n;
	return stmt_done(q);
}

enum mx_err
store_alias_add(struct db *db, const char *alias, int64_t room, const char *creator)
{
	struct stmt *q =
	    db_stmt(db, "INSERT INTO aliases (alias, room, creator) VALUES ($1, $2, $3)"
			" ON CONFLICT (alias) DO NOTHING");
	enum mx_err err;

	stmt_text(q, 1, alias);
	stmt_int(q, 2, room);
	stmt_text(q, 3, creator);
	err = stmt_run(q);
	return err == M_OK && db_changes(db) == 0 ? M_ROOM_IN_USE : err;
}

enum mx_err
store_alias_find(struct db *db, struct arena *arena, const char *alias,
    int64_t *room_out, const char **creator_out)
{
	struct stmt *q =
	    db_stmt(db, "SELECT room, creator FROM aliases WHERE alias = $1");
	bool found;

	stmt_text(q, 1, alias);
	found = stmt_next(q);
	if (found) {
		*room_out = col_int(q, 0);
		*creator_out = col_dup(q, 1, arena);
	}
	return ended(q, found);
}

enum mx_err
store_alias_remove(struct db *db, const char *alias)
{
	struct stmt *q = db_stmt(db, "DELETE FROM aliases WHERE alias = $1");
	enum mx_err err;

	stmt_text(q, 1, alias);
	err = stmt_run(q);
	return err == M_OK && db_changes(db) == 0 ? M_NOT_FOUND : err;
}

enum mx_err
store_aliases_move(struct db *db, int64_t from, int64_t to)
{
	struct stmt *q = db_stmt(db, "UPDATE aliases SET room = $2 WHERE room = $1");

	stmt_int(q, 1, from);
	stmt_int(q, 2, to);
	return stmt_run(q);
}

enum mx_err
store_aliases_of(struct db *db, struct arena *arena, int64_t room,
    const char ***aliases_out, int *count_out)
{
	struct stmt *q =
	    db_stmt(db, "SELECT alias FROM aliases WHERE room = $1 ORDER BY alias");
	const char **aliases = NULL;
	int n = 0;

	stmt_int(q, 1, room);
	while (stmt_next(q)) {
		aliases = grown(arena, aliases, n, sizeof *aliases);
		aliases[n++] = col_dup(q, 0, arena);
	}
	*aliases_out = aliases;
	*count_out = n;
	return stmt_done(q);
}
