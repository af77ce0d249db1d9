/*
 * May this event be in the room? The authorisation rules of every room version, as one
 * pure function of the event and a room state. Relies on event/event and event/power;
 * room/append asks before it appends, state resolution for every event it replays.
 * Spec: rooms/ "Authorisation rules", server-server-api/#authorisation-rules
 */
#ifndef EVENT_AUTH_RULES_H
#define EVENT_AUTH_RULES_H

#include <stdbool.h>
#include "base/err.h"
#include "event/event.h"
#include "event/power.h"
#include "event/state.h"

/* The state to judge by. Only get is required. */
struct auth_state {
	/* The event that holds (type, state_key); NULL: none. */
	const struct event *(*get)(void *arg, const char *type, const char *state_key);
	/* A user's membership, for who keeps no member events in memory; NULL: asked of
	 * get. The rules ask get for m.room.member only where this is NULL. */
	enum membership (*membership)(void *arg, const char *user_id);
	/* Is e validly signed by server_name (rule "join_authorised_via_users_server")?
	 * NULL: whoever asks has checked that already. */
	bool (*signed_by)(void *arg, const struct event *e, const char *server_name);
	void *arg;
};

/*
 * The rules that look at the event and the state. M_OK, or M_FORBIDDEN with a static
 * sentence in *why_out. An m.room.create is judged by itself.
 */
enum mx_err auth_check(const struct event *e, const struct auth_state *state,
    const char **why_out) MUST_USE;

/* What an event names in auth_events. */
struct auth_ref {
	const struct event *event;
	bool rejected;
};

/*
 * The rules about auth_events itself ("Considering the event's auth_events", and in
 * version 12 the create event behind the room id): duplicates, entries that do not
 * belong there, rejected ones, other rooms', no m.room.create. create is version 12's
 * m.room.create of e's room (NULL: unknown or rejected), ignored before.
 */
enum mx_err auth_check_events(const struct event *e, const struct auth_ref *refs, int n,
    const struct event *create, const char **why_out) MUST_USE;

struct auth_type {
	const char *type, *state_key;
};
#define AUTH_TYPES_MAX 6

/*
 * Which of the current state belongs in an event's auth_events: up to AUTH_TYPES_MAX
 * pairs, no duplicates, pointing into the arguments. Returns their number.
 * Spec: server-server-api/#auth-events-selection
 */
int auth_types_for_event(const struct room_version *version, const char *type,
    const char *sender, const char *state_key, const struct json *content,
    struct auth_type out[AUTH_TYPES_MAX]);

/*
 * Is every level of an m.room.power_levels an integer, as the rules of version 10 and
 * above ask? Clients may not send others into older rooms either, whose rules take
 * strings and floats. Spec:
 * rooms/v10/#values-in-mroompower_levels-events-must-be-integers,
 * rooms/v9/#deprecated-event-content-schemas
 */
bool auth_levels_well_formed(const struct json *content);

/* The levels of a state. */
struct power auth_power(const struct auth_state *state);

/*
 * Has the redaction its effect on target, once both are accepted?
 * Spec: rooms/v3/#handling-redactions, rooms/v1 rule 11
 */
bool auth_may_redact(const struct power *power, const struct event *redaction,
    const struct event *target);

#endif
