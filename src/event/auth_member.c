/*
 * The auth rule for m.room.member, which is half of all the rules: who may join,
 * invite, leave, kick, ban and knock, with the specification's numbers for the room
 * versions. Relies on event/power; called by event/auth_rules alone.
 */
#include "event/auth_inside.h"

#include <string.h>
#include "base/codec.h"
#include "base/crypto.h"
#include "event/event_sign.h"
#include "event/ids.h"

/* A third-party invite has room for hundreds of keys and of signatures, each pair
 * costing a verification under the room's lock. Real ones have two or three
 * (doc/rooms.md). */
#define INVITE_VERIFICATIONS_MAX 256

static bool
same(const char *a, const char *b)
{
	return a != NULL && strcmp(a, b) == 0;
}

/* Without an m.room.join_rules event a room is by invitation. */
static const char *
join_rule(const struct auth_case *c)
{
	const struct event *e = c->state->get(c->state->arg, "m.room.join_rules", "");
	const char *rule;

	if (e == NULL || json_get(e->content, "join_rule") == NULL)
		return "invite";
	rule = json_get_str(e->content, "join_rule");
	return rule == NULL ? "" : rule;
}

static bool
is_creators_first_join(const struct auth_case *c)
{
	const char *creator = c->version->creator_is_sender
				  ? c->create->sender
				  : json_get_str(c->create->content, "creator");

	return c->e->prev_count == 1 &&
	       strcmp(c->e->prev_events[0], c->create->event_id) == 0 &&
	       same(creator, c->e->state_key);
}

static bool
may_invite(const struct auth_case *c, const char *user_id)
{
	return power_user(&c->power, user_id) >= power_to(&c->power, POWER_INVITE);
}

/* Rule "If the join_rule is restricted", v8-11: 4.3.5, v12: 5.3.5, for who is neither
 * in the room nor invited. */
static enum mx_err
check_restricted_join(const struct auth_case *c)
{
	const char *user_id =
	    json_get_str(c->e->content, "join_authorised_via_users_server");

	/* v8-11: 4.3.5.2, v12: 5.3.5.2 */
	if (user_id == NULL)
		return auth_reject(c, "nobody has authorised this join");
	if (auth_membership(c, user_id) != MEMBERSHIP_JOIN)
		return auth_reject(c, "who authorised this join is not in the room");
	/* v8-11: 4.3.5.2 and 4.3.5.3, v12: 5.3.5.2 and 5.3.5.3 */
	return auth_allow_if(
	    c, may_invite(c, user_id), "who authorised this join may not invite");
}

/* Rule "If membership is join", v1-5: 5.2, v6-7: 4.2, v8-11: 4.3, v12: 5.3. */
static enum mx_err
check_join(const struct auth_case *c)
{
	enum membership now = auth_membership(c, c->e->sender);
	const char *rule = join_rule(c);
	bool is_expected = now == MEMBERSHIP_INVITE || now == MEMBERSHIP_JOIN;

	/* v1-5: 5.2.1, v6-7: 4.2.1, v8-11: 4.3.1, v12: 5.3.1 */
	if (is_creators_first_join(c))
		return M_OK;
	/* v1-5: 5.2.2, v6-7: 4.2.2, v8-11: 4.3.2, v12: 5.3.2 */
	if (strcmp(c->e->sender, c->e->state_key) != 0)
		return auth_reject(c, "nobody can be made to join by another user");
	/* v1-5: 5.2.3, v6-7: 4.2.3, v8-11: 4.3.3, v12: 5.3.3 */
	if (now == MEMBERSHIP_BAN)
		return auth_reject(c, "the user is banned from the room");
	/* v1-5: 5.2.4, v6-7: 4.2.4, v8-11: 4.3.4, v12: 5.3.4 */
	if (strcmp(rule, "invite") == 0 ||
	    (c->version->knock && strcmp(rule, "knock") == 0))
		return auth_allow_if(
		    c, is_expected, "the user is not invited to the room");
	/* v8-11: 4.3.5, v12: 5.3.5 */
	if ((c->version->restricted && strcmp(rule, "restricted") == 0) ||
	    (c->version->knock_restricted && strcmp(rule, "knock_restricted") == 0))
		return is_expected ? M_OK : check_restricted_join(c);
	/* v1-5: 5.2.5 and 5.2.6, v6-7: 4.2.5 and 4.2.6, v8-11: 4.3.6 and 4.3.7,
	 * v12: 5.3.6 and 5.3.7 */
	return auth_allow_if(c, strcmp(rule, "public") == 0,
	    "the room's join rule does not let the user in");
}

