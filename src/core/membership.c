/*
 * Membership: what a client may ask for, made into m.room.member events. The auth rules
 * (event/auth_member) decide; here stands what they cannot know: guests, profiles, who
 * authorises a restricted join. Called by api; appends through room/append.
 */
#include "core/membership.h"

#include <string.h>

#include "core/carry.h"
#include "core/guest_access.h"
#include "core/guests.h"
#include "core/profile.h"
#include "event/ids.h"
#include "room/append.h"
#include "room/typing.h"
#include "store/account_data.h"
#include "store/profiles.h"
#include "store/rooms.h"

#define MEMBER "m.room.member"

/* --- the content --- */

static void
add_profile_field(struct ctx *ctx, struct arena *arena, struct json *content,
    const char *user_id, const char *field)
{
	struct profile_row row;
	const struct json *value;

	if (store_profile_field(ctx->db, arena, user_id, field, &row) != M_OK)
		return;
	value = json_parse_copy(arena, row.value, row.value_n, JSON_STRICT, NULL);
	if (json_is(value, JSON_STR) && value->n > 0)
		json_set(arena, content, field, value);
}

struct json *
membership_content(struct ctx *ctx, struct arena *arena, enum membership membership,
    const char *user_id, const char *reason)
{
	struct json *content = json_object(arena);

	json_set_str(arena, content, "membership", membership_name(membership));
	if (reason != NULL)
		json_set_str(arena, content, "reason", reason);
	if ((membership == MEMBERSHIP_JOIN || membership == MEMBERSHIP_INVITE ||
		membership == MEMBERSHIP_KNOCK) &&
	    id_is_of(user_id, ctx->core->set.server_name)) {
		add_profile_field(ctx, arena, content, user_id, "displayname");
		add_profile_field(ctx, arena, content, user_id, "avatar_url");
	}
	return content;
}

static enum membership
present(const struct move *move)
{
	struct snapshot *s = room_snapshot(move->room);
	enum membership m = snapshot_membership(s, move->user_id);

	snapshot_unref(s);
	return m;
}

static enum mx_err
append(struct ctx *ctx, struct arena *arena, const struct move *move,
    const struct json *content, const char **event_id_out)
{
	struct new_event e = { .sender = move->who->user_id,
		.type = MEMBER,
		.state_key = move->user_id,
		.content = content };
	enum mx_err err = guests_make_row(ctx, move->who);

	if (err == M_OK)
		err = room_append(ctx, arena, move->room, &e, 1, NULL);
	if (err == M_OK && event_id_out != NULL)
		*event_id_out = e.event_id;
	return err;
}

static enum mx_err
change(
    struct ctx *ctx, struct arena *arena, const struct move *move, enum membership to)
{
	return append(ctx, arena, move,
	    membership_content(ctx, arena, to, move->user_id, move->reason), NULL);
}

/* --- restricted joins --- */

static bool
is_joined_to(struct ctx *ctx, const char *room_id, const char *user_id)
{
	struct room *room;
	struct snapshot *s;
	bool joined;

	if (room_id == NULL || room_get(ctx, room_id, &room) != M_OK)
		return false;
	s = room_snapshot(room);
	joined = snapshot_membership(s, user_id) == MEMBERSHIP_JOIN;
	snapshot_unref(s);
	room_put(room);
	return joined;
}

/* Does the user meet one of the conditions of m.room.join_rules? */
static bool
is_allowed(struct ctx *ctx, const struct json *rules, const char *user_id)
{
	const struct json *allow = json_get_array(rules, "allow");

	for (uint32_t i = 0; allow != NULL && i < allow->n; i++) {
		const char *type = json_get_str(&allow->items[i], "type");

		if (type != NULL && strcmp(type, "m.room_membership") == 0 &&
		    is_joined_to(
			ctx, json_get_str(&allow->items[i], "room_id"), user_id))
			return true;
	}
	return false;
}

/* Looking for a local member who may invite. */
struct authorising {
	const char *server_name;
	const struct snapshot *s;
	struct power power;
	const char *found;
};

static bool
may_authorise(struct authorising *a, const char *user_id)
{
	if (user_id == NULL || !id_is_of(user_id, a->server_name) ||
	    snapshot_membership(a->s, user_id) != MEMBERSHIP_JOIN ||
	    power_user(&a->power, user_id) < power_to(&a->power, POWER_INVITE))
		return false;
	a->found = user_id;
	return true;
}

static bool
try_member(const struct state_entry *entry, void *arg)
{
	return !may_authorise(arg, entry->state_key);
}

/* Those with a level of their own come first, then (only if the usual level is enough)
 * anybody. */
