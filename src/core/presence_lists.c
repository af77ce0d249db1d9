/*
 * Presence lists. Relies on store/presence for them, on core/circle for who is shown.
 * Behind /presence/list.
 */
#include "core/presence_lists.h"

#include "core/circle.h"
#include "core/users.h"
#include "event/ids.h"
#include "store/presence.h"

static enum mx_err
check_ids(struct ctx *ctx, const char **ids, int n)
{
	for (int i = 0; i < n; i++)
		if (!id_user_valid(ids[i]))
			return ctx_fail(
			    ctx, M_INVALID_PARAM, "one of these is no user id");
	return M_OK;
}

static enum mx_err
check(struct ctx *ctx, struct arena *arena, const struct presence_list_change *change)
{
	enum mx_err err;

	/* All in one write, which others wait for. */
	if (change->invite_count > PRESENCE_LIST_MAX ||
	    change->drop_count > PRESENCE_LIST_MAX)
		return M_TOO_LARGE;
	err = check_ids(ctx, change->invite, change->invite_count);
	if (err == M_OK)
		err = check_ids(ctx, change->drop, change->drop_count);
	for (int i = 0; err == M_OK && i < change->invite_count; i++)
		if (id_is_of(change->invite[i], ctx->core->set.server_name) &&
		    !users_exists(ctx, arena, change->invite[i]))
			err = ctx_fail(
			    ctx, M_NOT_FOUND, "one of these users is not here");
	return err;
}

/* A change on its way through the writer. */
struct writing {
	struct arena *arena;
	const struct presence_list_change *change;
};

static enum mx_err
write_change(void *arg, struct db *db)
{
	const struct writing *w = arg;
	const struct presence_list_change *c = w->change;
	enum mx_err err = M_OK;
	const char **ids;
	int n;

	for (int i = 0; err == M_OK && i < c->drop_count; i++)
		err = store_presence_list_drop(db, c->user_id, c->drop[i]);
	for (int i = 0; err == M_OK && i < c->invite_count; i++)
		err = store_presence_list_add(db, c->user_id, c->invite[i]);
	if (err == M_OK)
		err = store_presence_list(db, w->arena, c->user_id, &ids, &n);
	return err == M_OK && n > PRESENCE_LIST_MAX ? M_TOO_LARGE : err;
}

enum mx_err
presence_list_change(
    struct ctx *ctx, struct arena *arena, const struct presence_list_change *change)
{
	struct writing w = { arena, change };
	enum mx_err err = check(ctx, arena, change);

	if (err == M_OK)
		err = ctx_write(ctx, write_change, &w);
	if (err == M_TOO_LARGE)
		return ctx_fail(ctx, err, "A presence list has at most 1000 users");
	return err;
}

enum mx_err
presence_list_show(struct ctx *ctx, struct arena *arena, const char *user_id,
    struct presence_row **rows_out, int *count_out)
{
	const char **ids;
	bool *in;
	int n, opened = 0;
	enum mx_err err = store_presence_list(ctx->db, arena, user_id, &ids, &n);

	*count_out = 0;
	if (err != M_OK)
		return err;
	in = ARENA_ARRAY(arena, bool, (size_t)n);
	err = circle_shared_with(ctx, arena, user_id, ids, n, in, &opened);
	*rows_out = ARENA_ARRAY(arena, struct presence_row, (size_t)n);
	for (int i = 0; err == M_OK && i < n; i++) {
		struct presence_row *row = &(*rows_out)[*count_out];

		if (!in[i])
			continue;
		presence_get(ctx->core, arena, ids[i], row);
		err = presence_fill(ctx, arena, row);
		(*count_out)++;
	}
	return err;
}
