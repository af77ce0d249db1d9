/*
 * Push rules compiled, and what they say of an event: a pure function of the event, one
 * user's rules, and facts of the room. Below room/push_append and room/notifications.
 * Spec: client-server-api/#push-rules, #conditions
 */
#ifndef EVENT_PUSH_SET_H
#define EVENT_PUSH_SET_H

#include <stdatomic.h>
#include "event/event.h"
#include "event/power.h"
#include "event/push_ruleset.h"

/* One user's rules, ready to judge by: those that are enabled, in their order. Counted,
 * immutable. */
struct push_set;

/* The predefined rules, of whichever user the facts name. */
struct push_set *push_set_predefined(void);
/* One user's; stands on the predefined ones, which must outlive it. ignored: content of
 * the user's m.ignored_user_list; NULL: none. What is given may go afterwards. */
struct push_set *push_set_new(const struct push_ruleset *set,
    const struct push_set *predefined, const struct json *ignored);
struct push_set *push_set_ref(struct push_set *set);
void push_set_unref(struct push_set *set); /* NULL is allowed */
size_t push_set_bytes(const struct push_set *set);
/* Does it depend on facts.display_name? */
bool push_set_asks_name(const struct push_set *set);

/* An event, and what of it is made once for all users. */
struct push_event {
	const struct event *event;
	const char *room_id;
	struct arena *arena;
	struct str body; /* content.body, folded; p NULL: not made yet */
};

/* Everything else that the rules depend on. Borrowed. */
struct push_facts {
	const char
	    *user_id; /* whose rules they are; NULL: anybody's, whom no event names
		       */
	const char *display_name; /* the user's in the room; NULL: none */
	uint32_t joined;	  /* the room's members */
	const struct power *power;
};

struct push_result {
	bool notifies;
	bool highlights;	    /* and notifies */
	const char *rule_id;	    /* that matched; NULL: none did */
	const struct json *actions; /* the set's; NULL: none */
};

/* event->body is filled in when it is needed first; else nothing is allocated. */
void push_evaluate(const struct push_set *set, struct push_event *event,
    const struct push_facts *facts, struct push_result *out);

#endif
