/*
 * Profiles. Relies on store/profiles; on room/append for the member events that follow
 * a change. Behind /profile.
 */
#include "core/profile.h"

#include <string.h>

#include "base/log.h"
#include "core/guests.h"
#include "core/membership.h"
#include "core/presence.h"
#include "core/user_directory.h"
#include "core/users.h"
#include "room/append.h"
#include "store/profiles.h"
#include "store/rooms.h"

static bool
is_name(const char *field)
{
	return strcmp(field, "displayname") == 0;
}

static bool
is_picture(const char *field)
{
	return strcmp(field, "avatar_url") == 0;
}

static bool
is_key_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

/* A name of at least two parts: "m.tz", "org.example.job_title".
 * Spec: appendices/#common-namespaced-identifier-grammar */
static bool
is_namespaced(const char *field)
{
	int dots = 0;
	const char *p = field;

	if (*p < 'a' || *p > 'z')
		return false;
	for (; *p != '\0'; p++) {
		if (*p == '.')
			dots++;
		else if (!is_key_char(*p))
			return false;
	}
	return dots > 0 && p[-1] != '.';
}

static enum mx_err
check_field(struct ctx *ctx, const char *field)
{
	if (strlen(field) > PROFILE_KEY_MAX)
		return M_KEY_TOO_LARGE;
	if (!is_name(field) && !is_picture(field) && !is_namespaced(field))
		return ctx_fail(ctx, M_INVALID_PARAM,
		    "The field must be displayname, avatar_url or of the form"
		    " org.example.field");
	return M_OK;
}

/* --- reading --- */

static struct json *
value_of(struct arena *arena, const struct profile_row *row)
{
	return json_parse_copy(arena, row->value, row->value_n, JSON_LENIENT, NULL);
}

enum mx_err
profile_get(struct ctx *ctx, struct arena *arena, const char *user_id,
    struct json **profile_out)
{
	struct json *profile = json_object(arena);
	struct profile_row *rows;
	int n;
	enum mx_err err;

	if (!users_exists(ctx, arena, user_id))
		return ctx_fail(ctx, M_NOT_FOUND, "There is no such user here");
	err = store_profile_get(ctx->db, arena, user_id, &rows, &n);
	for (int i = 0; err == M_OK && i < n; i++) {
		const struct json *value = value_of(arena, &rows[i]);

		if (value != NULL)
			json_set(arena, profile, rows[i].field, value);
	}
	*profile_out = profile;
	return err;
}

enum mx_err
profile_get_field(struct ctx *ctx, struct arena *arena, const char *user_id,
    const char *field, struct json **value_out)
{
	struct profile_row row;
	enum mx_err err = check_field(ctx, field);

	if (err != M_OK)
		return err;
	if (!users_exists(ctx, arena, user_id))
		return ctx_fail(ctx, M_NOT_FOUND, "There is no such user here");
	err = store_profile_field(ctx->db, arena, user_id, field, &row);
	if (err == M_NOT_FOUND)
		return ctx_fail(ctx, err, "The user has not set this");
	if (err != M_OK)
		return err;
	*value_out = value_of(arena, &row);
	return *value_out == NULL ? M_NOT_FOUND : M_OK;
}

/* --- writing --- */

/* One field's change. */
struct setting {
	const char *user_id;
	struct profile_row row; /* value NULL: it goes */
};

static enum mx_err
write_field(void *arg, struct db *db)
{
	const struct setting *s = arg;
	enum mx_err err = s->row.value == NULL
			      ? store_profile_unset(db, s->user_id, s->row.field)
			      : store_profile_set(db, s->user_id, &s->row, PROFILE_MAX);

	if (err == M_OK && is_name(s->row.field))
		err = user_directory_write(db, s->user_id);
	return err;
}

enum mx_err
profile_write_name(
    struct db *db, struct arena *arena, const char *user_id, const char *name)
{
	struct setting s = { .user_id = user_id, .row.field = "displayname" };

	s.row.value = json_text(arena, json_str(arena, name), &s.row.value_n);
	return write_field(&s, db);
}

static enum mx_err
check_value(struct ctx *ctx, const char *field, const struct json *value)
{
	bool is_text =
	    is_name(field) || is_picture(field) || strcmp(field, "m.tz") == 0;

	if (is_text && json_as_str(value) == NULL)
		return ctx_fail(ctx, M_INVALID_PARAM, "This field must be a string");
	if (is_text && value->n >= PROFILE_MAX)
		return M_PROFILE_TOO_LARGE;
	if (is_text && value->n > PROFILE_NAME_MAX)
		return ctx_fail(
		    ctx, M_INVALID_PARAM, "This field has at most 1024 bytes");
	return M_OK;
}

