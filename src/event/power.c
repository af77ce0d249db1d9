/*
 * Power levels: what m.room.power_levels says, or its defaults. Relies on event/event;
 * asked by the auth rules, by state resolution and by whoever wants to know in advance.
 */
#include "event/power.h"

#include <math.h>
#include <string.h>

#define LEVEL_MAX (INT64_MAX - 1) /* one below POWER_INFINITE */

static int64_t
clamp(int64_t level)
{
	return level > LEVEL_MAX ? LEVEL_MAX : level;
}

/*
 * White space, a sign, digits, white space. Spec: rooms/v1 "m.room.power_levels events
 * accept values as strings"
 */
static bool
level_from_text(const char *s, size_t n, int64_t *out)
{
	const char *white = " \t\n\r\f\v", *end = s + n;
	bool minus, huge = false;
	int64_t value = 0;

	if (memchr(s, '\0', n) != NULL)
		return false;
	s += strspn(s, white);
	minus = *s == '-';
	if (*s == '-' || *s == '+')
		s++;
	if (*s < '0' || *s > '9')
		return false;
	for (; *s >= '0' && *s <= '9'; s++)
		huge |= __builtin_mul_overflow(value, 10, &value) ||
			__builtin_add_overflow(value, *s - '0', &value);
	s += strspn(s, white);
	if (huge)
		value = LEVEL_MAX;
	*out = clamp(minus ? -value : value);
	return s == end;
}

/* The fraction is cut off. Spec: rooms/v1 "... accept values as floats" */
static bool
level_from_float(double f, int64_t *out)
{
	if (!isfinite(f))
		return false;
	if (f >= 9.2e18)
		*out = LEVEL_MAX;
	else if (f <= -9.2e18)
		*out = -LEVEL_MAX;
	else
		*out = (int64_t)f;
	return true;
}

bool
power_level(const struct room_version *version, const struct json *v, int64_t *out)
{
	if (v == NULL)
		return false;
	switch ((enum json_type)v->type) {
	case JSON_INT:
		*out = clamp(v->i);
		return true;
	case JSON_BIG:
		return level_from_text(v->s, v->n, out);
	case JSON_FLOAT:
		return version->string_levels && level_from_float(v->f, out);
	case JSON_STR:
		return version->string_levels && level_from_text(v->s, v->n, out);
	case JSON_NULL:
	case JSON_BOOL:
	case JSON_ARRAY:
	case JSON_OBJECT:
		break;
	}
	return false;
}

/* The level that stands behind key in object, or fallback. */
static int64_t
level_at(
    const struct power *p, const struct json *object, const char *key, int64_t fallback)
{
	int64_t level;

	if (power_level(p->levels->version, json_get(object, key), &level))
		return level;
	return fallback;
}

static bool
is_in_strings(const struct json *array, const char *s)
{
	for (uint32_t i = 0; json_is(array, JSON_ARRAY) && i < array->n; i++) {
		const char *item = json_as_str(&array->items[i]);

		if (item != NULL && strcmp(item, s) == 0)
			return true;
	}
	return false;
}

bool
power_is_creator(const struct event *create, const char *user_id)
{
	const char *creator;

	if (create == NULL)
		return false;
	creator = create->version->creator_is_sender
		      ? create->sender
		      : json_get_str(create->content, "creator");
	if (creator != NULL && strcmp(creator, user_id) == 0)
		return true;
	return create->version->creators_power &&
	       is_in_strings(json_get(create->content, "additional_creators"), user_id);
}

int64_t
power_user(const struct power *p, const char *user_id)
{
	bool is_creator = false;

	if (p->levels == NULL || p->create == NULL ||
	    p->create->version->creators_power)
		is_creator = power_is_creator(p->create, user_id);
	if (is_creator && p->create->version->creators_power)
		return POWER_INFINITE;
	if (p->levels == NULL)
		return is_creator ? 100 : 0;
	return level_at(p, json_get(p->levels->content, "users"), user_id,
	    level_at(p, p->levels->content, "users_default", 0));
}

int64_t
power_to_send(const struct power *p, const char *type, bool is_state)
{
	int64_t fallback = is_state ? 50 : 0;

	if (p->levels == NULL)
		return fallback;
	fallback = level_at(p, p->levels->content,
	    is_state ? "state_default" : "events_default", fallback);
	return level_at(p, json_get(p->levels->content, "events"), type, fallback);
}

int64_t
power_to(const struct power *p, enum power_action action)
{
	static const struct {
		const char *key;
		int64_t fallback;
	} actions[] = {
		[POWER_INVITE] = { "invite", 0 },
		[POWER_KICK] = { "kick", 50 },
		[POWER_BAN] = { "ban", 50 },
		[POWER_REDACT] = { "redact", 50 },
	};

	if (p->levels == NULL)
		return actions[action].fallback;
	return level_at(
	    p, p->levels->content, actions[action].key, actions[action].fallback);
}

int64_t
power_to_notify(const struct power *p, const char *kind)
{
	if (p->levels == NULL)
		return 50;
	return level_at(p, json_get(p->levels->content, "notifications"), kind, 50);
}
