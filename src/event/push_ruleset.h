/*
 * One user's push rules: the predefined ones, what the user has made of them, and the
 * user's own. Pure: reads and makes JSON. Below room/push_rules and event/push_set.
 * Spec: client-server-api/#push-rules, legacy-v1 pushrules.yaml
 */
#ifndef EVENT_PUSH_RULESET_H
#define EVENT_PUSH_RULESET_H

#include "base/json.h"

#define PUSH_RULE_ID_MAX 255 /* bytes; also of a profile tag */

#define PUSH_KINDS 5
/* In the order in which they are checked. */
extern const char *const push_kinds[PUSH_KINDS];

/* Whose rules, and for which clients. Borrowed. */
struct push_ruleset {
	const char *user_id;
	bool legacy;	/* 2015's: their kinds of conditions alone, dont_notify */
	bool is_device; /* of one device (2015's): none are predefined */
	/* What deviates: {"changed": {rule_id: {"actions", "enabled"}}, kind: [rule]}.
	 * NULL: nothing. */
	const struct json *own;
};

/* Is it one of override, content, room, sender, underride? */
bool push_kind_valid(const char *kind);
/* An array of rules, the most important first. */
struct json *push_ruleset_list(
    struct arena *arena, const struct push_ruleset *set, const char *kind);
/* One of them; NULL: there is no such rule. */
const struct json *push_ruleset_find(struct arena *arena,
    const struct push_ruleset *set, const char *kind, const char *rule_id);
/* {kind: [...]} */
struct json *push_ruleset_all(struct arena *arena, const struct push_ruleset *set);

/* A rule as a client gives it, checked and brought into its stored form: actions,
 * conditions or pattern. M_MISSING_PARAM, M_BAD_JSON, M_INVALID_PARAM with a sentence.
 */
enum mx_err push_rule_read(struct arena *arena, const char *kind,
    const struct json *body, bool legacy, struct json **rule_out,
    const char **why_out) MUST_USE;
/* Actions likewise: what history has left behind is taken out. */
enum mx_err push_actions_read(struct arena *arena, const struct json *body, bool legacy,
    struct json **actions_out, const char **why_out) MUST_USE;

enum push_change_what { PUSH_PUT, PUSH_DELETE, PUSH_ENABLE, PUSH_ACTIONS, PUSH_CARRY };

/* What a client wants changed. */
struct push_change {
	enum push_change_what what;
	const char *kind, *rule_id;
	const struct json *rule;    /* PUT: as push_rule_read made it */
	const char *before, *after; /* PUT; NULL: not given */
	bool enabled;		    /* ENABLE */
	const struct json *actions; /* ACTIONS: as push_actions_read made them */
	/* CARRY: room ids. Each rule of the user's own that names the one gets a twin
	 * beside it for the other, unless there is one; kind and rule_id are not used.
	 */
	const char *from, *to;
};

/*
 * What `own` becomes, in the arena (children are shared). M_NOT_FOUND: there is no such
 * rule (or none to delete: predefined ones stay). M_BAD_STATE with a sentence: `before`
 * or `after` is no rule of the user's own.
 */
enum mx_err push_ruleset_change(struct arena *arena, const struct push_ruleset *set,
    const struct push_change *change, struct json **own_out,
    const char **why_out) MUST_USE;

#endif
