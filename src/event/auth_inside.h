/*
 * What the files of the auth rules share: auth_rules, auth_member, auth_levels.
 */
#ifndef EVENT_AUTH_INSIDE_H
#define EVENT_AUTH_INSIDE_H

#include "event/auth_rules.h"

/* One event being judged. */
struct auth_case {
	const struct event *e;
	const struct room_version *version;
	const struct auth_state *state;
	const struct event *create; /* never NULL */
	struct power power;
	const char **why_out;
};

/* Says why and gives M_FORBIDDEN. */
static inline enum mx_err
auth_reject(const struct auth_case *c, const char *why)
{
	*c->why_out = why;
	return M_FORBIDDEN;
}

static inline enum mx_err
auth_allow_if(const struct auth_case *c, bool allowed, const char *why)
{
	return allowed ? M_OK : auth_reject(c, why);
}

enum membership auth_membership(const struct auth_case *c, const char *user_id);

/* Rule "If type is m.room.member". */
enum mx_err auth_check_member(const struct auth_case *c);
/* Rule "If type is m.room.power_levels". */
enum mx_err auth_check_levels(const struct auth_case *c);

#endif
