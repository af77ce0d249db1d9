/*
 * The life of an update: a position when it is queued, rows on the writer thread, then
 * memory, `visible` and the word to listeners together with the group's events
 * (room/append_job).
 */
#include "room/update.h"

#include <string.h>

#include "base/str.h"
#include "room/append_job.h"
#include "room/recent.h"
#include "store/positions.h"

#define RESERVE 10000 /* positions noted on disk at once */

static enum mx_err
reserve(struct update *u, struct db *db)
{
	struct appends *appends = u->core->appends;
	enum mx_err err;

	if (u->position <= appends->reserved)
		return M_OK;
	err = store_position_reserve(db, u->position + RESERVE);
	if (err == M_OK)
		appends->reserved = u->position + RESERVE;
	return err;
}

static enum mx_err
run(struct write_job *job, struct db *db)
{
	struct update *u = (struct update *)job;
	struct appends *appends = u->core->appends;
	enum mx_err err = u->kind->write(u, db, &u->changed);

	if (err == M_OK && u->changed)
		err = reserve(u, db);
	if (err == M_OK && u->changed) {
		u->next_in_group = NULL;
		*appends->updates_end = u;
		appends->updates_end = &u->next_in_group;
	}
	return err;
}

static void
done(struct write_job *job, enum mx_err err)
{
	struct update *u = (struct update *)job;

	room_put(u->room);
	arena_free(u->arena);
}

struct update *
update_new(struct core *core, const struct update_kind *kind, const char *user_id,
    struct room *room)
{
	struct arena *arena = arena_new();
	struct update *u = ARENA_NEW(arena, struct update);

	u->job.run = run;
	u->job.done = done;
	u->kind = kind;
	u->core = core;
	u->arena = arena;
	u->user_id = user_id == NULL ? NULL : arena_strdup(arena, user_id);
	u->room = room == NULL ? NULL : room_ref(room);
	return u;
}

/* Positions in queue order: one lock around both, as for events. */
void
update_queue(struct ctx *ctx, struct update *u)
{
	struct appends *appends = u->core->appends;
	uint64_t ticket;

	lock_take(&appends->order);
	u->position = appends->next_event++;
	ticket = writer_queue(u->core->writer, &u->job);
	lock_give(&appends->order);
	ctx_wrote(ctx, ticket);
}

int64_t
updates_apply(struct core *core, int64_t newest)
{
	for (struct update *u = core->appends->updates; u != NULL;
	     u = u->next_in_group) {
		if (u->kind->apply != NULL)
			u->kind->apply(u);
		recent_update(core, u);
		if (u->position > newest)
			newest = u->position;
	}
	return newest;
}

static void
forget_group(struct appends *appends)
{
	appends->updates = NULL;
	appends->updates_end = &appends->updates;
}

void
updates_tell(struct core *core)
{
	for (struct update *u = core->appends->updates; u != NULL;
	     u = u->next_in_group) {
		struct change change = { .kind = u->kind->tells,
			.position = u->position,
			.alters_hearing = u->kind->alters_hearing };

		if (u->user_id != NULL)
			change.user_id = xstrdup(u->user_id);
		if (u->room != NULL)
			change.room = room_ref(u->room);
		changes_add(core->changes, &change);
	}
	forget_group(core->appends);
}

void
updates_failed(struct core *core)
{
	core->appends->reserved = 0;
	forget_group(core->appends);
}
