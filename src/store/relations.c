/*
 * Relations in the database: all the SQL about them. Written with the events
 * themselves (room/append_job), read by room/relations.
 */
#include "store/relations.h"

#include <string.h>

/* Before the kind of a relation that a redaction has ended: such a row is found under
 * no parent, and tells what its event was. */
#define WITHDRAWN "-"

/* M_NOT_FOUND where the one row was not there. */
static enum mx_err
ended(struct stmt *q, bool found)
{
	enum mx_err err = stmt_done(q);

	return err != M_OK || found ? err : M_NOT_FOUND;
}

enum mx_err
store_relation_add(struct db *db, int64_t event, const struct relation_row *row)
{
	struct stmt *q = db_stmt(db,
	    "INSERT INTO relations (event, room, line, sub, parent, rel_type, type,"
	    " sender, ts, annotation)"
	    " SELECT event, room, line, sub, $2, $3, type, $4, ts, $5"
	    " FROM events WHERE event = $1 AND flags % 16 < 2");
	uint8_t id[300];

	stmt_int(q, 1, event);
	stmt_blob(q, 2, id, event_id_pack(row->parent, id));
	stmt_text(q, 3, row->rel_type);
	stmt_text(q, 4, row->sender);
	stmt_text(q, 5, row->annotation);
	return stmt_run(q);
}

enum mx_err
store_relation_remove(struct db *db, int64_t event)
{
	struct stmt *q = db_stmt(db, "SELECT parent FROM relations WHERE event = $1"
				     " AND substr(rel_type, 1, 1) <> '" WITHDRAWN "'");
	uint8_t marked[301] = { 0xff }; /* no id is encoded so */
	struct str parent = { NULL, 0 };
	enum mx_err err;

	stmt_int(q, 1, event);
	if (stmt_next(q))
		parent = col_blob(q, 0);
	if (parent.n > 0 && parent.n < sizeof marked)
		memcpy(marked + 1, parent.p, parent.n);
	err = stmt_done(q);
	if (err != M_OK || parent.n == 0)
		return err;
	q = db_stmt(db,
	    "UPDATE relations SET parent = $2, rel_type = '" WITHDRAWN "' || rel_type,"
	    " annotation = NULL WHERE event = $1");
	stmt_int(q, 1, event);
	stmt_blob(q, 2, marked, parent.n + 1);
	return stmt_run(q);
}

enum mx_err
store_relation_was(struct db *db, struct arena *arena, int64_t event, bool standard64,
    struct relation_up *out)
{
	struct stmt *q = db_stmt(db,
	    "SELECT room, parent, rel_type FROM relations"
	    " WHERE event = $1 AND substr(rel_type, 1, 1) = '" WITHDRAWN "'");
	struct str parent;
	bool found;

	stmt_int(q, 1, event);
	found = stmt_next(q) && (parent = col_blob(q, 1)).n > 1;
	if (found)
		*out = (struct relation_up){ .room = col_int(q, 0),
			.parent_id = event_id_unpack(arena,
			    (struct str){ parent.p + 1, parent.n - 1 }, standard64),
			.rel_type = col_dup(q, 2, arena) + 1 };
	return ended(q, found);
}

enum mx_err
store_relation_get(struct db *db, struct arena *arena, int64_t event, bool standard64,
    struct relation_up *out)
{
	struct stmt *q = db_stmt(db,
	    "SELECT r.room, p.event, p.room, r.parent, r.rel_type FROM relations r"
	    " LEFT JOIN events p ON p.event_id = r.parent"
	    " WHERE r.event = $1 AND substr(r.rel_type, 1, 1) <> '" WITHDRAWN "'");
	bool found;

	stmt_int(q, 1, event);
	found = stmt_next(q);
	if (found)
		*out = (struct relation_up){ .room = col_int(q, 0),
			.parent = col_int(q, 1),
			.parent_room = col_int(q, 2),
			.parent_id = event_id_unpack(arena, col_blob(q, 3), standard64),
			.rel_type = col_dup(q, 4, arena) };
	return ended(q, found);
}

