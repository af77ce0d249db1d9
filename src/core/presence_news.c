/*
 * Who is told of whose presence: those who share a room. And how it is written. Relies
 * on core/circle; asked by /sync, /events, initialSync and /presence.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "core/circle.h"
#include "core/presence_inside.h"
#include "store/profiles.h"

#define CHANGED_MAX 20000 /* looked at for one answer */

/* --- rows --- */

/* What is asked of everybody is asked of those who are there. */
static bool
is_wanted(const struct present *u, int64_t position)
{
	return position >= 0 ? u->position > position : u->state > PRESENCE_OFFLINE;
}

void
presence_changed_since(struct core *core, struct arena *arena, int64_t position,
    struct presence_row **rows_out, int *count_out)
{
	struct presence *p = presence_on(core);
	const struct present *u;
	int looked = 0, n = 0;

	*rows_out = NULL;
	*count_out = 0;
	if (p == NULL)
		return;
	lock_take(&p->lock);
	for (u = p->newest; u != NULL && looked < CHANGED_MAX; u = u->older) {
		if (u->position <= position)
			break;
		looked++;
	}
	*rows_out = ARENA_ARRAY(arena, struct presence_row, (size_t)looked);
	for (u = p->newest; u != NULL && looked > 0; u = u->older, looked--)
		if (is_wanted(u, position))
			presence_row_locked(arena, u, &(*rows_out)[n++]);
	lock_give(&p->lock);
	*count_out = n;
}

/* One field of a profile, if it is a string. */
static enum mx_err
profile_text(struct ctx *ctx, struct arena *arena, const char *user_id,
    const char *field, const char **out)
{
	struct profile_row row;
	enum mx_err err = store_profile_field(ctx->db, arena, user_id, field, &row);

	if (err == M_NOT_FOUND)
		return M_OK;
	if (err == M_OK)
		*out = json_as_str(
		    json_parse_copy(arena, row.value, row.value_n, JSON_LENIENT, NULL));
	return err;
}

enum mx_err
presence_fill(struct ctx *ctx, struct arena *arena, struct presence_row *row)
{
	enum mx_err err =
	    profile_text(ctx, arena, row->user_id, "displayname", &row->displayname);

	if (err == M_OK)
		err = profile_text(
		    ctx, arena, row->user_id, "avatar_url", &row->avatar_url);
	return err;
}

/* --- news --- */

/* An answer on its way: rows by user, no user twice. */
struct gathering {
	struct ctx *ctx;
	struct arena *arena;
	struct presence_news *news;
	struct map seen; /* user ids */
	int cap;
};

static void
push(struct gathering *g, const struct presence_row *row)
{
	struct presence_news *news = g->news;

	if (news->count == g->cap) {
		struct presence_row *more;

		g->cap = g->cap == 0 ? 16 : g->cap * 2;
		more = ARENA_ARRAY(g->arena, struct presence_row, (size_t)g->cap);
		if (news->count > 0)
			memcpy(more, news->rows, (size_t)news->count * sizeof *more);
		news->rows = more;
	}
	news->rows[news->count++] = *row;
	map_put_str(&g->seen, row->user_id, (void *)row->user_id);
}

/* Of oneself: what one's other devices do not know. */
static bool
is_own_news(const struct presence_news *news, const struct presence_row *row)
{
	return news->with_self && row->own_position > news->since;
}

/* Is one of the others there now, whenever they came, and not gathered yet? */
static bool
is_there(const struct gathering *g, const char *user_id, struct presence_row *out)
{
	return strcmp(user_id, g->news->user_id) != 0 &&
	       map_get_str(&g->seen, user_id) == NULL &&
	       presence_get(g->ctx->core, g->arena, user_id, out) &&
	       out->state != PRESENCE_OFFLINE;
}