static bool
has_same(const struct json *a, const struct json *b, const char *field)
{
	const char *x = json_get_str(a, field), *y = json_get_str(b, field);

	return x == NULL || y == NULL ? x == y : strcmp(x, y) == 0;
}

/* Does a member event's content say what the profile says now? */
static bool
is_present(struct ctx *ctx, struct arena *arena, const char *user_id,
    const struct json *content)
{
	const struct json *now =
	    membership_content(ctx, arena, MEMBERSHIP_JOIN, user_id, NULL);

	return has_same(content, now, "displayname") &&
	       has_same(content, now, "avatar_url");
}

static enum mx_err
append_present(struct ctx *ctx, struct arena *arena, struct room *room,
    const char *user_id, const struct json **content_out)
{
	struct new_event event = {
		.sender = user_id, .type = "m.room.member", .state_key = user_id
	};
	enum mx_err err;

	event.content = *content_out =
	    membership_content(ctx, arena, MEMBERSHIP_JOIN, user_id, NULL);
	err = room_append(ctx, arena, room, &event, 1, NULL);
	if (err != M_FORBIDDEN)
		return err;
	log_debug("profile: %s does not take the change of %s", room->room_id, user_id);
	return M_OK;
}

/* Of two changes at one time, the earlier may come to the room behind the later: who
 * finds the profile changed under their hands tells it again. */
static enum mx_err
tell_room(struct ctx *ctx, struct arena *arena, struct room *room, const char *user_id)
{
	const struct json *content;
	enum mx_err err;

	do
		err = append_present(ctx, arena, room, user_id, &content);
	while (err == M_OK && !is_present(ctx, arena, user_id, content));
	return err;
}

enum mx_err
profile_follow(struct ctx *ctx, struct arena *arena, struct room *room,
    const char *user_id, const struct json *content)
{
	if (is_present(ctx, arena, user_id, content))
		return M_OK;
	return tell_room(ctx, arena, room, user_id);
}

/* The rooms that the user is in, as the writer knows them. */
struct listing {
	struct arena *arena;
	const char *user_id;
	struct member_row *rows;
	int n;
};

/* Joins that are on their way to the disk with the old profile are among them; those
 * that are queued later find the new one (profile_follow). */
static enum mx_err
list_rooms(void *arg, struct db *db)
{
	struct listing *l = arg;

	return store_member_rooms(
	    db, l->arena, l->user_id, MEMBERSHIP_JOIN, &l->rows, &l->n);
}

/* "An m.room.member event (with a join membership) is sent to every room the user is a
 * member of." Spec: client-server-api/#events-on-change-of-profile-information */
static enum mx_err
tell_rooms(struct ctx *ctx, struct arena *arena, const char *user_id)
{
	struct listing l = { .arena = arena, .user_id = user_id };
	enum mx_err err = ctx_write(ctx, list_rooms, &l);

	for (int i = 0; err == M_OK && i < l.n; i++) {
		struct room *room;

		err = room_get_by_id(ctx, l.rows[i].room, &room);
		if (err != M_OK)
			return err;
		err = tell_room(ctx, arena, room, user_id);
		room_put(room);
	}
	return err;
}

enum mx_err
profile_set(struct ctx *ctx, struct arena *arena, struct identity *who,
    const char *field, const struct json *value)
{
	struct setting s = { .user_id = who->user_id, .row.field = field };
	enum mx_err err = check_field(ctx, field);

	if (err == M_OK && value != NULL)
		err = check_value(ctx, field, value);
	if (err != M_OK)
		return err;
	if (who->is_guest && !is_name(field))
		return ctx_fail(ctx, M_GUEST_ACCESS_FORBIDDEN,
		    "Of their profile guests may change their name alone");
	err = guests_make_row(ctx, who);
	if (err != M_OK)
		return err;
	/* Clients of old take a name or picture away by making it empty. */
	if ((is_name(field) || is_picture(field)) && value != NULL && value->n == 0)
		value = NULL;
	if (value != NULL)
		s.row.value = json_text(arena, value, &s.row.value_n);
	err = ctx_write(ctx, write_field, &s);
	if (err != M_OK || (!is_name(field) && !is_picture(field)))
		return err;
	if (!who->is_guest)
		presence_profile_changed(ctx->core, who->user_id);
	return tell_rooms(ctx, arena, who->user_id);
}