/* --- many parents --- */

struct packed_id {
	uint8_t bytes[300];
	size_t n;
};

static int
index_of(const struct packed_id *ids, int n, struct str id)
{
	int i = 0;

	while (i < n && (ids[i].n != id.n || memcmp(ids[i].bytes, id.p, id.n) != 0))
		i++;
	return i;
}

#define FAMILIES_OF(parents)                                                           \
	"SELECT parent, rel_type, count(*), min(event),"                               \
	" count(CASE WHEN sender = $3 THEN 1 END)"                                     \
	" FROM relations WHERE room = $1 AND event <= $2 AND parent IN (" parents ")"  \
	" AND rel_type IN ('m.reference', 'm.replace', 'm.thread')"                    \
	" GROUP BY parent, rel_type"

/* A parameter that is not needed holds NULL, which equals nothing. */
static struct stmt *
families_of(struct db *db, int n)
{
	return n == 1 ? db_stmt(db, FAMILIES_OF("$4"))
		      : db_stmt(db,
			    FAMILIES_OF("$4, $5, $6, $7, $8, $9, $10, $11, $12, $13,"
					" $14, $15, $16, $17, $18, $19, $20, $21, $22,"
					" $23, $24, $25, $26, $27, $28, $29, $30, $31,"
					" $32, $33, $34, $35"));
}

enum mx_err
store_relation_families(struct db *db, int64_t room, int64_t upto,
    const char *const *parents, int n, const char *user_id,
    void (*each)(const struct relation_family *family, void *arg), void *arg)
{
	struct packed_id ids[RELATION_PARENTS_MAX];
	struct stmt *q = families_of(db, n);

	stmt_int(q, 1, room);
	stmt_int(q, 2, upto);
	stmt_text(q, 3, user_id == NULL ? "" : user_id);
	for (int i = 0; i < n; i++) {
		ids[i].n = event_id_pack(parents[i], ids[i].bytes);
		stmt_blob(q, 4 + i, ids[i].bytes, ids[i].n);
	}
	for (int i = n; n > 1 && i < RELATION_PARENTS_MAX; i++)
		stmt_null(q, 4 + i);
	while (stmt_next(q)) {
		struct relation_family family = { .index =
						      index_of(ids, n, col_blob(q, 0)),
			.rel_type = col_text(q, 1),
			.count = col_int(q, 2),
			.first = col_int(q, 3),
			.has_mine = col_int(q, 4) > 0 };

		each(&family, arg);
	}
	return stmt_done(q);
}

/* --- one parent --- */

/* id has to live until the statement is done. */
static void
bind_ask(struct stmt *q, const struct relation_ask *ask, uint8_t id[300])
{
	stmt_int(q, 1, ask->room);
	stmt_int(q, 2, ask->upto);
	stmt_blob(q, 3, id, event_id_pack(ask->parent, id));
}

enum mx_err
store_relations_each(struct db *db, const struct relation_ask *ask,
    bool (*each)(const struct relation *child, void *arg), void *arg)
{
	struct stmt *q;
	uint8_t id[300];
	bool goes_on = true;

	if (ask->rel_type != NULL) {
		q = db_stmt(db, "SELECT event, line, sub, sender, rel_type"
				" FROM relations WHERE room = $1 AND event <= $2"
				" AND parent = $3 AND rel_type = $4"
				" ORDER BY line DESC, sub DESC");
		stmt_text(q, 4, ask->rel_type);
	} else {
		q = db_stmt(db, "SELECT event, line, sub, sender, rel_type"
				" FROM relations WHERE room = $1 AND event <= $2"
				" AND parent = $3");
	}
	bind_ask(q, ask, id);
	while (goes_on && stmt_next(q)) {
		struct relation child = { .event = col_int(q, 0),
			.place = { col_int(q, 1), col_int(q, 2) },
			.sender = col_text(q, 3),
			.rel_type = col_text(q, 4) };

		goes_on = each(&child, arg);
	}
	return stmt_done(q);
}