static bool
gather_member(const struct state_entry *entry, void *arg)
{
	struct gathering *g = arg;
	struct presence_row row;

	if (entry->membership == MEMBERSHIP_JOIN && is_there(g, entry->state_key, &row))
		push(g, &row);
	return g->news->count < CHANGED_MAX;
}

/* Whoever changed, and of those who joined anywhere the few who are there. */
static enum mx_err
gather_changed(struct gathering *g)
{
	struct presence_news *news = g->news;
	struct presence_row *rows, row;
	const char **ids;
	bool *in;
	int changed, n;
	enum mx_err err;

	presence_changed_since(g->ctx->core, g->arena, news->since, &rows, &changed);
	ids = ARENA_ARRAY(g->arena, const char *, (size_t)(changed + news->user_count));
	in = ARENA_ARRAY(g->arena, bool, (size_t)(changed + news->user_count));
	for (n = 0; n < changed; n++)
		ids[n] = rows[n].user_id;
	for (int i = 0; i < news->user_count; i++)
		if (is_there(g, news->users[i], &row))
			ids[n++] = news->users[i];
	err = circle_shared_with(
	    g->ctx, g->arena, news->user_id, ids, n, in, &news->opened);
	for (int i = 0; err == M_OK && i < n; i++) {
		if (strcmp(ids[i], news->user_id) == 0)
			in[i] = i < changed && is_own_news(news, &rows[i]);
		if (in[i] && i < changed)
			push(g, &rows[i]);
		else if (in[i] && is_there(g, ids[i], &row))
			push(g, &row);
	}
	return err;
}

static enum mx_err
gather_room(struct gathering *g, int64_t id)
{
	struct room *room;
	struct snapshot *s;
	enum mx_err err = room_get_by_id(g->ctx, id, &room);

	if (err != M_OK)
		return err == M_NOT_FOUND ? M_OK : err;
	g->news->opened++;
	s = room_snapshot(room);
	/* Who has left since is told nothing of it. */
	if (snapshot_membership(s, g->news->user_id) == MEMBERSHIP_JOIN)
		state_each_of(s->state, "m.room.member", gather_member, g);
	snapshot_unref(s);
	room_put(room);
	return M_OK;
}

/* What is new costs what it is: no room is opened but those that the user has joined.
 */
static enum mx_err
gather_new(struct gathering *g)
{
	enum mx_err err = gather_changed(g);

	for (int i = 0; err == M_OK && i < g->news->room_count; i++)
		err = gather_room(g, g->news->rooms[i]);
	return err;
}

/* Of everybody: by the rooms, since who is there may have come before many who went. */
static void
gather_rooms(struct gathering *g, const struct circle *circle)
{
	const struct presence_news *news = g->news;
	struct presence_row own;

	if (news->with_self &&
	    presence_get(g->ctx->core, g->arena, news->user_id, &own) &&
	    own.state != PRESENCE_OFFLINE)
		push(g, &own);
	for (int i = 0; i < circle->count; i++)
		state_each_of(
		    circle->snapshots[i]->state, "m.room.member", gather_member, g);
}

static enum mx_err
gather_all(struct gathering *g)
{
	struct circle circle;
	enum mx_err err = circle_open(g->ctx, g->arena, g->news->user_id, &circle);
	bool is_narrow = err == M_OK && circle.joined <= CHANGED_MAX;

	if (err != M_OK)
		return err;
	g->news->opened += circle.count;
	if (is_narrow)
		gather_rooms(g, &circle);
	circle_close(&circle);
	return is_narrow ? M_OK : gather_new(g);
}

/* Nothing is new, as a rule: then no room is looked into. */
static bool
is_quiet(struct core *core, const struct presence_news *news)
{
	return news->since >= 0 && news->since >= presence_position(core) &&
	       news->user_count == 0 && news->room_count == 0;
}

