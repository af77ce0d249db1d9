/*
 * Tags, as changes of the room's m.tag. Relies on room/account_data. Below
 * /user/{userId}/rooms/{roomId}/tags.
 */
#include "room/tags.h"

#include <string.h>

#include "room/account_data.h"

/* One tag's change, in the update's arena. */
struct tagging {
	const char *tag;
	const struct json *content; /* NULL: it goes */
};

/* What a client has set m.tag to by itself need not look like one. */
static struct json *
tags_of(struct arena *arena, const struct json *content)
{
	const struct json *tags = json_get_object(content, "tags");

	return tags == NULL ? json_object(arena) : json_shallow(arena, tags);
}

static struct json *
content_of(struct arena *arena, const struct json *tags)
{
	struct json *content = json_object(arena);

	json_set(arena, content, "tags", tags);
	return content;
}

enum mx_err
tags_get(struct ctx *ctx, struct arena *arena, const char *user_id,
    const struct room *room, const struct json **tags_out)
{
	struct str text = { "{}", 2 };
	enum mx_err err = account_data_get(ctx, arena, user_id, room, "m.tag", &text);
	const struct json *content;

	if (err != M_OK && err != M_NOT_FOUND)
		return err;
	content = json_parse_copy(arena, text.p, text.n, JSON_LENIENT, NULL);
	*tags_out = content_of(arena, tags_of(arena, content));
	return M_OK;
}

static enum mx_err
change_tags(struct account_data_change *change, struct db *db,
    const struct json *before, const struct json **after_out)
{
	const struct tagging *t = change->arg;
	struct arena *arena = change->update->arena;
	struct json *tags = tags_of(arena, before);

	if (t->content != NULL)
		json_set(arena, tags, t->tag, t->content);
	else if (!json_del(tags, t->tag))
		return M_OK;
	*after_out = content_of(arena, tags);
	return M_OK;
}

enum mx_err
tags_set(struct ctx *ctx, struct arena *arena, const char *user_id, struct room *room,
    const char *tag, const struct json *content)
{
	struct account_data_change *change;
	struct tagging *t;

	if (strlen(tag) > TAG_NAME_MAX)
		return ctx_fail(
		    ctx, M_INVALID_PARAM, "The name of a tag has at most 255 bytes");
	if (!account_data_may_in(ctx, arena, user_id, room))
		return ctx_fail(ctx, M_NOT_FOUND, "this server knows no such room");
	change = account_data_change_new(ctx, user_id, room, "m.tag");
	change->fn = change_tags;
	change->arg = t = ARENA_NEW(change->update->arena, struct tagging);
	t->tag = arena_strdup(change->update->arena, tag);
	if (content != NULL)
		t->content = json_copy(change->update->arena, content);
	account_data_change_queue(ctx, change);
	return M_OK;
}
