/*
 * Which rooms have pages: those that everybody may read, unless the room, its server's
 * operator or the configuration says no. Relies on room/timeline for what a stranger
 * sees; the first step of every page of a room.
 */
#include "web/open.h"

#include <string.h>

#include "core/directory.h"
#include "core/public_rooms.h"
#include "room/ignored.h"
#include "web/kept.h"
#include "web/sheet.h"

#define TOPIC_BYTES 4096

enum mx_err
shown_state(
    struct shown *shown, const char *type, const char *state_key, struct sliced *out)
{
	const struct state_entry *entry = snapshot_state(shown->s, type, state_key);

	return entry == NULL ? M_NOT_FOUND : seer_get(&shown->seer, entry->event, out);
}

const char *
shown_name(const struct shown *shown, enum language language)
{
	return shown->name != NULL ? shown->name : word(WORD_no_name, language);
}

/* What the room says of its pages itself. */
static enum mx_err
read_wish(struct shown *shown, bool *show_out)
{
	struct sliced e;
	enum mx_err err = shown_state(shown, VIEWER_EVENT, "", &e);
	const struct json *content;

	*show_out = true;
	if (err != M_OK)
		return err == M_NOT_FOUND ? M_OK : err;
	content = sliced_content(&shown->seer, &e);
	*show_out = json_get_bool(content, "show", true);
	shown->may_index = json_get_bool(content, "index", false);
	return M_OK;
}

static enum mx_err
judge(const struct web *web, struct shown *shown)
{
	struct ctx *ctx = shown->seer.ctx;
	bool show = true, listed = true;
	enum mx_err err = M_OK;

	if (shown->s->visibility != VISIBILITY_WORLD_READABLE ||
	    atomic_load(&shown->room->hidden))
		return M_NOT_FOUND;
	if (web->set.listed_only)
		err = public_rooms_is_published(ctx, shown->room->room_id, &listed);
	if (err == M_OK)
		err = read_wish(shown, &show);
	return err == M_OK && !(show && listed) ? M_NOT_FOUND : err;
}

/* An alias that leads here, else the id. */
static const char *
address_of(const struct shown *shown)
{
	struct room *room = NULL;
	bool leads_here = shown->alias != NULL &&
			  directory_room(shown->seer.ctx, shown->seer.arena,
			      shown->alias, &room) == M_OK &&
			  room->id == shown->room->id;

	room_put(room);
	return leads_here ? shown->alias : shown->room->room_id;
}

static const char *
text_of(const struct shown *shown, const char *type, const char *field, size_t max)
{
	const char *text = json_get_str(snapshot_content(shown->s, type, ""), field);

	return text == NULL || text[0] == '\0' ? NULL
					       : page_cut(shown->seer.arena, text, max);
}

void
shown_describe(const struct web *web, struct shown *shown)
{
	const struct state_entry *avatar =
	    snapshot_state(shown->s, "m.room.avatar", "");
	struct arena *arena = shown->seer.arena;
	const char *name = text_of(shown, "m.room.name", "name", NAME_BYTES);

	shown->topic = text_of(shown, "m.room.topic", "topic", TOPIC_BYTES);
	shown->alias = text_of(shown, "m.room.canonical_alias", "alias", NAME_BYTES);
	shown->address = address_of(shown);
	shown->name = name != NULL ? name : shown->alias;
	if (avatar != NULL &&
	    text_of(shown, "m.room.avatar", "url", NAME_BYTES) != NULL)
		shown->face = page_link(web, arena, shown->room->room_id, "media",
		    avatar->event_id, "face", NULL);
}

static enum mx_err
read_ignored(struct web *web, struct shown *shown)
{
	struct seer *seer = &shown->seer;
	uint64_t age = kept_age(web->kept);
	enum mx_err err;

	seer->has_ignored = true;
	if (atomic_load(&web->ignores_nobody) == age + 1)
		return M_OK;
	err = ignored_by_server(
	    seer->ctx, seer->arena, &seer->ignored, &shown->ignored_since);
	if (err == M_OK && shown->ignored_since == 0)
		atomic_store(&web->ignores_nobody, age + 1);
	return err;
}

enum mx_err
shown_open_room(struct web *web, struct ctx *ctx, struct arena *arena,
    struct room *room, struct shown *out)
{
	enum mx_err err;

	*out = (struct shown){ .room = room,
		.pages_age = atomic_load(&room->pages_age),
		.s = room_snapshot(room) };
	seer_init(&out->seer, ctx, arena, room, out->s, NULL, NULL);
	err = read_ignored(web, out);
	if (err == M_OK)
		err = judge(web, out);
	if (err != M_OK)
		shown_close(out);
	return err;
}

enum mx_err
shown_open(struct web *web, struct ctx *ctx, struct arena *arena, const char *name,
    struct shown *out)
{
	struct room *room;
	enum mx_err err;

	if (name[0] != '!' && name[0] != '#')
		name = arena_printf(arena, "#%s", name);
	if (name[0] == '#' && strchr(name, ':') == NULL)
		name = arena_printf(arena, "%s:%s", name, ctx->core->set.server_name);
	err = directory_room(ctx, arena, name, &room);
	if (err != M_OK)
		return err == M_UNKNOWN || err == M_UNAVAILABLE ? err : M_NOT_FOUND;
	return shown_open_room(web, ctx, arena, room, out);
}

void
shown_close(struct shown *shown)
{
	snapshot_unref(shown->s);
	room_put(shown->room);
	shown->s = NULL;
	shown->room = NULL;
}