enum mx_err
presence_news(struct ctx *ctx, struct arena *arena, struct presence_news *news)
{
	struct gathering g = { .ctx = ctx, .arena = arena, .news = news };
	enum mx_err err;

	news->rows = NULL;
	news->count = news->opened = 0;
	if (presence_on(ctx->core) == NULL || is_quiet(ctx->core, news))
		return M_OK;
	err = news->since < 0 ? gather_all(&g) : gather_new(&g);
	map_fini(&g.seen);
	for (int i = 0; err == M_OK && i < news->count; i++)
		err = presence_fill(ctx, arena, &news->rows[i]);
	return err;
}

enum mx_err
presence_of_room(struct ctx *ctx, struct arena *arena, int64_t id,
    struct presence_row **rows_out, int *count_out)
{
	struct presence_news news = { .user_id = "" };
	struct gathering g = { .ctx = ctx, .arena = arena, .news = &news };
	struct room *room;
	struct snapshot *s;
	enum mx_err err = M_OK;

	*rows_out = NULL;
	*count_out = 0;
	if (presence_on(ctx->core) == NULL)
		return M_OK;
	err = room_get_by_id(ctx, id, &room);
	if (err != M_OK)
		return err;
	s = room_snapshot(room);
	state_each_of(s->state, "m.room.member", gather_member, &g);
	snapshot_unref(s);
	room_put(room);
	map_fini(&g.seen);
	for (int i = 0; err == M_OK && i < news.count; i++)
		err = presence_fill(ctx, arena, &news.rows[i]);
	*rows_out = news.rows;
	*count_out = news.count;
	return err;
}

/* --- writing --- */

static const char *
word_of(enum presence_state state, bool has_chat)
{
	switch (state) {
	case PRESENCE_FREE_FOR_CHAT:
		return has_chat ? "free_for_chat" : "online";
	case PRESENCE_ONLINE:
		return "online";
	case PRESENCE_UNAVAILABLE:
		return "unavailable";
	default:
		return "offline";
	}
}

static void
field(struct buf *out, const char *name, const char *value)
{
	if (value == NULL)
		return;
	buf_printf(out, "\"%s\":", name);
	buf_json_str(out, value);
	buf_char(out, ',');
}

/* In canonical order, as all that is written to clients. */
static void
write_fields(struct buf *out, const struct presence_row *row, bool has_chat)
{
	int64_t ago_ms = clock_now_ms() - row->last_active_ms;

	field(out, "avatar_url", row->avatar_url);
	if (row->state > PRESENCE_UNAVAILABLE)
		buf_printf(out, "\"currently_active\":%s,",
		    row->currently_active ? "true" : "false");
	field(out, "displayname", row->displayname);
	if (row->last_active_ms > 0)
		buf_printf(out, "\"last_active_ago\":%lld,",
		    (long long)(ago_ms < 0 ? 0 : ago_ms));
	buf_printf(out, "\"presence\":\"%s\"", word_of(row->state, has_chat));
	if (row->status_msg != NULL) {
		buf_lit(out, ",\"status_msg\":");
		buf_json_str(out, row->status_msg);
	}
}

void
presence_write_status(struct buf *out, const struct presence_row *row, bool has_chat)
{
	buf_char(out, '{');
	write_fields(out, row, has_chat);
	buf_char(out, '}');
}

static void
write_event(
    struct buf *out, const struct presence_row *row, bool has_chat, bool is_legacy)
{
	buf_lit(out, "{\"content\":{");
	write_fields(out, row, has_chat);
	if (is_legacy) {
		buf_lit(out, ",\"user_id\":");
		buf_json_str(out, row->user_id);
	}
	buf_lit(out, "},\"sender\":");
	buf_json_str(out, row->user_id);
	buf_lit(out, ",\"type\":\"m.presence\"}");
}

void
presence_write(struct buf *out, const struct presence_row *row)
{
	write_event(out, row, false, false);
}

void
presence_write_v1(struct buf *out, const struct presence_row *row, bool has_chat)
{
	write_event(out, row, has_chat, true);
}