static const char *
find_authoriser(struct ctx *ctx, const struct snapshot *s)
{
	struct authorising a = { .server_name = ctx->core->set.server_name,
		.s = s,
		.power = snapshot_power(s) };
	const struct event *create = a.power.create;
	const struct json *users, *more;

	if (create != NULL && may_authorise(&a, create->sender))
		return a.found;
	/* Before version 12 they are nobody special. */
	more = create == NULL ? NULL
			      : json_get_array(create->content, "additional_creators");
	for (uint32_t i = 0; more != NULL && i < more->n; i++)
		if (may_authorise(&a, json_as_str(&more->items[i])))
			return a.found;
	users = json_get_object(
	    a.power.levels == NULL ? NULL : a.power.levels->content, "users");
	for (uint32_t i = 0; users != NULL && i < users->n; i++)
		if (may_authorise(&a, users->members[i].key))
			return a.found;
	if (power_user(&a.power, "") >= power_to(&a.power, POWER_INVITE))
		state_each_of(s->state, MEMBER, try_member, &a);
	return a.found;
}

static bool
is_restricted(const struct room_version *version, const char *rule)
{
	if (rule == NULL)
		return false;
	return (version->restricted && strcmp(rule, "restricted") == 0) ||
	       (version->knock_restricted && strcmp(rule, "knock_restricted") == 0);
}

/* Where the room is restricted, and its user is neither invited nor in it, somebody
 * here has to authorise the join. The rules refuse it if nobody does. Spec:
 * client-server-api/#restricted-rooms, rooms/v8 */
static enum mx_err
authorise(
    struct ctx *ctx, struct arena *arena, const struct move *move, struct json *content)
{
	struct snapshot *s = room_snapshot(move->room);
	enum membership now = snapshot_membership(s, move->user_id);
	const struct json *rules = snapshot_content(s, "m.room.join_rules", "");
	const char *by = NULL;
	enum mx_err err = M_OK;

	if (is_restricted(move->room->version, json_get_str(rules, "join_rule")) &&
	    now != MEMBERSHIP_JOIN && now != MEMBERSHIP_INVITE &&
	    now != MEMBERSHIP_BAN) {
		if (!is_allowed(ctx, rules, move->user_id))
			err = ctx_fail(ctx, M_FORBIDDEN,
			    "you are in none of the rooms that let you into this one");
		else if ((by = find_authoriser(ctx, s)) == NULL)
			err = ctx_fail(
			    ctx, M_FORBIDDEN, "nobody here may let you into this room");
		else
			json_set_str(
			    arena, content, "join_authorised_via_users_server", by);
	}
	snapshot_unref(s);
	return err;
}

/* --- joining --- */

static enum mx_err
check_guest(struct ctx *ctx, const struct move *move)
{
	struct snapshot *s;
	enum mx_err err;

	if (!move->who->is_guest)
		return M_OK;
	s = room_snapshot(move->room);
	err = guest_access_check(ctx, s);
	snapshot_unref(s);
	return err;
}

/* What whoever invited called the third party, so that others see the same name. */
static const char *
invited_as(
    struct ctx *ctx, struct arena *arena, const struct move *move, const char *token)
{
	struct snapshot *s = room_snapshot(move->room);
	struct snapshot_judge judge = { ctx, arena, move->room, s, false };
	const struct event *e =
	    snapshot_auth_state(&judge).get(&judge, "m.room.third_party_invite", token);
	const char *name = e == NULL ? NULL : json_get_str(e->content, "display_name");

	name = arena_strdup(arena, name == NULL ? move->user_id : name);
	snapshot_unref(s);
	return name;
}

/* Proof that a third-party invite was meant for the user becomes an invitation by
 * whoever made it, and the join follows in the same unit. Spec:
 * client-server-api/#third-party-invites, server-server-api/#third-party-invites */
static enum mx_err
join_with_proof(struct ctx *ctx, struct arena *arena, const struct move *move,
    const struct json *joins)
{
	const struct json *proof = move->third_party_signed;
	const char *sender = json_get_str(proof, "sender");
	const char *mxid = json_get_str(proof, "mxid");
	const char *token = json_get_str(proof, "token");
	struct json *invites = json_object(arena), *third = json_object(arena);
	enum mx_err err;
	struct new_event events[] = {
		{ .sender = sender,
		    .type = MEMBER,
		    .state_key = move->user_id,
		    .content = invites },
		{ .sender = move->user_id,
		    .type = MEMBER,
		    .state_key = move->user_id,
		    .content = joins },
	};

	if (sender == NULL || mxid == NULL || token == NULL ||
	    json_get_object(proof, "signatures") == NULL)
		return ctx_fail(ctx, M_BAD_JSON,
		    "third_party_signed needs sender, mxid, token and signatures");
	if (strcmp(mxid, move->user_id) != 0)
		return ctx_fail(
		    ctx, M_FORBIDDEN, "third_party_signed is for another user");
	if (!id_is_of(sender, ctx->core->set.server_name))
		return ctx_fail(ctx, M_FORBIDDEN,
		    "the third-party invite was made on another server");
	json_set_str(arena, third, "display_name", invited_as(ctx, arena, move, token));
	json_set(arena, third, "signed", proof);
	json_set(arena, invites, "third_party_invite", third);
	json_set_str(arena, invites, "membership", "invite");
	err = guests_make_row(ctx, move->who);
	if (err != M_OK)
		return err;
	return room_append(ctx, arena, move->room, events, 2, NULL);
}

