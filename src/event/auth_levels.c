/*
 * The auth rule for m.room.power_levels: its form, and that nobody gives or takes what
 * they do not have, with the specification's numbers for the room versions. Relies on
 * event/power; called by event/auth_rules alone.
 */
#include "event/auth_inside.h"

#include <string.h>
#include "event/ids.h"

static const char *const plain_levels[] = { "users_default", "events_default",
	"state_default", "ban", "redact", "kick", "invite" };

#define PLAIN_COUNT (sizeof plain_levels / sizeof plain_levels[0])

static bool
is_level(const struct room_version *version, const struct json *v)
{
	int64_t level;

	return power_level(version, v, &level);
}

/* Absent, or an object of nothing but levels? */
static bool
are_levels(
    const struct room_version *version, const struct json *content, const char *key)
{
	const struct json *object = json_get(content, key);

	if (object == NULL)
		return true;
	if (!json_is(object, JSON_OBJECT))
		return false;
	for (uint32_t i = 0; i < object->n; i++)
		if (!is_level(version, &object->members[i].value))
			return false;
	return true;
}

/* Versions 10 and above look at all levels, those before at users alone. */
static bool
are_well_formed(const struct room_version *version, const struct json *content)
{
	if (version->string_levels)
		return true;
	/* v10-11: 9.1, v12: 10.1 */
	for (size_t i = 0; i < PLAIN_COUNT; i++) {
		const struct json *v = json_get(content, plain_levels[i]);

		if (v != NULL && !is_level(version, v))
			return false;
	}
	/* v10-11: 9.2 and 9.3, v12: 10.2 and 10.3 */
	return are_levels(version, content, "events") &&
	       are_levels(version, content, "notifications") &&
	       are_levels(version, content, "users");
}

bool
auth_levels_well_formed(const struct json *content)
{
	return are_well_formed(room_version_default(), content);
}

static bool
are_users_valid(const struct auth_case *c)
{
	const struct json *users = json_get(c->e->content, "users");

	if (!are_levels(c->version, c->e->content, "users"))
		return false;
	for (uint32_t i = 0; users != NULL && i < users->n; i++) {
		const struct json_member *m = &users->members[i];

		if (strlen(m->key) != m->key_n || !id_user_valid(m->key))
			return false;
	}
	return true;
}

/* Creators have infinite power and must not be given another. */
static bool
names_a_creator(const struct auth_case *c)
{
	const struct json *users = json_get_object(c->e->content, "users");

	for (uint32_t i = 0; users != NULL && i < users->n; i++)
		if (power_is_creator(c->create, users->members[i].key))
			return true;
	return false;
}

/* A change from one value to another; NULL: there is none. */
struct change {
	const struct json *before, *after;
	/* Somebody else's entry in users: not even an equal may be touched. */
	bool is_other_user;
};

static bool
may_change(const struct auth_case *c, int64_t own, struct change change)
{
	int64_t before, after;
	bool had = power_level(c->version, change.before, &before);
	bool has = power_level(c->version, change.after, &after);

	if (change.after != NULL && !has)
		return false; /* versions 1-9 have not looked at it yet */
	if (had == has && (!had || before == after))
		return true;
	if (had && (before > own || (change.is_other_user && before == own)))
		return false;
	return !has || after <= own;
}

/* All entries of two objects, those that stand in one of them only too. */
static bool
may_change_entries(
    const struct auth_case *c, int64_t own, const char *key, const struct event *old)
{
	const struct json *before = json_get_object(old->content, key);
	const struct json *after = json_get_object(c->e->content, key);
	bool are_users = strcmp(key, "users") == 0;

	for (uint32_t i = 0; after != NULL && i < after->n; i++) {
		const struct json_member *m = &after->members[i];
		struct change change = { json_get_n(before, m->key, m->key_n),
			&m->value, are_users && strcmp(m->key, c->e->sender) != 0 };

		if (!may_change(c, own, change))
			return false;
	}
	for (uint32_t i = 0; before != NULL && i < before->n; i++) {
		const struct json_member *m = &before->members[i];
		struct change change = { &m->value, NULL,
			are_users && strcmp(m->key, c->e->sender) != 0 };

		if (json_get_n(after, m->key, m->key_n) == NULL &&
		    !may_change(c, own, change))
			return false;
	}
	return true;
}

static enum mx_err
check_changes(const struct auth_case *c, const struct event *old)
{
	int64_t own = power_user(&c->power, c->e->sender);

	/* v1-5: 10.3, v6-9: 9.3, v10-11: 9.5, v12: 10.6 */
	for (size_t i = 0; i < PLAIN_COUNT; i++) {
		struct change change = { json_get(old->content, plain_levels[i]),
			json_get(c->e->content, plain_levels[i]), false };

		if (!may_change(c, own, change))
			return auth_reject(c,
			    "a level above the sender's own would be changed or set");
	}
	/* v1-5: 10.4 and 10.5, v6-9: 9.4 and 9.5, v10-11: 9.6 and 9.7, v12: 10.7 and
	 * 10.8 */
	if (!may_change_entries(c, own, "events", old))
		return auth_reject(c,
		    "an event's level above the sender's own would be changed or set");
	/* v6-9: 9.4 and 9.5, v10-11: 9.6 and 9.7, v12: 10.7 and 10.8 */
	if (c->version->notification_levels &&
	    !may_change_entries(c, own, "notifications", old))
		return auth_reject(c, "a notification's level above the sender's own "
				      "would be changed or set");
	/* v1-5: 10.6 to 10.8, v6-9: 9.6 to 9.8, v10-11: 9.8 to 9.10, v12: 10.9 to
	 * 10.11 */
	return auth_allow_if(c, may_change_entries(c, own, "users", old),
	    "a user's level not below the sender's own would be changed, or one above "
	    "it set");
}

enum mx_err
auth_check_levels(const struct auth_case *c)
{
	const struct event *old = c->power.levels;

	/* v10-11: 9.1 to 9.3, v12: 10.1 to 10.3 */
	if (!are_well_formed(c->version, c->e->content))
		return auth_reject(c, "power levels must be integers");
	/* v1-5: 10.1, v6-9: 9.1, v10-11: 9.3, v12: 10.3 */
	if (!are_users_valid(c))
		return auth_reject(c, "users must map user ids to power levels");
	/* v12: 10.4 */
	if (c->version->creators_power && names_a_creator(c))
		return auth_reject(c, "creators cannot be given a power level");
	/* v1-5: 10.2, v6-9: 9.2, v10-11: 9.4, v12: 10.5 */
	return old == NULL ? M_OK : check_changes(c, old);
}