/* The signatures of a third-party invite. */
struct invite_signed {
	const struct json *servers; /* by server and key id */
	struct buf covered;
	int left; /* verifications */
};

/* Does any ed25519 signature stand the test of this key? */
static bool
key_signed(struct invite_signed *invite, const struct json *key)
{
	const struct json *servers = invite->servers;
	uint8_t public_key[ED25519_PUBLIC_LEN];
	size_t n;

	if (!json_is(key, JSON_STR) ||
	    !b64_decode_lenient(key->s, key->n, public_key, sizeof public_key, &n) ||
	    n != sizeof public_key)
		return false;
	for (uint32_t i = 0; i < servers->n; i++) {
		const struct json *keys = &servers->members[i].value;

		for (uint32_t k = 0; json_is(keys, JSON_OBJECT) && k < keys->n; k++) {
			if (strncmp(keys->members[k].key, "ed25519:", 8) != 0)
				continue;
			if (invite->left == 0)
				return false;
			invite->left--;
			if (json_verify_covered(
				&invite->covered, &keys->members[k].value, public_key))
				return true;
		}
	}
	return false;
}

/* The keys are in the m.room.third_party_invite's public_key and public_keys. */
static bool
any_key_signed(const struct json *signed_, const struct json *content)
{
	const struct json *keys = json_get_array(content, "public_keys");
	struct invite_signed invite = { .servers =
					    json_get_object(signed_, "signatures"),
		.left = INVITE_VERIFICATIONS_MAX };
	bool found;

	if (invite.servers == NULL)
		return false;
	json_covered(&invite.covered, signed_);
	found = key_signed(&invite, json_get(content, "public_key"));
	for (uint32_t i = 0; !found && keys != NULL && i < keys->n; i++)
		found = key_signed(&invite, json_get(&keys->items[i], "public_key"));
	buf_free(&invite.covered);
	return found;
}

/* Rule "If content has a third_party_invite property", v1-5: 5.3.1, v6-7: 4.3.1,
 * v8-11: 4.4.1, v12: 5.4.1. */
static enum mx_err
check_third_party_invite(const struct auth_case *c)
{
	const struct json *signed_ =
	    json_at(c->e->content, "third_party_invite", "signed", NULL);
	const char *mxid = json_get_str(signed_, "mxid");
	const char *token = json_get_str(signed_, "token");
	const struct event *invite;

	/* v1-5: 5.3.1.1, v6-7: 4.3.1.1, v8-11: 4.4.1.1, v12: 5.4.1.1 */
	if (auth_membership(c, c->e->state_key) == MEMBERSHIP_BAN)
		return auth_reject(c, "the user is banned from the room");
	/* v1-5: 5.3.1.2, v6-7: 4.3.1.2, v8-11: 4.4.1.2, v12: 5.4.1.2 */
	if (!json_is(signed_, JSON_OBJECT))
		return auth_reject(c, "third_party_invite has no signed property");
	/* v1-5: 5.3.1.3, v6-7: 4.3.1.3, v8-11: 4.4.1.3, v12: 5.4.1.3 */
	if (mxid == NULL || token == NULL)
		return auth_reject(c, "third_party_invite lacks mxid or token");
	/* v1-5: 5.3.1.4, v6-7: 4.3.1.4, v8-11: 4.4.1.4, v12: 5.4.1.4 */
	if (strcmp(mxid, c->e->state_key) != 0)
		return auth_reject(c, "third_party_invite is for another user");
	/* v1-5: 5.3.1.5, v6-7: 4.3.1.5, v8-11: 4.4.1.5, v12: 5.4.1.5 */
	invite = c->state->get(c->state->arg, "m.room.third_party_invite", token);
	if (invite == NULL)
		return auth_reject(
		    c, "there is no such third-party invite in the room");
	/* v1-5: 5.3.1.6, v6-7: 4.3.1.6, v8-11: 4.4.1.6, v12: 5.4.1.6 */
	if (strcmp(invite->sender, c->e->sender) != 0)
		return auth_reject(c, "the third-party invite is another sender's");
	/* v1-5: 5.3.1.7, v6-7: 4.3.1.7, v8-11: 4.4.1.7, v12: 5.4.1.7 */
	return auth_allow_if(c, any_key_signed(signed_, invite->content),
	    "no key of the third-party invite has signed it");
}