static enum mx_err
enter(struct ctx *ctx, struct arena *arena, const struct move *move,
    struct json *content, const char **event_id_out)
{
	enum mx_err err;

	if (move->third_party_signed != NULL && present(move) != MEMBERSHIP_INVITE)
		return join_with_proof(ctx, arena, move, content);
	err = authorise(ctx, arena, move, content);
	return err == M_OK ? append(ctx, arena, move, content, event_id_out) : err;
}

static enum mx_err
join(struct ctx *ctx, struct arena *arena, const struct move *move,
    struct json *content, const char **event_id_out)
{
	bool is_new = present(move) != MEMBERSHIP_JOIN;
	enum mx_err err = check_guest(ctx, move);

	if (err == M_OK)
		err = enter(ctx, arena, move, content, event_id_out);
	if (err == M_OK && is_new)
		err = carry_settings(ctx, arena, move->room, move->user_id);
	/* The room may have withdrawn guest access between the check and the join. */
	if (err == M_OK && move->who->is_guest)
		err = guest_access_enforce(ctx, arena, move->room);
	return err;
}

/* Is the key the client's own, and no word that the server says or has read? */
static bool
is_free_key(const struct json *content, const struct json_member *m)
{
	static const char *const taken[] = { "reason", "third_party_signed",
		"third_party_invite", "join_authorised_via_users_server" };

	for (size_t i = 0; i < sizeof taken / sizeof taken[0]; i++)
		if (strcmp(m->key, taken[i]) == 0)
			return false;
	return strlen(m->key) == m->key_n && json_get(content, m->key) == NULL;
}

/* Keys of the client's own, as PUT state/m.room.member would take them. */
static void
add_more(struct arena *arena, struct json *content, const struct json *more)
{
	for (uint32_t i = 0; json_is(more, JSON_OBJECT) && i < more->n; i++)
		if (is_free_key(content, &more->members[i]))
			json_set(arena, content, more->members[i].key,
			    &more->members[i].value);
}

enum mx_err
membership_join(struct ctx *ctx, struct arena *arena, const struct move *move)
{
	struct json *content, *profile;
	enum mx_err err;

	if (present(move) == MEMBERSHIP_JOIN)
		return M_OK;
	content = membership_content(
	    ctx, arena, MEMBERSHIP_JOIN, move->user_id, move->reason);
	profile = json_shallow(arena, content);
	add_more(arena, content, move->more);
	err = join(ctx, arena, move, content, NULL);
	return err != M_OK
		   ? err
		   : profile_follow(ctx, arena, move->room, move->user_id, profile);
}

/* --- leaving --- */

enum mx_err
membership_leave(struct ctx *ctx, struct arena *arena, const struct move *move)
{
	enum membership now = present(move);
	enum mx_err err;

	if (now == MEMBERSHIP_LEAVE)
		return M_OK;
	if (now == MEMBERSHIP_NONE || now == MEMBERSHIP_BAN)
		return ctx_fail(ctx, M_FORBIDDEN, "you are not in this room");
	err = change(ctx, arena, move, MEMBERSHIP_LEAVE);
	if (err == M_OK)
		typing_set(ctx->core, move->room, move->user_id, 0);
	return err;
}

/* On the writer, where nothing can come between the look and the change. */
struct forgetting {
	const char *user_id;
	int64_t room;
};

static enum mx_err
forget(void *arg, struct db *db)
{
	const struct forgetting *f = arg;
	struct member_row row;
	enum mx_err err = store_member_get(db, f->user_id, f->room, &row);

	if (err != M_OK)
		return err;
	if (row.membership != MEMBERSHIP_LEAVE && row.membership != MEMBERSHIP_BAN)
		return M_BAD_STATE;
	return store_member_forget(db, f->user_id, f->room);
}

