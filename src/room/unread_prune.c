/*
 * A walk over unread_rows in the order of its key, so that nothing has to be noted for
 * it when an event is appended or a receipt comes. Run by the keeper of api/server;
 * relies on room/unread for how far somebody has read.
 */
#include "room/unread_prune.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "room/unread.h"

#define PORTION 500
#define PAUSE_MS (24LL * 3600 * 1000)

void
unread_walk_fini(struct unread_walk *walk)
{
	free(walk->user_id);
	*walk = (struct unread_walk){ 0 };
}

static void
go_to(struct unread_walk *walk, const struct unread_row *row)
{
	unread_walk_fini(walk);
	walk->user_id = xstrdup(row->user_id);
	walk->room = row->room;
	walk->event = row->event;
}

static void
rest(struct unread_walk *walk)
{
	unread_walk_fini(walk);
	walk->begins_ms = clock_mono_ms() + PAUSE_MS;
}

/* Rows to go, on the writer. */
struct pruning {
	struct unread_row *rows;
	int count;
};

static enum mx_err
drop_rows(void *arg, struct db *db)
{
	const struct pruning *p = arg;
	enum mx_err err = M_OK;

	for (int i = 0; err == M_OK && i < p->count; i++)
		err = store_unread_row_drop(db, &p->rows[i]);
	return err;
}

static bool
is_of_same(const struct unread_row *a, const struct unread_row *b)
{
	return a->room == b->room && strcmp(a->user_id, b->user_id) == 0;
}

/* Those that have been read are moved to the front. */
static enum mx_err
keep_read(struct ctx *ctx, struct arena *arena, struct pruning *p)
{
	struct unread_read read = { 0 };
	struct unread_row before = { 0 };
	int read_count = 0;
	enum mx_err err = M_OK;

	for (int i = 0; i < p->count; i++) {
		struct unread_row row = p->rows[i];

		if (i == 0 || !is_of_same(&row, &before))
			err = unread_read_of(ctx, arena, row.room, row.user_id, &read);
		if (err != M_OK)
			return err;
		before = row;
		if (row.event <= unread_read_up_to(&read, row.thread))
			p->rows[read_count++] = row;
	}
	p->count = read_count;
	return M_OK;
}

void
unread_prune(struct ctx *ctx, struct arena *arena, struct unread_walk *walk)
{
	struct unread_row after = { .user_id =
					walk->user_id == NULL ? "" : walk->user_id,
		.room = walk->room,
		.event = walk->event };
	int64_t before_ts = clock_now_ms() - UNREAD_HISTORY_MS;
	struct unread_row last;
	struct pruning p;
	bool more;
	enum mx_err err;

	if (clock_mono_ms() < walk->begins_ms)
		return;
	err = store_unread_rows_old(ctx->db, arena, &after, before_ts, PORTION, &p.rows,
	    &p.count, &last, &more);
	if (err == M_OK)
		err = keep_read(ctx, arena, &p);
	if (err == M_OK && p.count > 0)
		err = ctx_write(ctx, drop_rows, &p);
	if (err != M_OK)
		log_warn("unread: what was read long ago stays until tomorrow");
	if (err == M_OK && more)
		go_to(walk, &last);
	else
		rest(walk);
}