/* Rule "If membership is invite", v1-5: 5.3, v6-7: 4.3, v8-11: 4.4, v12: 5.4. */
static enum mx_err
check_invite(const struct auth_case *c)
{
	enum membership target;

	/* v1-5: 5.3.1, v6-7: 4.3.1, v8-11: 4.4.1, v12: 5.4.1 */
	if (json_get(c->e->content, "third_party_invite") != NULL)
		return check_third_party_invite(c);
	/* v1-5: 5.3.2, v6-7: 4.3.2, v8-11: 4.4.2, v12: 5.4.2 */
	if (auth_membership(c, c->e->sender) != MEMBERSHIP_JOIN)
		return auth_reject(c, "the sender is not in the room");
	/* v1-5: 5.3.3, v6-7: 4.3.3, v8-11: 4.4.3, v12: 5.4.3 */
	target = auth_membership(c, c->e->state_key);
	if (target == MEMBERSHIP_JOIN)
		return auth_reject(c, "the user is already in the room");
	if (target == MEMBERSHIP_BAN)
		return auth_reject(c, "the user is banned from the room");
	/* v1-5: 5.3.4 and 5.3.5, v6-7: 4.3.4 and 4.3.5, v8-11: 4.4.4 and 4.4.5,
	 * v12: 5.4.4 and 5.4.5 */
	return auth_allow_if(
	    c, may_invite(c, c->e->sender), "the sender may not invite users");
}

/* Has the sender the level for it, and more power than whom it is done to? */
static bool
outranks(const struct auth_case *c, enum power_action action)
{
	int64_t level = power_user(&c->power, c->e->sender);

	return level >= power_to(&c->power, action) &&
	       level > power_user(&c->power, c->e->state_key);
}

/* Rule "If membership is leave", v1-5: 5.4, v6-7: 4.4, v8-11: 4.5, v12: 5.5. */
static enum mx_err
check_leave(const struct auth_case *c)
{
	enum membership now = auth_membership(c, c->e->sender);

	/* v1-5: 5.4.1, v6-7: 4.4.1, v8-11: 4.5.1, v12: 5.5.1 */
	if (strcmp(c->e->sender, c->e->state_key) == 0)
		return auth_allow_if(c,
		    now == MEMBERSHIP_INVITE || now == MEMBERSHIP_JOIN ||
			(c->version->knock && now == MEMBERSHIP_KNOCK),
		    "the user is not in the room");
	/* v1-5: 5.4.2, v6-7: 4.4.2, v8-11: 4.5.2, v12: 5.5.2 */
	if (now != MEMBERSHIP_JOIN)
		return auth_reject(c, "the sender is not in the room");
	/* v1-5: 5.4.3, v6-7: 4.4.3, v8-11: 4.5.3, v12: 5.5.3 */
	if (auth_membership(c, c->e->state_key) == MEMBERSHIP_BAN &&
	    power_user(&c->power, c->e->sender) < power_to(&c->power, POWER_BAN))
		return auth_reject(c, "the sender may not lift bans");
	/* v1-5: 5.4.4 and 5.4.5, v6-7: 4.4.4 and 4.4.5, v8-11: 4.5.4 and 4.5.5,
	 * v12: 5.5.4 and 5.5.5 */
	return auth_allow_if(
	    c, outranks(c, POWER_KICK), "the sender may not remove this user");
}

