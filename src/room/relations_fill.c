/*
 * Relations of old events. Read on the keeper's thread, from what is durable; only the
 * rows that come of it are the writer's. Between api/server and store/relations_fill.
 */
#include "room/relations_fill.h"

#include "base/log.h"
#include "room/relations.h"
#include "store/relations_fill.h"
#include "store/unread.h"

#define AT_ONCE 500 /* events read for one write */

/* An event that is a child. */
struct old_child {
	int64_t event, room;
	struct relation_row row;
};

/* What goes into the tables at one time. */
struct portion {
	struct arena *arena;
	struct old_child children[AT_ONCE];
	int count;
	int64_t last; /* the last event that was read */
	bool is_last; /* there are none behind it */
};

static void
take(const struct old_event *e, void *arg)
{
	struct portion *p = arg;
	const struct room_version *version = room_version_find(e->version);
	const struct json *json;
	struct relation_to to;
	const char *sender;

	if (version == NULL)
		return;
	json =
	    json_parse_copy(p->arena, e->json.p, e->json.n, version->json_flags, NULL);
	sender = json_get_str(json, "sender");
	if (sender == NULL || !relation_of(version, json_get(json, "content"), &to))
		return;
	p->children[p->count++] = (struct old_child){ e->event, e->room,
		{ to.parent, to.rel_type, sender, to.annotation } };
}

/* It counts for nothing: what is unread was not counted in its time. */
static enum mx_err
write_thread(struct db *db, struct arena *arena, const struct old_child *child)
{
	struct thread_of thread;
	enum mx_err err = store_unread_thread_of(
	    db, arena, child->room, child->event, &thread.root, &thread.hops);

	if (err != M_NOT_FOUND)
		return err;
	thread = relations_stored_thread(db, arena, child->room, &child->row);
	return thread.root == NULL
		   ? M_OK
		   : store_unread_thread_add(db, child->room, child->event, thread.root,
			 thread.hops, false, false);
}

static enum mx_err
write_child(struct db *db, struct arena *arena, const struct old_child *child)
{
	enum mx_err err = store_relation_fill(db, child->event, &child->row);

	return err != M_OK ? err : write_thread(db, arena, child);
}

static enum mx_err
write_portion(void *arg, struct db *db)
{
	const struct portion *p = arg;
	enum mx_err err = M_OK;

	for (int i = 0; err == M_OK && i < p->count; i++)
		err = write_child(db, p->arena, &p->children[i]);
	if (err != M_OK)
		return err;
	return p->is_last ? store_relations_fill_end(db)
			  : store_relations_fill_set(db, p->last);
}

static enum mx_err
fill(struct ctx *ctx, struct portion *p, int64_t after, int64_t upto)
{
	int n;
	enum mx_err err = store_relations_fill_read(
	    ctx->db, after, upto, AT_ONCE, take, p, &n, &p->last);

	if (err != M_OK)
		return err;
	p->is_last = n < AT_ONCE;
	return ctx_write(ctx, write_portion, p);
}

enum mx_err
relations_fill(struct ctx *ctx, bool *more_out)
{
	struct portion p = { .count = 0 };
	int64_t after, upto;
	enum mx_err err = store_relations_fill_get(ctx->db, &after, &upto);

	*more_out = false;
	if (err != M_OK)
		return err == M_NOT_FOUND ? M_OK : err;
	if (after == 0)
		log_info("relations: those of the events up to %lld are being read",
		    (long long)upto);
	p.arena = arena_new();
	err = fill(ctx, &p, after, upto);
	*more_out = err == M_OK && !p.is_last;
	if (err == M_OK && p.is_last)
		log_info("relations: those of all events have been read");
	arena_free(p.arena);
	return err;
}