enum mx_err
store_relation_ids(struct db *db, struct arena *arena, const struct relation_ask *ask,
    int limit, bool standard64,
    void (*each)(const struct relation *child, const char *event_id, void *arg),
    void *arg)
{
	struct stmt *q = db_stmt(db,
	    "SELECT r.event, r.sender, e.event_id FROM relations r"
	    " JOIN events e ON e.event = r.event WHERE r.room = $1 AND r.event <= $2"
	    " AND r.parent = $3 AND r.rel_type = $4 ORDER BY r.line, r.sub LIMIT $5");
	uint8_t id[300];

	bind_ask(q, ask, id);
	stmt_text(q, 4, ask->rel_type);
	stmt_int(q, 5, limit);
	while (stmt_next(q)) {
		struct relation child = { .event = col_int(q, 0),
			.sender = col_text(q, 1) };

		each(&child, event_id_unpack(arena, col_blob(q, 2), standard64), arg);
	}
	return stmt_done(q);
}

/* Rows of event, line, sub, ts, sender, parent: at most limit. */
static enum mx_err
read_children(struct stmt *q, struct arena *arena, int limit, bool standard64,
    struct relation **children_out, int *count_out)
{
	struct relation *children = NULL;
	int n = 0, cap = 0;

	while (n < limit && stmt_next(q)) {
		if (n == cap) {
			struct relation *more;

			cap = cap == 0 ? 16 : cap * 2;
			more = arena_raw(arena, sizeof *more * cap);
			if (n > 0)
				memcpy(more, children, sizeof *more * n);
			children = more;
		}
		children[n++] = (struct relation){ .event = col_int(q, 0),
			.place = { col_int(q, 1), col_int(q, 2) },
			.ts = col_int(q, 3),
			.sender = col_dup(q, 4, arena),
			.parent = event_id_unpack(arena, col_blob(q, 5), standard64) };
	}
	*children_out = children;
	*count_out = n;
	return stmt_done(q);
}

enum mx_err
store_relations_by(struct db *db, struct arena *arena, const struct relation_ask *ask,
    const char *sender, const char *type, int limit, struct relation **children_out,
    int *count_out)
{
	struct stmt *q = db_stmt(db,
	    "SELECT event, line, sub, ts, NULL, NULL FROM relations"
	    " WHERE room = $1 AND event <= $2 AND parent = $3 AND rel_type = $4"
	    " AND sender = $5"
	    " AND type = (SELECT type FROM event_types WHERE name = $6)"
	    " ORDER BY ts DESC LIMIT $7");
	uint8_t id[300];

	bind_ask(q, ask, id);
	stmt_text(q, 4, ask->rel_type);
	stmt_text(q, 5, sender);
	stmt_text(q, 6, type);
	stmt_int(q, 7, limit);
	return read_children(q, arena, limit, false, children_out, count_out);
}

/* --- pages --- */

/* The children of one kind stand in their index in the order that is wanted. */
#define OF_ONE_KIND                                                                    \
	"SELECT event, line, sub, ts, NULL, NULL FROM relations"                       \
	" WHERE room = $1 AND event <= $2 AND parent = $3 AND rel_type = $4"           \
	" AND ($5 = '' OR type = (SELECT type FROM event_types WHERE name = $5)) AND"

/* As do those of any kind, in another. */
#define OF_ANY_KIND                                                                    \
	"SELECT event, line, sub, ts, NULL, NULL FROM relations"                       \
	" WHERE room = $1 AND event <= $2 AND parent = $3 AND $4 = ''"                 \
	" AND ($5 = '' OR type = (SELECT type FROM event_types WHERE name = $5)) AND"

#define KEPT                                                                           \
	" AND r.event <= $2 AND ($4 = '' OR r.rel_type = $4)"                          \
	" AND ($5 = '' OR r.type = (SELECT type FROM event_types WHERE name = $5))"