/* Rule "If membership is ban", v1-5: 5.5, v6-7: 4.5, v8-11: 4.6, v12: 5.6. */
static enum mx_err
check_ban(const struct auth_case *c)
{
	/* v1-5: 5.5.1, v6-7: 4.5.1, v8-11: 4.6.1, v12: 5.6.1 */
	if (auth_membership(c, c->e->sender) != MEMBERSHIP_JOIN)
		return auth_reject(c, "the sender is not in the room");
	/* v1-5: 5.5.2 and 5.5.3, v6-7: 4.5.2 and 4.5.3, v8-11: 4.6.2 and 4.6.3,
	 * v12: 5.6.2 and 5.6.3 */
	return auth_allow_if(
	    c, outranks(c, POWER_BAN), "the sender may not ban this user");
}

/* Rule "If membership is knock", v7: 4.6, v8-11: 4.7, v12: 5.7. */
static enum mx_err
check_knock(const struct auth_case *c)
{
	enum membership now = auth_membership(c, c->e->sender);
	const char *rule = join_rule(c);

	/* v7: 4.6.1, v8-11: 4.7.1, v12: 5.7.1 */
	if (strcmp(rule, "knock") != 0 &&
	    !(c->version->knock_restricted && strcmp(rule, "knock_restricted") == 0))
		return auth_reject(c, "the room's join rule does not allow knocking");
	/* v7: 4.6.2, v8-11: 4.7.2, v12: 5.7.2 */
	if (strcmp(c->e->sender, c->e->state_key) != 0)
		return auth_reject(c, "nobody can knock for another user");
	/* v7: 4.6.3 and 4.6.4, v8-11: 4.7.3 and 4.7.4, v12: 5.7.3 and 5.7.4 */
	return auth_allow_if(c,
	    now != MEMBERSHIP_BAN && now != MEMBERSHIP_INVITE && now != MEMBERSHIP_JOIN,
	    "the user is banned, invited or in the room already");
}

/* Rule "If content has a join_authorised_via_users_server property", v8-11: 4.2, v12:
 * 5.2. */
static enum mx_err
check_authoriser(const struct auth_case *c)
{
	const char *key = "join_authorised_via_users_server";
	const char *user_id = json_get_str(c->e->content, key);

	if (!c->version->restricted || json_get(c->e->content, key) == NULL)
		return M_OK;
	if (user_id == NULL || !id_user_valid(user_id))
		return auth_reject(c, "join_authorised_via_users_server is no user id");
	/* v8-11: 4.2.1, v12: 5.2.1 */
	if (c->state->signed_by != NULL &&
	    !c->state->signed_by(c->state->arg, c->e, id_server(user_id)))
		return auth_reject(
		    c, "the authorising server has not signed the event");
	return M_OK;
}

enum mx_err
auth_check_member(const struct auth_case *c)
{
	/* v1-5: 5.1, v6-11: 4.1, v12: 5.1. "Target user: the user given by the
	 * state_key": so it has to be one. */
	if (c->e->state_key == NULL || !id_user_valid(c->e->state_key))
		return auth_reject(c, "state_key is no user id");
	if (c->e->membership == NULL)
		return auth_reject(c, "there is no membership");
	/* v8-11: 4.2, v12: 5.2 */
	if (check_authoriser(c) != M_OK)
		return M_FORBIDDEN;
	switch (membership_of(c->e->membership)) {
	case MEMBERSHIP_JOIN:
		return check_join(c);
	case MEMBERSHIP_INVITE:
		return check_invite(c);
	case MEMBERSHIP_LEAVE:
		return check_leave(c);
	case MEMBERSHIP_BAN:
		return check_ban(c);
	case MEMBERSHIP_KNOCK:
		if (c->version->knock)
			return check_knock(c);
		break;
	case MEMBERSHIP_NONE:
		break;
	}
	/* v1-5: 5.6, v6: 4.6, v7: 4.7, v8-11: 4.8, v12: 5.8 */
	return auth_reject(c, "the membership is unknown");
}