enum mx_err
membership_forget(struct ctx *ctx, struct room *room, const char *user_id)
{
	struct forgetting f = { user_id, room->id };
	enum mx_err err = ctx_write(ctx, forget, &f);

	if (err == M_BAD_STATE)
		return ctx_fail(ctx, err, "you have to leave the room first");
	if (err == M_NOT_FOUND)
		return ctx_fail(ctx, err, "you have never been in this room");
	return err;
}

/* --- others' membership --- */

enum mx_err
membership_takes_invites(struct ctx *ctx, struct arena *arena, const char *user_id)
{
	struct account_data_row row;
	const struct json *content;
	const char *action;
	enum mx_err err = store_account_data_get(
	    ctx->db, arena, user_id, 0, "m.invite_permission_config", &row);

	if (err != M_OK)
		return err == M_NOT_FOUND ? M_OK : err;
	content = json_parse_copy(arena, row.json, row.json_n, JSON_LENIENT, NULL);
	action = json_get_str(content, "default_action");
	/* Any other value: invitations are taken as ever. */
	return action != NULL && strcmp(action, "block") == 0 ? M_INVITE_BLOCKED : M_OK;
}

enum mx_err
membership_invitable(struct ctx *ctx, struct arena *arena, const char *user_id)
{
	if (user_id == NULL || !id_user_valid(user_id) || strlen(user_id) > ID_MAX ||
	    user_id[1] == ':')
		return ctx_fail(ctx, M_INVALID_PARAM, "this is no user id");
	if (!id_is_of(user_id, ctx->core->set.server_name))
		return ctx_fail(ctx, M_FORBIDDEN,
		    "this server cannot invite users of other servers");
	return membership_takes_invites(ctx, arena, user_id);
}

enum mx_err
membership_invite(struct ctx *ctx, struct arena *arena, const struct move *move)
{
	enum mx_err err = membership_invitable(ctx, arena, move->user_id);

	return err == M_OK ? change(ctx, arena, move, MEMBERSHIP_INVITE) : err;
}

enum mx_err
membership_kick(struct ctx *ctx, struct arena *arena, const struct move *move)
{
	enum membership now = present(move);
	enum mx_err err;

	/* The rules would let a kick lift a ban, and remove who is not there. */
	if (now != MEMBERSHIP_JOIN && now != MEMBERSHIP_INVITE &&
	    now != MEMBERSHIP_KNOCK)
		return ctx_fail(ctx, M_FORBIDDEN, "the user is not in the room");
	err = change(ctx, arena, move, MEMBERSHIP_LEAVE);
	if (err == M_OK)
		typing_set(ctx->core, move->room, move->user_id, 0);
	return err;
}

enum mx_err
membership_ban(struct ctx *ctx, struct arena *arena, const struct move *move)
{
	enum mx_err err = change(ctx, arena, move, MEMBERSHIP_BAN);

	if (err == M_OK)
		typing_set(ctx->core, move->room, move->user_id, 0);
	return err;
}

enum mx_err
membership_unban(struct ctx *ctx, struct arena *arena, const struct move *move)
{
	if (present(move) != MEMBERSHIP_BAN)
		return ctx_fail(ctx, M_FORBIDDEN, "the user is not banned");
	return change(ctx, arena, move, MEMBERSHIP_LEAVE);
}

enum mx_err
membership_knock(struct ctx *ctx, struct arena *arena, const struct move *move)
{
	return change(ctx, arena, move, MEMBERSHIP_KNOCK);
}

/* --- as a state event --- */

enum mx_err
membership_set(struct ctx *ctx, struct arena *arena, const struct move *move,
    const struct json *content, const char **event_id_out)
{
	enum membership to = membership_of(json_get_str(content, "membership"));
	bool is_own = strcmp(move->who->user_id, move->user_id) == 0;
	struct json *own = json_shallow(arena, content);
	enum mx_err err;

	/* Who let them in is not theirs to say: other servers check its signature. */
	json_del(own, "join_authorised_via_users_server");
	if (to == MEMBERSHIP_NONE)
		return ctx_fail(ctx, M_BAD_JSON, "this is no membership");
	if (move->who->is_guest &&
	    (!is_own || (to != MEMBERSHIP_JOIN && to != MEMBERSHIP_LEAVE)))
		return ctx_fail(ctx, M_GUEST_ACCESS_FORBIDDEN,
		    "guests may join and leave, and no more");
	if (to == MEMBERSHIP_JOIN && is_own)
		return join(ctx, arena, move, own, event_id_out);
	if (to == MEMBERSHIP_INVITE) {
		err = membership_invitable(ctx, arena, move->user_id);
		if (err != M_OK)
			return err;
	}
	err = append(ctx, arena, move, own, event_id_out);
	if (err == M_OK && to != MEMBERSHIP_INVITE)
		typing_set(ctx->core, move->room, move->user_id, 0);
	return err;
}