/* Children, and theirs, down to a depth; each has one parent, so it comes once but
 * where ids that servers choose (room versions 1 and 2) make a circle. */
#define OF_THE_TREE                                                                    \
	"WITH RECURSIVE tree (event, line, sub, ts, depth) AS ("                       \
	"SELECT r.event, r.line, r.sub, r.ts, 1 FROM relations r"                      \
	" WHERE r.room = $1 AND r.parent = $3" KEPT " UNION ALL "                      \
	"SELECT r.event, r.line, r.sub, r.ts, t.depth + 1 FROM tree t"                 \
	" JOIN events e ON e.event = t.event"                                          \
	" JOIN relations r ON r.room = $1 AND r.parent = e.event_id"                   \
	" WHERE t.depth < $11" KEPT ")"                                                \
	" SELECT DISTINCT event, line, sub, ts, NULL, NULL FROM tree WHERE"

#define BEFORE                                                                         \
	" (line, sub) < ($6, $7) AND (line, sub) >= ($8, $9)"                          \
	" ORDER BY line DESC, sub DESC LIMIT $10"
#define BEHIND                                                                         \
	" (line, sub) >= ($6, $7) AND (line, sub) < ($8, $9)"                          \
	" ORDER BY line, sub LIMIT $10"

static struct stmt *
page_stmt(struct db *db, const struct relation_page *page)
{
	struct stmt *q;

	if (page->depth == 1 && page->ask.rel_type == NULL)
		return page->backwards ? db_stmt(db, OF_ANY_KIND BEFORE)
				       : db_stmt(db, OF_ANY_KIND BEHIND);
	if (page->depth == 1)
		return page->backwards ? db_stmt(db, OF_ONE_KIND BEFORE)
				       : db_stmt(db, OF_ONE_KIND BEHIND);
	q = page->backwards ? db_stmt(db, OF_THE_TREE BEFORE)
			    : db_stmt(db, OF_THE_TREE BEHIND);
	stmt_int(q, 11, page->depth);
	return q;
}

enum mx_err
store_relations_page(struct db *db, struct arena *arena,
    const struct relation_page *page, int limit, struct relation **children_out,
    int *count_out)
{
	const struct relation_ask *ask = &page->ask;
	struct stmt *q = page_stmt(db, page);
	uint8_t id[300];

	bind_ask(q, ask, id);
	stmt_text(q, 4, ask->rel_type == NULL ? "" : ask->rel_type);
	stmt_text(q, 5, page->type == NULL ? "" : page->type);
	stmt_int(q, 6, page->from.line);
	stmt_int(q, 7, page->from.sub);
	stmt_int(q, 8, page->to.line);
	stmt_int(q, 9, page->to.sub);
	stmt_int(q, 10, limit);
	return read_children(q, arena, limit, false, children_out, count_out);
}

/* How many stand so many steps below a parent; more than $4 are not counted. */
#define COUNT(joins, kinds)                                                            \
	"SELECT count(*) FROM (SELECT 1 FROM relations a" joins                        \
	" WHERE a.room = $1 AND a.parent = $2 AND ($3 = '' OR (a.rel_type = $3" kinds  \
	")) LIMIT $4) AS some"
#define BELOW_A                                                                        \
	" JOIN events ae ON ae.event = a.event"                                        \
	" JOIN relations b ON b.room = a.room AND b.parent = ae.event_id"
#define BELOW_B                                                                        \
	" JOIN events be ON be.event = b.event"                                        \
	" JOIN relations c ON c.room = b.room AND c.parent = be.event_id"

static struct stmt *
count_stmt(struct db *db, int level)
{
	switch (level) {
	case 1:
		return db_stmt(db, COUNT("", ""));
	case 2:
		return db_stmt(db, COUNT(BELOW_A, " AND b.rel_type = $3"));
	default:
		return db_stmt(db,
		    COUNT(BELOW_A BELOW_B, " AND b.rel_type = $3 AND c.rel_type = $3"));
	}
}

