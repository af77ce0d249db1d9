/*
 * Rooms without pages: the row says it, and the room in memory. Users whom the server
 * ignores: a list as they have one themselves.
 * Called by operators' words; read by web/open.
 */
#include "core/hide.h"

#include "room/account_data.h"
#include "room/ignored.h"
#include "store/rooms.h"

struct hiding {
	int64_t room;
	bool hidden;
};

static enum mx_err
hide(void *arg, struct db *db)
{
	const struct hiding *h = arg;

	return store_room_hide(db, h->room, h->hidden);
}

enum mx_err
room_hide(struct ctx *ctx, struct room *room, bool hidden)
{
	struct hiding h = { room->id, hidden };
	enum mx_err err = ctx_write(ctx, hide, &h);

	if (err != M_OK)
		return err;
	atomic_store(&room->hidden, hidden);
	pages_changed(ctx->core, room);
	return M_OK;
}

enum mx_err
users_ignored(struct ctx *ctx, struct arena *arena, const struct json **out)
{
	struct str text;
	enum mx_err err = account_data_get(
	    ctx, arena, ignored_server_user(ctx, arena), NULL, SERVER_IGNORED, &text);

	*out = NULL;
	if (err == M_OK)
		*out = json_get_object(
		    json_parse_copy(arena, text.p, text.n, JSON_LENIENT, NULL),
		    "ignored_users");
	return err == M_NOT_FOUND ? M_OK : err;
}

enum mx_err
user_ignore(struct ctx *ctx, struct arena *arena, const char *user_id, bool ignored)
{
	struct json *content = json_object(arena), *users = json_object(arena);
	const struct json *before;
	enum mx_err err = users_ignored(ctx, arena, &before);

	if (err != M_OK)
		return err;
	if (before != NULL)
		users = json_copy(arena, before);
	if (ignored)
		json_set(arena, users, user_id, json_object(arena));
	else
		json_del(users, user_id);
	json_set(arena, content, "ignored_users", users);
	err = account_data_set(
	    ctx, arena, ignored_server_user(ctx, arena), NULL, SERVER_IGNORED, content);
	if (err == M_OK)
		err = ctx_settle(ctx);
	if (err == M_OK)
		pages_changed(ctx->core, NULL);
	return err;
}
