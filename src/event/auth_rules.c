/*
 * The authorisation rules, in the order of the specification; the traits of the room
 * version say which of them there are, and each step has the numbers that the versions
 * give it. Relies on auth_member and auth_levels for the two long rules; every event
 * that is to stand in a room passes auth_check.
 */
#include "event/auth_inside.h"

#include <string.h>
#include "event/ids.h"

enum membership
auth_membership(const struct auth_case *c, const char *user_id)
{
	const struct event *e;

	if (c->state->membership != NULL)
		return c->state->membership(c->state->arg, user_id);
	e = c->state->get(c->state->arg, "m.room.member", user_id);
	return e == NULL ? MEMBERSHIP_NONE : membership_of(e->membership);
}

static bool
are_creators_valid(const struct json *creators)
{
	if (!json_is(creators, JSON_ARRAY))
		return false;
	for (uint32_t i = 0; i < creators->n; i++) {
		const char *user_id = json_as_str(&creators->items[i]);

		if (user_id == NULL || !id_user_valid(user_id))
			return false;
	}
	return true;
}

/* Rule "If type is m.room.create", v1-12: 1. Needs no state, so c->create is not
 * looked at. */
static enum mx_err
check_create(const struct auth_case *c)
{
	const struct json *content = c->e->content;
	const struct json *creators = json_get(content, "additional_creators");

	/* v1-12: 1.1 */
	if (c->e->prev_count > 0)
		return auth_reject(c, "m.room.create has prev_events");
	/* v1-12: 1.2 */
	if (c->version->create_is_room_id) {
		if (json_get(c->e->json, "room_id") != NULL)
			return auth_reject(c, "m.room.create has a room_id");
	} else if (!id_same_server(c->e->room_id, c->e->sender)) {
		return auth_reject(
		    c, "the room id is of another server than its creator");
	}
	/* v1-12: 1.3 */
	if (json_get(content, "room_version") != NULL &&
	    room_version_find(json_get_str(content, "room_version")) == NULL)
		return auth_reject(c, "the room version is unknown");
	/* v1-10: 1.4 */
	if (!c->version->creator_is_sender && json_get(content, "creator") == NULL)
		return auth_reject(c, "m.room.create names no creator");
	/* v12: 1.4 */
	if (c->version->creators_power && creators != NULL &&
	    !are_creators_valid(creators))
		return auth_reject(c, "additional_creators is no list of user ids");
	return M_OK; /* v1-10: 1.5, v11: 1.4, v12: 1.5 */
}

/* Rule "If the content of the m.room.create event has m.federate set to false", v1-11:
 * 3, v12: 4. */
static bool
is_kept_out(const struct auth_case *c)
{
	return !json_get_bool(c->create->content, "m.federate", true) &&
	       !id_same_server(c->e->sender, c->create->sender);
}

/* Rule "If type is m.room.aliases", v1-5: 4. */
static enum mx_err
check_aliases(const struct auth_case *c)
{
	/* v1-5: 4.1, 4.2 and 4.3 */
	return auth_allow_if(c,
	    c->e->state_key != NULL && id_is_of(c->e->sender, c->e->state_key),
	    "m.room.aliases of another server than the sender's");
}

/* Rule "If type is m.room.redaction", v1-2: 11. */
static bool
may_redact_v1(const struct power *power, const struct event *redaction)
{
	/* v1-2: 11.1 */
	if (power_user(power, redaction->sender) >= power_to(power, POWER_REDACT))
		return true;
	/* v1-2: 11.2 and 11.3 */
	return redaction->redacts != NULL &&
	       id_same_server(redaction->event_id, redaction->redacts);
}

/* What holds for all events but m.room.create, m.room.aliases and m.room.member. */
static enum mx_err
check_other(const struct auth_case *c)
{
	const struct event *e = c->e;
	int64_t level = power_user(&c->power, e->sender);

	/* v1-5: 6, v6-11: 5, v12: 6 */
	if (auth_membership(c, e->sender) != MEMBERSHIP_JOIN)
		return auth_reject(c, "the sender is not in the room");
	/* v1-5: 7.1, v6-11: 6.1, v12: 7.1 */
	if (strcmp(e->type, "m.room.third_party_invite") == 0)
		return auth_allow_if(c, level >= power_to(&c->power, POWER_INVITE),
		    "the sender may not invite users");
	/* v1-5: 8, v6-11: 7, v12: 8 */
	if (power_to_send(&c->power, e->type, e->state_key != NULL) > level)
		return auth_reject(
		    c, "the sender's power level is too low for this event");
	/* v1-5: 9, v6-11: 8, v12: 9 */
	if (e->state_key != NULL && e->state_key[0] == '@' &&
	    strcmp(e->state_key, e->sender) != 0)
		return auth_reject(c, "the state_key is another user's");
	/* v1-5: 10, v6-11: 9, v12: 10 */
	if (strcmp(e->type, "m.room.power_levels") == 0)
		return auth_check_levels(c);
	/* v1-2: 11 */
	if (c->version->redaction_rule && strcmp(e->type, "m.room.redaction") == 0)
		return auth_allow_if(c, may_redact_v1(&c->power, e),
		    "the sender may not redact this event");
	return M_OK; /* v1-2: 12, v3-5: 11, v6-11: 10, v12: 11 */
}

struct power
auth_power(const struct auth_state *state)
{
	return (struct power){ state->get(state->arg, "m.room.create", ""),
		state->get(state->arg, "m.room.power_levels", "") };
}