static enum mx_err
has_more_than(
    struct db *db, const struct relation_ask *ask, int level, int limit, bool *out)
{
	struct stmt *q = count_stmt(db, level);
	uint8_t id[300];

	stmt_int(q, 1, ask->room);
	stmt_blob(q, 2, id, event_id_pack(ask->parent, id));
	stmt_text(q, 3, ask->rel_type == NULL ? "" : ask->rel_type);
	stmt_int(q, 4, limit + 1);
	*out = stmt_next(q) && col_int(q, 0) > limit;
	return stmt_done(q);
}

enum mx_err
store_relations_depth(
    struct db *db, const struct relation_ask *ask, int most, int limit, int *depth_out)
{
	enum mx_err err = M_OK;
	bool is_large = false;

	*depth_out = 1;
	for (int level = 1; err == M_OK && level <= most; level++) {
		err = has_more_than(db, ask, level, limit, &is_large);
		if (is_large)
			break;
		*depth_out = level;
	}
	return err;
}

enum mx_err
store_threads(struct db *db, struct arena *arena, int64_t room, struct place before,
    int limit, bool standard64, struct relation **children_out, int *count_out)
{
	struct stmt *q =
	    db_stmt(db, "SELECT event, line, sub, ts, sender, parent FROM relations"
			" WHERE room = $1 AND rel_type = 'm.thread'"
			" AND (line, sub) < ($2, $3)"
			" ORDER BY line DESC, sub DESC LIMIT $4");

	stmt_int(q, 1, room);
	stmt_int(q, 2, before.line);
	stmt_int(q, 3, before.sub);
	stmt_int(q, 4, limit);
	return read_children(q, arena, limit, standard64, children_out, count_out);
}

enum mx_err
store_annotations_each(struct db *db, const struct relation_ask *ask, const char *type,
    int limit,
    void (*each)(int64_t event, const char *sender, const char *key, void *arg),
    void *arg)
{
	struct stmt *q =
	    db_stmt(db, "SELECT event, sender, annotation FROM relations"
			" WHERE room = $1 AND event <= $2 AND parent = $3"
			" AND rel_type = 'm.annotation' AND annotation IS NOT NULL"
			" AND type = (SELECT type FROM event_types WHERE name = $4)"
			" ORDER BY line, sub LIMIT $5");
	uint8_t id[300];

	bind_ask(q, ask, id);
	stmt_text(q, 4, type);
	stmt_int(q, 5, limit);
	while (stmt_next(q))
		each(col_int(q, 0), col_text(q, 1), col_text(q, 2), arg);
	return stmt_done(q);
}

/* By its index, which holds the key's beginning; = in place of BETWEEN, and SQLite puts
 * the value into the substr, where the index is not seen any more. */
enum mx_err
store_annotation_find(struct db *db, struct arena *arena,
    const struct relation_ask *ask, const char *sender, const char *type,
    const char *key, bool standard64, const char **event_id_out)
{
	struct stmt *q = db_stmt(db,
	    "SELECT e.event_id FROM relations r JOIN events e ON e.event = r.event"
	    " WHERE r.room = $1 AND r.event <= $2 AND r.parent = $3"
	    " AND r.rel_type = 'm.annotation' AND r.sender = $4"
	    " AND r.annotation BETWEEN $5 AND $5"
	    " AND substr(r.annotation, 1, 64) = substr($5, 1, 64)"
	    " AND r.type = (SELECT type FROM event_types WHERE name = $6) LIMIT 1");
	uint8_t id[300];
	bool found;

	bind_ask(q, ask, id);
	stmt_text(q, 4, sender);
	stmt_text(q, 5, key);
	stmt_text(q, 6, type);
	found = stmt_next(q);
	if (found)
		*event_id_out = event_id_unpack(arena, col_blob(q, 0), standard64);
	return ended(q, found);
}