enum mx_err
auth_check(const struct event *e, const struct auth_state *state, const char **why_out)
{
	struct auth_case c = { e, e->version, state, NULL, { 0 }, why_out };

	/* v1-12: 1 */
	if (strcmp(e->type, "m.room.create") == 0)
		return check_create(&c);
	/* 2 (from v12 on 3) is auth_check_events, but for what the state must have. */
	c.power = auth_power(state);
	c.create = c.power.create;
	if (c.create == NULL)
		return auth_reject(&c, "there is no m.room.create");
	/* v12: 2 */
	if (e->version->create_is_room_id && strcmp(c.create->room_id, e->room_id) != 0)
		return auth_reject(
		    &c, "room_id is not that of the room's m.room.create");
	/* v1-11: 3, v12: 4 */
	if (is_kept_out(&c))
		return auth_reject(&c, "the room is not federated");
	/* v1-5: 4 */
	if (e->version->aliases_rule && strcmp(e->type, "m.room.aliases") == 0)
		return check_aliases(&c);
	/* v1-5: 5, v6-11: 4, v12: 5 */
	if (strcmp(e->type, "m.room.member") == 0)
		return auth_check_member(&c);
	return check_other(&c);
}

/* Adds a pair unless it is there already or one of its halves is missing. */
static int
add_type(struct auth_type *types, int n, const char *type, const char *state_key)
{
	if (state_key == NULL)
		return n;
	for (int i = 0; i < n; i++)
		if (strcmp(types[i].type, type) == 0 &&
		    strcmp(types[i].state_key, state_key) == 0)
			return n;
	types[n] = (struct auth_type){ type, state_key };
	return n + 1;
}

/* What an m.room.member needs beyond what every event needs. */
static int
add_member_types(const struct room_version *version, const char *state_key,
    const struct json *content, struct auth_type *types, int n)
{
	enum membership membership = membership_of(json_get_str(content, "membership"));

	n = add_type(types, n, "m.room.member", state_key);
	if (membership == MEMBERSHIP_JOIN || membership == MEMBERSHIP_INVITE ||
	    membership == MEMBERSHIP_KNOCK)
		n = add_type(types, n, "m.room.join_rules", "");
	if (membership == MEMBERSHIP_INVITE)
		n = add_type(types, n, "m.room.third_party_invite",
		    json_as_str(json_at(
			content, "third_party_invite", "signed", "token", NULL)));
	if (membership == MEMBERSHIP_JOIN && version->restricted)
		n = add_type(types, n, "m.room.member",
		    json_get_str(content, "join_authorised_via_users_server"));
	return n;
}

int
auth_types_for_event(const struct room_version *version, const char *type,
    const char *sender, const char *state_key, const struct json *content,
    struct auth_type out[AUTH_TYPES_MAX])
{
	int n = 0;

	if (strcmp(type, "m.room.create") == 0)
		return 0;
	if (!version->create_is_room_id)
		n = add_type(out, n, "m.room.create", "");
	n = add_type(out, n, "m.room.power_levels", "");
	n = add_type(out, n, "m.room.member", sender);
	if (strcmp(type, "m.room.member") == 0)
		n = add_member_types(version, state_key, content, out, n);
	return n;
}

static bool
is_among(const struct auth_type *types, int n, const struct event *e)
{
	for (int i = 0; i < n; i++)
		if (event_is(e, types[i].type, types[i].state_key))
			return true;
	return false;
}

static bool
is_repeated(const struct auth_ref *refs, int i)
{
	const struct event *e = refs[i].event;

	for (int before = 0; before < i; before++)
		if (e->state_key != NULL &&
		    event_is(refs[before].event, e->type, e->state_key))
			return true;
	return false;
}

enum mx_err
auth_check_events(const struct event *e, const struct auth_ref *refs, int n,
    const struct event *create, const char **why_out)
{
	struct auth_case c = { e, e->version, NULL, create, { 0 }, why_out };
	struct auth_type types[AUTH_TYPES_MAX];
	bool has_create = e->version->create_is_room_id;
	int type_count;

	if (strcmp(e->type, "m.room.create") == 0)
		return M_OK; /* rule 1 has said all there is to it */
	/* v12: 2 */
	if (e->version->create_is_room_id &&
	    (create == NULL || strcmp(create->room_id, e->room_id) != 0))
		return auth_reject(&c, "room_id is that of no accepted m.room.create");
	type_count = auth_types_for_event(
	    e->version, e->type, e->sender, e->state_key, e->content, types);
	for (int i = 0; i < n; i++) {
		/* v1-11: 2.1, v12: 3.1 */
		if (is_repeated(refs, i))
			return auth_reject(&c, "auth_events has duplicates");
		/* v1-11: 2.2, v12: 3.2 */
		if (!is_among(types, type_count, refs[i].event))
			return auth_reject(
			    &c, "auth_events has what does not belong there");
		/* v1-11: 2.3, v12: 3.3 */
		if (refs[i].rejected)
			return auth_reject(&c, "auth_events has a rejected event");
		/* v1-11: 2.5, v12: 3.4 */
		if (strcmp(refs[i].event->room_id, e->room_id) != 0)
			return auth_reject(&c, "auth_events has another room's event");
		has_create |= strcmp(refs[i].event->type, "m.room.create") == 0;
	}
	/* v1-11: 2.4 */
	return auth_allow_if(&c, has_create, "auth_events has no m.room.create");
}

bool
auth_may_redact(const struct power *power, const struct event *redaction,
    const struct event *target)
{
	if (redaction->version->redaction_rule)
		return may_redact_v1(power, redaction);
	return power_user(power, redaction->sender) >= power_to(power, POWER_REDACT) ||
	       id_same_server(redaction->sender, target->sender);
}
